import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addSpent, NOTHING_SPENT, type Spent } from '../../src/access/budget.ts'
import { latestSpent, type ReportId, recordReport, spentOf } from '../../src/access/ledger.ts'

const NOW = 7 * 60_000
const used = { minute: 7, requests: 1, tokens: 20, dollars: 0.5 }
const id = (number: number, by = 'a'): ReportId => ({ by, number })
const record = (before: unknown, told: unknown, report?: unknown) => recordReport(before, told, report, NOW)

describe('a ledger', () => {
  test('counts a report once, however often it comes', () => {
    const { kept } = record(undefined, used, id(1))
    expect(kept).toMatchObject(used)
    expect(record(kept, used, id(1))).toEqual({ kept, changed: false })
    expect(record(kept, used, id(2)).kept.requests).toBe(2)
    expect(record(kept, used, id(1, 'b')).kept.requests).toBe(2)
  })

  test('counts what isolates of a version without names for reports tell, as often as it comes', () => {
    const { kept } = record(undefined, used, id(1))
    expect(record(kept, used).kept).toEqual({ ...kept, requests: 2, tokens: 40, dollars: 1 })
  })

  test('goes on from what a version without names for reports has kept, and the other way round', () => {
    expect(record(used, used, id(1)).kept).toMatchObject({ requests: 2, dollars: 1 })
    const { kept } = record(undefined, used, id(1))
    expect(addSpent(kept, used)).toEqual({ minute: 7, requests: 2, tokens: 40, dollars: 1 })
  })

  test('keeps nothing of what is told without anything used', () => {
    expect(record(undefined, NOTHING_SPENT).changed).toBe(false)
  })

  test('remembers as many isolates as there may be, and no more', () => {
    let kept: unknown
    for (let at = 0; at < 1200; at++) kept = record(kept, used, id(1, `isolate ${at}`)).kept
    const { reports } = kept as { reports: readonly ReportId[] }
    expect(reports).toHaveLength(500)
    expect(record(kept, used, id(1, 'isolate 1199')).changed).toBe(false)
  })

  test.each<[string, unknown, unknown, Partial<Spent>]>([
    ['NaN that was kept', { ...used, dollars: Number.NaN }, used, { requests: 2, tokens: 40, dollars: 0.5 }],
    ['NaN that is told', used, { ...used, dollars: Number.NaN }, { requests: 2, tokens: 40, dollars: 0.5 }],
    ['endless tokens', used, { ...used, tokens: Number.POSITIVE_INFINITY }, { requests: 2, tokens: 20, dollars: 1 }],
    ['what takes away', used, { ...used, dollars: -5 }, { requests: 2, tokens: 40, dollars: 0.5 }],
    ['a minute that is far', used, { ...used, minute: 1e9 }, { minute: 8, requests: 1, dollars: 1 }],
    ['a minute that was far', { ...used, minute: 1e9 }, used, { minute: 8, requests: 1, dollars: 1 }],
  ])('adds up without %s', (_, before, told, expected) => {
    expect(record(before, told, id(1)).kept).toMatchObject(expected)
  })
})

test('what is no sum of a ledger is none', () => {
  expect(spentOf(used, NOW)).toEqual(used)
  for (const answer of [undefined, null, 7, 'x', [], {}, { ...used, dollars: undefined }, { ...used, minute: 99 }]) {
    expect(spentOf(answer, NOW)).toBeUndefined()
  }
})

const spent = fc.record({ requests: fc.nat(9), tokens: fc.nat(999), dollars: fc.nat(99) })

test('whatever gets lost, repeated or overtaken, the sum is what was used', () => {
  // Each report comes at least once, in its isolate's order, and any number of times after that before the next one.
  const report = fc.record({ spent, by: fc.constantFrom('a', 'b', 'c'), times: fc.integer({ min: 1, max: 4 }) })
  fc.assert(
    fc.property(fc.array(report, { maxLength: 40 }), fc.infiniteStream(fc.nat()), (reports, chance) => {
      const queues = new Map<string, { told: Spent; number: number; times: number }[]>()
      for (const { spent: amount, by, times } of reports) {
        const queue = queues.get(by) ?? []
        queue.push({ told: { minute: 7, ...amount }, number: queue.length + 1, times })
        queues.set(by, queue)
      }
      let kept: unknown
      while ([...queues.values()].some((queue) => queue.length > 0)) {
        const open = [...queues].filter(([, queue]) => queue.length > 0)
        const [by, queue] = open[(chance.next().value ?? 0) % open.length] ?? ['', []]
        const [head] = queue
        if (head === undefined) continue
        kept = record(kept, head.told, { by, number: head.number }).kept
        if (--head.times === 0) queue.shift()
      }
      const all = reports.reduce((sum, one) => addSpent(sum, { minute: 7, ...one.spent }), NOTHING_SPENT)
      const { requests, tokens, dollars } = (kept ?? NOTHING_SPENT) as Spent
      expect({ requests, tokens, dollars }).toEqual({
        requests: all.requests,
        tokens: all.tokens,
        dollars: all.dollars,
      })
    }),
  )
})

test('of two words on what was spent neither takes anything away from the other', () => {
  const word = fc.record({ minute: fc.nat(3), requests: fc.nat(9), tokens: fc.nat(9), dollars: fc.nat(9) })
  fc.assert(
    fc.property(word, word, (one, other) => {
      const latest = latestSpent(one, other)
      expect(latestSpent(other, one)).toEqual(latest)
      for (const before of [one, other]) {
        expect(latest.dollars).toBeGreaterThanOrEqual(before.dollars)
        if (before.minute === latest.minute) expect(latest.requests).toBeGreaterThanOrEqual(before.requests)
      }
    }),
  )
})
