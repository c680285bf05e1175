import { Failure } from '../../chat/failure.ts'
import { GATEWAY_FIELDS, parseChat } from '../../chat/request.ts'
import type {
  EmbeddingAnswer,
  EmbeddingClientFormat,
  EmbeddingInput,
  EmbeddingRequest,
  VectorEncoding,
} from '../embedding-format.ts'
import { isPresent, type JsonObject, omitNull } from '../shared/fields.ts'
import { toOpenRouterUsage, withOpenRouterErrors } from '../shared/openrouter.ts'
import { floatsText, invalid, MAX_INPUTS, toBase64 } from '../shared/vectors.ts'

/** The name of this format, on both sides. */
export const OPENAI_EMBEDDINGS = 'openai-embeddings'

const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  'model',
  'input',
  'encoding_format',
  'dimensions',
  'user',
  ...GATEWAY_FIELDS,
])
const ENCODINGS: ReadonlySet<unknown> = new Set<VectorEncoding>(['float', 'base64', 'base64_int8', 'base64_binary'])

/** What other APIs call Cohere's types of input (docs of Voyage, NVIDIA and Jina). */
const INPUT_TYPES: ReadonlyMap<string, string> = new Map([
  ['document', 'search_document'],
  ['passage', 'search_document'],
  ['query', 'search_query'],
])

/** OpenAI's embeddings (`/v1/embeddings`), which nearly every client speaks that wants vectors (translation 6.1). */
export const openaiEmbeddingsClient: EmbeddingClientFormat = {
  name: OPENAI_EMBEDDINGS,
  readRequest,
  writeAnswer,
  writeError: (failure) => ({ error: writeError(failure) }),
}

/** The same as OpenRouter's clients read it (contract 1). */
export const openaiEmbeddingsAsOpenRouter: EmbeddingClientFormat = withOpenRouterErrors({
  ...openaiEmbeddingsClient,
  writeAnswer: (answer) => writeAnswer({ ...answer, usage: toOpenRouterUsage(answer.usage) }),
})

function readRequest(body: JsonObject): EmbeddingRequest {
  const { model, provider, user } = parseChat({
    ...omitNull({ model: body.model, provider: body.provider, user: body.user }),
    messages: [{ role: 'user', content: '' }],
  })
  if (isPresent(body.models)) throw refusedModels()
  const inputType = readInputType(body.input_type)
  const further = Object.entries(body).filter(([name, value]) => value !== null && !KNOWN_FIELDS.has(name))
  return {
    model,
    inputs: readInputs(body.input),
    encoding: readEncoding(body.encoding_format),
    dimensions: readDimensions(body.dimensions),
    inputType: inputType === undefined ? undefined : (INPUT_TYPES.get(inputType) ?? inputType),
    provider,
    user: user ?? undefined,
    further: Object.fromEntries(further),
  }
}

function refusedModels(): Failure {
  const message =
    "'models' is not supported here: vectors of different models do not mix, so no other model may answer."
  return new Failure('unsupported-parameter', message, { param: 'models' })
}

function readInputs(input: unknown): readonly EmbeddingInput[] {
  if (input === undefined || input === null) {
    throw new Failure('missing-parameter', "The required parameter 'input' is missing.", { param: 'input' })
  }
  if (!Array.isArray(input)) return [checkedInput(input, 'input', typeof input)]
  // A list of numbers is one text.
  if (typeof input[0] === 'number') return [checkedInput(input, 'input', 'object')]
  if (input.length === 0) throw invalid('input', 'must not be empty')
  if (input.length > MAX_INPUTS) throw invalid('input', `must hold at most ${MAX_INPUTS}`)
  const kind = typeof input[0]
  return input.map((element: unknown, at) => checkedInput(element, `input[${at}]`, kind))
}

/** A text or a list of token numbers, as the first input is. */
function checkedInput(input: unknown, param: string, kind: string): EmbeddingInput {
  if (typeof input === 'string' && kind === 'string') {
    if (input === '') throw invalid(param, 'must not be an empty string')
    return input
  }
  if (Array.isArray(input) && kind === 'object') {
    if (input.length === 0) throw invalid(param, 'must not be empty')
    const wrongAt = input.findIndex((token) => !Number.isSafeInteger(token) || token < 0)
    if (wrongAt >= 0) throw invalid(`${param}[${wrongAt}]`, 'must be a token: a whole number, 0 at least')
    return input
  }
  throw invalid(param, param === 'input' ? WHOLE_INPUT : 'must be like the others: all strings, or all lists of tokens')
}

const WHOLE_INPUT = 'must be a string, an array of strings, an array of tokens or an array of token arrays'

function readEncoding(value: unknown): VectorEncoding {
  if (value === undefined || value === null) return 'float'
  if (!ENCODINGS.has(value)) throw invalid('encoding_format', 'must be "float" or "base64"')
  return value as VectorEncoding
}

function readDimensions(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined
  if (!Number.isSafeInteger(value)) throw invalid('dimensions', 'must be a whole number')
  if (Number(value) < 1) throw invalid('dimensions', 'must be at least 1')
  return Number(value)
}

function readInputType(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw invalid('input_type', 'must be a string')
  return value
}

/** The answer's text, vector by vector: it may be as long as memory allows. */
function* writeAnswer({ request, model, vectors, usage, promptTokens }: EmbeddingAnswer): Iterable<string> {
  let comma = ''
  yield '{"object":"list","data":['
  for (const [index, vector] of vectors.entries()) {
    const whole = request.encoding === 'float' ? floatsText(vector) : base64Text(vector)
    yield `${comma}{"object":"embedding","index":${index},"embedding":${whole}}`
    comma = ','
  }
  const counts = { ...usage, prompt_tokens: promptTokens, total_tokens: promptTokens }
  yield `],"model":${JSON.stringify(model)},"usage":${JSON.stringify(counts)}}`
}

/** Base64 has no character that JSON would escape. */
function base64Text(vector: EmbeddingAnswer['vectors'][number]): string {
  return `"${typeof vector === 'string' ? vector : toBase64(vector)}"`
}

/** What is said of a prompt is said of the input. */
function writeError(failure: Failure): JsonObject {
  const error = failure.toError()
  return error.param === 'messages' ? { ...error, param: 'input' } : { ...error }
}
