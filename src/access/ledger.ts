import { addSpent, MINUTE_MS, NOTHING_SPENT, type Spent } from './budget.ts'

/** Names a report: an isolate counts its own for each key, and repeats one until it is answered. */
export interface ReportId {
  readonly by: string
  readonly number: number
}

/** What a ledger keeps of its key. */
export interface LedgerState extends Spent {
  /** The last report that was counted of each isolate, the one heard last at the end. */
  readonly reports: readonly ReportId[]
}

/** A repeated report is told from a new one while its isolate is among so many that reported last. */
const MAX_REPORTERS = 500
const NAME_CHARACTERS = 40

/**
 * What a ledger keeps after a report, and what it kept before where there was nothing to count. Takes reports of versions
 * that name none (they are counted as they come), and what such versions kept.
 */
export function recordReport(
  before: unknown,
  told: unknown,
  id: unknown,
  now: number,
): { kept: LedgerState; changed: boolean } {
  const kept = { ...possible(before, now), reports: reportsIn(before) }
  const spent = possible(told, now)
  if (spent.requests === 0 && spent.tokens === 0 && spent.dollars === 0) return { kept, changed: false }
  if (!isReportId(id)) return { kept: { ...addSpent(kept, spent), reports: kept.reports }, changed: true }
  const last = kept.reports.find(({ by }) => by === id.by)
  if (last !== undefined && last.number >= id.number) return { kept, changed: false }
  const others = kept.reports.filter((other) => other !== last).slice(1 - MAX_REPORTERS)
  const { by, number } = id
  return { kept: { ...addSpent(kept, spent), reports: [...others, { by, number }] }, changed: true }
}

/** What a ledger says was spent; undefined where that cannot be. */
export function spentOf(answer: unknown, now: number): Spent | undefined {
  const { minute, requests, tokens, dollars } = fieldsOf(answer)
  if (!isAmount(minute) || !isAmount(requests) || !isAmount(tokens) || !isAmount(dollars)) return undefined
  return minute > lastMinute(now) ? undefined : { minute, requests, tokens, dollars }
}

/** Of what is kept or told, whatever of it can be: the rest must not be lost with what is broken. */
function possible(value: unknown, now: number): Spent {
  const { minute, requests, tokens, dollars } = fieldsOf(value)
  const amount = (given: unknown) => (isAmount(given) ? given : 0)
  return {
    minute: Math.min(amount(minute), lastMinute(now)),
    requests: amount(requests),
    tokens: amount(tokens),
    dollars: amount(dollars),
  }
}

/** Clocks may differ a little; but where a minute still to come was believed, nothing would count in this one. */
function lastMinute(now: number): number {
  return Math.floor(now / MINUTE_MS) + 1
}

/** The later of two words on what was spent: what was spent once is not unspent. */
export function latestSpent(one: Spent, other: Spent): Spent {
  const minute = Math.max(one.minute, other.minute)
  const within = (spent: Spent) => (spent.minute === minute ? spent : NOTHING_SPENT)
  return {
    minute,
    requests: Math.max(within(one).requests, within(other).requests),
    tokens: Math.max(within(one).tokens, within(other).tokens),
    dollars: Math.max(one.dollars, other.dollars),
  }
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY
}

function isReportId(value: unknown): value is ReportId {
  const { by, number } = fieldsOf(value)
  return typeof by === 'string' && by.length <= NAME_CHARACTERS && Number.isSafeInteger(number)
}

function reportsIn(kept: unknown): readonly ReportId[] {
  const { reports } = fieldsOf(kept)
  return Array.isArray(reports) ? reports.filter(isReportId) : []
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}
