import { addSpent, MINUTE_MS, NOTHING_SPENT, type Spent } from './budget.ts'

/** Identifies a report. Each isolate numbers its reports for each key, and repeats a report until it is answered. */
export interface ReportId {
  /** A random name of the isolate's account. */
  readonly by: string
  readonly number: number
}

/** What a ledger stores for its key. */
export interface LedgerState extends Spent {
  /** The last report that was counted of each isolate; the most recent at the end. */
  readonly reports: readonly ReportId[]
}

/** A repeated report is recognized while its isolate is among this many that reported last. */
const MAX_REPORTERS = 500
const MAX_NAME_CHARACTERS = 40

/**
 * The state of a ledger after a report (accounts 4), and whether it has changed. Reports without an id, and states without
 * reports, come from older versions: such reports are counted each time.
 */
export function recordReport(
  storedState: unknown,
  reported: unknown,
  id: unknown,
  now: number,
): { state: LedgerState; changed: boolean } {
  const state = { ...toSpent(storedState, now), reports: readReports(storedState) }
  const spent = toSpent(reported, now)
  if (spent.requests === 0 && spent.tokens === 0 && spent.dollars === 0) return { state, changed: false }
  if (!isReportId(id)) return { state: { ...addSpent(state, spent), reports: state.reports }, changed: true }
  const last = state.reports.find(({ by }) => by === id.by)
  if (last !== undefined && last.number >= id.number) return { state, changed: false }
  const others = state.reports.filter((other) => other !== last).slice(1 - MAX_REPORTERS)
  const { by, number } = id
  return { state: { ...addSpent(state, spent), reports: [...others, { by, number }] }, changed: true }
}

/** Reads a ledger's answer: what its key has spent; undefined if the answer makes no sense. */
export function readSpent(answer: unknown, now: number): Spent | undefined {
  const { minute, requests, tokens, dollars } = fieldsOf(answer)
  if (!isAmount(minute) || !isAmount(requests) || !isAmount(tokens) || !isAmount(dollars)) return undefined
  return minute > maxMinute(now) ? undefined : { minute, requests, tokens, dollars }
}

/** Keeps each field that makes sense: one broken field must not lose the others. */
function toSpent(value: unknown, now: number): Spent {
  const { minute, requests, tokens, dollars } = fieldsOf(value)
  const amount = (field: unknown) => (isAmount(field) ? field : 0)
  return {
    minute: Math.min(amount(minute), maxMinute(now)),
    requests: amount(requests),
    tokens: amount(tokens),
    dollars: amount(dollars),
  }
}

/** Clocks may differ a little. A minute further in the future would stop all counting until it has come. */
function maxMinute(now: number): number {
  return Math.floor(now / MINUTE_MS) + 1
}

/** The larger of two totals: what was spent does not become less. */
export function latestSpent(one: Spent, other: Spent): Spent {
  const minute = Math.max(one.minute, other.minute)
  const inMinute = (spent: Spent) => (spent.minute === minute ? spent : NOTHING_SPENT)
  return {
    minute,
    requests: Math.max(inMinute(one).requests, inMinute(other).requests),
    tokens: Math.max(inMinute(one).tokens, inMinute(other).tokens),
    dollars: Math.max(one.dollars, other.dollars),
  }
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY
}

function isReportId(value: unknown): value is ReportId {
  const { by, number } = fieldsOf(value)
  return typeof by === 'string' && by.length <= MAX_NAME_CHARACTERS && Number.isSafeInteger(number)
}

function readReports(storedState: unknown): readonly ReportId[] {
  const { reports } = fieldsOf(storedState)
  return Array.isArray(reports) ? reports.filter(isReportId) : []
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}
