import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'

const router9 = useRouter9()

const ANTHROPIC = { 'anthropic-version': '2023-06-01' }
const KEY = { 'x-api-key': DEMO_KEY }
const PROMPT = { model: 'anthropic/claude-sonnet-4-6', messages: [{ role: 'user', content: 'Tell me a joke.' }] }

async function ask(
  path: string,
  { body, method, headers = {} }: { body?: unknown; method?: string; headers?: Record<string, string> } = {},
) {
  const response = await fetch(router9.url + path, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: body instanceof Uint8Array ? (body as BodyInit) : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

describe('an error has the shape of the API that was asked', () => {
  test.each<[string, Parameters<typeof ask>[1], number, string]>([
    ['/v1/messages', { body: PROMPT }, 401, 'authentication_error'],
    ['/messages/count_tokens', { body: PROMPT }, 401, 'authentication_error'],
    ['/v1/messages', { method: 'GET', headers: KEY }, 405, 'invalid_request_error'],
    ['/v1/messages/batches', { method: 'GET', headers: KEY }, 404, 'not_found_error'],
    ['/v1/models', { headers: ANTHROPIC }, 401, 'authentication_error'],
    ['/v1/models/nothing', { headers: { ...ANTHROPIC, ...KEY } }, 404, 'not_found_error'],
    ['/v1/files', { headers: ANTHROPIC }, 404, 'not_found_error'],
  ])('%s, Anthropic’s: %j', async (path, asked, status, type) => {
    const answer = await ask(path, asked)
    expect(answer).toMatchObject({ status, body: { type: 'error', error: { type, message: expect.any(String) } } })
    expect(answer.body.request_id).toBe(answer.headers.get('x-request-id'))
  })

  test.each<[string, Parameters<typeof ask>[1], number]>([
    ['/v1/responses', { body: { model: 'auto', input: 'Hello!' } }, 401],
    ['/v1/responses', { method: 'PUT' }, 405],
    ['/v1/responses/input_tokens', { method: 'GET' }, 405],
    ['/v1/responses/resp_1', {}, 401],
    ['/v1/chat/completions', { method: 'GET' }, 405],
    ['/v1/models', {}, 401],
    ['/v1/nothing', {}, 404],
  ])('%s, OpenAI’s: %j', async (path, asked, status) => {
    const { body, ...answer } = await ask(path, asked)
    expect(answer.status).toBe(status)
    expect(Object.keys(body)).toEqual(['error'])
    expect(Object.keys(body.error).sort()).toEqual(['code', 'message', 'param', 'type'])
  })
})

test('a limit says in OpenAI’s words of Responses how long to wait', async () => {
  const input = 'Hello! [[sim mistral status=429 retryafter=1.5]]'
  const { status, body } = await ask('/v1/responses', {
    headers: KEY,
    body: { model: 'mistral/mistral-medium-2604', input },
  })
  expect(status).toBe(429)
  expect(body.error.message).toMatch(/ Please try again in 1\.5s\.$/)
})

describe('a path that does not exist', () => {
  test('says what there is', async () => {
    const { status, body } = await ask('/v1/images/generations', { body: { prompt: 'A cat.' } })
    expect([status, body.error.code]).toEqual([404, 'unknown_url'])
    for (const path of [
      'POST /v1/chat/completions',
      'POST /v1/responses,',
      'POST /v1/messages,',
      'GET /v1/models/{id}',
      'POST /v1/embeddings,',
      'POST /v1beta/models/{model}:generateContent, :streamGenerateContent, :countTokens,',
    ]) {
      expect(body.error.message).toContain(path)
    }
    expect(body.error.message).not.toContain('Did you mean')
  })

  test.each([
    ['/v1/v1/chat/completions', 'POST /v1/chat/completions'],
    ['/chat/completion', 'POST /v1/chat/completions'],
    ['/openai/v1/response', 'POST /v1/responses'],
    ['/api/v1/chat', 'POST /v1/chat/completions'],
    ['/V1/Model', 'GET /v1/models'],
    ['/anthropic/v1/messages/count_token', 'POST /v1/messages/count_tokens'],
  ])('that is nearly another one says which: %s', async (path, meant) => {
    const { status, body } = await ask(path, { body: {} })
    expect(status).toBe(404)
    expect(body.error.message).toContain(`Did you mean ${meant}?`)
  })

  test('is found with slashes too many', async () => {
    const { status, body } = await ask('//v1//models//', { headers: KEY })
    expect([status, body.object]).toEqual([200, 'list'])
  })

  test.each(['/', '/api/hello'])('is answered where clients look whether anybody is there: HEAD %s', async (path) => {
    expect((await ask(path, { method: 'HEAD' })).status).toBe(200)
    expect((await ask(path)).status).toBe(404)
  })
})

describe('keys', () => {
  test.each(['authorization', 'x-api-key', 'api-key', 'x-goog-api-key'])(
    'travel in the header %s, on every path',
    async (name) => {
      const headers = { [name]: name === 'authorization' ? `Bearer ${DEMO_KEY}` : DEMO_KEY }
      expect((await ask('/v1/models', { headers })).status).toBe(200)
      expect((await ask('/v1/messages', { headers, body: { ...PROMPT, max_tokens: 9 } })).status).toBe(200)
      expect((await ask('/v1/chat/completions', { headers, body: PROMPT })).status).toBe(200)
    },
  )

  test('two of them are one too many, the same one twice is not', async () => {
    const twice = { ...KEY, authorization: `Bearer ${DEMO_KEY}` }
    expect((await ask('/v1/models', { headers: twice })).status).toBe(200)
    const other = 'sk-r9k-another-key'
    for (const headers of [
      { ...KEY, 'api-key': other },
      { ...KEY, authorization: `Bearer ${other}` },
    ]) {
      const { status, body } = await ask('/v1/models', { headers })
      expect([status, body.error.code]).toEqual([401, 'invalid_api_key'])
      expect(body.error.message).toContain('two different')
    }
  })

  test.each(['/v1/models?key=', '/v1/chat/completions?alt=sse&KEY=', '/v1/responses/resp_1?key='])(
    'have no place in the address: %s',
    async (path) => {
      const body = path.includes('chat') ? { body: PROMPT } : {}
      const refused = await ask(path + DEMO_KEY, { headers: KEY, ...body })
      expect(refused.status).toBe(401)
      expect(refused.body.error.message).toContain('logged')
      expect(JSON.stringify(refused.body) + router9.worker.log()).not.toContain(DEMO_KEY)
    },
  )
})

test('a body with bytes behind its packed end is refused', async () => {
  const packed = Buffer.concat([gzipSync(JSON.stringify(PROMPT)), Buffer.from('more')])
  const headers = { ...KEY, 'content-encoding': 'gzip' }
  expect(await ask('/v1/messages', { headers, body: packed })).toMatchObject({ status: 400, body: { type: 'error' } })
})

// APIs of chats do not list the models that make vectors.
function idsOfChats({ data }: { data: { id: string; dimensions?: number }[] }): string[] {
  return data.filter(({ dimensions }) => dimensions === undefined).map(({ id }) => id)
}

describe('the list of models', () => {
  test('has Anthropic’s shape for Anthropic’s clients, page by page', async () => {
    const headers = { ...ANTHROPIC, ...KEY }
    const all = (await ask('/v1/models?limit=1000', { headers })).body
    expect(all.has_more).toBe(false)
    for (const row of all.data) {
      expect(row).toEqual({
        type: 'model',
        id: expect.any(String),
        display_name: row.id,
        created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
        ...{ lifecycle: 'active', deprecated_at: null, retires_at: null, line: null, capabilities: null },
        max_input_tokens: row.id === 'auto' ? null : expect.any(Number),
        max_tokens: row.id === 'auto' ? null : expect.any(Number),
      })
    }
    const ids = all.data.map(({ id }: { id: string }) => id)
    const plain = (await ask('/v1/models', { headers: KEY })).body
    expect(ids).toEqual(idsOfChats(plain))
    const first = (await ask('/v1/models', { headers })).body
    expect(first).toMatchObject({ has_more: true, first_id: ids[0], last_id: ids[19] })
    const next = (await ask(`/v1/models?limit=3&after_id=${first.last_id}`, { headers })).body
    expect(next.data.map(({ id }: { id: string }) => id)).toEqual(ids.slice(20, 23))
    const before = (await ask(`/v1/models?limit=3&before_id=${next.first_id}`, { headers })).body
    expect(before).toMatchObject({ has_more: true, first_id: ids[17], last_id: ids[19] })
    expect((await ask('/v1/models?limit=0', { headers })).body.error.type).toBe('invalid_request_error')
    expect((await ask('/v1/models?after_id=nothing', { headers })).status).toBe(400)
    expect((await ask('/v1/models/claude-sonnet-4-6', { headers })).body).toMatchObject({
      type: 'model',
      id: 'claude-sonnet-4-6',
    })
  })

  test('has Google’s shape for Google’s clients, which may ask where OpenAI’s is, and so have its errors', async () => {
    const headers = { 'x-goog-api-key': DEMO_KEY }
    const { body } = await ask('/v1/models?pageSize=2', { headers })
    expect(body).toEqual((await ask('/v1beta/models?pageSize=2', { headers })).body)
    expect(body.models).toHaveLength(2)
    expect((await ask('/v1/models/gpt-5.1', { headers })).body.name).toBe('models/gpt-5.1')
    const { body: refused } = await ask('/v1/models/nothing', { headers })
    expect(refused.error.status).toBe('NOT_FOUND')
  })

  test('has Codex’s beside it for Codex, and is as it was for others', async () => {
    const plain = (await ask('/v1/models', { headers: KEY })).body
    expect(Object.keys(plain)).toEqual(['object', 'data'])
    const { models, ...others } = (await ask('/v1/models?client_version=0.171.0', { headers: KEY })).body
    expect(others).toEqual(plain)
    expect(models.map(({ slug }: { slug: string }) => slug)).toEqual(idsOfChats(plain))
    const gpt = models.find(({ slug }: { slug: string }) => slug === 'gpt-5.4')
    expect(gpt.supported_reasoning_levels[0]).toEqual({ effort: expect.any(String), description: expect.any(String) })
    expect(gpt.context_window).toBeGreaterThan(100_000)
    expect(gpt.base_instructions).toContain('apply_patch')
  })
})

describe('the length of a prompt', () => {
  const messages = (model: string, more = {}) =>
    ask('/v1/messages/count_tokens', { headers: { ...ANTHROPIC, ...KEY }, body: { ...PROMPT, model, ...more } })
  const responses = (model: string, more = {}) =>
    ask('/v1/responses/input_tokens', { headers: KEY, body: { model, input: 'Tell me a joke.', ...more } })

  test.each([
    ['anthropic/claude-sonnet-4-6', '/messages/count_tokens'],
    ['google/gemini-3.5-flash', ':countTokens'],
    ['openai/gpt-5.4', '/responses/input_tokens'],
    ['openai/gpt-4o', '/responses/input_tokens'],
  ])('is the provider’s own where that counts: %s', async (model, path) => {
    for (const counted of [await messages(model), await responses(model)]) {
      expect(counted.status).toBe(200)
      expect(counted.body.input_tokens).toBeGreaterThan(2)
      expect(counted.headers.get('x-router9-estimated')).toBeNull()
      expect(router9.simulator.requests().at(-1)?.path).toContain(path)
    }
    expect((await responses(model)).body.object).toBe('response.input_tokens')
    expect(Object.keys((await messages(model)).body)).toEqual(['input_tokens'])
  })

  test('is estimated, and says so, where nobody counts or who counts does not answer', async () => {
    for (const [model, fault] of [
      ['mistral/mistral-large-2512', {}],
      ['anthropic/claude-sonnet-4-6', { status: 500 }],
      ['anthropic/claude-sonnet-4-6', { hangBeforeHeaders: true }],
    ] as const) {
      router9.simulator.setFault('anthropic', fault)
      const counted = await messages(model)
      router9.simulator.clearFaults()
      expect(counted.status).toBe(200)
      expect(counted.headers.get('x-router9-estimated')).toBe('true')
      expect(counted.body.input_tokens).toBeGreaterThan(2)
    }
  })

  test('asks with the body as it came where the provider speaks the same API', async () => {
    const more = { system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }] }
    expect((await messages('claude-sonnet-4-6', more)).status).toBe(200)
    expect(router9.simulator.requests().at(-1)?.body).toEqual({ ...PROMPT, model: 'claude-sonnet-4-6', ...more })
  })

  test('is refused as an answer would be', async () => {
    expect((await messages('nothing')).body).toMatchObject({ type: 'error', error: { type: 'not_found_error' } })
    expect((await messages('claude-sonnet-4-6', { messages: 'x' })).status).toBe(400)
    expect((await responses('nothing')).body.error.code).toBe('model_not_found')
    router9.simulator.setFault('anthropic', { status: 400 })
    const { status } = await messages('claude-sonnet-4-6')
    router9.simulator.clearFaults()
    expect(status).toBe(400)
  })
})

describe('the name of a session', () => {
  const chat = async (model: string, body: object, headers: Record<string, string> = {}) => {
    const { status } = await ask('/v1/chat/completions', {
      headers: { ...KEY, ...headers },
      body: { ...PROMPT, model, ...body },
    })
    expect(status).toBe(200)
    return router9.simulator.requests().at(-1)
  }
  const SESSION = { 'x-session-id': 'mine-alone' }

  test('reaches providers that find their cache by it, made anew', async () => {
    const made = (await chat('openai/gpt-4o', {}, SESSION))?.body as { prompt_cache_key?: string }
    expect(made).toMatchObject({ prompt_cache_key: expect.stringMatching(/^[0-9a-f]{32}$/) })
    expect((await chat('openai/gpt-4o', {}, SESSION))?.body).toMatchObject({ prompt_cache_key: made.prompt_cache_key })
    expect((await chat('xai/grok-4.3', {}, SESSION))?.headers).toMatchObject({
      'x-grok-conv-id': made.prompt_cache_key,
    })
    expect(JSON.stringify(router9.simulator.requests())).not.toContain('mine-alone')
  })

  test('is not made where the client has one for the provider, or has none', async () => {
    expect((await chat('openai/gpt-4o', { prompt_cache_key: 'own' }, SESSION))?.body).toMatchObject({
      prompt_cache_key: 'own',
    })
    expect((await chat('openai/gpt-4o', { user: 'somebody' }))?.body).not.toHaveProperty('prompt_cache_key')
    expect((await chat('openai/gpt-4o', {}))?.body).not.toHaveProperty('prompt_cache_key')
    expect((await chat('mistral/mistral-large-2512', {}, SESSION))?.body).not.toHaveProperty('prompt_cache_key')
  })
})
