import http, { type Server } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { attemptsOf } from '../harness/attempts.ts'
import { listen } from '../harness/listen.ts'
import { type Router9, startRouter9 } from '../harness/router9.ts'
import { readStream } from './seen-stream.ts'

// In the proportions of the real settings: 10, 30 and 30 seconds.
const FIRST_BYTE_MS = 500
const TOTAL_MS = 1500
const IDLE_MS = 1500
/** Where the first one only is looked at, the second has time enough on the busiest machine. */
const OTHER_FIRST_BYTE_MS = 300

let router9: Router9
let other: Router9
let hesitant: Server
beforeAll(async () => {
  hesitant = http.createServer(sayRoleOnly)
  const port = await listen(hesitant)
  const first = { FIRST_BYTE_TIMEOUT_MS: String(OTHER_FIRST_BYTE_MS), TOTAL_TIMEOUT_MS: '20000' }
  other = await startRouter9(first)
  router9 = await startRouter9({
    FIRST_BYTE_TIMEOUT_MS: String(FIRST_BYTE_MS),
    TOTAL_TIMEOUT_MS: String(TOTAL_MS),
    IDLE_TIMEOUT_MS: String(IDLE_MS),
    AZURE_OPENAI_BASE_URL: `http://127.0.0.1:${port}`,
  })
})
afterAll(async () => {
  await Promise.all([router9.stop(), other.stop()])
  hesitant.closeAllConnections()
  await new Promise((resolve) => hesitant.close(resolve))
})
beforeEach(() => {
  router9.simulator.clearFaults()
  router9.simulator.clearRequests()
})

/** A provider that begins, and then has nothing to say. */
function sayRoleOnly(request: http.IncomingMessage, response: http.ServerResponse): void {
  request.resume()
  const chunk = {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'any',
    choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }],
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(`data: ${JSON.stringify(chunk)}\n\n`)
}

type Json = Readonly<Record<string, unknown>>

async function ask(models: readonly string[], only: readonly string[], more: Json = {}, at = router9) {
  const startedAt = performance.now()
  const [model, ...others] = models
  const response = await at.chat({
    model,
    models: others,
    provider: { only },
    messages: [{ role: 'user', content: 'Say: hello' }],
    stream: true,
    ...more,
  })
  const body = await response.text()
  const attempts = attemptsOf(response.headers).map((each) => each.split(':'))
  return { status: response.status, body, attempts, ms: performance.now() - startedAt }
}

describe('waiting', () => {
  test('for three that hang does not add up to three times the whole patience', async () => {
    router9.simulator.setFault('*', { hangBeforeHeaders: true })
    const models = ['gpt-4o', 'mistral-large-2512', 'command-a-03-2025']
    const { status, body, attempts, ms } = await ask(models, ['openai', 'mistral', 'cohere'])
    expect(status).toBe(504)
    expect(JSON.parse(body)).toMatchObject({ error: { type: 'upstream_error', code: 'upstream_timeout' } })
    expect(attempts.map(([provider]) => provider)).toEqual(['openai', 'mistral', 'cohere'])
    expect(ms).toBeGreaterThan(FIRST_BYTE_MS)
    expect(ms).toBeLessThan(2 * TOTAL_MS)
  })

  test('for a first that hangs leaves time for a second', async () => {
    router9.simulator.setFault('openai', { hangBeforeHeaders: true })
    router9.simulator.setFault('mistral', { latencyMs: 150 })
    const { body } = await ask(['gpt-4o', 'mistral-large-2512'], ['openai', 'mistral'])
    expect(readStream(body).text).toBe('hello')
  })

  test('for a reasoning model, which gets more time, leaves time for a second that does not reason', async () => {
    router9.simulator.setFault('anthropic', { hangBeforeHeaders: true })
    router9.simulator.setFault('mistral', { latencyMs: 30 })
    const { status, body, attempts } = await ask(['claude-sonnet-4-5', 'mistral-large-2512'], ['anthropic', 'mistral'])
    expect(`${status} ${attempts.join()}`).toMatch(/^200 .*mistral,200/)
    expect(readStream(body).text).toBe('hello')
  })

  test('for the first word of one that has said its role leaves time for a second', async () => {
    router9.simulator.setFault('mistral', { latencyMs: 30 })
    const { status, body, attempts } = await ask(['gpt-4o', 'mistral-large-2512'], ['azure', 'mistral'])
    expect(`${status} ${attempts.join()}`).toMatch(/^200 .*mistral,200/)
    expect(readStream(body).text).toBe('hello')
  })

  test('for the only one, which has said its role and nothing more, ends in a refusal', async () => {
    const { status, body } = await ask(['gpt-4o'], ['azure'])
    expect(status).toBe(504)
    expect(JSON.parse(body)).toMatchObject({ error: { type: 'upstream_error', code: 'upstream_timeout' } })
  })
})

// In each of the formats in which providers are asked.
const FIRST = {
  openai: 'gpt-4o',
  anthropic: 'claude-sonnet-4-6',
  google: 'gemini-3.5-flash',
  cohere: 'command-a-reasoning-08-2025',
  groq: 'gpt-oss-120b',
} as const
const SECOND = { provider: 'mistral', model: 'mistral-large-2512' } as const

/** What a hung provider is told in the prompt. */
const BEFORE_HEADERS = 'hangbeforeheaders'
const AFTER_HEADERS = 'hangafterheaders'

/** After how many times the usual patience a provider was left, where another one answered. */
async function leftAfter(provider: string, model: string, order: string, more: Json) {
  const messages = [{ role: 'user', content: `Say: hello [[sim ${provider} ${order}]]` }]
  const only = [provider, SECOND.provider]
  const { status, body, attempts } = await ask([model, SECOND.model], only, { ...more, messages }, other)
  expect(`${status} ${attempts.join(' ')}`).toMatch(
    new RegExp(`^200 ${provider},provider-timeout.*${SECOND.provider},200`),
  )
  const text = more.stream === false ? JSON.parse(body).choices[0].message.content : readStream(body).text
  expect(text).toBe('hello')
  return Number.parseInt(attempts[0]?.[2] ?? '', 10) / OTHER_FIRST_BYTE_MS
}

// It is left after once, three, six or twelve times the patience: a busy machine may take longer, but not for the next.
describe.each(Object.entries(FIRST))(
  'a hung %s is left for one that is well',
  { concurrent: true },
  (provider, model) => {
    test.for([
      ['before its headers', BEFORE_HEADERS],
      ['after its headers', AFTER_HEADERS],
    ] as const)('in a stream, as soon as one that cannot think: %s', async ([_, order], { expect }) => {
      const times = await leftAfter(provider, model, order, { stream: true })
      expect(times).toBeGreaterThanOrEqual(1)
      expect(times).toBeLessThan(3)
    })

    test.for([
      ['that never comes', BEFORE_HEADERS, {}],
      ['of which only the headers come', AFTER_HEADERS, {}],
      ['that is short and comes too late', 'latency=20000', { max_tokens: 20 }],
    ] as const)('in a whole answer, after three times as long: %s', async ([_, order, more], { expect }) => {
      const times = await leftAfter(provider, model, order, { stream: false, ...more })
      expect(times).toBeGreaterThanOrEqual(3)
      expect(times).toBeLessThan(6)
    })
  },
)

describe('more time is given', { concurrent: true }, () => {
  test.for([
    ['low', 3, 6],
    ['high', 6, 12],
  ] as const)('to a stream that is asked for %s reasoning: %i times as much', async (row, { expect }) => {
    const [reasoning_effort, factor, next] = row
    const times = await leftAfter('anthropic', 'claude-sonnet-4-6', BEFORE_HEADERS, { reasoning_effort })
    expect(times).toBeGreaterThanOrEqual(factor)
    expect(times).toBeLessThan(next)
  })

  test('to a whole answer that is slow: it is not left for another', async ({ expect }) => {
    const messages = [{ role: 'user', content: `Say: hello [[sim openai latency=${1.5 * OTHER_FIRST_BYTE_MS}]]` }]
    const more = { stream: false, messages }
    const { status, attempts } = await ask(['gpt-4o', SECOND.model], ['openai', SECOND.provider], more, other)
    expect(`${status} ${attempts.map(([provider, outcome]) => `${provider},${outcome}`)}`).toBe('200 openai,200')
  })

  test('to a whole answer that may be long: twelve times as much', async ({ expect }) => {
    const times = await leftAfter('openai', 'gpt-4o', BEFORE_HEADERS, { stream: false, max_tokens: 16_000 })
    expect(times).toBeGreaterThanOrEqual(12)
  })
})
