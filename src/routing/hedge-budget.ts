import type { Ranked } from './candidate.ts'
import { ENOUGH_SAMPLES, type TimeoutLimits } from './deadline.ts'

/** Bounds how often a second deployment is asked because the first one is slow (routing 2.8). One for each isolate. */
export interface HedgeBudget {
  /** A request came that may be hedged. */
  readonly earn: (now: number) => void
  /** Its first token is late: takes one hedge. False where there is none left, or too many are late at once. */
  readonly spend: (now: number) => boolean
}

/** By definition one request in twenty is later than the 95th percentile. */
const EARNED_PER_REQUEST = 0.05
const MAX_HEDGES = 5
const RATE_MS = 10_000
/** If more than this share of the requests of the last ten seconds were late, a second request each would make it worse. */
const MAX_LATE_SHARE = 0.2
/** So many prove nothing. */
const FEW_LATE = 3

/** An empty budget, so that hedges are never more than one in twenty requests, in whatever isolates these come. */
export function createHedgeBudget(now: number): HedgeBudget {
  let left = 0
  let at = now
  /** In the last ten seconds or so. */
  let requests = 0
  let late = 0

  const fade = (time: number) => {
    const fading = Math.exp(-Math.max(time - at, 0) / RATE_MS)
    requests *= fading
    late *= fading
    at = Math.max(time, at)
  }

  return {
    earn(time) {
      fade(time)
      requests++
      left = Math.min(left + EARNED_PER_REQUEST, MAX_HEDGES)
    },
    spend(time) {
      fade(time)
      late++
      // Twenty times a twentieth is a little less than one.
      if (left < 1 - ROUNDING || late > FEW_LATE + MAX_LATE_SHARE * requests) return false
      left--
      return true
    },
  }
}

const ROUNDING = 1e-9
/** A quicker deployment is late by chance, and by the way to it. */
const MIN_DELAY_MS = 200

/** Of an attempt, what says when it is late. */
export interface HedgedAttempt {
  readonly ranked: Pick<Ranked, 'probe'> & {
    readonly status: Pick<Ranked['status'], 'ttftP95Ms' | 'samples' | 'state'>
  }
  readonly candidate: { readonly timeoutLimits: Pick<TimeoutLimits, 'minFirstByteMs'> }
  readonly deadlineMs: number
}

/**
 * How long to wait for an attempt until another deployment is asked too, in milliseconds: the 95th percentile of its time to the
 * first token. Undefined where that is not known, where its deployment is not well, or where the attempt ends before.
 */
export function hedgeDelayOf({ ranked, candidate, deadlineMs }: HedgedAttempt): number | undefined {
  const { ttftP95Ms, samples, state } = ranked.status
  if (state !== 'closed' || ranked.probe !== undefined || ttftP95Ms === undefined || samples < ENOUGH_SAMPLES)
    return undefined
  // What was measured may come from requests without reasoning, or with smaller prompts.
  const ms = Math.max(ttftP95Ms, MIN_DELAY_MS, candidate.timeoutLimits.minFirstByteMs)
  return ms < deadlineMs ? ms : undefined
}
