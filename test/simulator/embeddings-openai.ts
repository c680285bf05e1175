import type { Incoming, Rendering, Trouble } from './dialect.ts'
import { type EmbeddingInput, embeddingDialect, readInputs, tokensOf } from './embeddings.ts'
import { allowsSize, embeddingModel, sharedName } from './embeddings-models.ts'
import { base64Of, bitsOf, float32Base64, int8Of, numbersOf, spoiled, vectorOf } from './embeddings-vectors.ts'
import { flavourOf } from './flavours.ts'
import { type Fields, textOf } from './json.ts'
import { checkOpenaiKey } from './openai-checks.ts'
import { openaiFailure } from './openai-errors.ts'
import { refusal } from './openai-refusal.ts'

/** How a provider differs from OpenAI in its embeddings. */
interface Rules {
  /** All that it accepts, where it refuses the rest. */
  accepts?: readonly string[]
  maxInputs: number
  maxTokens: number
  takesTokens: boolean
  /** The first is the one without being asked; one that knows none always answers with numbers. */
  encodings: readonly string[]
  sizeField: string
  unknownModel?(model: string): Trouble
  extra?(tokens: number): Fields
  usage?(tokens: number): Fields
}

const CHAT_MODEL = /^(gpt|o\d|chatgpt|davinci|babbage|dall-e|whisper|tts)/

/** What answers call OpenAI's model of 2022. */
const OLD_NAMES: Record<string, string> = { openai: 'text-embedding-ada-002-v2', azure: 'ada' }

const OPENAI: Rules = {
  accepts: ['input', 'model', 'dimensions', 'encoding_format', 'user'],
  maxInputs: 2048,
  maxTokens: 300_000,
  takesTokens: true,
  encodings: ['float', 'base64'],
  sizeField: 'dimensions',
}

const LAX: Rules = {
  maxInputs: Number.POSITIVE_INFINITY,
  maxTokens: Number.POSITIVE_INFINITY,
  takesTokens: true,
  encodings: ['float', 'base64'],
  sizeField: 'dimensions',
}

const RULES: Record<string, Rules> = {
  openai: OPENAI,
  azure: OPENAI,
  mistral: {
    accepts: ['model', 'input', 'encoding_format', 'output_dimension', 'output_dtype', 'metadata'],
    maxInputs: 512,
    maxTokens: 16_384,
    takesTokens: false,
    encodings: ['float', 'base64'],
    sizeField: 'output_dimension',
    unknownModel: (model) => ({ status: 400, message: `Invalid model: ${model}`, code: '1500' }),
    extra: () => ({ id: '0055944ccb01401f872b6d65d250760b' }),
    usage: (tokens) => ({
      prompt_audio_seconds: null,
      prompt_tokens: tokens,
      total_tokens: tokens,
      completion_tokens: 0,
      request_count: null,
      prompt_tokens_details: null,
    }),
  },
  together: { ...LAX, takesTokens: false, encodings: [] },
  fireworks: { ...LAX, encodings: [] },
  openrouter: {
    ...LAX,
    maxInputs: 2048,
    unknownModel: (model) => ({ status: 400, message: `Model ${model} does not exist` }),
    extra: () => ({ id: 'gen-emb-1785754603-jynVWdwSIH2LSbHBCkZx', provider: 'Simulator' }),
    usage: (tokens) => ({ cost: tokens / 50_000_000, is_byok: false, prompt_tokens: tokens, total_tokens: tokens }),
  },
  'workers-ai': {
    ...LAX,
    maxInputs: 100,
    takesTokens: false,
    encodings: [],
    unknownModel: (model) => ({ status: 400, message: `No such model ${model} or task` }),
  },
  ollama: {
    ...LAX,
    unknownModel: (model) => ({ status: 404, message: `model "${model}" not found, try pulling it first` }),
  },
  perplexity: {
    accepts: ['model', 'input', 'dimensions', 'encoding_format'],
    maxInputs: 512,
    maxTokens: 120_000,
    takesTokens: false,
    encodings: ['base64_int8', 'base64_binary'],
    sizeField: 'dimensions',
    usage: (tokens) => ({
      cost: { currency: 'USD', input_cost: tokens * 4e-9, total_cost: tokens * 4e-9 },
      prompt_tokens: tokens,
      total_tokens: tokens,
    }),
  },
}

/** The format of OpenAI's embeddings and of all who copied it. */
export const openaiEmbeddings = embeddingDialect({
  name: 'openai-embeddings',
  headers: (_incoming, { ids }) => ({ 'x-request-id': `req_${ids.hex(32)}` }),
  check,
  inputs: ({ body }) => readInputs(body.input) ?? [],
  body: answer,
  failure: openaiFailure,
})

function rulesOf({ slot }: Incoming): Rules {
  return RULES[slot] ?? LAX
}

// Azure's older addresses name the model and its bodies need not.
function modelOf({ body, path }: Incoming): string {
  return textOf(body.model) || (/\/deployments\/([^/]+)/.exec(path)?.[1] ?? '')
}

function check(incoming: Incoming): Trouble | undefined {
  const { body } = incoming
  const rules = rulesOf(incoming)
  const model = modelOf(incoming)
  const unlocked = checkOpenaiKey(incoming)
  if (unlocked !== undefined) return unlocked
  const unknown = Object.keys(body).find((field) => rules.accepts?.includes(field) === false)
  if (unknown !== undefined) {
    const refused = refusal(`Unrecognized request argument supplied: ${unknown}`, undefined)
    return flavourOf(incoming.slot).unknown?.(unknown) ?? refused
  }
  if (model === '') return refusal('you must provide a model parameter', undefined)
  if (model === 'missing-model') return rules.unknownModel?.(model) ?? { status: 404 }
  if (rules === OPENAI && CHAT_MODEL.test(model)) {
    return { status: 403, message: 'You are not allowed to generate embeddings from this model' }
  }
  const inputs = readInputs(body.input)
  return inputs === undefined
    ? refusal("'$.input' is invalid. Please check the API reference.", undefined)
    : (checkInputs(inputs, rules, model) ?? checkOptions(body, rules, model))
}

function checkInputs(inputs: EmbeddingInput[], rules: Rules, model: string): Trouble | undefined {
  if (!rules.takesTokens && inputs.some(({ isTokens }) => isTokens)) {
    return { status: rules.sizeField === 'output_dimension' ? 422 : 400, message: 'Input should be a valid string' }
  }
  if (inputs.some(({ text, tokens }) => text === '' || tokens === 0)) {
    return refusal("'$.input' is invalid: input cannot be an empty string", undefined)
  }
  if (inputs.length > rules.maxInputs) {
    return { status: 400, message: `Too many inputs in request (${inputs.length}), split into more batches.` }
  }
  const total = tokensOf(inputs)
  if (total > rules.maxTokens) {
    const message = `Requested ${total} tokens, max ${rules.maxTokens} tokens per request`
    return { status: 400, message, code: 'max_tokens_per_request' }
  }
  const { contextTokens } = embeddingModel(model)
  const long = inputs.find(({ tokens }) => tokens > contextTokens)
  if (long === undefined) return undefined
  const message = `This model's maximum context length is ${contextTokens} tokens, however you requested ${long.tokens} tokens (${long.tokens} in your prompt; 0 for the completion). Please reduce your prompt; or completion length.`
  return { status: 400, message, code: 'context_length_exceeded' }
}

function checkOptions(body: Fields, rules: Rules, model: string): Trouble | undefined {
  const { encoding_format: encoding } = body
  const known = rules.encodings.length === 0 || rules.encodings.includes(String(encoding))
  if (encoding !== undefined && encoding !== null && !known) {
    const names = rules.encodings.map((name) => `'${name}'`).join(', ')
    return refusal(`'${String(encoding)}' is not one of [${names}] - 'encoding_format'`, undefined)
  }
  const size = body[rules.sizeField]
  if (size === undefined || size === null) return undefined
  if (typeof size !== 'number') return refusal(`'${String(size)}' is not of type 'integer' - 'dimensions'`, undefined)
  if (size < 1) return refusal(`${size} is less than the minimum of 1 - 'dimensions'`, undefined)
  const known_ = embeddingModel(model)
  if (known_.sizes === undefined) return refusal('This model does not support specifying dimensions.', undefined)
  return allowsSize(known_, size)
    ? undefined
    : refusal(
        `Invalid value for 'dimensions' = ${size}. Must be less than or equal to ${known_.dimensions}.`,
        undefined,
      )
}

function answer(incoming: Incoming, { vectors: fault, withUsage }: Rendering): Fields {
  const { body } = incoming
  const rules = rulesOf(incoming)
  const model = modelOf(incoming)
  const inputs = readInputs(body.input) ?? []
  const size = Number(body[rules.sizeField] ?? embeddingModel(model).dimensions)
  const used = fault === 'other-model' ? 'mistral-embed' : model
  const made = inputs.map(({ text }) => vectorOf(used, text, size))
  const asked = rules.encodings.length === 0 ? 'float' : String(body.encoding_format ?? rules.encodings[0])
  const encoding = fault === 'other-encoding' ? (asked === 'float' ? 'base64' : 'float') : asked
  const rows = spoiled(made, fault).map((vector, index) => ({
    object: 'embedding',
    index: fault === 'twice' ? 0 : index,
    embedding: encoded(vector, encoding),
  }))
  const tokens = tokensOf(inputs)
  const usage = withUsage ? { usage: rules.usage?.(tokens) ?? { prompt_tokens: tokens, total_tokens: tokens } } : {}
  return {
    ...rules.extra?.(tokens),
    object: 'list',
    data: fault === 'reversed' ? rows.reverse() : rows,
    model: sharedName(used) === 'text-embedding-ada-002' ? (OLD_NAMES[incoming.slot] ?? used) : used,
    ...usage,
  }
}

function encoded(vector: Float32Array | null, encoding: string): unknown {
  if (encoding === 'float' || vector === null) return numbersOf(vector)
  if (encoding === 'base64_int8') return base64Of(int8Of(vector))
  return encoding === 'base64_binary' ? base64Of(bitsOf(vector, true)) : float32Base64(vector)
}
