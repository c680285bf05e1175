import type { Fields } from '../../api/address.ts'

export const GROUPS = {
  model: 'model',
  key: 'key',
  team: 'team',
  provider: 'provider',
  project: 'project',
  client: 'client',
  status: 'status',
} as const
export type GroupName = keyof typeof GROUPS

export const MEASURES = { dollars: 'Dollars', tokens: 'Tokens', requests: 'Requests', failures: 'Failures' } as const
export type Measure = keyof typeof MEASURES

export const RANGES = {
  '24h': '24 hours',
  '7d': '7 days',
  '30d': '30 days',
  month: 'This month',
  custom: 'From … to',
} as const
export type Range = keyof typeof RANGES
export type Period = 'day' | 'hour'

/** What the page asks. Periods are in UTC, as `GET /v1/usage` has them: `2026-02-28`, `2026-02-28T09`; both ends are included. */
export interface Question {
  readonly range: Range
  readonly by: GroupName
  readonly show: Measure
  readonly per: Period
  /** Whether hours can be asked for: they are kept for seven days. */
  readonly hasHours: boolean
  readonly from: string
  readonly to: string
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const HOURS_KEPT_MS = 7 * DAY_MS
/** Nobody sees more bars, and a mistyped year must not make a million. */
const MAX_PERIODS = 1100

/** The question in the address. What makes no sense there is what is asked without it. */
export function readQuestion(fields: Fields, now: number): Question {
  const range: Range = memberOf<Range>(RANGES, fields.range, '30d')
  const [start, end] = spanOf(range, fields, now)
  const hasHours = start >= now - HOURS_KEPT_MS && range !== '30d' && range !== 'month'
  const per = hasHours && (fields.per === 'hour' || (range === '24h' && fields.per !== 'day')) ? 'hour' : 'day'
  const hours = range === '24h' || range === '7d'
  const length = per === 'hour' ? 13 : 10
  return {
    range,
    by: memberOf<GroupName>(GROUPS, fields.by, 'model'),
    show: memberOf<Measure>(MEASURES, fields.show, 'dollars'),
    per,
    hasHours,
    from: textOf(start, length),
    // A last day has all of its hours.
    to: textOf(per === 'hour' && !hours ? Math.min(end + DAY_MS - HOUR_MS, now) : end, length),
  }
}

function memberOf<Name extends string>(
  all: Readonly<Record<Name, unknown>>,
  given: string | undefined,
  usual: Name,
): Name {
  return given !== undefined && Object.hasOwn(all, given) ? (given as Name) : usual
}

function spanOf(range: Range, { from, to }: Fields, now: number): readonly [number, number] {
  if (range === '24h') return [now - 23 * HOUR_MS, now]
  if (range === '7d') return [now - 6 * DAY_MS, now]
  if (range === 'month') return [Date.parse(`${textOf(now, 7)}-01`), now]
  if (range === '30d') return [now - 29 * DAY_MS, now]
  const end = dayOf(to) ?? now
  const start = dayOf(from) ?? end - 29 * DAY_MS
  return start <= end ? [start, end] : [end, start]
}

function dayOf(text: string | undefined): number | undefined {
  const at = /^\d{4}-\d\d-\d\d$/.test(text ?? '') ? Date.parse(`${text}`) : Number.NaN
  return Number.isNaN(at) ? undefined : at
}

function textOf(at: number, length: number): string {
  return new Date(at).toISOString().slice(0, length)
}

/** The periods of a question, the oldest first. */
export function periodsOf({ per, from, to }: Pick<Question, 'per' | 'from' | 'to'>): readonly string[] {
  const [step, length] = per === 'hour' ? [HOUR_MS, 13] : [DAY_MS, 10]
  const periods: string[] = []
  const last = secondsOf(to) * 1000
  for (let at = secondsOf(from) * 1000; at <= last && periods.length < MAX_PERIODS; at += step) {
    periods.push(textOf(at, length))
  }
  return periods
}

/** When a period begins, in seconds since 1970. */
export function secondsOf(period: string): number {
  return Date.parse(period.length === 13 ? `${period}:00Z` : period) / 1000
}
