import { describe, test } from 'vitest'
import { until } from '../../harness/until.ts'
import { type Answered, askedOf, askUntil, burst, DEPLOYMENTS, MODELS, watchedHere } from './setting.ts'

const ALL = Object.keys(MODELS)

describe('a provider that limits us', { concurrent: true }, () => {
  test('is left alone until the time it named, and that is no fault of its', async ({ expect, onTestFinished }) => {
    const router9 = await watchedHere({}, onTestFinished)
    router9.simulator.setFault('openai', { status: 429, retryAfter: 3 })
    const met = await router9.ask()
    expect(met.status).toBe(200)
    expect(askedOf(met)).toEqual(['openai', 'mistral'])
    const limitedAt = Date.now()
    router9.simulator.clearFaults()
    const [first, ...between] = await askUntil(router9, (answer) => askedOf(answer).includes('openai'))
    // Its 3 s, less what the network and a busy machine may take.
    expect(Date.now() - limitedAt).toBeGreaterThan(2500)
    expect(first.attempts).toEqual([{ provider: 'openai', outcome: '200' }])
    expect(between.length).toBeGreaterThan(0)
    for (const { attempts } of between) expect(attempts).toEqual([{ provider: 'mistral', outcome: '200' }])
    // After it, more and more of the requests go there again.
    const skipped = between.flatMap((answer) => answer.skipped ?? [])
    expect(skipped.length).toBeGreaterThan(0)
    for (const text of skipped) expect(text).toMatch(/^openai\/gpt-4o:limited:[1-4]s$/)
    expect(await router9.known(DEPLOYMENTS.openai)).toMatchObject({ state: 'closed', reason: null, until: null })
  })

  test('is told of as limited, with its time, and its success is not doubted', async ({ expect, onTestFinished }) => {
    const router9 = await watchedHere({}, onTestFinished)
    router9.simulator.setFault('openai', { status: 429, retryAfter: 30 })
    await burst(router9, 6)
    const entry = await router9.known(DEPLOYMENTS.openai)
    expect(entry).toMatchObject({ state: 'limited', reason: 'limit' })
    expect(entry?.success_rate).toBeGreaterThan(0.95)
    const waitMs = Date.parse(entry?.until ?? '') - Date.now()
    expect(waitMs).toBeGreaterThan(15_000)
    expect(waitMs).toBeLessThan(34_000)
  })

  test('answers nobody with 429 as long as others are there; where all do, 429 without asking anybody', async ({
    expect,
    onTestFinished,
  }) => {
    const router9 = await watchedHere({}, onTestFinished)
    router9.simulator.setFault('*', { status: 429, retryAfter: 40 })
    router9.simulator.setFault('mistral', { status: 429, retryAfter: 20 })
    const met = await router9.ask()
    expect(met.status).toBe(429)
    expect(askedOf(met)).toEqual(ALL)
    router9.simulator.clearRequests()
    const refused = await until(
      () => router9.ask(),
      ({ attempts }) => attempts.length === 0,
    )
    expect(refused.status).toBe(429)
    expect(JSON.parse(refused.text)).toMatchObject({
      error: { type: 'rate_limit_error', param: null, code: 'upstream_rate_limited' },
    })
    expect(router9.simulator.requests()).toEqual([])
    // The soonest of them counts.
    const seconds = Number(refused.headers.get('retry-after'))
    expect(seconds).toBeGreaterThan(10)
    expect(seconds).toBeLessThanOrEqual(22)
    expect(Math.ceil(Number(refused.headers.get('retry-after-ms')) / 1000)).toBe(seconds)
    expect(refused.headers.get('x-should-retry')).toBe('true')
  })

  test('for a moment only is waited for, once, where there is nobody else', async ({ expect, onTestFinished }) => {
    const router9 = await watchedHere({}, onTestFinished)
    const body = { model: MODELS.openai }
    router9.simulator.setFault('openai', { status: 429, retryAfter: 1 })
    expect(await router9.ask(body)).toMatchObject({ status: 429 })
    router9.simulator.clearFaults()
    const waited = await router9.ask(body)
    expect(waited).toMatchObject({ status: 200, attempts: [{ provider: 'openai', outcome: '200' }] })
    const times = router9.simulator.requests().map(({ at }) => at)
    expect(times).toHaveLength(2)
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(950)
  })

  test('for a moment only has those who waited for it one by one, not all at the same time', async ({
    expect,
    onTestFinished,
  }) => {
    const router9 = await watchedHere({}, onTestFinished)
    const body = { model: MODELS.openai }
    const many = 50
    router9.simulator.setFault('openai', { status: 429, retryAfter: 1 })
    expect(await router9.ask(body)).toMatchObject({ status: 429 })
    router9.simulator.clearFaults()
    router9.simulator.clearRequests()
    for (const { status } of await burst(router9, many, body)) expect(status).toBe(200)
    const times = router9.simulator.requests().map(({ at }) => at)
    expect(times).toHaveLength(many)
    // Ten milliseconds between two of them at least, for nearly all that came while it lasted.
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(many * 7)
  })

  // On a machine so busy that an answer takes a second of its own, it cannot be told whether it was waited for.
  test('for a moment only is not waited for by whoever cannot be asked there', { retry: 2 }, async ({
    expect,
    onTestFinished,
  }) => {
    const router9 = await watchedHere({}, onTestFinished)
    const body = { model: MODELS.mistral }
    router9.simulator.setFault('mistral', { status: 429, retryAfter: 1 })
    expect(await router9.ask(body)).toMatchObject({ status: 429 })
    const startedAt = Date.now()
    const answer = await router9.ask({ ...body, logprobs: true })
    expect(answer).toMatchObject({ status: 400 })
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'unsupported_parameter', param: 'logprobs' } })
    expect(Date.now() - startedAt).toBeLessThan(900)
  })

  test('and goes on limiting is not waited for a second time', async ({ expect, onTestFinished }) => {
    const router9 = await watchedHere({}, onTestFinished)
    const body = { model: MODELS.openai }
    router9.simulator.setFault('openai', { status: 429, retryAfter: 1 })
    const answers: Answered[] = [await router9.ask(body), await router9.ask(body)]
    for (const answer of answers) expect(answer).toMatchObject({ status: 429 })
    for (const answer of answers) expect(askedOf(answer)).toEqual(['openai'])
  })

  test('because it is overloaded answers 503, also to those for whom nobody is asked any more', async ({
    expect,
    onTestFinished,
  }) => {
    const router9 = await watchedHere({}, onTestFinished)
    const body = { model: MODELS.openai }
    router9.simulator.setFault('openai', { status: 503, retryAfter: 20 })
    expect(await router9.ask(body)).toMatchObject({ status: 503 })
    router9.simulator.clearRequests()
    const refused = await router9.ask(body)
    expect(refused).toMatchObject({ status: 503, attempts: [] })
    expect(JSON.parse(refused.text)).toMatchObject({ error: { type: 'upstream_error', code: 'upstream_unavailable' } })
    expect(router9.simulator.requests()).toEqual([])
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(10)
    expect(await router9.known(DEPLOYMENTS.openai)).toMatchObject({ state: 'limited', reason: 'overload' })
  })
})
