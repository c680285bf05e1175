import type { Embedded, EmbeddingCall, EmbeddingProviderFormat, PreparedEmbedding } from '../embedding-format.ts'
import { malformedAnswer } from '../shared/answer-bounds.ts'
import { isJsonObject, isPresent, type JsonObject, toCount } from '../shared/fields.ts'
import { unsupportedParameter } from '../shared/parts.ts'
import { notAnAnswer, readErrorInAnswer } from '../shared/upstream-error.ts'
import {
  bytesAsNumbers,
  checkVectors,
  dimensionsToSend,
  refuseForeign,
  textsOf,
  wrongCount,
} from '../shared/vectors.ts'
import { OPENAI_EMBEDDINGS } from './client.ts'

/** How a provider's embeddings differ from OpenAI's. */
export interface EmbeddingQuirks {
  /** Appended to the base URL; `/embeddings` if absent. */
  readonly path?: string
  /** It takes texts as token numbers too. */
  readonly tokens?: boolean
  /** The name of the field for the number of dimensions, if it is another. */
  readonly dimensions?: string
  /** The fields that it takes beside `model` and `input`; all if absent. */
  readonly allowedParameters?: ReadonlySet<string>
  /** Fields that it does not take. */
  readonly drop?: readonly string[]
  /** Its vectors are the base64 of signed bytes, or of bits where the client asks for them (docs.perplexity.ai, "Embeddings"). */
  readonly int8?: boolean
}

/** OpenAI's embeddings at every provider that has the endpoint (translation 6.2). */
export const openaiEmbeddings: EmbeddingProviderFormat<EmbeddingQuirks> = { name: OPENAI_EMBEDDINGS, prepare }

function prepare(call: EmbeddingCall<EmbeddingQuirks>): PreparedEmbedding {
  const { request, inputs, model, quirks } = call
  const { path = '/embeddings', allowedParameters, drop, int8 = false } = quirks
  const isPacked = request.encoding.startsWith('base64_')
  if (!int8 || !isPacked) refuseForeign(request, OPENAI_EMBEDDINGS)
  if (quirks.tokens !== true) textsOf(inputs)
  const dimensions = dimensionsToSend(call)
  const dimensionsName = quirks.dimensions ?? 'dimensions'
  const takes = (name: string) => allowedParameters?.has(name) ?? drop?.includes(name) !== true
  if (dimensions !== undefined && !takes(dimensionsName)) throw unsupportedParameter('dimensions')
  const dropped = [...(request.source?.dropped ?? [])]
  const body: Record<string, unknown> = {}
  const wanted = { input_type: request.inputType, user: request.user, ...request.further }
  for (const [name, value] of Object.entries(wanted)) {
    if (value === undefined) continue
    if (takes(name)) body[name] = value
    else dropped.push(name)
  }
  body.model = model
  body.input = inputs.length === 1 ? inputs[0] : inputs
  if (dimensions !== undefined) body[dimensionsName] = dimensions
  // Numbers are what all give if they are not asked; but Perplexity gives bytes.
  const asksEncoding = int8 ? isPacked : request.encoding !== 'float' && takes('encoding_format')
  if (asksEncoding) body.encoding_format = request.encoding
  return {
    request: { path, headers: {}, body: JSON.stringify(body) },
    dropped,
    isPacked: asksEncoding,
    read: (answer) => readAnswer(answer, call, int8 && !isPacked),
  }
}

function readAnswer(answer: unknown, call: EmbeddingCall<object>, areBytes: boolean): Embedded {
  if (!isJsonObject(answer)) throw notAnAnswer()
  const { data, usage } = answer
  if (isPresent(answer.error) || answer.object === 'error') throw readErrorInAnswer(answer)
  if (!Array.isArray(data)) throw notAnAnswer()
  if (data.length !== call.inputs.length) throw wrongCount(data.length, call.inputs.length)
  const ordered = inOrder(data)
  return {
    vectors: checkVectors(areBytes ? ordered.map(decodedBytes) : ordered, call),
    model: answer.model,
    ...(isJsonObject(usage) ? readUsage(usage) : {}),
  }
}

function decodedBytes(vector: unknown): unknown {
  return typeof vector === 'string' ? bytesAsNumbers(vector) : vector
}

/** The vectors in the order of their `index`, each once; in their own order where none has one. */
function inOrder(data: readonly unknown[]): readonly unknown[] {
  const vectors: unknown[] = Array.from({ length: data.length })
  const isNumbered = data.some((entry) => isJsonObject(entry) && isPresent(entry.index))
  data.forEach((entry: unknown, at) => {
    if (!isJsonObject(entry)) throw malformedAnswer('a vector is missing')
    const { index, embedding } = entry
    const place = isNumbered ? index : at
    const isFree = Number.isInteger(place) && Number(place) in vectors && vectors[Number(place)] === undefined
    if (!isFree || embedding === undefined) throw malformedAnswer('its vectors are not numbered from 0, each once')
    vectors[Number(place)] = embedding
  })
  return vectors
}

/** Some count the total alone (Voyage). */
function readUsage({ prompt_tokens: prompt, total_tokens: total, ...usage }: JsonObject): Omit<Embedded, 'vectors'> {
  const promptTokens = toCount(prompt) || toCount(total)
  return { usage, ...(promptTokens > 0 ? { promptTokens } : {}) }
}
