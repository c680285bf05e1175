import { ask } from '../../api/request.ts'
import { type Measure, periodsOf, type Question } from './question.ts'

/** What is added up, as `GET /v1/usage` has it. */
export interface Sums {
  readonly requests: number
  readonly failures: number
  readonly prompt_tokens: number
  readonly cached_tokens: number
  readonly completion_tokens: number
  readonly reasoning_tokens: number
  readonly cost_usd: number
}

/** What is added up, in the order in which a file has it. */
export const COUNTS = [
  'requests',
  'failures',
  'prompt_tokens',
  'cached_tokens',
  'completion_tokens',
  'reasoning_tokens',
  'cost_usd',
] as const satisfies readonly (keyof Sums)[]
const NOTHING = Object.fromEntries(COUNTS.map((name) => [name, 0])) as unknown as Sums

/** One model, key, …: its sums in all and in each period. */
export interface Group {
  readonly value: string
  readonly sums: Sums
  readonly periods: ReadonlyMap<string, Sums>
}

export interface Report {
  readonly question: Question
  /** All of the range, the oldest first. */
  readonly periods: readonly string[]
  /** The largest first. */
  readonly groups: readonly Group[]
  /** All groups that do not stand alone; undefined where each does. */
  readonly rest: Group | undefined
  readonly totals: Sums
}

type Row = Sums & Readonly<Record<string, string>>

interface Answer {
  readonly data: readonly Row[]
  readonly has_more: boolean
  readonly totals: Sums
}

/** So many groups have a colour of their own. */
const MAX_COLOURS = 7

export function amountOf(measure: Measure, sums: Sums): number {
  if (measure === 'dollars') return sums.cost_usd
  return measure === 'tokens' ? sums.prompt_tokens + sums.completion_tokens : sums[measure]
}

/**
 * Sums by group and period. An answer has 1,000 rows at most: where there are more, the largest groups are asked for one by one,
 * and all others are what is left of the total. So no number is wrong; there are only fewer of them.
 */
export async function loadReport(question: Question, signal: AbortSignal): Promise<Report> {
  const { by, per } = question
  const answer = await askFor(question, `${per},${by}`, {}, signal)
  const groups = sorted(groupsIn(answer.data, question), question)
  const known = { question, periods: periodsOf(question), totals: answer.totals }
  if (!answer.has_more) return { ...known, groups, rest: undefined }
  // Sums of whole days are there without the days; which hour's groups are the largest, the newest hours say.
  const ranked =
    per === 'hour' ? groups : sorted(groupsIn((await askFor(question, by, {}, signal)).data, question), question)
  const largest = ranked.slice(0, MAX_COLOURS)
  const [all, ...each] = await Promise.all([
    askFor(question, per, {}, signal),
    ...largest.map(({ value }) => askFor(question, per, { [by]: value }, signal)),
  ])
  const alone = each.map(({ data, totals }, at) => ({
    value: largest[at]?.value ?? '',
    sums: totals,
    periods: new Map(data.map((row) => [row[per] ?? '', row])),
  }))
  const whole: Group = {
    value: '',
    sums: answer.totals,
    periods: new Map(all.data.map((row) => [row[per] ?? '', row])),
  }
  return { ...known, groups: sorted(alone, question), rest: without(whole, alone) }
}

function askFor(
  { from, to }: Question,
  by: string,
  filter: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Answer> {
  return ask<Answer>(`/v1/usage?${new URLSearchParams({ by, from, to, ...filter })}`, { signal })
}

function groupsIn(rows: readonly Row[], { by, per }: Question): readonly Group[] {
  const groups = new Map<string, { value: string; sums: Sums; periods: Map<string, Sums> }>()
  for (const row of rows) {
    const value = row[by] ?? ''
    const group = groups.get(value) ?? { value, sums: NOTHING, periods: new Map<string, Sums>() }
    group.sums = combine(group.sums, row, 1)
    group.periods.set(row[per] ?? '', row)
    groups.set(value, group)
  }
  return [...groups.values()]
}

function sorted(groups: readonly Group[], { show }: Question): readonly Group[] {
  const sizeOf = ({ sums }: Group) => amountOf(show, sums)
  return [...groups].sort((one, other) => sizeOf(other) - sizeOf(one) || other.sums.requests - one.sums.requests)
}

/** The first groups alone, and all others as one: what a chart has colours for. */
export function withColours({ groups, rest }: Report): { readonly shown: readonly Group[]; readonly others?: Group } {
  const shown = groups.slice(0, MAX_COLOURS)
  const small = groups.slice(MAX_COLOURS)
  const others = [...small, ...(rest ? [rest] : [])]
  return others.length === 0 ? { shown } : { shown, others: others.reduce(together) }
}

function together(one: Group, other: Group): Group {
  const periods = new Map(one.periods)
  for (const [period, sums] of other.periods) periods.set(period, combine(periods.get(period) ?? NOTHING, sums, 1))
  return { value: '', sums: combine(one.sums, other.sums, 1), periods }
}

function without(whole: Group, parts: readonly Group[]): Group {
  const less = (sums: Sums, of: (group: Group) => Sums | undefined) =>
    parts.reduce((left, group) => combine(left, of(group) ?? NOTHING, -1), sums)
  return {
    value: '',
    sums: less(whole.sums, ({ sums }) => sums),
    periods: new Map([...whole.periods].map(([at, sums]) => [at, less(sums, ({ periods }) => periods.get(at))])),
  }
}

/** Sums of both, or what is left; rounding must not leave less than nothing. */
function combine(one: Sums, other: Sums, sign: 1 | -1): Sums {
  const entries = COUNTS.map((name) => [name, Math.max(0, one[name] + sign * other[name])])
  return Object.fromEntries(entries) as unknown as Sums
}

/** The sums of each period over all groups, the newest first. */
export function byPeriod({ groups, rest, periods }: Report): readonly (readonly [string, Sums])[] {
  const all = [...groups, ...(rest ? [rest] : [])].reduce(together, { value: '', sums: NOTHING, periods: new Map() })
  return periods.map((period) => [period, all.periods.get(period) ?? NOTHING] as const).reverse()
}
