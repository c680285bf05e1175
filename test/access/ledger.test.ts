import { describe, expect, test } from 'vitest'
import { ROUNDING, toAmounts } from '../../src/access/amounts.ts'
import type { Limits } from '../../src/access/budget.ts'
import { addReport, exchange, readAnswer, readState } from '../../src/access/ledger.ts'
import { windowEnd, windowStart } from '../../src/access/window.ts'

const NOW = 7 * 60_000
const used = { minute: 7, requests: 1, tokens: 20, dollars: 0.5 }
const id = (number: number, by = 'a') => ({ by, number })
const report = (given: object, more: object = {}) => ({
  used: [],
  open: {},
  keep: {},
  want: {},
  needs: [],
  ...given,
  ...more,
})
const need = (dollars = 0, tokens = 0) => ({ requests: 1, tokens, dollars, calls: 1 })
const ask = (stored: unknown, given: unknown, limits: Limits = {}, now = NOW) => exchange(stored, given, limits, now)

describe('a ledger', () => {
  test('counts a report once, however often it comes, and answers each time', () => {
    const { state, answer } = ask(undefined, report(id(1), { used: [used] }))
    expect(state).toMatchObject(used)
    const again = ask(state, report(id(1), { used: [used] }))
    expect(again).toEqual({ state, answer, changed: false })
    expect(ask(state, report(id(2), { used: [used] })).state.requests).toBe(2)
    expect(ask(state, report(id(1, 'b'), { used: [used] })).state.requests).toBe(2)
  })

  test('answers a repeated report with the lease that it gave, and an older one with none', () => {
    const limits = { rpm: 10 }
    const { state, answer } = ask(undefined, report(id(1), { needs: [need(), need()] }), limits)
    expect(answer?.lease.requests).toBe(2)
    expect(ask(state, report(id(1), { needs: [need(), need()] }), limits).answer?.lease.requests).toBe(2)
    const later = ask(state, report(id(2)), limits).state
    expect(ask(later, report(id(1), { needs: [need()] }), limits).answer?.lease.requests).toBe(0)
  })

  test('stores nothing where nothing changes', () => {
    expect(ask(undefined, report(id(1)), { rpm: 0 }).changed).toBe(false)
    expect(ask(undefined, report(id(1), { needs: [need()] }), { rpm: 1 }).changed).toBe(true)
    expect(ask(undefined, report(id(1), { open: need(1) })).changed).toBe(true)
  })

  test('leases a share ahead far from a limit, and nothing near it', () => {
    const leased = (limits: Limits, spent = 0) =>
      ask({ ...used, requests: spent }, report(id(1), { want: { requests: 1000 } }), limits).answer?.lease.requests
    expect(leased({ rpm: 800 })).toBe(75)
    expect(leased({ rpm: 800 }, 400)).toBe(25)
    expect(leased({ rpm: 800 }, 600)).toBe(0)
    expect(leased({ rpm: 10 })).toBe(0)
  })

  test('lets an isolate keep what it goes on spending, however much others want', () => {
    const limits = { rpm: 100 }
    const first = ask(undefined, report(id(1), { want: { requests: 8 } }), limits)
    expect(first.answer?.lease.requests).toBe(8)
    const full = ask(first.state, report(id(1, 'b'), { needs: Array.from({ length: 100 }, () => need()) }), limits)
    expect(full.answer?.lease.requests).toBe(92)
    const kept = ask(full.state, report(id(2), { used: [{ ...used, requests: 3 }], keep: { requests: 8 } }), limits)
    expect(kept.answer?.lease.requests).toBe(5)
  })

  test('takes a lease for lost when its time is over, and a reservation much later', () => {
    const limits = { rpm: 1, budget: 1 }
    const { state } = ask(undefined, report(id(1), { needs: [need(0.4)], open: { dollars: 0.5 } }), limits)
    const free = (after: number) => {
      const { answer } = ask(state, report(id(1, 'b'), { needs: [need(0.6), need(0.5)] }), limits, NOW + after)
      return answer?.lease.dollars
    }
    expect(free(19_000)).toBe(0)
    expect(free(20_000)).toBe(0.5)
    expect(free(900_001)).toBe(0.6)
  })

  test('counts no row later than its own minute, and in each window what was used in it', () => {
    const now = Date.parse('2028-03-01T00:00:00.500Z')
    const minute = Math.floor(now / 60_000)
    const rows = [
      { minute: minute - 1, requests: 1, tokens: 1, dollars: 1 },
      { minute: minute + 5, requests: 1, tokens: 1, dollars: 2 },
    ]
    const { state } = ask(undefined, report(id(1), { used: rows }), {}, now)
    expect(state).toMatchObject({ minute, requests: 1, tokens: 1, dollars: 3 })
    const { day, week, month } = state.windows
    expect([day.dollars, week.dollars, month.dollars]).toEqual([2, 3, 2])
    const nextDay = readState(state, now + 86_400_000).windows
    expect([nextDay.day.dollars, nextDay.month.dollars]).toEqual([0, 2])
  })

  test('does not begin a window anew when its clock steps back', () => {
    const now = Date.parse('2026-06-02T00:00:00.500Z')
    const { state } = ask(undefined, report(id(1), { used: [{ ...used, minute: now / 60_000 }] }), {}, now)
    for (const back of [800, 3_600_000]) {
      expect(readState(state, now - back).windows.day.dollars).toBe(0.5)
      expect(readState(readState(state, now - back), now).windows.day.dollars).toBe(0.5)
    }
  })

  test('takes over the state of an older version, which takes over ours', () => {
    const older = { ...used, reports: [id(4)] }
    const { state } = ask(older, report(id(4), { used: [used] }))
    expect(state).toMatchObject(used)
    expect(ask(older, report(id(5), { used: [used] })).state).toMatchObject({ requests: 2, dollars: 1 })
    expect(state.reports).toMatchObject([id(4)])
  })

  test('counts what isolates of an older version report: once with an id, each time without', () => {
    const { state } = addReport(undefined, used, id(1), NOW)
    expect(addReport(state, used, id(1), NOW)).toEqual({ state, changed: false })
    expect(addReport(state, used, undefined, NOW).state).toMatchObject({ requests: 2, tokens: 40, dollars: 1 })
    expect(addReport(state, { ...used, requests: 0, tokens: 0, dollars: 0 }, undefined, NOW).changed).toBe(false)
  })

  test('remembers a bounded number of isolates, and refuses more where all of them hold something', () => {
    let state: unknown
    for (let at = 0; at < 520; at++) state = ask(state, report(id(1, `isolate ${at}`), { used: [used] })).state
    const { reports } = readState(state, NOW)
    expect(reports).toHaveLength(500)
    expect(ask(state, report(id(1, 'isolate 519'), { used: [used] })).changed).toBe(false)
    state = undefined
    const open = { tokens: 1 }
    for (let at = 0; at < 500; at++) state = ask(state, report(id(1, `isolate ${at}`), { open })).state
    expect(ask(state, report(id(1, 'one more'), { used: [used] }))).toMatchObject({ answer: undefined, changed: false })
    expect(ask(state, report(id(2, 'isolate 7'))).answer).toBeDefined()
  })

  test.each<[string, unknown, unknown, object]>([
    ['NaN in its state', { ...used, dollars: Number.NaN }, used, { requests: 2, tokens: 40, dollars: 0.5 }],
    ['NaN in the report', used, { ...used, dollars: Number.NaN }, { requests: 2, tokens: 40, dollars: 0.5 }],
    ['endless tokens', used, { ...used, tokens: Number.POSITIVE_INFINITY }, { requests: 2, tokens: 20, dollars: 1 }],
    ['a negative amount', used, { ...used, dollars: -5 }, { requests: 2, tokens: 40, dollars: 0.5 }],
    ['a far minute in its state', { ...used, minute: 1e9 }, used, { minute: 7, requests: 2, dollars: 1 }],
  ])('adds up without %s', (_, stored, row, expected) => {
    expect(ask(stored, report(id(1), { used: [row] })).state).toMatchObject(expected)
  })

  test.each([undefined, null, 7, 'x', [], {}, id(0.5), { by: 'x'.repeat(50), number: 1 }])(
    'counts nothing of %j',
    (given) => {
      expect(ask(used, given)).toMatchObject({ answer: undefined, changed: false })
    },
  )
})

test('an answer that makes no sense is none', () => {
  const { answer } = ask(undefined, report(id(1)))
  expect(readAnswer(answer)).toEqual(answer)
  for (const broken of [undefined, null, 7, {}, { ...answer, inWindow: Number.NaN }, { ...answer, minute: 99 }]) {
    expect(readAnswer(broken)).toBeUndefined()
  }
  expect(toAmounts({ dollars: -1, tokens: Number.NaN, requests: 2 })).toEqual({
    requests: 2,
    tokens: 0,
    dollars: 0,
    calls: 0,
  })
  expect(ROUNDING).toBeLessThan(1e-8)
})

test.each([
  ['day', '2028-02-29T23:59:59.900Z', '2028-02-29', '2028-03-01'],
  ['week', '2026-06-07T23:59:59.900Z', '2026-06-01', '2026-06-08'],
  ['week', '2026-06-08T00:00:00Z', '2026-06-08', '2026-06-15'],
  ['month', '2028-02-29T23:59:59.900Z', '2028-02-01', '2028-03-01'],
  ['month', '2026-12-31T23:59:59.900Z', '2026-12-01', '2027-01-01'],
] as const)('a %s at %s begins on %s and ends on %s', (window, moment, start, end) => {
  expect(windowStart(window, Date.parse(moment))).toBe(Date.parse(`${start}T00:00:00Z`))
  expect(windowEnd(window, Date.parse(moment))).toBe(Date.parse(`${end}T00:00:00Z`))
})

test('a time that no calendar has does not spoil the months of the times after it', () => {
  expect(windowStart('month', Number.MAX_SAFE_INTEGER)).toBeNaN()
  expect(windowEnd('month', Date.parse('2026-06-10'))).toBe(Date.parse('2026-07-01'))
})
