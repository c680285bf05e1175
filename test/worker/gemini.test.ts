import { describe, expect, test } from 'vitest'
import { toChatName } from '../../src/formats/shared/tool-names.ts'
import { type Fields, type Response as Gemini, partsOf, responsesIn } from '../formats/gemini/writing.ts'
import { callLines } from '../harness/log-lines.ts'
import { useRouter9 } from '../harness/router9.ts'
import { until } from '../harness/until.ts'
import { DEMO_KEY } from '../harness/worker.ts'

const router9 = useRouter9()

const KEY = { 'x-goog-api-key': DEMO_KEY }
const user = (text: string) => ({ role: 'user', parts: [{ text }] })
/** A name that most makers refuse. */
const FIND = 'mcp.server:find'
const TOOLS = {
  tools: [
    {
      functionDeclarations: ['look', FIND].map((name) => ({
        name,
        description: 'Looks.',
        parametersJsonSchema: { type: 'object', properties: { place: { type: 'string' } } },
      })),
    },
  ],
}

async function post(path: string, body: unknown, headers: Readonly<Record<string, string>> = KEY) {
  const response = await fetch(`${router9.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

async function generate(model: string, body: Fields): Promise<Gemini> {
  const { status, text } = await post(`/v1beta/models/${model}:generateContent`, body)
  expect([status, text]).toEqual([200, text])
  return JSON.parse(text)
}

async function stream(model: string, body: Fields, query = '?alt=sse') {
  const { status, headers, text } = await post(`/v1beta/models/${model}:streamGenerateContent${query}`, body)
  expect([status, text]).toEqual([200, text])
  return { headers, text, all: query === '' ? (JSON.parse(text) as Gemini[]) : responsesIn(text) }
}

async function get(path: string, headers: Readonly<Record<string, string>> = KEY) {
  const response = await fetch(`${router9.url}${path}`, { headers })
  return { status: response.status, body: JSON.parse(await response.text()) }
}

const textOf = (parts: readonly Fields[]) => parts.map(({ text = '', thought }) => (thought ? '' : text)).join('')
const signatureIn = (parts: readonly Fields[]) => parts.find(({ thoughtSignature }) => thoughtSignature)

/** One model of each of three makers, and one that wants its reasoning back as text. */
const MODELS = ['openai/gpt-5', 'anthropic/claude-sonnet-4-5', 'google/gemini-3.5-flash', 'deepseek/deepseek-v4-pro']

describe.each(MODELS)('%s', { concurrent: true }, (model) => {
  const name = model.slice(model.indexOf('/') + 1)

  test('answers whole and as a stream, with counts that add up', async ({ expect }) => {
    const body = { contents: [user('Count to 20')], systemInstruction: { parts: [{ text: 'Be brief.' }] } }
    const whole = await generate(model, body)
    expect(whole).toMatchObject({ candidates: [{ finishReason: 'STOP', index: 0 }], modelVersion: name })
    for (const query of ['?alt=sse', '']) {
      const { all, headers } = await stream(model, body, query)
      expect(headers.get('content-type')).toMatch(query === '' ? /^application\/json/ : /^text\/event-stream/)
      expect(textOf(partsOf(all))).toBe(textOf(partsOf([whole])))
      expect(all.length).toBeGreaterThan(2)
      for (const { usageMetadata, candidates, responseId, modelVersion } of all) {
        expect(candidates[0]?.content.parts.length).toBeGreaterThan(0)
        expect([responseId, modelVersion]).toEqual([all[0]?.responseId, name])
        expect(Number(usageMetadata.promptTokenCount)).toBeGreaterThan(0)
      }
      const finishes = all.map(({ candidates }) => candidates[0]?.finishReason)
      expect([finishes.at(-1), finishes.filter(Boolean).length]).toEqual(['STOP', 1])
    }
  })

  test('calls tools, and gets back what it wants back', async ({ expect }) => {
    const find = model.startsWith('google') ? FIND : toChatName(FIND)
    const orders = `[[sim * call=look {"place":"a"} & call=${find} {"place":"b"} call=look {} insist say="All done"]]`
    const contents: { role: string; parts: readonly Fields[] }[] = [user(`Look around ${orders}`)]
    const thinkingConfig = { includeThoughts: true, thinkingBudget: 2000 }
    const rounds: Fields[][] = []
    for (let round = 0; round < 4; round++) {
      const { all } = await stream(model, { contents, ...TOOLS, generationConfig: { thinkingConfig } })
      const parts = partsOf(all)
      const calls = parts.flatMap(({ functionCall }) => (functionCall === undefined ? [] : [functionCall as Fields]))
      if (calls.length === 0) {
        expect(textOf(parts)).toContain('All done')
        break
      }
      rounds.push(calls)
      expect(signatureIn(parts.filter((part) => 'functionCall' in part))).toBeDefined()
      // As gemini-cli keeps a turn: without thoughts, its texts joined, the tool's name before each id.
      const kept = parts.filter(({ thought, text }) => thought !== true && text !== '')
      const named = kept.map((part) =>
        'functionCall' in part ? { ...part, functionCall: withName(part.functionCall as Fields) } : part,
      )
      contents.push({ role: 'model', parts: named })
      const results = named.flatMap(({ functionCall }) => {
        if (functionCall === undefined) return []
        const { id, name: tool } = functionCall as Fields
        return [{ functionResponse: { id, name: tool, response: { output: 'nothing' } } }]
      })
      contents.push({ role: 'user', parts: results })
    }
    expect(rounds.map((calls) => calls.map(({ name: tool, args }) => [tool, args]))).toEqual([
      [
        ['look', { place: 'a' }],
        [FIND, { place: 'b' }],
      ],
      [['look', {}]],
    ])
  })

  test('that breaks off ends in an error, and never with a reason to finish', async ({ expect }) => {
    const body = { contents: [user('Count to 50 [[sim * cut=3]]')] }
    for (const query of ['?alt=sse', '']) {
      const { all } = await stream(model, body, query)
      expect(all.length).toBeGreaterThan(1)
      expect(all.at(-1)).toMatchObject({ error: { code: 502, status: 'UNAVAILABLE', message: expect.any(String) } })
      expect(JSON.stringify(all)).not.toContain('finishReason')
    }
  })
})

function withName({ id, name, ...rest }: Fields): Fields {
  return { ...rest, name, id: `${name}__${id}` }
}

test('a conversation goes from maker to maker, and each gets back what it can read', async () => {
  const contents: { role: string; parts: readonly Fields[] }[] = []
  const generationConfig = { thinkingConfig: { includeThoughts: true, thinkingBudget: 2000 } }
  const [openai, claude, google, deepseek] = MODELS
  const models = [deepseek, google, claude, google, openai, google, 'google/gemini-2.5-flash', claude]
  for (const round of models.keys()) {
    contents.push(user(`Look ${round} [[sim * call=look {"place":"${round}"} say="Seen ${round}"]]`))
    for (const [step, answers] of ['call', 'text'].entries()) {
      // Also within a turn, between a call and its result.
      const model = models[(round + step) % models.length]
      const parts = partsOf([await generate(model ?? '', { contents, ...TOOLS, generationConfig })])
      contents.push({ role: 'model', parts })
      const calls = parts.flatMap(({ functionCall }) => (functionCall === undefined ? [] : [functionCall as Fields]))
      expect([model, calls.length]).toEqual([model, answers === 'call' ? 1 : 0])
      // Many clients keep no ids.
      const results = calls.map(({ name }) => ({ functionResponse: { name, response: { output: 'nothing' } } }))
      if (answers === 'call') contents.push({ role: 'user', parts: results })
    }
  }
})

test('thoughts are shown to those who ask, and signatures hold for their key alone', async () => {
  const contents = [user('Think hard [[sim * call=look {}]]')]
  const asked = { ...TOOLS, generationConfig: { thinkingConfig: { includeThoughts: true, thinkingBudget: 2000 } } }
  const parts = partsOf([await generate('claude-sonnet-4-5', { contents, ...asked })])
  expect(parts[0]).toMatchObject({ thought: true, text: expect.any(String) })
  const unshown = { ...TOOLS, generationConfig: { thinkingConfig: { thinkingBudget: 2000 } } }
  const others = partsOf([await generate('claude-sonnet-4-5', { contents, ...unshown })])
  expect(others.some(({ thought }) => thought)).toBe(false)
  const signed = signatureIn(others)
  expect(signed).toMatchObject({ functionCall: { name: 'look' } })

  const turn = (part: unknown) => ({
    contents: [...contents, { role: 'model', parts: [part] }, user('Go on')],
    ...TOOLS,
  })
  await router9.worker.keys.put('sk-r9k-other', { id: 'key_other', name: 'other' })
  const path = '/v1beta/models/claude-sonnet-4-5:generateContent'
  const { status, text } = await post(path, turn(signed), { 'x-goog-api-key': 'sk-r9k-other' })
  expect([status, JSON.parse(text).error.status]).toEqual([400, 'INVALID_ARGUMENT'])
  expect(text).toContain('contents[1].parts[0].thoughtSignature')
})

describe('the paths', () => {
  test.each([
    '/v1beta/models/openai/gpt-4o:generateContent',
    '/v1beta/models/openai%2Fgpt-4o:generateContent',
    '/v1beta/models/models%2Fopenai%2Fgpt-4o:generateContent',
    '/v1/models/gpt-4o:generateContent?$alt=json;enum-encoding=int',
    '/v1alpha//models/gpt-4o:generateContent/',
    '/v1/projects/p/locations/global/publishers/google/models/gpt-4o:generateContent',
  ])('%s reaches the model', async (path) => {
    const { status, text } = await post(path, { contents: [user('Hi')], model: 'nonsense', stream: true })
    expect([status, text]).toEqual([200, expect.stringContaining('"modelVersion":"gpt-4o"')])
  })

  test.each([
    ['/v1beta/models/gpt-4o:predict', 404, 'NOT_FOUND', /gpt-4o:predict'.*generateContent, streamGenerateContent/],
    ['/v1beta/models/gpt-4o', 404, 'NOT_FOUND', /generateContent/],
    ['/v1beta/cachedContents', 404, 'NOT_FOUND', /POST \/v1beta\/models\/\{model\}:generateContent/],
    ['/v1beta/models/nobody:generateContent', 404, 'NOT_FOUND', /nobody/],
    ['/v1beta/tunedModels/mine:generateContent', 404, 'NOT_FOUND', /tunedModels\/mine/],
    ['/v1beta/models', 405, 'INVALID_ARGUMENT', /GET, HEAD, OPTIONS/],
    [`/v1beta/models/gpt-4o:generateContent?key=${DEMO_KEY}`, 401, 'UNAUTHENTICATED', /must not stand in the address/],
  ])('%s is refused as Google refuses', async (path, code, status, message) => {
    const { status: answered, text } = await post(path, { contents: [user('Hi')] })
    expect([answered, JSON.parse(text)]).toMatchObject([code, { error: { code, status } }])
    expect(JSON.parse(text).error.message).toMatch(message)
  })

  test('without a key, or with another one, are refused as Google refuses', async () => {
    for (const headers of [{}, { 'x-goog-api-key': 'AIzaNobody' }]) {
      const { status, text } = await post('/v1beta/models/gpt-4o:streamGenerateContent', {}, headers)
      expect([status, JSON.parse(text).error.status]).toEqual([401, 'UNAUTHENTICATED'])
      expect((await get('/v1beta/models', headers)).body.error.status).toBe('UNAUTHENTICATED')
    }
  })
})

describe('an error', () => {
  test('of the request names the field in Google’s words', async () => {
    const { status, text } = await post('/v1beta/models/gpt-4o:generateContent', {
      contents: [{ parts: [{ text: 1 }] }],
    })
    expect([status, JSON.parse(text).error]).toMatchObject([
      400,
      {
        status: 'INVALID_ARGUMENT',
        details: [{}, { fieldViolations: [{ field: 'contents[0].parts[0].text' }] }],
      },
    ])
  })

  test('of a provider has its status, and how long to wait', async () => {
    const limited = '[[sim * status=429 retryafter=7]]'
    const body = { contents: [user(`Hi ${limited}`)], provider: { only: ['openai'] } }
    const { status, headers, text } = await post('/v1beta/models/gpt-4o:generateContent', body)
    expect([status, JSON.parse(text).error.status]).toEqual([429, 'RESOURCE_EXHAUSTED'])
    const retry = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${headers.get('retry-after')}s` }
    expect(JSON.parse(text).error.details).toContainEqual(retry)
  })
})

test('a prompt is counted by who would answer, and estimated where nobody counts', async () => {
  for (const [model, estimated] of [
    ['gemini-3.5-flash', null],
    ['claude-sonnet-4-5', null],
    ['groq/openai/gpt-oss-120b', 'true'],
  ] as const) {
    const { headers, text } = await post(`/v1beta/models/${model}:countTokens`, { contents: [user('Count me')] })
    expect([model, headers.get('x-router9-estimated')]).toEqual([model, estimated])
    expect(JSON.parse(text)).toEqual({ totalTokens: expect.any(Number) })
  }
})

test('the models are listed page by page in Google’s words', async () => {
  const plain = await get('/v1/models', { authorization: `Bearer ${DEMO_KEY}` })
  const names: string[] = []
  let token = ''
  do {
    const { body } = await get(`/v1beta/models?pageSize=200&pageToken=${encodeURIComponent(token)}`)
    for (const { name } of body.models) names.push(name)
    token = body.nextPageToken ?? ''
  } while (token !== '')
  expect(names).toEqual(plain.body.data.map(({ id }: { id: string }) => `models/${id}`))
  expect((await get('/v1beta/models')).body.models).toHaveLength(50)
  for (const bad of ['pageSize=-1', 'pageSize=x', 'pageToken=nobody']) {
    expect(await get(`/v1beta/models?${bad}`)).toMatchObject({ status: 400, body: { error: { code: 400 } } })
  }
  const gpt = { name: 'models/gpt-4o', displayName: 'gpt-4o', inputTokenLimit: 128_000, outputTokenLimit: 16_384 }
  for (const path of ['/v1beta/models/gpt-4o', '/v1beta/models/openai/gpt-4o'])
    expect(await get(path)).toMatchObject({ status: 200, body: gpt })
  expect(await get('/v1beta/models/nobody')).toMatchObject({ status: 404, body: { error: { status: 'NOT_FOUND' } } })
})

test('calls are logged as Gemini’s', async () => {
  await router9.worker.keys.put('sk-r9k-logged', { id: 'key_log', name: 'log' })
  const headers = { 'x-goog-api-key': 'sk-r9k-logged' }
  await post('/v1beta/models/gpt-4o:streamGenerateContent', { contents: [user('Hi')] }, headers)
  const line = await until(() => callLines(router9.worker.log()).find(({ key }) => key === 'key_log'))
  expect(line).toMatchObject({ api: 'gemini', stream: true, model_asked: 'gpt-4o' })
})
