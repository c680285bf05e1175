import type { Embedded, EmbeddingCall, EmbeddingProviderFormat } from '../embedding-format.ts'
import { isJsonObject, isPresent, omitNull, toCount } from '../shared/fields.ts'
import { notAnAnswer, readErrorInAnswer } from '../shared/upstream-error.ts'
import { checkVectors, dimensionsToSend, droppedFields, refuseForeign, textsOf, wrongCount } from '../shared/vectors.ts'

/** What Ollama takes beside the fields that all have. */
const FIELDS = ['keep_alive', 'options', 'truncate']

/** Ollama's own embeddings (translation 6.2; docs.ollama.com, "Embeddings"). Without `truncate` it cuts what is too long. */
export const ollamaEmbeddings: EmbeddingProviderFormat = {
  name: 'ollama',
  prepare: (call) => {
    const { request, model } = call
    const { keep_alive, options, truncate = false } = request.further
    refuseForeign(request, 'ollama')
    const input = textsOf(call.inputs)
    const body = omitNull({ model, input, truncate, keep_alive, options, dimensions: dimensionsToSend(call) })
    return {
      request: { path: '/embed', headers: {}, body: JSON.stringify(body) },
      dropped: droppedFields(request, FIELDS),
      read: (answer) => readAnswer(answer, call),
    }
  },
}

function readAnswer(answer: unknown, call: EmbeddingCall<object>): Embedded {
  if (!isJsonObject(answer)) throw notAnAnswer()
  if (isPresent(answer.error)) throw readErrorInAnswer(answer)
  const { embeddings, prompt_eval_count: count } = answer
  if (!Array.isArray(embeddings)) throw notAnAnswer()
  if (embeddings.length !== call.inputs.length) throw wrongCount(embeddings.length, call.inputs.length)
  const promptTokens = toCount(count)
  return { vectors: checkVectors(embeddings, call), ...(promptTokens > 0 ? { promptTokens } : {}) }
}
