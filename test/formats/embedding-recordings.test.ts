import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { cohereEmbeddings } from '../../src/formats/cohere/embed.ts'
import type { EmbeddingProviderFormat } from '../../src/formats/embedding-format.ts'
import { geminiEmbeddings } from '../../src/formats/gemini/embed.ts'
import { ollamaEmbeddings } from '../../src/formats/ollama/embed.ts'
import { openaiEmbeddings } from '../../src/formats/openai-embeddings/provider.ts'
import { readUpstreamFailure } from '../../src/formats/shared/upstream-error.ts'
import type { Json } from './asking.ts'
import { createVectorAsker, decodeFloats, encodeFloats, readVectorRequest, writtenVectors } from './embedding.ts'

/** A folder with `embeddings/<provider>/<name>.request.json` and `….answer.json`. */
const root = process.env.CLIENT_RECORDINGS ?? ''

interface Recording {
  readonly name: string
  readonly request: { readonly path: string; readonly body: Json; readonly answer: { readonly status: number } }
  readonly answer: Json
}

function recordings(): Recording[] {
  const folder = path.join(root, 'embeddings')
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.request.json'))
    .map((name) => ({
      name: path.join(path.dirname(name), path.basename(name, '.request.json')),
      request: JSON.parse(readFileSync(path.join(folder, name), 'utf8')),
      answer: JSON.parse(readFileSync(path.join(folder, name.replace('.request.', '.answer.')), 'utf8')),
    }))
}

const FORMATS: readonly (readonly [RegExp, EmbeddingProviderFormat])[] = [
  [/\/v[12]\/embed$/, cohereEmbeddings],
  [/mbedContent/, geminiEmbeddings],
  [/\/api\/embed$/, ollamaEmbeddings],
]

/** The request as a client of OpenAI's embeddings would have sent it. */
function clientFields(body: Json): Json {
  const count = [body.texts, body.images, body.requests].find(Array.isArray)?.length ?? 1
  return {
    input: body.input ?? Array.from({ length: count }, () => 'a'),
    dimensions: body.dimensions ?? body.output_dimension,
  }
}

function vectorsIn(answer: Json): readonly unknown[] {
  const { data, embeddings, embedding } = answer as Record<string, Json & Json[]>
  if (data) return data.map(({ embedding: vector }) => vector)
  if (embedding) return [embedding.values]
  return (embeddings?.float as unknown[]) ?? embeddings?.map((one) => (Array.isArray(one) ? one : one.values)) ?? []
}

describe.skipIf(root === '')('recorded embeddings', () => {
  const all = root === '' ? [] : recordings()
  const succeeded = all.filter(({ request }) => request.answer.status === 200 && !request.path.endsWith(':predict'))
  const refused = all.filter(({ request }) => request.answer.status !== 200)

  test.each(succeeded)('$name: numbers and base64 are those of the provider', ({ name, request, answer }) => {
    const format = FORMATS.find(([pattern]) => pattern.test(request.path))?.[1]
    const isInt8 = name.startsWith('perplexity')
    const ask =
      format === undefined
        ? createVectorAsker(openaiEmbeddings, { tokens: true, int8: isInt8 })
        : createVectorAsker(format, {})
    const theirs = vectorsIn(answer)
    const fields = clientFields(request.body)
    const read = (encoding_format: string) => {
      const asked = { ...fields, encoding_format }
      return JSON.parse(writtenVectors(readVectorRequest(asked), ask(asked).read(answer))).data as {
        embedding: never
      }[]
    }
    expect(theirs.length).toBeGreaterThan(0)
    const floats = read('float').map(({ embedding }) => embedding)
    const texts = read('base64').map(({ embedding }) => embedding)
    theirs.forEach((vector, at) => {
      if (isInt8) {
        expect(floats[at]).toEqual([...new Int8Array(Buffer.from(vector as string, 'base64'))])
        expect(decodeFloats(texts[at] as never)).toEqual(floats[at])
        expect(read('base64_int8')[at]?.embedding).toBe(vector)
      } else if (typeof vector === 'string') {
        expect(texts[at]).toBe(vector)
        expect(floats[at]).toEqual(decodeFloats(vector))
      } else {
        expect(floats[at]).toEqual(vector)
        expect(texts[at]).toBe(encodeFloats(vector as number[]))
      }
    })
  })

  test('errors mean what they say, and what a model cannot do takes no deployment out', () => {
    const verdicts = refused.map(({ name, request, answer }) => {
      const { status } = request.answer
      const callerTexts = [JSON.stringify(request.body)]
      const failure = readUpstreamFailure({ status, header: () => null, body: answer, now: 0, callerTexts })
      return `${name.split('/')[0]} ${status}: ${failure.kind} ${failure.details.health ?? ''}`.trim()
    })
    expect(verdicts.toSorted()).toEqual([
      'cohere 404: model-missing',
      'doubleword 404: model-missing opens',
      'gemini 404: model-missing opens',
      'llamacpp 500: context-length none',
      'llamacpp 501: model-not-capable none',
      'mistral 400: model-missing',
      'openai 400: rejected',
      'openai 403: model-not-capable none',
      'openai 404: model-missing opens',
      'openrouter 400: model-missing',
      'vertex 401: credentials-refused opens',
      'voyage 400: rejected',
    ])
  })
})
