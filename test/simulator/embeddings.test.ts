import { beforeEach, expect, test } from 'vitest'
import { type Answer, ask, simulator, useSimulator } from './asking.ts'
import { VECTOR_FAULTS, type VectorFault } from './embeddings-vectors.ts'
import { type Fields, fieldsOf, listOf, rowsOf, textOf } from './json.ts'

useSimulator()
beforeEach(() => simulator.clearFaults())

const BEARER = { authorization: 'Bearer key' }
const OPENAI = '/openai/v1/embeddings'
const SMALL = 'text-embedding-3-small'

/** How each provider is asked for the vectors of some texts, and where they are in its answer. */
interface Way {
  path: string
  body(texts: string[], dimensions?: number): Fields
  vectors(json: Fields): unknown[]
}

function openaiWay(path: string, model: string, sizeField = 'dimensions'): Way {
  return {
    path,
    body: (input, size) => ({ model, input, ...(size === undefined ? {} : { [sizeField]: size }) }),
    vectors: ({ data }) => rowsOf(data).map(({ embedding }) => embedding),
  }
}

const COHERE: Way = {
  path: '/cohere/v2/embed',
  body: (texts, size) => ({
    model: 'embed-v4.0',
    input_type: 'search_document',
    embedding_types: ['float'],
    texts,
    ...(size === undefined ? {} : { output_dimension: size }),
  }),
  vectors: ({ embeddings }) => listOf(fieldsOf(embeddings)?.float),
}

const GEMINI: Way = {
  path: '/gemini/v1beta/models/gemini-embedding-001:batchEmbedContents',
  body: (texts, size) => ({
    requests: texts.map((text) => ({
      model: 'models/gemini-embedding-001',
      content: { parts: [{ text }] },
      ...(size === undefined ? {} : { outputDimensionality: size }),
    })),
  }),
  vectors: ({ embeddings }) => rowsOf(embeddings).map(({ values }) => values),
}

const OLLAMA: Way = {
  path: '/ollama/api/embed',
  body: (input, size) => ({ model: 'bge-m3', input, ...(size === undefined ? {} : { dimensions: size }) }),
  vectors: ({ embeddings }) => listOf(embeddings),
}

const TITAN: Way = {
  path: '/bedrock/model/amazon.titan-embed-text-v2%3A0/invoke',
  body: ([inputText], size) => ({ inputText, ...(size === undefined ? {} : { dimensions: size }) }),
  vectors: ({ embedding }) => [embedding],
}

const BEDROCK_COHERE: Way = {
  path: '/bedrock/model/us.cohere.embed-v4%3A0/invoke',
  body: (texts, size) => {
    const { model: _, ...body } = COHERE.body(texts, size)
    return body
  },
  vectors: COHERE.vectors,
}

function askFor(way: Way, texts: string[], dimensions?: number): Promise<Answer> {
  const headers = way.path.startsWith('/azure') ? { 'api-key': 'key' } : { ...BEARER, 'x-goog-api-key': 'key' }
  return ask(way.path, way.body(texts, dimensions), headers)
}

async function vectorsOf(way: Way, texts: string[], dimensions?: number): Promise<unknown[]> {
  const { status, json, text } = await askFor(way, texts, dimensions)
  expect(status, text).toBe(200)
  return way.vectors(json)
}

test.each<[string, Way, Way]>([
  ['OpenAI and Azure', openaiWay(OPENAI, SMALL), openaiWay(`/azure/openai/deployments/${SMALL}/embeddings`, '')],
  ['OpenAI and OpenRouter', openaiWay(OPENAI, SMALL), openaiWay('/openrouter/api/v1/embeddings', `openai/${SMALL}`)],
  ['Workers AI and Ollama', openaiWay('/workers-ai/ai/v1/embeddings', '@cf/baai/bge-m3'), OLLAMA],
  ['both of Ollama', openaiWay('/ollama/v1/embeddings', 'bge-m3:latest'), OLLAMA],
  ['Cohere and Bedrock', COHERE, BEDROCK_COHERE],
])('%s give the same vectors for the same texts, in order', async (_names, one, other) => {
  const texts = ['red', 'green', 'blue']
  const vectors = await vectorsOf(one, texts)
  expect(await vectorsOf(other, texts)).toEqual(vectors)
  expect(new Set(vectors.map((vector) => JSON.stringify(vector))).size).toBe(3)
  expect(await vectorsOf(one, ['blue', 'red'])).toEqual([vectors[2], vectors[0]])
})

test.each<[string, Way, number, number]>([
  ['Mistral', openaiWay('/mistral/v1/embeddings', 'codestral-embed', 'output_dimension'), 1536, 256],
  ['OpenAI', openaiWay(OPENAI, SMALL), 1536, 456],
  ['Cohere', COHERE, 1536, 512],
  ['Gemini', GEMINI, 3072, 768],
  ['Ollama', openaiWay('/ollama/v1/embeddings', 'nomic-embed-text'), 768, 64],
  ['Titan', TITAN, 1024, 256],
])('%s gives vectors of the length that is asked for, and of no other', async (_name, way, usual, asked) => {
  const [whole] = await vectorsOf(way, ['red'])
  const [short] = await vectorsOf(way, ['red'], asked)
  expect([listOf(whole).length, listOf(short).length]).toEqual([usual, asked])
  expect((await askFor(way, ['red'], 100_000)).status).toBe(way === OLLAMA ? 200 : 400)
})

test('two models never give the same vector', async () => {
  const models = [SMALL, 'text-embedding-3-large', 'text-embedding-ada-002']
  const vectors = await Promise.all(models.map((model) => vectorsOf(openaiWay(OPENAI, model), ['red'])))
  const starts = vectors.map(([vector]) => JSON.stringify(listOf(vector).slice(0, 2)))
  expect(new Set(starts).size).toBe(3)
})

test('base64 holds the same 32-bit floats as the numbers; Perplexity sends bytes', async () => {
  const body = { model: SMALL, input: ['red', 'blue'], dimensions: 8 }
  const numbers = rowsOf((await ask(OPENAI, body, BEARER)).json.data)
  const coded = rowsOf((await ask(OPENAI, { ...body, encoding_format: 'base64' }, BEARER)).json.data)
  for (const [at, { embedding }] of coded.entries()) {
    const bytes = Buffer.from(textOf(embedding), 'base64')
    const read = Array.from({ length: 8 }, (_, index) => bytes.readFloatLE(index * 4))
    expect(read).toEqual(numbers[at]?.embedding)
  }
  const int8 = await ask('/perplexity/v1/embeddings', { model: 'pplx-embed-v1-0.6b', input: 'red' }, BEARER)
  expect(Buffer.from(textOf(rowsOf(int8.json.data)[0]?.embedding), 'base64')).toHaveLength(1024)
  expect((await ask('/perplexity/v1/embeddings', { ...int8.json, encoding_format: 'float' }, BEARER)).status).toBe(400)
})

test('OpenAI takes tokens, and counts them', async () => {
  for (const [input, rows, tokens] of [
    [[1, 2, 3], 1, 3],
    [[[1, 2], [3]], 2, 3],
    ['four words are here', 1, 5],
  ] as const) {
    const { json } = await ask(OPENAI, { model: SMALL, input }, BEARER)
    expect(rowsOf(json.data)).toHaveLength(rows)
    expect(json.usage).toEqual({ prompt_tokens: tokens, total_tokens: tokens })
  }
  expect((await ask('/mistral/v1/embeddings', { model: 'mistral-embed', input: [1, 2] }, BEARER)).status).toBe(422)
})

test('each provider counts in its own place', async () => {
  expect((await askFor(COHERE, ['12345678'])).json.meta).toMatchObject({ billed_units: { input_tokens: 2 } })
  expect((await askFor(TITAN, ['12345678'])).json.inputTextTokenCount).toBe(2)
  expect((await askFor(OLLAMA, ['12345678'])).json.prompt_eval_count).toBe(2)
  expect((await askFor(GEMINI, ['12345678'])).json.usageMetadata).toBeUndefined()
  const headers = (await askFor(BEDROCK_COHERE, ['12345678'])).headers
  expect(headers.get('x-amzn-bedrock-input-token-count')).toBe('2')
})

const many = (count: number): string[] => Array.from({ length: count }, (_, at) => `text ${at}`)

test.each<[string, Way, number]>([
  ['OpenAI', openaiWay(OPENAI, SMALL), 2048],
  ['Mistral', openaiWay('/mistral/v1/embeddings', 'mistral-embed'), 512],
  ['Cohere', COHERE, 96],
  ['Cohere on Bedrock', BEDROCK_COHERE, 96],
  ['Gemini', GEMINI, 100],
  ['Workers AI', openaiWay('/workers-ai/ai/v1/embeddings', '@cf/baai/bge-small-en-v1.5'), 100],
])('%s refuses one text more than its limit', async (_name, way, limit) => {
  const refused = await askFor(way, many(limit + 1))
  expect(refused.status, refused.text).toBe(400)
  const size = way.path === OPENAI ? 4 : way === GEMINI ? 8 : undefined
  expect(await vectorsOf(way, many(limit), size)).toHaveLength(limit)
})

test.each<[string, Fields, number, string]>([
  [OPENAI, { model: SMALL, input: '' }, 400, 'empty string'],
  [OPENAI, { model: SMALL, input: 'x'.repeat(40_000) }, 400, 'maximum context length is 8192'],
  [OPENAI, { model: SMALL, input: Array(50).fill('x'.repeat(32_000)) }, 400, 'max 300000 tokens per request'],
  [OPENAI, { model: SMALL, input: 'x', truncate: true }, 400, 'truncate'],
  [OPENAI, { model: SMALL, input: 'x', dimensions: -1 }, 400, '-1 is less than the minimum of 1'],
  [OPENAI, { model: 'text-embedding-ada-002', input: 'x', dimensions: 8 }, 400, 'does not support'],
  [OPENAI, { model: SMALL, input: 'x', encoding_format: 'int8' }, 400, "one of ['float', 'base64']"],
  [OPENAI, { model: 'gpt-4o', input: 'x' }, 403, 'not allowed to generate embeddings'],
  [OPENAI, { model: 'missing-model', input: 'x' }, 404, 'model_not_found'],
  ['/mistral/v1/embeddings', { model: 'mistral-embed', input: 'x', dimensions: 8 }, 422, 'extra_forbidden'],
  ['/mistral/v1/embeddings', { model: 'missing-model', input: 'x' }, 400, '"code":"1500"'],
  ['/openrouter/api/v1/embeddings', { model: 'missing-model', input: 'x' }, 400, 'does not exist'],
  ['/ollama/v1/embeddings', { model: 'missing-model', input: 'x' }, 404, 'try pulling it'],
  ['/ollama/api/embed', { model: 'missing-model', input: 'x' }, 404, '{"error":"model'],
  [COHERE.path, { model: 'embed-v4.0', texts: ['x'] }, 400, 'input_type must be provided'],
  [COHERE.path, { ...COHERE.body(['x']), truncation: true }, 400, "unknown field: parameter 'truncation'"],
  [GEMINI.path, { requests: [{ content: { parts: [{ text: 'x' }] } }] }, 400, 'unexpected model name'],
  [GEMINI.path, { requests: [{ ...rowsOf(GEMINI.body(['x']).requests)[0], taskTypes: 'X' }] }, 400, 'Unknown name'],
  [GEMINI.path, { requests: [{ ...rowsOf(GEMINI.body(['x']).requests)[0], taskType: 'X' }] }, 400, 'task_type'],
  [TITAN.path, { inputText: 'x', texts: [] }, 400, 'extraneous key [texts]'],
  ['/bedrock/model/amazon.unknown/invoke', { inputText: 'x' }, 400, 'model identifier is invalid'],
])('%s refuses what its provider refuses: %j', async (path, body, status, words) => {
  const refused = await ask(path, body, { ...BEARER, 'x-goog-api-key': 'key' })
  expect([refused.status, refused.text]).toEqual([status, expect.stringContaining(words)])
})

test.each([OPENAI, COHERE.path, GEMINI.path, TITAN.path])('%s wants a key', async (path) => {
  expect([401, 403]).toContain((await ask(path, {}, {})).status)
  const bad = await ask(path, {}, { authorization: 'Bearer bad-key', 'x-goog-api-key': 'bad-key' })
  expect([400, 401, 403]).toContain(bad.status)
})

test('an order in any of the texts counts, and only for its slot', async () => {
  const texts = ['red', 'green [[sim cohere status=503]]']
  expect((await askFor(COHERE, texts)).status).toBe(503)
  expect((await askFor(OLLAMA, texts)).status).toBe(200)
  simulator.setFault('gemini', { status: 429, times: 1 })
  expect((await askFor(GEMINI, texts)).text).toContain('RESOURCE_EXHAUSTED')
  expect((await askFor(GEMINI, texts)).status).toBe(200)
  const cut = await askFor(openaiWay(OPENAI, SMALL), ['red [[sim openai cut=1]]'])
  expect(cut.failure).toBeDefined()
})

// What each fault makes of two vectors of four numbers.
const SPOILED: Record<VectorFault, (good: unknown[], bad: unknown[]) => void> = {
  fewer: (good, bad) => expect(bad).toEqual(good.slice(0, 1)),
  more: (good, bad) => expect(bad).toEqual([...good, good[1]]),
  none: (_good, bad) => expect(bad).toEqual([]),
  shorter: (good, bad) => expect(bad).toEqual([good[0], listOf(good[1]).slice(0, 3)]),
  empty: (good, bad) => expect(bad).toEqual([good[0], []]),
  nan: (good, bad) => expect(bad).toEqual([good[0], [null, ...listOf(good[1]).slice(1)]]),
  infinite: (good, bad) => expect(bad).toEqual([good[0], [Number.POSITIVE_INFINITY, ...listOf(good[1]).slice(1)]]),
  null: (good, bad) => expect(bad).toEqual([good[0], null]),
  reversed: (good, bad) => expect(bad).toEqual([good[1], good[0]]),
  twice: (good, bad) => expect(bad).toEqual(good),
  'other-model': (good, bad) => expect([bad.length, bad[0] === good[0]]).toEqual([good.length, false]),
  'other-encoding': (_good, bad) => expect(typeof bad[0]).toBe('string'),
}

test.each(VECTOR_FAULTS)('vectors can be wrong: %s', async (vectors) => {
  const way = openaiWay(OPENAI, SMALL)
  const good = await vectorsOf(way, ['red', 'blue'], 4)
  simulator.setFault('openai', { vectors })
  const { text } = await askFor(way, ['red', 'blue'], 4)
  expect(text.includes('NaN')).toBe(vectors === 'nan')
  const json = JSON.parse(text.replace('NaN', 'null'))
  SPOILED[vectors](good, way.vectors(json))
  const places = rowsOf(json.data).map(({ index }) => index)
  if (vectors === 'reversed') expect(places).toEqual([1, 0])
  if (vectors === 'twice') expect(places).toEqual([0, 0])
})
