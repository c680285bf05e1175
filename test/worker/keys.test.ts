import { describe, expect, test } from 'vitest'
import { usePlatformRouter9 } from '../harness/platform-router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import { errorOf, expectRefusal } from './refusal.ts'

const CHAT = { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hello!' }] }

const router9 = usePlatformRouter9()
let keysMade = 0

async function newKey(record: Parameters<typeof router9.worker.keys.put>[1] = {}): Promise<string> {
  const key = `sk-r9k-worker-key-${++keysMade}`
  await router9.worker.keys.put(key, record)
  return key
}

function chatAs(key: string, body: object = CHAT): Promise<Response> {
  return router9.chat(body, { authorization: `Bearer ${key}` })
}

async function modelOf(response: Response): Promise<unknown> {
  expect(response.status, await response.clone().text()).toBe(200)
  return ((await response.json()) as { model: unknown }).model
}

describe('the header', () => {
  test.each(['bearer', 'BEARER', 'Bearer '])('the scheme %s is taken', async (scheme) => {
    const response = await router9.chat(CHAT, { authorization: `${scheme} ${DEMO_KEY}` })
    expect(response.status).toBe(200)
  })

  test('a key in a cookie, a query or another header is none', async () => {
    const url = `${router9.url}/v1/chat/completions?api_key=${DEMO_KEY}`
    const headers = { 'content-type': 'application/json', 'x-token': DEMO_KEY, cookie: `authorization=${DEMO_KEY}` }
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(CHAT) })
    await expectRefusal(response, { status: 401, code: null })
  })

  test.each(['/v1/models', '/models', '/v1/models/gpt-4o', '/v1/models/auto'])(
    'GET %s wants a key as well',
    async (path) => {
      await expectRefusal(await fetch(router9.url + path), { status: 401, code: null })
      const wrong = { headers: { authorization: 'Bearer sk-r9k-wrong-one' } }
      await expectRefusal(await fetch(router9.url + path, wrong), { status: 401, code: 'invalid_api_key' })
    },
  )
})

describe('an allow-list', () => {
  test('lets its own models in, by any of their names', async () => {
    const key = await newKey({ models: ['gpt-4o'] })
    for (const model of ['gpt-4o', 'openai/gpt-4o']) {
      expect(await modelOf(await chatAs(key, { ...CHAT, model }))).toBe('gpt-4o')
    }
  })

  test.each(['claude-sonnet-4-6', 'anthropic/claude-sonnet-4-6', 'ollama/anything', 'gpt-4.1'])(
    'keeps %s out',
    async (model) => {
      const key = await newKey({ models: ['gpt-4o'] })
      router9.simulator.clearRequests()
      const refusal = { status: 403, code: 'model_not_allowed', param: 'model' }
      await expectRefusal(await chatAs(key, { ...CHAT, model }), refusal)
      expect(router9.simulator.requests()).toEqual([])
    },
  )

  test('an empty one keeps everything out', async () => {
    const key = await newKey({ models: [] })
    const refusal = { status: 403, code: 'model_not_allowed', param: 'model' }
    await expectRefusal(await chatAs(key), refusal)
    await expectRefusal(await chatAs(key, { ...CHAT, model: 'auto' }), refusal)
  })

  test('counts for further models too', async () => {
    const key = await newKey({ models: ['gpt-4o'] })
    const response = await chatAs(key, { ...CHAT, models: ['claude-sonnet-4-6'] })
    expect(response.status).toBe(403)
    expect(await errorOf(response)).toMatchObject({ code: 'model_not_allowed' })
  })

  test('auto is a member like any other: outside the list it is refused', async () => {
    const key = await newKey({ models: ['gpt-4o', 'claude-sonnet-4-6'] })
    const refusal = { status: 403, code: 'model_not_allowed', param: 'model' }
    await expectRefusal(await chatAs(key, { ...CHAT, model: 'auto' }), refusal)
  })

  test.each(['gpt-4.1', 'claude-haiku-4-5', 'gemini-2.5-flash'])('auto resolves only inside it: %s', async (model) => {
    const key = await newKey({ models: ['auto', model] })
    expect(await modelOf(await chatAs(key, { ...CHAT, model: 'auto' }))).toBe(model)
  })

  test('auto resolves inside it also where our own favourites are not', async () => {
    const key = await newKey({ models: ['auto', 'gpt-4o'] })
    expect(await modelOf(await chatAs(key, { ...CHAT, model: 'auto' }))).toBe('gpt-4o')
  })

  test('auto does not leave it when what is inside fails', async () => {
    const key = await newKey({ models: ['auto', 'gpt-4.1'] })
    router9.simulator.clearRequests()
    router9.simulator.setFault('*', { status: 500 })
    const response = await chatAs(key, { ...CHAT, model: 'auto' })
    router9.simulator.clearFaults()
    expect(response.status).toBe(502)
    const asked = router9.simulator.requests().map(({ body }) => String((body as { model?: string }).model))
    expect(asked.length).toBeGreaterThan(0)
    for (const model of asked) expect(model).toMatch(/gpt-4\.1$/)
  })

  test('a list of nothing but auto leaves the choice open, for auto alone', async () => {
    const key = await newKey({ models: ['auto'] })
    expect(await modelOf(await chatAs(key, { ...CHAT, model: 'auto' }))).toEqual(expect.any(String))
    expect((await chatAs(key)).status).toBe(403)
  })
})

test('a key that is refused leaves no trace at a provider', async () => {
  router9.simulator.clearRequests()
  const disabled = await newKey({ disabled: true })
  await expectRefusal(await chatAs(disabled), { status: 401, code: 'invalid_api_key' })
  await expectRefusal(await chatAs('sk-r9k-never-made'), { status: 401, code: 'invalid_api_key' })
  expect(router9.simulator.requests()).toEqual([])
})
