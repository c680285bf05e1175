import { describe, expect, test } from 'vitest'
import { useCase } from '../cases/router.ts'
import { SAYING, whole } from '../cases/wires.ts'

/** As an operator has it who has said nothing. */
const router = useCase({ ALLOW_BUILTIN_TOOLS: '', ALLOW_ACCOUNT_FIELDS: '' })

type Fields = Readonly<Record<string, unknown>>

const PARAMETERS = { type: 'object', properties: {} }
const MAY_ALL = 'sk-r9k-may-use-everything'
const QUESTION = [{ role: 'user', content: 'Hi' }]
const GEMINI_QUESTION = [{ role: 'user', parts: [{ text: 'Hi' }] }]
const RESPONSE = {
  id: 'resp_upstream',
  object: 'response',
  created_at: 1,
  status: 'completed',
  model: 'gpt-4o',
  metadata: {},
  store: false,
  output: [
    {
      type: 'message',
      id: 'msg_1',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'Yes.', annotations: [] }],
    },
  ],
  usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
}
const ANSWERS = {
  chat: SAYING.openai.whole('Yes.'),
  claude: SAYING.anthropic.whole('Yes.'),
  gemini: SAYING.gemini.whole('Yes.'),
  response: RESPONSE,
  text: {
    id: 'c',
    object: 'text_completion',
    created: 1,
    choices: [{ index: 0, text: 'Yes.', finish_reason: 'stop' }],
  },
  vectors: {
    object: 'list',
    data: [{ object: 'embedding', index: 0, embedding: [1, 2] }],
    usage: { prompt_tokens: 1, total_tokens: 1 },
  },
}

async function ask(path: string, body: Fields, answer: object = {}, headers: Readonly<Record<string, string>> = {}) {
  router.upstream.play(whole(answer))
  const response = await fetch(router.url + path, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-r9k-demo', 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  const dropped = response.headers.get('x-router9-dropped-params')
  const [asked] = router.upstream.asked()
  return { status: response.status, body: (await response.json()) as Record<string, unknown>, dropped, asked }
}

const CLAUDE = 'anthropic/claude-sonnet-4-5'
const SEARCH_TOOL = { type: 'web_search_20250305', name: 'web_search' }

describe('what acts on the operator’s account is refused in the words of each API, and nobody is asked', () => {
  test.each<[string, Fields, string]>([
    ['/v1/chat/completions', { model: 'gpt-4o', messages: QUESTION, web_search_options: {} }, 'web_search_options'],
    ['/v1/chat/completions', { model: 'gpt-4o:online', messages: QUESTION }, 'model'],
    ['/v1/route', { model: 'gpt-4o', messages: QUESTION, data_sources: [{ type: 'azure_search' }] }, 'data_sources'],
    ['/v1/messages', { model: CLAUDE, max_tokens: 9, messages: QUESTION, mcp_servers: [{ url: 'a' }] }, 'mcp_servers'],
    ['/v1/messages', { model: CLAUDE, max_tokens: 9, messages: QUESTION, tools: [SEARCH_TOOL] }, 'tools[0]'],
    ['/v1/messages/count_tokens', { model: CLAUDE, messages: QUESTION, container: 'c' }, 'container'],
    ['/v1/responses', { model: 'gpt-4o', input: 'Hi', tools: [{ type: 'code_interpreter' }] }, 'tools[0]'],
    [
      '/v1/responses/input_tokens',
      { model: 'gpt-4o', input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'file-1' }] }] },
      'input[0].content[0].file_id',
    ],
    [
      '/v1beta/models/gemini-2.5-flash:generateContent',
      { contents: GEMINI_QUESTION, cachedContent: 'c' },
      'cachedContent',
    ],
    [
      '/v1beta/models/gemini-2.5-flash:generateContent',
      { contents: GEMINI_QUESTION, tools: [{ googleSearch: {} }] },
      'tools[0].googleSearch',
    ],
    ['/v1/completions', { model: 'gpt-3.5-turbo-instruct', prompt: 'Hi', container: 'c' }, 'container'],
    ['/v1/embeddings', { model: 'text-embedding-3-small', input: 'Hi', data_sources: [1] }, 'data_sources'],
  ])('%s: %o', async (path, body, param) => {
    const { status, body: answer, asked } = await ask(path, body)
    expect([status, asked]).toEqual([400, undefined])
    expect(JSON.stringify(answer)).toContain(`'${param}'`)
  })
})

describe('what an answer is right without is left out and listed', () => {
  test.each<[string, Fields, object, string]>([
    [
      '/v1/chat/completions',
      { model: 'openai/gpt-4o', messages: QUESTION, store: true, metadata: { a: 'b' }, service_tier: 'priority' },
      ANSWERS.chat,
      'store,metadata,service_tier',
    ],
    [
      '/v1/messages',
      {
        model: CLAUDE,
        max_tokens: 9,
        messages: QUESTION,
        tools: [SEARCH_TOOL, { name: 'f', input_schema: PARAMETERS }],
      },
      ANSWERS.claude,
      'tools[0]',
    ],
    [
      '/v1/responses',
      {
        model: 'openai/gpt-4o',
        input: 'Hi',
        tools: [{ type: 'function', name: 'f', parameters: PARAMETERS }, { type: 'web_search' }],
      },
      ANSWERS.response,
      'tools[1]',
    ],
    [
      '/v1beta/models/google/gemini-2.5-flash:generateContent',
      { contents: GEMINI_QUESTION, tools: [{ functionDeclarations: [{ name: 'f' }], googleSearch: {} }] },
      ANSWERS.gemini,
      'tools[0].googleSearch',
    ],
    [
      '/v1/completions',
      { model: 'openai/gpt-3.5-turbo-instruct', prompt: 'Hi', metadata: { a: 'b' } },
      ANSWERS.text,
      'metadata',
    ],
    [
      '/v1/embeddings',
      { model: 'openai/text-embedding-3-small', input: 'Hi', dimensions: 2, metadata: { a: 'b' } },
      ANSWERS.vectors,
      'metadata',
    ],
  ])('%s: %o', async (path, body, answer, expected) => {
    const { status, dropped, asked, body: answered } = await ask(path, body, answer)
    expect([status, answered]).toEqual([200, answered])
    expect(dropped).toBe(expected)
    expect(asked?.text).not.toMatch(/web_search|googleSearch|"metadata"|"store":true|priority/)
  })

  test('betas that open the account do not reach the provider', async () => {
    const { asked } = await ask('/v1/messages', { model: CLAUDE, max_tokens: 9, messages: QUESTION }, ANSWERS.claude, {
      'anthropic-beta': 'interleaved-thinking-2025-05-14,files-api-2025-04-14',
    })
    expect(asked?.headers['anthropic-beta']).toBe('interleaved-thinking-2025-05-14')
  })

  test('the metadata of a response comes back with its answer, which Router9 keeps, and no provider gets it', async () => {
    const request = { model: 'openai/gpt-4o', input: 'Hi', store: true, metadata: { order: '17' } }
    const { body, asked, dropped } = await ask('/v1/responses', request, ANSWERS.response)
    expect(body).toMatchObject({ metadata: { order: '17' }, store: true })
    expect([asked?.body.metadata, asked?.body.store, dropped]).toEqual([undefined, false, null])
    const kept = await fetch(`${router.url}/v1/responses/${body.id}`, {
      headers: { authorization: 'Bearer sk-r9k-demo' },
    })
    expect(await kept.json()).toMatchObject({ metadata: { order: '17' } })
  })
})

test('a key whose policy allows it may use all of it', async () => {
  await router.worker.keys.put(MAY_ALL, { policy: { builtinTools: true, accountFields: true } })
  const headers = { authorization: `Bearer ${MAY_ALL}` }
  const request = { model: 'openai/gpt-4o', messages: QUESTION, store: true, service_tier: 'priority' }
  const { dropped, asked } = await ask('/v1/chat/completions', request, ANSWERS.chat, headers)
  expect([dropped, asked?.body.store, asked?.body.service_tier]).toEqual([null, true, 'priority'])
  const search = { model: CLAUDE, max_tokens: 9, messages: QUESTION, tools: [SEARCH_TOOL] }
  expect((await ask('/v1/messages', search, ANSWERS.claude, headers)).asked?.body.tools).toEqual([SEARCH_TOOL])
})

test('a key with a list of providers is answered by these alone, and sees no others', async () => {
  const key = 'sk-r9k-anthropic-alone'
  await router.worker.keys.put(key, { providers: ['anthropic'] })
  const headers = { authorization: `Bearer ${key}` }
  const refused = await ask('/v1/chat/completions', { model: 'gpt-4o', messages: QUESTION }, {}, headers)
  expect([refused.status, refused.asked]).toEqual([403, undefined])
  const embedding = await ask('/v1/embeddings', { model: 'text-embedding-3-small', input: 'Hi' }, {}, headers)
  expect([embedding.status, embedding.asked]).toEqual([403, undefined])
  const { status, asked } = await ask(
    '/v1/chat/completions',
    { model: 'auto', messages: QUESTION },
    ANSWERS.claude,
    headers,
  )
  expect([status, asked?.path]).toEqual([200, expect.stringContaining('/anthropic/')])
  const list = await (await fetch(`${router.url}/v1/models`, { headers })).json()
  const providers = (list as { data: { providers?: string[] }[] }).data.flatMap((model) => model.providers ?? [])
  expect(new Set(providers)).toEqual(new Set(['anthropic']))
})
