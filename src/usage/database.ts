import { TIMED_OUT, withTimeout } from '../platform/timeout.ts'
import { COUNTS, type Entry, HOUR_MS, LABELS, type Label } from './entry.ts'

/** The database that the operator has bound for usage; undefined where there is none, or `USAGE` is `off`. */
export function usageDatabase({ USAGE }: { readonly USAGE?: unknown }): D1Database | undefined {
  return typeof USAGE === 'object' && USAGE !== null ? (USAGE as D1Database) : undefined
}

const WAIT_MS = 10_000
const ROWS_PER_STATEMENT = 100
/** Hours are kept so long; days for ever. */
export const HOURS_KEPT = 7 * 24
const PERIODS = { usage_hours: 'hour', usage_days: 'day' } as const
type Table = keyof typeof PERIODS

/** Hours since 1970 as people read them: `2026-02-28T09`, in UTC. */
export function hourText(hour: number): string {
  return new Date(hour * HOUR_MS).toISOString().slice(0, 13)
}

export function dayText(hour: number): string {
  return hourText(hour).slice(0, 10)
}

/**
 * Writes rows as absolute values. Counts of a row never fall, so a write that comes late changes nothing.
 * @throws Error if the database fails, or does not answer within 10 s.
 */
export async function writeRows(
  database: D1Database,
  account: string,
  rows: { readonly hours: readonly Entry[]; readonly days: readonly Entry[] },
  now: number,
): Promise<void> {
  const oldest = hourText(Math.floor(now / HOUR_MS) - HOURS_KEPT)
  const statements = [
    ...upserts(database, 'usage_hours', account, rows.hours),
    ...upserts(database, 'usage_days', account, rows.days),
    database.prepare('DELETE FROM usage_hours WHERE account = ? AND hour < ?').bind(account, oldest),
  ]
  const written = await withTimeout(database.batch(statements), WAIT_MS)
  if (written === TIMED_OUT) throw new Error('no answer in time')
}

function upserts(database: D1Database, table: Table, account: string, rows: readonly Entry[]): D1PreparedStatement[] {
  const columns = [PERIODS[table], ...LABELS, ...COUNTS].map((name) => `"${name}"`)
  const values = columns.map((_, at) => `value ->> ${at}`)
  const sql = `INSERT INTO ${table} (account, ${columns.join()}) SELECT ?1, ${values.join()} FROM json_each(?2) WHERE true
    ON CONFLICT DO UPDATE SET ${COUNTS.map((name) => `${name} = excluded.${name}`).join()}
    WHERE excluded.requests >= ${table}.requests`
  const textOf = table === 'usage_hours' ? hourText : dayText
  const statements: D1PreparedStatement[] = []
  for (let from = 0; from < rows.length; from += ROWS_PER_STATEMENT) {
    const part = rows.slice(from, from + ROWS_PER_STATEMENT)
    const json = JSON.stringify(part.map(({ hour, labels, counts }) => [textOf(hour), ...labels, ...counts]))
    statements.push(database.prepare(sql).bind(account, json))
  }
  return statements
}

export const PERIOD_NAMES = ['day', 'hour'] as const
export type GroupName = Label | (typeof PERIOD_NAMES)[number]

/** What is asked of usage. Periods are as in the tables, both ends included. */
export interface UsageQuery {
  readonly by: readonly GroupName[]
  readonly from: string
  readonly to: string
  readonly filters: Readonly<Partial<Record<Label | 'account', string>>>
  readonly limit: number
}

export type UsageRow = Readonly<Record<string, string | number>>

/** The rows of a query, and the sum of all there are. @throws Error if the database fails. */
export async function queryUsage(
  database: D1Database,
  { by, from, to, filters, limit }: UsageQuery,
): Promise<{ readonly rows: readonly UsageRow[]; readonly totals: UsageRow }> {
  const table: Table = by.includes('hour') ? 'usage_hours' : 'usage_days'
  const period = PERIODS[table]
  const given = Object.entries(filters)
  const where = [...given.map(([name]) => `"${name}" = ?`), `${period} >= ?`, `${period} <= ?`].join(' AND ')
  const values = [...given.map(([, value]) => value), from, to]
  const sums = COUNTS.map((name) => `coalesce(sum(${name}), 0) AS ${name}`).join()
  const groups = by.map((name) => (name === 'day' ? `substr(${period}, 1, 10)` : `"${name}"`))
  const named = groups.map((group, at) => `${group} AS "${by[at]}"`)
  const order = groups.map((_, at) => (isPeriod(by[at]) ? `${at + 1} DESC` : `${at + 1}`)).join()
  const grouped = `SELECT ${[...named, sums].join()} FROM ${table} WHERE ${where} GROUP BY ${groups.join()} ORDER BY ${order} LIMIT ?`
  const [rows, totals] = await database.batch<UsageRow>([
    database.prepare(grouped).bind(...values, limit),
    database.prepare(`SELECT ${sums} FROM ${table} WHERE ${where}`).bind(...values),
  ])
  return { rows: rows?.results ?? [], totals: totals?.results[0] ?? {} }
}

function isPeriod(name: GroupName | undefined): boolean {
  return name === 'day' || name === 'hour'
}

/** The accounts with usage since a day, those that were used most first. @throws Error if the database fails. */
export async function accountsSince(database: D1Database, day: string, limit: number): Promise<readonly string[]> {
  const sql =
    'SELECT account FROM usage_days WHERE day >= ? GROUP BY account ORDER BY max(day) DESC, sum(requests) DESC LIMIT ?'
  const { results } = await database.prepare(sql).bind(day, limit).all<{ account: string }>()
  return results.map(({ account }) => account)
}

/** The budget of an account, and the day since which its usage counts: the first one of the window that is running. */
export type BudgetSince = readonly [account: string, dollars: number, day: string]

const BUDGETS_PER_STATEMENT = 5000

/** What all accounts have used, and what is left of these budgets, in US dollars. @throws Error if the database fails. */
export async function sumCredits(
  database: D1Database,
  budgets: readonly BudgetSince[],
): Promise<{ readonly spent: number; readonly left: number }> {
  const sql = `SELECT coalesce(sum(max(value ->> 1 - (
    SELECT coalesce(sum(cost_usd), 0) FROM usage_days WHERE account = value ->> 0 AND day >= value ->> 2
  ), 0)), 0) AS dollars FROM json_each(?)`
  const statements = [database.prepare('SELECT coalesce(sum(cost_usd), 0) AS dollars FROM usage_days')]
  for (let from = 0; from < budgets.length; from += BUDGETS_PER_STATEMENT) {
    const part = JSON.stringify(budgets.slice(from, from + BUDGETS_PER_STATEMENT))
    statements.push(database.prepare(sql).bind(part))
  }
  const [spent = 0, ...left] = (await database.batch<{ dollars: number }>(statements)).map(
    ({ results }) => results[0]?.dollars ?? 0,
  )
  return { spent, left: left.reduce((sum, dollars) => sum + dollars, 0) }
}
