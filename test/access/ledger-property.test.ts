import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Limits } from '../../src/access/budget.ts'
import { readState } from '../../src/access/ledger.ts'
import { createWorld, type Fate } from './ledger-world.ts'

const ISOLATES = 3
const STARTS = [
  '2026-06-01T12:00:05Z',
  // A Sunday, a month's end on a Sunday, the last moment of a year, and leap days.
  '2026-06-07T23:59:25Z',
  '2026-05-31T23:59:52.900Z',
  '2026-12-31T23:59:58Z',
  '2028-02-28T23:59:25Z',
  '2028-02-29T23:59:59.900Z',
]

const limits: fc.Arbitrary<Limits> = fc.record(
  {
    rpm: fc.constantFrom(1, 10, 40),
    tpm: fc.constantFrom(1000, 8000),
    concurrent: fc.constantFrom(1, 40),
    budget: fc.constantFrom(0.01, 1, 8),
    window: fc.constantFrom('day' as const, 'week' as const, 'month' as const, 'total' as const),
  },
  { requiredKeys: ['window'] },
)
const fate: fc.Arbitrary<Fate> = fc.record({
  lost: fc.constantFrom('no' as const, 'no' as const, 'request' as const, 'reply' as const),
  delayMs: fc.integer({ min: 0, max: 400 }),
  copyMs: fc.constantFrom(0, 0, 100, 1500, 30_000),
})
const calls = fc.record({
  isolate: fc.nat(ISOLATES - 1),
  account: fc.constantFrom(0, 0, 1),
  tokens: fc.constantFrom(1, 100, 900),
  dollars: fc.constantFrom(0.001, 0.01, 0.3),
  percent: fc.constantFrom(0, 100, 100, 130),
  lastsMs: fc.constantFrom(0, 200, 3000, 70_000),
})
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('calls' as const), call: calls, times: fc.constantFrom(1, 3, 30) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(20, 20, 450, 1100, 9900, 31_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('die' as const), isolate: fc.nat(ISOLATES - 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('evict' as const), account: fc.nat(1) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('step' as const),
      isolate: fc.nat(ISOLATES - 1),
      ms: fc.constantFrom(5000, 90_000),
    }),
  },
)
const anyWorld = fc.record({
  start: fc.constantFrom(...STARTS),
  limits: fc.tuple(limits, limits),
  fates: fc.array(fate, { minLength: 1, maxLength: 12 }),
  offsets: fc.array(fc.integer({ min: -3_600_000, max: 3_600_000 }), { minLength: ISOLATES, maxLength: ISOLATES }),
  steps: fc.array(step, { maxLength: 40 }),
})

/** Isolates that fill up one limit with calls that stay: what one of them holds, another would like to have. */
const crowdedWorld = fc.record({
  start: fc.constant(STARTS[0] ?? ''),
  limits: fc.tuple(
    fc.constantFrom<Limits>({ rpm: 60 }, { tpm: 6000 }, { budget: 3 }, { concurrent: 60 }),
    fc.constant({}),
  ),
  fates: fc.array(
    fc.record({ lost: fc.constant('no' as const), delayMs: fc.constantFrom(5, 400), copyMs: fc.constant(0) }),
    {
      minLength: 1,
      maxLength: 6,
    },
  ),
  offsets: fc.constant(Array<number>(ISOLATES).fill(0)),
  steps: fc.array(
    fc.oneof(
      fc.record({
        do: fc.constant('calls' as const),
        call: fc.record({
          isolate: fc.nat(ISOLATES - 1),
          account: fc.constant(0),
          tokens: fc.constantFrom(50, 50, 400),
          dollars: fc.constantFrom(0.025, 0.025, 0.2),
          percent: fc.constant(100),
          lastsMs: fc.constantFrom(100, 40_000, 40_000),
        }),
        times: fc.constantFrom(1, 2, 60),
      }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(20, 20, 390, 850, 4000, 21_000) }),
      fc.record({
        do: fc.constant('squeeze' as const),
        isolate: fc.nat(ISOLATES - 1),
        other: fc.nat(ISOLATES - 1),
        times: fc.constantFrom(1, 5),
      }),
    ),
    { maxLength: 40 },
  ),
})
const world = fc.oneof(anyWorld, crowdedWorld)

test('limits hold at every moment and everything settled arrives once, whatever is lost, repeated, late or reordered', () => {
  fc.assert(
    fc.property(world, (given) => {
      const {
        wait,
        call,
        die,
        evict,
        step: jump,
        ...rest
      } = createWorld(Date.parse(given.start), given.limits, given.fates, given.offsets)
      let hasDied = false
      for (const one of given.steps) {
        if (one.do === 'wait') wait(one.ms)
        else if (one.do === 'squeeze') {
          // One spends what it holds while its report is under way, and another takes all that is left.
          wait(1100)
          const small = { account: 0, tokens: 50, dollars: 0.025, percent: 100, lastsMs: 40_000 }
          call({ ...small, isolate: one.isolate })
          if (one.times > 1) call({ ...small, isolate: one.isolate, tokens: 900, dollars: 0.5 })
          wait(20)
          for (let n = 0; n < one.times; n++) call({ ...small, isolate: one.isolate })
          for (let n = 0; n < 60; n++) call({ ...small, isolate: one.other })
          wait(1500)
        } else if (one.do === 'evict') evict(one.account)
        else if (one.do === 'step') jump(one.isolate, one.ms)
        else if (one.do === 'die') {
          hasDied = true
          die(one.isolate)
        } else for (let n = 0; n < one.times; n++) call(one.call)
      }
      wait(71_000)
      rest.calmDown()
      for (const { stored, settled } of rest.accounts) {
        const used = settled.reduce((sum, one) => sum + one.dollars, 0)
        const { dollars } = readState(stored, rest.now())
        if (hasDied) expect(dollars).toBeLessThanOrEqual(used + 1e-6)
        else expect(dollars).toBeCloseTo(used, 6)
      }
      if (!hasDied) expectFree(given.limits, { ...rest, call, wait })
    }),
    { numRuns: Number(process.env.LEDGER_RUNS ?? 300) },
  )
}, 120_000)

/** Where nobody holds a lease, exactly what is free is let in, by an isolate that knows nothing. */
function expectFree(
  all: readonly Limits[],
  {
    outlastLeases,
    accounts,
    left,
    call,
    wait,
  }: Pick<ReturnType<typeof createWorld>, 'outlastLeases' | 'accounts' | 'left' | 'call' | 'wait'>,
) {
  outlastLeases()
  all.forEach(({ tpm = 500 }, account) => {
    const { most, least } = left(account)
    const one = { isolate: ISOLATES + account, account, tokens: tpm, percent: 100, lastsMs: 70_000 }
    const of = accounts[account]
    expect.assert(of !== undefined)
    const before = of.admitted
    call({ ...one, dollars: Math.min(least, 5) })
    wait(400)
    if (most > 1e-6 && least < 1e-6) return
    expect(of.admitted - before, `admitted of account ${account} with ${least} dollars left`).toBe(most > 1e-6 ? 1 : 0)
  })
}
