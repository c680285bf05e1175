import { describe, expect, test } from 'vitest'
import { cohereEmbeddings } from '../../../src/formats/cohere/embed.ts'
import type { EmbeddingClientFormat } from '../../../src/formats/embedding-format.ts'
import { geminiEmbeddings } from '../../../src/formats/gemini/embed.ts'
import { geminiBatchEmbedClient, geminiEmbedClient } from '../../../src/formats/gemini/embed-client.ts'
import type { Json } from '../asking.ts'
import { createVectorAsker, failureFrom } from '../embedding.ts'

const read = (client: EmbeddingClientFormat, body: Json) => client.readRequest({ model: 'm', ...body }, () => null)
const content = (...texts: string[]) => ({ parts: texts.map((text) => ({ text })) })
const toGoogle = createVectorAsker(geminiEmbeddings, {})
const toCohere = createVectorAsker(cohereEmbeddings, {})

test('one text is read with what it is for and how long its vector is to be', () => {
  const request = read(geminiEmbedClient, {
    content: content('a', 'b'),
    taskType: 'RETRIEVAL_QUERY',
    title: 't',
    outputDimensionality: 256,
  })
  expect(request).toMatchObject({ model: 'm', inputs: ['a\nb'], encoding: 'float', dimensions: 256 })
  expect(request.inputType).toBe('search_query')
  expect(toCohere(request).dropped).toEqual(['title'])
})

test('Google takes both spellings of a name, and a list’s only element', () => {
  const request = read(geminiBatchEmbedClient, {
    requests: { content: { parts: { text: 'a' } }, task_type: 'CLUSTERING', output_dimensionality: 8 },
  })
  expect(request).toMatchObject({ inputs: ['a'], inputType: 'clustering', dimensions: 8 })
  const configured = { content: content('a'), embed_content_config: { output_dimensionality: 8 } }
  expect(read(geminiEmbedClient, configured).dimensions).toBe(8)
})

test('what goes to Google is what came, but for the model', () => {
  const requests = [
    { content: { role: 'user', ...content('a') }, taskType: 'SEMANTIC_SIMILARITY', autoTruncate: false },
    { content: { parts: [{ inlineData: { mimeType: 'image/png', data: 'AA==' } }] }, taskType: 'CLUSTERING' },
  ]
  const batch = read(geminiBatchEmbedClient, {
    requests: requests.map((request) => ({ model: 'models/m', ...request })),
  })
  const sent = requests.map((request) => ({ ...request, model: 'models/theirs' }))
  expect(toGoogle(batch)).toMatchObject({ body: { requests: sent }, dropped: [] })
  expect(toGoogle(read(geminiEmbedClient, { ...requests[1] })).body).toEqual(sent[1])
  expect(failureFrom(() => toCohere(batch))).toMatchObject({
    kind: 'model-not-capable',
    param: 'requests[1].content.parts[0]',
  })
})

test('texts for different purposes are for Google alone', () => {
  const requests = ['CLUSTERING', 'CLASSIFICATION'].map((taskType) => ({ content: content('a'), taskType }))
  const batch = read(geminiBatchEmbedClient, { requests })
  expect(toGoogle(batch).body).toMatchObject({ requests })
  expect(failureFrom(() => toCohere(batch))).toMatchObject({ param: 'requests[1].taskType' })
})

describe('a fault names its field', () => {
  test.each<[string, EmbeddingClientFormat, Json]>([
    ['content', geminiEmbedClient, {}],
    ['content', geminiEmbedClient, { content: 'a' }],
    ['content', geminiEmbedClient, { content: { parts: [] } }],
    ['content', geminiEmbedClient, { content: content('', ' ') }],
    ['content.parts[1]', geminiEmbedClient, { content: { parts: [{ text: 'a' }, 1] } }],
    ['taskType', geminiEmbedClient, { content: content('a'), taskType: 1 }],
    ['outputDimensionality', geminiEmbedClient, { content: content('a'), outputDimensionality: 0 }],
    ['requests', geminiBatchEmbedClient, {}],
    ['requests', geminiBatchEmbedClient, { requests: [] }],
    ['requests', geminiBatchEmbedClient, { requests: Array.from({ length: 10_001 }, () => ({})) }],
    ['requests[0]', geminiBatchEmbedClient, { requests: ['a'] }],
    ['requests[0].model', geminiBatchEmbedClient, { requests: [{ content: content('a'), model: 'models/other' }] }],
    [
      'requests[1].outputDimensionality',
      geminiBatchEmbedClient,
      { requests: [{ content: content('a') }, { content: content('a'), outputDimensionality: 8 }] },
    ],
  ])('%s', (param, client, body) => {
    expect(failureFrom(() => read(client, body))).toMatchObject({ kind: 'invalid-value', param })
  })
})

test('answers have Google’s form', () => {
  const request = read(geminiEmbedClient, { content: content('a') })
  const answer = { request, model: 'm', vectors: [[1, 2.5]], usage: {}, promptTokens: 3 }
  const written = (client: EmbeddingClientFormat, more: object = {}) =>
    JSON.parse([...client.writeAnswer({ ...answer, ...more })].join(''))
  const usageMetadata = { promptTokenCount: 3 }
  expect(written(geminiEmbedClient)).toEqual({ embedding: { values: [1, 2.5] }, usageMetadata })
  expect(written(geminiBatchEmbedClient, { vectors: [[1], [2]] })).toEqual({
    embeddings: [{ values: [1] }, { values: [2] }],
    usageMetadata,
  })
  expect(written(geminiEmbedClient, { usage: { estimated: true } })).toEqual({ embedding: { values: [1, 2.5] } })
})

test('what Google counts goes to its clients as it came', () => {
  const request = read(geminiEmbedClient, { content: content('a') })
  const usageMetadata = { promptTokenCount: 4, promptTokenDetails: [{ modality: 'TEXT', tokenCount: 4 }] }
  const google = { embedding: { values: [1, 2] }, usageMetadata }
  const { vectors, usage = {}, promptTokens = 0 } = toGoogle(request).read(google)
  const answer = { request, model: 'm', vectors, usage, promptTokens }
  expect(JSON.parse([...geminiEmbedClient.writeAnswer(answer)].join(''))).toEqual(google)
})
