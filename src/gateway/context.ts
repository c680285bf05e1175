import type { AccountRights } from '../access/account-rights.ts'
import type { Caller } from '../access/limits.ts'
import type { ObjectsOf, Settings } from '../env.ts'
import type { ClientFormat, ErrorFormat, HeaderReader } from '../formats/format.ts'
import type { RequestLog } from '../telemetry/log.ts'
import type { BodyShare } from './body-memory.ts'
import type { ClientDisconnect } from './client-disconnect.ts'

/** What the platform gives a request. */
export interface Platform {
  readonly request: Request
  readonly objects: ObjectsOf<'Health' | 'Ledger' | 'Conversations' | 'Registry'>
  readonly waitUntil: (work: Promise<unknown>) => void
}

/** All about one call that does not change while it runs: made once, when the call has been let in. */
export interface RequestContext<Format extends ErrorFormat = ClientFormat> extends Platform {
  readonly requestId: string
  readonly header: HeaderReader
  /** The caller's key itself: what is kept or sealed for the caller is encrypted with it. It goes nowhere else. */
  readonly key: string
  readonly format: Format
  readonly caller: Caller
  readonly rights: AccountRights
  /** What was left out of the request because the caller may not use it. */
  readonly withheld: readonly string[]
  /** With the providers that the caller may use. */
  readonly settings: Settings
  readonly share: BodyShare
  /** When the call came in and when its key was known, in milliseconds since 1970. */
  readonly receivedAt: number
  readonly authenticatedAt: number
  /** What is known of the call, until its line is written. */
  readonly log: RequestLog
  readonly clientDisconnect: ClientDisconnect
  /**
   * Until this is called, a disconnect of the client writes the log line and so ends the call. Code that goes on after a
   * disconnect calls it, and writes the line itself.
   */
  readonly takeOver: () => void
}
