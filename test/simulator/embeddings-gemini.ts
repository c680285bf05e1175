import type { Incoming, Rendering, Trouble } from './dialect.ts'
import { embeddingDialect, textInput, tokensOf } from './embeddings.ts'
import { allowsSize, embeddingModel, sharedName } from './embeddings-models.ts'
import { numbersOf, spoiled, vectorOf } from './embeddings-vectors.ts'
import { checkGeminiKey } from './gemini-checks.ts'
import { geminiFailure } from './gemini-errors.ts'
import { geminiModel } from './gemini-read.ts'
import { inCamelCase, unknownName } from './gemini-shapes.ts'
import { type Fields, fieldsOf, numberOf, rowsOf, textOf } from './json.ts'

const MOST_REQUESTS = 100
const TASK_TYPES =
  'TASK_TYPE_UNSPECIFIED RETRIEVAL_QUERY RETRIEVAL_DOCUMENT SEMANTIC_SIMILARITY CLASSIFICATION CLUSTERING QUESTION_ANSWERING FACT_VERIFICATION CODE_RETRIEVAL_QUERY'.split(
    ' ',
  )

/** Google's batchEmbedContents: a request for each text. */
export const geminiBatchEmbeddings = embeddingDialect({
  name: 'gemini-embeddings',
  plain: (body) => inCamelCase(body, 'batch'),
  check: (incoming) => checkAccess(incoming, 'batch') ?? fault400(checkBatch(incoming)),
  inputs: ({ body }) => rowsOf(body.requests).map(inputOf),
  body: (incoming, rendering) => {
    const requests = rowsOf(incoming.body.requests)
    const rows = spoiled(
      requests.map((request) => vectorFor(incoming, request)),
      rendering.vectors,
    )
    return {
      embeddings: rows.map((vector) => ({ values: numbersOf(vector) })),
      ...usageOf(incoming, requests, rendering),
    }
  },
  failure: (_incoming, trouble) => geminiFailure(trouble),
})

/** Google's embedContent: one text. */
export const geminiEmbedding = embeddingDialect({
  name: 'gemini-embedding',
  plain: (body) => inCamelCase(body, 'embed'),
  check: (incoming) =>
    checkAccess(incoming, 'embed') ?? fault400(checkEmbed(incoming.body, incoming, 'EmbedContentRequest')),
  inputs: ({ body }) => [inputOf(body)],
  body: (incoming, rendering) => {
    const [vector] = spoiled([vectorFor(incoming, incoming.body)], rendering.vectors)
    const embedding = vector === undefined ? {} : { embedding: { values: numbersOf(vector) } }
    return { ...embedding, ...usageOf(incoming, [incoming.body], rendering) }
  },
  failure: (_incoming, trouble) => geminiFailure(trouble),
})

function inputOf({ content }: Fields): ReturnType<typeof textInput> {
  return textInput(
    rowsOf(fieldsOf(content)?.parts)
      .map(({ text }) => textOf(text))
      .join('\n'),
  )
}

function vectorFor(incoming: Incoming, request: Fields): Float32Array {
  const model = geminiModel(incoming)
  const size = numberOf(request.outputDimensionality) ?? embeddingModel(model).dimensions
  return vectorOf(model, inputOf(request).text, size)
}

// Only the newer models count.
function usageOf(incoming: Incoming, requests: Fields[], { withUsage }: Rendering): Fields {
  if (!withUsage || sharedName(geminiModel(incoming)) !== 'gemini-embedding-2') return {}
  const promptTokenCount = tokensOf(requests.map(inputOf))
  const details = [{ modality: 'TEXT', tokenCount: promptTokenCount }]
  return { usageMetadata: { promptTokenCount, promptTokenDetails: details } }
}

function checkAccess(incoming: Incoming, shape: 'embed' | 'batch'): Trouble | undefined {
  const locked = checkGeminiKey(incoming)
  if (locked !== undefined) return locked
  const model = geminiModel(incoming)
  if (model === 'missing-model' || !model.includes('embedding')) {
    const message = `models/${model} is not found for API version v1beta, or is not supported for embedContent. Call ListModels to see the list of available models and their supported methods.`
    return { status: 404, message }
  }
  return fault400(unknownName(incoming.body, shape))
}

function fault400(message: string | undefined): Trouble | undefined {
  return message === undefined ? undefined : { status: 400, message }
}

function checkBatch(incoming: Incoming): string | undefined {
  const requests = rowsOf(incoming.body.requests)
  const place = '* BatchEmbedContentsRequest.requests'
  if (requests.length === 0) return `${place}: at least one request is required`
  if (requests.length > MOST_REQUESTS) return `${place}: at most ${MOST_REQUESTS} requests can be in one batch\n`
  for (const [at, request] of requests.entries()) {
    if (textOf(request.model) === '') return `${place}[${at}].model: unexpected model name format`
    const problem = checkEmbed(request, incoming, `BatchEmbedContentsRequest.requests[${at}]`)
    if (problem !== undefined) return problem
  }
  return undefined
}

function checkEmbed(request: Fields, incoming: Incoming, place: string): string | undefined {
  const model = geminiModel(incoming)
  if (request.model !== undefined && request.model !== `models/${model}`) {
    return `* ${place}.model: the model must be that of the address, models/${model}`
  }
  if (rowsOf(fieldsOf(request.content)?.parts).length === 0) return `* ${place}.content: contents is not specified`
  if (inputOf(request).text === '') return `* ${place}.content: content is empty`
  const { taskType, outputDimensionality: size } = request
  if (taskType !== undefined && !TASK_TYPES.includes(textOf(taskType))) {
    return `Invalid value at 'task_type' (type.googleapis.com/google.ai.generativelanguage.v1beta.TaskType), "${String(taskType)}"`
  }
  if (request.title !== undefined && taskType !== 'RETRIEVAL_DOCUMENT') {
    return `* ${place}.title: only applicable when the task type is RETRIEVAL_DOCUMENT`
  }
  if (size === undefined || allowsSize(embeddingModel(model), Number(size))) return undefined
  return `* ${place}.output_dimensionality: must be in the range [1, ${embeddingModel(model).dimensions}]`
}
