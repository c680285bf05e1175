import type { Traits } from '../dialects/dialect.ts'

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
