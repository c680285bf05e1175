import * as z from 'zod/mini'
import { Failure } from '../../chat/failure.ts'
import { type Chat, parseChat, ROUTING_FIELDS } from '../../chat/request.ts'
import { boundedList } from '../../chat/schema-parts.ts'
import type { ClientRequest } from '../format.ts'
import { isPresent } from '../shared/fields.ts'
import { unsupportedParameter } from '../shared/parts.ts'

/** The name of this format, on both sides. */
export const OPENAI_COMPLETIONS = 'openai-completions'

type Body = Readonly<Record<string, unknown>>

const text = z.string()
/** As many texts as a request may hold. Each gets an answer, or several (`n`). */
const MAX_PROMPTS = 128
const prompts = boundedList(() => text, { min: 1, max: MAX_PROMPTS })

/** What means the same in a chat, and is checked as there. */
const SHARED_FIELDS = [
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
const KNOWN_FIELDS: ReadonlySet<string> = new Set([...SHARED_FIELDS, ...OWN_FIELDS])
const MAX_LOGPROBS = 20

/**
 * Reads OpenAI's text completions: the prompt becomes one user message. What a chat has no field for is for deployments that
 * have this endpoint themselves: the source names such fields.
 * @throws Failure that names the field at fault.
 */
export function readCompletionRequest(body: Body): ClientRequest {
  const texts = readPrompts(body.prompt)
  const suffix = checkedText(body.suffix)
  const { n } = parseFields(body)
  const chat = parseChat({
    ...sharedFields(body),
    // With a suffix or several texts, no chat is sent: it only says how long they are.
    messages: [{ role: 'user', content: (suffix === '' ? texts : [...texts, suffix]).join('\n') }],
    ...readLogprobs(body.logprobs),
    // Each text gets as many answers, all in one list.
    ...(texts.length > 1 ? { n: checkedAnswers((n ?? 1) * texts.length) } : {}),
  })
  const bestOf = checkedBestOf(body.best_of)
  const requires = requiredHere(body, texts, bestOf > (n ?? 1))
  const dropped = Object.keys(body).filter((name) => !KNOWN_FIELDS.has(name) && isPresent(body[name]))
  return {
    chat,
    source: {
      format: OPENAI_COMPLETIONS,
      body,
      dropped,
      ...(requires === undefined ? {} : { requires: unsupportedParameter(requires) }),
    },
    // Of `best_of` answers the best `n` are shown.
    answers: Math.max(n ?? 1, bestOf) * texts.length,
  }
}

function readPrompts(prompt: unknown): readonly string[] {
  if (typeof prompt === 'string') return [prompt]
  if (prompt === undefined || prompt === null) {
    throw new Failure('missing-parameter', "The required parameter 'prompt' is missing.", { param: 'prompt' })
  }
  const { success, data } = prompts.safeParse(prompt)
  if (success) return data
  throw new Failure('invalid-value', `'prompt' must be a string or an array of 1 to ${MAX_PROMPTS} strings.`, {
    param: 'prompt',
  })
}

/** The fields that a chat has too, with their faults. */
function parseFields(body: Body): Chat {
  return parseChat({ ...sharedFields(body), messages: [{ role: 'user', content: '' }] })
}

function sharedFields(body: Body): Record<string, unknown> {
  const shared: Record<string, unknown> = {}
  for (const name of SHARED_FIELDS) if (body[name] !== undefined && body[name] !== null) shared[name] = body[name]
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

/** The first field that a chat cannot carry. Values that change nothing can be left out. */
function requiredHere(body: Body, texts: readonly string[], hidesAnswers: boolean): string | undefined {
  if (texts.length > 1) return 'prompt'
  if (body.suffix) return 'suffix'
  if (checkedBoolean(body.echo)) return 'echo'
  return hidesAnswers ? 'best_of' : undefined
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
