import type { Failure } from '../../chat/failure.ts'
import type { EmbeddingAnswer, EmbeddingClientFormat, EmbeddingRequest } from '../embedding-format.ts'
import { isJsonObject, type JsonObject } from '../shared/fields.ts'
import { unsupportedContent, unsupportedParameter } from '../shared/parts.ts'
import { floatsText, invalid, MAX_INPUTS } from '../shared/vectors.ts'
import { withCamelNames } from './read-names.ts'
import { GEMINI } from './write-contents.ts'
import { writeGeminiError } from './write-error.ts'

/** Google's tasks in Cohere's words; the others have none. */
const INPUT_TYPES: ReadonlyMap<unknown, string> = new Map([
  ['RETRIEVAL_DOCUMENT', 'search_document'],
  ['RETRIEVAL_QUERY', 'search_query'],
  ['CODE_RETRIEVAL_QUERY', 'search_query'],
  ['QUESTION_ANSWERING', 'search_query'],
  ['FACT_VERIFICATION', 'search_query'],
  ['CLASSIFICATION', 'classification'],
  ['CLUSTERING', 'clustering'],
])
/** What is read here, and so not dropped. */
const READ_FIELDS: ReadonlySet<string> = new Set(['model', 'content', 'outputDimensionality', 'embedContentConfig'])

/** Google's `embedContent`: one text, one vector (translation 6.1). */
export const geminiEmbedClient: EmbeddingClientFormat = {
  name: GEMINI,
  readRequest: (body) => readRequests(body, [withCamelNames(body)], () => ''),
  writeAnswer: (answer) => writeAnswer(answer, '{"embedding":', ''),
  writeError: writeGeminiError,
}

/** Google's `batchEmbedContents`: a request and a vector for each text. */
export const geminiBatchEmbedClient: EmbeddingClientFormat = {
  ...geminiEmbedClient,
  readRequest: (body) => {
    const { requests } = withCamelNames(body)
    if (!Array.isArray(requests) || requests.length === 0) throw invalid('requests', 'must be an array of requests')
    if (requests.length > MAX_INPUTS) throw invalid('requests', `must hold at most ${MAX_INPUTS}`)
    return readRequests(body, requests, (at) => `requests[${at}].`)
  },
  writeAnswer: (answer) => writeAnswer(answer, '{"embeddings":[', ']'),
}

/** What is read of one request. */
interface ReadEmbed {
  readonly native: JsonObject
  readonly text: string
  readonly dimensions: number | undefined
  readonly task: unknown
  readonly dropped: readonly string[]
  readonly requires: Failure | undefined
}

function readRequests(
  { model }: JsonObject,
  requests: readonly unknown[],
  pathOf: (at: number) => string,
): EmbeddingRequest {
  const read = requests.map((request, at) => readOne(request, pathOf(at), model))
  const [first] = read
  const { dimensions, task } = first ?? {}
  const otherLength = read.findIndex((one) => one.dimensions !== dimensions)
  if (otherLength >= 0) throw invalid(`${pathOf(otherLength)}outputDimensionality`, 'must be the same in all requests')
  const otherTask = read.findIndex((one) => one.task !== task)
  const requires = otherTask < 0 ? undefined : unsupportedParameter(`${pathOf(otherTask)}taskType`)
  return {
    model: String(model),
    inputs: read.map(({ text }) => text),
    encoding: 'float',
    dimensions,
    inputType: INPUT_TYPES.get(task),
    further: {},
    source: {
      format: GEMINI,
      requests: read.map(({ native }) => native),
      requires: read.find((one) => one.requires)?.requires ?? requires,
      dropped: [...new Set(read.flatMap(({ dropped }) => dropped))],
    },
  }
}

function readOne(request: unknown, path: string, model: unknown): ReadEmbed {
  if (!isJsonObject(request)) throw invalid(path.slice(0, -1), 'must be an object')
  const { model: own, stream: _, ...native } = request
  // Vectors of two models do not mix.
  if (own !== model && own !== undefined && own !== `models/${String(model)}`) {
    throw invalid(`${path}model`, `must be the model of the address, 'models/${String(model)}'`)
  }
  const { embedContentConfig: config } = native
  const fields: JsonObject = isJsonObject(config) ? { ...native, ...config } : native
  const { taskType: task, outputDimensionality: dimensions } = fields
  if (task !== undefined && typeof task !== 'string') throw invalid(`${path}taskType`, 'must be a string')
  if (dimensions !== undefined && !(Number.isSafeInteger(dimensions) && Number(dimensions) >= 1)) {
    throw invalid(`${path}outputDimensionality`, 'must be a whole number, 1 at least')
  }
  const isTold = task === undefined || INPUT_TYPES.has(task)
  const dropped = Object.keys(fields).filter((name) => !READ_FIELDS.has(name) && !(name === 'taskType' && isTold))
  return { native, dropped, task, dimensions: dimensions as number | undefined, ...readContent(native.content, path) }
}

/** The texts of a content are one; other parts are for Google alone. */
function readContent(content: unknown, path: string): Pick<ReadEmbed, 'text' | 'requires'> {
  const parts = isJsonObject(content) ? content.parts : undefined
  if (!Array.isArray(parts) || parts.length === 0) throw invalid(`${path}content`, 'must have parts')
  const texts = parts.map((part: unknown) => (isJsonObject(part) ? part.text : part))
  const oddAt = texts.findIndex((text) => typeof text !== 'string')
  const text = texts.filter((one) => typeof one === 'string').join('\n')
  if (oddAt >= 0) {
    const param = `${path}content.parts[${oddAt}]`
    if (!isJsonObject(parts[oddAt])) throw invalid(param, 'must be an object')
    return { text, requires: unsupportedContent(param, 'anything but text') }
  }
  if (text.trim() === '') throw invalid(`${path}content`, 'must not be empty')
  return { text, requires: undefined }
}

function* writeAnswer(answer: EmbeddingAnswer, start: string, end: string): Iterable<string> {
  let before = start
  for (const vector of answer.vectors) {
    yield `${before}{"values":${floatsText(vector)}}`
    before = ','
  }
  yield `${end}${usageText(answer)}}`
}

/** Where Google does not count, its answer has no usage either. */
function usageText({ promptTokens: promptTokenCount, usage }: EmbeddingAnswer): string {
  if (usage.estimated === true) return ''
  const counts = Object.entries(Object(usage.prompt_tokens_details)).filter(([name]) => name.endsWith('_tokens'))
  const promptTokenDetails = counts.map(([name, tokenCount]) => {
    return { modality: name.slice(0, -'_tokens'.length).toUpperCase(), tokenCount }
  })
  const metadata = promptTokenDetails.length > 0 ? { promptTokenCount, promptTokenDetails } : { promptTokenCount }
  return `,"usageMetadata":${JSON.stringify(metadata)}`
}
