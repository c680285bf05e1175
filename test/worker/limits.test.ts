import { describe, expect, test } from 'vitest'
import { usePlatformRouter9 } from '../harness/platform-router9.ts'
import { longMinute } from './long-minute.ts'

const router9 = usePlatformRouter9({}, longMinute())

const HELLO = { model: 'gpt-4o', messages: [{ role: 'user', content: 'Explain quantum computing in one sentence.' }] }

async function ask(key: string, body: object = HELLO): Promise<Response> {
  const response = await router9.chat(body, { authorization: `Bearer ${key}` })
  await response.clone().text()
  return response
}

test('a key over its requests a minute gets 429 requests, and when to come back', async () => {
  await router9.worker.keys.put('sk-r9k-three-a-minute', { limits: { rpm: 3 } })
  const remaining: (string | null)[] = []
  for (let n = 0; n < 3; n++) {
    const response = await ask('sk-r9k-three-a-minute')
    expect(response.status).toBe(200)
    expect(response.headers.get('x-ratelimit-limit-requests')).toBe('3')
    remaining.push(response.headers.get('x-ratelimit-remaining-requests'))
  }
  expect(remaining).toEqual(['2', '1', '0'])
  const refused = await ask('sk-r9k-three-a-minute')
  expect(refused.status).toBe(429)
  expect(await refused.json()).toEqual({
    error: {
      message: expect.stringContaining('3 requests'),
      type: 'requests',
      param: null,
      code: 'rate_limit_exceeded',
    },
  })
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(Number(refused.headers.get('retry-after-ms'))).toBeLessThanOrEqual(60_000)
  expect(refused.headers.get('x-should-retry')).toBe('true')
  expect(refused.headers.get('x-ratelimit-reset-requests')).toMatch(/^\d+(s|ms)$/)
})

test('requests that come all at once are counted one by one, also by an isolate that has not met the key', async () => {
  await router9.worker.keys.put('sk-r9k-at-once', { limits: { rpm: 4 } })
  const statuses = await Promise.all(Array.from({ length: 12 }, async () => (await ask('sk-r9k-at-once')).status))
  expect(statuses.filter((status) => status === 200)).toHaveLength(4)
  expect(statuses.filter((status) => status === 429)).toHaveLength(8)
})

test('tokens count when they are known, streamed or not', async () => {
  for (const stream of [true, false]) {
    const key = `sk-r9k-tokens-${stream}`
    await router9.worker.keys.put(key, { limits: { tpm: 100 } })
    const body = { ...HELLO, stream, max_tokens: 60 }
    expect((await ask(key, body)).status).toBe(200)
    await expect.poll(async () => (await ask(key, body)).status).toBe(429)
    const refused = await ask(key, body)
    expect(await refused.json()).toMatchObject({ error: { type: 'tokens', code: 'rate_limit_exceeded' } })
    expect(Number(refused.headers.get('x-ratelimit-remaining-tokens'))).toBeLessThan(100)
  }
})

test('a call that may use more than is left is refused, and told what would be less', async () => {
  await router9.worker.keys.put('sk-r9k-poor', { limits: { budget: 0.001 } })
  const refused = await ask('sk-r9k-poor')
  expect(refused.status).toBe(429)
  expect(await refused.json()).toMatchObject({
    error: {
      message: expect.stringContaining("smaller 'max_tokens'"),
      type: 'insufficient_quota',
      code: 'insufficient_quota',
    },
  })
  expect(refused.headers.get('x-should-retry')).toBe('false')
  expect((await ask('sk-r9k-poor', { ...HELLO, max_tokens: 60 })).status).toBe(200)
  await router9.worker.keys.put('sk-r9k-penniless', { limits: { budget: 0 } })
  const penniless = await ask('sk-r9k-penniless', { ...HELLO, max_tokens: 1 })
  expect(penniless.status).toBe(429)
  expect(await penniless.json()).toMatchObject({ error: { message: expect.stringContaining('is used up') } })
})

test.each([1, 10, 100])('of three hundred requests at once exactly %i are let in on as many a minute', async (rpm) => {
  const key = `sk-r9k-exactly-${rpm}`
  await router9.worker.keys.put(key, { limits: { rpm } })
  const statuses = await Promise.all(Array.from({ length: 300 }, async () => (await ask(key)).status))
  expect(statuses.filter((status) => status === 200)).toHaveLength(rpm)
  expect(statuses.filter((status) => status === 429)).toHaveLength(300 - rpm)
})

test('calls at once are bounded, and another may begin when one has ended', async () => {
  const key = 'sk-r9k-two-at-once'
  await router9.worker.keys.put(key, { limits: { concurrent: 2 } })
  const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await ask(key)).status))
  const admitted = statuses.filter((status) => status === 200).length
  expect(admitted).toBeGreaterThanOrEqual(2)
  expect(admitted).toBeLessThan(20)
  expect((await ask(key)).status).toBe(200)
})

test('a dry run is a request like any other, before its body is read and after', async () => {
  const dry = (key: string, body: unknown) =>
    fetch(`${router9.url}/v1/route`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  await router9.worker.keys.put('sk-r9k-dry-run', { limits: { rpm: 2 } })
  expect((await dry('sk-r9k-dry-run', { model: 'gpt-4o' })).status).toBe(400)
  const planned = await dry('sk-r9k-dry-run', HELLO)
  expect(planned.status).toBe(200)
  expect(planned.headers.get('x-ratelimit-remaining-requests')).toBe('1')
  expect((await ask('sk-r9k-dry-run')).status).toBe(200)
  expect((await dry('sk-r9k-dry-run', HELLO)).status).toBe(429)
  // Nobody looks at what it has sent.
  expect((await dry('sk-r9k-dry-run', { model: 'gpt-4o' })).status).toBe(429)
  expect((await ask('sk-r9k-dry-run')).status).toBe(429)
})

test('a request that is not valid costs nothing of the limit', async () => {
  await router9.worker.keys.put('sk-r9k-clumsy', { limits: { rpm: 1 } })
  expect((await ask('sk-r9k-clumsy', { model: 'gpt-4o' })).status).toBe(400)
  expect((await ask('sk-r9k-clumsy', { ...HELLO, model: 'nothing-like-that' })).status).toBe(404)
  expect((await ask('sk-r9k-clumsy')).status).toBe(200)
  expect((await ask('sk-r9k-clumsy')).status).toBe(429)
})

describe('the limits of a key that has asked for nothing yet are told', () => {
  const get = (path: string, key: string) => fetch(router9.url + path, { headers: { authorization: `Bearer ${key}` } })
  test.each<[string, number, (key: string) => Promise<Response>]>([
    ['the list of models', 200, (key) => get('/v1/models', key)],
    ['a model', 200, (key) => get('/v1/models/gpt-4o', key)],
    ['a model that is not there', 404, (key) => get('/v1/models/gpt-9-imaginary', key)],
    ['a request that is not valid', 400, (key) => ask(key, { model: 'gpt-4o' })],
    ['a body that is no JSON', 400, (key) => router9.chat('{', { authorization: `Bearer ${key}` })],
    ['a model that nobody has', 404, (key) => ask(key, { ...HELLO, model: 'gpt-9-imaginary' })],
  ])('with %s', async (name, status, call) => {
    const key = `sk-r9k-fresh-${name.replaceAll(' ', '-')}`
    await router9.worker.keys.put(key, { id: key, limits: { rpm: 7, tpm: 900 } })
    const { headers, ...response } = await call(key).then((got) => ({ status: got.status, headers: got.headers }))
    expect(response.status).toBe(status)
    const told = Object.fromEntries([...headers].filter(([header]) => header.startsWith('x-ratelimit-')))
    expect(told).toEqual({
      'x-ratelimit-limit-requests': '7',
      'x-ratelimit-remaining-requests': '7',
      'x-ratelimit-reset-requests': expect.stringMatching(/^\d+m?s$/),
      'x-ratelimit-limit-tokens': '900',
      'x-ratelimit-remaining-tokens': '900',
      'x-ratelimit-reset-tokens': expect.stringMatching(/^\d+m?s$/),
    })
  })
})

test('a key and the keys it was rotated to have the same requests between them', async () => {
  const limits = { rpm: 3 }
  await router9.worker.keys.put('sk-r9k-rotated-from', { id: 'key_first', limits })
  await router9.worker.keys.put('sk-r9k-rotated-to', { id: 'key_second', account: 'key_first', limits })
  await router9.worker.keys.put('sk-r9k-rotated-again', { id: 'key_third', account: 'key_first', limits })
  const remaining: (string | null)[] = []
  for (const key of ['sk-r9k-rotated-from', 'sk-r9k-rotated-to', 'sk-r9k-rotated-again']) {
    const response = await ask(key)
    expect(response.status).toBe(200)
    remaining.push(response.headers.get('x-ratelimit-remaining-requests'))
  }
  expect(remaining).toEqual(['2', '1', '0'])
  for (const key of ['sk-r9k-rotated-from', 'sk-r9k-rotated-to', 'sk-r9k-rotated-again']) {
    expect((await ask(key)).status).toBe(429)
  }
})

test('to read and delete kept answers counts as requests, and needs no money', async () => {
  const [busy, poor] = ['sk-r9k-reads-twice', 'sk-r9k-without-money']
  await router9.worker.keys.put(busy, { limits: { rpm: 2 } })
  await router9.worker.keys.put(poor, { limits: { budget: 0 } })
  const read = (key: string, method = 'GET') =>
    fetch(`${router9.url}/v1/responses/resp_none`, { method, headers: { authorization: `Bearer ${key}` } })
  expect([await read(busy), await read(busy, 'DELETE'), await read(busy)].map(({ status }) => status)).toEqual([
    404, 404, 429,
  ])
  expect((await read(poor)).status).toBe(404)
})

test('to count a prompt counts as a request, and uses no tokens', async () => {
  const key = 'sk-r9k-counts-twice'
  await router9.worker.keys.put(key, { id: key, limits: { rpm: 2, tpm: 900 } })
  const count = () =>
    fetch(`${router9.url}/v1/messages/count_tokens`, {
      method: 'POST',
      headers: { 'x-api-key': key, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'claude-sonnet-4-6', messages: [{ role: 'user', content: 'Hello!' }] }),
    })
  const answers = [await count(), await count(), await count()]
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 429])
  expect(answers[1]?.headers.get('x-ratelimit-remaining-tokens')).toBe('900')
})

describe('a call for vectors', () => {
  const embed = (key: string, body: object) =>
    fetch(`${router9.url}/v1/embeddings`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })

  test('counts as one request, with the tokens of all the calls that it takes', async () => {
    const key = 'sk-r9k-vectors'
    await router9.worker.keys.put(key, { limits: { rpm: 9, tpm: 100_000 } })
    const input = Array.from({ length: 250 }, (_, at) => `text ${at}`)
    const response = await embed(key, { model: 'gemini-embedding-001', input, dimensions: 4 })
    const { usage } = (await response.json()) as { usage: { prompt_tokens: number } }
    expect(response.headers.get('x-ratelimit-remaining-requests')).toBe('8')
    expect(usage.prompt_tokens).toBeGreaterThan(250)
    const next = await embed(key, { model: 'text-embedding-3-small', input: [[1]], dimensions: 4 })
    expect(next.headers.get('x-ratelimit-remaining-requests')).toBe('7')
    expect(Number(next.headers.get('x-ratelimit-remaining-tokens'))).toBe(100_000 - usage.prompt_tokens - 1)
  })

  test('is refused when the budget is used up, and where nobody knows what it would cost', async () => {
    const key = 'sk-r9k-vectors-budget'
    // Five tokens at two cents a million.
    await router9.worker.keys.put(key, { limits: { budget: 1e-7 } })
    const body = { model: 'text-embedding-3-small', input: [[1, 2, 3, 4, 5]], dimensions: 4 }
    expect((await embed(key, body)).status).toBe(200)
    const refused = await embed(key, body)
    expect([refused.status, await refused.json()]).toMatchObject([429, { error: { code: 'insufficient_quota' } }])
    await router9.worker.keys.put('sk-r9k-vectors-unpriced', { limits: { budget: 1 } })
    const unpriced = await embed('sk-r9k-vectors-unpriced', { ...body, model: 'custom/some-model' })
    expect([unpriced.status, await unpriced.json()]).toMatchObject([403, { error: { code: 'unpriced_model' } }])
  })
})
