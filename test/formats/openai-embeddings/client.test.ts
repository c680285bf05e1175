import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Failure } from '../../../src/chat/failure.ts'
import { openaiEmbeddingsClient } from '../../../src/formats/openai-embeddings/client.ts'
import { decodeFloats, encodeFloats, failureFrom, readVectorRequest, writtenVectors } from '../embedding.ts'

test('a request is read with all its fields, and what has no name here is kept', () => {
  const request = readVectorRequest({
    input: ['a', 'b'],
    encoding_format: 'base64',
    dimensions: 256,
    user: 'u',
    input_type: 'passage',
    provider: { only: ['azure'] },
    truncation: true,
    session_id: 's',
    seed: null,
  })
  expect(request).toEqual({
    model: 'public',
    inputs: ['a', 'b'],
    encoding: 'base64',
    dimensions: 256,
    user: 'u',
    inputType: 'search_document',
    provider: { only: ['azure'] },
    further: { truncation: true, input_type: 'passage' },
  })
})

test.each([
  ['a text', 'a', ['a']],
  ['texts', ['a', 'b'], ['a', 'b']],
  ['the tokens of a text', [1, 0, 3], [[1, 0, 3]]],
  ['the tokens of texts', [[1], [2, 3]], [[1], [2, 3]]],
])('the input is %s', (_, input, inputs) => {
  expect(readVectorRequest({ input }).inputs).toEqual(inputs)
})

describe('a fault names its field', () => {
  test.each<[string, object, string]>([
    ['no input', { input: undefined }, 'input'],
    ['null', { input: null }, 'input'],
    ['an empty text', { input: '' }, 'input'],
    ['an empty text among others', { input: ['a', ''] }, 'input[1]'],
    ['an empty list', { input: [] }, 'input'],
    ['an empty list of tokens', { input: [[1], []] }, 'input[1]'],
    ['a number', { input: 1 }, 'input'],
    ['an object', { input: { text: 'a' } }, 'input'],
    ['tokens among texts', { input: ['a', [1]] }, 'input[1]'],
    ['a text among tokens', { input: [1, 'a'] }, 'input[1]'],
    ['a text among lists', { input: [[1], 'a'] }, 'input[1]'],
    ['a token below 0', { input: [[1], [2, -1]] }, 'input[1][1]'],
    ['half a token', { input: [0.5] }, 'input[0]'],
    ['objects', { input: [{}] }, 'input[0]'],
    ['too many inputs', { input: Array.from({ length: 10_001 }, () => 'a') }, 'input'],
    ['an unknown encoding', { encoding_format: 'hex' }, 'encoding_format'],
    ['no dimensions', { dimensions: 0 }, 'dimensions'],
    ['dimensions as a text', { dimensions: '256' }, 'dimensions'],
    ['half a dimension', { dimensions: 1.5 }, 'dimensions'],
    ['an input type that is no word', { input_type: 1 }, 'input_type'],
    ['a user that is no text', { user: {} }, 'user'],
    ['no model', { model: null }, 'model'],
    ['preferences that are none', { provider: { sort: 'luck' } }, 'provider.sort'],
    ['further models', { models: ['b'] }, 'models'],
  ])('%s', (_, fields, param) => {
    expect(failureFrom(() => readVectorRequest(fields as Record<string, unknown>))).toMatchObject({ param })
  })

  test('in the words of this API', () => {
    const failure = new Failure('context-length', 'too long', { param: 'messages' })
    expect(openaiEmbeddingsClient.writeError(failure, 'r')).toMatchObject({ error: { param: 'input' } })
  })
})

describe('an answer', () => {
  const request = (encoding_format?: string) => readVectorRequest({ input: ['a', 'b'], encoding_format })

  test('has the vectors in order, our model, and the provider’s usage with our count', () => {
    const vectors = [
      [0.1, -1],
      [0.2, 2],
    ]
    const text = writtenVectors(request(), { vectors, promptTokens: 7, usage: { cost: 1e-7 } })
    expect(JSON.parse(text)).toEqual({
      object: 'list',
      data: vectors.map((embedding, index) => ({ object: 'embedding', index, embedding })),
      model: 'public',
      usage: { prompt_tokens: 7, total_tokens: 7, cost: 1e-7 },
    })
  })

  test('in base64 has the nearest 32-bit floats of numbers, and the provider’s own base64 unchanged', () => {
    const numbers = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 3000 })
    fc.assert(
      fc.property(numbers, (vector) => {
        const text = writtenVectors(request('base64'), { vectors: [vector, encodeFloats(vector)] })
        const [made, given] = JSON.parse(text).data
        expect(made.embedding).toBe(given.embedding)
        expect(given.embedding).toBe(encodeFloats(vector))
        expect(decodeFloats(made.embedding)).toEqual(vector)
      }),
      { numRuns: 30 },
    )
  })
})
