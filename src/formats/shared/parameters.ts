import { type Chat, ROUTING_FIELDS } from '../../chat/request.ts'
import { type JsonObject, omitNull } from './fields.ts'
import { unsupportedParameter } from './parts.ts'

/**
 * What a format other than OpenAI's chat does with a parameter: it translates it, drops it because the answer is right without
 * it, or refuses it because the answer would be wrong.
 */
export type ParameterPolicy = 'translated' | 'dropped' | 'refused'

/** Parameters without which an answer would be wrong: who cannot translate one of them refuses it. */
const ESSENTIAL: ReadonlySet<string> = new Set(['n', 'stop', 'logprobs', 'web_search_options', 'modalities', 'audio'])

/** Parameters that nearly all these formats translate. */
const ALWAYS_TRANSLATED = [
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'top_k',
  'stop',
  'tools',
  'tool_choice',
  'response_format',
  'reasoning_effort',
  'reasoning',
  'functions',
  'function_call',
]

/** Further parameters that an answer is right without. */
const ALWAYS_DROPPED = [
  'logit_bias',
  'prediction',
  'verbosity',
  'store',
  'metadata',
  'prompt_cache_key',
  'prompt_cache_retention',
]

const SAMPLING = ['seed', 'presence_penalty', 'frequency_penalty']

/**
 * The formats that are not OpenAI's chat, and what each of them translates beside the usual (translation 1.2, 2.2, 3, 5.2). In
 * the format of chats a provider's quirks say what differs.
 */
const TRANSLATED = {
  anthropic: translates('parallel_tool_calls', 'web_search_options', 'user', 'safety_identifier', 'service_tier'),
  gemini: translates(...SAMPLING, 'n', 'logprobs', 'top_logprobs', 'web_search_options', 'modalities'),
  cohere: translates(...SAMPLING),
  ollama: translates(...SAMPLING),
  responses: new Set(
    [
      ...ALWAYS_TRANSLATED,
      'parallel_tool_calls',
      'web_search_options',
      'user',
      'safety_identifier',
      'service_tier',
      'logprobs',
      'top_logprobs',
      'verbosity',
      'metadata',
      'prompt_cache_key',
      'prompt_cache_retention',
    ].filter((name) => name !== 'stop' && name !== 'top_k'),
  ),
} satisfies Record<string, ReadonlySet<string>>

export type TranslatedFormat = keyof typeof TRANSLATED

export const TRANSLATED_FORMATS = Object.keys(TRANSLATED) as readonly TranslatedFormat[]

function translates(...names: readonly string[]): ReadonlySet<string> {
  return new Set([...ALWAYS_TRANSLATED, ...names])
}

/** Every parameter of OpenAI's chat completions. `src/docs/parameters.md` is made from this and `policyFor`. */
export function allParameters(): ReadonlySet<string> {
  const translated = Object.values(TRANSLATED).flatMap((names) => [...names])
  return new Set([...ALWAYS_TRANSLATED, ...translated, ...ESSENTIAL, ...ALWAYS_DROPPED])
}

export function policyFor(name: string, format: TranslatedFormat): ParameterPolicy {
  if (TRANSLATED[format].has(name)) return 'translated'
  return ESSENTIAL.has(name) ? 'refused' : 'dropped'
}

/** Whether an answer would be wrong without a parameter. */
export function isEssential(name: string): boolean {
  return ESSENTIAL.has(name)
}

/** Fields of a format that OpenAI does not have. Callers who know them may send them; they are not changed. */
export const NATIVE_FIELDS: Readonly<Record<TranslatedFormat, readonly string[]>> = {
  anthropic: [
    'thinking',
    'output_config',
    'context_management',
    'mcp_servers',
    'container',
    'cache_control',
    'inference_geo',
  ],
  gemini: ['safety_settings'],
  cohere: ['documents', 'citation_options', 'safety_mode', 'strict_tools', 'thinking', 'priority'],
  ollama: ['think', 'keep_alive', 'options'],
  responses: [],
}

/** The fields of a request that only this format has. */
export function nativeFields(chat: Chat, format: TranslatedFormat): JsonObject {
  return omitNull(Object.fromEntries(NATIVE_FIELDS[format].map((name) => [name, chat[name]])))
}

/** The stop sequences as a list; undefined where there are none. */
export function stopSequences({ stop }: Chat): readonly string[] | undefined {
  const list = typeof stop === 'string' ? [stop] : stop
  return list?.length ? list : undefined
}

/** Fields that every request has, and those for Router9 itself. */
const ENVELOPE = new Set(['model', 'messages', 'stream', 'stream_options', ...ROUTING_FIELDS])

/**
 * Applies the format's policy to a request's parameters. Unknown ones are dropped.
 * @returns the names of the dropped ones.
 * @throws Failure `unsupported-parameter` for one that is refused, unless its value asks for nothing.
 */
export function checkParameters(chat: Chat, format: TranslatedFormat): string[] {
  const dropped: string[] = []
  for (const name in chat) {
    const value = chat[name]
    if (value === null || value === undefined || ENVELOPE.has(name) || NATIVE_FIELDS[format].includes(name)) continue
    const policy = policyFor(name, format)
    if (policy === 'refused' && !isNeutralValue(name, value)) throw unsupportedParameter(name)
    if (policy === 'dropped') dropped.push(name)
  }
  return dropped
}

/** Whether a value changes nothing, because it is off, empty, or the default. */
export function isNeutralValue(name: string, value: unknown): boolean {
  if (value === false) return true
  if (name === 'n') return value === 1
  if (!Array.isArray(value)) return false
  return value.length === 0 || (name === 'modalities' && value.every((modality) => modality === 'text'))
}
