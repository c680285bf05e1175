import type { Window } from './budget.ts'

export const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** 1970 began on a Thursday, so the first Monday was the fifth day. */
const FIRST_MONDAY_MS = 4 * DAY_MS
const WEEK_MS = 7 * DAY_MS

export function minuteOf(now: number): number {
  return Math.floor(now / MINUTE_MS)
}

/** Milliseconds until the current minute is over. */
export function msToNextMinute(now: number): number {
  return MINUTE_MS - (now % MINUTE_MS)
}

/** When the window began that a moment is in: UTC, at midnight, on Monday, on the first; 0 for `total` (accounts 2). */
export function windowStart(window: Window, now: number): number {
  if (window === 'total') return 0
  if (window === 'day') return now - (now % DAY_MS)
  if (window === 'week') return now - ((now - FIRST_MONDAY_MS) % WEEK_MS)
  return monthOf(now).start
}

/** When the window ends that a moment is in; `total` never does. */
export function windowEnd(window: Window, now: number): number {
  if (window === 'total') return Number.POSITIVE_INFINITY
  if (window === 'day') return windowStart(window, now) + DAY_MS
  if (window === 'week') return windowStart(window, now) + WEEK_MS
  return monthOf(now).end
}

/** The month that was asked for last: it is the same in nearly every call. */
let month = { start: 0, end: 0 }

function monthOf(now: number): typeof month {
  // Neither is true of NaN, which the months beyond the last day of a Date have.
  if (!(now >= month.start && now < month.end)) {
    const date = new Date(now)
    const startOf = (later: number) => Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + later, 1)
    month = { start: startOf(0), end: startOf(1) }
  }
  return month
}
