import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createIsolateHealth, type IsolateHealth } from '../../src/health/isolate.ts'
import type { OutcomeClass } from '../../src/health/outcome.ts'
import { createRegionHealth } from '../../src/health/region.ts'
import { type OutcomeDetails, outcome, T0, times } from './health-records.ts'

const A = 'alfa/a'

function noted(
  health: IsolateHealth,
  kinds: readonly OutcomeClass[],
  from: number,
  everyMs = 100,
  more: OutcomeDetails = {},
): void {
  kinds.forEach((kind, index) => {
    health.record(outcome(kind, from + index * everyMs, more), from + index * everyMs)
  })
}

/** A health that has just heard from its region. */
function warm(now = T0): IsolateHealth {
  const health = createIsolateHealth('one', 0)
  health.takeReport(now)
  health.acceptSnapshot(createRegionHealth().report({ v: 1, isolate: 'one', events: [] }, now, 0), now)
  return health
}

const stateOf = (health: IsolateHealth, now: number) => health.view(now).statusOf(A, 0).state

describe('what an isolate sees itself', () => {
  test('its own failures count at once, before the region knows', () => {
    const health = warm()
    noted(health, times(4, 'failed-before-first-token'), T0)
    expect(stateOf(health, T0 + 400)).toBe('open')
  })

  test('what it saw while a report was out is not lost in the answer', () => {
    const health = warm()
    const region = createRegionHealth()
    noted(health, times(2, 'failed-before-first-token'), T0)
    const report = health.takeReport(T0 + 200)
    noted(health, times(2, 'failed-before-first-token'), T0 + 210, 10)
    health.acceptSnapshot(region.report(report, T0 + 230, 0), T0 + 250)
    expect(stateOf(health, T0 + 300)).toBe('open')
    expect(health.takeReport(T0 + 1300).events).toHaveLength(1)
  })

  test('attempts under way are counted', () => {
    const health = warm()
    health.attemptStarted(A, T0)
    health.attemptStarted(A, T0)
    health.attemptEnded(A)
    expect(health.view(T0).statusOf(A, 0).inFlight).toBe(1)
    health.attemptEnded(A)
    health.attemptEnded(A)
    expect(health.view(T0).statusOf(A, 0).inFlight).toBe(0)
  })
})

describe('when an isolate reports', () => {
  test('in good times once a second at most', () => {
    const health = warm()
    let calls = 0
    for (let now = T0; now < T0 + 10_000; now += 5) {
      noted(health, ['first-token', 'success'], now, 0)
      if (health.reportDue(now) !== 'now') continue
      calls++
      health.takeReport(now)
      health.acceptSnapshot({}, now)
    }
    expect(calls).toBeGreaterThan(5)
    expect(calls).toBeLessThanOrEqual(10)
  })

  test.each([
    ['the first failure of a run', 'failed-before-first-token', {}],
    ['a rate limit', 'limit', {}],
    ['a probe', 'success', { probe: 'x' }],
  ] as const)('at once of %s', (_, kind, more) => {
    const health = warm()
    noted(health, ['success'], T0 + 10)
    expect(health.reportDue(T0 + 20)).not.toBe('now')
    noted(health, [kind], T0 + 30, 0, more)
    expect(health.reportDue(T0 + 40)).toBe('now')
  })

  test('one call at a time, unless it never comes back', () => {
    const health = warm()
    noted(health, ['failed-before-first-token'], T0 + 10)
    health.takeReport(T0 + 10)
    noted(health, ['failed-before-first-token'], T0 + 20)
    expect(health.reportDue(T0 + 2000)).toBeUndefined()
    expect(health.reportDue(T0 + 30_000)).toBe('now')
  })

  test('with nothing to tell it asks again only while there are requests', () => {
    const health = warm()
    expect(health.reportDue(T0 + 60_000)).toBeUndefined()
    health.attemptStarted(A, T0 + 60_000)
    expect(health.reportDue(T0 + 60_000)).toBe('now')
  })

  test('an overloaded region is left alone for ten seconds, and hears then what it missed', () => {
    const health = warm()
    noted(health, ['failed-before-first-token'], T0 + 10)
    health.takeReport(T0 + 10)
    health.reportFailed(T0 + 20, true)
    noted(health, ['failed-before-first-token'], T0 + 30)
    expect(health.reportDue(T0 + 5000)).not.toBe('now')
    expect(health.reportDue(T0 + 12_000)).toBe('now')
    const heard = health.takeReport(T0 + 12_000).events.reduce((sum, { count = 1 }) => sum + count, 0)
    expect(heard).toBe(2)
  })

  test('a thousand requests a second make a small report, and a region that stays away does not fill the memory', () => {
    const health = warm()
    for (let index = 0; index < 60_000; index++) {
      const now = T0 + index
      const deployment = `alfa/${index % 3}`
      health.record({ ...outcome('first-token', now, { ttftMs: 300 }), deployment }, now)
      health.record({ ...outcome(index % 500 === 0 ? 'failed-before-first-token' : 'success', now), deployment }, now)
    }
    const { events } = health.takeReport(T0 + 60_000)
    expect(events.length).toBeLessThanOrEqual(512)
    for (let index = 0; index < 2000; index++)
      noted(health, ['failed-before-first-token'], T0 + index * 10, 0, { deployment: `alfa/${index}` })
    expect(health.view(T0).deployments().length).toBeLessThanOrEqual(256)
  })

  test('names that somebody invents push out each other, and nobody else’s, however well the others were known', () => {
    const health = warm()
    noted(health, ['success'], T0, 0, { deployment: 'bravo/quiet' })
    for (let index = 0; index < 100; index++) noted(health, ['success'], T0, 0, { deployment: `alfa/${index}` })
    noted(health, ['config'], T0 + 100, 0, { deployment: 'custom/out' })
    for (let index = 0; index < 1000; index++)
      noted(health, ['success'], T0 + 1000 + index, 0, { deployment: `custom/invented-${index}` })
    const known = health.view(T0 + 3000).deployments()
    expect(known).toContain('bravo/quiet')
    expect(known.filter((name) => name.startsWith('alfa/'))).toHaveLength(100)
    expect(known).toHaveLength(256)
    // By its last outcome, and not by when it would have come back.
    expect(known).not.toContain('custom/out')
    expect(known).toContain('custom/invented-999')
  })

  test('merged successes keep their number', () => {
    const health = warm()
    noted(health, times(50, 'success'), T0, 1)
    const { events } = health.takeReport(T0 + 100)
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({ class: 'ok', count: 50 })
  })
})

describe('probes', () => {
  const openUntil = (health: IsolateHealth) => {
    noted(health, times(4, 'failed-before-first-token'), T0)
    return health.view(T0 + 400).statusOf(A, 0).until
  }

  test('a lease is a probe for one request', () => {
    const health = warm()
    const region = createRegionHealth()
    const until = openUntil(health)
    region.report(health.takeReport(T0 + 400), T0 + 400, 0.5)
    health.acceptSnapshot(region.report({ v: 1, isolate: 'one', events: [] }, until + 2000, 0.5), until + 2000)
    const { probe } = health.view(until + 2100).statusOf(A, 0)
    expect(probe).toBeTypeOf('string')
    health.attemptStarted(A, until + 2100, probe)
    expect(health.view(until + 2110).statusOf(A, 0).probe).toBeUndefined()
  })

  test('without a lease there is none while the region answers; without the region an isolate makes its own, now and then', () => {
    const health = warm()
    const region = createRegionHealth()
    const until = openUntil(health)
    health.acceptSnapshot(region.report(health.takeReport(T0 + 400), T0 + 400, 0.5), T0 + 400)
    expect(health.view(until + 5000).statusOf(A, 0).probe).toBeUndefined()
    health.takeReport(until + 5000)
    health.reportFailed(until + 5000, false)
    const { probe } = health.view(until + 15_000).statusOf(A, 0)
    expect(probe).toBeTypeOf('string')
    health.attemptStarted(A, until + 15_000, probe)
    expect(health.view(until + 15_100).statusOf(A, 0).probe).toBeUndefined()
  })

  test('what the region has forgotten, the isolate still knows, and tries out by itself', () => {
    const health = warm()
    const until = openUntil(health)
    health.takeReport(T0 + 400)
    health.acceptSnapshot(createRegionHealth().report({}, T0 + 400, 0), T0 + 400)
    expect(stateOf(health, T0 + 500)).toBe('open')
    expect(health.view(until + 10_000).statusOf(A, 0).probe).toBeTypeOf('string')
  })
})

describe('answers that make no sense', () => {
  test.each([
    ['another version', { v: 2, now: T0, deployments: { [A]: { open: true, until: T0 + 1e6 } }, leases: [] }],
    ['no time', { v: 1, deployments: { [A]: { open: true, until: T0 + 1e6 } } }],
    ['nothing', undefined],
    ['a text', 'overloaded'],
  ])('%s changes nothing', (_, snapshot) => {
    const health = createIsolateHealth('one', 0)
    health.takeReport(T0)
    health.acceptSnapshot(snapshot, T0)
    expect(stateOf(health, T0)).toBe('closed')
    expect(health.hasSnapshot()).toBe(false)
  })

  test('nothing that comes makes it throw, and it can always be looked at', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), fc.anything(), (deployments, leases, now) => {
        const health = createIsolateHealth('one', 0)
        health.takeReport(T0)
        health.acceptSnapshot({ v: 1, now: T0, deployments, leases }, T0)
        health.acceptSnapshot({ v: 1, now, deployments: { [A]: deployments }, leases: [leases] }, T0)
        expect(health.view(T0).statusOf(A, 0).successRate).toBeGreaterThanOrEqual(0)
      }),
    )
  })

  test('clocks that differ by an hour are no matter', () => {
    const health = warm()
    const region = createRegionHealth()
    const theirs = T0 + 3_600_000
    noted(health, times(4, 'failed-before-first-token'), T0)
    health.acceptSnapshot(region.report(health.takeReport(T0 + 400), theirs, 0.5), T0 + 450)
    expect(stateOf(health, T0 + 500)).toBe('open')
    const { until } = health.view(T0 + 500).statusOf(A, 0)
    expect(until).toBeLessThan(T0 + 10_000)
  })
})

test('a storm of the caller’s mistakes and of clients that leave moves nothing: there is nothing to note of them', () => {
  const health = warm()
  noted(health, times(20, 'success'), T0)
  const before = JSON.stringify(health.view(T0 + 5000).statusOf(A, 0))
  for (let index = 0; index < 1000; index++) {
    health.attemptStarted(A, T0 + 2000 + index)
    health.attemptEnded(A)
  }
  expect(JSON.stringify(health.view(T0 + 5000).statusOf(A, 0))).toBe(before)
})
