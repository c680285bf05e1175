import { type Chat, ROUTING_FIELDS } from '../../chat/request.ts'
import { type JsonObject, omitNull } from './fields.ts'
import { unsupportedParameter } from './parts.ts'

/**
 * What a format other than OpenAI's does with a parameter: it translates it, drops it because the answer is right without
 * it, or refuses it because the answer would be wrong.
 */
export type ParameterPolicy = 'translated' | 'dropped' | 'refused'

/** The formats that are not OpenAI's. In OpenAI's, a provider's quirks tell what differs. */
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

/** Whether an answer would be wrong without a parameter: it is, if any format refuses the parameter. */
export function isEssential(name: string): boolean {
  return ESSENTIAL.has(name)
}

const ESSENTIAL: ReadonlySet<string> = new Set(
  [...PARAMETERS].flatMap(([name, policies]) => (Object.values(policies).includes('refused') ? [name] : [])),
)

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
 * Applies the table to a request's parameters. Unknown ones are dropped.
 * @returns the names of the dropped ones.
 * @throws Failure `unsupported-parameter` for one that is refused, unless its value asks for nothing.
 */
export function checkParameters(chat: Chat, format: TranslatedFormat): string[] {
  const dropped: string[] = []
  for (const name in chat) {
    const value = chat[name]
    if (value === null || value === undefined || ENVELOPE.has(name) || NATIVE_FIELDS[format].includes(name)) continue
    const policy = PARAMETERS.get(name)?.[format] ?? 'dropped'
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
