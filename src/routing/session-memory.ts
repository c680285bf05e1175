/** Where a session was last, as far as an isolate remembers. */
export interface SessionPlace {
  /** The deployment's name. */
  readonly name: string
  /** When its first and its last request were sent there, in milliseconds since 1970. */
  readonly since: number
  readonly at: number
}

/** Where the sessions of one isolate are (routing 2.7). */
export interface SessionMemory {
  readonly find: (account: string, session: number) => SessionPlace | undefined
  readonly remember: (account: string, session: number, name: string, at: number) => void
}

/** About 5 MB where all are in use. Each account has a share of its own, so that one caller cannot push out the sessions of another. */
const MAX_ACCOUNTS = 64
const MAX_SESSIONS = 1000

export function createSessionMemory(): SessionMemory {
  const accounts = new Map<string, Map<number, SessionPlace>>()
  return {
    find: (account, session) => accounts.get(account)?.get(session),
    remember(account, session, name, at) {
      const sessions = accounts.get(account) ?? new Map<number, SessionPlace>()
      const before = sessions.get(session)
      const since = before?.name === name ? before.since : at
      setNewest(sessions, session, { name, since, at }, MAX_SESSIONS)
      setNewest(accounts, account, sessions, MAX_ACCOUNTS)
    },
  }
}

/** Sets an entry as the newest, and deletes the oldest one if there are too many: a Map keeps the order of insertion. */
export function setNewest<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, maxSize: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= maxSize) return
  const oldest = map.keys().next()
  if (oldest.done !== true) map.delete(oldest.value)
}
