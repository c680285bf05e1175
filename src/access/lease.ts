import { addEntry, type Entry } from '../usage/entry.ts'
import {
  type Amounts,
  add,
  amountOf,
  copyOf,
  DIMENSIONS,
  type Dimension,
  excessOf,
  isAmount,
  isLess,
  isMore,
  isNothing,
  isSame,
  larger,
  mapAmounts,
  NOTHING,
  plus,
  ROUNDING,
  type Sum,
  smaller,
  times,
} from './amounts.ts'
import type { Limits, Reservation, Spent } from './budget.ts'
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

/** What a call may use of the limits that there are. Once it is let in, it holds that until it is settled. */
export interface OpenCall extends Sum {
  /** When it ends by itself. */
  until: number
}

/** Whether a call may begin: yes, no, or only when the ledger has been asked. */
export type Decision = OpenCall | 'ask' | Refusal

/** Whether the call was let in. */
export function isOpen(decision: Decision | 'failed'): decision is OpenCall {
  return typeof decision !== 'string' && 'until' in decision
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
const UNLIMITED: Limits = {}
/** As much as the ledger likes. */
const ANY = mapAmounts(() => Number.MAX_SAFE_INTEGER)

/** What an isolate holds of an account, and what it has to tell the account's ledger (accounts 4). It has no clock. */
export interface Lease {
  /** Reserves what the call may use, if it may begin. The call holds it until `settle`. */
  readonly admit: (need: Reservation, limits: Limits, now: number) => Decision
  /** The call has begun: its request is used, whatever comes. */
  readonly begin: (call: OpenCall, now: number) => void
  /** What the call has used takes the place of what it holds. Calling it again adds what it has used since. False where nothing changes. */
  readonly settle: (call: OpenCall, tokens: number, dollars: number, now: number) => boolean
  /** What is known to forbid the call, whatever the ledger would say: by an answer of the last minute. */
  readonly refusal: (need: Reservation, limits: Limits, now: number) => Refusal | undefined
  /** Notes what a call was, for the next report; `used` where nothing else counts the call, since nothing limits it. */
  readonly note: (entry: Entry, used: Reservation | undefined, now: number) => void
  /** Admits without the ledger, by what this isolate knows and has counted. */
  readonly admitAlone: (need: Reservation, limits: Limits, now: number) => OpenCall | Refusal
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

/** What was used in one minute, counted in place. */
type Row = { -readonly [member in keyof Spent]: number }

/** @param by a random name of this isolate's account. */
export function createLease(by: string): Lease {
  let number = 0
  let pending: Pending | undefined
  let answer: Answer | undefined
  /** What was used since the last report was made. */
  let untold: Row[] = []
  /** The sum of that and of what the report says that is not answered. */
  let spent = copyOf(NOTHING)
  let entries: Entry[] = []
  /** What running calls hold. */
  const open = copyOf(NOTHING)
  // In both, the first one is the first to expire; nothing expires before `expiry`.
  const calls = new Set<OpenCall>()
  const unbegun = new Set<OpenCall>()
  let expiry = Number.POSITIVE_INFINITY
  /** What may be used and reserved since the last report that was answered, both together; and until when. */
  let allowance = NOTHING
  let allowedUntil = 0
  /** Half of the lease; undefined where nothing is leased. */
  let halfLease: Amounts | undefined
  /** The ledger's clock is not further ahead than this. */
  let ahead = 0
  let begun = 0
  let largest = NOTHING
  /** What was open when the last report was made. */
  let told = NOTHING
  /** The limits of the last call, as amounts. */
  let bounds = NOTHING
  let boundsFor: Limits | undefined
  // Both are filled anew whenever somebody asks, and hold until then.
  const left = copyOf(NOTHING)
  const counted = copyOf(NOTHING)

  const boundsOf = (limits: Limits): Amounts => {
    if (limits !== boundsFor) {
      bounds = limitsOf(limits)
      boundsFor = limits
    }
    return bounds
  }
  /** What a call needs of the limits that there are; its request is counted in any case. */
  const needOf = ({ requests: asked, tokens, dollars }: Reservation, limits: Limits, now: number): OpenCall => {
    const all = boundsOf(limits)
    const requests: number = asked ?? 1
    return {
      requests,
      tokens: isAmount(all.tokens) ? tokens : 0,
      dollars: isAmount(all.dollars) ? dollars : 0,
      calls: isAmount(all.calls) ? requests : 0,
      until: now + UNBEGUN_MS,
    }
  }
  const hold = (group: Set<OpenCall>, call: OpenCall) => {
    group.add(call)
    add(open, call)
    if (call.until < expiry) expiry = call.until
  }
  const release = (call: OpenCall): boolean => {
    if (!calls.delete(call) && !unbegun.delete(call)) return false
    // Without calls it is exactly 0: sums of fractions leave rounding errors behind.
    add(open, calls.size + unbegun.size === 0 ? open : call, -1)
    return true
  }
  const releaseExpired = (now: number) => {
    if (now < expiry) return
    expiry = Number.POSITIVE_INFINITY
    for (const group of [calls, unbegun]) {
      for (const call of group) {
        if (call.until > now) {
          expiry = Math.min(expiry, call.until)
          break
        }
        release(call)
      }
    }
  }
  /** What is left of the lease. */
  const leftAt = (now: number): Sum => {
    releaseExpired(now)
    // A clock that stepped back would make the lease longer.
    const isValid = now < allowedUntil && now >= allowedUntil - LEASE_MS
    const allowed = isValid ? allowance : NOTHING
    left.requests = Math.max(allowed.requests - spent.requests - open.requests, 0)
    left.tokens = Math.max(allowed.tokens - spent.tokens - open.tokens, 0)
    left.dollars = Math.max(allowed.dollars - spent.dollars - open.dollars, 0)
    left.calls = Math.max(allowed.calls - open.calls, 0)
    return left
  }
  const use = (requests: number, tokens: number, dollars: number, now: number) => {
    const minute = Math.max(minuteOf(now + ahead), answer?.minute ?? 0)
    let row = untold.at(-1)
    if (row === undefined || row.minute < minute) {
      row = { minute, requests: 0, tokens: 0, dollars: 0 }
      untold.push(row)
      if (untold.length > MAX_UNTOLD_ROWS) putOldestTogether(untold)
    }
    addUse(row, requests, tokens, dollars)
    addUse(spent, requests, tokens, dollars)
  }
  const reserve = (call: OpenCall): OpenCall => {
    hold(unbegun, call)
    if (isMore(call, largest)) largest = larger(call, largest)
    return call
  }
  // The difference is below 0 where the clock has stepped back since.
  const isFresh = (now: number) => answer !== undefined && Math.abs(now + ahead - answer.now) < KNOWN_MS
  const addRows = (rows: readonly Spent[], minute: number, firstOfWindow: number) => {
    for (let at = 0; at < rows.length; at++) {
      const row = rows[at] as Spent
      if (row.minute === minute) addUse(counted, row.requests, row.tokens, 0)
      if (row.minute >= firstOfWindow) addUse(counted, 0, 0, row.dollars)
    }
  }
  /** What was used by the last answer and since, in the minute and the window of now. */
  const usedBy = (limits: Limits, now: number): Sum => {
    const time = now + ahead
    const minute = minuteOf(time)
    const from = windowStart(limits.window ?? 'total', time)
    const inMinute = answer !== undefined && answer.minute >= minute ? answer : NOTHING
    counted.requests = inMinute.requests
    counted.tokens = inMinute.tokens
    counted.dollars = answer !== undefined && answer.now >= from ? answer.inWindow : 0
    if (pending !== undefined) addRows(pending.report.used, minute, minuteOf(from))
    addRows(untold, minute, minuteOf(from))
    return counted
  }
  const retryAfter = (limit: Dimension, limits: Limits, now: number) => {
    const time = now + ahead
    if (limit !== 'dollars') return msToNextMinute(time)
    const end = windowEnd(limits.window ?? 'total', time)
    return Number.isFinite(end) ? end - time : ENDLESS_RETRY_MS
  }
  const refusal = (need: OpenCall, limits: Limits, now: number): Refusal | undefined => {
    const all = boundsOf(limits)
    const used = usedBy(limits, now)
    if (isLess(used, need, all)) return undefined
    const isNeeded = (dimension: Dimension) => need.requests !== 0 || need[dimension] > 0
    const usedUp = DIMENSIONS.find((one) => all[one] <= used[one] + ROUNDING && isNeeded(one))
    if (usedUp !== undefined) return { limit: usedUp, why: 'used-up', retryAfterMs: retryAfter(usedUp, limits, now) }
    const [limit] = excessOf(plus(used, need), all)
    if (limit === undefined) return undefined
    return { limit, why: 'too-large', retryAfterMs: retryAfter(limit, limits, now) }
  }
  /** What is left, without end where there is no limit. */
  const free = (limits: Limits, now: number): Amounts => {
    const there = leftAt(now)
    const all = boundsOf(limits)
    for (let at = 0; at < DIMENSIONS.length; at++) {
      const one = DIMENSIONS[at] as Dimension
      if (all[one] === Number.POSITIVE_INFINITY) there[one] = all[one]
    }
    return there
  }
  /** What was used and what all isolates hold, by the last answer. */
  const inUse = (limits: Limits, now: number): Amounts => plus(usedBy(limits, now), answer?.held ?? NOTHING)
  /** Whether more than this share of a limit is used or held. */
  const isInUse = (share: number, limits: Limits, now: number): boolean =>
    isMore(inUse(limits, now), times(share, boundsOf(limits)))
  const makeReport = (needs: readonly Amounts[], want: Amounts, keep: Amounts, now: number): Report => {
    const usage = entries.length > 0 ? { usage: entries } : {}
    told = copyOf(open)
    const report = { by, number: ++number, used: untold, open: told, keep, want, needs, ...usage }
    entries = []
    pending = { report, askedAt: now }
    // What is not kept is not spent from here on.
    allowance = smaller(allowance, plus(plus(spent, told), keep))
    untold = []
    begun = 0
    // What calls reserve now counts more than what they reserved before.
    largest = times(1 / 2, largest)
    return report
  }

  return {
    refusal: (reservation, limits, now) =>
      isFresh(now) ? refusal(needOf(reservation, limits, now), limits, now) : undefined,
    admit: (reservation, limits, now) => {
      const need = needOf(reservation, limits, now)
      if (isFresh(now)) {
        const refused = refusal(need, limits, now)
        if (refused !== undefined) return refused
      } else if (!DIMENSIONS.every((one) => boundsOf(limits)[one] === Number.POSITIVE_INFINITY)) return 'ask'
      return isMore(need, free(limits, now)) ? 'ask' : reserve(need)
    },
    begin: (call, now) => {
      begun++
      release(call)
      const { requests } = call
      call.requests = 0
      call.until = now + MAX_CALL_MS
      hold(calls, call)
      if (requests > 0) use(1, 0, 0, now)
    },
    settle: (call, tokens, dollars, now) => {
      const isReleased = release(call)
      const validTokens = amountOf(tokens)
      const validDollars = amountOf(dollars)
      if (validTokens <= ROUNDING && validDollars <= ROUNDING) return isReleased
      use(0, validTokens, validDollars, now)
      return true
    },
    note: (entry, used, now) => {
      addEntry(entries, entry)
      if (used !== undefined) use(1, amountOf(used.tokens), amountOf(used.dollars), now)
    },
    admitAlone: (reservation, limits, now) => {
      releaseExpired(now)
      const need = needOf(reservation, limits, now)
      const known = refusal(need, limits, now)
      if (known !== undefined) return known
      const [limit] = excessOf(plus(usedBy(limits, now), plus(open, need)), boundsOf(limits))
      return limit === undefined ? reserve(need) : { limit, why: 'held', retryAfterMs: HELD_RETRY_MS }
    },
    refusalAfterAnswer: (reservation, limits, now) => {
      const need = needOf(reservation, limits, now)
      const known = refusal(need, limits, now)
      const short = excessOf(plus(need, inUse(limits, now)), boundsOf(limits))
      // It has changed since the answer.
      const [limit = 'calls'] = short.length > 0 ? short : excessOf(need, free(limits, now))
      return known ?? { limit, why: 'held', retryAfterMs: HELD_RETRY_MS }
    },
    report: (needs, limits, now) => {
      if (pending !== undefined) return pending.report
      const there = copyOf(leftAt(now))
      const isFirst = answer === undefined
      const calls = Math.max(2 * begun, MIN_CALLS_AHEAD)
      const want = isFirst ? ANY : times(calls, largest)
      // A call that waits needs all there is. Shares alone never hold more than what is shared: beyond it, others are in need.
      return makeReport(
        needs.map((need) => copyOf(needOf(need, limits, now))),
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
      halfLease = isNothing(given.lease) ? undefined : times(1 / 2, given.lease)
      answer = given
      pending = undefined
      spent = copyOf(sumOf(untold))
      if (now >= allowedUntil) allowedUntil = 0
      return true
    },
    usedNow: (now) => {
      const { requests, tokens, dollars } = usedBy(UNLIMITED, now)
      return { minute: minuteOf(now + ahead), requests, tokens, dollars }
    },
    isKnown: () => answer !== undefined,
    hasNews: () => untold.length > 0 || entries.length > 0 || !isSame(open, told),
    isPending: (sent = pending?.report.number) => pending !== undefined && pending.report.number === sent,
    runsOut: (limits, now) => {
      if (halfLease === undefined) return false
      return now >= allowedUntil - LEASE_MS / 2 || isMore(halfLease, free(limits, now))
    },
    isIdle: (limits, now) => calls.size + unbegun.size === 0 && isInUse(1 / 2, limits, now) && !isNothing(leftAt(now)),
  }
}

function addUse(sum: Omit<Sum, 'calls'>, requests: number, tokens: number, dollars: number): void {
  sum.requests += requests
  sum.tokens += tokens
  sum.dollars += dollars
}

/** Puts the two oldest rows together in the later minute of them, which cannot let anybody in. */
function putOldestTogether(rows: Row[]): void {
  const first = rows.shift()
  const [second] = rows
  if (first !== undefined && second !== undefined) addUse(second, first.requests, first.tokens, first.dollars)
}
