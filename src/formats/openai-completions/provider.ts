import { Failure, quoted } from '../../chat/failure.ts'
import { GATEWAY_FIELDS, ROUTING_FIELDS } from '../../chat/request.ts'
import type { PreparedCall, ProviderCall, ProviderFormat } from '../format.ts'
import { unsupportedParameter } from '../shared/parts.ts'
import { createTextReader } from './read-answer.ts'
import { OPENAI_COMPLETIONS } from './read-request.ts'

/** How a provider's text completions differ from OpenAI's. */
export interface CompletionQuirks {
  /** Where they are, if not at `/completions`. */
  readonly path?: string
  /** The path begins with a version, which takes the place of the one at the end of the base URL. */
  readonly replacesVersion?: true
  /** Fields that go with every request, unless the client has set them. */
  readonly addedFields?: Readonly<Record<string, unknown>>
  readonly rename?: Readonly<Record<string, string>>
  /** The only parameters that it takes beside `model` and `prompt`. */
  readonly allowedParameters?: ReadonlySet<string>
  /** A prompt is one text there, never a list. */
  readonly onePrompt?: true
}

/**
 * OpenAI's text completions at providers that have the endpoint. Only requests that came in this format go out in it, with all
 * that the client sent and the provider takes (translation 3.4).
 */
export const openaiCompletions: ProviderFormat<CompletionQuirks> = {
  name: OPENAI_COMPLETIONS,
  framing: 'sse',
  hasOwnHealth: true,
  prepare,
}

function prepare({ source, model, stream, quirks }: ProviderCall<CompletionQuirks>): PreparedCall {
  if (source?.format !== OPENAI_COMPLETIONS) throw noConversation(model)
  const { path = '/completions', replacesVersion, addedFields, rename = {}, allowedParameters, onePrompt } = quirks
  const body: Record<string, unknown> = { ...addedFields, ...source.body, model }
  // Some know the name of a session too.
  for (const name of allowedParameters === undefined ? ROUTING_FIELDS : GATEWAY_FIELDS) delete body[name]
  if (onePrompt) body.prompt = onlyText(body.prompt)
  for (const [from, to] of Object.entries(rename)) {
    if (body[from] !== undefined) body[to] = body[from]
    delete body[from]
  }
  // Usage is asked for always: it is counted, and it closes every stream. Some report it without being asked.
  if (stream && allowedParameters?.has('stream_options') !== false) {
    body.stream_options = { ...Object(body.stream_options), include_usage: true }
  }
  // Without a stream it has no meaning, and some servers refuse it.
  else delete body.stream_options
  // Then all text is the prompt's.
  const isScored = body.max_tokens === 0
  const dropped = allowedParameters === undefined ? [] : dropOthers(body, allowedParameters)
  return {
    request: { path, headers: {}, body: JSON.stringify(body), ...(replacesVersion && { replacesVersion }) },
    dropped,
    streamReader: () => createTextReader(isScored).message,
    readAnswer: (answer) => createTextReader(isScored).body(answer),
  }
}

/** @throws Failure for a list of several prompts, or of tokens. */
function onlyText(prompt: unknown): unknown {
  const [text] = Array.isArray(prompt) && prompt.length === 1 ? prompt : [prompt]
  if (typeof text === 'string') return text
  throw unsupportedParameter('prompt')
}

const ALWAYS_SENT: ReadonlySet<string> = new Set(['model', 'prompt'])
/** Fields without which an answer would be wrong; others can be left out. */
const ESSENTIAL: ReadonlySet<string> = new Set(['suffix', 'echo', 'n', 'best_of', 'logprobs'])

/** Takes out what the provider does not take. @throws Failure where the answer would be wrong without it. */
function dropOthers(body: Record<string, unknown>, allowed: ReadonlySet<string>): readonly string[] {
  const dropped: string[] = []
  for (const [name, value] of Object.entries(body)) {
    if (ALWAYS_SENT.has(name) || allowed.has(name)) continue
    delete body[name]
    if (isNeutral(name, value)) continue
    if (ESSENTIAL.has(name)) throw unsupportedParameter(name)
    dropped.push(name)
  }
  return dropped
}

/** Whether a value changes nothing. */
function isNeutral(name: string, value: unknown): boolean {
  return value === null || value === false || value === '' || (value === 1 && (name === 'n' || name === 'best_of'))
}

/** For a model that the provider has in this format alone. */
function noConversation(model: string): Failure {
  const text = `The model '${quoted(model)}' continues texts and takes no conversations: send a 'prompt' to POST /v1/completions.`
  return new Failure('model-not-capable', text, { param: 'model' })
}
