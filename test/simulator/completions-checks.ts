import type { Incoming, Trouble } from './dialect.ts'
import { type EmbeddingInput, readInputs } from './embeddings.ts'
import { flavourOf } from './flavours.ts'
import { type Fields, numberOf, textOf } from './json.ts'
import { checkOpenaiKey } from './openai-checks.ts'
import { refusal } from './openai-refusal.ts'

/** How a provider limits its text completions. */
interface Rules {
  /** All that it accepts, where it refuses the rest. */
  accepts?: ReadonlySet<string>
  /** The models that it serves here; all where absent. */
  models?: RegExp
  wrongModel?: Trouble
  /** The address at which alone it has them. */
  path?: RegExp
  wrongPath?: Trouble
  takesLists: boolean
  maxLogprobs: number
  windowOf?(model: string): number
}

const OPENAI: Rules = {
  accepts: new Set(
    'model prompt best_of echo frequency_penalty logit_bias logprobs max_tokens n presence_penalty seed stop stream stream_options suffix temperature top_p user'.split(
      ' ',
    ),
  ),
  models: /^(gpt-3\.5-turbo-instruct|davinci-002|babbage-002|missing-model)/,
  wrongModel: {
    status: 404,
    message:
      'This is a chat model and not supported in the v1/completions endpoint. Did you mean to use v1/chat/completions?',
    param: 'model',
  },
  takesLists: true,
  maxLogprobs: 5,
  windowOf: (model) => (model.startsWith('gpt-3.5') ? 4097 : 16_385),
}

const LAX: Rules = { takesLists: true, maxLogprobs: 100 }

const RULES: Record<string, Rules> = {
  openai: OPENAI,
  azure: OPENAI,
  deepseek: {
    path: /^\/beta\/completions$/,
    wrongPath: {
      status: 400,
      message: 'completions api is only available when using beta api (set base_url="https://api.deepseek.com/beta")',
    },
    models: /^deepseek-(?!reasoner)/,
    wrongModel: { status: 400, message: 'Model Not Exist' },
    takesLists: false,
    maxLogprobs: 20,
  },
  mistral: {
    accepts: new Set(
      'model prompt suffix stream temperature top_p max_tokens min_tokens stop random_seed metadata'.split(' '),
    ),
    path: /\/fim\/completions$/,
    wrongPath: { status: 404, message: 'no Route matched with those values' },
    models: /^codestral-/,
    wrongModel: { status: 400, message: 'Invalid model for the FIM endpoint.', code: '1500' },
    takesLists: false,
    maxLogprobs: 0,
  },
}

/** The largest token that OpenAI's models know. */
const MAX_TOKEN = 100_257

/** The texts or tokens to go on from. */
export function promptsOf({ body }: Incoming): EmbeddingInput[] {
  return readInputs(body.prompt) ?? []
}

/** What this provider would refuse in a request for text completions. */
export function checkCompletion(incoming: Incoming): Trouble | undefined {
  const { body, slot, path } = incoming
  const rules = RULES[slot] ?? LAX
  const model = textOf(body.model)
  const locked = checkOpenaiKey(incoming)
  if (locked !== undefined) return locked
  if (rules.path?.test(path.replace(/\?.*/, '')) === false) return rules.wrongPath
  const unknown = Object.keys(body).find((field) => rules.accepts?.has(field) === false)
  if (unknown !== undefined) {
    const refused = refusal(`Unrecognized request argument supplied: ${unknown}`, undefined)
    return flavourOf(slot).unknown?.(unknown) ?? refused
  }
  if (model === 'missing-model') return { status: 404 }
  if (model !== '' && rules.models?.test(model) === false) return rules.wrongModel
  return checkPrompt(incoming, rules) ?? checkNumbers(body, rules) ?? checkWindow(incoming, rules)
}

function checkPrompt({ body, slot }: Incoming, rules: Rules): Trouble | undefined {
  if (body.prompt === undefined) {
    return refusal("Missing required parameter: 'prompt'.", 'prompt', 'missing_required_parameter')
  }
  if (!rules.takesLists && typeof body.prompt !== 'string') {
    return { status: 422, param: 'prompt', message: 'Input should be a valid string' }
  }
  if (body.prompt !== '' && readInputs(body.prompt) === undefined) {
    return refusal("'$.prompt' is invalid. Please check the API reference.", undefined)
  }
  const tokens: unknown[] = Array.isArray(body.prompt) ? body.prompt.flat() : []
  const foreign = slot === 'openai' ? tokens.find((token) => typeof token === 'number' && token > MAX_TOKEN) : undefined
  if (foreign === undefined) return undefined
  const message = `Invalid token in prompt: ${foreign}. Minimum value is 0, maximum value is ${MAX_TOKEN} (inclusive).`
  return refusal(message, undefined)
}

function checkNumbers(body: Fields, { maxLogprobs }: Rules): Trouble | undefined {
  const maxTokens = numberOf(body.max_tokens)
  if (maxTokens !== undefined && maxTokens < 0) {
    const message = `Invalid 'max_tokens': integer below minimum value. Expected a value >= 0, but got ${maxTokens} instead.`
    return refusal(message, 'max_tokens', 'integer_below_min_value')
  }
  const logprobs = numberOf(body.logprobs)
  if (logprobs !== undefined && logprobs > maxLogprobs) {
    const message = `Invalid 'logprobs': integer above maximum value. Expected a value <= ${maxLogprobs}, but got ${logprobs} instead.`
    return refusal(message, 'logprobs', 'integer_above_max_value')
  }
  if (body.stream_options !== undefined && body.stream !== true) {
    return refusal("The 'stream_options' parameter is only allowed when 'stream' is enabled.", 'stream_options')
  }
  const [n, bestOf] = [numberOf(body.n) ?? 1, numberOf(body.best_of)]
  if (bestOf === undefined || bestOf >= n) return undefined
  return refusal(
    'You requested that the server return more choices than it will generate (HINT: best_of must be >= n)',
    undefined,
  )
}

function checkWindow(incoming: Incoming, { windowOf }: Rules): Trouble | undefined {
  const window = windowOf?.(textOf(incoming.body.model))
  const asked = numberOf(incoming.body.max_tokens) ?? 16
  const long = promptsOf(incoming).find(({ tokens }) => window !== undefined && tokens + asked > window)
  if (long === undefined) return undefined
  const message = `This model's maximum context length is ${window} tokens, however you requested ${long.tokens + asked} tokens (${long.tokens} in your prompt; ${asked} for the completion). Please reduce your prompt; or completion length.`
  return refusal(message, undefined)
}
