import type { Embedded, EmbeddingCall, EmbeddingProviderFormat } from '../embedding-format.ts'
import { COHERE_FIELDS, readCohereVectors, writeCohereVectors } from '../shared/cohere-vectors.ts'
import { isJsonObject, omitNull, toCount } from '../shared/fields.ts'
import { notAnAnswer } from '../shared/upstream-error.ts'
import { checkVectors, dimensionsToSend, droppedFields, refuseForeign, textsOf } from '../shared/vectors.ts'

const COHERE_MODEL = /(?:^|\.)cohere\./

/**
 * Models of vectors at Bedrock (translation 6.2; docs.aws.amazon.com, "InvokeModel"). Each maker has a body of its own: Amazon's
 * Titan takes one text a call, Cohere's take several.
 */
export const bedrockEmbeddings: EmbeddingProviderFormat = {
  name: 'bedrock',
  prepare: (call) => {
    const { request, model } = call
    refuseForeign(request, 'bedrock')
    const isCohere = COHERE_MODEL.test(model)
    const body = isCohere ? writeCohereVectors(call) : writeTitan(call)
    return {
      request: { path: `/model/${encodeURIComponent(model)}/invoke`, headers: {}, body: JSON.stringify(body) },
      dropped: droppedFields(request, isCohere ? COHERE_FIELDS : ['normalize']),
      read: (answer) => (isCohere ? readCohereVectors(answer, call) : readTitan(answer, call)),
    }
  },
}

function writeTitan(call: EmbeddingCall<object>) {
  const [inputText] = textsOf(call.inputs)
  return omitNull({ inputText, dimensions: dimensionsToSend(call), normalize: call.request.further.normalize })
}

function readTitan(answer: unknown, call: EmbeddingCall<object>): Embedded {
  if (!isJsonObject(answer)) throw notAnAnswer()
  const promptTokens = toCount(answer.inputTextTokenCount)
  return { vectors: checkVectors([answer.embedding], call), ...(promptTokens > 0 ? { promptTokens } : {}) }
}
