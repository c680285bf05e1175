import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { COUNTS, HOUR_MS, LABELS, rollUp } from '../../src/usage/entry.ts'
import { createUsageKeeper } from '../../src/usage/keeper.ts'

const START = Date.parse('2026-02-28T00:30:00Z')

/** A keeper over SQLite in memory, and the database. */
function createKeeper() {
  const database = new DatabaseSync(':memory:')
  const exec = (query: string, ...values: (string | number)[]) => {
    if (query.startsWith('CREATE')) database.exec(query)
    return { toArray: () => (query.startsWith('CREATE') ? [] : database.prepare(query).all(...values)) }
  }
  const storage = { sql: { exec }, setAlarm: async () => {} } as unknown as DurableObjectStorage
  return { keeper: createUsageKeeper(storage, 'key:key_1', undefined), database }
}

function entryOf(at: number, labels: Partial<Record<(typeof LABELS)[number], string>>, request?: string) {
  return {
    hour: Math.floor(at / HOUR_MS),
    labels: LABELS.map((label) => ({ key: 'key_1', status: '2xx', model: 'gpt-4o', ...labels })[label] ?? ''),
    counts: COUNTS.map((name) => (name === 'requests' ? 1 : 0)),
    ...(request === undefined ? {} : { call: { request, at } }),
  }
}

/** So many entries at once as a report has. */
function addAll(keeper: ReturnType<typeof createKeeper>['keeper'], entries: readonly unknown[], now: number): void {
  for (let at = 0; at < entries.length; at += 100) keeper.add(entries.slice(at, at + 100), now)
}

function rowsOf({ database }: ReturnType<typeof createKeeper>) {
  const rows = database.prepare('SELECT hour, labels, counts FROM usage').all()
  return rows.map(({ hour, labels, counts }) => ({
    hour: Number(hour),
    labels: JSON.parse(String(labels)) as string[],
    counts: JSON.parse(String(counts)) as number[],
  }))
}

test('whoever sends another session and model with every call fills 600 rows an hour and 6,000 a day, and all calls count', () => {
  const kept = createKeeper()
  const { keeper } = kept
  // Its first rows stay what they were.
  addAll(keeper, [entryOf(START, { session: 'first' })], START)
  let made = 1
  for (let hour = 0; hour < 24; hour++) {
    const now = START + hour * HOUR_MS
    const sessions = Array.from({ length: 500 }, (_, at) => entryOf(now, { session: `s${at}` }))
    const models = Array.from({ length: 400 }, (_, at) => entryOf(now, { model: `m${at}`, session: `t${at}` }))
    addAll(keeper, [...sessions, ...models], now)
    made += sessions.length + models.length
  }
  const last = START + 23 * HOUR_MS
  addAll(
    keeper,
    Array.from({ length: 200 }, () => entryOf(START, { session: 'first' })),
    last,
  )
  const rows = rowsOf(kept)
  const hours = Map.groupBy(rows, ({ hour }) => hour)
  expect(Math.max(...[...hours.values()].map(({ length }) => length))).toBeLessThanOrEqual(602)
  expect(rows.length).toBeLessThanOrEqual(6048)
  expect(rows.some(({ labels }) => labels.includes('(other)') && labels.includes('gpt-4o'))).toBe(true)
  const first = rows.find(({ labels }) => labels.includes('first'))
  expect(first?.counts[0]).toBeGreaterThan(100)
  const waiting = keeper.kept()?.pending ?? []
  const sum = rollUp([...rows, ...waiting].map(({ counts }) => ({ hour: 0, labels: [], counts })))
  expect(sum[0]?.counts[0]).toBe(made + 200)
})

test('of single calls the last thousand are kept, the newest first', () => {
  const { keeper, database } = createKeeper()
  const calls = Array.from({ length: 5000 }, (_, at) => entryOf(START + at, {}, `req_${at}`))
  addAll(keeper, calls, START + 5000)
  const found = keeper.calls({ limit: 10_000 })
  expect(found.length).toBeGreaterThanOrEqual(1000)
  // A hundred more in the rows, and what waits for them.
  expect(found.length).toBeLessThanOrEqual(1300)
  expect(found.slice(0, 1000).map(({ request }) => request)).toEqual(
    Array.from({ length: 1000 }, (_, at) => `req_${4999 - at}`),
  )
  const { rows } = database.prepare('SELECT count(*) AS rows FROM calls').get() as { rows: number }
  expect(rows).toBeLessThanOrEqual(14)
  expect(keeper.calls({ id: 'req_4998', limit: 1 })).toHaveLength(1)
  expect(keeper.calls({ id: 'req_0', limit: 1 })).toHaveLength(0)
})
