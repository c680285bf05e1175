/** Bounds what retries add to the load of providers that are down (routing 2.5). One for each isolate. */
export interface RetryBudget {
  /** A request came. */
  readonly earn: (now: number) => void
  /** Takes one retry; false where there is none left. */
  readonly spend: (now: number) => boolean
  /** Less than half of it is left: much fails at the moment. */
  readonly isLow: (now: number) => boolean
  /** The retry that was taken last is not made. */
  readonly giveBack: () => void
}

const MAX_RETRIES = 10
const EARNED_PER_REQUEST = 0.2
const EARNED_PER_SECOND = 0.1
/** Where there are hardly any requests, retries add hardly any load. */
const QUIET_EARNED_PER_SECOND = 0.5
const QUIET_REQUESTS_PER_SECOND = 0.2
const RATE_MS = 10_000

/** A full budget. */
export function createRetryBudget(now: number): RetryBudget {
  let left = MAX_RETRIES
  let at = now
  /** Requests in the last ten seconds or so. */
  let recent = 0

  const advance = (time: number) => {
    const ms = Math.max(time - at, 0)
    const perSecond = recent * 1000 < QUIET_REQUESTS_PER_SECOND * RATE_MS ? QUIET_EARNED_PER_SECOND : EARNED_PER_SECOND
    left = Math.min(left + (ms / 1000) * perSecond, MAX_RETRIES)
    recent *= Math.exp(-ms / RATE_MS)
    at = Math.max(time, at)
  }

  return {
    earn(time) {
      advance(time)
      recent++
      left = Math.min(left + EARNED_PER_REQUEST, MAX_RETRIES)
    },
    spend(time) {
      advance(time)
      if (left < 1) return false
      left--
      return true
    },
    isLow(time) {
      advance(time)
      return left < MAX_RETRIES / 2
    },
    giveBack() {
      left = Math.min(left + 1, MAX_RETRIES)
    },
  }
}
