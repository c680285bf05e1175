import { DatabaseSync } from 'node:sqlite'
import { beforeEach, expect, test } from 'vitest'
import { QUERIES } from '../../../src/cli/docs/data-points.ts'
import { BLOBS, DOUBLES, toDataPoint } from '../../../src/telemetry/analytics.ts'
import type { LogLine } from '../../../src/telemetry/log-line.ts'

const LINE: LogLine = {
  level: 'info',
  key: 'key_a',
  event: 'request',
  request: 'req_a',
  model_asked: 'auto',
  model: 'gpt-4o',
  provider: 'openai',
  api: undefined,
  count: undefined,
  stream: true,
  dry_run: undefined,
  status: 200,
  code: undefined,
  kind: undefined,
  fault: undefined,
  reason: undefined,
  detail: undefined,
  left: false,
  attempts: [],
  prompt_tokens: 1000,
  completion_tokens: 100,
  cached_tokens: 0,
  estimated: undefined,
  cost_usd: 0.5,
  ttft_ms: 100,
  total_ms: 900,
  colo: 'FRA',
  trace_id: undefined,
  span_id: undefined,
  sample: undefined,
}
const DAY_SECONDS = 86_400

let database: DatabaseSync
beforeEach(() => {
  database = new DatabaseSync(':memory:')
  const columns = [...BLOBS.map((_, at) => `blob${at + 1}`), ...DOUBLES.map((_, at) => `double${at + 1}`)]
  database.exec(`CREATE TABLE router9 (index1, ${columns.join()}, _sample_interval, timestamp)`)
  // What Analytics Engine has and SQLite has not: each value counts as often as its weight says.
  for (const share of [0.5, 0.95]) {
    database.aggregate(`quantile_${share * 100}`, {
      start: () => JSON.stringify([]),
      step: (all, value, weight) => {
        const values: number[] = JSON.parse(String(all))
        return JSON.stringify([...values, ...Array(Number(weight)).fill(Number(value))])
      },
      result: (all) => {
        const values: number[] = JSON.parse(String(all)).sort((a: number, b: number) => a - b)
        return values[Math.ceil(values.length * share) - 1] ?? null
      },
    })
  }
})

/** Keeps a point as the Worker makes it, which stands for so many, from so many days ago. */
function keep(line: Partial<LogLine>, { stands = 1, daysAgo = 0.01 } = {}): void {
  const { indexes = [], blobs = [], doubles = [] } = toDataPoint({ ...LINE, ...line })
  const values = [...indexes, ...blobs, ...doubles, stands, -daysAgo * DAY_SECONDS].map((value) => value as string)
  database.prepare(`INSERT INTO router9 VALUES (${values.map(() => '?').join()})`).run(...values)
}

/** The answers to one of the documented queries, in SQLite's words. */
function ask(title: RegExp): Record<string, unknown>[] {
  const found = QUERIES.find((query) => title.test(query.title))
  expect.assert(found !== undefined)
  const seconds: Readonly<Record<string, number>> = { DAY: DAY_SECONDS, HOUR: 3600 }
  const sql = found.sql
    .replace(/NOW\(\) - INTERVAL '(\d+)' (\w+)/, (_, count, unit) => String(-count * (seconds[unit] ?? Number.NaN)))
    .replace(/quantileExactWeighted\(([\d.]+)\)/g, (_, share) => `quantile_${Number(share) * 100}`)
  return database
    .prepare(sql)
    .all()
    .map((row) => ({ ...row }))
}

test('spend by key adds up what each point stands for, of thirty days', () => {
  keep({ cost_usd: 0.5 }, { stands: 10 })
  keep({ cost_usd: 0.25, prompt_tokens: 500 })
  keep({ key: 'key_b', cost_usd: 7 })
  keep({ key: 'key_b', cost_usd: 100 }, { daysAgo: 31 })
  expect(ask(/^Spend by key/)).toEqual([
    { key: 'key_b', dollars: 7, prompt: 1000, completion: 100, requests: 1 },
    { key: 'key_a', dollars: 5.25, prompt: 10_500, completion: 1100, requests: 11 },
  ])
})

test('time to first token is of streams that had one, by the provider that answered', () => {
  for (let n = 1; n <= 20; n++) keep({ ttft_ms: n * 10 })
  keep({ ttft_ms: undefined, stream: false })
  keep({ ttft_ms: 5000 }, { daysAgo: 2 })
  keep({ provider: 'groq', ttft_ms: 40 }, { stands: 3 })
  expect(ask(/^Time to first token/)).toEqual([
    { provider: 'openai', p50_ms: 100, p95_ms: 190, streams: 20 },
    { provider: 'groq', p50_ms: 40, p95_ms: 40, streams: 3 },
  ])
})

test('errors are by whose they are and what they are, broken streams included', () => {
  keep({})
  keep({ status: 429, kind: 'rate-limited', fault: 'limit' }, { stands: 4 })
  keep({ status: 200, kind: 'provider-failed', fault: 'provider' })
  keep({ status: 502, kind: 'provider-failed', fault: 'provider' }, { stands: 2 })
  expect(ask(/^Errors by class/)).toEqual([
    { fault: 'limit', kind: 'rate-limited', status: '429', requests: 4 },
    { fault: 'provider', kind: 'provider-failed', status: '502', requests: 2 },
    { fault: 'provider', kind: 'provider-failed', status: '200', requests: 1 },
  ])
})
