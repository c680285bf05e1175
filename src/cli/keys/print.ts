import type { KeyRecord } from '../../access/keys.ts'
import type { ListedKey } from '../shared/key-store.ts'

/** Keys as a table, with the names of the unreadable ones below it; or the readable ones as JSON. */
export function keyTable(keys: readonly ListedKey[], now: number, json: boolean): string {
  const records = keys.flatMap(({ record }) => record ?? [])
  if (json) return JSON.stringify(records, null, 2)
  if (keys.length === 0) return 'There are no keys.'
  const rows = records.map((record) => [
    record.id,
    record.name,
    keyState(record, now),
    record.created.slice(0, 10),
    record.expires?.slice(0, 16) ?? '-',
    record.models?.join(',') ?? 'all',
    Object.entries(record.limits ?? {})
      .map(([limit, value]) => `${limit} ${value}`)
      .join(', ') || '-',
  ])
  const unreadable = keys.filter(({ record }) => record === undefined).map(({ name }) => `unreadable: ${name}`)
  return [table([['id', 'name', 'state', 'created', 'expires', 'models', 'limits'], ...rows]), ...unreadable].join('\n')
}

/** Whether a key is accepted now, and why not. */
export function keyState(
  { disabled, expires }: Pick<KeyRecord, 'disabled' | 'expires'>,
  now: number,
): 'active' | 'revoked' | 'expired' {
  if (disabled === true) return 'revoked'
  return expires !== undefined && Date.parse(expires) <= now ? 'expired' : 'active'
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
