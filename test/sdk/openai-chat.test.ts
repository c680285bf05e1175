import OpenAI from 'openai'
import { beforeAll, expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import { seeAll } from './chunks.ts'
import { beyond, MODELS, openaiAt, TWELVE, user } from './setting.ts'

const router9 = useRouter9()
let client: OpenAI

beforeAll(async () => {
  client = openaiAt(router9)
})

const messages = [{ role: 'system', content: 'Be brief.' } as const, user('Count to 12')]

test.each(MODELS)('$model answers the official client', async ({ model, provider }) => {
  const { data, response, request_id } = await client.chat.completions.create({ model, messages }).withResponse()
  expect(data.id).toMatch(/^chatcmpl-[A-Za-z0-9]{24,}$/)
  expect(data.model).toBe(model)
  expect(data.choices).toHaveLength(1)
  expect(data.choices[0]).toMatchObject({
    index: 0,
    finish_reason: 'stop',
    message: { role: 'assistant', content: TWELVE },
  })
  const { prompt_tokens = 0, completion_tokens = 0, total_tokens } = data.usage ?? {}
  expect(prompt_tokens).toBeGreaterThan(0)
  expect(completion_tokens).toBeGreaterThan(0)
  expect(total_tokens).toBe(prompt_tokens + completion_tokens)
  expect(Math.abs(Date.now() / 1000 - data.created)).toBeLessThan(60)
  expect(response.headers.get('x-router9-provider')).toBe(provider)
  expect(request_id).toMatch(/^req_/)
  expect(beyond(data, '_request_id')).toBe(request_id)
})

test.each(MODELS)('$model streams to the iterator, its usage in the chunk that finishes', async ({ model }) => {
  const whole = await client.chat.completions.create({ model, messages })
  const seen = await seeAll(await client.chat.completions.create({ model, messages, stream: true }))
  expect(seen.text).toBe(TWELVE)
  expect(seen.chunks.length).toBeGreaterThan(3)
  expect(seen.roles).toEqual(['assistant'])
  expect(seen.finishes).toEqual(['stop'])
  expect(seen.chunks.every(({ choices }) => choices.length === 1)).toBe(true)
  expect(seen.usages).toEqual([whole.usage])
  const last = seen.chunks.at(-1)
  expect([last?.choices[0]?.finish_reason, last?.usage]).toEqual(['stop', whole.usage])
  expect(new Set(seen.chunks.map(({ id, created, model: name }) => `${id} ${created} ${name}`)).size).toBe(1)
  expect(new Set(seen.chunks.map(({ object }) => object))).toEqual(new Set(['chat.completion.chunk']))
  expect(last?.model).toBe(model)
})

test.each(MODELS)(
  '$model streams its usage in a chunk of its own where include_usage asks for it',
  async ({ model }) => {
    const whole = await client.chat.completions.create({ model, messages })
    const asked = { model, messages, stream: true, stream_options: { include_usage: true } } as const
    const { chunks, text, finishes } = await seeAll(await client.chat.completions.create(asked))
    expect(text).toBe(TWELVE)
    expect(finishes).toEqual(['stop'])
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage })
    expect(chunks.slice(0, -1).every(({ usage, choices }) => usage === null && choices.length === 1)).toBe(true)
  },
)

test.each(MODELS)('$model feeds the events of the stream helper, and its final completion', async ({ model }) => {
  const events: string[] = []
  let text = ''
  const stream = client.chat.completions
    .stream({ model, messages })
    .on('connect', () => events.push('connect'))
    .on('content', (delta, snapshot) => {
      text += delta
      if (text !== snapshot) events.push('a snapshot that is not the sum of its deltas')
    })
    .on('content.done', ({ content }) => events.push(`done: ${content}`))
    .on('finalContent', (content) => events.push(`final: ${content}`))
    .on('error', (error) => events.push(`error: ${error.message}`))
    .on('end', () => events.push('end'))
  const completion = await stream.finalChatCompletion()
  await stream.done()
  expect(events).toEqual(['connect', `done: ${TWELVE}`, `final: ${TWELVE}`, 'end'])
  expect(text).toBe(TWELVE)
  expect(completion.choices[0]).toMatchObject({
    finish_reason: 'stop',
    message: { role: 'assistant', content: TWELVE },
  })
  expect(completion.model).toBe(model)
  expect(completion.usage?.completion_tokens).toBeGreaterThan(0)
  expect((await stream.totalUsage()).total_tokens).toBe(completion.usage?.total_tokens)
})

test('the object is what the reference says, and what OpenAI says to those who ask for it', async () => {
  const body = { model: 'gpt-4o', messages }
  expect((await client.chat.completions.create(body)).object).toBe('text_completion')
  const headers = { 'x-router9-object': 'openai' }
  expect((await client.chat.completions.create(body, { headers })).object).toBe('chat.completion')
})

test('auto names the model that it chose, whole and streamed', async () => {
  const { data, response } = await client.chat.completions.create({ model: 'auto', messages }).withResponse()
  expect(data.choices[0]?.message.content).toBe(TWELVE)
  expect(data.model).not.toBe('auto')
  expect(response.headers.get('x-router9-requested-model')).toBe('auto')
  expect(response.headers.get('x-router9-model')).toBe(data.model)
  const seen = await seeAll(await client.chat.completions.create({ model: 'auto', messages, stream: true }))
  expect(seen.text).toBe(TWELVE)
  expect(seen.chunks[0]?.model).toBe(data.model)
})

test('the choices of n are kept apart in a stream', async () => {
  const completion = await client.chat.completions
    .stream({ model: 'gpt-4o', messages: [user('Hello!')], n: 3 })
    .finalChatCompletion()
  expect(completion.choices.map(({ index }) => index)).toEqual([0, 1, 2])
  expect(new Set(completion.choices.map(({ message }) => message.content)).size).toBe(3)
  expect(completion.choices.every(({ finish_reason }) => finish_reason === 'stop')).toBe(true)
})

test('log probabilities come through to the client, whole and streamed', async () => {
  const asked = { model: 'gpt-4o', messages, logprobs: true, top_logprobs: 2 }
  const whole = await client.chat.completions.create(asked)
  const tokens = whole.choices[0]?.logprobs?.content?.map(({ token }) => token).join('')
  expect(tokens).toBe(TWELVE)
  const streamed = await client.chat.completions.stream(asked).finalChatCompletion()
  expect(streamed.choices[0]?.logprobs?.content).toEqual(whole.choices[0]?.logprobs?.content)
})

test.each([{ ending: '/v1' }, { ending: '/v1/' }, { ending: '' }, { ending: '/' }])(
  'a base URL that ends in "$ending" finds completions, streams and models',
  async ({ ending }) => {
    const here = new OpenAI({ baseURL: `${router9.url}${ending}`, apiKey: DEMO_KEY, maxRetries: 0 })
    const completion = await here.chat.completions.create({ model: 'gpt-4o', messages })
    expect(completion.choices[0]?.message.content).toBe(TWELVE)
    const seen = await seeAll(await here.chat.completions.create({ model: 'gpt-4o', messages, stream: true }))
    expect(seen.text).toBe(TWELVE)
    expect((await here.models.retrieve('gpt-4o')).id).toBe('gpt-4o')
  },
)

test('the list of models holds auto and what the providers have, each as the client knows models', async () => {
  const ids: string[] = []
  for await (const model of client.models.list()) {
    ids.push(model.id)
    expect(model).toMatchObject({ object: 'model', owned_by: expect.any(String), created: expect.any(Number) })
  }
  expect(ids).toEqual(expect.arrayContaining(['auto', ...MODELS.map(({ model }) => model)]))
  expect(new Set(ids).size).toBe(ids.length)
})

test.each([
  { asked: 'gpt-4o', id: 'gpt-4o' },
  { asked: 'auto', id: 'auto' },
  { asked: 'openai/gpt-4o', id: 'gpt-4o' },
  { asked: 'anthropic/claude-sonnet-4-5', id: 'claude-sonnet-4-5' },
  { asked: 'google/gemini-2.5-flash', id: 'gemini-2.5-flash' },
])('the client retrieves the model $asked', async ({ asked, id }) => {
  const model = await client.models.retrieve(asked)
  expect(model).toMatchObject({ id, object: 'model', owned_by: expect.any(String), created: expect.any(Number) })
  expect(model._request_id).toMatch(/^req_/)
})

test('a model that is not there is NotFoundError to models.retrieve', async () => {
  const error = await client.models.retrieve('nobody/no-such-model').catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(OpenAI.NotFoundError)
  expect(error).toMatchObject({ status: 404, param: 'model', code: 'model_not_found' })
})
