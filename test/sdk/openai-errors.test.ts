import OpenAI from 'openai'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import { openaiAt, PINNED, user } from './setting.ts'

const NARROW_KEY = 'sk-r9k-only-gpt-4o'

const router9 = useRouter9()
let client: OpenAI

beforeAll(async () => {
  await router9.worker.keys.put(NARROW_KEY, { models: ['gpt-4o'] })
  client = openaiAt(router9, { maxRetries: 0 })
})

afterEach(() => router9.simulator.clearFaults())

const messages = [user('Count to 60')]

async function errorOf(work: () => PromiseLike<unknown>): Promise<unknown> {
  try {
    await work()
  } catch (error) {
    return error
  }
  throw new Error('it should have failed')
}

test.each([
  { what: 'a key that nobody made', apiKey: 'sk-r9k-nobody', code: 'invalid_api_key' },
  { what: "another service's key", apiKey: 'sk-proj-1234567890', code: 'invalid_api_key' },
])('$what is an AuthenticationError', async ({ apiKey, code }) => {
  const error = await errorOf(() =>
    openaiAt(router9, { apiKey }).chat.completions.create({ model: 'gpt-4o', messages }),
  )
  expect(error).toBeInstanceOf(OpenAI.AuthenticationError)
  expect(error).toMatchObject({ status: 401, type: 'invalid_request_error', param: null, code })
  expect(String(error)).not.toContain(apiKey)
})

test('a model outside the list of the key is a PermissionDeniedError', async () => {
  const narrow = openaiAt(router9, { apiKey: NARROW_KEY })
  expect((await narrow.chat.completions.create({ model: 'gpt-4o', messages })).model).toBe('gpt-4o')
  const error = await errorOf(() => narrow.chat.completions.create({ model: 'claude-sonnet-4-5', messages }))
  expect(error).toBeInstanceOf(OpenAI.PermissionDeniedError)
  expect(error).toMatchObject({ status: 403, param: 'model', code: 'model_not_allowed' })
})

type Body = Partial<OpenAI.Chat.ChatCompletionCreateParamsNonStreaming>
const oddRole = { role: 'narrator', content: 'Once upon a time' } as unknown as OpenAI.Chat.ChatCompletionMessageParam
const wrong: { what: string; body: Body; param: string; code: string }[] = [
  { what: 'a temperature of 3', body: { temperature: 3 }, param: 'temperature', code: 'invalid_value' },
  { what: 'no messages', body: { messages: [] }, param: 'messages', code: 'invalid_value' },
  { what: 'an odd role', body: { messages: [oddRole] }, param: 'messages[0].role', code: 'invalid_value' },
  {
    what: 'n of 2 to Claude',
    body: { model: 'anthropic/claude-sonnet-4-5', n: 2 },
    param: 'n',
    code: 'unsupported_parameter',
  },
  {
    what: 'logprobs of Claude',
    body: { model: 'anthropic/claude-sonnet-4-5', logprobs: true },
    param: 'logprobs',
    code: 'unsupported_parameter',
  },
]

test.each(wrong)('$what is a BadRequestError that names $param', async ({ body, param, code }) => {
  const error = await errorOf(() => client.chat.completions.create({ model: 'gpt-4o', messages, ...body }))
  expect(error).toBeInstanceOf(OpenAI.BadRequestError)
  expect(error).toMatchObject({ status: 400, type: 'invalid_request_error', param, code })
})

test('messages that are missing are a BadRequestError that says so', async () => {
  const error = await errorOf(() =>
    client.post('/chat/completions', { body: { model: 'gpt-4o' } satisfies { model: string } }),
  )
  expect(error).toBeInstanceOf(OpenAI.BadRequestError)
  expect(error).toMatchObject({ param: 'messages', code: 'missing_required_parameter' })
})

test.each(PINNED)('$model, to which the prompt is too long, is a BadRequestError', async ({ model, provider }) => {
  router9.simulator.setFault(provider, { status: 400, reason: 'context' })
  const error = await errorOf(() => client.chat.completions.create({ model, messages }))
  expect(error).toBeInstanceOf(OpenAI.BadRequestError)
  expect(error).toMatchObject({ param: 'messages', code: 'context_length_exceeded' })
})

test('a model that does not exist is a NotFoundError', async () => {
  const error = await errorOf(() => client.chat.completions.create({ model: 'gpt-0', messages, stream: true }))
  expect(error).toBeInstanceOf(OpenAI.NotFoundError)
  expect(error).toMatchObject({ status: 404, param: 'model', code: 'model_not_found' })
})

test('an endpoint that Router9 does not have is a NotFoundError', async () => {
  const error = await errorOf(() => client.images.generate({ model: 'gpt-image-1', prompt: 'x' }))
  expect(error).toBeInstanceOf(OpenAI.NotFoundError)
  expect(error).toMatchObject({ param: null, code: 'unknown_url' })
})

const statuses = [
  { status: 429, kind: OpenAI.RateLimitError, told: 429, type: 'rate_limit_error', code: 'upstream_rate_limited' },
  { status: 500, kind: OpenAI.InternalServerError, told: 502, type: 'upstream_error', code: 'upstream_error' },
  { status: 503, kind: OpenAI.InternalServerError, told: 503, type: 'upstream_error', code: 'upstream_unavailable' },
  { status: 401, kind: OpenAI.InternalServerError, told: 502, type: 'upstream_error', code: 'upstream_error' },
]

test.each(
  PINNED.flatMap((pinned) => statuses.flatMap((row) => [false, true].map((stream) => ({ ...pinned, ...row, stream })))),
)('$status of $model (stream: $stream) is the client error of $told', async (row) => {
  router9.simulator.setFault(row.provider, { status: row.status })
  const error = await errorOf(() => client.chat.completions.create({ model: row.model, messages, stream: row.stream }))
  expect(error).toBeInstanceOf(row.kind)
  expect(error).toMatchObject({ status: row.told, type: row.type, param: null, code: row.code })
  expect((error as InstanceType<typeof OpenAI.APIError>).requestID).toMatch(/^req_/)
  expect(String(error)).not.toContain(router9.simulator.url)
})

const breaks = [
  { how: 'ends early', fault: { cut: 3 } },
  { how: 'is reset', fault: { reset: 3 } },
  { how: 'turns into an error', fault: { errorAfter: 3 } },
  { how: 'turns into garbage', fault: { garbageAfter: 3 } },
]
const broken = PINNED.flatMap((pinned) => breaks.map((row) => ({ ...pinned, ...row })))

test.each(broken)('a stream of $model that $how throws APIError out of the iterator', async (row) => {
  router9.simulator.setFault(row.provider, row.fault)
  let text = ''
  const finishes: unknown[] = []
  const error = await errorOf(async () => {
    for await (const chunk of await client.chat.completions.create({ model: row.model, messages, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? ''
      finishes.push(chunk.choices[0]?.finish_reason)
    }
  })
  expect(error).toBeInstanceOf(OpenAI.APIError)
  expect(error).toMatchObject({ status: undefined, param: null, message: expect.stringMatching(/provider/) })
  const { code, type } = error as InstanceType<typeof OpenAI.APIError>
  expect([code, type]).toEqual(
    'errorAfter' in row.fault
      ? [expect.stringMatching(/^upstream_/), 'upstream_error']
      : ['upstream_error', 'upstream_error'],
  )
  expect(text).toMatch(/^1, /)
  expect(finishes.every((reason) => reason === null)).toBe(true)
})

test.each(broken)('a stream of $model that $how fails in the stream helper', async (row) => {
  router9.simulator.setFault(row.provider, row.fault)
  const stream = client.chat.completions.stream({ model: row.model, messages })
  const seen: string[] = []
  stream.on('error', (error) => seen.push(error.constructor.name))
  const error = await errorOf(() => stream.finalChatCompletion())
  expect(error).toBeInstanceOf(OpenAI.APIError)
  expect(error).toMatchObject({ type: 'upstream_error' })
  expect(seen).toHaveLength(1)
})

test('a caller who leaves no key behind is told which header is missing', async () => {
  const nameless = new OpenAI({
    baseURL: `${router9.url}/v1`,
    apiKey: DEMO_KEY,
    defaultHeaders: { authorization: null },
  })
  const error = await errorOf(() => nameless.chat.completions.create({ model: 'gpt-4o', messages }))
  expect(error).toBeInstanceOf(OpenAI.AuthenticationError)
  expect(error).toMatchObject({ status: 401, code: null, message: expect.stringMatching(/Authorization/i) })
})
