import { expect, test } from 'vitest'
import type { Scenario, Traced } from './scenario.ts'
import { simulate } from './simulate.ts'

const [A, B, C] = ['alfa/a', 'bravo/b', 'charlie/c'] as const
const TURNS = 20
const FAULT = { from: 240_000, to: 270_000 }
const THREE_EQUAL: Scenario = {
  name: 'sessions',
  profiles: [A, B, C].map((name) => ({
    name,
    provider: name.slice(0, name.indexOf('/')),
    tier: 0,
    ttftMs: 600,
    tokensPerSecond: 70,
  })),
  faults: [],
  requestsPerSecond: 8,
  start: 0,
  end: 600_000,
  faultFrom: FAULT.from,
  faultTo: FAULT.to,
  sizes: [0.7, 0.2, 0.1],
  isolates: 8,
  sessions: { atOnce: 80, turns: TURNS },
}

/** The places of each conversation that has come to its end, turn by turn. */
function placesOf(scenario: Scenario): readonly (readonly Traced[])[] {
  const bySession = new Map<number, Traced[]>()
  const trace = (request: Traced) => {
    const { id = -1 } = request.session ?? {}
    bySession.set(id, [...(bySession.get(id) ?? []), request])
  }
  simulate({ ...scenario, trace }, 'router9', 1)
  return [...bySession.values()]
    .filter(({ length }) => length === TURNS)
    .map((turns) => turns.toSorted((a, b) => a.at - b.at))
}

/** The share of turns, but for first ones, that find the turn before them at the same place: there the prompt is cached. */
function shareAtSamePlace(sessions: readonly (readonly Traced[])[]): number {
  const later = sessions.flatMap((turns) => turns.slice(1).map(({ who }, at) => who === turns[at]?.who))
  return later.filter(Boolean).length / later.length
}

test('a conversation stays at one of three equal deployments, whichever of eight isolates it comes to', () => {
  const sessions = placesOf(THREE_EQUAL)
  expect(sessions.length).toBeGreaterThan(100)
  expect(shareAtSamePlace(sessions)).toBeGreaterThanOrEqual(0.99)
  const firsts = [A, B, C].map((name) => sessions.filter(([first]) => first?.who === name).length / sessions.length)
  for (const share of firsts) expect(share).toBeCloseTo(1 / 3, 1)
  const { sessions: _, ...anonymous } = { ...THREE_EQUAL, end: 100_000 }
  expect(shareAtSamePlace([tracesOf(anonymous)])).toBeLessThan(0.6)
})

function tracesOf(scenario: Scenario): readonly Traced[] {
  const traces: Traced[] = []
  simulate({ ...scenario, trace: (request) => traces.push(request) }, 'router9', 1)
  return traces
}

test('it moves once when that one fails, and does not come back when that one is well again', () => {
  const faults = [{ ...FAULT, deployments: [A], errorRate: 1 }]
  const struck = placesOf({ ...THREE_EQUAL, faults }).filter(
    ([first, ...later]) =>
      first?.who === A && first.at < FAULT.from - 60_000 && (later.at(-1)?.at ?? 0) > FAULT.to + 20_000,
  )
  expect(struck.length).toBeGreaterThan(5)
  // Where a turn failed over, it was asked before the fault was known.
  const places = struck.map((turns) => turns.filter(({ attempts }) => attempts === 1).map(({ who }) => who))
  const moves = places.map((names) => names.filter((name, at) => at > 0 && name !== names[at - 1]).length)
  const returned = struck.filter((turns) => turns.at(-1)?.who === A)
  expect(returned.length / struck.length).toBeLessThanOrEqual(0.01)
  expect(moves.filter((count) => count === 1).length / moves.length).toBeGreaterThan(0.9)
  expect(struck.flat().every(({ ttftMs }) => ttftMs !== undefined)).toBe(true)
})

test('one that is better by less than three seconds does not draw a conversation away, one that is better by more does', () => {
  const stays = (ttftAddMs: number) =>
    shareAtSamePlace(
      placesOf({ ...THREE_EQUAL, faults: [{ from: 300_000, to: 900_000, deployments: [A], ttftAddMs }] }).filter(
        ([first]) => first?.who === A && first.at < 280_000 && first.at > 160_000,
      ),
    )
  expect(stays(1000)).toBeGreaterThan(0.98)
  expect(stays(6000)).toBeLessThan(0.98)
})
