import { useState } from 'preact/hooks'
import { ask } from '../api/request.ts'
import { type Session, session, signIn, signOut } from '../api/session.ts'
import { Failed } from './states.tsx'

/** Asks for a key. @param wanted what the page needs, in a sentence. @param only the kind that will do; either if absent */
export function SignIn({ wanted, only }: { wanted: string; only?: keyof Session }) {
  return (
    <div class="card sign-in">
      <h1>Sign in</h1>
      <p>{wanted}</p>
      <KeyForm label="Key" action="Sign in" only={only} />
      <p class="muted">
        The key stays in this tab. <code>npm start</code> prints a link that signs in by itself;{' '}
        <a href="/docs/keys">more about keys</a>.
      </p>
    </div>
  )
}

/** Takes a key, looks what it is, and keeps it for this tab. @param done called when it has one */
export function KeyForm(props: { label: string; action: string; only?: keyof Session | undefined; done?: () => void }) {
  const { label, action, only, done } = props
  const [key, setKey] = useState('')
  const [error, setError] = useState<Error>()
  const [isAsking, setAsking] = useState(false)
  async function submit(event: Event): Promise<void> {
    event.preventDefault()
    setAsking(true)
    setError(undefined)
    try {
      const given = await sessionOf(key.trim())
      if (only !== undefined && given[only] === undefined) throw new Error(WRONG_KIND[only])
      signIn(given)
      setKey('')
      done?.()
    } catch (failed) {
      setError(failed as Error)
    } finally {
      setAsking(false)
    }
  }
  return (
    <form class="key-form" onSubmit={submit}>
      <label>
        {label}
        <input
          type="password"
          name="key"
          required
          autocomplete="off"
          spellcheck={false}
          placeholder="sk-r9k-…"
          value={key}
          onInput={(event) => setKey(event.currentTarget.value)}
        />
      </label>
      {error && <Failed error={error} />}
      <button type="submit" class="button primary" disabled={isAsking}>
        {action}
      </button>
    </form>
  )
}

const WRONG_KIND = {
  key: 'This key manages keys and cannot call models: a key for models is wanted here.',
  managementKey: 'This key is for models: one that manages keys is wanted here.',
}

/** Who is signed in, and the way out. */
export function SignedIn() {
  const { key, managementKey } = session.value
  if (key === undefined && managementKey === undefined) return <a href="/console">Sign in</a>
  const roles = [managementKey && 'management', key && 'models'].filter(Boolean).join(' + ')
  return (
    <>
      <span class="muted head-role">{roles}</span>
      {(key === undefined || managementKey === undefined) && <a href="/console?add">Add a key</a>}
      <button type="button" class="button small" onClick={signOut}>
        Sign out
      </button>
    </>
  )
}

/** @throws Error where it is no key; ApiError where Router9 does not know it. */
async function sessionOf(key: string): Promise<Session> {
  // A header can hold nothing else, and the browser would only say that it cannot send it.
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new Error('This is no whole key: keys are sk-r9k- and letters, digits and hyphens.')
  const { data } = await ask<{ data: { is_management_key?: boolean } }>('/v1/key', { key })
  return data.is_management_key === true ? { managementKey: key } : { key }
}
