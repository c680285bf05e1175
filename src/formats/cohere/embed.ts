import type { EmbeddingProviderFormat } from '../embedding-format.ts'
import { COHERE_FIELDS, readCohereVectors, writeCohereVectors } from '../shared/cohere-vectors.ts'
import { omitNull } from '../shared/fields.ts'
import { droppedFields, refuseForeign } from '../shared/vectors.ts'

/** Cohere's embeddings, version 2 (translation 6.2; docs.cohere.com, "Embed"). */
export const cohereEmbeddings: EmbeddingProviderFormat = {
  name: 'cohere',
  prepare: (call) => {
    const { request, model } = call
    refuseForeign(request, 'cohere')
    const { priority } = request.further
    const body = omitNull({ model, ...writeCohereVectors(call), priority })
    return {
      request: { path: '/v2/embed', headers: {}, body: JSON.stringify(body) },
      dropped: droppedFields(request, [...COHERE_FIELDS, 'priority']),
      read: (answer) => readCohereVectors(answer, call),
    }
  },
}
