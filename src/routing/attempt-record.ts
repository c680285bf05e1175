import type { Usage } from '../chat/event.ts'
import type { Failure } from '../chat/failure.ts'
import type { Target } from './target.ts'

/** What an attempt was served and billed that another one was quicker than. */
export interface LostAttempt {
  readonly usage: Usage
  readonly dollars: number
}

/** One attempt, for the response headers and the log. */
export interface AttemptRecord {
  readonly target: Target
  /** The status that the provider answered with, or the kind of the failure, or `LOST`. */
  readonly outcome: string
  readonly ms: number
  /** When it was sent, in milliseconds since 1970. */
  readonly startedAt?: number
  readonly failure?: Failure
  /** What it has served after its client had left. */
  readonly served?: Usage | undefined
  /** What one that lost has cost nevertheless, once that is known. */
  lost?: LostAttempt
  /** False where it could not be sent, for what the request asks: then only we know of it. */
  readonly sent?: false
}

/** The outcome of an attempt that was ended because another one was quicker. */
export const LOST = 'lost'

/** The attempts that were really sent. */
export function sentAttempts(trace: readonly AttemptRecord[]): readonly AttemptRecord[] {
  for (let at = 0; at < trace.length; at++)
    if (trace[at]?.sent === false) return trace.filter(({ sent }) => sent !== false)
  return trace
}

/** What was spent in vain; a call loses one attempt at most. */
export function lostIn(trace: readonly AttemptRecord[]): AttemptRecord['lost'] {
  for (let at = 0; at < trace.length; at++) if (trace[at]?.lost !== undefined) return trace[at]?.lost
  return undefined
}
