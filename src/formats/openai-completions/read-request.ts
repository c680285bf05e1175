import { Failure } from '../../chat/failure.ts'
import { type Chat, GATEWAY_FIELDS, parseChat, ROUTING_FIELDS } from '../../chat/request.ts'
import type { ClientRequest } from '../format.ts'
import { isPresent } from '../shared/fields.ts'
import { unsupportedParameter } from '../shared/parts.ts'

/** The name of this format, on both sides. */
export const OPENAI_COMPLETIONS = 'openai-completions'

type Body = Readonly<Record<string, unknown>>

/** As many prompts as a request may hold. Each gets an answer, or several (`n`). */
const MAX_PROMPTS = 128
/** Numbers of tokens have 32 bits; no vocabulary has so many. */
const MAX_TOKEN = 2 ** 31 - 1

/** What means the same in a chat, and is checked as there. */
export const SHARED_FIELDS = [
  'model',
  'stream',
  'stream_options',
  'temperature',
  'top_p',
  'top_k',
  'max_tokens',
  'n',
  'stop',
  'seed',
  'presence_penalty',
  'frequency_penalty',
  'logit_bias',
  'user',
  ...ROUTING_FIELDS,
]
/** What is read here. */
const OWN_FIELDS = ['prompt', 'logprobs', 'suffix', 'echo', 'best_of']
const KNOWN_FIELDS: ReadonlySet<string> = new Set([...SHARED_FIELDS, ...OWN_FIELDS, ...GATEWAY_FIELDS])
const MAX_LOGPROBS = 20

/**
 * Reads OpenAI's text completions: the prompt becomes one user message. What a chat has no field for is for deployments that
 * have this endpoint themselves: the source names such fields.
 * @throws Failure that names the field at fault.
 */
export function readCompletionRequest(body: Body): ClientRequest {
  const prompts = readPrompts(body.prompt)
  const suffix = checkedText(body.suffix)
  const { n } = parseFields(body)
  const [first] = prompts
  const isChat = prompts.length === 1 && typeof first === 'string' && suffix === ''
  const chat = parseChat({
    ...sharedFields(body),
    messages: [{ role: 'user', content: typeof first === 'string' ? first : '' }],
    ...readLogprobs(body.logprobs),
    // Each prompt gets as many answers, all in one list.
    ...(prompts.length > 1 ? { n: checkedAnswers((n ?? 1) * prompts.length) } : {}),
  })
  const bestOf = checkedBestOf(body.best_of)
  const requires = requiredHere(body, { prompts, hidesAnswers: bestOf > (n ?? 1) })
  const dropped = Object.keys(body).filter((name) => !KNOWN_FIELDS.has(name) && isPresent(body[name]))
  return {
    chat,
    source: { format: OPENAI_COMPLETIONS, body, dropped, ...(requires === undefined ? {} : { requires }) },
    // Of `best_of` answers the best `n` are shown.
    answers: Math.max(n ?? 1, bestOf) * prompts.length,
    // What a chat does not hold has a length all the same.
    ...(isChat ? {} : { prompts: { all: prompts, suffix } }),
  }
}

/** A text, or tokens by their numbers. */
type Prompt = string | readonly number[]

function readPrompts(prompt: unknown): readonly Prompt[] {
  if (typeof prompt === 'string') return [prompt]
  if (prompt === undefined || prompt === null) {
    throw new Failure('missing-parameter', "The required parameter 'prompt' is missing.", { param: 'prompt' })
  }
  if (isTokens(prompt)) return [prompt]
  if (Array.isArray(prompt) && prompt.length > 0 && prompt.length <= MAX_PROMPTS) {
    if (prompt.every(isText) || prompt.every(isTokens)) return prompt
  }
  const text = `'prompt' must be a string, an array of tokens (whole numbers from 0), or an array of 1 to ${MAX_PROMPTS} strings or arrays of tokens.`
  throw new Failure('invalid-value', text, { param: 'prompt' })
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isTokens(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every(isToken)
}

function isToken(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_TOKEN
}

/** The fields that a chat has too, with their faults. */
function parseFields(body: Body): Chat {
  return parseChat({ ...sharedFields(body), messages: [{ role: 'user', content: '' }] })
}

function sharedFields(body: Body): Record<string, unknown> {
  const shared: Record<string, unknown> = {}
  for (const name of SHARED_FIELDS) if (body[name] !== undefined && body[name] !== null) shared[name] = body[name]
  // No chat asks for nothing. As a measure of what may be used, 1 is near enough; 0 would mean that nobody has said.
  if (shared.max_tokens === 0) shared.max_tokens = 1
  return shared
}

/** A number of alternatives here; a switch and a number in a chat. */
function readLogprobs(logprobs: unknown): { logprobs?: true; top_logprobs?: number } {
  if (logprobs === undefined || logprobs === null) return {}
  if (!Number.isInteger(logprobs) || Number(logprobs) < 0 || Number(logprobs) > MAX_LOGPROBS) {
    const message = `'logprobs' must be a whole number from 0 to ${MAX_LOGPROBS}.`
    throw new Failure('invalid-value', message, { param: 'logprobs' })
  }
  return { logprobs: true, top_logprobs: Number(logprobs) }
}

function checkedAnswers(count: number): number {
  if (count <= MAX_PROMPTS) return count
  const message = `'prompt' and 'n' ask for ${count} answers; at most ${MAX_PROMPTS} are possible.`
  throw new Failure('invalid-value', message, { param: 'n' })
}

/** Why a chat cannot carry the request. Values that change nothing can be left out. */
function requiredHere(
  body: Body,
  { prompts, hidesAnswers }: { prompts: readonly Prompt[]; hidesAnswers: boolean },
): Failure | undefined {
  const echoes = checkedBoolean(body.echo)
  if (prompts.length > 1 || typeof prompts[0] !== 'string') return unsupportedParameter('prompt')
  if (body.suffix) return unsupportedParameter('suffix')
  if (echoes) return unsupportedParameter('echo')
  if (hidesAnswers) return unsupportedParameter('best_of')
  return body.max_tokens === 0 ? noAnswerAsked() : undefined
}

function noAnswerAsked(): Failure {
  const text = "The model that was chosen answers with one token at least, so that 'max_tokens' cannot be 0."
  return new Failure('unsupported-parameter', text, { param: 'max_tokens' })
}

function checkedText(suffix: unknown): string {
  if (suffix === undefined || suffix === null) return ''
  if (typeof suffix === 'string') return suffix
  throw new Failure('invalid-value', "'suffix' must be a string.", { param: 'suffix' })
}

function checkedBoolean(echo: unknown): boolean {
  if (echo === undefined || echo === null) return false
  if (typeof echo === 'boolean') return echo
  throw new Failure('invalid-value', "'echo' must be true or false.", { param: 'echo' })
}

function checkedBestOf(bestOf: unknown): number {
  if (bestOf === undefined || bestOf === null) return 1
  if (Number.isInteger(bestOf) && Number(bestOf) >= 1 && Number(bestOf) <= MAX_PROMPTS) return Number(bestOf)
  const message = `'best_of' must be a whole number from 1 to ${MAX_PROMPTS}.`
  throw new Failure('invalid-value', message, { param: 'best_of' })
}
