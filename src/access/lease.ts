import { addEntry, type Entry } from '../usage/entry.ts'
import {
  type Amounts,
  DIMENSIONS,
  type Dimension,
  excessOf,
  isAmount,
  isMore,
  isNothing,
  mapAmounts,
  minus,
  NOTHING,
  plus,
  ROUNDING,
  smaller,
  toAmounts,
} from './amounts.ts'
import { addSpent, type Limits, type Reservation, type Spent } from './budget.ts'
import { type Answer, LEASE_MS, limitsOf, MAX_CALL_MS, type Report, sumOf, UNSHARED } from './ledger.ts'
import { minuteOf, msToNextMinute, windowEnd, windowStart } from './window.ts'

/** Why a call is refused: which limit, whether that is used up or only held, and when another try makes sense. */
export interface Refusal {
  readonly limit: Dimension
  /**
   * `used-up`: nothing is left before the minute or the window is over. `too-large`: the call may use more than what is left.
   * `held`: running calls hold what is left.
   */
  readonly why: 'used-up' | 'too-large' | 'held'
  readonly retryAfterMs: number
}

/** Whether a call may begin: yes, no, or only when the ledger has been asked. */
export type Decision = 'admitted' | 'ask' | Refusal

/** The reservation of an admitted call. */
export interface OpenCall {
  /** The call has begun: its request is used, whatever comes. */
  readonly begin: (now: number) => void
  /** What the call has used takes the place of what it reserved. Calling it again adds what it has used since. */
  readonly settle: (tokens: number, dollars: number, now: number) => void
}

/** Rows of a report that could not be told: older ones are put together. */
const MAX_UNTOLD_ROWS = 60
/** A running call may end at any time and release its reservation. */
const HELD_RETRY_MS = 1000
/** An isolate asks for twice as much as it has begun since its last report, and for so many calls at least. */
const MIN_CALLS_AHEAD = 4
/** A call that was let in and has not begun so soon never will: the platform has ended it. */
const UNBEGUN_MS = 2000
/** An answer says for so long that something is used up: then somebody may have changed the limits or their window. */
const KNOWN_MS = 60_000
/** No time restores a budget without windows, so the client is told the longest wait: a day. */
const ENDLESS_RETRY_MS = 86_400_000
/** As much as the ledger likes. */
const ANY = Number.MAX_SAFE_INTEGER

/** What an isolate holds of an account, and what it has to tell the account's ledger (accounts 4). It has no clock. */
export interface Lease {
  /** Reserves what the call may use, if it may begin. The call holds it until `settle`. */
  readonly admit: (need: Reservation, limits: Limits, now: number) => { decision: Decision; call?: OpenCall }
  /** What is known to forbid the call, whatever the ledger would say: by an answer of the last minute. */
  readonly refusal: (need: Reservation, limits: Limits, now: number) => Refusal | undefined
  /** Notes what a call was, for the next report; `used` where nothing else counts the call, since nothing limits it. */
  readonly note: (entry: Entry, used: Reservation | undefined, now: number) => void
  /** Admits without the ledger, by what this isolate knows and has counted. */
  readonly admitAlone: (need: Reservation, limits: Limits, now: number) => { decision: Decision; call?: OpenCall }
  /** Why the ledger's last answer does not let the call in. */
  readonly refusalAfterAnswer: (need: Reservation, limits: Limits, now: number) => Refusal
  /** The report to send: the one that is not answered yet, or the next one. */
  readonly report: (needs: readonly Reservation[], limits: Limits, now: number) => Report
  /** The last report when nothing is needed any more: it gives back what is left. */
  readonly giveBack: (now: number) => Report
  /** Takes over an answer. False where it answers nothing that was asked. */
  readonly confirm: (answer: Answer, now: number) => boolean
  /** What was used in this minute, as far as this isolate knows. */
  readonly usedNow: (now: number) => Spent
  /** Whether the ledger has ever answered. */
  readonly isKnown: () => boolean
  /** Whether there is something to tell. */
  readonly hasNews: () => boolean
  /** Whether a report was sent that is not answered; this one, where a number is given. */
  readonly isPending: (number?: number) => boolean
  /** Whether less than half of the lease is left, or half of its time. */
  readonly runsOut: (limits: Limits, now: number) => boolean
  /** Whether nothing runs, and something is held that others may need. */
  readonly isIdle: (limits: Limits, now: number) => boolean
}

interface Pending {
  readonly report: Report
  readonly askedAt: number
}

interface Reserved {
  readonly amounts: Amounts
  readonly until: number
}

/** @param by a random name of this isolate's account. */
export function createLease(by: string): Lease {
  let number = 0
  let pending: Pending | undefined
  let answer: Answer | undefined
  /** What was used since the last report was made. */
  let untold: readonly Spent[] = []
  let entries: Entry[] = []
  let open = NOTHING
  // In both, the first one is the first to expire.
  const calls = new Set<Reserved>()
  const unbegun = new Set<Reserved>()
  /** What may be used and reserved since the last report that was answered, both together; and until when. */
  let allowance = NOTHING
  let allowedUntil = 0
  let leased = NOTHING
  /** The ledger's clock is not further ahead than this. */
  let ahead = 0
  let begun = 0
  let largest = NOTHING
  /** What was open when the last report was made. */
  let told = NOTHING

  const hold = (group: Set<Reserved>, reserved: Reserved) => {
    group.add(reserved)
    open = plus(open, reserved.amounts)
  }
  const release = (reserved: Reserved) => {
    if (!calls.delete(reserved) && !unbegun.delete(reserved)) return
    // Without calls it is exactly 0: sums of fractions leave rounding errors behind.
    open = calls.size + unbegun.size === 0 ? NOTHING : minus(open, reserved.amounts)
  }
  const releaseExpired = (now: number) => {
    for (const group of [calls, unbegun]) {
      for (const reserved of group) {
        if (reserved.until > now) break
        release(reserved)
      }
    }
  }
  const untoldRows = () => (pending === undefined ? untold : [...pending.report.used, ...untold])
  const left = (now: number): Amounts => {
    releaseExpired(now)
    // A clock that stepped back would make the lease longer.
    const isValid = now < allowedUntil && now >= allowedUntil - LEASE_MS
    return isValid ? minus(allowance, plus(sumOf(untoldRows()), open)) : NOTHING
  }
  const use = (amounts: Omit<Spent, 'minute'>, now: number) => {
    const row = { minute: Math.max(minuteOf(now + ahead), answer?.minute ?? 0), ...amounts }
    const last = untold.at(-1)
    if (last !== undefined && last.minute >= row.minute)
      untold = [...untold.slice(0, -1), addSpent(last, { ...row, minute: last.minute })]
    else untold = shortened([...untold, row])
  }
  const reserve = (need: Amounts, now: number): OpenCall => {
    const admitted: Reserved = { amounts: need, until: now + UNBEGUN_MS }
    hold(unbegun, admitted)
    const running: Reserved = { amounts: { ...need, requests: 0 }, until: now + MAX_CALL_MS }
    largest = mapAmounts((dimension) => Math.max(largest[dimension], need[dimension]))
    return {
      begin: (time) => {
        begun++
        release(admitted)
        hold(calls, running)
        if (need.requests > 0) use({ requests: 1, tokens: 0, dollars: 0 }, time)
      },
      settle: (tokens, dollars, time) => {
        release(admitted)
        release(running)
        const used = toAmounts({ tokens, dollars })
        if (!isNothing(used)) use({ requests: 0, tokens: used.tokens, dollars: used.dollars }, time)
      },
    }
  }
  const isFresh = (now: number) => answer !== undefined && now + ahead - answer.now < KNOWN_MS
  /** What was used by the last answer and since, in the minute and the window of now. */
  const usedBy = (limits: Limits, now: number): Amounts => {
    const time = now + ahead
    const minute = minuteOf(time)
    const from = windowStart(limits.window ?? 'total', time)
    const sum = { requests: 0, tokens: 0, dollars: 0, calls: 0 }
    if (answer !== undefined) {
      if (answer.minute >= minute) {
        sum.requests = answer.requests
        sum.tokens = answer.tokens
      }
      if (answer.now >= from) sum.dollars = answer.inWindow
    }
    for (const row of untoldRows()) {
      if (row.minute === minute) {
        sum.requests += row.requests
        sum.tokens += row.tokens
      }
      if (row.minute >= minuteOf(from)) sum.dollars += row.dollars
    }
    return sum
  }
  const retryAfter = (limit: Dimension, limits: Limits, now: number) => {
    const time = now + ahead
    if (limit !== 'dollars') return msToNextMinute(time)
    const end = windowEnd(limits.window ?? 'total', time)
    return Number.isFinite(end) ? end - time : ENDLESS_RETRY_MS
  }
  const refusal = (reservation: Reservation, limits: Limits, now: number): Refusal | undefined => {
    const need = needOf(reservation, limits)
    const used = usedBy(limits, now)
    const all = limitsOf(limits)
    const isNeeded = (dimension: Dimension) => reservation.requests !== 0 || need[dimension] > 0
    const usedUp = DIMENSIONS.find((one) => all[one] <= used[one] + ROUNDING && isNeeded(one))
    if (usedUp !== undefined) return { limit: usedUp, why: 'used-up', retryAfterMs: retryAfter(usedUp, limits, now) }
    const [limit] = excessOf(plus(used, need), all)
    if (limit === undefined) return undefined
    return { limit, why: 'too-large', retryAfterMs: retryAfter(limit, limits, now) }
  }
  /** What is left, without end where there is no limit. */
  const free = (limits: Limits, now: number): Amounts => {
    const all = limitsOf(limits)
    const there = left(now)
    return mapAmounts((dimension) => (Number.isFinite(all[dimension]) ? there[dimension] : all[dimension]))
  }
  /** What was used and what all isolates hold, by the last answer. */
  const inUse = (limits: Limits, now: number): Amounts => plus(usedBy(limits, now), answer?.held ?? NOTHING)
  /** Whether more than this share of a limit is used or held. */
  const isInUse = (share: number, limits: Limits, now: number): boolean => {
    const all = limitsOf(limits)
    const bound = mapAmounts((dimension) => all[dimension] * share)
    return isMore(inUse(limits, now), bound)
  }
  const makeReport = (needs: readonly Amounts[], want: Amounts, keep: Amounts, now: number): Report => {
    const usage = entries.length > 0 ? { usage: entries } : {}
    const report = { by, number: ++number, used: untold, open, keep, want, needs, ...usage }
    entries = []
    pending = { report, askedAt: now }
    // What is not kept is not spent from here on.
    allowance = smaller(allowance, plus(plus(sumOf(untold), open), keep))
    untold = []
    told = open
    begun = 0
    // What calls reserve now counts more than what they reserved before.
    largest = mapAmounts((dimension) => largest[dimension] / 2)
    return report
  }

  return {
    refusal: (reservation, limits, now) => (isFresh(now) ? refusal(reservation, limits, now) : undefined),
    admit: (reservation, limits, now) => {
      const refused = isFresh(now) ? refusal(reservation, limits, now) : undefined
      if (refused !== undefined) return { decision: refused }
      const need = needOf(reservation, limits)
      const isKnown = isFresh(now) || DIMENSIONS.every((one) => limitsOf(limits)[one] === Number.POSITIVE_INFINITY)
      if (!isKnown || isMore(need, free(limits, now))) return { decision: 'ask' }
      return { decision: 'admitted', call: reserve(need, now) }
    },
    note: (entry, used, now) => {
      addEntry(entries, entry)
      if (used !== undefined) use({ ...toAmounts(used), requests: 1 }, now)
    },
    admitAlone: (reservation, limits, now) => {
      releaseExpired(now)
      const need = needOf(reservation, limits)
      const known = refusal(reservation, limits, now)
      if (known !== undefined) return { decision: known }
      const [limit] = excessOf(plus(usedBy(limits, now), plus(open, need)), limitsOf(limits))
      if (limit !== undefined) return { decision: { limit, why: 'held', retryAfterMs: HELD_RETRY_MS } }
      return { decision: 'admitted', call: reserve(need, now) }
    },
    refusalAfterAnswer: (reservation, limits, now) => {
      const known = refusal(reservation, limits, now)
      const short = excessOf(plus(needOf(reservation, limits), inUse(limits, now)), limitsOf(limits))
      // It has changed since the answer.
      const [limit = 'calls'] = short.length > 0 ? short : excessOf(needOf(reservation, limits), free(limits, now))
      return known ?? { limit, why: 'held', retryAfterMs: HELD_RETRY_MS }
    },
    report: (needs, limits, now) => {
      if (pending !== undefined) return pending.report
      const there = left(now)
      const isFirst = answer === undefined
      const calls = Math.max(2 * begun, MIN_CALLS_AHEAD)
      const want = isFirst ? mapAmounts(() => ANY) : mapAmounts((dimension) => calls * largest[dimension])
      // A call that waits needs all there is. Shares alone never hold more than what is shared: beyond it, others are in need.
      return makeReport(
        needs.map((need) => needOf(need, limits)),
        want,
        needs.length > 0 ? NOTHING : isInUse(1 - UNSHARED, limits, now) ? smaller(there, want) : there,
        now,
      )
    },
    giveBack: (now) => pending?.report ?? makeReport([], NOTHING, NOTHING, now),
    confirm: (given, now) => {
      if (pending === undefined || given.number !== pending.report.number) return false
      const { report, askedAt } = pending
      ahead = given.now - askedAt
      // The clock of this isolate may count from anywhere; only its differences are used.
      allowance = plus(report.open, given.lease)
      allowedUntil = askedAt + LEASE_MS
      leased = given.lease
      answer = given
      pending = undefined
      if (now >= allowedUntil) allowedUntil = 0
      return true
    },
    usedNow: (now) => {
      const { requests, tokens, dollars } = usedBy({}, now)
      return { minute: minuteOf(now + ahead), requests, tokens, dollars }
    },
    isKnown: () => answer !== undefined,
    hasNews: () =>
      untold.length > 0 || entries.length > 0 || !isNothing(minus(open, told)) || !isNothing(minus(told, open)),
    isPending: (sent = pending?.report.number) => pending !== undefined && pending.report.number === sent,
    runsOut: (limits, now) => {
      if (isNothing(leased)) return false
      if (now >= allowedUntil - LEASE_MS / 2) return true
      const half = mapAmounts((dimension) => leased[dimension] / 2)
      return isMore(half, free(limits, now))
    },
    isIdle: (limits, now) => calls.size + unbegun.size === 0 && isInUse(1 / 2, limits, now) && !isNothing(left(now)),
  }
}

/** What a call needs of the limits that there are; its request is counted in any case. */
function needOf(reservation: Reservation, limits: Limits): Amounts {
  const { tokens, dollars } = reservation
  const requests = reservation.requests ?? 1
  const all = limitsOf(limits)
  const need: Amounts = { requests, tokens, dollars, calls: requests }
  return mapAmounts((dimension) => (dimension === 'requests' || isAmount(all[dimension]) ? need[dimension] : 0))
}

/** Puts the oldest rows together in the later minute of them, which cannot let anybody in. */
function shortened(rows: readonly Spent[]): readonly Spent[] {
  const [first, second, ...rest] = rows
  if (first === undefined || second === undefined || rows.length <= MAX_UNTOLD_ROWS) return rows
  const { minute, requests, tokens, dollars } = second
  const together = { requests: first.requests + requests, tokens: first.tokens + tokens }
  return [{ minute, ...together, dollars: first.dollars + dollars }, ...rest]
}
