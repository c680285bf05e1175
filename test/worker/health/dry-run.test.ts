import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { until } from '../../harness/until.ts'
import { DEMO_KEY } from '../../harness/worker.ts'
import { expectRefusal } from '../refusal.ts'
import { askedOf, DEPLOYMENTS, MODELS, say, startWatched, type Watched } from './setting.ts'

interface RouteRow {
  readonly id: string
  readonly model: string
  readonly provider: string
  readonly state: string
  readonly score: number
  readonly reason: string | null
  readonly until: string | null
}
interface RouteAnswer {
  readonly object: string
  readonly requested_model: string
  readonly model: string | null
  readonly policy: string
  readonly last_resort: boolean
  readonly plan: readonly RouteRow[]
  readonly left_out: readonly { readonly id: string; readonly reason: string }[]
}

const AUTO_ONLY = 'sk-r9k-auto-and-mistral'
const MISTRAL_ONLY = 'sk-r9k-mistral-alone'

let router9: Watched
beforeAll(async () => {
  router9 = await startWatched({ more: ['ANTHROPIC'] })
  await router9.worker.keys.put(AUTO_ONLY, { models: ['auto', MODELS.mistral] })
  await router9.worker.keys.put(MISTRAL_ONLY, { models: [MODELS.mistral] })
})
afterAll(() => router9.stop())
beforeEach(() => router9.simulator.clearFaults())

async function routed(body: Readonly<Record<string, unknown>>, key?: string): Promise<RouteAnswer> {
  const response = await router9.post('/v1/route', { model: 'auto', messages: say('well'), ...body }, key)
  expect(response.status).toBe(200)
  return (await response.json()) as RouteAnswer
}

const providersOf = ({ plan }: RouteAnswer) => plan.map(({ provider }) => provider)

describe.each([
  ['GET', '/v1/providers'],
  ['GET', '/providers'],
  ['POST', '/v1/route'],
  ['POST', '/route'],
])('%s %s', (method, path) => {
  const ask = (headers: Record<string, string>, as = method) =>
    fetch(router9.url + path, {
      method: as,
      headers: { 'content-type': 'application/json', ...headers },
      ...(as === 'POST' ? { body: JSON.stringify({ model: 'auto', messages: say('well') }) } : {}),
    })

  test('is for those with a key', async () => {
    await expectRefusal(await ask({}), { status: 401, code: null })
    await expectRefusal(await ask({ authorization: 'Bearer sk-r9k-nobody' }), { status: 401, code: 'invalid_api_key' })
    const response = await ask({ authorization: `Bearer ${DEMO_KEY}`, origin: 'https://page.example' })
    expect(response.status).toBe(200)
    expect(response.headers.get('x-request-id')).toMatch(/^req_/)
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
  })

  test('is of one method, and tells which', async () => {
    const other = method === 'GET' ? 'POST' : 'GET'
    const refused = await ask({ authorization: `Bearer ${DEMO_KEY}` }, other)
    expect(refused.headers.get('allow')).toContain(method)
    await expectRefusal(refused, { status: 405, code: 'method_not_allowed' })
  })
})

describe('POST /v1/route', () => {
  test.each<[string, string, string, string?]>([
    ['what is not JSON', '{', DEMO_KEY],
    ['an array', '[]', DEMO_KEY],
    ['a body without messages', '{"model":"auto"}', DEMO_KEY],
    [
      'an odd temperature',
      '{"model":"auto","messages":[{"role":"user","content":"Hi"}],"temperature":"hot"}',
      DEMO_KEY,
    ],
    ['an unknown model', '{"model":"no-such-model","messages":[{"role":"user","content":"Hi"}]}', DEMO_KEY],
    ['a model outside the key’s list', '{"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}]}', MISTRAL_ONLY],
    ['auto outside the key’s list', '{"model":"auto","messages":[{"role":"user","content":"Hi"}]}', MISTRAL_ONLY],
    [
      'preferences that leave nobody',
      '{"model":"auto","messages":[{"role":"user","content":"Hi"}],"provider":{"only":["azure"]}}',
      DEMO_KEY,
    ],
    ['another content type', '{"model":"auto","messages":[{"role":"user","content":"Hi"}]}', DEMO_KEY, 'text/plain'],
  ])('refuses %s as chat completions does', async (_, body, key, type = 'application/json') => {
    const [dry, real] = await Promise.all(
      ['/v1/route', '/v1/chat/completions'].map(async (path) => {
        const headers = { authorization: `Bearer ${key}`, 'content-type': type }
        const response = await fetch(router9.url + path, { method: 'POST', headers, body })
        return { status: response.status, body: await response.json() }
      }),
    )
    expect(dry?.status).toBeGreaterThanOrEqual(400)
    expect(dry).toEqual(real)
  })

  test('asks nobody, and repeats nothing of the prompt', async () => {
    router9.simulator.clearRequests()
    const words = 'the-nightingale-sings-at-dawn'
    const body = { model: 'auto', messages: [{ role: 'system', content: words }, ...say(words)], user: words }
    const text = await (await router9.post('/v1/route', body)).text()
    expect(JSON.parse(text)).toMatchObject({
      object: 'route',
      requested_model: 'auto',
      prompt_tokens_estimate: expect.any(Number),
    })
    expect(text).not.toContain(words)
    expect(router9.worker.log()).not.toContain(words)
    expect(router9.simulator.requests()).toEqual([])
  })

  test('leaves out what the key may not use, and says so', async () => {
    const { plan, left_out } = await routed({}, AUTO_ONLY)
    expect(plan.map(({ model }) => model)).toEqual([MODELS.mistral])
    expect(left_out).toContainEqual(
      expect.objectContaining({ id: DEPLOYMENTS.openai, reason: 'the key may not use it' }),
    )
    expect(askedOf(await router9.ask({}, AUTO_ONLY))).toEqual(['mistral'])
  })

  test('says why each of the others is not in the plan', async () => {
    const { left_out } = await routed({
      provider: { ignore: ['mistral'] },
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] }],
    })
    const reasons = Object.fromEntries(left_out.map(({ id, reason }) => [id, reason]))
    expect(reasons[DEPLOYMENTS.mistral]).toBe('provider.only or provider.ignore')
    expect(reasons[DEPLOYMENTS.groq]).toMatch(/^it lacks /)
    expect(reasons['openrouter/openai/gpt-4o']).toBe('its provider is not configured')
  })
})

describe('the plan is what the next request does', () => {
  /** Asks dry, then in earnest; whom the plan had first is who was asked first. */
  async function expectAsPlanned(body: Readonly<Record<string, unknown>>): Promise<string[]> {
    const planned = providersOf(await routed(body))
    const answer = await router9.ask(body)
    expect(answer.status, answer.text).toBe(200)
    expect(askedOf(answer)[0]).toBe(planned[0])
    return planned
  }

  test.each<[string, Record<string, unknown>, string[]]>([
    ['models', { model: MODELS.groq, models: [MODELS.mistral, MODELS.openai] }, ['groq', 'mistral', 'openai']],
    ['provider.order', { provider: { order: ['mistral', 'groq'] } }, ['mistral', 'groq', 'openai']],
    ['provider.only', { provider: { only: ['groq'] } }, ['groq']],
    ['provider.ignore', { provider: { ignore: ['openai'] } }, ['mistral', 'groq']],
    ['sort: price', { provider: { sort: 'price' } }, ['groq', 'mistral', 'openai']],
    ['a pinned provider', { model: 'mistral/mistral-large-2512' }, ['mistral']],
  ])('by %s', async (_, body, expected) => {
    expect(await expectAsPlanned(body)).toEqual(expected)
  })

  test('by sort: latency and sort: throughput', async () => {
    router9.simulator.setFault('openai', { latencyMs: 300, tokenDelayMs: 1 })
    router9.simulator.setFault('mistral', { latencyMs: 5, tokenDelayMs: 30 })
    router9.simulator.setFault('groq', { latencyMs: 900, tokenDelayMs: 10 })
    const counting = { stream: true, messages: [{ role: 'user', content: 'Count to 40' }] }
    const sorted = async (sort: string) => providersOf(await routed({ stream: true, provider: { sort } }))
    const measure = () => Promise.all(Object.values(MODELS).map((model) => router9.ask({ ...counting, model })))
    await until(
      async () => {
        await measure()
        return { latency: await sorted('latency'), throughput: await sorted('throughput') }
      },
      ({ latency, throughput }) =>
        latency.join() === 'mistral,openai,groq' && throughput.join() === 'openai,groq,mistral',
    )
    expect((await expectAsPlanned({ ...counting, provider: { sort: 'latency' } }))[0]).toBe('mistral')
    expect((await expectAsPlanned({ ...counting, provider: { sort: 'throughput' } }))[0]).toBe('openai')
  })

  test('by require_parameters: who would have to drop one is not in it', async () => {
    // Anthropic has no logit_bias.
    const body = {
      model: 'claude-sonnet-4-5',
      models: [MODELS.openai],
      logit_bias: { '50256': -100 },
    }
    expect(providersOf(await routed(body))).toEqual(['anthropic', 'openai'])
    expect(askedOf(await router9.ask(body))).toEqual(['anthropic'])
    const strict = { ...body, provider: { require_parameters: true } }
    const answer = await router9.ask(strict)
    expect(answer).toMatchObject({ status: 200 })
    expect(askedOf(answer).at(-1)).toBe('openai')
    const { plan, left_out } = await routed(strict)
    expect(plan.map(({ provider }) => provider)).toEqual(['openai'])
    const [lossy] = left_out.filter(({ id }) => id === 'anthropic/claude-sonnet-4-5')
    expect(lossy?.reason).toContain('logit_bias')
    const alone = { model: body.model, logit_bias: body.logit_bias, provider: { require_parameters: true } }
    const refusals = await Promise.all(
      ['/v1/route', '/v1/chat/completions'].map(async (path) => {
        const response = await router9.post(path, { ...alone, messages: say('well') })
        return { status: response.status, body: await response.json() }
      }),
    )
    expect(refusals[0]?.status).toBe(400)
    expect(refusals[0]).toEqual(refusals[1])
  })

  test('with who is out left out, why and until when, and back when it is back', async () => {
    router9.simulator.setFault('openai', { status: 429, retryAfter: 3 })
    await router9.ask({ model: MODELS.openai })
    const limited = await routed({})
    expect(providersOf(limited)).not.toContain('openai')
    expect(limited.left_out).toContainEqual(
      expect.objectContaining({
        id: DEPLOYMENTS.openai,
        state: 'limited',
        reason: 'limited',
        until: expect.any(String),
      }),
    )
    expect(limited.model).toBe(MODELS.mistral)
    expect(askedOf(await router9.ask())).toEqual(['mistral'])
    router9.simulator.clearFaults()
    await until(
      async () => providersOf(await routed({})),
      (providers) => providers.includes('openai'),
    )
  })
})
