import type { ComponentChildren } from 'preact'
import type { Loaded } from '../api/load.ts'
import { ApiError } from '../api/request.ts'
import { isSignedIn, signOut } from '../api/session.ts'

/** What a page shows instead of a list without entries: why, and what to do. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  )
}

/** What went wrong, and a button that tries again; where the tab's key is refused, one that takes another. */
export function Failed({ error, retry }: { error: Error; retry?: () => void }) {
  // What has no second try was asked with a key that somebody has just written.
  const isRefused = retry !== undefined && isSignedIn.value && error instanceof ApiError && error.status === 401
  return (
    <div class="notice bad" role="alert">
      <p>
        {error.message}
        {isRefused && ' The key of this tab is not accepted any more.'}
      </p>
      {isRefused && (
        <button type="button" class="button small" onClick={signOut}>
          Sign in with another key
        </button>
      )}
      {retry && (
        <button type="button" class="button small" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

/** The value once it is there; what failed above it, so that an older value stays in sight. */
export function Shown<Value>({
  loaded,
  children,
}: {
  loaded: Loaded<Value>
  children: (value: Value) => ComponentChildren
}) {
  const { value, error, reload } = loaded
  return (
    <>
      {error && <Failed error={error} retry={reload} />}
      {value !== undefined && children(value)}
      {value === undefined && error === undefined && (
        <p class="muted" aria-live="polite">
          Loading…
        </p>
      )}
    </>
  )
}
