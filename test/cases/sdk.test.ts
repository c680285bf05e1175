import OpenAI, { APIError } from 'openai'
import { beforeAll, describe, expect, test } from 'vitest'
import { DEMO_KEY } from '../harness/worker.ts'
import { useCase } from './router.ts'
import type { Script } from './scripted.ts'
import { chunk, FORMATS, SAYING, sse, stream, whole } from './wires.ts'

// The lines of section 11 have no ids of their own: they are numbered here in their order.

const LIMITED_KEY = 'sk-r9k-limited-for-cases'

const router9 = useCase()
beforeAll(async () => {
  await router9.worker.keys.put(LIMITED_KEY, { limits: { rpm: 50, tpm: 100_000 } })
})

const { model } = FORMATS.openai
const messages = [{ role: 'user' as const, content: 'Count.' }]
const GOOD = whole(SAYING.openai.whole('One'))

function clientWith(options: { maxRetries?: number; apiKey?: string } = {}): OpenAI {
  return new OpenAI({ baseURL: `${router9.url}/v1`, apiKey: DEMO_KEY, maxRetries: 1, ...options })
}

function failing(status: number, headers: Readonly<Record<string, string>> = {}): Script {
  return whole({ error: { message: 'Not now', type: 'server_error', param: null, code: null } }, status, headers)
}

describe('the official client', () => {
  test.each([
    { status: 429, headers: { 'retry-after-ms': '30' } },
    { status: 429, headers: { 'retry-after': '0' } },
    { status: 503, headers: { 'retry-after-ms': '30' } },
  ])('tries again where $status says when ($headers), and is answered', async ({ status, headers }) => {
    router9.upstream.play(failing(status, headers), GOOD)
    const { choices } = await clientWith().chat.completions.create({ model, messages })
    expect(choices[0]?.message.content).toBe('One')
    expect(router9.upstream.asked()).toHaveLength(2)
  })

  test.each([408, 409, 500, 502, 504])('tries again after a %s, which to it is an error of ours', async (status) => {
    const fails = failing(status)
    router9.upstream.play(fails, fails, GOOD)
    const started = Date.now()
    const { choices } = await clientWith().chat.completions.create({ model, messages })
    expect(choices[0]?.message.content).toBe('One')
    expect(Date.now() - started).toBeLessThan(3000)
  })

  test.each([
    ['90', '90'],
    ['120', '120'],
    ['86400', '120'],
  ])(
    'does not try again where the wait is %s s, which it would not believe, and is told %s s',
    async (seconds, told) => {
      router9.upstream.play(failing(429, { 'retry-after': seconds }), GOOD)
      const error = await clientWith({ maxRetries: 3 })
        .chat.completions.create({ model, messages })
        .catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(OpenAI.RateLimitError)
      expect(router9.upstream.asked()).toHaveLength(1)
      const headers = (error as APIError).headers
      expect(headers?.get('x-should-retry')).toBe('false')
      expect([headers?.get('retry-after'), headers?.get('retry-after-ms')]).toEqual([told, `${told}000`])
    },
  )

  test('is told the same wait by both headers, and to believe it', async () => {
    router9.upstream.play(failing(429, { 'retry-after-ms': '1500' }))
    const { status, headers } = await router9.post({ model, messages })
    const told = ['retry-after', 'retry-after-ms', 'x-should-retry'].map((name) => headers.get(name))
    expect([status, ...told]).toEqual([429, '2', '1500', 'true'])
  })

  test.each([400, 422])('does not try again after a %s', async (status) => {
    router9.upstream.play(failing(status), GOOD)
    await expect(clientWith().chat.completions.create({ model, messages })).rejects.toBeInstanceOf(
      OpenAI.BadRequestError,
    )
    expect(router9.upstream.asked()).toHaveLength(1)
  })
})

describe('the official client, reading a stream', () => {
  const read = async (script: Script) => {
    router9.upstream.play(script)
    let text = ''
    for await (const { choices } of await clientWith().chat.completions.create({ model, messages, stream: true })) {
      text += choices[0]?.delta.content ?? ''
    }
    return text
  }

  test.each(['\n', '\r\n', '\r'])('reads what had the line end %j upstream', async (end) => {
    expect(await read(stream(SAYING.openai.streamed('One', ' two').replaceAll('\n', end)))).toBe('One two')
  })

  test('stops at [DONE]', async () => {
    const rest = sse(chunk({ content: ' too much' }))
    expect(await read(stream(SAYING.openai.streamed('One'), rest))).toBe('One')
  })

  test('gets JSON in every event, whatever the provider sends', async () => {
    const odd = ': comment\n\nevent: x\nid: 3\n\ndata:\n\n'
    expect(await read(stream(odd, SAYING.openai.streamed('One\u2028two', '\u0000"\\')))).toBe('One\u2028two\u0000"\\')
  })

  test('throws where an event has a truthy error, and where the JSON was bad', async () => {
    for (const event of [sse({ error: { message: 'Went wrong' } }), 'data: {"cho\n\n']) {
      const error = await read(stream(sse(chunk({ content: 'One' })), event)).catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(APIError)
      expect(error).toMatchObject({ type: 'upstream_error', code: 'upstream_error', param: null })
    }
  })
})

describe('the limits of a key', () => {
  const DURATION = /^(\d+h)?(\d+m)?(\d+(\.\d+)?s)?$|^\d+ms$/

  function expectLimits(headers: Headers): void {
    expect(headers.get('x-ratelimit-limit-requests')).toBe('50')
    expect(headers.get('x-ratelimit-limit-tokens')).toBe('100000')
    for (const what of ['requests', 'tokens']) {
      expect(headers.get(`x-ratelimit-remaining-${what}`)).toMatch(/^\d+$/)
      expect(headers.get(`x-ratelimit-reset-${what}`)).toMatch(DURATION)
      expect(headers.get(`x-ratelimit-reset-${what}`)).not.toBe('')
    }
  }

  const authorization = `Bearer ${LIMITED_KEY}`
  const answers: readonly { what: string; script: Script; body: Record<string, unknown>; status: number }[] = [
    { what: 'a whole answer', script: GOOD, body: { model, messages }, status: 200 },
    {
      what: 'a stream',
      script: stream(SAYING.openai.streamed('One')),
      body: { model, messages, stream: true },
      status: 200,
    },
    { what: "a provider's fault", script: failing(400), body: { model, messages }, status: 400 },
    { what: 'a request that is not valid', script: GOOD, body: { model }, status: 400 },
    { what: 'a model that is not there', script: GOOD, body: { model: 'nobody/nothing', messages }, status: 404 },
  ]

  test.each(answers)('are told with $what', async ({ script, body, status }) => {
    router9.upstream.play(script)
    const response = await router9.post(body, { authorization })
    await response.text()
    expect(response.status).toBe(status)
    expectLimits(response.headers)
  })

  test('are told with the list of models', async () => {
    const response = await fetch(`${router9.url}/v1/models`, { headers: { authorization } })
    await response.text()
    expectLimits(response.headers)
  })

  test('are not told where a key has none', async () => {
    router9.upstream.play(GOOD)
    const { headers } = await router9.post({ model, messages })
    expect([...headers.keys()].filter((name) => name.startsWith('x-ratelimit'))).toEqual([])
  })
})

test.each(['sk-r9k-wrongwrongwrongwrongwrongwrong1234', 'sk-proj-otherotherotherotherother5678', 'sk-r9k-"quotes"'])(
  'an error about the key %s shows no more of it than its ends',
  async (key) => {
    for (const path of ['/v1/chat/completions', '/v1/models']) {
      const response = await fetch(router9.url + path, {
        method: path.endsWith('models') ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        ...(path.endsWith('models') ? {} : { body: JSON.stringify({ model, messages }) }),
      })
      const told = JSON.stringify([...response.headers]) + (await response.text())
      expect(response.status).toBe(401)
      const secret = key.replace(/^sk-(r9k|proj)-/, '').slice(0, -4)
      for (let at = 0; at + 5 <= secret.length; at++) expect(told).not.toContain(secret.slice(at, at + 5))
    }
  },
)
