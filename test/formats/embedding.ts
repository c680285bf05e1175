import { Failure } from '../../src/chat/failure.ts'
import type {
  Embedded,
  EmbeddingCall,
  EmbeddingProviderFormat,
  EmbeddingRequest,
  PreparedEmbedding,
} from '../../src/formats/embedding-format.ts'
import type { EmbeddingTraits } from '../../src/formats/format.ts'
import { openaiEmbeddingsClient } from '../../src/formats/openai-embeddings/client.ts'
import { ABLE, type Json } from './asking.ts'

interface Options {
  readonly embedding?: EmbeddingTraits
  readonly model?: string
  readonly offset?: number
}

export interface AskedForVectors extends PreparedEmbedding {
  readonly path: string
  readonly body: Json
}

/** Reads a request as a client of OpenAI's embeddings sends it. */
export function readVectorRequest(fields: Json): EmbeddingRequest {
  return openaiEmbeddingsClient.readRequest({ model: 'public', input: 'a', ...fields }, () => null)
}

/** Has a format write a call, given as the request's fields beside `model`. */
export function createVectorAsker<Quirks extends object>(format: EmbeddingProviderFormat<Quirks>, quirks: Quirks) {
  return (
    fields: Json | EmbeddingRequest,
    { embedding, model = 'theirs', offset = 0 }: Options = {},
  ): AskedForVectors => {
    const request = 'inputs' in fields ? (fields as EmbeddingRequest) : readVectorRequest(fields)
    const traits = { ...ABLE, ...(embedding && { embedding }) }
    const call: EmbeddingCall<Quirks> = { request, inputs: request.inputs.slice(offset), offset, model, traits, quirks }
    const prepared = format.prepare(call)
    return { ...prepared, path: prepared.request.path, body: JSON.parse(prepared.request.body) as Json }
  }
}

/** What the client gets. */
export function writtenVectors(request: EmbeddingRequest, { vectors, promptTokens = 0, usage = {} }: Embedded): string {
  const answer = { request, model: 'public', vectors, usage, promptTokens }
  return [...openaiEmbeddingsClient.writeAnswer(answer)].join('')
}

/** The failure that a call ends with, in short. */
export function failureFrom(call: () => unknown): { kind: string; param: string | undefined; message: string } {
  try {
    call()
  } catch (error) {
    if (error instanceof Failure) return { kind: error.kind, param: error.details.param, message: error.message }
    throw error
  }
  throw new Error('it did not fail')
}

/** 32-bit floats in base64, as a client decodes them. */
export function decodeFloats(text: string): number[] {
  const bytes = Buffer.from(text, 'base64')
  return Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readFloatLE(at * 4))
}

export function encodeFloats(numbers: readonly number[]): string {
  const bytes = Buffer.alloc(numbers.length * 4)
  numbers.forEach((number, at) => {
    bytes.writeFloatLE(number, at * 4)
  })
  return bytes.toString('base64')
}
