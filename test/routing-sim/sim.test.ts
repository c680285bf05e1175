import { describe, expect, test } from 'vitest'
import { type Figures, figuresOf } from './figures.ts'
import { HEDGING_SCENARIOS, hedgingFigures } from './hedging.ts'
import { SCENARIOS, type Scenario } from './scenario.ts'
import { simulate, type Tally } from './simulate.ts'
import { targetsOf } from './targets.ts'

const SEEDS = [1, 2]
/** The whole table is `npm run sim`; here the fault is shorter, and so is what comes before it. */
const FAULT_MS = 60_000

function shortened(name: string): Scenario {
  const scenario = SCENARIOS.find((candidate) => candidate.name === name)
  if (scenario === undefined) throw new TypeError(`no scenario is called ${name}`)
  const { faultFrom } = scenario
  const to = faultFrom + FAULT_MS
  const faults = scenario.faults.map((fault) => ({ ...fault, to: Math.min(fault.to, to) }))
  return { ...scenario, faults, start: faultFrom - 40_000, faultTo: to, end: to + 40_000 }
}

function run(name: string, policy = 'router9'): Figures {
  const scenario = shortened(name)
  return figuresOf(
    name,
    policy,
    SEEDS.map((seed) => simulate(scenario, policy, seed)),
  )
}

describe('a fault is noticed soon, hidden from callers, and forgotten when it is over', () => {
  test('hard outage', () => {
    const { detectMs, recoverMs, faultSuccess, attempts, p95Ms } = run('hard outage')
    expect(detectMs).toBeLessThan(1300)
    expect(recoverMs).toBeLessThan(30_000)
    expect(faultSuccess).toBeGreaterThanOrEqual(99.85)
    expect(attempts).toBeLessThan(1.07)
    expect(p95Ms).toBeLessThan(1500)
  })

  test('a provider that does not answer any more', () => {
    const own = run('hang')
    expect(own.faultSuccess).toBeGreaterThanOrEqual(99.85)
    expect(own.detectMs).toBeLessThan(3500)
    expect(own.p95Ms).toBeLessThan(3500)
    expect(own.p95Ms).toBeLessThan((run('hang', 'LiteLLM-like').p95Ms ?? 0) / 2)
  })

  test('answers that break in the middle, which no retry mends', () => {
    const own = run('cuts 30%')
    expect(own.faultSuccess).toBeGreaterThan(97.3)
    expect(own.faultSuccess).toBeGreaterThan(run('cuts 30%', 'LiteLLM-like').faultSuccess)
    expect(own.faultSuccess).toBeGreaterThan(run('cuts 30%', 'static priority').faultSuccess + 15)
  })

  test('a provider that does not answer whole any more, which is known half a minute later', () => {
    const own = run('whole: hang')
    expect(own.faultSuccess).toBeGreaterThanOrEqual(99.85)
    expect(own.attempts).toBeLessThan(1.25)
    // All of the others wait for twice as long.
    expect(own.p95Ms).toBeLessThan(50_000)
  })

  test('a provider that does not answer any more, whichever format it speaks and however well it could think', () => {
    const own = run('hangs by dialect')
    expect(own.faultSuccess).toBeGreaterThanOrEqual(99.85)
    expect(own.p95Ms).toBeLessThan(3500)
    expect(run('hang, cold').p95Ms).toBeLessThan(11_500)
  })

  test('rate limits', () => {
    const { attempts, faultSuccess } = run('429, 20 s')
    expect(attempts).toBeLessThan(1.05)
    expect(faultSuccess).toBeGreaterThanOrEqual(99.85)
  })

  test('with everything down, retries do not multiply the load', () => {
    expect(run('all down').attempts).toBeLessThan(1.6)
    expect(run('all down', 'static priority').attempts).toBeGreaterThan(2.5)
  })

  test('regional objects that are gone cost nobody an answer', () => {
    expect(run('objects gone 60 s').faultSuccess).toBeGreaterThanOrEqual(99.85)
  })
})

test('a tenant who means harm takes nobody out, and delays nobody’s return', () => {
  const own = run('hostile tenant')
  expect(own.falseOpens).toBe(0)
  expect(own.faultSuccess).toBeGreaterThanOrEqual(99.85)
  expect(own.attempts).toBeLessThan(1.1)
  expect(own.recoverMs).toBeLessThan(30_000)
})

test('those who wait for a short limit are let go one by one', () => {
  expect(run('short limits').mostAtOnce).toBeLessThanOrEqual(25)
})

test.each(['clients leave 20%', '400 storm', 'whole: healthy'])('%s: nothing is taken out, nothing fails', (name) => {
  const { falseOpens, success, attempts } = run(name)
  expect(falseOpens).toBe(0)
  expect(success).toBeGreaterThan(99.9)
  expect(attempts).toBeLessThan(1.02)
})

test.each(['router9', 'LiteLLM-like', 'oracle'])(
  'the same seed gives the same bytes, another one does not (%s)',
  (policy) => {
    const brief = { ...shortened('hard outage'), end: 220_000 }
    const bytes = (seed: number) => JSON.stringify(simulate(brief, policy, seed))
    expect(bytes(1)).toBe(bytes(1))
    expect(bytes(1)).not.toBe(bytes(2))
  },
)

describe('hedging', () => {
  const brief = (name: string) => {
    const scenario = HEDGING_SCENARIOS.find((one) => one.name === name)
    if (scenario === undefined) throw new TypeError(`no scenario is called ${name}`)
    return { ...scenario, start: 120_000, end: Math.min(scenario.end, 330_000) }
  }

  test('takes much off the last percent of first tokens where these come late by chance, for less than one request in twenty', () => {
    const without = hedgingFigures(brief('healthy, with a tail'), false, [1])
    const hedged = hedgingFigures(brief('healthy, with a tail'), true, [1])
    expect(hedged.p99).toBeLessThan(0.85 * without.p99)
    expect(hedged.hedged).toBeLessThan(5)
    expect(hedged.cost).toBeLessThan(5)
  })

  test('where all hang, nobody is asked twice', () => {
    expect(hedgingFigures(brief('all hang'), true, [1]).lateFaultHedged).toBe(0)
  })
})

describe('the targets', () => {
  const tally: Tally = {
    requests: 100,
    answered: 99,
    faultRequests: 50,
    faultAnswered: 49,
    faultAttempts: 80,
    attempts: 130,
    faultTtftMs: [100, 200, 9000],
    regret: 1,
    detectMs: [],
    recoverMs: [1000],
    undetected: 1,
    unrecovered: 0,
    falseOpens: 3,
    mostAtOnce: 0,
  }

  test('what was not noticed, or failed, is missed; what was never run is not judged', () => {
    const targets = targetsOf([figuresOf('hard outage', 'router9', [tally])], false)
    const met = Object.fromEntries(targets.map((target) => [target.name, target.met]))
    expect(met['detect, ms: hard outage']).toBe(false)
    expect(met['success in fault, %: hard outage']).toBe(false)
    expect(met['recover, ms: hard outage']).toBe(true)
    expect(targets.some(({ name }) => name.includes('hang'))).toBe(false)
  })

  test('a baseline that does better by more than a tenth of a point is told', () => {
    const better = { ...tally, answered: 100 }
    const figures = [figuresOf('hang', 'router9', [tally]), figuresOf('hang', 'round robin', [better])]
    expect(targetsOf(figures, false).find(({ name }) => name.includes('round robin'))?.met).toBe(false)
  })
})
