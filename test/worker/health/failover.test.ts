import { describe, test } from 'vitest'
import { until } from '../../harness/until.ts'
import { type Answered, askedOf, askUntil, burst, DEPLOYMENTS, MODELS, say, watchedHere } from './setting.ts'

const isFirst = ({ reason }: Answered) => reason === 'usual'
const isElsewhere = ({ reason }: Answered) => reason === 'healthier'

describe('a provider', { concurrent: true }, () => {
  test('that fails is left, tried again, and taken up when it is well; nobody sees it', async ({
    expect,
    onTestFinished,
  }) => {
    const router9 = await watchedHere({}, onTestFinished)
    await askUntil(router9, isFirst, { stream: true })
    router9.simulator.setFault('openai', { status: 500 })
    const [left, ...met] = await askUntil(router9, isElsewhere, { stream: true })
    expect(askedOf(left)).toEqual(['mistral'])
    expect(left.skipped).toMatch(/^openai\/gpt-4o:(open:[1-9]s|half-open|suspect)/)
    expect(met.length).toBeLessThanOrEqual(5)
    // Whoever met it was answered by the next.
    for (const { reason, attempts } of met) {
      expect(reason).toBe('fallback')
      expect(attempts).toEqual([
        { provider: 'openai', outcome: '500' },
        { provider: 'mistral', outcome: '200' },
      ])
    }

    router9.simulator.clearFaults()
    const after = await askUntil(router9, isFirst, { stream: true })
    const reasons = new Set(after.map(({ reason }) => reason))
    expect(reasons).toContain('trial')
    // Until then others answer, and for a while it gets only a part again.
    expect(['healthier', 'trial', 'better', 'usual']).toEqual(expect.arrayContaining([...reasons]))
    for (const { attempts } of after) expect(attempts.map(({ outcome }) => outcome)).toEqual(['200'])
  })

  test('that is out keeps its probe for a request that it can be asked', async ({ expect, onTestFinished }) => {
    const vars = { AUTO_MODELS: `${MODELS.mistral},${MODELS.openai}` }
    const router9 = await watchedHere({ vars }, onTestFinished)
    await askUntil(router9, isFirst)
    router9.simulator.setFault('mistral', { status: 500 })
    await askUntil(router9, isElsewhere)
    const isOnTrial = async () => {
      const response = await router9.post('/v1/route', { model: 'auto', messages: say('well') })
      const { plan } = (await response.json()) as { plan: { id: string; trial: boolean }[] }
      return plan.some(({ id, trial }) => id === DEPLOYMENTS.mistral && trial)
    }
    await until(isOnTrial, Boolean)
    // Mistral has no logprobs.
    for (const answer of await burst(router9, 20, { logprobs: true })) expect(answer.status).toBe(200)
    expect(await isOnTrial()).toBe(true)
    router9.simulator.clearFaults()
    const { attempts, reason } = await router9.ask()
    expect({ attempts, reason }).toEqual({ attempts: [{ provider: 'mistral', outcome: '200' }], reason: 'trial' })
  })

  test('that is out is told of by GET /v1/providers: why, and until when', async ({ expect, onTestFinished }) => {
    const router9 = await watchedHere({}, onTestFinished)
    await router9.ask({ model: MODELS.mistral })
    router9.simulator.setFault('openai', { status: 500 })
    await burst(router9, 4, { model: MODELS.openai })
    const entry = await until(
      () => router9.known(DEPLOYMENTS.openai),
      (seen) => seen?.state === 'open',
    )
    expect(entry).toMatchObject({ model: 'gpt-4o', reason: 'failed-before-first-token' })
    expect(entry?.success_rate).toBeLessThan(0.9)
    const comesBackMs = Date.parse(entry?.until ?? '') - Date.now()
    expect(comesBackMs).toBeGreaterThan(-1000)
    expect(comesBackMs).toBeLessThan(15_000)
    expect(await router9.known(DEPLOYMENTS.mistral)).toMatchObject({ state: 'closed', reason: null, until: null })
  })

  test('that refuses our key is left at once, for a minute, with one warning in the log', async ({
    expect,
    onTestFinished,
  }) => {
    const router9 = await watchedHere({}, onTestFinished)
    router9.simulator.setFault('openai', { status: 401 })
    const met = await router9.ask()
    expect(met.status).toBe(200)
    expect(askedOf(met)).toEqual(['openai', 'mistral'])
    for (let asked = 0; asked < 10; asked++) {
      const answer = await router9.ask()
      expect(askedOf(answer)).toEqual(['mistral'])
      expect(answer.skipped).toMatch(/^openai\/gpt-4o:open:[4-8]\ds$/)
    }
    const warnings = () =>
      router9.worker
        .log()
        .split('\n')
        .filter((line) => line.includes('"level":"warn"'))
    await until(warnings, ({ length }) => length > 0)
    expect(warnings()).toHaveLength(1)
    expect(await router9.known(DEPLOYMENTS.openai)).toMatchObject({ state: 'open', reason: 'config' })
  })

  test('that one caller allowed is not asked for the next, who did not', async ({ expect, onTestFinished }) => {
    const vars = { AUTO_MODELS: 'openai/gpt-4o' }
    const router9 = await watchedHere({ vars, more: ['AZURE_OPENAI'] }, onTestFinished)
    // The isolate's first request.
    expect(await router9.ask({ provider: { allow_fallbacks: true } })).toMatchObject({ status: 200, reason: 'usual' })
    router9.simulator.setFault('openai', { status: 401 })
    const answer = await router9.ask()
    expect(answer.status).toBe(502)
    expect(askedOf(answer)).toEqual(['openai'])
  })

  test('that is all that a caller allows is not stood in for when it is out', async ({ expect, onTestFinished }) => {
    const router9 = await watchedHere({ more: ['AZURE_OPENAI'] }, onTestFinished)
    const only = { model: MODELS.openai, provider: { order: ['openai'], allow_fallbacks: false } }
    router9.simulator.setFault('openai', { status: 401 })
    for (const stream of [false, true]) {
      const answer = await router9.ask({ ...only, stream })
      expect(answer.status).toBe(502)
      expect(askedOf(answer)).toEqual(['openai'])
    }
    expect(await router9.known(DEPLOYMENTS.openai)).toMatchObject({ state: 'open' })
  })

  test('of a model that reasons goes before others for whoever asks auto for reasoning', async ({
    expect,
    onTestFinished,
  }) => {
    const vars = { AUTO_MODELS: `${MODELS.openai},gpt-oss-120b` }
    const { ask } = await watchedHere({ vars }, onTestFinished)
    const headersOf = async (body: Readonly<Record<string, unknown>>) => {
      const { headers } = await ask(body)
      return [headers.get('x-router9-model'), headers.get('x-router9-dropped-params')]
    }
    expect(await headersOf({ reasoning_effort: 'high' })).toEqual(['gpt-oss-120b', null])
    expect(await headersOf({})).toEqual([MODELS.openai, null])
    expect((await headersOf({ reasoning_effort: 'none' }))[0]).toBe(MODELS.openai)
  })

  test('that is the only one is asked even when it is out', async ({ expect, onTestFinished }) => {
    const router9 = await watchedHere({}, onTestFinished)
    const body = { model: MODELS.openai }
    router9.simulator.setFault('openai', { status: 401 })
    expect(await router9.ask(body)).toMatchObject({ status: 502 })
    expect(await router9.known(DEPLOYMENTS.openai)).toMatchObject({ state: 'open' })
    router9.simulator.clearFaults()
    const answer = await router9.ask(body)
    expect(answer).toMatchObject({ status: 200, reason: 'usual' })
    expect(askedOf(answer)).toEqual(['openai'])
  })

  test('is asked as a last resort where all are out', async ({ expect, onTestFinished }) => {
    const router9 = await watchedHere({}, onTestFinished)
    router9.simulator.setFault('*', { status: 401 })
    expect(await router9.ask()).toMatchObject({ status: 502 })
    expect((await router9.providers()).map(({ state }) => state)).toEqual(['open', 'open', 'open'])
    router9.simulator.clearFaults()
    expect(await router9.ask()).toMatchObject({ status: 200, reason: 'last-resort' })
  })

  test('that hangs costs a few seconds once it is known to be quick, not the whole deadline', async ({
    expect,
    onTestFinished,
  }) => {
    const router9 = await watchedHere({}, onTestFinished)
    for (let asked = 0; asked < 12; asked++) await router9.ask({ stream: true })
    router9.simulator.setFault('openai', { hangBeforeHeaders: true })
    const startedAt = Date.now()
    const answer = await router9.ask({ stream: true })
    const ms = Date.now() - startedAt
    expect(answer.attempts).toEqual([
      { provider: 'openai', outcome: 'provider-timeout' },
      { provider: 'mistral', outcome: '200' },
    ])
    expect(ms).toBeGreaterThan(2000)
    // Unmeasured it would be 10 s.
    expect(ms).toBeLessThan(7000)
  })
})
