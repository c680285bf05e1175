import { OPENAI_TEXT_MODELS } from '../../catalog/providers.ts'
import type { OnlyFormat } from '../../catalog/row.ts'
import type { Offer } from './source.ts'

/** What the source data does not say: who made a model, which names mean the same model, which model replaces which. */

/** Providers that serve models of their own, and the owner's name. */
export const MAKERS: Readonly<Record<string, string>> = {
  openai: 'openai',
  anthropic: 'anthropic',
  google: 'google',
  mistral: 'mistral',
  deepseek: 'deepseek',
  xai: 'xai',
  perplexity: 'perplexity',
  moonshot: 'moonshotai',
  cohere: 'cohere',
}

/** Other spellings of an owner, as they stand before the slash of an id. */
export const OWNERS = table({
  'meta-llama': 'meta',
  mistralai: 'mistral',
  'x-ai': 'xai',
  'deepseek-ai': 'deepseek',
  'zai-org': 'z-ai',
  zhipuai: 'z-ai',
  alibaba: 'qwen',
  minimaxai: 'minimax',
  liquidai: 'liquid',
})

/** Owners of models that a provider offers without naming their maker. */
export const OWNERS_BY_NAME: readonly (readonly [RegExp, string])[] = [
  [/^(?:gpt|chatgpt|codex|o\d)/, 'openai'],
  [/^claude/, 'anthropic'],
  [/^(?:gemini|gemma)/, 'google'],
  [/^(?:meta-)?llama/, 'meta'],
  [/^(?:mistral|ministral|codestral|devstral|magistral|pixtral|mixtral)/, 'mistral'],
  [/^deepseek/, 'deepseek'],
  [/^grok/, 'xai'],
  [/^kimi/, 'moonshotai'],
  [/^(?:zai-)?glm/, 'z-ai'],
  [/^minimax/, 'minimax'],
  [/^qw/, 'qwen'],
  [/^phi-|^model-router$/, 'microsoft'],
  [/^(?:cohere-|command-)/, 'cohere'],
]

/** Words in a name that make it another model than its `base_model`: other weights, another speed or another price. */
export const VARIANTS: ReadonlySet<string> = new Set([
  ...['distill', 'free', 'thinking', 'turbo', 'fast', 'highspeed', 'lite', 'tput', 'instant'],
  ...['fp4', 'fp8', 'int4', 'int8', 'awq', 'gguf', 'high', 'search', 'mini', 'nano'],
])

/** Other names of a model: from `owner/name`, as `spell` writes it, to the name to use. */
export const SAME = table({
  'anthropic/claude-opus-4': 'claude-opus-4-0',
  'anthropic/claude-opus-4-20250514': 'claude-opus-4-0',
  'anthropic/claude-sonnet-4': 'claude-sonnet-4-0',
  'anthropic/claude-sonnet-4-20250514': 'claude-sonnet-4-0',
  'openai/gpt-5-chat': 'gpt-5-chat-latest',
  'openai/gpt-5-1-chat': 'gpt-5-1-chat-latest',
  'openai/gpt-5-2-chat': 'gpt-5-2-chat-latest',
  'openai/gpt-5-3-chat': 'gpt-5-3-chat-latest',
  'cohere/cohere-command-a': 'command-a-03-2025',
  'cohere/command-a': 'command-a-03-2025',
  'cohere/cohere-command-r-08-2024': 'command-r-08-2024',
  'cohere/cohere-command-r-plus-08-2024': 'command-r-plus-08-2024',
  'cohere/north-mini-code:free': 'north-mini-code-1-0:free',
  'mistral/mistral-medium-3': 'mistral-medium-2505',
  'mistral/mistral-medium-3-1': 'mistral-medium-2508',
  'mistral/mistral-medium-3-5': 'mistral-medium-2604',
  'mistral/mistral-small-2503': 'mistral-small-3-1-24b-instruct',
  'mistral/mistral-small-3-2-24b-instruct': 'mistral-small-2506',
  'mistral/mixtral-8x22b-instruct': 'open-mixtral-8x22b',
  'mistral/open-mistral-nemo': 'mistral-nemo',
  'moonshotai/kimi-k2': 'kimi-k2-0711-preview',
  'moonshotai/kimi-k2-0905': 'kimi-k2-0905-preview',
  'xai/grok-4-20-multi-agent': 'grok-4-20-multi-agent-0309',
  'xai/grok-4-20-reasoning': 'grok-4-20-0309-reasoning',
  'xai/grok-4-20-non-reasoning': 'grok-4-20-0309-non-reasoning',
  'deepseek/deepseek-chat-v3-0324': 'deepseek-v3-0324',
  'deepseek/deepseek-chat-v3-1': 'deepseek-v3-1',
  'meta/llama-3-3-70b-versatile': 'llama-3-3-70b-instruct',
  'meta/llama-3-1-8b-instant': 'llama-3-1-8b-instruct',
  'meta/meta-llama-3-1-405b-instruct': 'llama-3-1-405b-instruct',
  'meta/meta-llama-3-1-70b-instruct': 'llama-3-1-70b-instruct',
  'meta/meta-llama-3-1-8b-instruct': 'llama-3-1-8b-instruct',
  'meta/meta-llama-3-70b-instruct': 'llama-3-70b-instruct',
  'meta/meta-llama-3-8b-instruct': 'llama-3-8b-instruct',
  'meta/llama-4-scout': 'llama-4-scout-17b-16e-instruct',
  'meta/llama-4-scout-17b-instruct': 'llama-4-scout-17b-16e-instruct',
  'z-ai/zai-glm-4-7': 'glm-4-7',
  'qwen/qwen-2-5-coder-32b-instruct': 'qwen2-5-coder-32b-instruct',
  'nvidia/nemotron-3-120b-a12b': 'nemotron-3-super-120b-a12b',
  'liquid/lfm2-24b-a2b': 'lfm-2-24b-a2b',
})

/** Models that are not for chats, though they take and give text. */
export const NOT_CHAT: readonly (readonly [RegExp, string])[] = [
  [/embed/, 'an embedding model; those are kept by hand'],
  [/guard|content-safety|moderation/, 'a moderation model'],
  [/lyria/, 'a music model'],
  [/whisper|transcri/, 'a transcription model'],
]

/** Offers that the provider serves through another API than the one that Router9 uses there. */
export const OTHER_ENDPOINT: readonly { provider: string; id: RegExp; reason: string }[] = [
  { provider: 'azure', id: /^claude-/, reason: 'Azure serves it in the Anthropic dialect' },
]

const RESPONSES_MODELS =
  /^(o1-pro|o3-pro|codex-mini.*|gpt-5(\.\d)?-pro|gpt-5(\.\d)?-codex.*|o\d(-mini)?-deep-research)$/

/** Models that the provider offers in one format alone (their pages in the providers' lists of models; translation 3.4, 5). */
export const ONLY_IN: Readonly<Record<string, readonly (readonly [OnlyFormat, RegExp])[]>> = {
  openai: [
    ['openai-responses', RESPONSES_MODELS],
    ['openai-completions', OPENAI_TEXT_MODELS],
  ],
  azure: [
    ['openai-responses', RESPONSES_MODELS],
    ['openai-completions', OPENAI_TEXT_MODELS],
  ],
  xai: [['openai-responses', /multi-agent/]],
}

/** Offers that the source lacks, from the provider's own list of models and prices. */
export const FURTHER_OFFERS: readonly Offer[] = [
  textModel('gpt-3.5-turbo-instruct', '2023-09-18', { input: 1.5, output: 2 }, 4096),
  textModel('davinci-002', '2023-08-22', { input: 2, output: 2 }, 16_384),
  textModel('babbage-002', '2023-08-22', { input: 0.4, output: 0.4 }, 16_384),
]

/** @param window in tokens, which prompt and answer share. */
function textModel(id: string, released: string, cost: Offer['facts']['cost'], window: number): Offer {
  const facts = {
    name: id,
    release_date: released,
    tool_call: false,
    structured_output: false,
    temperature: true,
    reasoning: false,
    reasoning_options: [],
    cost,
    limit: { context: window, output: window },
    modalities: { input: ['text' as const], output: ['text' as const] },
  }
  return { provider: 'openai', id, facts }
}

/** Models that refuse every temperature but one, also where the data says otherwise (Moonshot's documentation; translation 3). */
export const FIXED_TEMPERATURE = /kimi-k2[.p][5-9]/i

/** Models whose provider documents output by JSON schema, where the data says nothing about it. */
export const JSON_SCHEMA: Readonly<Record<string, RegExp>> = {
  anthropic: /^claude-(?:(?:haiku|sonnet|opus)-4-[5-9]|opus-4-1|[a-z]+-5)/,
  mistral: /./,
  perplexity: /^sonar/,
  cohere: /^command-/,
}

/** Traits of few models, which the data does not have (translation 1.2, 2.1, 3; cloudflare/workers-ai-provider issue 16). */
export const RARE_TRAITS: readonly {
  trait: 'noSystem' | 'noForcedTool' | 'signsCalls' | 'opensThinking'
  provider: string
  id: RegExp
}[] = [
  { trait: 'noSystem', provider: 'google', id: /^gemma-/ },
  { trait: 'noSystem', provider: 'azure', id: /^o1-(?:mini|preview)/ },
  { trait: 'noForcedTool', provider: 'anthropic', id: /^claude-(?:fable|mythos)-/ },
  // Other models of Gemini 3 are recognized by their thinking levels.
  { trait: 'signsCalls', provider: 'google', id: /^gemini-(?:[3-9]|\d\d)[.\d]*-.*image/ },
  { trait: 'opensThinking', provider: 'workers-ai', id: /deepseek-r1-distill/ },
]

/** Models that take tools, also where the data says otherwise. */
export const TOOLS: Readonly<Record<string, RegExp>> = {
  openai: /^gpt-3\.5-turbo$/,
  azure: /^gpt-3\.5-turbo-(?:0613|1106|0125)$/,
}

/** From a retired name to the model that answers in its place. */
export const SUCCESSORS = table({
  'claude-instant': 'claude-haiku-4-5',
  'claude-instant-1': 'claude-haiku-4-5',
  'claude-instant-1.2': 'claude-haiku-4-5',
  'claude-2': 'claude-sonnet-4-5',
  'claude-2.0': 'claude-sonnet-4-5',
  'claude-2.1': 'claude-sonnet-4-5',
  'claude-3-sonnet': 'claude-sonnet-4-5',
  'claude-3-5-sonnet': 'claude-sonnet-4-5',
  'claude-3-7-sonnet': 'claude-sonnet-4-5',
  'claude-3-haiku': 'claude-haiku-4-5',
  'claude-3-5-haiku': 'claude-haiku-4-5',
  'claude-3-opus': 'claude-opus-4-5',
  'gemini-pro': 'gemini-2.5-pro',
  'gemini-pro-vision': 'gemini-2.5-pro',
  'gemini-1.0-pro': 'gemini-2.5-pro',
  'gemini-1.5-pro': 'gemini-2.5-pro',
  'gemini-2.0-pro-exp': 'gemini-2.5-pro',
  'gemini-2.5-pro-preview': 'gemini-2.5-pro',
  'gemini-1.5-flash': 'gemini-2.5-flash',
  'gemini-2.0-flash': 'gemini-2.5-flash',
  'gemini-2.0-flash-exp': 'gemini-2.5-flash',
  'gemini-2.0-flash-thinking-exp': 'gemini-2.5-flash',
  'gemini-1.5-flash-8b': 'gemini-2.5-flash-lite',
  'gemini-2.0-flash-lite': 'gemini-2.5-flash-lite',
  'gemini-3-pro-preview': 'gemini-3.1-pro-preview',
  'gemini-3.1-flash-lite-preview': 'gemini-3.1-flash-lite',
  'gpt-3.5-turbo-16k': 'gpt-3.5-turbo',
  'text-davinci-003': 'gpt-3.5-turbo-instruct',
  'text-davinci-002': 'gpt-3.5-turbo-instruct',
  'text-curie-001': 'gpt-3.5-turbo-instruct',
  'text-babbage-001': 'gpt-3.5-turbo-instruct',
  'text-ada-001': 'gpt-3.5-turbo-instruct',
  davinci: 'davinci-002',
  curie: 'davinci-002',
  babbage: 'babbage-002',
  ada: 'babbage-002',
  'gpt-4-32k': 'gpt-4o',
  'gpt-4-vision-preview': 'gpt-4o',
  'gpt-4-1106-vision-preview': 'gpt-4o',
  'gpt-4-turbo-preview': 'gpt-4-turbo',
  'gpt-4-1106-preview': 'gpt-4-turbo',
  'gpt-4-0125-preview': 'gpt-4-turbo',
  'gpt-4.5-preview': 'gpt-4.1',
  'chatgpt-4o-latest': 'gpt-4o',
  'codex-mini-latest': 'gpt-5-mini',
  'o1-mini': 'o4-mini',
  'o1-preview': 'o3',
  'mistral-tiny': 'ministral-8b-latest',
  'mistral-small': 'mistral-small-2603',
  'mistral-medium': 'mistral-medium-2508',
  'mistral-large': 'mistral-large-2512',
  'deepseek-coder': 'deepseek-chat',
  'grok-beta': 'grok-4.3',
  'grok-2': 'grok-4.3',
  'grok-3': 'grok-4.3',
  'grok-3-mini': 'grok-4.3',
  'grok-4': 'grok-4.3',
  'grok-4-fast': 'grok-4.3',
  'grok-4-1-fast': 'grok-4.3',
  'grok-code-fast-1': 'grok-build-0.1',
  'llama3-8b-8192': 'llama-3.1-8b-instruct',
  'llama3-70b-8192': 'llama-3.3-70b-instruct',
  'llama-3.1-70b-versatile': 'llama-3.3-70b-instruct',
  'sonar-reasoning': 'sonar-reasoning-pro',
  command: 'command-a-03-2025',
  'command-light': 'command-r7b-12-2024',
})

// A Map, because a model may be called `constructor`.
function table(entries: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(entries))
}
