import type { KeyRecord, TeamRecord } from '../../access/keys.ts'
import { keyState, type ProviderRecord } from '../../access/manage-records.ts'

/** A record in a list; undefined where it cannot be read. */
export interface Listed<T> {
  readonly name: string
  readonly record: T | undefined
}

/** Keys as a table, with the names of the unreadable ones below it; or the readable ones as JSON. */
export function keyTable(keys: readonly Listed<KeyRecord>[], now: number, json: boolean): string {
  const columns = ['id', 'name', 'state', 'created', 'expires', 'models', 'limits', 'team']
  return listText(keys, json, 'keys', columns, (record) => [
    record.id,
    record.role === 'management' ? `${record.name} (management)` : record.name,
    keyState(record, now),
    record.created.slice(0, 10),
    record.expires?.slice(0, 16) ?? '-',
    record.models?.join(',') ?? 'all',
    limitsText(record),
    record.team ?? '-',
  ])
}

/** The same of teams. */
export function teamTable(teams: readonly Listed<TeamRecord>[], json: boolean): string {
  return listText(teams, json, 'teams', ['id', 'name', 'state', 'created', 'limits'], (record) => [
    record.id,
    record.name,
    keyState(record, 0),
    record.created.slice(0, 10),
    limitsText(record),
  ])
}

/** The limits of providers. */
export function providerTable(providers: readonly ProviderRecord[], json: boolean): string {
  const listed = providers.map((record) => ({ name: record.id, record }))
  return listText(listed, json, 'limits of providers', ['provider', 'limits'], (record) => [
    record.id,
    limitsText(record),
  ])
}

function listText<T>(
  listed: readonly Listed<T>[],
  json: boolean,
  what: string,
  columns: readonly string[],
  row: (record: T) => readonly string[],
): string {
  const records = listed.flatMap(({ record }) => record ?? [])
  if (json) return JSON.stringify(records, null, 2)
  if (listed.length === 0) return `There are no ${what}.`
  const unreadable = listed.filter(({ record }) => record === undefined).map(({ name }) => `unreadable: ${name}`)
  return [table([columns, ...records.map(row)]), ...unreadable].join('\n')
}

function limitsText({ limits = {} }: Pick<KeyRecord, 'limits'>): string {
  const all = Object.entries(limits).map(([limit, value]) => `${limit} ${value}`)
  return all.join(', ') || '-'
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** A key that was just made. */
export function newKeyText(
  { key, record }: { readonly key: string; readonly record: KeyRecord },
  json: boolean,
): string {
  if (json) return JSON.stringify({ key, ...record })
  const { id, name, role } = record
  const what = role === 'management' ? ', which manages keys and cannot ask models' : ''
  return `${key}\n\nThis is ${id} (${name})${what}. The key is not shown again: keep it safe.`
}

export function revokedText(record: KeyRecord | TeamRecord, json: boolean): string {
  const { id, name } = record
  return json ? JSON.stringify({ id, disabled: true }) : `Revoked ${id} (${name}).`
}
