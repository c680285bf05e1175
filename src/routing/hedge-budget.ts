import type { Ranked } from './candidate.ts'
import { ENOUGH_SAMPLES, type TimeoutLimits } from './deadline.ts'
import { setNewest } from './session-memory.ts'

/** Bounds how often a second deployment is asked because the first one is slow (routing 2.8). One for each isolate. */
export interface HedgeBudget {
  /** A request of this account came that may be hedged. */
  readonly earn: (now: number, account: string) => void
  /** Its first token is late: takes one hedge. False where there is none left for its account, or too many are late at once. */
  readonly spend: (now: number, account: string) => boolean
  /** A hedge that was taken is not made. */
  readonly giveBack: (account: string) => void
}

/** By definition one request in twenty is later than the 95th percentile. */
const EARNED_PER_REQUEST = 0.05
const MAX_HEDGES = 5
/**
 * What an account may take before its requests have earned anything: others have earned that. Afterwards it gets what it earns, so
 * that one whose requests are all late leaves the others theirs.
 */
const FIRST_HEDGES = 1
const MAX_ACCOUNTS = 1000
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
  /** What each account may take of it. */
  const shares = new Map<string, number>()

  const add = (account: string, hedges: number) => {
    left = Math.min(left + hedges, MAX_HEDGES)
    setNewest(shares, account, Math.min(shareOf(account) + hedges, MAX_HEDGES), MAX_ACCOUNTS)
  }
  const shareOf = (account: string) => shares.get(account) ?? FIRST_HEDGES
  const fade = (time: number) => {
    const fading = Math.exp(-Math.max(time - at, 0) / RATE_MS)
    requests *= fading
    late *= fading
    at = Math.max(time, at)
  }

  return {
    earn(time, account) {
      fade(time)
      requests++
      add(account, EARNED_PER_REQUEST)
    },
    spend(time, account) {
      fade(time)
      late++
      // Twenty times a twentieth is a little less than one.
      const mayTake = Math.min(left, shareOf(account))
      if (mayTake < 1 - ROUNDING || late > FEW_LATE + MAX_LATE_SHARE * requests) return false
      add(account, -1)
      return true
    },
    giveBack: (account) => add(account, 1),
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
