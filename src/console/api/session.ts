import { computed, signal } from '@preact/signals'

/** The keys of this tab. Each may be missing: pages that need one say so. */
export interface Session {
  /** Calls models, and sees its own usage. */
  readonly key?: string
  /** Manages keys, and sees the usage of all. */
  readonly managementKey?: string
}

const STORED = 'router9-session'

/** Who is signed in. Kept in the tab's storage alone: another tab, and the next start of the browser, know nothing of it. */
export const session = signal<Session>(read())
/** The key for lists and usage: the one that sees most. */
export const viewingKey = computed(() => session.value.managementKey ?? session.value.key)
export const isSignedIn = computed(() => viewingKey.value !== undefined)

export function signIn(keys: Session): void {
  session.value = { ...session.value, ...keys }
  sessionStorage.setItem(STORED, JSON.stringify(session.value))
}

export function signOut(): void {
  session.value = {}
  sessionStorage.removeItem(STORED)
}

/**
 * Signs in with the keys in the fragment (`#key=…&management_key=…`), which no browser sends, and takes them out of the address,
 * so that they are in no history and no bookmark.
 */
export function signInFromAddress(): void {
  const fields = new URLSearchParams(location.hash.slice(1))
  const [key, managementKey] = [fields.get('key'), fields.get('management_key')]
  if (key === null && managementKey === null) return
  signIn({ ...(key && { key }), ...(managementKey && { managementKey }) })
  history.replaceState(null, '', location.pathname + location.search)
}

function read(): Session {
  // While the pages are built there is no tab.
  if (typeof sessionStorage === 'undefined') return {}
  try {
    return JSON.parse(sessionStorage.getItem(STORED) ?? '{}')
  } catch {
    return {}
  }
}
