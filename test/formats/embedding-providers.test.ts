import { describe, expect, test } from 'vitest'
import { bedrockEmbeddings } from '../../src/formats/bedrock/embed.ts'
import { cohereEmbeddings } from '../../src/formats/cohere/embed.ts'
import type { EmbeddingProviderFormat } from '../../src/formats/embedding-format.ts'
import { geminiEmbeddings } from '../../src/formats/gemini/embed.ts'
import { ollamaEmbeddings } from '../../src/formats/ollama/embed.ts'
import { createVectorAsker, failureFrom, readVectorRequest } from './embedding.ts'

const cohere = createVectorAsker(cohereEmbeddings, {})
const gemini = createVectorAsker(geminiEmbeddings, { taskless: /two/ })
const ollama = createVectorAsker(ollamaEmbeddings, {})
const bedrock = createVectorAsker(bedrockEmbeddings, {})
const SHORTENS = { embedding: { dimensions: 4, shortens: true } }
const TWO = { input: ['a', 'b'] }
const vectors = [
  [1, 2],
  [3, 4],
]

describe('Cohere', () => {
  test('is told what the texts are, and to cut nothing', () => {
    const { path, body, dropped } = cohere({ ...TWO, dimensions: 2, user: 'u', odd: 1 }, SHORTENS)
    expect(path).toBe('/v2/embed')
    expect(body).toEqual({
      model: 'theirs',
      texts: ['a', 'b'],
      input_type: 'search_document',
      embedding_types: ['float'],
      truncate: 'NONE',
      output_dimension: 2,
    })
    expect(dropped).toEqual(['user', 'odd'])
    expect(cohere({ input_type: 'query', truncate: 'END' }).body).toMatchObject({
      input_type: 'search_query',
      truncate: 'END',
    })
    expect(cohere({ input_type: 'query', priority: 7 })).toMatchObject({ body: { priority: 7 }, dropped: [] })
  })

  test('answers by type, or with a bare list', () => {
    const meta = { billed_units: { input_tokens: 7 } }
    expect(cohere(TWO).read({ embeddings: { float: vectors }, meta })).toEqual({ vectors, promptTokens: 7 })
    expect(cohere(TWO).read({ embeddings: vectors })).toEqual({ vectors })
  })
})

describe('Gemini', () => {
  test('is asked for one text or several, with the task in its words', () => {
    const one = gemini({ input: 'a', input_type: 'query', dimensions: 2, user: 'u' }, SHORTENS)
    const request = {
      model: 'models/theirs',
      content: { parts: [{ text: 'a' }] },
      taskType: 'RETRIEVAL_QUERY',
      outputDimensionality: 2,
    }
    expect(one).toMatchObject({ path: '/v1beta/models/theirs:embedContent', dropped: ['user'] })
    expect(one.body).toEqual(request)
    const several = gemini(TWO)
    expect(several.path).toBe('/v1beta/models/theirs:batchEmbedContents')
    expect(several.body).toEqual({
      requests: ['a', 'b'].map((text) => ({ model: 'models/theirs', content: { parts: [{ text }] } })),
    })
  })

  test.each([
    ['document', 'RETRIEVAL_DOCUMENT'],
    ['clustering', 'CLUSTERING'],
    ['semantic_similarity', 'SEMANTIC_SIMILARITY'],
    ['nonsense', undefined],
  ])('%s is %s', (input_type, taskType) => {
    const { body, dropped } = gemini({ input_type })
    expect(body.taskType).toBe(taskType)
    expect(dropped).toEqual(taskType === undefined ? ['input_type'] : [])
  })

  test('models without task types get none', () => {
    const { body, dropped } = gemini({ input_type: 'query' }, { model: 'model-two' })
    expect(body).not.toHaveProperty('taskType')
    expect(dropped).toEqual(['input_type'])
  })

  test('its own clients’ requests go as they came, but for the model', () => {
    const requests = [
      { content: { parts: [{ text: 'a' }] }, title: 't', taskType: 'RETRIEVAL_DOCUMENT', model: 'models/public' },
      { content: { role: 'user', parts: [{ text: 'b' }] }, later: true },
      { content: { parts: [{ inlineData: {} }] } },
    ]
    const source = { format: 'gemini', requests, dropped: ['title'] }
    const request = { ...readVectorRequest({ input: ['a', 'b', 'c'] }), source }
    expect(gemini(request, { offset: 1 }).body).toEqual({
      requests: requests.slice(1).map((own) => ({ ...own, model: 'models/theirs' })),
    })
    expect(gemini(request, { offset: 2 })).toMatchObject({ dropped: [], body: requests[2] })
    expect(cohere(request).dropped).toEqual(['title'])
  })

  test('answers one or several, and counts only sometimes', () => {
    expect(gemini({ input: 'a' }).read({ embedding: { values: [1, 2] } })).toEqual({ vectors: [[1, 2]] })
    const usageMetadata = { promptTokenCount: 4 }
    const embeddings = vectors.map((values) => ({ values }))
    expect(gemini(TWO).read({ embeddings, usageMetadata })).toEqual({ vectors, promptTokens: 4 })
  })
})

test('Ollama’s own API is told to cut nothing, and answers with lists', () => {
  const { path, body, dropped, read } = ollama({ ...TWO, dimensions: 2, keep_alive: '5m', user: 'u' }, SHORTENS)
  expect(path).toBe('/embed')
  expect(body).toEqual({ model: 'theirs', input: ['a', 'b'], truncate: false, dimensions: 2, keep_alive: '5m' })
  expect(dropped).toEqual(['user'])
  expect(read({ embeddings: vectors, prompt_eval_count: 4 })).toEqual({ vectors, promptTokens: 4 })
})

describe('Bedrock', () => {
  test('takes one text a call for Titan', () => {
    const titan = { ...SHORTENS, model: 'amazon.titan-embed-text-v2:0' }
    const { path, body, dropped, read } = bedrock({ dimensions: 2, normalize: false, input_type: 'query' }, titan)
    expect(path).toBe('/model/amazon.titan-embed-text-v2%3A0/invoke')
    expect(body).toEqual({ inputText: 'a', dimensions: 2, normalize: false })
    expect(dropped).toEqual(['input_type'])
    expect(read({ embedding: [1, 2], inputTextTokenCount: 3 })).toEqual({ vectors: [[1, 2]], promptTokens: 3 })
  })

  test.each(['cohere.embed-english-v3', 'us.cohere.embed-v4:0'])('takes Cohere’s body for %s', (model) => {
    const { body, dropped, read } = bedrock({ ...TWO, priority: 7 }, { model })
    // Cohere alone has the field, and Bedrock refuses what it does not know.
    expect(dropped).toEqual(['priority'])
    expect(body).toEqual({
      texts: ['a', 'b'],
      input_type: 'search_document',
      embedding_types: ['float'],
      truncate: 'NONE',
    })
    expect(read({ embeddings: { float: vectors } })).toEqual({ vectors })
  })
})

/** Answers with vectors in the format's own way. */
const ANSWERS: readonly (readonly [string, EmbeddingProviderFormat, (vectors: readonly unknown[]) => unknown])[] = [
  ['Cohere', cohereEmbeddings, (float) => ({ embeddings: { float } })],
  ['Gemini', geminiEmbeddings, (list) => ({ embeddings: list.map((values) => ({ values })) })],
  ['Ollama', ollamaEmbeddings, (embeddings) => ({ embeddings })],
  ['Bedrock', bedrockEmbeddings, ([embedding]) => ({ embedding })],
]

describe.each(ANSWERS)('%s', (name, format, answer) => {
  const ask = createVectorAsker(format, {})
  const isSingle = name === 'Bedrock'
  const fields = isSingle ? {} : TWO
  const whole = (...list: unknown[]) => answer(isSingle ? list.slice(-1) : list)

  test('refuses token numbers, lengths that the model has not, and encodings of others', () => {
    const refusals: readonly (readonly [string, Record<string, unknown>])[] = [
      ['input', { input: [1, 2] }],
      ['dimensions', { dimensions: 2 }],
      ['encoding_format', { encoding_format: 'base64_int8' }],
    ]
    for (const [param, refused] of refusals) {
      expect(failureFrom(() => ask(refused, { embedding: { dimensions: 4 } }))).toMatchObject({
        kind: 'unsupported-parameter',
        param,
      })
    }
  })

  test.each<[string, unknown]>([
    ['no object', []],
    ['nothing', {}],
    ['null', whole([1, 2], null)],
    ['an empty vector', whole([1, 2], [])],
    ['a text in a vector', whole([1, 2], [1, '2'])],
    ['another length', whole([1, 2], [1, 2, 3])],
    ['an error', { error: 'broken' }],
  ])('an answer with %s is a failure of the provider', (_, body) => {
    const asked = ask(fields, { embedding: { dimensions: 2 } })
    expect(failureFrom(() => asked.read(body))).toMatchObject({ kind: 'provider-failed' })
    if (!isSingle) {
      expect(failureFrom(() => asked.read(answer([[1, 2]])))).toMatchObject({ kind: 'provider-failed' })
    }
  })

  test('numbers become floats in base64 for clients that want it', () => {
    const asked = ask({ ...fields, encoding_format: 'base64' })
    expect(asked.read(whole([1, 2], [3, 4])).vectors.at(-1)).toEqual([3, 4])
  })
})
