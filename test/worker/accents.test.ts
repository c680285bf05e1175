import { AzureOpenAI } from 'openai'
import { beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { readOpenAiSpec } from '../conformance/openai-spec.ts'
import { OPENAI_WIRE } from '../conformance/openai-wire.ts'
import { useRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'

const router9 = useRouter9()

const OPENAI_KEY = 'sk-r9k-with-the-object-of-openai'
const LIMITED_KEY = 'sk-r9k-for-two-models'
beforeAll(async () => {
  await router9.worker.keys.put(OPENAI_KEY, { object: 'openai' })
  await router9.worker.keys.put(LIMITED_KEY, { models: ['gpt-4o', 'azure/gpt-5.4'] })
})

const MODEL = 'anthropic/claude-sonnet-4-6'
const PROMPT = { model: MODEL, messages: [{ role: 'user', content: 'Tell me a joke.' }] }

async function ask(path: string, body?: object, { method = 'POST', key = DEMO_KEY, headers = {} } = {}) {
  const response = await fetch(router9.url + path, {
    method: body === undefined && method === 'POST' ? 'GET' : method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type') === 'application/json'
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined }
}

async function chunksOf(path: string, body: object, key = DEMO_KEY) {
  const { text } = await ask(path, { ...body, stream: true }, { key })
  const data = text.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice('data: '.length)] : []))
  return {
    isDone: data.at(-1) === '[DONE]',
    chunks: data.filter((one) => one !== '[DONE]').map((one) => JSON.parse(one)),
  }
}

/** Without what differs from answer to answer. */
function alike({ id: _, created: __, ...others }: Record<string, unknown>) {
  return others
}

describe('OpenAI’s accent', () => {
  test.each([
    ['the base URL', '/openai/v1/chat/completions', {}],
    ['the key', '/v1/chat/completions', { key: OPENAI_KEY }],
    ['the key, without /v1', '/chat/completions', { key: OPENAI_KEY }],
    ['the header', '/v1/chat/completions', { headers: { 'x-router9-object': 'openai' } }],
    ['both', '//openai//v1/chat/completions', { key: OPENAI_KEY }],
  ])('changes the object of a whole answer and nothing else: by %s', async (_, path, more) => {
    const plain = (await ask('/v1/chat/completions', PROMPT)).body
    const spoken = (await ask(path, PROMPT, more)).body
    expect(plain.object).toBe('text_completion')
    expect(alike(spoken)).toEqual({ ...alike(plain), object: 'chat.completion' })
  })

  test('changes nothing of streams, errors, lists and other formats', async () => {
    const [plain, spoken] = [
      await chunksOf('/v1/chat/completions', PROMPT),
      await chunksOf('/openai/v1/chat/completions', PROMPT),
    ]
    expect(spoken.chunks.map(alike)).toEqual(plain.chunks.map(alike))
    for (const path of ['/models', '/models/gpt-4o', '/models/nothing', '/nothing']) {
      const [usual, own] = [await ask(`/v1${path}`), await ask(`/openai/v1${path}`)]
      expect([own.status, own.body]).toEqual([usual.status, usual.body])
    }
    const message = { ...PROMPT, max_tokens: 99 }
    expect((await ask('/openai/v1/messages', message)).body.type).toBe('message')
    const text = { model: 'gpt-4o', prompt: 'Hello' }
    expect((await ask('/openai/v1/completions', text)).body.object).toBe('text_completion')
  })

  const spec = readOpenAiSpec(process.env.OPENAI_SPEC, OPENAI_WIRE)
  test.skipIf(spec === undefined)('keeps to OpenAI’s schemas (skipped unless OPENAI_SPEC names them)', async () => {
    for (const model of ['gpt-5.4', MODEL, 'gemini-3.5-flash', 'cohere/command-a-03-2025']) {
      const { body } = await ask('/openai/v1/chat/completions', { ...PROMPT, model })
      expect(spec?.problems('CreateChatCompletionResponse', body)).toEqual([])
      for (const chunk of (await chunksOf('/openai/v1/chat/completions', { ...PROMPT, model })).chunks) {
        expect(spec?.problems('CreateChatCompletionStreamResponse', chunk)).toEqual([])
      }
      const response = (await ask('/openai/v1/responses', { model, input: 'Hello!' })).body
      expect(spec?.problems('Response', response)).toEqual([])
    }
  })
})

describe('Azure’s clients', () => {
  const at = (more: object) =>
    new AzureOpenAI({ endpoint: `${router9.url}/`, apiKey: DEMO_KEY, apiVersion: '2024-10-21', maxRetries: 0, ...more })
  const messages = [{ role: 'user' as const, content: 'Hello!' }]

  test('chat, whole and streamed, with the deployment as the model', async () => {
    const client = at({})
    const whole = await client.chat.completions.create({ model: 'openai/gpt-5.4', messages })
    expect(whole).toMatchObject({ object: 'chat.completion', model: 'gpt-5.4' })
    const newer = at({ endpoint: undefined, baseURL: `${router9.url}/openai/v1/` })
    expect((await newer.chat.completions.create({ model: 'gpt-4o', messages })).model).toBe('gpt-4o')
    const named = await at({ deployment: 'gpt-4o' }).chat.completions.create({ model: 'nothing', messages })
    expect(named.model).toBe('gpt-4o')
    let text = ''
    for await (const { choices } of await client.chat.completions.create({ model: 'gpt-4o', messages, stream: true })) {
      text += choices[0]?.delta.content ?? ''
    }
    expect(text).toBe(whole.choices[0]?.message.content)
  })

  test('text completions, vectors, Responses and the list of models', async () => {
    const client = at({})
    const { data } = await client.embeddings.create({ model: 'text-embedding-3-small', input: 'Hello!' })
    expect(data[0]?.embedding.length).toBe(1536)
    expect((await client.completions.create({ model: 'gpt-4o', prompt: 'Hello!' })).object).toBe('text_completion')
    expect((await client.responses.create({ model: 'gpt-5.4', input: 'Hello!' })).output_text).not.toBe('')
    expect((await client.models.list()).data.map(({ id }) => id)).toContain('gpt-4o')
  })

  test('are told the deployment that does not exist, and that of another key', async () => {
    const unknown = at({}).chat.completions.create({ model: 'a/b c', messages })
    await expect(unknown).rejects.toMatchObject({ status: 404, code: 'model_not_found', param: 'model' })
    const limited = at({ apiKey: LIMITED_KEY, deployment: 'claude-sonnet-4-6' })
    const refused = limited.chat.completions.create({ model: 'gpt-4o', messages })
    await expect(refused).rejects.toMatchObject({ status: 403, code: 'model_not_allowed' })
  })

  test.each([
    ['gpt-4o', 200, 'gpt-4o'],
    ['x'.repeat(8000), 404, undefined],
    ['%E2%98%83', 404, undefined],
    ['%00', 404, undefined],
    ['..%2F..%2Fmodels', 404, undefined],
  ])('a deployment may have any name: %s', async (name, status, model) => {
    const { model: _, ...body } = PROMPT
    const answer = await ask(`/openai/deployments/${name}/chat/completions`, body)
    expect([answer.status, answer.body.model]).toEqual([status, model])
    expect(answer.text.length).toBeLessThan(1000)
  })

  test('without a name the model is that of the body', async () => {
    const { status, body } = await ask('/openai/deployments//chat/completions', PROMPT)
    expect([status, body.model]).toEqual([200, 'claude-sonnet-4-6'])
  })
})

/** What `@openrouter/sdk` insists on, written anew: fields that it does not name are of no interest to it. */
const usage = z.looseObject({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  cost: z.number().optional(),
})
const reasons = z.enum(['stop', 'length', 'tool_calls', 'content_filter', 'error'])
const calls = z.array(z.looseObject({ type: z.literal('function').optional() })).optional()
const words = { content: z.string().nullish(), reasoning: z.string().nullish(), tool_calls: calls }
const error = z.strictObject({
  code: z.int(),
  message: z.string().min(1),
  metadata: z.looseObject({ error_type: z.string() }),
})
const CHAT = z.looseObject({
  id: z.string(),
  object: z.literal('chat.completion'),
  created: z.int(),
  model: z.string(),
  provider: z.string(),
  system_fingerprint: z.string().nullable(),
  choices: z.array(
    z.looseObject({
      index: z.int(),
      finish_reason: reasons,
      message: z.looseObject({ role: z.literal('assistant'), ...words }),
    }),
  ),
  usage,
})
const CHUNK = z.looseObject({
  id: z.string(),
  object: z.literal('chat.completion.chunk'),
  created: z.int(),
  model: z.string(),
  provider: z.string(),
  system_fingerprint: z.string().optional(),
  choices: z.array(z.looseObject({ index: z.int(), finish_reason: reasons.nullable(), delta: z.looseObject(words) })),
  usage: usage.optional(),
  error: error.optional(),
})
const parameters = z.array(z.string())
const price = z.string().regex(/^(-1|\d+(\.\d+)?)$/)
const pricing = z.strictObject({
  prompt: price,
  completion: price,
  input_cache_read: price.optional(),
  input_cache_write: price.optional(),
})
const architecture = z.strictObject({
  modality: z.string(),
  input_modalities: z.array(z.enum(['text', 'image', 'file', 'audio', 'video'])),
  output_modalities: z.array(z.string()),
  tokenizer: z.string(),
  instruct_type: z.null(),
})
const ROW = z.strictObject({
  id: z.string(),
  canonical_slug: z.string(),
  name: z.string(),
  created: z.int(),
  description: z.string(),
  context_length: z.int().nullable(),
  architecture,
  pricing,
  top_provider: z.strictObject({
    context_length: z.int().nullable(),
    max_completion_tokens: z.int().nullable(),
    is_moderated: z.boolean(),
  }),
  per_request_limits: z.null(),
  supported_parameters: parameters,
  default_parameters: z.null(),
  supported_voices: z.null(),
  links: z.strictObject({ details: z.string() }),
})

describe('OpenRouter’s accent', () => {
  const path = '/api/v1/chat/completions'
  const tools = [
    { type: 'function', function: { name: 'get_weather', parameters: { type: 'object', properties: {} } } },
  ]
  const toolPrompt = { messages: [{ role: 'user', content: '[[sim * call=get_weather {}]]' }], tools }

  test.each([
    'openai/gpt-5.4',
    'anthropic/claude-sonnet-4-6',
    'google/gemini-3.5-flash',
    'cohere/command-a-03-2025',
    'groq/openai/gpt-oss-120b',
    'openrouter/claude-sonnet-4.6',
    'openai/o3-pro',
  ])('answers of %s have what its clients check, whole and streamed', async (model) => {
    for (const body of [
      { ...PROMPT, model, reasoning: { effort: 'high' } },
      { ...PROMPT, ...toolPrompt, model },
      { ...PROMPT, model, stream_options: { include_usage: true } },
    ]) {
      const whole = CHAT.parse((await ask(path, body)).body)
      const { chunks, isDone } = await chunksOf(path, body)
      const read = chunks.map((chunk) => CHUNK.parse(chunk))
      expect(isDone).toBe(true)
      expect(read.at(-1)?.usage).toBeDefined()
      const text = read.flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? '')).join('')
      expect(text).toBe(whole.choices[0]?.message.content ?? '')
      const reasoning = read.flatMap(({ choices }) => choices.map(({ delta }) => delta.reasoning ?? '')).join('')
      expect(reasoning).toBe(whole.choices[0]?.message.reasoning ?? '')
      expect(JSON.stringify([whole, read])).not.toContain('reasoning_content')
    }
  })

  test('log probabilities are whole', async () => {
    const { body } = await ask(path, { ...PROMPT, model: 'openai/gpt-4o', logprobs: true, top_logprobs: 2 })
    const token = { token: z.string(), logprob: z.number(), bytes: z.array(z.int()).nullable() }
    const tokens = z.array(z.looseObject({ ...token, top_logprobs: z.array(z.looseObject(token)) }))
    expect(tokens.parse(body.choices[0].logprobs.content).length).toBeGreaterThan(0)
  })

  test('a stream that breaks ends in an error with a number', async () => {
    const { chunks, isDone } = await chunksOf(path, {
      ...PROMPT,
      messages: [{ role: 'user', content: 'Hello! [[sim * cut=3]]' }],
    })
    const last = CHUNK.parse(chunks.at(-1))
    expect(isDone).toBe(false)
    expect(last.choices[0]?.finish_reason).toBe('error')
    expect(last.error).toMatchObject({
      code: 502,
      metadata: { error_type: 'provider_unavailable', code: 'upstream_error' },
    })
  })

  test.each([
    ['a provider’s own text', 'openai/gpt-3.5-turbo-instruct'],
    ['a chat', MODEL],
  ])('so does one of text completions, made of %s', async (_, model) => {
    const prompt = 'Say something long about the sky and the sea. [[sim * cut=3]]'
    const { chunks, isDone } = await chunksOf('/api/v1/completions', { model, prompt })
    expect(isDone).toBe(false)
    expect(error.parse(chunks.at(-1)?.error).code).toBe(502)
    const plain = await chunksOf('/v1/completions', { model, prompt })
    expect(plain.chunks.at(-1)?.error).toMatchObject({ code: 'upstream_error', param: null })
  })

  test.each<[string, object | undefined, number, string, Parameters<typeof ask>[2]?]>([
    [path, { ...PROMPT, messages: [] }, 400, 'invalid_request'],
    [path, PROMPT, 401, 'authentication', { key: 'sk-r9k-nobody' }],
    [path, { ...PROMPT, model: 'claude-sonnet-4-6' }, 403, 'permission_denied', { key: LIMITED_KEY }],
    [path, { ...PROMPT, model: 'nothing' }, 404, 'not_found'],
    ['/api/v1/responses', { model: 'nothing', input: 'Hello!' }, 404, 'not_found'],
    ['/api/v1/completions', { model: 'nothing', prompt: 'Hello!' }, 404, 'not_found'],
    ['/api/v1/models/nothing/at-all/endpoints', undefined, 404, 'not_found'],
    ['/api/v1/credits', undefined, 403, 'permission_denied'],
    ['/api/v1/models?limit=0.5', undefined, 400, 'invalid_request'],
    [path, PROMPT, 405, 'invalid_request', { method: 'PUT' }],
  ])('an error is told by its number: %s %j', async (where, body, status, type, more) => {
    const answer = await ask(where, body, more)
    expect(answer.status).toBe(status)
    expect(Object.keys(answer.body)).toEqual(['error'])
    expect(error.parse(answer.body.error)).toMatchObject({ code: status, metadata: { error_type: type } })
  })

  test.each([
    [429, 429, 'rate_limit_exceeded'],
    [500, 502, 'provider_unavailable'],
    [503, 503, 'provider_overloaded'],
    [504, 524, 'timeout'],
  ])('so is a provider’s: %i', async (given, status, type) => {
    const content = `Hello! [[sim * status=${given}]]`
    const answer = await ask(path, { model: MODEL, messages: [{ role: 'user', content }] })
    expect([answer.status, answer.body.error.code, answer.body.error.metadata.error_type]).toEqual([
      status,
      status,
      type,
    ])
  })

  test('the end of a call’s arguments names the function, and a response has all that its clients check', async () => {
    const body = {
      model: 'openai/gpt-5.4',
      input: '[[sim * call=get_weather {}]]',
      tools: [{ type: 'function', name: 'get_weather', parameters: { type: 'object', properties: {} }, strict: null }],
    }
    const { chunks } = await chunksOf('/api/v1/responses', body)
    const done = chunks.filter(({ type }) => type === 'response.function_call_arguments.done')
    expect(done.map(({ name }) => name)).toEqual(['get_weather'])
    const members = ['completed_at', 'error', 'incomplete_details', 'presence_penalty', 'frequency_penalty', 'metadata']
    expect(Object.keys(chunks[0].response)).toEqual(expect.arrayContaining(members))
  })

  test('vectors come as its clients check them, in both encodings', async () => {
    const VECTORS = z.strictObject({
      object: z.literal('list'),
      model: z.string(),
      data: z.array(
        z.strictObject({
          object: z.literal('embedding'),
          index: z.int(),
          embedding: z.union([z.array(z.number()), z.string()]),
        }),
      ),
      usage: z.looseObject({ prompt_tokens: z.int(), total_tokens: z.int(), cost: z.number().optional() }),
    })
    for (const encoding_format of ['float', 'base64']) {
      const body = { model: 'text-embedding-3-small', input: ['One', 'Two'], encoding_format }
      expect(VECTORS.parse((await ask('/api/v1/embeddings', body)).body).data).toHaveLength(2)
      expect((await ask('/openai/v1/embeddings', body)).body.data).toHaveLength(2)
    }
    const refused = (await ask('/api/v1/embeddings', { model: 'auto', input: 'One' })).body
    expect(error.parse(refused.error).code).toBe(400)
  })

  test('Messages are Anthropic’s there too', async () => {
    expect((await ask('/api/v1/messages', { ...PROMPT, max_tokens: 99 })).body.type).toBe('message')
    expect((await ask('/api/v1/messages', { ...PROMPT, max_tokens: 0 })).body.type).toBe('error')
  })

  test('a key that asks for OpenAI’s object gets OpenRouter’s answers at OpenRouter’s path', async () => {
    CHAT.parse((await ask(path, PROMPT, { key: OPENAI_KEY })).body)
  })

  describe('models', () => {
    const list = async (query = '', key = DEMO_KEY) => (await ask(`/api/v1/models${query}`, undefined, { key })).body

    test('are listed as its clients check them, each with what it takes', async () => {
      const { data, total_count, links } = await list()
      const rows = z.array(ROW).parse(data)
      expect([total_count, links]).toEqual([rows.length, { next: null }])
      const row = (id: string) => rows.find((one) => one.id === id)
      expect(row('auto')?.pricing).toEqual({ prompt: '-1', completion: '-1' })
      const claude = row('claude-sonnet-4-6')
      expect(claude?.pricing).toMatchObject({ prompt: '0.000003', completion: '0.000015' })
      expect(claude?.architecture.input_modalities).toContain('file')
      expect(claude?.supported_parameters).toEqual(expect.arrayContaining(['tools', 'reasoning', 'max_tokens']))
      expect(row('o3-pro')?.supported_parameters).not.toContain('temperature')
    })

    test('say of each deployment what it takes', async () => {
      const takenBy = async (model: string, provider: string): Promise<string[]> => {
        const { data } = (await ask(`/api/v1/models/${model}/endpoints`)).body
        return data.endpoints.find(({ tag }: { tag: string }) => tag === provider).supported_parameters
      }
      expect(await takenBy('o3-pro', 'openai')).not.toContain('stop')
      const own = await takenBy('anthropic/claude-sonnet-4-6', 'anthropic')
      expect(own).toEqual(expect.arrayContaining(['temperature', 'top_k', 'parallel_tool_calls', 'structured_outputs']))
      for (const name of ['logit_bias', 'seed', 'logprobs', 'presence_penalty']) expect(own).not.toContain(name)
    })

    test('are found by the slugs of the list, with their deployments', async () => {
      const { data } = await list()
      const sample = (data as { id: string; links: { details: string } }[]).filter((_, at) => at % 25 === 0)
      for (const { id, links } of sample) {
        const { status, body } = await ask(links.details)
        expect([status, body.data?.id]).toEqual([200, id])
      }
      const { body } = await ask('/api/v1/models/openai/gpt-5.4/endpoints', undefined, { key: LIMITED_KEY })
      expect(body.data.endpoints.map((one: { tag: string }) => one.tag)).toEqual(['azure'])
      expect(body.data.endpoints[0].supports_tool_choice).toEqual({
        auto: true,
        none: true,
        function: true,
        required: true,
      })
      expect((await ask('/api/v1/model/openai/gpt-4o')).body.data).toEqual(
        ROW.parse((await ask('/api/v1/models/gpt-4o')).body.data),
      )
    })

    test('come page by page, and by what they can', async () => {
      const { data, total_count } = await list()
      const page = await list('?offset=3&limit=2')
      expect([page.data, page.total_count]).toEqual([data.slice(3, 5), total_count])
      expect((await list(`?offset=${total_count}`)).data).toEqual([])
      const able = (await list('?supported_parameters=tools,reasoning&input_modalities=audio')).data
      expect(able.length).toBeGreaterThan(0)
      for (const { supported_parameters, architecture: of } of able) {
        expect(supported_parameters).toEqual(expect.arrayContaining(['tools', 'reasoning']))
        expect(of.input_modalities).toContain('audio')
      }
      expect((await ask('/api/v1/models/count')).body).toEqual({ data: { count: total_count } })
      expect((await ask('/api/v1/models/user')).body.data).toEqual(data)
    })

    test('of a key are those that it may use', async () => {
      expect((await list('', LIMITED_KEY)).data.map(({ id }: { id: string }) => id)).toEqual(['gpt-4o', 'gpt-5.4'])
    })

    test('of vectors have a list of their own', async () => {
      const { data } = (await ask('/api/v1/embeddings/models')).body
      expect(data.map(({ id }: { id: string }) => id)).toContain('text-embedding-3-small')
      for (const row of data) expect(ROW.parse(row).architecture.output_modalities).toEqual(['embeddings'])
      expect((await list()).data.map(({ id }: { id: string }) => id)).not.toContain('text-embedding-3-small')
    })
  })

  test('providers are listed by their names', async () => {
    const { body } = await ask('/api/v1/providers')
    expect(body.data).toContainEqual({
      ...{ name: 'openai', slug: 'openai' },
      ...{ privacy_policy_url: null, terms_of_service_url: null, status_page_url: null },
    })
  })
})

describe('a path that does not exist below an accent', () => {
  test.each(['/openai/v1/chat/completion', '/openai/chat/completion', '/api/v1/chat/completion'])(
    'says what was meant: %s',
    async (path) => {
      const { status, body } = await ask(path, {})
      expect([status, body.error.message]).toEqual([
        404,
        expect.stringContaining('Did you mean POST /v1/chat/completions?'),
      ])
    },
  )

  test.each(['/openai/v1/nothing', '/openai/deployments/x/chat/completions', '/api/v1/models', '/api/v2'])(
    'is open to a browser that asks first: %s',
    async (path) => {
      const { status, headers } = await ask(path, undefined, { method: 'OPTIONS' })
      expect([status, headers.get('access-control-allow-origin')]).toEqual([204, '*'])
    },
  )
})
