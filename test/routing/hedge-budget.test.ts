import { describe, expect, test } from 'vitest'
import { createHedgeBudget, type HedgedAttempt, hedgeDelayOf } from '../../src/routing/hedge-budget.ts'
import { T0 } from '../health/health-records.ts'

/** How many of so many requests are asked twice, of which each `lateEvery`th is late. */
function hedges(requests: number, lateEvery: number, gapMs = 50, budget = createHedgeBudget(T0)): number {
  let made = 0
  for (let at = 0; at < requests; at++) {
    const now = T0 + at * gapMs
    budget.earn(now, 'a')
    if (at % lateEvery === lateEvery - 1 && budget.spend(now, 'a')) made++
  }
  return made
}

describe('how many requests are asked twice', () => {
  test('all that are late, where these are one in twenty', () => {
    expect(hedges(400, 20)).toBe(20)
    expect(hedges(20, 20)).toBe(1)
  })

  test('never more than one in twenty, however many are late and however they come', () => {
    for (const lateEvery of [1, 2, 3, 6, 10, 19]) {
      for (const gapMs of [0, 1, 100, 30_000]) expect(hedges(400, lateEvery, gapMs)).toBeLessThanOrEqual(20)
    }
    expect(hedges(19, 1)).toBe(0)
  })

  test('five at once, of what good times have saved', () => {
    const budget = createHedgeBudget(T0)
    for (let at = 0; at < 1000; at++) budget.earn(T0, 'a')
    expect(Array.from({ length: 10 }, () => budget.spend(T0, 'a')).filter(Boolean)).toHaveLength(5)
  })

  test('one more, where one that was taken is not made', () => {
    const budget = createHedgeBudget(T0)
    for (let at = 0; at < 20; at++) budget.earn(T0, 'a')
    expect([budget.spend(T0, 'a'), budget.spend(T0, 'a')]).toEqual([true, false])
    budget.giveBack('a')
    expect([budget.spend(T0, 'a'), budget.spend(T0, 'a')]).toEqual([true, false])
  })

  test('of one account one and a twentieth, though all its requests are late: the others keep what they earn', () => {
    const budget = createHedgeBudget(T0)
    const made = { greedy: 0, other: 0 }
    for (let at = 0; at < 4000; at++) {
      const now = T0 + at * 50
      const account = at % 8 === 7 ? 'greedy' : 'other'
      budget.earn(now, account)
      if ((account === 'greedy' || at % 25 === 0) && budget.spend(now, account)) made[account]++
    }
    expect(made.greedy).toBeLessThanOrEqual(1 + 500 / 20)
    // All of its that are late, but for the first ones.
    expect(made.other).toBeGreaterThan(135)
    expect(made.greedy + made.other).toBeLessThanOrEqual(200)
  })

  test('none when more than a fifth of them are late, until that is over', () => {
    const budget = createHedgeBudget(T0)
    for (let at = 0; at < 100; at++) budget.earn(T0, 'a')
    // Late and not hedged: each counts.
    for (let at = 0; at < 30; at++) budget.spend(T0, 'a')
    expect(hedges(60, 1, 50, budget)).toBe(0)
    const later = T0 + 60_000
    for (let at = 0; at < 20; at++) budget.earn(later, 'a')
    expect(budget.spend(later, 'a')).toBe(true)
  })
})

describe('when a first token is late', () => {
  type Facts = Partial<HedgedAttempt['ranked']['status'] & { probe: string }>
  const attempt = ({ probe, ...status }: Facts, minFirstByteMs = 0, deadlineMs = 5000): HedgedAttempt => ({
    ranked: { probe, status: { state: 'closed', samples: 8, ttftP95Ms: 900, ...status } },
    candidate: { timeoutLimits: { minFirstByteMs } },
    deadlineMs,
  })

  test.each([
    ['after the 95th percentile', attempt({}), 900],
    ['after 200 ms at the earliest', attempt({ ttftP95Ms: 40 }), 200],
    ['after what reasoning may take', attempt({}, 2000), 2000],
    ['never, where too few times are known', attempt({ samples: 7 }), undefined],
    ['never, where none is known', attempt({ ttftP95Ms: undefined }), undefined],
    ['never, where the attempt ends before', attempt({ ttftP95Ms: 6000 }), undefined],
    ['never, at a deployment that is not well', attempt({ state: 'suspect' }), undefined],
    ['never, of a probe', attempt({ probe: 'p' }), undefined],
  ])('%s', (_, given, expected) => {
    expect(hedgeDelayOf(given)).toBe(expected)
  })
})
