import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { recordOutcome } from '../../src/health/circuit-breaker.ts'
import { evaluate, isProbeDue } from '../../src/health/evaluate.ts'
import type { OutcomeClass } from '../../src/health/outcome.ts'
import { unknownHealth } from '../../src/health/record.ts'
import { readRecord, writeRecord } from '../../src/health/stored-record.ts'
import { add, having, outcome, T0, times } from './health-records.ts'

describe('what is out, and why', () => {
  test('a deployment of which nothing is known is closed and unmeasured', () => {
    expect(evaluate(unknownHealth(), T0, 0)).toMatchObject({
      state: 'closed',
      ttftMs: undefined,
      reason: '',
      rampShare: 1,
    })
  })

  test('the first failure of one that is hardly known makes it doubted, four in a row take it out', () => {
    expect(evaluate(having(['failed-before-first-token']), T0 + 1, 0).state).toBe('suspect')
    expect(evaluate(having(times(4, 'failed-before-first-token')), T0 + 301, 0)).toMatchObject({
      state: 'open',
      reason: 'failed-before-first-token',
    })
  })

  test('one failure of many attempts is no doubt yet: for a moment equals go before it', () => {
    const health = add(having(times(60, 'success'), T0 - 6000), ['failed-before-first-token'], T0)
    expect(evaluate(health, T0 + 100, 0)).toMatchObject({ state: 'closed', recentlyFailed: true })
    expect(evaluate(health, T0 + 5000, 0).recentlyFailed).toBe(false)
    add(health, ['failed-before-first-token'], T0 + 200)
    expect(evaluate(health, T0 + 300, 0).state).toBe('suspect')
  })

  test('a first word of an attempt that began before the failure proves nothing; of one that began after it, it does', () => {
    const before = having(times(20, 'success'), T0 - 5000)
    recordOutcome(before, outcome('failed-before-first-token', T0), T0)
    recordOutcome(before, outcome('first-token', T0 + 100, { ttftMs: 500 }), T0 + 100)
    expect(evaluate(before, T0 + 101, 0).recentlyFailed).toBe(true)
    recordOutcome(before, outcome('first-token', T0 + 600, { ttftMs: 500 }), T0 + 600)
    expect(evaluate(before, T0 + 601, 0).recentlyFailed).toBe(false)
  })

  test('answers that break take it out although each had begun well', () => {
    const kinds = Array.from({ length: 8 }, (): OutcomeClass[] => ['first-token', 'failed-mid-stream']).flat()
    expect(evaluate(having(kinds), T0 + 1601, 0)).toMatchObject({ state: 'open', reason: 'failed-mid-stream' })
  })

  test('refused credentials take it out at once and for long', () => {
    const { state, until, reason } = evaluate(having(['config']), T0 + 1, 0)
    expect({ state, reason }).toEqual({ state: 'open', reason: 'config' })
    expect(until - T0).toBeGreaterThanOrEqual(48_000)
  })

  test('a rate limit is no failure: it is left alone for as long as it asks, and comes back by and by', () => {
    const health = having(times(10, 'success'), T0 - 2000)
    const p = evaluate(health, T0, 0).successRate
    recordOutcome(health, outcome('limit', T0, { waitMs: 7000 }), T0)
    expect(evaluate(health, T0 + 6999, 0)).toMatchObject({ state: 'limited', reason: 'limit' })
    const back = evaluate(health, T0 + 7800, 0)
    expect(back.state).toBe('closed')
    expect(back.rampShare).toBeLessThan(1)
    expect(Math.abs(back.successRate - p)).toBeLessThan(0.05)
    expect(evaluate(health, T0 + 30_000, 0).rampShare).toBe(1)
  })

  test('a limit of tokens that a large prompt met is of large prompts', () => {
    const health = having(times(10, 'success'), T0 - 2000)
    recordOutcome(health, outcome('limit', T0, { waitMs: 7000, limit: 'size', bucket: 5 }), T0)
    const stateAt = (bucket: number) => evaluate(health, T0 + 5000, bucket).state
    expect([0, 1, 2, 3, 4, 5].map(stateAt)).toEqual(['closed', 'closed', 'limited', 'closed', 'closed', 'limited'])
    recordOutcome(health, outcome('limit', T0 + 100, { waitMs: 7000, limit: 'size', bucket: 1 }), T0 + 100)
    expect([0, 1, 2].map(stateAt)).toEqual(['closed', 'limited', 'limited'])
    expect(evaluate(health, T0 + 9000, 2)).toMatchObject({ state: 'closed' })
    // One that a small prompt met is of all.
    recordOutcome(health, outcome('limit', T0 + 9000, { waitMs: 7000, limit: 'size', bucket: 0 }), T0 + 9000)
    expect([0, 2].map((bucket) => evaluate(health, T0 + 9500, bucket).state)).toEqual(['limited', 'limited'])
    expect(evaluate(readRecord(JSON.parse(JSON.stringify(writeRecord(health))), T0 + 9500), T0 + 9500, 0).state).toBe(
      'limited',
    )
  })

  test('an overload is no limit of ours; of several limits the longest says which it is', () => {
    const health = having([])
    recordOutcome(health, outcome('limit', T0, { waitMs: 5000, limit: 'overload' }), T0)
    expect(evaluate(health, T0 + 100, 0)).toMatchObject({ state: 'limited', reason: 'overload' })
    recordOutcome(health, outcome('limit', T0 + 100, { waitMs: 9000 }), T0 + 100)
    expect(evaluate(health, T0 + 200, 0)).toMatchObject({ state: 'limited', reason: 'limit' })
    recordOutcome(health, outcome('limit', T0 + 200, { waitMs: 1000, limit: 'overload' }), T0 + 200)
    expect(evaluate(health, T0 + 300, 0)).toMatchObject({ reason: 'limit' })
  })

  test('a rate limit that names no time or a senseless one lasts seconds, not for ever', () => {
    const lasts = (waitMs: number | undefined) => {
      const health = having([])
      recordOutcome(health, outcome('limit', T0, waitMs === undefined ? {} : { waitMs }), T0)
      return evaluate(health, T0, 0).until - T0
    }
    expect(lasts(undefined)).toBeGreaterThan(1000)
    expect(lasts(1e12)).toBeLessThanOrEqual(132_000)
  })

  test('each time that it is taken out again lasts longer, up to a bound', () => {
    const health = having(times(4, 'failed-before-first-token'))
    const lengths: number[] = []
    let now = T0 + 400
    for (let index = 0; index < 8; index++) {
      now = Math.max(evaluate(health, now, 0).until, now) + 1
      recordOutcome(health, outcome('failed-before-first-token', now, { probe: 'x' }), now)
      lengths.push(evaluate(health, now, 0).until - now)
    }
    expect(lengths[1]).toBeGreaterThan(lengths[0] ?? 0)
    expect(Math.max(...lengths)).toBeLessThanOrEqual(20_000)
  })

  test('what would leave nothing else is doubted, but not taken out', () => {
    const health = unknownHealth()
    for (let index = 0; index < 20; index++)
      recordOutcome(health, outcome('failed-before-first-token', T0 + index), T0 + index, { seed: 0.5, mayOpen: false })
    expect(evaluate(health, T0 + 21, 0).state).toBe('suspect')
  })
})

describe('how it comes back', () => {
  const opened = () => having(times(4, 'failed-before-first-token'))

  test('open, then half-open; three probes that succeed close it, and its share grows from there', () => {
    const health = opened()
    const { until } = evaluate(health, T0 + 400, 0)
    expect(isProbeDue(health, until - 1)).toBe(false)
    expect(evaluate(health, until + 1, 0).state).toBe('half-open')
    expect(isProbeDue(health, until + 1)).toBe(true)
    add(health, times(2, 'success'), until + 10, 100, { probe: 'x' })
    expect(evaluate(health, until + 300, 0).state).toBe('half-open')
    add(health, ['success'], until + 400, 100, { probe: 'x' })
    const early = evaluate(health, until + 401, 0)
    expect(early.state).toBe('closed')
    expect(early.rampShare).toBeLessThan(0.2)
    expect(evaluate(health, until + 60_000, 0).rampShare).toBe(1)
  })

  test('a success that is no probe closes nothing: it may have begun before the trouble', () => {
    const health = add(opened(), times(30, 'success'), T0 + 10_000)
    expect(evaluate(health, T0 + 14_000, 0).state).toBe('half-open')
  })

  test('probes are spaced, and further apart where a failed one is a broken answer', () => {
    const pre = having(['failed-before-first-token'])
    pre.lastProbeAt = T0
    expect(isProbeDue(pre, T0 + 1000)).toBe(false)
    expect(isProbeDue(pre, T0 + 2000)).toBe(true)
    const post = having(times(2, 'failed-mid-stream'))
    post.lastProbeAt = T0 + 300
    expect(isProbeDue(post, T0 + 2300)).toBe(false)
    expect(isProbeDue(post, T0 + 14_000)).toBe(true)
  })

  test('doubt fades by itself', () => {
    const health = add(
      having(times(40, 'first-token')),
      ['failed-mid-stream', 'failed-mid-stream', 'failed-mid-stream'],
      T0 + 4000,
    )
    expect(evaluate(health, T0 + 5000, 0).state).toBe('suspect')
    expect(evaluate(health, T0 + 200_000, 0).state).toBe('closed')
  })
})

describe('how fast it is', () => {
  test('times are kept apart by bucket', () => {
    const health = having(times(5, 'first-token'), T0, 100, { ttftMs: 400 })
    add(health, times(5, 'first-token'), T0 + 1000, 100, { ttftMs: 20_000, bucket: 2 })
    expect(evaluate(health, T0 + 2000, 0).ttftMs).toBeCloseTo(400)
    expect(evaluate(health, T0 + 2000, 2).ttftMs).toBeCloseTo(20_000)
    expect(evaluate(health, T0 + 2000, 1).ttftMs).toBeUndefined()
  })

  test('a jump is believed after a few samples, up and down', () => {
    const health = having(times(30, 'first-token'), T0, 100, { ttftMs: 400 })
    add(health, times(6, 'first-token'), T0 + 4000, 100, { ttftMs: 4000 })
    expect(evaluate(health, T0 + 4600, 0).ttftMs).toBeGreaterThan(2000)
    add(health, times(6, 'first-token'), T0 + 5000, 100, { ttftMs: 400 })
    expect(evaluate(health, T0 + 5600, 0).ttftMs).toBeLessThan(800)
  })

  test('what was slow when last asked is hoped to be well again, and long after, taken to be', () => {
    const health = having(times(30, 'first-token'), T0, 1000, { ttftMs: 400 })
    add(health, times(10, 'first-token'), T0 + 30_000, 100, { ttftMs: 6000 })
    const at = (ms: number) => evaluate(health, T0 + 31_000 + ms, 0)
    expect(at(0).optimisticTtftMs).toBe(at(0).ttftMs)
    expect(at(10_000).optimisticTtftMs).toBeLessThan(1000)
    expect(at(10_000).ttftMs).toBeGreaterThan(3000)
    expect(at(600_000).ttftMs).toBeLessThan(1000)
  })
})

test('an attempt that lost against a quicker one was slow: no failure, no success, and no end to a run of failures', () => {
  const health = having(times(3, 'failed-before-first-token'))
  const before = evaluate(health, T0 + 300, 0)
  add(health, ['slow'], T0 + 301, 0, { ttftMs: 900 })
  const after = evaluate(health, T0 + 301, 0)
  expect(after.ttftMs).toBeCloseTo(900)
  expect(after.state).toBe(before.state)
  expect(after.successRate).toBeCloseTo(before.successRate, 3)
  add(health, ['failed-before-first-token'], T0 + 302)
  expect(evaluate(health, T0 + 303, 0).state).toBe('open')
})

describe('records as data', () => {
  const events = fc.array(
    fc.record({
      kind: fc.constantFrom<OutcomeClass>(
        'success',
        'first-token',
        'failed-before-first-token',
        'timeout',
        'slow',
        'failed-mid-stream',
        'limit',
        'config',
      ),
      afterMs: fc.integer({ min: -500, max: 30_000 }),
      ttftMs: fc.option(fc.integer({ min: 0, max: 100_000 }), { nil: undefined }),
      bucket: fc.integer({ min: 0, max: 5 }),
      probe: fc.boolean(),
    }),
    { maxLength: 60 },
  )
  const play = (list: Parameters<Parameters<typeof events.map>[0]>[0]) => {
    const health = unknownHealth()
    let now = T0
    for (const { kind, afterMs, ttftMs, bucket, probe } of list) {
      now += afterMs
      const more = { bucket, ...(ttftMs === undefined ? {} : { ttftMs }), ...(probe ? { probe: 'x' } : {}) }
      recordOutcome(health, outcome(kind, now, more), now)
    }
    return { health, now }
  }

  test('the same outcomes give the same bytes', () => {
    fc.assert(
      fc.property(events, (list) => {
        expect(JSON.stringify(play(list).health)).toBe(JSON.stringify(play(list).health))
      }),
    )
  })

  test('whatever happens, a record stays small, and its evaluation makes sense', () => {
    fc.assert(
      fc.property(events, fc.integer({ min: 0, max: 1e7 }), (list, ms) => {
        const { health, now } = play(list)
        expect(JSON.stringify(writeRecord(health)).length).toBeLessThan(1500)
        const { successRate, rampShare, ttftMs = 1, until } = evaluate(health, now + ms, 0)
        expect(successRate).toBeGreaterThanOrEqual(0)
        expect(successRate).toBeLessThanOrEqual(1)
        expect(rampShare).toBeGreaterThan(-1)
        expect(rampShare).toBeLessThanOrEqual(1)
        expect(Number.isFinite(ttftMs) && Number.isFinite(until)).toBe(true)
      }),
    )
  })

  test('a record comes through a message as it was, at the reader’s own time', () => {
    fc.assert(
      fc.property(events, fc.integer({ min: -1e6, max: 1e6 }), (list, skewMs) => {
        const { health, now } = play(list)
        // Long enough after the last outcome that none lies in the reader's future.
        const at = now + 30_000
        const moved = readRecord(JSON.parse(JSON.stringify(writeRecord(health))), at + skewMs, skewMs)
        const [here, there] = [evaluate(health, at, 0), evaluate(moved, at + skewMs, 0)]
        expect(there.state).toBe(here.state)
        expect(there.successRate).toBeCloseTo(here.successRate, 3)
      }),
    )
  })

  test('whatever a message holds in the place of a record, what comes out can be evaluated', () => {
    fc.assert(
      fc.property(fc.anything(), (raw) => {
        const { successRate, until } = evaluate(readRecord(raw, T0), T0, 0)
        expect(successRate >= 0 && successRate <= 1 && until <= T0 + 1e6).toBe(true)
      }),
    )
  })

  test.each([
    { limitedUntil: 1e14 },
    { open: true, until: 1e14 },
    { ok: Number.NaN, pre: -5, run: 1e300, opens: 1e300 },
    { latency: [[1e9, 1e9, 1e9, 1e9, 1e14]] },
    { speed: 'fast', reason: 'x'.repeat(10_000) },
  ])('a record that claims %j keeps nothing away for long', (raw) => {
    const health = readRecord(raw, T0)
    expect(['closed', 'suspect', 'half-open']).toContain(evaluate(health, T0 + 1_000_000, 0).state)
    expect(JSON.stringify(writeRecord(health)).length).toBeLessThan(2000)
  })
})
