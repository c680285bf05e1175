import { describe, expect, test } from 'vitest'
import { Failure } from '../../src/chat/failure.ts'
import { type CircuitState, type DeploymentStatus, evaluate } from '../../src/health/evaluate.ts'
import { unknownHealth } from '../../src/health/record.ts'
import {
  type AttemptCandidate,
  cancelHedge,
  createAttempts,
  failAttempt,
  hedgeAttempt,
  nextAttempt,
  refusalOf,
  skipAttempt,
} from '../../src/routing/attempts.ts'
import type { Ranked, Ranking } from '../../src/routing/candidate.ts'
import { createHedgeBudget } from '../../src/routing/hedge-budget.ts'
import { createReleaseQueue } from '../../src/routing/release-queue.ts'
import { createRetryBudget } from '../../src/routing/retry-budget.ts'
import { T0 } from '../health/health-records.ts'

const LIMITS = { firstByteMs: 10_000, totalMs: 30_000, minFirstByteMs: 0 }

type Facts = Partial<DeploymentStatus>

/** A row of a ranking: whatever the fields say, a probe included. */
function row(name: string, more: Facts = {}, contextTokens = 0): Ranked<AttemptCandidate> {
  const provider = name.slice(0, name.indexOf('/'))
  const candidate = {
    name,
    provider,
    tier: 0,
    index: 0,
    traits: { contextTokens, outputTokens: 0 },
    timeoutLimits: LIMITS,
  }
  const status = { ...evaluate(unknownHealth(), T0, 0), ...more }
  return { candidate, score: 1, status, probe: status.probe }
}

const out = (name: string, state: CircuitState, ms: number) => row(name, { state, until: T0 + ms })

function attemptsOf(
  ranked: Ranked<AttemptCandidate>[],
  rest: Partial<Ranking<AttemptCandidate>> = {},
  budget = createRetryBudget(T0),
  releases = createReleaseQueue(),
) {
  const ranking = { ranked, out: [], isPanic: false, home: undefined, ...rest }
  return createAttempts({ ranking, bucket: 0, requestHash: 5 }, { budget, releases }, T0)
}

/** A moment later: nobody is let go at the same time as others. */
const aboutThen = (ms: number) => expect.toSatisfy((waitMs: number) => waitMs > ms && waitMs <= ms + 30)

const BROKEN = new Failure('provider-failed', 'broken', { upstreamStatus: 500 })

/** Which deployments it tries where all fail alike, each after so long. */
function namesTried(attempts: ReturnType<typeof attemptsOf>, failure = BROKEN, tookMs = 100): string[] {
  const names: string[] = []
  let now = T0
  for (let ask = nextAttempt(attempts, now); ask !== undefined; ask = nextAttempt(attempts, now)) {
    names.push(ask.candidate.name)
    now += ask.waitMs + tookMs
    failAttempt(attempts, failure, now)
    if (names.length > 10) break
  }
  return names
}

describe('which deployment is tried', () => {
  test('three at most, another provider before another deployment of the same one', () => {
    const rows = [row('alfa/a'), row('alfa/b'), row('bravo/a'), row('charlie/a')]
    expect(namesTried(attemptsOf(rows))).toEqual(['alfa/a', 'bravo/a', 'charlie/a'])
    expect(namesTried(attemptsOf([row('alfa/a'), row('alfa/b')]))).toEqual(['alfa/a', 'alfa/b'])
  })

  test('what the caller did wrong is asked nowhere else', () => {
    expect(
      namesTried(attemptsOf([row('alfa/a'), row('bravo/a')]), new Failure('rejected', 'bad', { upstreamStatus: 400 })),
    ).toEqual(['alfa/a'])
  })

  test('after a prompt that was too long only those with more room', () => {
    const rows = [row('alfa/a', {}, 1000), row('bravo/a', {}, 1000), row('charlie/a', {}, 5000), row('delta/a', {}, 0)]
    const failure = new Failure('context-length', 'too long', { upstreamStatus: 400 })
    expect(namesTried(attemptsOf(rows), failure)).toEqual(['alfa/a', 'charlie/a', 'delta/a'])
  })

  test('one that is well goes before another provider that is out, and is never given up for want of a budget', () => {
    const rows = [row('alfa/a'), row('alfa/b'), row('bravo/a', { state: 'open' })]
    const budget = createRetryBudget(T0)
    while (budget.spend(T0)) {}
    expect(namesTried(attemptsOf(rows, {}, budget))).toEqual(['alfa/a', 'alfa/b'])
    expect(namesTried(attemptsOf(rows))).toEqual(['alfa/a', 'alfa/b', 'bravo/a'])
  })

  test('whoever cannot even be asked this is no attempt, and is paid for by nobody', () => {
    const rows = ['alfa/a', 'bravo/a', 'charlie/a', 'delta/a', 'echo/a'].map((name) => row(name, { state: 'suspect' }))
    const budget = createRetryBudget(T0)
    while (budget.spend(T0)) {}
    budget.giveBack()
    const attempts = attemptsOf(rows, {}, budget)
    const names: (string | undefined)[] = []
    const next = () => names.push(nextAttempt(attempts, T0)?.candidate.name)
    next()
    skipAttempt(attempts)
    next()
    failAttempt(attempts, BROKEN, T0)
    next()
    skipAttempt(attempts)
    next()
    failAttempt(attempts, BROKEN, T0)
    next()
    expect(names).toEqual(['alfa/a', 'bravo/a', 'charlie/a', 'delta/a', undefined])
  })

  test('where nobody else could be asked this, a short limit is waited for, and a long one reported', () => {
    const limited = (ms: number) => ({ out: [out('bravo/a', 'limited', ms)] })
    const short = attemptsOf([row('alfa/a')], limited(1500))
    nextAttempt(short, T0)
    skipAttempt(short)
    expect(nextAttempt(short, T0)).toMatchObject({ candidate: { name: 'bravo/a' }, waitMs: aboutThen(1500) })
    skipAttempt(short)
    expect(nextAttempt(short, T0)).toBeUndefined()
    expect(refusalOf(short, T0)).toBeUndefined()
    const long = attemptsOf([row('alfa/a')], limited(5000))
    nextAttempt(long, T0)
    skipAttempt(long)
    expect(nextAttempt(long, T0)).toBeUndefined()
    expect(refusalOf(long, T0)).toEqual({ retryAfterMs: 5000, overloaded: false })
  })

  test('with nobody else, a quick failure that may pass is tried once more, after a moment', () => {
    const attempts = attemptsOf([row('alfa/a')])
    nextAttempt(attempts, T0)
    failAttempt(attempts, BROKEN, T0 + 100)
    const again = nextAttempt(attempts, T0 + 100)
    expect(again?.candidate.name).toBe('alfa/a')
    expect(again?.waitMs).toBeGreaterThanOrEqual(100)
    expect(again?.waitMs).toBeLessThanOrEqual(300)
    failAttempt(attempts, BROKEN, T0 + 500)
    expect(nextAttempt(attempts, T0 + 500)).toBeUndefined()
  })

  test.each([
    ['a slow failure', BROKEN, 5000],
    [
      'a provider that says not to',
      new Failure('provider-failed', 'x', { upstreamStatus: 500, shouldRetry: false }),
      100,
    ],
    ['refused credentials', new Failure('credentials-refused', 'x', { upstreamStatus: 401 }), 100],
    ['a rate limit', new Failure('rate-limited', 'x', { upstreamStatus: 429, retryAfterMs: 9000 }), 100],
  ])('with nobody else, %s is final', (_, failure, tookMs) => {
    expect(namesTried(attemptsOf([row('alfa/a')]), failure, tookMs)).toEqual(['alfa/a'])
  })

  test('what is out is asked last rather than nobody, and that is reported as a probe', () => {
    const attempts = attemptsOf([row('alfa/a')], {
      out: [out('bravo/a', 'open', 9000), out('charlie/a', 'limited', 9000)],
    })
    expect(nextAttempt(attempts, T0)?.probe).toBeUndefined()
    failAttempt(attempts, BROKEN, T0 + 100)
    expect(nextAttempt(attempts, T0 + 100)).toMatchObject({ candidate: { name: 'bravo/a' }, probe: 'panic' })
    failAttempt(attempts, BROKEN, T0 + 200)
    expect(nextAttempt(attempts, T0 + 200)).toBeUndefined()
  })
})

describe('what retries may cost', () => {
  const spent = () => {
    const budget = createRetryBudget(T0)
    while (budget.spend(T0)) {}
    return budget
  }

  test('the first attempt is always made, further ones at those that are not well from the budget', () => {
    const rows = [row('alfa/a'), row('bravo/a', { state: 'suspect' })]
    expect(namesTried(attemptsOf(rows, {}, spent()))).toEqual(['alfa/a'])
    expect(namesTried(attemptsOf(rows))).toEqual(['alfa/a', 'bravo/a'])
  })

  test('however many fail at once, going on to one that is well costs nothing', () => {
    const probe = row('alfa/a', { state: 'half-open', probe: 'x' })
    expect(namesTried(attemptsOf([row('alfa/a'), row('bravo/a')], {}, spent()))).toEqual(['alfa/a', 'bravo/a'])
    expect(namesTried(attemptsOf([probe, row('bravo/a')], {}, spent()))).toEqual(['alfa/a', 'bravo/a'])
  })

  test('asking the same one again is paid for', () => {
    expect(namesTried(attemptsOf([row('alfa/a')], {}, spent()))).toEqual(['alfa/a'])
  })
})

describe('how long each may take', () => {
  const measured = { ttftMs: 400, ttftP95Ms: 900, samples: 30 }

  test('one that is known to be quick is given up early while there are others; the last gets all that is left', () => {
    const attempts = attemptsOf([row('alfa/a', measured), row('bravo/a', measured)])
    expect(nextAttempt(attempts, T0)?.deadlineMs).toBe(2500)
    failAttempt(attempts, new Failure('provider-timeout', 'late'), T0 + 2500)
    expect(nextAttempt(attempts, T0 + 2500)?.deadlineMs).toBe(27_500)
  })

  test('however late it is, the last gets a quarter of its deadline', () => {
    const attempts = attemptsOf([row('alfa/a'), row('bravo/a')])
    nextAttempt(attempts, T0)
    failAttempt(attempts, BROKEN, T0 + 40_000)
    expect(nextAttempt(attempts, T0 + 40_000)?.deadlineMs).toBe(2500)
  })
})

describe('how long each may take, of those who are asked for whole answers', () => {
  const whole = { outputTokens: 16_000, tokensPerSecond: 50, minMs: 30_000, maxMs: 120_000 }
  const of = (name: string, more: Facts = {}) => {
    const made = row(name, { tokensPerSecond: 100, ...more })
    return { ...made, candidate: { ...made.candidate, timeoutLimits: { ...LIMITS, wholeBody: whole } } }
  }
  const LATE = new Failure('provider-timeout', 'late')

  test('two minutes at most while somebody else is well, and the last gets all that is left', () => {
    const attempts = attemptsOf([of('alfa/a'), of('bravo/a')])
    expect(nextAttempt(attempts, T0)?.deadlineMs).toBe(120_000)
    failAttempt(attempts, LATE, T0 + 120_000)
    expect(nextAttempt(attempts, T0 + 120_000)?.deadlineMs).toBe(240_000)
  })

  test('the time that such an answer takes, where nobody else is well', () => {
    const attempts = attemptsOf([of('alfa/a'), of('bravo/a', { state: 'suspect' })])
    expect(nextAttempt(attempts, T0)?.deadlineMs).toBe(170_000)
  })
})

test('one who is waited for a shorter time comes after one who was waited for longer, and still has its time', () => {
  const patient = row('alfa/a')
  const thinking = { firstByteMs: 60_000, totalMs: 180_000, minFirstByteMs: 40_000 }
  const first = { ...patient, candidate: { ...patient.candidate, timeoutLimits: thinking } }
  const attempts = attemptsOf([first, row('bravo/a')])
  expect(nextAttempt(attempts, T0)?.deadlineMs).toBe(60_000)
  failAttempt(attempts, new Failure('provider-timeout', 'late'), T0 + 60_000)
  expect(nextAttempt(attempts, T0 + 60_000)?.deadlineMs).toBe(120_000)
})

describe('where all are rate-limited', () => {
  test('a limit that ends within two seconds is waited for, once', () => {
    const attempts = attemptsOf([], { out: [out('alfa/a', 'limited', 1500)], isPanic: true })
    expect(nextAttempt(attempts, T0)).toMatchObject({ candidate: { name: 'alfa/a' }, waitMs: aboutThen(1500) })
    failAttempt(attempts, new Failure('rate-limited', 'x', { upstreamStatus: 429 }), T0 + 1600)
    expect(nextAttempt(attempts, T0 + 1600)).toBeUndefined()
  })

  test('those who wait for the same limit are let go one by one, and no more of them wait than can be', () => {
    const releases = createReleaseQueue()
    const waits: number[] = []
    const rest = { out: [out('alfa/a', 'limited', 1500)], isPanic: true }
    const join = () => attemptsOf([], rest, createRetryBudget(T0), releases)
    for (let ask = nextAttempt(join(), T0); ask !== undefined; ask = nextAttempt(join(), T0)) {
      waits.push(ask.waitMs)
      if (waits.length > 1000) break
    }
    expect(waits.length).toBeGreaterThan(60)
    expect(waits.length).toBeLessThan(210)
    waits.slice(1).forEach((ms, at) => {
      expect(ms - (waits[at] ?? 0)).toBeGreaterThanOrEqual(10)
    })
    expect(waits[0]).toBeGreaterThan(1500)
    expect(waits.at(-1)).toBeLessThanOrEqual(1500 + 2000)
    // A request that comes too late learns when there is a place again.
    const late = join()
    expect(nextAttempt(late, T0)).toBeUndefined()
    expect(refusalOf(late, T0)?.retryAfterMs).toBeGreaterThan(3000)
  })

  test('requests that cannot be asked there take nobody’s place', () => {
    const releases = createReleaseQueue()
    const rest = { out: [out('alfa/a', 'limited', 1500)], isPanic: true }
    for (let count = 0; count < 1000; count++) {
      const attempts = attemptsOf([], rest, createRetryBudget(T0), releases)
      expect(nextAttempt(attempts, T0)).toBeDefined()
      skipAttempt(attempts)
    }
    expect(nextAttempt(attemptsOf([], rest, createRetryBudget(T0), releases), T0)?.waitMs).toBeLessThan(1600)
  })

  test('a longer one is refused unasked, with the soonest time', () => {
    const attempts = attemptsOf([], {
      out: [out('alfa/a', 'limited', 5000), out('bravo/a', 'limited', 9000)],
      isPanic: true,
    })
    expect(nextAttempt(attempts, T0)).toBeUndefined()
    expect(refusalOf(attempts, T0 + 1000)).toEqual({ retryAfterMs: 4000, overloaded: false })
  })

  test('after an attempt the failure is reported, not a refusal', () => {
    const attempts = attemptsOf([row('bravo/a')], { out: [out('alfa/a', 'limited', 5000)] })
    nextAttempt(attempts, T0)
    failAttempt(attempts, new Failure('credentials-refused', 'x', { upstreamStatus: 401 }), T0 + 100)
    expect(nextAttempt(attempts, T0 + 100)).toBeUndefined()
    expect(refusalOf(attempts, T0 + 100)).toBeUndefined()
  })
})

describe('a second attempt beside the first one', () => {
  /** Has some left. */
  const hedges = () => {
    const budget = createHedgeBudget(T0)
    for (let at = 0; at < 100; at++) budget.earn(T0, 'a')
    return budget
  }

  test('is made at another provider that works, and is then no attempt of later', () => {
    const rows = [row('alfa/a'), row('alfa/b'), row('bravo/a', { state: 'suspect' }), row('charlie/a'), row('delta/a')]
    const attempts = attemptsOf(rows)
    const first = nextAttempt(attempts, T0)
    const hedge = hedgeAttempt(attempts, T0 + 500, hedges(), 'a')
    expect([first, hedge].map((one) => one?.candidate.name)).toEqual(['alfa/a', 'charlie/a'])
    failAttempt(attempts, BROKEN, T0 + 900, first)
    // The provider of the second one has not failed.
    failAttempt(attempts, BROKEN, T0 + 1000, hedge)
    expect(nextAttempt(attempts, T0 + 1000)?.candidate.name).toBe('delta/a')
  })

  test('has the time that the request has left', () => {
    const attempts = attemptsOf([row('alfa/a'), row('bravo/a')])
    nextAttempt(attempts, T0)
    expect(hedgeAttempt(attempts, T0 + 4000, hedges(), 'a')).toMatchObject({ deadlineMs: 26_000, waitMs: 0 })
  })

  test('is made once at most, at the same provider where no other works, and never after a failure or as a probe', () => {
    const two = attemptsOf([row('alfa/a'), row('alfa/b')])
    nextAttempt(two, T0)
    expect(hedgeAttempt(two, T0, hedges(), 'a')?.candidate.name).toBe('alfa/b')
    expect(hedgeAttempt(two, T0, hedges(), 'a')).toBeUndefined()
    const poor = attemptsOf([row('alfa/a'), row('alfa/b')])
    nextAttempt(poor, T0)
    expect(hedgeAttempt(poor, T0, createHedgeBudget(T0), 'a')).toBeUndefined()
    // Two variants of one deployment.
    const same = attemptsOf([row('alfa/a'), row('alfa/a')])
    nextAttempt(same, T0)
    expect(hedgeAttempt(same, T0, hedges(), 'a')).toBeUndefined()

    const failed = attemptsOf([row('alfa/a'), row('bravo/a'), row('charlie/a')])
    nextAttempt(failed, T0)
    failAttempt(failed, BROKEN, T0)
    nextAttempt(failed, T0)
    expect(hedgeAttempt(failed, T0, hedges(), 'a')).toBeUndefined()

    const others = attemptsOf([row('alfa/a'), row('bravo/a', { state: 'suspect' }), row('charlie/a', { probe: 'p' })])
    nextAttempt(others, T0)
    expect(hedgeAttempt(others, T0, hedges(), 'a')).toBeUndefined()
  })

  test('that is not made after all leaves its deployment to be asked where the first one fails', () => {
    const attempts = attemptsOf([row('alfa/a'), row('bravo/a')])
    const first = nextAttempt(attempts, T0)
    expect(hedgeAttempt(attempts, T0 + 500, hedges(), 'a')?.candidate.name).toBe('bravo/a')
    cancelHedge(attempts)
    failAttempt(attempts, BROKEN, T0 + 1000, first)
    expect(nextAttempt(attempts, T0 + 1000)?.candidate.name).toBe('bravo/a')
  })
})
