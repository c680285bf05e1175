import type { ErrorReply, Incoming, Rendering, Trouble } from './dialect.ts'
import { type EmbeddingInput, embeddingDialect, textInput, tokensOf } from './embeddings.ts'
import { checkCohereEmbedding, cohereInputs, cohereVectors } from './embeddings-cohere.ts'
import { allowsSize, embeddingModel, sharedName } from './embeddings-models.ts'
import { bitsOf, numbersOf, spoiled, vectorOf } from './embeddings-vectors.ts'
import { type Fields, listOf, numberOf, textOf } from './json.ts'

const TITAN_FIELDS = ['inputText', 'dimensions', 'normalize', 'embeddingTypes']
const COHERE_FIELDS = [
  'texts',
  'images',
  'inputs',
  'input_type',
  'embedding_types',
  'truncate',
  'output_dimension',
  'max_tokens',
]
const MOST_TITAN_CHARACTERS = 50_000
const MOST_OLD_COHERE_CHARACTERS = 2048

/** Models on Bedrock by their own bodies: one text a call for Titan, Cohere's texts for Cohere. */
export const bedrockEmbeddings = embeddingDialect({
  name: 'bedrock-embeddings',
  headers: (incoming, { ids }) => ({
    'x-amzn-requestid': ids.uuid(),
    'x-amzn-bedrock-input-token-count': String(tokensOf(inputsOf(incoming))),
  }),
  check,
  inputs: inputsOf,
  body: answer,
  failure,
})

function modelOf({ path }: Incoming): string {
  const name = /\/model\/([^/]+)\/invoke/.exec(path)?.[1] ?? ''
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

function isCohere(incoming: Incoming): boolean {
  return /(?:^|\.)cohere\./.test(modelOf(incoming))
}

function inputsOf(incoming: Incoming): EmbeddingInput[] {
  return isCohere(incoming) ? cohereInputs(incoming.body) : [textInput(textOf(incoming.body.inputText))]
}

function check(incoming: Incoming): Trouble | undefined {
  const key = /^Bearer\s+(\S+)$/i.exec(incoming.headers.authorization ?? '')?.[1]
  if (key === undefined) return { status: 403, message: 'Missing Authentication Token' }
  if (key === 'bad-key') return { status: 403, reason: 'key' }
  const model = modelOf(incoming)
  if (!/titan-embed|cohere\.embed/.test(model))
    return { status: 400, message: 'The provided model identifier is invalid.' }
  const { body } = incoming
  const fields = isCohere(incoming) ? COHERE_FIELDS : TITAN_FIELDS
  const unknown = Object.keys(body).find((field) => !fields.includes(field))
  const problem =
    (unknown === undefined ? undefined : `extraneous key [${unknown}] is not permitted`) ??
    (isCohere(incoming) ? checkCohere(body, model) : checkTitan(body, model))
  if (problem === undefined) return undefined
  return { status: 400, message: `Malformed input request: ${problem}, please reformat your input and try again.` }
}

function checkTitan(body: Fields, model: string): string | undefined {
  const { inputText: text, dimensions, embeddingTypes: types } = body
  if (text === undefined) return 'required key [inputText] not found'
  if (typeof text !== 'string') return '#/inputText: expected type: String'
  if (text === '') return '#/inputText: expected minLength: 1, actual: 0'
  if (text.length > MOST_TITAN_CHARACTERS) {
    return `#/inputText: expected maxLength: ${MOST_TITAN_CHARACTERS}, actual: ${text.length}`
  }
  const isOld = sharedName(model) === 'titan-embed-text-v1'
  const late = TITAN_FIELDS.slice(1).find((field) => body[field] !== undefined)
  if (isOld && late !== undefined) return `extraneous key [${late}] is not permitted`
  if (dimensions !== undefined && !allowsSize(embeddingModel(model), Number(dimensions))) {
    return `#/dimensions: ${String(dimensions)} is not a valid enum value`
  }
  const stray = listOf(types).find((name) => name !== 'float' && name !== 'binary')
  return stray === undefined ? undefined : `#/embeddingTypes: ${String(stray)} is not a valid enum value`
}

function checkCohere(body: Fields, model: string): string | undefined {
  const isOld = sharedName(model) !== 'embed-v4'
  if (isOld && body.output_dimension !== undefined) return 'extraneous key [output_dimension] is not permitted'
  const long = listOf(body.texts).findIndex((text) => textOf(text).length > MOST_OLD_COHERE_CHARACTERS)
  if (isOld && long >= 0) return `#/texts/${long}: expected maxLength: ${MOST_OLD_COHERE_CHARACTERS}`
  return checkCohereEmbedding(body, model)
}

function answer(incoming: Incoming, { ids, vectors, withUsage }: Rendering): Fields {
  const { body } = incoming
  const model = modelOf(incoming)
  if (isCohere(incoming)) {
    const embeddings = cohereVectors(body, model, vectors)
    const byType = body.embedding_types !== undefined
    return {
      id: ids.uuid(),
      texts: body.texts,
      embeddings: byType ? embeddings : embeddings.float,
      response_type: byType ? 'embeddings_by_type' : 'embeddings_floats',
    }
  }
  const size = numberOf(body.dimensions) ?? embeddingModel(model).dimensions
  const [vector = null] = spoiled([vectorOf(model, textOf(body.inputText), size)], vectors)
  const float = numbersOf(vector)
  const types = listOf(body.embeddingTypes)
  const binary = types.includes('binary') && vector !== null ? { binary: Array.from(bitsOf(vector, false)) } : {}
  const isBinaryOnly = types.length > 0 && !types.includes('float')
  return {
    ...(isBinaryOnly ? {} : { embedding: float }),
    embeddingsByType: { ...(isBinaryOnly ? {} : { float }), ...binary },
    ...(withUsage ? { inputTextTokenCount: tokensOf(inputsOf(incoming)) } : {}),
  }
}

const ERRORS: Record<number, [type: string, message: string]> = {
  400: ['ValidationException', 'Malformed input request, please reformat your input and try again.'],
  403: ['AccessDeniedException', "You don't have access to the model with the specified model ID."],
  404: ['ResourceNotFoundException', 'Could not resolve the foundation model from the provided model identifier.'],
  408: ['ModelTimeoutException', 'Model has timed out in processing the request. Try your request again.'],
  424: ['ModelErrorException', 'The system encountered an unexpected error during processing. Try your request again.'],
  429: ['ThrottlingException', 'Too many requests, please wait before trying again.'],
  500: [
    'InternalServerException',
    'The system encountered an unexpected error during processing. Try your request again.',
  ],
  503: ['ServiceUnavailableException', 'Bedrock is unable to process your request.'],
}

function failure(_incoming: Incoming, { status, message, reason }: Trouble): ErrorReply {
  const [type, words] = ERRORS[status] ?? ERRORS[status < 500 ? 400 : 500] ?? ['', '']
  const key = reason === 'key' ? 'Authentication failed: Please make sure your API Key is valid.' : undefined
  return {
    status,
    headers: { 'x-amzn-errortype': `${type}:http://internal.amazon.com/` },
    body: { message: message ?? key ?? words },
  }
}
