import type { Trouble } from './dialect.ts'
import type { Ids } from './ids.ts'
import type { Fields } from './json.ts'

/** How a provider differs from OpenAI while speaking its format. */
export interface Flavour {
  /**
   * Where the usage of a stream is: a chunk of its own (asked for, or always), the finish chunk, that and also the
   * asked one, a repeated finish chunk, or every chunk.
   */
  usage: 'asked' | 'always' | 'finish' | 'finish-and-asked' | 'repeat' | 'every'
  /** How reasoning is shown. */
  reasoning: 'hidden' | 'reasoning_content' | 'reasoning' | 'reasoning-details' | 'think-tags' | 'content-parts'
  /** Whether the field of the other kind is sent as null beside text or reasoning. */
  nullTwin: boolean
  /** Whether the role has a chunk of its own. */
  roleChunk: boolean
  /** Whether a chunk before the end says `finish_reason: null`. */
  nullFinish: boolean
  /** Whether choices say `logprobs: null`. */
  nullLogprobs: boolean
  /** Whether calls come in fragments, whole, or whole with the finish in the same chunk. */
  calls: 'fragments' | 'whole' | 'with-finish'
  /** Whether the stream ends with [DONE]. */
  done: boolean
  lineEnding: '\n' | '\r\n'
  /** The header that carries the key; none means that no key is asked for. */
  key: 'bearer' | 'api-key' | 'none'
  errors: ErrorStyle
  /** Which details the usage has: all of OpenAI's, cached and reasoning tokens, only cached ones, none, or nulls. */
  details: 'full' | 'slim' | 'cached' | 'none' | 'null'
  /** Whether completion_tokens counts the reasoning. */
  countsReasoning: boolean
  /** The field of random padding, if any. */
  padding: 'obfuscation' | 'p' | undefined
  /** Top-level fields that this provider refuses. */
  refuses: readonly string[]
  /** All that this provider accepts, where it refuses the rest, and in which words. */
  accepts?: readonly string[]
  unknown?(field: string): Trouble
  /** A chunk that says what the filters found in the prompt, before all others. */
  promptFilters?: readonly Fields[]
  /** Comment lines before the first chunk. */
  comments: readonly string[]
  id(ids: Ids): string
  callId(ids: Ids, name: string, index: number): string
  /** Fields on every chunk and body. */
  extra: Fields
  /** More fields of the usage. */
  usageExtra(usage: { prompt: number; completion: number; cached: number }): Fields
  /** Last touches on a chunk. */
  dress(chunk: Fields, place: { first: boolean; finish: boolean; usage: Fields | undefined }): Fields
}

/** The shapes of error bodies among OpenAI-like providers. */
export type ErrorStyle =
  | 'openai'
  | 'azure'
  | 'deepseek'
  | 'xai'
  | 'mistral'
  | 'numeric'
  | 'flat'
  | 'text'
  | 'cloudflare'

const OPENAI: Flavour = {
  usage: 'asked',
  reasoning: 'hidden',
  nullTwin: false,
  roleChunk: true,
  nullFinish: true,
  nullLogprobs: true,
  calls: 'fragments',
  done: true,
  lineEnding: '\n',
  key: 'bearer',
  errors: 'openai',
  details: 'full',
  countsReasoning: true,
  padding: undefined,
  refuses: [],
  comments: [],
  id: (ids) => `chatcmpl-${ids.letters(29)}`,
  callId: (ids) => `call_${ids.letters(24)}`,
  extra: {},
  usageExtra: () => ({}),
  dress: (chunk) => chunk,
}

const COMPATIBLE: Flavour = { ...OPENAI, reasoning: 'reasoning_content', details: 'slim' }

const SAFE = { filtered: false, severity: 'safe' }
const FILTERS = { hate: SAFE, self_harm: SAFE, sexual: SAFE, violence: SAFE }

const PROMPT_FILTERS = [
  { prompt_index: 0, content_filter_results: { ...FILTERS, jailbreak: { filtered: false, detected: false } } },
]

const MISTRAL_FIELDS =
  'model messages temperature top_p max_tokens stream stop random_seed response_format tools tool_choice presence_penalty frequency_penalty n prediction parallel_tool_calls prompt_mode safe_prompt metadata reasoning_effort prompt_cache_key guardrails'.split(
    ' ',
  )

// As Groq's, Cerebras's and Fireworks's own clients name them; of Groq's those that it has no support for are left out.
const GROQ_FIELDS =
  'model messages temperature top_p max_tokens max_completion_tokens stream stream_options stop seed n response_format tools tool_choice functions function_call parallel_tool_calls presence_penalty frequency_penalty logit_bias logprobs top_logprobs user service_tier reasoning_effort reasoning_format include_reasoning documents citation_options search_settings include_domains exclude_domains compound_custom disable_tool_validation'.split(
    ' ',
  )
const CEREBRAS_FIELDS =
  'model messages temperature top_p max_tokens max_completion_tokens min_completion_tokens stream stream_options stop seed n response_format tools tool_choice user service_tier prediction prompt_cache_key reasoning_effort reasoning_format disable_reasoning clear_thinking logprobs top_logprobs'.split(
    ' ',
  )
const FIREWORKS_FIELDS =
  'model messages temperature top_p top_k min_p typical_p max_tokens max_completion_tokens stream stream_options stop n seed response_format tools tool_choice functions function_call parallel_tool_calls presence_penalty frequency_penalty repetition_penalty mirostat_lr mirostat_target logit_bias logprobs top_logprobs echo echo_last ignore_eos user metadata prediction speculation context_length_exceeded_behavior prompt_truncate_len prompt_cache_key prompt_cache_isolation_key prompt_cache_max_len perf_metrics_in_response raw_output return_token_ids reasoning_effort reasoning_history thinking service_tier'.split(
    ' ',
  )

const CITATIONS = ['https://example.com/first', 'https://example.com/second']

const FLAVOURS: Record<string, Flavour> = {
  openai: {
    ...OPENAI,
    padding: 'obfuscation',
    extra: { service_tier: 'default', system_fingerprint: 'fp_cbf1785567' },
  },
  azure: {
    ...OPENAI,
    key: 'api-key',
    errors: 'azure',
    padding: 'obfuscation',
    promptFilters: PROMPT_FILTERS,
    extra: { system_fingerprint: 'fp_68a5bb159e' },
    dress: (chunk, { finish }) => eachChoice(chunk, { content_filter_results: finish ? {} : FILTERS }),
  },
  deepseek: {
    ...COMPATIBLE,
    usage: 'finish',
    nullTwin: true,
    errors: 'deepseek',
    id: (ids) => ids.uuid(),
    callId: (ids, _name, index) => `call_${String(index).padStart(2, '0')}_${ids.letters(20)}`,
    extra: { system_fingerprint: 'fp_eaab8d114b_prod0820_fp8_kvcache' },
    usageExtra: ({ prompt, cached }) => ({
      prompt_cache_hit_tokens: cached,
      prompt_cache_miss_tokens: prompt - cached,
    }),
  },
  groq: {
    ...COMPATIBLE,
    usage: 'finish-and-asked',
    reasoning: 'reasoning',
    calls: 'whole',
    refuses: ['logprobs', 'top_logprobs', 'logit_bias'],
    accepts: GROQ_FIELDS,
    unknown: (field) => ({ status: 400, message: `property '${field}' is unsupported` }),
    id: (ids) => `chatcmpl-${ids.uuid()}`,
    callId: (ids) => `fc_${ids.uuid()}`,
    extra: { system_fingerprint: 'fp_caa2017b29' },
    usageExtra: () => ({ queue_time: 0.004, prompt_time: 0.014, completion_time: 0.112, total_time: 0.126 }),
    dress: (chunk, { first, finish, usage }) => {
      if (!first && !finish) return chunk
      return { ...chunk, x_groq: { id: 'req_01khrvt32ze9rb75za4xqmdz13', ...(usage === undefined ? {} : { usage }) } }
    },
  },
  mistral: {
    ...COMPATIBLE,
    usage: 'finish',
    reasoning: 'content-parts',
    nullLogprobs: false,
    details: 'cached',
    calls: 'with-finish',
    errors: 'mistral',
    padding: 'p',
    accepts: MISTRAL_FIELDS,
    unknown: (field) => ({ status: 422, param: field, message: 'Extra inputs are not permitted' }),
    id: (ids) => ids.hex(32),
    callId: (ids) => ids.letters(9),
  },
  xai: {
    ...COMPATIBLE,
    usage: 'always',
    roleChunk: false,
    nullFinish: false,
    nullLogprobs: false,
    calls: 'whole',
    errors: 'xai',
    countsReasoning: false,
    id: (ids) => ids.uuid(),
    callId: (ids) => `call_${String(10_000_000 + Number.parseInt(ids.hex(6), 16))}`,
    extra: { system_fingerprint: 'fp_2a885414fb' },
    usageExtra: () => ({ num_sources_used: 0, cost_in_usd_ticks: 1_466_250 }),
  },
  together: {
    ...COMPATIBLE,
    usage: 'finish',
    reasoning: 'reasoning',
    roleChunk: false,
    details: 'none',
    id: (ids) => `${ids.letters(7)}-${ids.letters(6)}-${ids.hex(16)}`,
    usageExtra: ({ cached }) => ({ cached_tokens: cached }),
    dress: (chunk) => eachDelta(eachChoice(chunk, { seed: null, text: '' }), { role: 'assistant', token_id: 16 }),
  },
  fireworks: {
    ...COMPATIBLE,
    usage: 'finish',
    accepts: FIREWORKS_FIELDS,
    unknown: (field) => ({ status: 400, message: `Extra inputs are not permitted, field: '${field}'` }),
    id: (ids) => ids.uuid(),
  },
  perplexity: {
    ...COMPATIBLE,
    usage: 'every',
    reasoning: 'think-tags',
    roleChunk: false,
    nullFinish: false,
    nullLogprobs: false,
    done: false,
    details: 'none',
    lineEnding: '\r\n',
    errors: 'numeric',
    refuses: ['tools', 'tool_choice', 'n', 'logprobs'],
    id: (ids) => ids.uuid(),
    extra: { citations: CITATIONS },
    dress: (chunk, { finish }) => ({
      ...eachDelta(chunk, { role: 'assistant' }),
      object: finish ? 'chat.completion.done' : 'chat.completion.chunk',
    }),
  },
  openrouter: {
    ...COMPATIBLE,
    usage: 'repeat',
    reasoning: 'reasoning-details',
    nullLogprobs: false,
    errors: 'numeric',
    comments: ['OPENROUTER PROCESSING', 'OPENROUTER PROCESSING'],
    id: (ids) => `gen-1765226419-${ids.letters(20)}`,
    extra: { provider: 'Simulator' },
    usageExtra: ({ prompt, completion }) => ({ cost: (prompt + completion) / 1_000_000, is_byok: false }),
    dress: (chunk, { finish }) =>
      eachChoice(eachDelta(chunk, { role: 'assistant' }), { native_finish_reason: finish ? 'stop' : null }),
  },
  cerebras: {
    ...COMPATIBLE,
    reasoning: 'reasoning',
    errors: 'flat',
    accepts: CEREBRAS_FIELDS,
    unknown: (field) => ({
      status: 400,
      param: 'validation_error',
      code: 'wrong_api_format',
      message: `body.${field}: property 'body.${field}' is unsupported`,
    }),
    id: (ids) => `chatcmpl-${ids.uuid()}`,
    callId: (ids) => ids.hex(9),
    extra: { system_fingerprint: 'fp_46358675aa6b1ba4d98d' },
    dress: (chunk, { finish }) =>
      finish ? { ...chunk, time_info: { queue_time: 0.005, prompt_time: 0.003, completion_time: 0.02 } } : chunk,
  },
  ollama: {
    ...COMPATIBLE,
    reasoning: 'reasoning',
    roleChunk: false,
    nullLogprobs: false,
    calls: 'whole',
    details: 'none',
    key: 'none',
    id: (ids) => `chatcmpl-${Number.parseInt(ids.hex(3), 16) % 1000}`,
    callId: (ids) => `call_${ids.letters(8).toLowerCase()}`,
    extra: { system_fingerprint: 'fp_ollama' },
    dress: (chunk) => eachDelta(chunk, { role: 'assistant' }),
  },
  vllm: {
    ...COMPATIBLE,
    reasoning: 'reasoning',
    key: 'none',
    errors: 'numeric',
    id: (ids) => `chatcmpl-${ids.hex(32)}`,
    callId: (ids) => `chatcmpl-tool-${ids.hex(32)}`,
    dress: (chunk, { finish }) => (finish ? eachChoice(chunk, { stop_reason: null }) : chunk),
  },
  'llama.cpp': {
    ...COMPATIBLE,
    usage: 'finish',
    key: 'none',
    errors: 'numeric',
    id: (ids) => `chatcmpl-${ids.letters(32)}`,
    callId: (ids) => ids.letters(32),
    dress: (chunk, { finish }) => (finish ? { ...chunk, timings: { prompt_n: 12, predicted_n: 25 } } : chunk),
  },
  zai: {
    ...COMPATIBLE,
    usage: 'finish',
    roleChunk: false,
    nullFinish: false,
    nullLogprobs: false,
    id: (ids) => ids.hex(30),
  },
  moonshot: {
    ...COMPATIBLE,
    usage: 'finish',
    callId: (_ids, name, index) => `functions.${name}:${index}`,
    dress: (chunk, { usage }) => (usage === undefined ? chunk : eachChoice(chunk, { usage })),
  },
  alibaba: { ...COMPATIBLE, nullTwin: true, id: (ids) => `chatcmpl-${ids.uuid()}` },
  huggingface: {
    ...COMPATIBLE,
    usage: 'always',
    reasoning: 'think-tags',
    nullLogprobs: false,
    details: 'null',
    errors: 'text',
    id: (ids) => ids.hex(32),
  },
  'workers-ai': {
    ...COMPATIBLE,
    errors: 'cloudflare',
    id: (ids) => `id-${ids.hex(13)}`,
    callId: (ids) => `chatcmpl-tool-${ids.hex(16)}`,
  },
  custom: { ...COMPATIBLE, key: 'none' },
}

/** The flavour of a slot; a name that is not in the table gets a plain compatible one. */
export function flavourOf(slot: string): Flavour {
  return FLAVOURS[slot] ?? COMPATIBLE
}

function eachChoice(chunk: Fields, more: Fields): Fields {
  const choices = (chunk.choices as Fields[]).map((choice) => ({ ...choice, ...more }))
  return { ...chunk, choices }
}

function eachDelta(chunk: Fields, more: Fields): Fields {
  const choices = (chunk.choices as Fields[]).map((choice) =>
    'delta' in choice ? { ...choice, delta: { ...more, ...(choice.delta as Fields) } } : choice,
  )
  return { ...chunk, choices }
}
