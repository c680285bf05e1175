import type { Traits } from '../dialects/dialect.ts'
import { WHOLE } from './outcome.ts'

/** How long to wait for a first byte, in milliseconds. */
export interface Patience {
  /** While another candidate is left. */
  readonly firstByteMs: number
  /** Over all attempts. */
  readonly totalMs: number
}

/** A whole body comes when the last token is made, and a model that reasons is silent while it does. */
const SLOWER = 6
const MOST_MS = 600_000

/**
 * Stretches the patience that streams of ordinary models get, for whole bodies and for reasoning models (routing 2.5: a
 * small deadline that is wrong is worse than none).
 */
export function patienceFor(base: Patience, stream: boolean, { reasoning }: Traits): Patience {
  const factor = (stream ? 1 : SLOWER) * (reasoning ? SLOWER : 1)
  return {
    firstByteMs: Math.min(base.firstByteMs * factor, MOST_MS),
    totalMs: Math.min(base.totalMs * factor, MOST_MS),
  }
}

const DEADLINE_FACTOR = 4
const STREAM_LEAST_MS = [2500, 5000, 10_000]
const REASONING_LEAST_MS = 20_000
const ENOUGH_SAMPLES = 8
const TRIAL_MS = 2500

/** What a first-byte deadline is made from. */
export interface Pace {
  /** What is set for this kind of request; the deadline where nothing is measured, and never exceeded. */
  readonly patience: Patience
  readonly bucket: number
  readonly reasoning: boolean
  readonly ttftMs: number | undefined
  readonly ttftP95Ms: number | undefined
  readonly samples: number
  readonly trial: boolean
}

/** How long one attempt may take until its first word, or until its end for a whole body (routing 2.5). */
export function deadlineFor({ patience, bucket, reasoning, ttftMs, ttftP95Ms, samples, trial }: Pace): number {
  const most = patience.firstByteMs
  // How long others took says nothing about a whole answer: this one may be ten times as long as they were.
  if (bucket >= WHOLE) return most
  const floor = Math.max(STREAM_LEAST_MS[bucket] ?? 0, reasoning ? REASONING_LEAST_MS : 0)
  if (trial) return Math.min(Math.max(TRIAL_MS, floor), most)
  if (ttftMs === undefined || samples < ENOUGH_SAMPLES) return most
  return Math.min(Math.max(DEADLINE_FACTOR * ttftMs, 1.5 * (ttftP95Ms ?? 0), floor), most)
}
