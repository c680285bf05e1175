import { type Chat, ROUTING_FIELDS } from '../../chat/request.ts'
import { type JsonObject, omitNull } from './fields.ts'
import { unsupportedParameter } from './parts.ts'

/**
 * What becomes of a parameter in a dialect of its own: it is put into that dialect's words, left out because the answer is
 * right without it, or refused because it is not.
 */
export type ParameterPolicy = 'translated' | 'dropped' | 'refused'

/** The dialects that are not OpenAI's; in OpenAI's a provider's row says what differs. */
export type TranslatedFormat = 'anthropic' | 'gemini' | 'cohere' | 'ollama'

export type ParameterPolicies = Readonly<Record<TranslatedFormat, ParameterPolicy>>

/** Ollama's own API has the parameters that Cohere's has. */
function row(anthropic: ParameterPolicy, gemini: ParameterPolicy, cohere: ParameterPolicy): ParameterPolicies {
  return { anthropic, gemini, cohere, ollama: cohere }
}

/** Every parameter of OpenAI's chat completions (translation 1.2, 2.2, 3). `src/docs/parameters.md` is made from this table. */
export const PARAMETERS: ReadonlyMap<string, ParameterPolicies> = new Map([
  ['max_tokens', row('translated', 'translated', 'translated')],
  ['max_completion_tokens', row('translated', 'translated', 'translated')],
  ['temperature', row('translated', 'translated', 'translated')],
  ['top_p', row('translated', 'translated', 'translated')],
  ['top_k', row('translated', 'translated', 'translated')],
  ['stop', row('translated', 'translated', 'translated')],
  ['n', row('refused', 'translated', 'refused')],
  ['seed', row('dropped', 'translated', 'translated')],
  ['presence_penalty', row('dropped', 'translated', 'translated')],
  ['frequency_penalty', row('dropped', 'translated', 'translated')],
  ['logit_bias', row('dropped', 'dropped', 'dropped')],
  ['logprobs', row('refused', 'translated', 'refused')],
  ['top_logprobs', row('dropped', 'translated', 'dropped')],
  ['tools', row('translated', 'translated', 'translated')],
  ['tool_choice', row('translated', 'translated', 'translated')],
  ['parallel_tool_calls', row('translated', 'dropped', 'dropped')],
  ['response_format', row('translated', 'translated', 'translated')],
  ['reasoning_effort', row('translated', 'translated', 'translated')],
  ['reasoning', row('translated', 'translated', 'translated')],
  ['web_search_options', row('translated', 'translated', 'refused')],
  ['modalities', row('refused', 'translated', 'refused')],
  ['audio', row('refused', 'refused', 'refused')],
  ['functions', row('translated', 'translated', 'translated')],
  ['function_call', row('translated', 'translated', 'translated')],
  ['user', row('translated', 'dropped', 'dropped')],
  ['safety_identifier', row('translated', 'dropped', 'dropped')],
  ['service_tier', row('translated', 'dropped', 'dropped')],
  ['prediction', row('dropped', 'dropped', 'dropped')],
  ['verbosity', row('dropped', 'dropped', 'dropped')],
  ['store', row('dropped', 'dropped', 'dropped')],
  ['metadata', row('dropped', 'dropped', 'dropped')],
  ['prompt_cache_key', row('dropped', 'dropped', 'dropped')],
  ['prompt_cache_retention', row('dropped', 'dropped', 'dropped')],
])

/** Whether the answer would be wrong without a parameter: some dialect refuses it, where it is asked for. */
export function isEssential(name: string): boolean {
  return ESSENTIAL.has(name)
}

const ESSENTIAL: ReadonlySet<string> = new Set(
  [...PARAMETERS].flatMap(([name, fates]) => (Object.values(fates).includes('refused') ? [name] : [])),
)

/** A dialect's own fields, for callers who know them: handed on as they are. */
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
}

/** What a request holds of a dialect's own fields. */
export function nativeFields(chat: Chat, dialect: TranslatedFormat): JsonObject {
  return omitNull(Object.fromEntries(NATIVE_FIELDS[dialect].map((name) => [name, chat[name]])))
}

/** The stop sequences, if any, whether one was given or a list. */
export function stopSequences({ stop }: Chat): readonly string[] | undefined {
  const list = typeof stop === 'string' ? [stop] : stop
  return list?.length ? list : undefined
}

/** What every request has, and what is Router9's own affair. */
const ENVELOPE = new Set(['model', 'messages', 'stream', 'stream_options', ...ROUTING_FIELDS])

/**
 * Goes through a request's parameters by the table. Those that nobody knows are dropped.
 * @returns the names of the dropped ones.
 * @throws Failure `unsupported-parameter` for one that is refused, unless its value asks for nothing.
 */
export function checkParameters(chat: Chat, dialect: TranslatedFormat): string[] {
  const dropped: string[] = []
  for (const name in chat) {
    const value = chat[name]
    if (value === null || value === undefined || ENVELOPE.has(name) || NATIVE_FIELDS[dialect].includes(name)) continue
    const fate = PARAMETERS.get(name)?.[dialect] ?? 'dropped'
    if (fate === 'refused' && !isNeutralValue(name, value)) throw unsupportedParameter(name)
    if (fate === 'dropped') dropped.push(name)
  }
  return dropped
}

/** A value that changes nothing: off, empty, or what is done anyway. */
export function isNeutralValue(name: string, value: unknown): boolean {
  if (value === false) return true
  if (name === 'n') return value === 1
  if (!Array.isArray(value)) return false
  return value.length === 0 || (name === 'modalities' && value.every((modality) => modality === 'text'))
}
