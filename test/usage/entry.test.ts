import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addEntry,
  type Call,
  COUNTS,
  type Entry,
  HOUR_MS,
  LABELS,
  OTHER,
  readEntries,
  rollUp,
  sumOf,
  toEntry,
} from '../../src/usage/entry.ts'

const CALL: Call = {
  request: 'req_1',
  id: 'chatcmpl-1',
  at: 5 * HOUR_MS + 1,
  key: 'key_1',
  status: '2xx',
  model_asked: 'gpt-4o',
  model: 'openai/gpt-4o',
  provider: 'openai',
  api: undefined,
  stream: true,
  http_status: 200,
  code: undefined,
  kind: undefined,
  fault: undefined,
  left: false,
  attempts: [],
  prompt_tokens: 10,
  cached_tokens: 4,
  completion_tokens: 20,
  reasoning_tokens: 5,
  estimated: undefined,
  cost_usd: 0.25,
  ttft_ms: 250,
  total_ms: 900,
}

function named(entry: Entry | undefined): Record<string, unknown> {
  const pairs = [
    ...LABELS.map((name, at) => [name, entry?.labels[at]]),
    ...COUNTS.map((name, at) => [name, entry?.counts[at]]),
  ]
  return Object.fromEntries(pairs.filter(([, value]) => value !== '' && value !== 0))
}

const totalOf = (entries: readonly Entry[]) =>
  entries.reduce((sum, { counts }) => sumOf(sum, counts), COUNTS.map(() => 0) as readonly number[])

test('the row of a call says whose it was, who answered, and what it used', () => {
  const entry = toEntry(CALL, 'all')
  expect(entry.labels).toHaveLength(LABELS.length)
  expect(entry.counts).toHaveLength(COUNTS.length)
  expect(named(entry)).toEqual({
    key: 'key_1',
    status: '2xx',
    model: 'openai/gpt-4o',
    provider: 'openai',
    requests: 1,
    prompt_tokens: 10,
    cached_tokens: 4,
    completion_tokens: 20,
    reasoning_tokens: 5,
    cost_usd: 0.25,
    ttft_250: 1,
  })
})

test.each([
  [100, 'ttft_100'],
  [101, 'ttft_250'],
  [10_000, 'ttft_10000'],
  [10_001, 'ttft_more'],
])('a first token after %i ms counts as %s alone', (ttft_ms, column) => {
  const counts = named(toEntry({ ...CALL, ttft_ms }, 'off'))
  expect(Object.keys(counts).filter((name) => name.startsWith('ttft_'))).toEqual([column])
})

test('a failure is what neither the caller nor a client that left has done', () => {
  const failuresOf = (kind: string, fault: string) => named(toEntry({ ...CALL, kind, fault }, 'off')).failures
  expect(failuresOf('provider-failed', 'provider')).toBe(1)
  expect(failuresOf('invalid-value', 'caller')).toBeUndefined()
  expect(failuresOf('client-left', 'left')).toBeUndefined()
})

test('the operator decides which calls are kept one by one', () => {
  const failed = { ...CALL, kind: 'invalid-value', fault: 'caller' }
  expect(toEntry(CALL, 'all').call).toEqual(CALL)
  expect(toEntry(CALL, 'failures').call).toBeUndefined()
  expect(toEntry(failed, 'failures').call).toEqual(failed)
  expect(toEntry(failed, 'off').call).toBeUndefined()
})

const anyCall = fc.record({
  hour: fc.nat(3),
  session: fc.nat(400),
  model: fc.nat(400),
  prompt_tokens: fc.nat(1000),
  cost_usd: fc.nat(1000),
})

test('however many calls wait for a report, none is lost, and they take a bounded place', () => {
  const property = fc.property(fc.array(anyCall, { maxLength: 900, size: 'max' }), (calls) => {
    const entries: Entry[] = []
    const all = calls.map(({ hour, session, model, ...counts }) =>
      toEntry({ ...CALL, ...counts, at: hour * HOUR_MS, session: `s${session}`, model: `m${model}` }, 'all'),
    )
    for (const entry of all) addEntry(entries, entry)
    expect(entries.length).toBeLessThanOrEqual(200)
    expect(totalOf(entries)).toEqual(totalOf(all))
    expect(totalOf(rollUp(entries))).toEqual(totalOf(all))
    // The newest calls are still there one by one.
    expect(entries.slice(-50).filter(({ call }) => call !== undefined)).toHaveLength(Math.min(calls.length, 50))
    for (const { labels } of entries) expect(labels[0]).toBe('key_1')
  })
  fc.assert(property, { numRuns: 30 })
})

describe('what a report says', () => {
  const now = 100 * HOUR_MS

  test('is read again as it was', () => {
    const entry = toEntry({ ...CALL, at: now }, 'all')
    expect(readEntries(structuredClone([entry]), now)).toEqual([entry])
  })

  test('counts now where its hour cannot be, and what is broken counts nothing', () => {
    const { labels, counts } = toEntry(CALL, 'off')
    const hours = [101, 50, Number.NaN, '99', 99].map((hour) => ({ hour, labels, counts }))
    expect(readEntries(hours, now).map(({ hour }) => hour)).toEqual([100, 100, 100, 100, 99])
    const broken = { hour: 99, labels: ['x'.repeat(500), 7], counts: [1, -1, Number.NaN, '3', Infinity] }
    const [read] = readEntries([null, 7, {}, { labels }, broken], now)
    expect(named(read)).toEqual({ key: 'x'.repeat(100), team: '7', requests: 1 })
    expect(readEntries([null, 7, {}, { labels }], now)).toEqual([])
  })
})

test('labels that are too many are told apart by the key and the status in the end', () => {
  const entries: Entry[] = []
  for (let at = 0; at < 1000; at++) {
    addEntry(entries, toEntry({ ...CALL, session: `s${at}`, model: `m${at}`, team: 'team_1' }, 'off'))
  }
  const oldest = named(entries[0])
  expect(oldest).toMatchObject({ key: 'key_1', team: 'team_1', status: '2xx', model: OTHER, session: OTHER })
})
