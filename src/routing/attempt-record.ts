import type { Usage } from '../chat/event.ts'
import type { Failure } from '../chat/failure.ts'
import type { Target } from './target.ts'

/** One attempt, for the response headers and the log. */
export interface AttemptRecord {
  readonly target: Target
  /** The status that the provider answered with, or the kind of the failure. */
  readonly outcome: string
  readonly ms: number
  /** When it was sent, in milliseconds since 1970. */
  readonly startedAt?: number
  readonly failure?: Failure
  /** What it has served after its client had left. */
  readonly served?: Usage | undefined
  /** False where it could not be sent, for what the request asks: then only we know of it. */
  readonly sent?: false
}

/** The attempts that were really sent. */
export function sentAttempts(trace: readonly AttemptRecord[]): readonly AttemptRecord[] {
  return trace.filter(({ sent }) => sent !== false)
}
