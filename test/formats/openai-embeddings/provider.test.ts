import { describe, expect, test } from 'vitest'
import { openaiEmbeddings } from '../../../src/formats/openai-embeddings/provider.ts'
import type { Json } from '../asking.ts'
import { createVectorAsker, encodeFloats, failureFrom, writtenVectors } from '../embedding.ts'

const ask = createVectorAsker(openaiEmbeddings, { tokens: true })
const entry = (index: unknown, embedding: unknown) => ({ object: 'embedding', index, embedding })
const answer = (...data: unknown[]): Json => ({ object: 'list', data, usage: { prompt_tokens: 4, total_tokens: 4 } })

test('a request goes out with all that the client sent, but for the fields of the gateway', () => {
  const { path, body, dropped } = ask({
    input: ['a', 'b'],
    encoding_format: 'base64',
    dimensions: 2,
    user: 'u',
    input_type: 'query',
    provider: { only: ['x'] },
    truncation: true,
  })
  expect(path).toBe('/embeddings')
  expect(body).toEqual({
    model: 'theirs',
    input: ['a', 'b'],
    encoding_format: 'base64',
    dimensions: 2,
    user: 'u',
    input_type: 'query',
    truncation: true,
  })
  expect(dropped).toEqual([])
})

test('what a provider does not take is dropped and told, but dimensions are refused', () => {
  const strict = createVectorAsker(openaiEmbeddings, { allowedParameters: new Set(['output_dimension']) })
  const { body, dropped } = strict({ user: 'u', input_type: 'query', encoding_format: 'base64' })
  expect(body).toEqual({ model: 'theirs', input: 'a' })
  expect(dropped).toEqual(['input_type', 'user'])
  expect(failureFrom(() => strict({ dimensions: 2 }))).toMatchObject({
    kind: 'unsupported-parameter',
    param: 'dimensions',
  })
  const renaming = createVectorAsker(openaiEmbeddings, { dimensions: 'output_dimension' })
  expect(renaming({ dimensions: 2 }).body).toMatchObject({ output_dimension: 2 })
})

test('dimensions that a model cannot give are refused, and its own are left out', () => {
  const embedding = { dimensions: 4 }
  expect(ask({ dimensions: 4 }, { embedding }).body).not.toHaveProperty('dimensions')
  expect(failureFrom(() => ask({ dimensions: 2 }, { embedding }))).toMatchObject({
    kind: 'unsupported-parameter',
    param: 'dimensions',
  })
  expect(ask({ dimensions: 2 }, { embedding: { ...embedding, shortens: true } }).body.dimensions).toBe(2)
})

test('token numbers go only where they are read', () => {
  expect(ask({ input: [1, 2] }).body.input).toEqual([1, 2])
  expect(ask({ input: [[1], [2]] }).body.input).toEqual([[1], [2]])
  const textOnly = createVectorAsker(openaiEmbeddings, {})
  expect(failureFrom(() => textOnly({ input: [1, 2] }))).toMatchObject({
    kind: 'unsupported-parameter',
    param: 'input',
  })
})

test('vectors are given in the order of their numbers', () => {
  const { read } = ask({ input: ['a', 'b'] })
  expect(read(answer(entry(1, [2, 2]), entry(0, [1, 1])))).toEqual({
    vectors: [
      [1, 1],
      [2, 2],
    ],
    promptTokens: 4,
    usage: {},
  })
  expect(read(answer({ embedding: [1] }, { embedding: [2] })).vectors).toEqual([[1], [2]])
})

test('base64 becomes numbers where the client wants them', () => {
  const text = encodeFloats([0.1, -2.5])
  expect(ask({ input: 'a' }).read(answer(entry(0, text))).vectors).toEqual([[Math.fround(0.1), -2.5]])
  expect(ask({ encoding_format: 'base64' }).read(answer(entry(0, text))).vectors).toEqual([text])
})

test('usage that counts only the total counts the input', () => {
  const voyage = { data: [entry(0, [1])], usage: { total_tokens: 12, cost: 1 } }
  expect(ask({}).read(voyage)).toMatchObject({ promptTokens: 12, usage: { cost: 1 } })
  expect(ask({}).read({ data: [entry(0, [1])] })).not.toHaveProperty('promptTokens')
})

describe('Perplexity’s signed bytes', () => {
  const askForBytes = createVectorAsker(openaiEmbeddings, { int8: true })
  const bytes = Buffer.from([0xd7, 0x00, 0x7f, 0x80]).toString('base64')
  const numbers = [-41, 0, 127, -128]

  test('are numbers, or floats in base64', () => {
    expect(askForBytes({}).body).not.toHaveProperty('encoding_format')
    expect(askForBytes({}).read(answer(entry(0, bytes))).vectors).toEqual([numbers])
    const asked = askForBytes({ encoding_format: 'base64' })
    expect(asked.body).not.toHaveProperty('encoding_format')
    const read = asked.read(answer(entry(0, bytes)))
    const request = { ...emptyRequest, encoding: 'base64' as const }
    expect(JSON.parse(writtenVectors(request, read)).data[0].embedding).toBe(encodeFloats(numbers))
  })

  test('and bits go as they are to clients that ask for them, and nobody else has them', () => {
    for (const [encoding_format, dimensions] of [
      ['base64_int8', 4],
      ['base64_binary', 32],
    ] as const) {
      const { body, read } = askForBytes({ encoding_format }, { embedding: { dimensions, shortens: true } })
      expect(body).toMatchObject({ encoding_format })
      expect(read(answer(entry(0, bytes))).vectors).toEqual([bytes])
      expect(failureFrom(() => ask({ encoding_format }))).toMatchObject({ param: 'encoding_format' })
      expect(() => read(answer(entry(0, numbers)))).toThrow('malformed')
    }
  })
})

const emptyRequest = { model: 'public', inputs: ['a'], further: {} }

describe('an answer that is none is a failure of the provider', () => {
  const asked = () => ask({ input: ['a', 'b'] }, { embedding: { dimensions: 2, shortens: true } })
  const ok = entry(0, [1, 2])

  test.each<[string, unknown]>([
    ['no object', 'text'],
    ['no data', {}],
    ['no vectors', answer()],
    ['too few', answer(ok)],
    ['too many', answer(ok, entry(1, [1, 2]), entry(2, [1, 2]))],
    ['a number twice', answer(ok, entry(0, [1, 2]))],
    ['a number beyond the end', answer(ok, entry(2, [1, 2]))],
    ['a huge number', answer(ok, entry(1e9, [1, 2]))],
    ['a number below 0', answer(ok, entry(-1, [1, 2]))],
    ['a text for a number', answer(ok, entry('1', [1, 2]))],
    ['one without a number', answer(ok, { embedding: [1, 2] })],
    ['no vector', answer(ok, entry(1, null))],
    ['an empty vector', answer(ok, entry(1, []))],
    ['null in a vector', answer(ok, entry(1, [1, null]))],
    ['a text in a vector', answer(ok, entry(1, [1, '2']))],
    ['more than a 32-bit float holds', answer(ok, entry(1, [1, 1e39]))],
    ['a longer vector', answer(ok, entry(1, [1, 2, 3]))],
    ['two longer vectors', answer(entry(0, [1, 2, 3]), entry(1, [1, 2, 3]))],
    ['an empty text', answer(ok, entry(1, ''))],
    ['base64 of half a float', answer(ok, entry(1, 'AAAAAAA='))],
    ['base64 with a space', answer(ok, entry(1, 'AAAAAAAA AA='))],
    ['base64 with as many spaces as four divides', answer(ok, entry(1, 'AAAAAAAA    AAA='))],
    ['base64 for the web', answer(ok, entry(1, 'AAAAAAAA-_A='))],
    ['base64 that ends too soon', answer(ok, entry(1, 'AAAAAAAAAAA'))],
    ['base64 of what is no number', answer(ok, entry(1, encodeFloats([1, Number.NaN])))],
    ['base64 without an end', answer(ok, entry(1, 'A'.repeat(8_000_000)))],
    ['more numbers than vectors have', answer(ok, entry(1, Array(65_537).fill(1)))],
    ['an error', { error: { message: 'no', code: 500 } }],
  ])('%s', (_, body) => {
    expect(failureFrom(() => asked().read(body))).toMatchObject({ kind: 'provider-failed' })
  })

  test('also where the length is not known', () => {
    for (const text of ['', 'AAAAAAA=', 'AAAA']) {
      expect(failureFrom(() => ask({}).read(answer(entry(0, text))))).toMatchObject({ kind: 'provider-failed' })
    }
  })

  test('but a length that was asked for and not given may be given elsewhere', () => {
    const { read } = ask({ dimensions: 2 })
    expect(failureFrom(() => read(answer(entry(0, [1, 2, 3]))))).toMatchObject({
      kind: 'unsupported-parameter',
      param: 'dimensions',
    })
  })
})
