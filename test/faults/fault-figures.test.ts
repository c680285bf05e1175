import { describe, expect, test } from 'vitest'
import { figuresOf, type Sample } from './fault-figures.ts'

/** Forty requests a second for thirty seconds; every other one goes to `a` first, as long as it is used. */
function samplesWhere(isUsed: (at: number) => boolean, of: (at: number, first: string) => Partial<Sample>): Sample[] {
  return Array.from({ length: 1200 }, (_, index) => {
    const at = index * 25
    const first = index % 2 === 0 && isUsed(at) ? 'a' : 'b'
    return { at, endedAt: at + 500, ttftMs: 200, ok: true, asked: [first], ...of(at, first) }
  })
}

const SPAN = { from: 10_000, to: 20_000 }

describe('the figures of a fault', () => {
  test('tell when it was noticed and when it was over', () => {
    const samples = samplesWhere(
      (at) => at < 12_000 || at >= 25_000,
      () => ({}),
    )
    const { detectMs, backMs } = figuresOf(samples, 'a', SPAN)
    // A quarter of its share is still probes: a window may begin a little before the last one.
    expect(detectMs).toBeGreaterThan(1700)
    expect(detectMs).toBeLessThanOrEqual(2000)
    expect(backMs).toBeGreaterThan(4000)
    expect(backMs).toBeLessThanOrEqual(5000)
  })

  test('say so where it was never noticed, or never over', () => {
    const always = figuresOf(
      samplesWhere(
        () => true,
        () => ({}),
      ),
      'a',
      SPAN,
    )
    expect(always.detectMs).toBeUndefined()
    expect(always.backMs).toBe(0)
    const never = figuresOf(
      samplesWhere(
        (at) => at < 11_000,
        () => ({}),
      ),
      'a',
      SPAN,
    )
    expect(never.backMs).toBeUndefined()
  })

  test('count success, times and attempts by what a request met', () => {
    const met = (at: number, first: string) => at >= SPAN.from && at < SPAN.to && first === 'a'
    const samples = samplesWhere(
      () => true,
      (at, first) => (met(at, first) ? { asked: ['a', 'b'], ttftMs: 900, ok: at % 100 !== 0 } : {}),
    )
    const { before, during, after } = figuresOf(samples, 'a', SPAN)
    for (const { success, attempts, ttftP95Ms } of [before, after]) {
      expect([success, attempts, ttftP95Ms]).toEqual([1, 1, 200])
    }
    // Twenty were under way when it began: half a second of them, which did not meet it.
    expect(during.requests).toBe(419)
    expect(during.attempts).toBeCloseTo(1 + 200 / 419)
    expect(during.success).toBeCloseTo(1 - 100 / 419)
    expect(during.ttftP95Ms).toBe(900)
  })
})
