import type { Embedded, EmbeddingCall, EmbeddingProviderFormat } from '../embedding-format.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, omitNull, toCount } from '../shared/fields.ts'
import { notAnAnswer } from '../shared/upstream-error.ts'
import { checkVectors, dimensionsToSend, droppedFields, refuseForeign, textsOf, wrongCount } from '../shared/vectors.ts'
import { GEMINI } from './write-contents.ts'

const MAX_MODALITIES = 10

/** How models differ. */
export interface GeminiEmbeddingQuirks {
  /** Models that are told in the text what it is for, and know no task types. */
  readonly taskless?: RegExp
}

/** Cohere's words as Google's (ai.google.dev, "Embeddings"). */
const TASKS: ReadonlyMap<string, string> = new Map([
  ['search_document', 'RETRIEVAL_DOCUMENT'],
  ['search_query', 'RETRIEVAL_QUERY'],
])
const GOOGLE_TASKS =
  /^(RETRIEVAL_(DOCUMENT|QUERY)|SEMANTIC_SIMILARITY|CLASSIFICATION|CLUSTERING|QUESTION_ANSWERING|FACT_VERIFICATION|CODE_RETRIEVAL_QUERY)$/

/** Google's embeddings (translation 6.2): `embedContent` for one text, which all models have, else `batchEmbedContents`. */
export const geminiEmbeddings: EmbeddingProviderFormat<GeminiEmbeddingQuirks> = { name: GEMINI, prepare }

function prepare(call: EmbeddingCall<GeminiEmbeddingQuirks>): ReturnType<typeof geminiEmbeddings.prepare> {
  const { request, inputs, model } = call
  const { source } = request
  refuseForeign(request, GEMINI)
  const taskType = taskOf(call)
  const outputDimensionality = dimensionsToSend(call)
  const name = `models/${model}`
  const own = source?.format === GEMINI ? source.requests : undefined
  const requests =
    own !== undefined
      ? own.slice(call.offset, call.offset + inputs.length).map((fields) => ({ ...fields, model: name }))
      : textsOf(inputs).map((text) =>
          omitNull({ model: name, content: { parts: [{ text }] }, taskType, outputDimensionality }),
        )
  const [first] = requests
  const method = requests.length === 1 ? 'embedContent' : 'batchEmbedContents'
  const body = requests.length === 1 ? first : { requests }
  return {
    request: {
      path: `/v1beta/models/${encodeURIComponent(model)}:${method}`,
      headers: {},
      body: JSON.stringify(body),
    },
    dropped: own !== undefined ? [] : droppedFields(request, taskType === undefined ? [] : ['input_type']),
    read: (answer) => readAnswer(answer, call),
  }
}

function taskOf({ request, model, quirks }: EmbeddingCall<GeminiEmbeddingQuirks>): string | undefined {
  const { inputType = '' } = request
  const task = TASKS.get(inputType) ?? inputType.toUpperCase()
  return quirks.taskless?.test(model) || !GOOGLE_TASKS.test(task) ? undefined : task
}

function readAnswer(answer: unknown, call: EmbeddingCall<object>): Embedded {
  if (!isJsonObject(answer)) throw notAnAnswer()
  const { embedding, embeddings = [embedding], usageMetadata } = answer
  if (!Array.isArray(embeddings)) throw notAnAnswer()
  if (embeddings.length !== call.inputs.length) throw wrongCount(embeddings.length, call.inputs.length)
  // Only newer models count.
  const usage = isJsonObject(usageMetadata) ? readUsage(usageMetadata) : {}
  return { vectors: checkVectors(embeddings.map(valuesOf), call), ...usage }
}

function readUsage({ promptTokenCount, promptTokenDetails }: JsonObject): Omit<Embedded, 'vectors'> {
  const details = jsonObjectsIn(promptTokenDetails)
    .slice(0, MAX_MODALITIES)
    .map(({ modality, tokenCount }) => [`${String(modality).toLowerCase()}_tokens`, toCount(tokenCount)])
  return {
    promptTokens: toCount(promptTokenCount) || undefined,
    ...(details.length > 0 ? { usage: { prompt_tokens_details: Object.fromEntries(details) } } : {}),
  }
}

function valuesOf(embedding: unknown): unknown {
  return isJsonObject(embedding) ? (embedding as JsonObject).values : undefined
}
