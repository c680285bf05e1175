import { beforeEach, describe, expect, test } from 'vitest'
import { attemptsOf } from '../harness/attempts.ts'
import { callLines } from '../harness/log-lines.ts'
import { useRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import type { RecordedRequest } from '../simulator/requests.ts'
import { expectRefusal } from './refusal.ts'
import { readStream } from './seen-stream.ts'

const router9 = useRouter9()
beforeEach(() => {
  router9.simulator.clearFaults()
  router9.simulator.clearRequests()
})

const MODELS: Readonly<Record<string, string>> = {
  openai: 'gpt-4o',
  anthropic: 'claude-sonnet-4-5',
  google: 'gemini-2.5-flash',
  mistral: 'mistral-large-2512',
}
const KEY_HEADERS: Readonly<Record<string, string>> = {
  openai: 'authorization',
  anthropic: 'x-api-key',
  google: 'x-goog-api-key',
  mistral: 'authorization',
}
const providers = Object.keys(MODELS)

/** Asks these providers in this order. */
function ask(order: readonly string[], body: Record<string, unknown> = {}, headers: Record<string, string> = {}) {
  const [model, ...models] = order.map((provider) => MODELS[provider])
  return router9.chat(
    { model, models, provider: { only: order }, messages: [{ role: 'user', content: 'Say: hello' }], ...body },
    headers,
  )
}

const asked = ({ headers }: Response) => attemptsOf(headers).join(',').replace(/\d+ms/g, 'T')
const askedSlots = () => router9.simulator.requests().map(({ slot }) => slot)

function firstOf(slot: string): RecordedRequest {
  const [request] = router9.simulator.requests(slot)
  expect.assert(request !== undefined)
  return request
}

describe('an attempt after a failed one', () => {
  const pairs = providers.flatMap((first) =>
    providers.filter((second) => second !== first).map((second) => [first, second]),
  )

  test.each(pairs)('gives %s and then %s nothing but its own key', async (first = '', second = '') => {
    router9.simulator.setFault(first, { status: 500 })
    const response = await ask([first, second], {}, { cookie: 'session=secret-cookie', 'x-client-header': 'private' })
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'hello' } }] })
    for (const slot of [first, second]) {
      const { headers, path, body } = firstOf(slot)
      const key = `test-key-of-${slot}`
      expect(headers[KEY_HEADERS[slot] ?? '']).toBe(KEY_HEADERS[slot] === 'authorization' ? `Bearer ${key}` : key)
      const sent = `${JSON.stringify(headers)} ${path} ${JSON.stringify(body)}`
      const keys = [...sent.matchAll(/test-key-of-[\w-]+/g)].map(([found]) => found)
      expect(keys).toEqual([key])
      expect(sent).not.toContain(DEMO_KEY)
      expect(sent).not.toMatch(/secret-cookie|x-client-header/)
      const foreign = providers.map((name) => KEY_HEADERS[name] ?? '').filter((name) => name !== KEY_HEADERS[slot])
      for (const name of foreign) expect(headers).not.toHaveProperty(name)
    }
    expect(firstOf(first).headers['anthropic-version'] === undefined).toBe(first !== 'anthropic')
    expect(firstOf(second).headers['anthropic-version'] === undefined).toBe(second !== 'anthropic')
  })

  test.each(providers)('brings none of the routing fields to %s, first or second', async (provider) => {
    const other = provider === 'openai' ? 'anthropic' : 'openai'
    for (const order of [
      [provider, other],
      [other, provider],
    ]) {
      router9.simulator.clearRequests()
      router9.simulator.setFault(order[0] ?? '', { status: 503, times: 1 })
      const response = await ask(order, { provider: { only: order, order, allow_fallbacks: true, ignore: ['groq'] } })
      expect(response.status).toBe(200)
      const { body } = firstOf(provider)
      expect(body).not.toHaveProperty('models')
      expect(body).not.toHaveProperty('provider')
    }
  })

  test('carries nothing of the first answer: id, words, role and usage are those of the second', async () => {
    router9.simulator.setFault('openai', { roleThenError: true })
    const response = await ask(['openai', 'anthropic'], { stream: true })
    const stream = readStream(await response.text())
    expect(stream.faults).toEqual([])
    expect(stream.text).toBe('hello')
    expect(stream.chunks[0]?.model).toBe('claude-sonnet-4-5')
    const alone = readStream(await (await ask(['anthropic'], { stream: true })).text())
    expect(stream.chunks.at(-1)?.usage).toEqual(alone.chunks.at(-1)?.usage)
  })
})

describe('who is told of', () => {
  test.each([false, true])('was asked: not who cannot be asked this at all (stream: %s)', async (stream) => {
    // Mistral has no logprobs.
    const response = await ask(['mistral', 'openai'], { stream, logprobs: true })
    await response.text()
    expect(response.status).toBe(200)
    expect(asked(response)).toBe('openai:200:T')
    expect(response.headers.get('x-router9-reason')).toBe('fallback')
    expect(askedSlots()).toEqual(['openai'])
    const id = response.headers.get('x-request-id')
    const lines = () => callLines(router9.worker.log()).filter(({ request }) => request === id)
    await expect.poll(lines).toHaveLength(1)
    expect(lines()[0]).toMatchObject({ level: 'info', attempts: [{ provider: 'openai', outcome: '200' }] })
  })

  test('is told of in one dull clause each, where nobody answered', async () => {
    router9.simulator.setFault('openai', { refuse: true })
    router9.simulator.setFault('google', { status: 429, message: 'org-acme has used 10.1.2.3' })
    const response = await ask(['mistral', 'openai', 'google'], { logprobs: true })
    const { error } = (await response.json()) as { error: { message: string } }
    expect(response.status, error.message).toBe(502)
    expect(error.message).toMatch(/ Asked: openai\/gpt-4o: refused connection; google\/gemini-2.5-flash: 429\.$/)
    expect(error.message).not.toMatch(/mistral|acme|10\.1/)
  })
})

describe('the headers of contract 7', () => {
  test.each([false, true])('tell how an answer came to be (stream: %s)', async (stream) => {
    router9.simulator.setFault('openai', { status: 503 })
    const response = await ask(['openai', 'google'], { stream, logit_bias: { '50256': -100 } })
    const { headers } = response
    await response.text()
    expect(headers.get('x-request-id')).toMatch(/^req_\w{20,}$/)
    expect(headers.get('x-router9-requested-model')).toBe('gpt-4o')
    expect(headers.get('x-router9-model')).toBe('gemini-2.5-flash')
    expect(headers.get('x-router9-provider')).toBe('google')
    expect(headers.get('x-router9-attempts')).toMatch(/^openai:503:\d+ms,google:200:\d+ms$/)
    expect(headers.get('x-router9-dropped-params')).toBe('logit_bias')
    const timing = headers.get('server-timing') ?? ''
    for (const name of ['auth', 'route', 'upstream']) expect(timing).toMatch(new RegExp(`\\b${name};dur=\\d`))
  })

  test('may all be read by a browser', async () => {
    const response = await ask(['openai'], { logit_bias: { '50256': -100 } }, { origin: 'https://page.example' })
    await response.text()
    const exposed = (response.headers.get('access-control-expose-headers') ?? '').toLowerCase().split(/,\s*/)
    const ours = [...response.headers.keys()].filter((name) => /^x-r(equest|outer9|atelimit)|^server-timing/.test(name))
    expect(ours.length).toBeGreaterThan(3)
    for (const name of ours) expect(exposed).toContain(name)
    for (const unit of ['requests', 'tokens']) {
      for (const what of ['limit', 'remaining', 'reset']) expect(exposed).toContain(`x-ratelimit-${what}-${unit}`)
    }
  })

  test('tell of a failure too, with every attempt', async () => {
    router9.simulator.setFault('openai', { status: 429, retryAfter: 9 })
    router9.simulator.setFault('mistral', { status: 429, retryAfter: 4 })
    const response = await ask(['openai', 'mistral'])
    expect(response.status).toBe(429)
    expect(await response.json()).toMatchObject({ error: { type: 'rate_limit_error', code: 'upstream_rate_limited' } })
    expect(asked(response)).toBe('openai:429:T,mistral:429:T')
    // The soonest recovery counts.
    expect(response.headers.get('retry-after')).toBe('4')
    expect(response.headers.get('retry-after-ms')).toBe('4000')
    expect(response.headers.get('x-should-retry')).toBe('true')
  })

  test.each(['errorFirst', 'okJsonError'] as const)(
    'tell of an error inside a 200 by a status or a word (%s)',
    async (kind) => {
      router9.simulator.setFault('openai', { [kind]: true })
      const response = await ask(['openai', 'mistral'], { stream: true })
      await response.text()
      expect(asked(response)).toMatch(/^openai:([2-5]\d\d|[a-z-]+):T,mistral:200:T$/)
    },
  )

  test('do not let a client believe in a wait that it would not keep', async () => {
    router9.simulator.setFault('openai', { status: 429, retryAfter: 3600 })
    const response = await ask(['openai'])
    await response.text()
    expect(response.status).toBe(429)
    expect(response.headers.get('retry-after')).toBe('120')
    expect(response.headers.get('x-should-retry')).toBe('false')
  })
})

describe('how many are asked', () => {
  test.each(['status', 'roleThenError'] as const)(
    'only the first where fallbacks are not allowed (%s)',
    async (kind) => {
      router9.simulator.setFault('openai', kind === 'status' ? { status: 401 } : { roleThenError: true })
      const provider = { only: ['openai', 'mistral'], allow_fallbacks: false }
      const response = await ask(['openai', 'mistral'], { provider, stream: true })
      expect(response.status).toBe(502)
      expect(await response.json()).toMatchObject({ error: { code: 'upstream_error' } })
      expect(new Set(askedSlots())).toEqual(new Set(['openai']))
    },
  )

  test.each([false, true])('three at most (stream: %s)', async (stream) => {
    router9.simulator.setFault('*', { status: 500 })
    const response = await ask(['openai', 'anthropic', 'google', 'mistral'], { stream })
    expect(response.status).toBe(502)
    expect(askedSlots()).toEqual(['openai', 'anthropic', 'google'])
    expect(asked(response)).toBe('openai:500:T,anthropic:500:T,google:500:T')
  })

  test('each once, however often the body repeats its names', async () => {
    router9.simulator.setFault('*', { status: 500 })
    const response = await router9.chat({
      model: 'gpt-4o',
      models: ['gpt-4o', 'openai/gpt-4o', 'mistral-large-2512', ...Array(15).fill('gpt-4o'), 'mistral-large-2512'],
      provider: { only: ['openai', 'openai', 'mistral'] },
      messages: [{ role: 'user', content: 'Hello!' }],
    })
    expect(response.status).toBe(502)
    expect(askedSlots()).toEqual(['openai', 'mistral'])
  })

  test.each<[string, (names: string[]) => Record<string, unknown>]>([
    ['models', (models) => ({ models })],
    ['provider.order', (order) => ({ provider: { order } })],
    ['provider.only', (only) => ({ provider: { only } })],
    ['provider.ignore', (ignore) => ({ provider: { ignore } })],
  ])('none where %s holds more than twenty names', async (param, fields) => {
    const response = await router9.chat({
      model: 'gpt-4o',
      messages: [{ role: 'user', content: 'Hello!' }],
      ...fields(Array(21).fill('openai/gpt-4o')),
    })
    await expectRefusal(response, { status: 400, code: 'invalid_value', param })
    expect(askedSlots()).toEqual([])
  })

  test.each([500, 502, 503, 504, 520])('the only one once more after a quick %i', async (status) => {
    router9.simulator.setFault('openai', { status, times: 1 })
    const response = await ask(['openai'])
    expect(response.status).toBe(200)
    expect(asked(response)).toBe(`openai:${status}:T,openai:200:T`)
  })

  test('the only one not a third time', async () => {
    router9.simulator.setFault('openai', { status: 500 })
    const response = await ask(['openai'])
    expect(response.status).toBe(502)
    expect(askedSlots()).toEqual(['openai', 'openai'])
  })

  test.each([400, 401, 403, 404])('the only one not again after a %i', async (status) => {
    router9.simulator.setFault('openai', { status })
    const response = await ask(['openai'])
    await response.text()
    expect(askedSlots()).toEqual(['openai'])
  })
})

test('a client’s own anthropic-beta goes to Anthropic beside the betas that its fields need, and to nobody else', async () => {
  const headers = { 'anthropic-beta': 'interleaved-thinking-2025-05-14' }
  await ask(['anthropic'], { context_management: { edits: [] } }, headers)
  await ask(['openai'], {}, headers)
  expect(firstOf('anthropic').headers['anthropic-beta']).toBe(
    'interleaved-thinking-2025-05-14,context-management-2025-06-27',
  )
  expect(firstOf('openai').headers['anthropic-beta']).toBeUndefined()
})

test('a call that the model wrote badly is asked for once more where there is nobody else (translation 4, Groq)', async () => {
  const body = JSON.stringify({
    error: { message: 'Failed to call a function.', type: 'invalid_request_error', code: 'tool_use_failed' },
  })
  router9.simulator.setFault('groq', { status: 400, body, times: 1 })
  const response = await router9.chat({
    model: 'groq/llama-3.3-70b-versatile',
    messages: [{ role: 'user', content: 'Say: hello' }],
  })
  expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'hello' } }] })
  expect(asked(response)).toBe('groq:400:T,groq:200:T')
})
