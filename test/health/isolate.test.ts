import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createIsolateHealth, type IsolateHealth } from '../../src/health/isolate.ts'
import type { OutcomeClass } from '../../src/health/outcome.ts'
import { createRegionHealth } from '../../src/health/region.ts'
import { outcome, type Said, T0, times } from './health-records.ts'

const A = 'alfa/a'

function noted(
  board: IsolateHealth,
  kinds: readonly OutcomeClass[],
  from: number,
  everyMs = 100,
  more: Said = {},
): void {
  kinds.forEach((kind, index) => {
    board.note(outcome(kind, from + index * everyMs, more), from + index * everyMs)
  })
}

/** A board that has just heard from its region. */
function warm(now = T0): IsolateHealth {
  const board = createIsolateHealth('one', 0)
  board.take(now)
  board.returned(createRegionHealth().report({ v: 1, isolate: 'one', events: [] }, now, 0), now)
  return board
}

const stateOf = (board: IsolateHealth, now: number) => board.view(now).of(A, 0).state

describe('what an isolate sees itself', () => {
  test('its own failures count at once, before the region knows', () => {
    const board = warm()
    noted(board, times(4, 'pre'), T0)
    expect(stateOf(board, T0 + 400)).toBe('open')
  })

  test('what it saw while a report was out is not lost in the answer', () => {
    const board = warm()
    const region = createRegionHealth()
    noted(board, times(2, 'pre'), T0)
    const report = board.take(T0 + 200)
    noted(board, times(2, 'pre'), T0 + 210, 10)
    board.returned(region.report(report, T0 + 230, 0), T0 + 250)
    expect(stateOf(board, T0 + 300)).toBe('open')
    expect(board.take(T0 + 1300).events).toHaveLength(1)
  })

  test('attempts under way are counted', () => {
    const board = warm()
    board.started(A, T0)
    board.started(A, T0)
    board.ended(A)
    expect(board.view(T0).of(A, 0).inFlight).toBe(1)
    board.ended(A)
    board.ended(A)
    expect(board.view(T0).of(A, 0).inFlight).toBe(0)
  })
})

describe('when the region is told', () => {
  test('in good times once a second at most', () => {
    const board = warm()
    let calls = 0
    for (let now = T0; now < T0 + 10_000; now += 5) {
      noted(board, ['first', 'ok'], now, 0)
      if (board.due(now) !== 'now') continue
      calls++
      board.take(now)
      board.returned({}, now)
    }
    expect(calls).toBeGreaterThan(5)
    expect(calls).toBeLessThanOrEqual(10)
  })

  test.each([
    ['the first failure of a run', 'pre', {}],
    ['a rate limit', 'limit', {}],
    ['a trial', 'ok', { trial: 'x' }],
  ] as const)('at once of %s', (_, kind, more) => {
    const board = warm()
    noted(board, ['ok'], T0 + 10)
    expect(board.due(T0 + 20)).not.toBe('now')
    noted(board, [kind], T0 + 30, 0, more)
    expect(board.due(T0 + 40)).toBe('now')
  })

  test('one call at a time, unless it never comes back', () => {
    const board = warm()
    noted(board, ['pre'], T0 + 10)
    board.take(T0 + 10)
    noted(board, ['pre'], T0 + 20)
    expect(board.due(T0 + 2000)).toBeUndefined()
    expect(board.due(T0 + 30_000)).toBe('now')
  })

  test('with nothing to tell it asks again only while there are requests', () => {
    const board = warm()
    expect(board.due(T0 + 60_000)).toBeUndefined()
    board.started(A, T0 + 60_000)
    expect(board.due(T0 + 60_000)).toBe('now')
  })

  test('an overloaded region is left alone for ten seconds, and hears then what it missed', () => {
    const board = warm()
    noted(board, ['pre'], T0 + 10)
    board.take(T0 + 10)
    board.failed(T0 + 20, true)
    noted(board, ['pre'], T0 + 30)
    expect(board.due(T0 + 5000)).not.toBe('now')
    expect(board.due(T0 + 12_000)).toBe('now')
    const heard = board.take(T0 + 12_000).events.reduce((sum, { count = 1 }) => sum + count, 0)
    expect(heard).toBe(2)
  })

  test('a thousand requests a second make a small report, and a region that stays away does not fill the memory', () => {
    const board = warm()
    for (let index = 0; index < 60_000; index++) {
      const now = T0 + index
      const deployment = `alfa/${index % 3}`
      board.note({ ...outcome('first', now, { ttftMs: 300 }), deployment }, now)
      board.note({ ...outcome(index % 500 === 0 ? 'pre' : 'ok', now), deployment }, now)
    }
    const { events } = board.take(T0 + 60_000)
    expect(events.length).toBeLessThanOrEqual(512)
    for (let index = 0; index < 2000; index++)
      noted(board, ['pre'], T0 + index * 10, 0, { deployment: `alfa/${index}` })
    expect(board.view(T0).deployments().length).toBeLessThanOrEqual(256)
  })

  test('names that somebody invents push out each other, and nobody else’s, however well the others were known', () => {
    const board = warm()
    noted(board, ['ok'], T0, 0, { deployment: 'bravo/quiet' })
    for (let index = 0; index < 100; index++) noted(board, ['ok'], T0, 0, { deployment: `alfa/${index}` })
    noted(board, ['config'], T0 + 100, 0, { deployment: 'custom/out' })
    for (let index = 0; index < 1000; index++)
      noted(board, ['ok'], T0 + 1000 + index, 0, { deployment: `custom/invented-${index}` })
    const known = board.view(T0 + 3000).deployments()
    expect(known).toContain('bravo/quiet')
    expect(known.filter((name) => name.startsWith('alfa/'))).toHaveLength(100)
    expect(known).toHaveLength(256)
    // By its last outcome, and not by when it would have come back.
    expect(known).not.toContain('custom/out')
    expect(known).toContain('custom/invented-999')
  })

  test('merged successes keep their number', () => {
    const board = warm()
    noted(board, times(50, 'ok'), T0, 1)
    const { events } = board.take(T0 + 100)
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({ class: 'ok', count: 50 })
  })
})

describe('trials', () => {
  const openUntil = (board: IsolateHealth) => {
    noted(board, times(4, 'pre'), T0)
    return board.view(T0 + 400).of(A, 0).until
  }

  test('a lease is a trial for one request', () => {
    const board = warm()
    const region = createRegionHealth()
    const until = openUntil(board)
    region.report(board.take(T0 + 400), T0 + 400, 0.5)
    board.returned(region.report({ v: 1, isolate: 'one', events: [] }, until + 2000, 0.5), until + 2000)
    const { trial } = board.view(until + 2100).of(A, 0)
    expect(trial).toBeTypeOf('string')
    board.started(A, until + 2100, trial)
    expect(board.view(until + 2110).of(A, 0).trial).toBeUndefined()
  })

  test('without a lease there is none while the region answers; without the region an isolate makes its own, now and then', () => {
    const board = warm()
    const region = createRegionHealth()
    const until = openUntil(board)
    board.returned(region.report(board.take(T0 + 400), T0 + 400, 0.5), T0 + 400)
    expect(board.view(until + 5000).of(A, 0).trial).toBeUndefined()
    board.take(until + 5000)
    board.failed(until + 5000, false)
    const { trial } = board.view(until + 15_000).of(A, 0)
    expect(trial).toBeTypeOf('string')
    board.started(A, until + 15_000, trial)
    expect(board.view(until + 15_100).of(A, 0).trial).toBeUndefined()
  })

  test('what the region has forgotten, the isolate still knows, and tries out by itself', () => {
    const board = warm()
    const until = openUntil(board)
    board.take(T0 + 400)
    board.returned(createRegionHealth().report({}, T0 + 400, 0), T0 + 400)
    expect(stateOf(board, T0 + 500)).toBe('open')
    expect(board.view(until + 10_000).of(A, 0).trial).toBeTypeOf('string')
  })
})

describe('answers that make no sense', () => {
  test.each([
    ['another version', { v: 2, now: T0, deployments: { [A]: { open: true, until: T0 + 1e6 } }, leases: [] }],
    ['no time', { v: 1, deployments: { [A]: { open: true, until: T0 + 1e6 } } }],
    ['nothing', undefined],
    ['a text', 'overloaded'],
  ])('%s changes nothing', (_, snapshot) => {
    const board = createIsolateHealth('one', 0)
    board.take(T0)
    board.returned(snapshot, T0)
    expect(stateOf(board, T0)).toBe('closed')
    expect(board.hasSnapshot()).toBe(false)
  })

  test('nothing that comes makes it throw, and it can always be looked at', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), fc.anything(), (deployments, leases, now) => {
        const board = createIsolateHealth('one', 0)
        board.take(T0)
        board.returned({ v: 1, now: T0, deployments, leases }, T0)
        board.returned({ v: 1, now, deployments: { [A]: deployments }, leases: [leases] }, T0)
        expect(board.view(T0).of(A, 0).p).toBeGreaterThanOrEqual(0)
      }),
    )
  })

  test('clocks that differ by an hour are no matter', () => {
    const board = warm()
    const region = createRegionHealth()
    const theirs = T0 + 3_600_000
    noted(board, times(4, 'pre'), T0)
    board.returned(region.report(board.take(T0 + 400), theirs, 0.5), T0 + 450)
    expect(stateOf(board, T0 + 500)).toBe('open')
    const { until } = board.view(T0 + 500).of(A, 0)
    expect(until).toBeLessThan(T0 + 10_000)
  })
})

test('a storm of the caller’s mistakes and of clients that leave moves nothing: there is nothing to note of them', () => {
  const board = warm()
  noted(board, times(20, 'ok'), T0)
  const before = JSON.stringify(board.view(T0 + 5000).of(A, 0))
  for (let index = 0; index < 1000; index++) {
    board.started(A, T0 + 2000 + index)
    board.ended(A)
  }
  expect(JSON.stringify(board.view(T0 + 5000).of(A, 0))).toBe(before)
})
