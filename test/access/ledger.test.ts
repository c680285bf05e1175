import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addSpent, NOTHING_SPENT, type Spent } from '../../src/access/budget.ts'
import { latestSpent, type ReportId, readSpent, recordReport } from '../../src/access/ledger.ts'

const NOW = 7 * 60_000
const used = { minute: 7, requests: 1, tokens: 20, dollars: 0.5 }
const id = (number: number, by = 'a'): ReportId => ({ by, number })
const record = (stored: unknown, reported: unknown, reportId?: unknown) => recordReport(stored, reported, reportId, NOW)

describe('a ledger', () => {
  test('counts a report once, however often it comes', () => {
    const { state } = record(undefined, used, id(1))
    expect(state).toMatchObject(used)
    expect(record(state, used, id(1))).toEqual({ state, changed: false })
    expect(record(state, used, id(2)).state.requests).toBe(2)
    expect(record(state, used, id(1, 'b')).state.requests).toBe(2)
  })

  test('counts a report without an id each time it comes', () => {
    const { state } = record(undefined, used, id(1))
    expect(record(state, used).state).toEqual({ ...state, requests: 2, tokens: 40, dollars: 1 })
  })

  test('takes over the state of an older version, which takes over ours', () => {
    expect(record(used, used, id(1)).state).toMatchObject({ requests: 2, dollars: 1 })
    const { state } = record(undefined, used, id(1))
    expect(addSpent(state, used)).toEqual({ minute: 7, requests: 2, tokens: 40, dollars: 1 })
  })

  test('stores nothing when a report is empty', () => {
    expect(record(undefined, NOTHING_SPENT).changed).toBe(false)
  })

  test('remembers a bounded number of isolates', () => {
    let state: unknown
    for (let at = 0; at < 1200; at++) state = record(state, used, id(1, `isolate ${at}`)).state
    const { reports } = state as { reports: readonly ReportId[] }
    expect(reports).toHaveLength(500)
    expect(record(state, used, id(1, 'isolate 1199')).changed).toBe(false)
  })

  test.each<[string, unknown, unknown, Partial<Spent>]>([
    ['NaN in its state', { ...used, dollars: Number.NaN }, used, { requests: 2, tokens: 40, dollars: 0.5 }],
    ['NaN in the report', used, { ...used, dollars: Number.NaN }, { requests: 2, tokens: 40, dollars: 0.5 }],
    [
      'endless tokens in the report',
      used,
      { ...used, tokens: Number.POSITIVE_INFINITY },
      { requests: 2, tokens: 20, dollars: 1 },
    ],
    ['a negative amount in the report', used, { ...used, dollars: -5 }, { requests: 2, tokens: 40, dollars: 0.5 }],
    ['a far minute in the report', used, { ...used, minute: 1e9 }, { minute: 8, requests: 1, dollars: 1 }],
    ['a far minute in its state', { ...used, minute: 1e9 }, used, { minute: 8, requests: 1, dollars: 1 }],
  ])('adds up without %s', (_, stored, reported, expected) => {
    expect(record(stored, reported, id(1)).state).toMatchObject(expected)
  })
})

test('an answer that makes no sense is not taken for a total', () => {
  expect(readSpent(used, NOW)).toEqual(used)
  for (const answer of [undefined, null, 7, 'x', [], {}, { ...used, dollars: undefined }, { ...used, minute: 99 }]) {
    expect(readSpent(answer, NOW)).toBeUndefined()
  }
})

const spent = fc.record({ requests: fc.nat(9), tokens: fc.nat(999), dollars: fc.nat(99) })

test('whatever is repeated or overtaken, the total is what was used', () => {
  // Each report comes at least once, in its isolate's order, and any number of times after that before the next one.
  const report = fc.record({ spent, by: fc.constantFrom('a', 'b', 'c'), times: fc.integer({ min: 1, max: 4 }) })
  fc.assert(
    fc.property(fc.array(report, { maxLength: 40 }), fc.infiniteStream(fc.nat()), (reports, chance) => {
      const queues = new Map<string, { reported: Spent; number: number; times: number }[]>()
      for (const { spent: amount, by, times } of reports) {
        const queue = queues.get(by) ?? []
        queue.push({ reported: { minute: 7, ...amount }, number: queue.length + 1, times })
        queues.set(by, queue)
      }
      let state: unknown
      while ([...queues.values()].some((queue) => queue.length > 0)) {
        const open = [...queues].filter(([, queue]) => queue.length > 0)
        const [by, queue] = open[(chance.next().value ?? 0) % open.length] ?? ['', []]
        const [head] = queue
        if (head === undefined) continue
        state = record(state, head.reported, { by, number: head.number }).state
        if (--head.times === 0) queue.shift()
      }
      const all = reports.reduce((sum, one) => addSpent(sum, { minute: 7, ...one.spent }), NOTHING_SPENT)
      const { requests, tokens, dollars } = (state ?? NOTHING_SPENT) as Spent
      expect({ requests, tokens, dollars }).toEqual({
        requests: all.requests,
        tokens: all.tokens,
        dollars: all.dollars,
      })
    }),
  )
})

test('the latest of two totals is not below either of them', () => {
  const total = fc.record({ minute: fc.nat(3), requests: fc.nat(9), tokens: fc.nat(9), dollars: fc.nat(9) })
  fc.assert(
    fc.property(total, total, (one, other) => {
      const latest = latestSpent(one, other)
      expect(latestSpent(other, one)).toEqual(latest)
      for (const before of [one, other]) {
        expect(latest.dollars).toBeGreaterThanOrEqual(before.dollars)
        if (before.minute === latest.minute) expect(latest.requests).toBeGreaterThanOrEqual(before.requests)
      }
    }),
  )
})
