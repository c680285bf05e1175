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
 * so that they are in no bookmark. Anybody can write such a link: who is signed in with another key is asked first, or what they
 * do from then on would be seen by the one who sent it.
 */
export function signInFromAddress(): void {
  const fields = new URLSearchParams(location.hash.slice(1))
  const [key, managementKey] = [fields.get('key'), fields.get('management_key')]
  if (key === null && managementKey === null) return
  history.replaceState(null, '', location.pathname + location.search)
  const given: Session = { ...(key && { key }), ...(managementKey && { managementKey }) }
  if (!isOther(given) || confirm(QUESTION)) signIn(given)
}

const QUESTION =
  'This link signs in with another key, and this tab has one already. Use the key of the link? Whoever gave you the link can see what is done with it.'

/** Whether somebody is signed in, and these keys are not what the tab has. */
function isOther(given: Session): boolean {
  const { key, managementKey } = session.peek()
  if (key === undefined && managementKey === undefined) return false
  return (given.key ?? key) !== key || (given.managementKey ?? managementKey) !== managementKey
}

function read(): Session {
  try {
    // While the pages are built there is no tab; a browser that keeps nothing throws.
    return typeof sessionStorage === 'undefined' ? {} : (JSON.parse(sessionStorage.getItem(STORED) ?? '{}') ?? {})
  } catch {
    return {}
  }
}
