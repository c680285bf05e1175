import { cohereFailure } from './cohere-errors.ts'
import type { Incoming, Rendering, Trouble } from './dialect.ts'
import { type EmbeddingInput, embeddingDialect, textInput, tokensOf } from './embeddings.ts'
import { allowsSize, embeddingModel } from './embeddings-models.ts'
import { bitsOf, float32Base64, int8Of, numbersOf, spoiled, vectorOf } from './embeddings-vectors.ts'
import { type Fields, listOf, numberOf, textOf } from './json.ts'

const FIELDS =
  'model input_type texts images inputs max_tokens output_dimension embedding_types truncate priority'.split(' ')
const INPUT_TYPES = ['search_document', 'search_query', 'classification', 'clustering', 'image']
const TRUNCATIONS = [undefined, null, 'NONE', 'START', 'END']

const MOST_TEXTS = 96

type Vector = Float32Array | null

const ENCODINGS: Record<string, (vector: Vector) => unknown> = {
  float: numbersOf,
  base64: float32Base64,
  int8: (vector) => vector && Array.from(int8Of(vector)),
  uint8: (vector) => vector && Array.from(int8Of(vector), (value) => value + 128),
  binary: (vector) => vector && Array.from(bitsOf(vector, false), (byte) => byte - 128),
  ubinary: (vector) => vector && Array.from(bitsOf(vector, false)),
}

/** Cohere's embeddings, version 2. */
export const cohereEmbeddings = embeddingDialect({
  name: 'cohere-embeddings',
  headers: (_incoming, { ids }) => ({ 'x-debug-trace-id': ids.hex(32) }),
  check,
  inputs: ({ body }) => cohereInputs(body),
  body: answer,
  failure: (_incoming, trouble) => cohereFailure(trouble),
})

/** The texts of a request. */
export function cohereInputs({ texts }: Fields): EmbeddingInput[] {
  return listOf(texts).map((text) => textInput(textOf(text)))
}

function check({ headers, body }: Incoming): Trouble | undefined {
  const key = /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  if (key === undefined) return { status: 401, message: 'no api key supplied' }
  if (key === 'bad-key') return { status: 401, reason: 'key' }
  if (body.model === 'missing-model') return { status: 404 }
  const unknown = Object.keys(body).find((field) => !FIELDS.includes(field))
  const message =
    (unknown === undefined ? undefined : `unknown field: parameter '${unknown}' is not a valid field`) ??
    (textOf(body.model) === '' ? "missing required field: 'model'" : undefined) ??
    checkCohereEmbedding(body, textOf(body.model))
  return message === undefined ? undefined : { status: 400, message: `invalid request: ${message}` }
}

/** What is wrong with the texts and options, in Cohere's words. */
export function checkCohereEmbedding(body: Fields, model: string): string | undefined {
  const { texts, input_type: type, embedding_types: types, truncate, output_dimension: size } = body
  if (type === undefined || type === null) return 'valid input_type must be provided with the provided model'
  if (!INPUT_TYPES.includes(textOf(type))) return `invalid input_type '${String(type)}'`
  const list = listOf(texts)
  if (list.length === 0) return 'at least one of texts, images or inputs must be provided'
  if (list.length > MOST_TEXTS) return `total number of texts must be at most ${MOST_TEXTS} - received ${list.length}`
  const odd = list.findIndex((text) => typeof text !== 'string')
  if (odd >= 0) return `texts[${odd}] must be a string`
  const empty = list.indexOf('')
  if (empty >= 0) return `text at index ${empty} is empty`
  const stray = listOf(types).find((name) => ENCODINGS[textOf(name)] === undefined)
  if (stray !== undefined) return `invalid embedding_types '${String(stray)}'`
  if (!TRUNCATIONS.includes(truncate as string)) return `invalid truncate '${String(truncate)}'`
  const known = embeddingModel(model)
  const wanted = size === null ? undefined : numberOf(size)
  if (wanted !== undefined && !allowsSize(known, wanted))
    return `output_dimension ${wanted} is not supported by ${model}`
  const long = cohereInputs(body).find(({ tokens }) => tokens > known.contextTokens)
  return truncate === 'NONE' && long !== undefined
    ? `too many tokens: text has ${long.tokens} tokens, the limit is ${known.contextTokens}`
    : undefined
}

/** The vectors of a request in each encoding that it asks for. */
export function cohereVectors(body: Fields, model: string, fault: Rendering['vectors']): Fields {
  const size = numberOf(body.output_dimension) ?? embeddingModel(model).dimensions
  const vectors = spoiled(
    cohereInputs(body).map(({ text }) => vectorOf(model, text, size)),
    fault,
  )
  const asked = listOf(body.embedding_types).map(textOf)
  const names = fault === 'other-encoding' ? ['int8'] : asked.length === 0 ? ['float'] : asked
  return Object.fromEntries(names.map((name) => [name, vectors.map((vector) => ENCODINGS[name]?.(vector))]))
}

function answer({ body }: Incoming, { ids, vectors, withUsage }: Rendering): Fields {
  const tokens = tokensOf(cohereInputs(body))
  const billed = withUsage ? { billed_units: { input_tokens: tokens, image_tokens: 0 } } : {}
  return {
    id: ids.uuid(),
    texts: body.texts,
    embeddings: cohereVectors(body, textOf(body.model), vectors),
    meta: { api_version: { version: '2' }, ...billed },
    response_type: 'embeddings_by_type',
  }
}
