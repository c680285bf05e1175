import {
  type Amounts,
  amountOf,
  excessOf,
  fieldsOf,
  isAmount,
  isNothing,
  isSame,
  larger,
  mapAmounts,
  minus,
  NOTHING,
  plus,
  smaller,
  toAmounts,
} from './amounts.ts'
import { addSpent, type Limits, NOTHING_SPENT, type Spent, type Window } from './budget.ts'
import { MINUTE_MS, minuteOf, windowStart } from './window.ts'

/** An isolate may spend from a lease for this long, counted from when it asked for it. */
export const LEASE_MS = 10_000
/** A ledger waits so much longer for what was spent from a lease. */
const GRACE_MS = 10_000
/** What a call has reserved is free again when its isolate has said nothing for this long: the platform may have ended it. */
export const MAX_CALL_MS = 900_000
/** An isolate gets this share of what may be leased, so that others get theirs. */
const SHARES = 8
/** This part of a limit is never leased: near a limit, each call asks the ledger. */
export const UNSHARED = 0.25
/** A repeated report is recognized while its isolate is among this many that reported last. */
const MAX_REPORTERS = 500
const MAX_NAME_CHARACTERS = 40
const MAX_ROWS = 64
/** So many calls at most wait for one report. */
export const MAX_NEEDS = 200
/** Time stands still when the clock steps back by less; leases end with it when it steps back further. */
const MAX_STEP_MS = 60_000
/** A window that begins later than this was read from a clock that was wrong. */
const MAX_AHEAD_MS = 86_400_000

/** Identifies a report. Each isolate numbers its reports for each account, and repeats a report until it is answered. */
export interface ReportId {
  /** A random name of the isolate's account. */
  readonly by: string
  readonly number: number
}

/** What an isolate tells a ledger (accounts 4). */
export interface Report extends ReportId {
  /** What was used since the last report, by minute. */
  readonly used: readonly Spent[]
  /** What running calls have reserved. */
  readonly open: Amounts
  /** What the isolate goes on spending from its lease until it has the answer. */
  readonly keep: Amounts
  /** What it would like to hold beyond `open`. */
  readonly want: Amounts
  /** What each call needs that waits for the answer. */
  readonly needs: readonly Amounts[]
  /** Rows for `usage/`, which count once as the report does; the ledger does not read them. */
  readonly usage?: readonly unknown[]
}

/** What a ledger answers to a report. */
export interface Answer extends Spent {
  readonly number: number
  /** The ledger's clock. */
  readonly now: number
  /** What the isolate may spend and reserve beyond what it has reported, until its lease ends. */
  readonly lease: Amounts
  /** US dollars in the window of the budget. */
  readonly inWindow: number
  /** What all isolates have reserved and leased together. */
  readonly held: Amounts
}

/** An isolate that has reported. Without a lease it is remembered for its number only. */
interface Holder extends ReportId {
  readonly lease: Amounts
  readonly open: Amounts
  /** When the ledger takes the lease for lost, and what is reserved. */
  readonly until: number
  readonly openUntil: number
}

type Windows = Readonly<Record<Exclude<Window, 'total'>, { readonly start: number; readonly dollars: number }>>
const WINDOWS = ['day', 'week', 'month'] as const

/** What a ledger stores for its account. `dollars` are those since the account was made. */
export interface LedgerState extends Spent {
  /** The last time that the ledger has seen. Its clock may step back when it moves to another machine. */
  readonly at: number
  readonly windows: Windows
  /** The last report that was counted of each isolate, and what that isolate holds; the most recent at the end. */
  readonly reports: readonly Holder[]
}

/** The state of a ledger after a report, and the answer; `changed` if it must be stored. */
export interface Exchanged {
  readonly state: LedgerState
  /** Undefined where the report makes no sense, or there are too many isolates: nothing was counted. */
  readonly answer: Answer | undefined
  readonly changed: boolean
  /** The rows for `usage/` of a report that was counted now. */
  readonly usage?: readonly unknown[] | undefined
}

/**
 * Counts a report and leases what its isolate may spend next (accounts 4). At any time what was spent, what is reserved and
 * what is leased are within the limits together, whatever is lost, repeated, late or reordered.
 */
export function exchange(stored: unknown, given: unknown, limits: Limits, clock: number): Exchanged {
  const state = readState(stored, clock)
  const report = readReport(given)
  const holder = state.reports.find(({ by }) => by === report?.by)
  const others = state.reports.filter((other) => other !== holder)
  if (report === undefined || (holder === undefined && isFull(others))) {
    return { state, answer: undefined, changed: false }
  }
  if (holder !== undefined && holder.number >= report.number) {
    const lease = holder.number === report.number ? holder.lease : NOTHING
    return { state, answer: answerOf(state, { limits, number: report.number, lease }), changed: false }
  }
  const { by, number, open } = report
  const settled = settle(state, report.used)
  const lease = leaseFor(settled, { report, limits, holder, others })
  const now = settled.at
  const next = { by, number, lease, open, until: now + LEASE_MS + GRACE_MS, openUntil: now + MAX_CALL_MS }
  const reports = [...withoutOldest(others), next]
  const { usage } = report
  const changed = report.used.length > 0 || usage !== undefined || !isNothing(lease) || !holdsTheSame(holder, open)
  const after = { ...settled, reports }
  return { state: after, answer: answerOf(after, { limits, number, lease }), changed, usage }
}

/** What stays the same need not be stored: neither a lease nor a reservation ends or begins. */
function holdsTheSame(holder: Holder | undefined, open: Amounts): boolean {
  if (holder === undefined) return isNothing(open)
  return isNothing(holder.lease) && isSame(holder.open, open)
}

interface LeaseInput {
  readonly report: Report
  readonly limits: Limits
  readonly holder: Holder | undefined
  readonly others: readonly Holder[]
}

/** First what the isolate spends already, then what its waiting calls need, then a share of what is left. */
function leaseFor(state: LedgerState, { report, limits, holder, others }: LeaseInput): Amounts {
  const { open, want, needs } = report
  const all = limitsOf(limits)
  const reserved = plus(spentIn(state, limits), plus(heldBy(others), open))
  const had = holder === undefined ? NOTHING : plus(holder.lease, holder.open)
  const kept = smaller(report.keep, minus(minus(had, sumOf(report.used)), open))
  let needed = NOTHING
  for (const need of needs) {
    const sum = plus(needed, need)
    if (excessOf(plus(plus(reserved, kept), sum), all).length === 0) needed = sum
  }
  const free = minus(all, plus(reserved, needed))
  const share = mapAmounts((dimension) => {
    const shared = (free[dimension] - (isAmount(all[dimension]) ? all[dimension] * UNSHARED : 0)) / SHARES
    return dimension === 'dollars' ? Math.max(shared, 0) : Math.max(Math.floor(shared), 0)
  })
  const lease = plus(needed, larger(kept, smaller(want, share)))
  // What has no limit needs no lease.
  return mapAmounts((dimension) => (isAmount(all[dimension]) ? lease[dimension] : 0))
}

/** The limits as amounts; endless where there is none. */
export function limitsOf({ rpm, tpm, budget, concurrent }: Limits): Amounts {
  const endless = Number.POSITIVE_INFINITY
  return { requests: rpm ?? endless, tokens: tpm ?? endless, dollars: budget ?? endless, calls: concurrent ?? endless }
}

function heldBy(holders: readonly Holder[]): Amounts {
  return holders.reduce((sum, { lease, open }) => plus(sum, plus(lease, open)), NOTHING)
}

function spentIn(state: LedgerState, limits: Limits): Amounts {
  return { requests: state.requests, tokens: state.tokens, dollars: dollarsIn(state, limits), calls: 0 }
}

function dollarsIn(state: LedgerState, { window = 'total' }: Limits): number {
  return window === 'total' ? state.dollars : state.windows[window].dollars
}

interface AnswerInput {
  readonly limits: Limits
  readonly number: number
  readonly lease: Amounts
}

function answerOf(state: LedgerState, { limits, number, lease }: AnswerInput): Answer {
  const { minute, requests, tokens, dollars, at: now } = state
  const [inWindow, held] = [dollarsIn(state, limits), heldBy(state.reports)]
  return { number, now, lease, minute, requests, tokens, dollars, inWindow, held }
}

/** Adds what was used, each row in its minute. No row is later than the ledger's own clock. */
function settle(state: LedgerState, rows: readonly Spent[]): LedgerState {
  let { requests, tokens, dollars, windows } = state
  for (const row of rows) {
    const minute = Math.min(row.minute, state.minute)
    if (minute === state.minute) {
      requests += row.requests
      tokens += row.tokens
    }
    dollars += row.dollars
    windows = mapWindows((window) => {
      const { start, dollars: before } = windows[window]
      return { start, dollars: minute * MINUTE_MS >= start ? before + row.dollars : before }
    })
  }
  return { ...state, requests, tokens, dollars, windows }
}

export function sumOf(rows: readonly Spent[]): Amounts {
  return rows.reduce<Amounts>((sum, row) => plus(sum, { ...row, calls: 0 }), NOTHING)
}

function mapWindows(map: (window: (typeof WINDOWS)[number]) => Windows['day']): Windows {
  return { day: map('day'), week: map('week'), month: map('month') }
}

/** Every isolate that is remembered holds something. */
function isFull(holders: readonly Holder[]): boolean {
  return holders.length >= MAX_REPORTERS && holders.every(isHolding)
}

function isHolding({ lease, open }: Holder): boolean {
  return !isNothing(lease) || !isNothing(open)
}

/** Makes room for one more: whoever holds nothing is forgotten first. */
function withoutOldest(holders: readonly Holder[]): readonly Holder[] {
  if (holders.length < MAX_REPORTERS) return holders
  const oldest = holders.find((holder) => !isHolding(holder)) ?? holders[0]
  return holders.filter((holder) => holder !== oldest)
}

/** Reads a stored state and lets pass what time has passed. States of older versions have neither windows nor leases. */
export function readState(stored: unknown, clock: number): LedgerState {
  const { minute, requests, tokens, dollars, at, windows, reports } = fieldsOf(stored)
  const seen = amountOf(at)
  const now = seen > clock && seen - clock <= MAX_STEP_MS ? seen : clock
  const current = { ...NOTHING_SPENT, minute: minuteOf(now) }
  const spent = {
    minute: Math.min(amountOf(minute), current.minute),
    requests: amountOf(requests),
    tokens: amountOf(tokens),
    dollars: amountOf(dollars),
  }
  return {
    ...addSpent(spent, current),
    at: now,
    windows: mapWindows((window) => {
      const { start: before, dollars: sum } = fieldsOf(fieldsOf(windows)[window])
      const start = windowStart(window, now)
      const known = amountOf(before)
      // A window that has begun does not begin again, should the clock step back.
      return {
        start: known <= now + MAX_AHEAD_MS ? Math.max(known, start) : start,
        dollars: known >= start ? amountOf(sum) : 0,
      }
    }),
    reports: (Array.isArray(reports) ? reports : []).flatMap((report) => readHolder(report, now) ?? []),
  }
}

function readHolder(value: unknown, now: number): Holder | undefined {
  if (!isReportId(value)) return undefined
  const { lease, open, until, openUntil } = fieldsOf(value)
  const leaseEnd = Math.min(amountOf(until), now + LEASE_MS + GRACE_MS)
  const openEnd = Math.min(amountOf(openUntil), now + MAX_CALL_MS)
  return {
    by: value.by,
    number: value.number,
    lease: leaseEnd > now ? toAmounts(lease) : NOTHING,
    open: openEnd > now ? toAmounts(open) : NOTHING,
    until: leaseEnd,
    openUntil: openEnd,
  }
}

function readReport(given: unknown): Report | undefined {
  if (!isReportId(given)) return undefined
  const { used, open, keep, want, needs, usage } = fieldsOf(given)
  const listOf = (list: unknown, most: number): readonly unknown[] => (Array.isArray(list) ? list.slice(0, most) : [])
  const rows = listOf(used, MAX_ROWS).map((row) => {
    const { minute, requests, tokens, dollars } = fieldsOf(row)
    return {
      minute: amountOf(minute),
      requests: amountOf(requests),
      tokens: amountOf(tokens),
      dollars: amountOf(dollars),
    }
  })
  return {
    by: given.by,
    number: given.number,
    used: rows.filter((row) => !isNothing({ ...row, calls: 0 })),
    open: toAmounts(open),
    keep: toAmounts(keep),
    want: toAmounts(want),
    needs: listOf(needs, MAX_NEEDS).map(toAmounts),
    ...(Array.isArray(usage) && usage.length > 0 ? { usage } : {}),
  }
}

function isReportId(value: unknown): value is ReportId {
  const { by, number } = fieldsOf(value)
  return typeof by === 'string' && by.length <= MAX_NAME_CHARACTERS && Number.isSafeInteger(number)
}

/**
 * The state after a report of an isolate of an older version, which holds no lease; `id` may be absent. Such a report is
 * counted each time that it comes, if it has no id.
 */
export function addReport(
  stored: unknown,
  reported: unknown,
  id: unknown,
  clock: number,
): Pick<Exchanged, 'state' | 'changed'> {
  const named = isReportId(id) ? id : undefined
  const report = readReport({ ...(named ?? { by: '', number: 0 }), used: [reported] })
  const state = readState(stored, clock)
  if (report === undefined || report.used.length === 0) return { state, changed: false }
  if (named !== undefined) {
    const { changed, ...after } = exchange(stored, report, {}, clock)
    return { state: after.state, changed }
  }
  return { state: settle(state, report.used), changed: true }
}

/** Reads a ledger's answer; undefined if it makes no sense. */
export function readAnswer(value: unknown): Answer | undefined {
  const { number, now, lease, minute, requests, tokens, dollars, inWindow, held } = fieldsOf(value)
  if (!Number.isSafeInteger(number) || !isAmount(now) || !isAmount(minute) || minute !== minuteOf(now)) return undefined
  if (!isAmount(requests) || !isAmount(tokens) || !isAmount(dollars) || !isAmount(inWindow)) return undefined
  const spent = { minute, requests, tokens, dollars }
  return { ...spent, number: Number(number), now, lease: toAmounts(lease), inWindow, held: toAmounts(held) }
}
