import type { Embedded, EmbeddingCall } from '../embedding-format.ts'
import { isJsonObject, type JsonObject, omitNull, toCount } from './fields.ts'
import { notAnAnswer } from './upstream-error.ts'
import { checkVectors, dimensionsToSend, textsOf, wrongCount } from './vectors.ts'

/** What Cohere's models take beside the fields that all have. */
export const COHERE_FIELDS = ['input_type', 'truncate']

/** The body of Cohere's embeddings but for the model, which stands elsewhere at Bedrock. Without `truncate` texts may be cut. */
export function writeCohereVectors(call: EmbeddingCall<object>): JsonObject {
  const { inputType, further } = call.request
  return omitNull({
    texts: textsOf(call.inputs),
    input_type: inputType ?? 'search_document',
    embedding_types: ['float'],
    truncate: further.truncate ?? 'NONE',
    output_dimension: dimensionsToSend(call),
  })
}

/** Vectors by their type, or a bare list, as Cohere once answered and Bedrock may. */
export function readCohereVectors(answer: unknown, call: EmbeddingCall<object>): Embedded {
  if (!isJsonObject(answer)) throw notAnAnswer()
  const { embeddings, meta } = answer
  const vectors = isJsonObject(embeddings) ? embeddings.float : embeddings
  if (!Array.isArray(vectors)) throw notAnAnswer()
  if (vectors.length !== call.inputs.length) throw wrongCount(vectors.length, call.inputs.length)
  const billed = isJsonObject(meta) && isJsonObject(meta.billed_units) ? meta.billed_units : {}
  const promptTokens = toCount(billed.input_tokens)
  return { vectors: checkVectors(vectors, call), ...(promptTokens > 0 ? { promptTokens } : {}) }
}
