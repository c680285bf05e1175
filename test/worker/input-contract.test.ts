import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import type { Fault } from '../simulator/faults.ts'
import { expectRefusal, type Refusal } from './refusal.ts'

const router9 = useRouter9({
  TOTAL_TIMEOUT_MS: '600',
  FIRST_BYTE_TIMEOUT_MS: '300',
  CUSTOM_BASE_URL: '',
  CUSTOM_API_KEY: '',
})

beforeAll(async () => {
  await router9.worker.keys.put('sk-r9k-expired-key', { expires: '2026-01-02T00:00:00Z' })
  await router9.worker.keys.put('sk-r9k-disabled-key', { disabled: true })
  await router9.worker.keys.put('sk-r9k-narrow-key', { models: ['gpt-4o'] })
})
afterEach(() => router9.simulator.clearFaults())

const HELLO = [{ role: 'user', content: 'Hello!' }]
const CHAT = { model: 'gpt-4o', messages: HELLO }
const CLAUDE = { model: 'anthropic/claude-sonnet-4-6', messages: HELLO }
const PICTURE = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] }]

function bearer(key: string): Record<string, string> {
  return { authorization: `Bearer ${key}` }
}

interface Ask {
  readonly name: string
  readonly path?: string
  readonly method?: string
  /** Sent as it is where it is a string. */
  readonly body?: unknown
  readonly headers?: Record<string, string>
  readonly refusal: Refusal
}

function ask({ path = '/v1/chat/completions', method = 'POST', body, headers }: Ask): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return fetch(router9.url + path, {
    method,
    headers: { ...bearer(DEMO_KEY), 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: text }),
  })
}

describe('each case of the contract has its status and its four members', () => {
  const invalid = (code: string | null, param: string | null = null): Refusal => ({ status: 400, code, param })
  const cases: readonly Ask[] = [
    {
      name: 'an empty authorization',
      headers: { authorization: '' },
      body: CHAT,
      refusal: { status: 401, code: null },
    },
    {
      name: 'a scheme that is not Bearer',
      headers: { authorization: 'Basic c2stcjlrLWRlbW86' },
      body: CHAT,
      refusal: { status: 401, code: null },
    },
    ...['sk-r9k-unknown-key', 'sk-r9k-disabled-key', 'sk-proj-abcdef', 'sk-r9k-', 'sk-r9k-a!b!c!'].map((key) => ({
      name: `the key ${key}`,
      headers: bearer(key),
      body: CHAT,
      refusal: { status: 401, code: 'invalid_api_key' },
    })),
    {
      name: 'an expired key',
      headers: bearer('sk-r9k-expired-key'),
      body: CHAT,
      refusal: { status: 401, code: 'api_key_expired' },
    },
    ...[
      'text/plain',
      '',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/jsonp',
    ].map((type) => ({
      name: `the content type '${type}'`,
      headers: { 'content-type': type },
      body: CHAT,
      refusal: { status: 415, code: 'unsupported_media_type' },
    })),
    { name: 'a body that is not JSON', body: '{"model":', refusal: invalid('invalid_json') },
    { name: 'a body that is no object', body: [CHAT], refusal: invalid('invalid_json') },
    { name: 'no messages', body: { model: 'gpt-4o' }, refusal: invalid('missing_required_parameter', 'messages') },
    { name: 'no model', body: { messages: HELLO }, refusal: invalid('missing_required_parameter', 'model') },
    {
      name: 'a message without a role',
      body: { ...CHAT, messages: [{ content: 'Hello!' }] },
      refusal: invalid('missing_required_parameter', 'messages[0].role'),
    },
    {
      name: 'a content of the wrong type',
      body: { ...CHAT, messages: [...HELLO, { role: 'user', content: 42 }] },
      refusal: invalid('invalid_value', 'messages[1].content'),
    },
    {
      name: 'a value out of range',
      body: { ...CHAT, temperature: 2.1 },
      refusal: invalid('invalid_value', 'temperature'),
    },
    { name: 'n of 2 at Anthropic', body: { ...CLAUDE, n: 2 }, refusal: invalid('unsupported_parameter', 'n') },
    {
      name: 'logprobs at Anthropic',
      body: { ...CLAUDE, logprobs: true },
      refusal: invalid('unsupported_parameter', 'logprobs'),
    },
    {
      name: 'audio output at Anthropic',
      body: { ...CLAUDE, modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'wav' } },
      refusal: invalid('unsupported_parameter', 'modalities'),
    },
    {
      name: 'an unknown model',
      body: { ...CHAT, model: 'gpt-9-imaginary' },
      refusal: { status: 404, code: 'model_not_found', param: 'model' },
    },
    {
      name: 'a model outside the allow-list',
      headers: bearer('sk-r9k-narrow-key'),
      body: CLAUDE,
      refusal: { status: 403, code: 'model_not_allowed', param: 'model' },
    },
    {
      name: 'a picture for a model that cannot see',
      body: { model: 'llama-3.3-70b-instruct', messages: PICTURE },
      refusal: invalid('model_not_capable', 'vision'),
    },
    { name: 'an unknown path', path: '/v1/edits', body: CHAT, refusal: { status: 404, code: 'unknown_url' } },
    { name: 'the root', path: '/', method: 'GET', refusal: { status: 404, code: 'unknown_url' } },
    { name: 'the API root', path: '/v1', method: 'GET', refusal: { status: 404, code: 'unknown_url' } },
    {
      name: 'a path with an odd escape',
      path: '/v1/%ff%zz',
      method: 'GET',
      refusal: { status: 404, code: 'unknown_url' },
    },
  ]
  test.each(cases)('$name', async (given) => {
    await expectRefusal(await ask(given), given.refusal)
  })

  test('no authorization header at all', async () => {
    const response = await fetch(`${router9.url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(CHAT) })
    await expectRefusal(response, { status: 401, code: null })
  })
})

describe('what providers do becomes an error of ours, the same whether a stream was asked for or not', () => {
  const upstream = (status: number, code: string, type = 'upstream_error') => ({ status, code, type })
  const cases: readonly { name: string; fault: Fault; refusal: Refusal }[] = [
    {
      name: 'all limiting us',
      fault: { status: 429 },
      refusal: upstream(429, 'upstream_rate_limited', 'rate_limit_error'),
    },
    { name: 'all failing', fault: { status: 500 }, refusal: upstream(502, 'upstream_error') },
    { name: 'all refusing our credentials', fault: { status: 401 }, refusal: upstream(502, 'upstream_error') },
    { name: 'all forbidding us', fault: { status: 403 }, refusal: upstream(502, 'upstream_error') },
    { name: 'all answering a web page', fault: { okHtml: true }, refusal: upstream(502, 'upstream_error') },
    { name: 'all hanging up', fault: { refuse: true }, refusal: upstream(502, 'upstream_error') },
    { name: 'all overloaded', fault: { status: 503 }, refusal: upstream(503, 'upstream_unavailable') },
    { name: 'all silent', fault: { hangBeforeHeaders: true }, refusal: upstream(504, 'upstream_timeout') },
    {
      name: 'the prompt is too long',
      fault: { status: 400, reason: 'context' },
      refusal: { status: 400, code: 'context_length_exceeded', param: 'messages' },
    },
    {
      name: 'the content is refused by policy',
      fault: {
        status: 400,
        body: '{"error":{"message":"Flagged.","type":"invalid_request_error","param":"prompt","code":"content_policy_violation"}}',
      },
      refusal: { status: 400, code: 'content_filter' },
    },
  ]
  test.each(
    cases.flatMap((given) => [
      { ...given, stream: false },
      { ...given, stream: true },
    ]),
  )('$name (stream: $stream)', async ({ fault, refusal, stream }) => {
    router9.simulator.setFault('*', fault)
    await expectRefusal(await router9.chat({ ...CHAT, stream }), refusal)
  })
})

describe('a method that a path does not take is told, and which it does', () => {
  test.each([
    ['GET', '/v1/chat/completions', 'POST'],
    ['PUT', '/v1/chat/completions', 'POST'],
    ['DELETE', '/chat/completions', 'POST'],
    ['PATCH', '/chat/completions/', 'POST'],
    ['PROPFIND', '/v1/chat/completions', 'POST'],
    ['POST', '/v1/models', 'GET'],
    ['DELETE', '/v1/models/gpt-4o', 'GET'],
    ['POST', '/models', 'GET'],
    ['POST', '/health', 'GET'],
  ])('%s %s', async (method, path, allowed) => {
    const response = await fetch(router9.url + path, { method })
    expect(response.headers.get('allow')?.split(', ')).toContain(allowed)
    expect(response.headers.get('allow')?.split(', ')).not.toContain(method)
    await expectRefusal(response, { status: 405, code: 'method_not_allowed' })
  })

  test('HEAD of chat completions, without a body', async () => {
    const response = await fetch(`${router9.url}/v1/chat/completions`, { method: 'HEAD' })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toContain('POST')
  })
})

test.each(['/v1/chat/completions', '/chat/completions', '/v1/chat/completions/', '/chat/completions/'])(
  'the bare path and the one with a slash at its end work too: %s',
  async (path) => {
    const response = await ask({ name: path, path, body: CHAT, refusal: { status: 200, code: null } })
    expect(response.status).toBe(200)
    expect(response.headers.get('x-request-id')).toMatch(/^req_/)
  },
)

test.each([
  'application/json',
  'Application/JSON',
  'application/json; charset=utf-8',
  'application/json;charset="UTF-8"',
])('the content type %s is JSON', async (type) => {
  const response = await router9.chat(CHAT, { 'content-type': type })
  expect(response.status).toBe(200)
})
