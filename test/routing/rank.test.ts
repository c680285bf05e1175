import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { evaluate } from '../../src/health/evaluate.ts'
import type { HealthView } from '../../src/health/isolate.ts'
import { type HealthRecord, unknownHealth } from '../../src/health/record.ts'
import type { Candidate, RankOptions } from '../../src/routing/candidate.ts'
import { rank } from '../../src/routing/rank.ts'
import { add, having, T0, times } from '../health/health-records.ts'

const candidate = (name: string, tier: number, index: number, more: Partial<Candidate> = {}): Candidate => ({
  name,
  provider: name.slice(0, name.indexOf('/')),
  tier,
  index,
  ...more,
})
const FOUR = [
  candidate('alfa/a', 0, 0),
  candidate('bravo/b', 0, 1),
  candidate('charlie/c', 1, 2),
  candidate('delta/d', 2, 3),
]

interface Known {
  readonly health: HealthRecord
  readonly probe?: string
  readonly inFlight?: number
}

function viewOf(known: Readonly<Record<string, Known>>, now = T0): HealthView {
  return {
    now,
    statusOf(name, bucket) {
      const { health = unknownHealth(), probe, inFlight = 0 } = known[name] ?? {}
      return { ...evaluate(health, now, bucket, inFlight), probe }
    },
    deployments: () => Object.keys(known),
  }
}

const OPTIONS: RankOptions = { requestHash: 1, policy: 'balanced', bucket: 0 }
/** In good health, with so long to the first word. */
const well = (ttftMs: number) => ({ health: having(times(30, 'first-token'), T0 - 4000, 100, { ttftMs }) })
const failing = (ms = 100) => ({ health: having(times(4, 'failed-before-first-token'), T0 - ms - 300) })
const limited = (waitMs: number) => ({ health: having(['limit'], T0 - 1, 0, { waitMs }) })

function order(
  known: Readonly<Record<string, Known>>,
  options: Partial<RankOptions> = {},
  candidates = FOUR,
): string[] {
  return rank(candidates, viewOf(known), { ...OPTIONS, ...options }).ranked.map((row) => row.candidate.name)
}

/** How often each comes first, over many requests. */
function shares(known: Readonly<Record<string, Known>>, options: Partial<RankOptions> = {}, candidates = FOUR) {
  const counts: Record<string, number> = {}
  for (let hash = 0; hash < 1000; hash++) {
    const [first = ''] = order(known, { ...options, requestHash: Math.imul(hash, 0x9e3779b1) >>> 0 }, candidates)
    counts[first] = (counts[first] ?? 0) + 1
  }
  return counts
}

const NAMES = FOUR.map(({ name }) => name)

describe('where nothing is known', () => {
  test.each(['strict', 'balanced'] as const)('the given order holds for every request (%s)', (policy) => {
    expect(shares({}, { policy })).toEqual({ 'alfa/a': 1000 })
    expect(order({}, { policy })).toEqual(NAMES)
  })
})

describe('the operator’s order against the service', () => {
  test('a better model that is somewhat slower stays first; one that is really slow does not', () => {
    expect(order({ 'alfa/a': well(3000), 'bravo/b': well(3000), 'charlie/c': well(300) })[0]).not.toBe('charlie/c')
    expect(order({ 'alfa/a': well(9000), 'bravo/b': well(9000), 'charlie/c': well(300) })[0]).toBe('charlie/c')
  })

  test('a strict order is left only for what is not well', () => {
    const slow = { 'alfa/a': well(60_000), 'bravo/b': well(50), 'charlie/c': well(50), 'delta/d': well(50) }
    const strict = FOUR.map((each, tier) => ({ ...each, tier }))
    expect(order(slow, { policy: 'strict' }, strict)).toEqual(NAMES)
    expect(order({ ...slow, 'alfa/a': failing() }, { policy: 'strict' }, strict)[0]).toBe('bravo/b')
  })

  test('a sort that the caller asks for is the only order among what is well', () => {
    const known = { 'alfa/a': well(900), 'bravo/b': well(700), 'charlie/c': well(300), 'delta/d': failing() }
    expect(order(known, { sort: 'latency' })).toEqual(['charlie/c', 'bravo/b', 'alfa/a'])
  })
})

describe('among equals', () => {
  test('the quicker one gets most, and the other is not forgotten', () => {
    const { 'alfa/a': a = 0, 'bravo/b': b = 0 } = shares({ 'alfa/a': well(500), 'bravo/b': well(400) })
    expect(a + b).toBe(1000)
    expect(b).toBeGreaterThan(900)
    expect(a).toBeGreaterThan(5)
  })

  test('one with many more attempts under way gives way', () => {
    const known = { 'alfa/a': { ...well(400), inFlight: 100 }, 'bravo/b': well(450) }
    expect(shares(known)['bravo/b']).toBeGreaterThan(900)
  })

  test('a conversation stays where it was, and conversations spread', () => {
    const known = { 'alfa/a': well(400), 'bravo/b': well(450) }
    const first = (hash: number) => shares(known, { session: { hash, hasHistory: true } })
    const places = Array.from({ length: 20 }, (_, index) => Object.keys(first(index * 7919)))
    expect(places.every((names) => names.length === 1)).toBe(true)
    expect(new Set(places.flat())).toEqual(new Set(['alfa/a', 'bravo/b']))
  })

  test('a session stays where it was while that is not much worse and has not been out since', () => {
    const equal = { 'alfa/a': well(400), 'bravo/b': well(400) }
    const isAtBravo = (hash: number) => order(equal, { session: { hash, hasHistory: true } })[0] === 'bravo/b'
    const hash = Array.from({ length: 20 }, (_, index) => index).find(isAtBravo) ?? -1
    const session = { hash, hasHistory: true, last: { name: 'bravo/b', since: T0 - 100_000, at: T0 - 1000 } }
    const home = (b: Known, options: Partial<RankOptions> = {}) =>
      rank(FOUR, viewOf({ 'alfa/a': well(400), 'bravo/b': b }), { ...OPTIONS, session, ...options })
    expect(home(well(2900))).toMatchObject({
      home: 'bravo/b',
      ranked: [{ candidate: { name: 'bravo/b' } }, {}, {}, {}],
    })
    expect(home(well(6000)).home).toBe('alfa/a')
    expect(home(failing()).home).toBe('alfa/a')
    expect(home(well(2900), { sort: 'latency' })).toMatchObject({
      ranked: [{ candidate: { name: 'alfa/a' } }, {}, {}, {}],
    })
    const back = having(times(4, 'failed-before-first-token'), T0 - 60_000)
    add(back, times(3, 'success'), T0 - 30_200, 100, { probe: 'x' })
    add(back, times(5, 'first-token'), T0 - 30_000, 0, { ttftMs: 400 })
    const places = (last?: typeof session.last) =>
      Array.from(
        { length: 20 },
        (_, hash) => home({ health: back }, { session: { ...session, hash, last } as never }).home,
      )
    expect(new Set(places())).toEqual(new Set(['alfa/a']))
    expect(new Set(places({ name: 'bravo/b', since: T0 - 100_000, at: T0 - 50_000 }))).toEqual(new Set(['alfa/a']))
    expect(home({ health: back }).home).toBe('bravo/b')
  })

  test('a session that moved since its place was out does not return when that has long been well', () => {
    const long = having(times(4, 'failed-before-first-token'), T0 - 700_000)
    add(long, times(3, 'success'), T0 - 650_200, 100, { probe: 'x' })
    add(long, times(30, 'first-token'), T0 - 4000, 100, { ttftMs: 400 })
    const known = { 'alfa/a': { health: long }, 'bravo/b': well(400) }
    const homes = (since: number) =>
      Array.from({ length: 20 }, (_, hash) => {
        const last = { name: 'bravo/b', since, at: T0 - 1000 }
        return rank(FOUR, viewOf(known), { ...OPTIONS, session: { hash, hasHistory: true, last } }).home
      })
    expect(new Set(homes(T0 - 600_000))).toEqual(new Set(['bravo/b']))
    // It was never at the other for a reason of health: all isolates agree by the hash.
    expect(new Set(homes(T0 - 100_000))).toEqual(new Set(['alfa/a', 'bravo/b']))
  })

  test('a session that begins goes to none that is dearer, and one with a history is no probe', () => {
    const priced = [candidate('alfa/a', 0, 0, { price: 1 }), candidate('bravo/b', 0, 1, { price: 2 })]
    const known = { 'alfa/a': well(400), 'bravo/b': well(400) }
    for (let hash = 0; hash < 20; hash++) {
      expect(order(known, { session: { hash, hasHistory: false } }, priced)[0]).toBe('alfa/a')
    }
    const probed = { 'alfa/a': { ...failing(10_000), probe: 'x' }, 'bravo/b': well(400) }
    expect(order(probed, { session: { hash: 1, hasHistory: false } })[0]).toBe('alfa/a')
    expect(order(probed, { session: { hash: 1, hasHistory: true } })[0]).toBe('bravo/b')
  })

  test('a dearer one has to be clearly better', () => {
    const priced = [candidate('alfa/a', 0, 0, { price: 1 }), candidate('bravo/b', 0, 1, { price: 4 })]
    expect(order({ 'alfa/a': well(900), 'bravo/b': well(400) }, {}, priced)[0]).toBe('alfa/a')
    expect(order({ 'alfa/a': well(9000), 'bravo/b': well(400) }, {}, priced)[0]).toBe('bravo/b')
  })
})

describe('what is not well', () => {
  test('what is out is left out, and says why and until when', () => {
    const { ranked, out, isPanic: panic } = rank(FOUR, viewOf({ 'alfa/a': failing() }), OPTIONS)
    expect(ranked.map((row) => row.candidate.name)).toEqual(['bravo/b', 'charlie/c', 'delta/d'])
    expect(out).toMatchObject([
      { candidate: { name: 'alfa/a' }, status: { state: 'open', reason: 'failed-before-first-token' } },
    ])
    expect(out[0]?.status.until).toBeGreaterThan(T0)
    expect(panic).toBe(false)
  })

  test('what is doubted comes after what is well, and is still there for a retry', () => {
    const doubted = { health: having([...times(20, 'success'), ...times(2, 'failed-mid-stream')], T0 - 2200) }
    expect(order({ 'alfa/a': doubted })).toEqual(['bravo/b', 'charlie/c', 'delta/d', 'alfa/a'])
  })

  test('a request with a probe sends it, once, and has the others behind it', () => {
    const { ranked } = rank(FOUR, viewOf({ 'alfa/a': { ...failing(10_000), probe: 'x' } }), OPTIONS)
    expect(ranked.map((row) => [row.candidate.name, row.probe])).toEqual([
      ['alfa/a', 'x'],
      ['bravo/b', undefined],
      ['charlie/c', undefined],
      ['delta/d', undefined],
    ])
  })

  test('nobody tries out what would not come first even if it were well', () => {
    expect(order({ 'delta/d': { ...failing(10_000), probe: 'x' } })[0]).toBe('alfa/a')
  })

  test('what comes back gets a share that grows', () => {
    const back = (ms: number) => {
      const health = having(times(4, 'failed-before-first-token'), T0 - 60_000)
      add(health, times(3, 'success'), T0 - ms - 200, 100, { probe: 'x' })
      add(health, times(5, 'first-token'), T0 - ms, 0, { ttftMs: 300 })
      return shares({ 'alfa/a': { health }, 'bravo/b': well(600) })['alfa/a'] ?? 0
    }
    expect(back(100)).toBeLessThan(300)
    expect(back(2500)).toBeGreaterThan(back(100))
    expect(back(30_000)).toBeGreaterThan(800)
  })

  test('with all out, the soonest to come back is asked first; what is rate-limited is not asked', () => {
    const known = {
      'alfa/a': failing(100),
      'bravo/b': failing(900),
      'charlie/c': limited(60_000),
      'delta/d': failing(500),
    }
    const { ranked, out, isPanic: panic } = rank(FOUR, viewOf(known), OPTIONS)
    expect(panic).toBe(true)
    expect(ranked.map((row) => row.candidate.name)).toEqual(['bravo/b', 'delta/d', 'alfa/a'])
    expect(out.map((row) => row.candidate.name)).toEqual(['charlie/c'])
  })

  test('with all of it doubted, the best of it is asked', () => {
    const doubted = (failures: number) => ({
      health: having([...times(20, 'success'), ...times(failures, 'failed-mid-stream')], T0 - 3000),
    })
    const known = { 'alfa/a': doubted(3), 'bravo/b': doubted(2), 'charlie/c': doubted(3), 'delta/d': doubted(3) }
    const { ranked, isPanic: panic } = rank(FOUR, viewOf(known), OPTIONS)
    expect(panic).toBe(false)
    expect(ranked[0]?.candidate.name).toBe('bravo/b')
    expect(ranked).toHaveLength(4)
  })
})

describe('always', () => {
  const state = fc.constantFrom<Known | undefined>(
    undefined,
    well(300),
    well(5000),
    failing(),
    failing(10_000),
    limited(5000),
    {
      ...failing(10_000),
      probe: 'x',
    },
  )

  test('every candidate is in exactly one place, and the same arguments give the same order', () => {
    fc.assert(
      fc.property(
        fc.array(state, { minLength: 4, maxLength: 4 }),
        fc.nat(),
        fc.boolean(),
        (states, requestHash, strict) => {
          const known = Object.fromEntries(states.flatMap((each, index) => (each ? [[NAMES[index] ?? '', each]] : [])))
          const options = { ...OPTIONS, requestHash, policy: strict ? 'strict' : 'balanced' } as const
          const [one, other] = [rank(FOUR, viewOf(known), options), rank(FOUR, viewOf(known), options)]
          expect(JSON.stringify(one)).toBe(JSON.stringify(other))
          const names = [...one.ranked, ...one.out].map((row) => row.candidate.name)
          expect(names.toSorted()).toEqual(NAMES.toSorted())
          expect(one.ranked.filter((row) => row.probe !== undefined).length).toBeLessThanOrEqual(1)
        },
      ),
    )
  })

  test('no candidates, no order', () => {
    expect(rank([], viewOf({}), OPTIONS)).toEqual({ ranked: [], out: [], isPanic: true })
  })
})
