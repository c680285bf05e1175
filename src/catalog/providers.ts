import { anthropic } from '../formats/anthropic-messages/write-request.ts'
import { bedrockEmbeddings } from '../formats/bedrock/embed.ts'
import { bedrockWithoutChat } from '../formats/bedrock/no-chat.ts'
import { cohereEmbeddings } from '../formats/cohere/embed.ts'
import { cohere } from '../formats/cohere/write-request.ts'
import type { EmbeddingCall, EmbeddingProviderFormat, PreparedEmbedding } from '../formats/embedding-format.ts'
import type { PreparedCall, ProviderCall, ProviderFormat } from '../formats/format.ts'
import { geminiEmbeddings } from '../formats/gemini/embed.ts'
import { gemini } from '../formats/gemini/write-request.ts'
import { ollamaEmbeddings } from '../formats/ollama/embed.ts'
import { ollama } from '../formats/ollama/write-request.ts'
import { FIREWORKS_FIELDS, foreignFields } from '../formats/openai-chat/foreign-fields.ts'
import { openai } from '../formats/openai-chat/write-request.ts'
import { openaiCompletions } from '../formats/openai-completions/provider.ts'
import { openaiEmbeddings } from '../formats/openai-embeddings/provider.ts'
import { openaiResponses } from '../formats/openai-responses/provider.ts'

/** A format with the quirks of one provider filled in. */
export interface BoundFormat extends Omit<ProviderFormat, 'prepare'> {
  /** For the documentation, which lists what each provider does not take. */
  readonly quirks: object
  /** Its models that are served in this format, by the provider's own names; all where absent. */
  readonly models?: RegExp
  /** Only for what no chat can carry: all else goes as a chat, though it came in this format. */
  readonly onlyWhereRequired?: true
  readonly prepare: (call: Omit<ProviderCall<object>, 'quirks'>) => PreparedCall
}

/** How a provider is asked for vectors. */
export interface ProviderEmbeddings {
  readonly format: BoundEmbeddingFormat
  /** As many inputs as it takes in one call; `maxInputsOf` knows the exceptions. */
  readonly maxInputs: number
  /** Models, by its own names, that take fewer. */
  readonly fewerInputs?: { readonly models: RegExp; readonly maxInputs: number }
  /** As many tokens as it takes in one call, all inputs together; absent where it tells no bound. */
  readonly maxTokens?: number
}

/** A format of vectors with the quirks of one provider filled in. */
export interface BoundEmbeddingFormat extends Omit<EmbeddingProviderFormat, 'prepare'> {
  readonly prepare: (call: Omit<EmbeddingCall<object>, 'quirks'>) => PreparedEmbedding
}

/** As many inputs as one call to a model holds, by the provider's own name for it. */
export function maxInputsOf({ maxInputs, fewerInputs }: ProviderEmbeddings, upstreamModel: string): number {
  return fewerInputs?.models.test(upstreamModel) ? fewerInputs.maxInputs : maxInputs
}

/** A provider: its format, its address and its authentication. What is special about it is data here, never code elsewhere. */
export interface Provider {
  /** Its name in `provider/model`, in headers and in the catalogue. */
  readonly id: string
  /** Its name in OpenTelemetry's conventions, where that is another one. */
  readonly conventionalName?: string
  /** Other names that people know it by. */
  readonly aliases?: readonly string[]
  /** Its settings are `<settingPrefix>_API_KEY` and `<settingPrefix>_BASE_URL`; its id in capitals where a row does not say. */
  readonly settingPrefix: string
  readonly format: BoundFormat
  /** Further formats that it takes: a request that came in one of them goes out in it. */
  readonly moreFormats?: readonly BoundFormat[]
  /** How it is asked for vectors; absent where it has none. */
  readonly embeddings?: ProviderEmbeddings
  /** The further format that gives reasoning in a form that later turns can bring back, where its usual one does not. */
  readonly reasoningFormat?: string
  /** `{ACCOUNT_ID}` is filled from `<settingPrefix>_ACCOUNT_ID`, `{REGION}` likewise; absent where only the operator can know it. */
  readonly baseUrl?: string
  /** The headers that carry the key; the key as a bearer token where a row does not say. */
  readonly authHeaders: AuthHeaders
  /** Its base URL alone enables it; a key is sent where one is set. */
  readonly keyOptional?: boolean
  /**
   * Its reasoning models need their reasoning back when they continue after a tool's result: always, or only where the
   * caller asks for reasoning, because they do not reason otherwise.
   */
  readonly needsReasoningBack?: 'always' | 'asked'
  /** Its models (by its own names) that send nothing while they reason, so that their first token comes late. */
  readonly hidesReasoning?: RegExp
  /** It bills reasoning that it shows as a summary at most, so the text that came does not tell how much is billed. */
  readonly billsHiddenReasoning?: boolean
  /** It goes on writing when the connection is closed, and bills all of it. */
  readonly billsAbandoned?: boolean
  /** It reports in `usage.cost` what an answer cost. */
  readonly reportsCost?: boolean
  /** Replaces its format at base URLs of this form. */
  readonly formatOverride?: Pick<Provider, 'format' | 'moreFormats' | 'embeddings' | 'modelsPath'> & {
    readonly address: RegExp
  }
  /** It passes requests on to other providers: a candidate where those are not configured, or not healthy. */
  readonly isReseller?: boolean
  /** It takes variants of its models as a suffix of their names (`:nitro`, `:floor`, `:online`). */
  readonly variants?: boolean
  /** Its models that can search the web, by its own names. */
  readonly webSearchModels?: RegExp
  /** Its search goes together with the client's tools, and the next turn need not bring back what was found. */
  readonly searchesBesideTools?: boolean
  /** It serves models that the catalogue cannot know. */
  readonly anyModel?: boolean
  /** The path at which it lists them. */
  readonly modelsPath?: string
}

type AuthHeaders = (key: string) => Readonly<Record<string, string>>

function bearerToken(key: string): Record<string, string> {
  return { authorization: `Bearer ${key}` }
}

function bind<Quirks extends object>(
  format: ProviderFormat<Quirks>,
  quirks: Quirks,
  served: Pick<BoundFormat, 'models' | 'onlyWhereRequired'> = {},
): BoundFormat {
  // Each member by its name, and all of them: this is made for every request, and a copy by `...` costs V8 several times as
  // much.
  const prepare: BoundFormat['prepare'] = (call) =>
    format.prepare({
      chat: call.chat,
      source: call.source,
      model: call.model,
      stream: call.stream,
      traits: call.traits,
      quirks,
      header: call.header,
      sessionKey: call.sessionKey,
      promptTokens: call.promptTokens,
      newId: call.newId,
    } satisfies Record<keyof ProviderCall<Quirks>, unknown>)
  return { ...format, ...served, quirks, prepare }
}

function bindEmbeddings<Quirks extends object>(
  format: EmbeddingProviderFormat<Quirks>,
  quirks: Quirks,
): BoundEmbeddingFormat {
  return { ...format, prepare: (call) => format.prepare({ ...call, quirks }) }
}

/** OpenAI's own models of vectors, wherever they run: at most 2048 texts in a call, and 300,000 tokens. */
const OPENAI_VECTORS: ProviderEmbeddings = {
  format: bindEmbeddings(openaiEmbeddings, { tokens: true, drop: ['input_type'] }),
  maxInputs: 2048,
  maxTokens: 300_000,
}

/** Text completions beside chats, at the same base URL. */
const COMPLETIONS = [bind(openaiCompletions, {})]

/** OpenAI's models that continue texts, and know no conversations. */
export const OPENAI_TEXT_MODELS = /^(gpt-3\.5-turbo-instruct|davinci-002|babbage-002)$/

/** OpenAI's other models refuse text completions, and it refuses fields that it does not know. */
const OPENAI_COMPLETIONS = bind(
  openaiCompletions,
  {
    allowedParameters: new Set([
      'best_of',
      'echo',
      'frequency_penalty',
      'logit_bias',
      'logprobs',
      'max_tokens',
      'n',
      'presence_penalty',
      'seed',
      'stop',
      'stream',
      'stream_options',
      'suffix',
      'temperature',
      'top_p',
      'user',
    ]),
  },
  { models: OPENAI_TEXT_MODELS },
)

/** Otherwise Fireworks cuts off what does not fit, without a word. */
const FIREWORKS_ADDED = { context_length_exceeded_behavior: 'error' }

/** OpenAI's own models, wherever they run. */
const OPENAI = bind(openai, {
  maxTokens: 'max_completion_tokens',
  developerRole: true,
  legacyFunctions: true,
  customTools: true,
  maxToolIdLength: 40,
  drop: ['top_k'],
  foreignFields: foreignFields(),
  sessionKey: { field: 'prompt_cache_key' },
})

/** OpenAI's Responses, which give reasoning in a form that comes back, and some models in no other. */
const RESPONSES = { reasoningFormat: 'openai-responses' }

/** A provider as a row of the table: what most have in common may be left out. */
type ProviderRow = Omit<Provider, 'settingPrefix' | 'authHeaders'> &
  Partial<Pick<Provider, 'settingPrefix' | 'authHeaders'>>

// What each row says comes from the provider's own reference (translation 3).
const ROWS: readonly ProviderRow[] = [
  {
    id: 'openai',
    webSearchModels: /-search-/,
    hidesReasoning: /^/,
    billsHiddenReasoning: true,
    baseUrl: 'https://api.openai.com/v1',
    format: OPENAI,
    ...RESPONSES,
    moreFormats: [bind(openaiResponses, { searchingModels: /deep-research/ }), OPENAI_COMPLETIONS],
    embeddings: OPENAI_VECTORS,
  },
  {
    id: 'anthropic',
    webSearchModels: /^claude-/,
    searchesBesideTools: true,
    billsHiddenReasoning: true,
    needsReasoningBack: 'asked',
    baseUrl: 'https://api.anthropic.com',
    authHeaders: (key) => ({ 'x-api-key': key }),
    format: bind(anthropic, {}),
  },
  {
    id: 'google',
    billsAbandoned: true,
    conventionalName: 'gcp.gen_ai',
    embeddings: { format: bindEmbeddings(geminiEmbeddings, { taskless: /gemini-embedding-2/ }), maxInputs: 100 },
    billsHiddenReasoning: true,
    aliases: ['gemini'],
    webSearchModels: /^gemini-/,
    needsReasoningBack: 'always',
    settingPrefix: 'GEMINI',
    baseUrl: 'https://generativelanguage.googleapis.com',
    // Vertex takes only access tokens, at a project's address.
    authHeaders: (key) => (key.startsWith('ya29.') ? bearerToken(key) : { 'x-goog-api-key': key }),
    format: bind(gemini, {}),
  },
  {
    id: 'mistral',
    billsAbandoned: true,
    conventionalName: 'mistral_ai',
    embeddings: {
      // It answers 422 to any other field, and 400 to more than 256 texts or 16,384 tokens.
      format: bindEmbeddings(openaiEmbeddings, {
        dimensions: 'output_dimension',
        allowedParameters: new Set(['encoding_format', 'output_dimension', 'output_dtype', 'metadata']),
      }),
      maxInputs: 256,
      maxTokens: 16_000,
    },
    aliases: ['mistralai'],
    baseUrl: 'https://api.mistral.ai/v1',
    moreFormats: [
      bind(
        openaiCompletions,
        {
          path: '/fim/completions',
          onePrompt: true,
          rename: { seed: 'random_seed' },
          // It answers 422 to any other.
          allowedParameters: new Set([
            'suffix',
            'stream',
            'temperature',
            'top_p',
            'max_tokens',
            'min_tokens',
            'stop',
            'random_seed',
            'metadata',
          ]),
        },
        { models: /^codestral-/, onlyWhereRequired: true },
      ),
    ],
    format: bind(openai, {
      maxTokens: 'max_tokens',
      rename: { seed: 'random_seed' },
      toolIdLength: 9,
      noMessageNames: true,
      strictMessages: true,
      marksPrefix: true,
      requiresUserTurn: true,
      // It answers 422 to any other.
      allowedParameters: new Set([
        'model',
        'stream',
        'temperature',
        'top_p',
        'max_tokens',
        'stop',
        'n',
        'presence_penalty',
        'frequency_penalty',
        'response_format',
        'tools',
        'tool_choice',
        'parallel_tool_calls',
        'prediction',
        'reasoning_effort',
        'random_seed',
        'safe_prompt',
        'prompt_mode',
        'metadata',
        'guardrails',
        'prompt_cache_key',
      ]),
      refuse: ['logprobs', 'top_logprobs'],
      noStreamOptions: true,
    }),
  },
  {
    id: 'deepseek',
    needsReasoningBack: 'always',
    baseUrl: 'https://api.deepseek.com/v1',
    moreFormats: [
      bind(
        openaiCompletions,
        {
          path: '/beta/completions',
          replacesVersion: true,
          onePrompt: true,
          // It ignores others.
          allowedParameters: new Set([
            'suffix',
            'stream',
            'stream_options',
            'temperature',
            'top_p',
            'max_tokens',
            'stop',
            'echo',
            'logprobs',
            'presence_penalty',
            'frequency_penalty',
          ]),
        },
        { models: /^deepseek-(?!reasoner)/, onlyWhereRequired: true },
      ),
    ],
    format: bind(openai, {
      maxTokens: 'max_tokens',
      refuse: ['n'],
      returnedReasoning: 'reasoning_content',
      schemaInPrompt: true,
      thinkingSwitch: { off: { thinking: { type: 'disabled' } } },
    }),
  },
  {
    id: 'xai',
    conventionalName: 'x_ai',
    billsHiddenReasoning: true,
    aliases: ['x-ai'],
    baseUrl: 'https://api.x.ai/v1',
    format: bind(openai, {
      maxTokens: 'max_completion_tokens',
      reasoningRefuse: ['stop'],
      reasoningDrop: ['presence_penalty', 'frequency_penalty'],
      sessionKey: { header: 'x-grok-conv-id' },
    }),
    ...RESPONSES,
    moreFormats: [
      bind(openaiResponses, {
        reasoningFormat: 'xai-responses-v1',
        lackedTools: new Set(['custom', 'namespace', 'tool_search']),
      }),
    ],
  },
  {
    id: 'groq',
    billsAbandoned: true,
    baseUrl: 'https://api.groq.com/openai/v1',
    format: bind(openai, {
      maxTokens: 'max_completion_tokens',
      // "property '…' is unsupported" is its answer to any other; it has names for more that it does not support.
      allowedParameters: new Set([
        'model',
        'stream',
        'temperature',
        'top_p',
        'max_tokens',
        'stop',
        'presence_penalty',
        'frequency_penalty',
        'response_format',
        'tools',
        'tool_choice',
        'parallel_tool_calls',
        'reasoning_effort',
        'reasoning_format',
        'include_reasoning',
        'service_tier',
        'user',
        'documents',
        'citation_options',
        'search_settings',
        'include_domains',
        'exclude_domains',
        'compound_custom',
        'disable_tool_validation',
      ]),
      refuse: ['n', 'logprobs', 'top_logprobs'],
      noMessageNames: true,
      strictMessages: true,
      returnedReasoning: 'reasoning',
      thinkTags: true,
      exclusiveJson: 'mode',
    }),
  },
  {
    id: 'cerebras',
    baseUrl: 'https://api.cerebras.ai/v1',
    format: bind(openai, {
      maxTokens: 'max_completion_tokens',
      // As at Groq.
      allowedParameters: new Set([
        'model',
        'stream',
        'temperature',
        'top_p',
        'max_tokens',
        'min_completion_tokens',
        'stop',
        'response_format',
        'tools',
        'tool_choice',
        'reasoning_effort',
        'reasoning_format',
        'disable_reasoning',
        'clear_thinking',
        'service_tier',
        'prediction',
        'prompt_cache_key',
        'user',
      ]),
      refuse: ['n', 'logprobs', 'top_logprobs'],
      strictMessages: true,
      returnedReasoning: 'reasoning',
      exclusiveJson: 'schema',
    }),
  },
  {
    id: 'together',
    moreFormats: COMPLETIONS,
    aliases: ['togetherai'],
    baseUrl: 'https://api.together.xyz/v1',
    format: bind(openai, {
      maxTokens: 'max_tokens',
      returnedReasoning: 'reasoning',
      thinkingSwitch: { off: { reasoning: { enabled: false } } },
    }),
  },
  {
    id: 'fireworks',
    embeddings: {
      format: bindEmbeddings(openaiEmbeddings, { drop: ['encoding_format', 'input_type', 'user'] }),
      maxInputs: 256,
    },
    moreFormats: [bind(openaiCompletions, { addedFields: FIREWORKS_ADDED })],
    aliases: ['fireworks-ai'],
    baseUrl: 'https://api.fireworks.ai/inference/v1',
    format: bind(openai, {
      maxTokens: 'max_tokens',
      drop: ['seed'],
      foreignFields: foreignFields(FIREWORKS_FIELDS),
      returnedReasoning: 'reasoning_content',
      thinkTags: true,
      addedFields: FIREWORKS_ADDED,
    }),
  },
  {
    id: 'openrouter',
    moreFormats: COMPLETIONS,
    embeddings: { ...OPENAI_VECTORS, format: bindEmbeddings(openaiEmbeddings, { tokens: true }) },
    variants: true,
    webSearchModels: /./,
    billsHiddenReasoning: true,
    reportsCost: true,
    isReseller: true,
    needsReasoningBack: 'always',
    hidesReasoning: /^openai\/(?!gpt-oss)/,
    baseUrl: 'https://openrouter.ai/api/v1',
    format: bind(openai, {
      maxTokens: 'max_tokens',
      reasoningObject: true,
      // It leaves out what a model lacks without a word.
      refuse: ['n', 'logprobs', 'top_logprobs'],
      returnedReasoning: 'reasoning_details',
      cacheControl: true,
    }),
  },
  {
    id: 'workers-ai',
    embeddings: {
      format: bindEmbeddings(openaiEmbeddings, { allowedParameters: new Set<string>() }),
      maxInputs: 100,
      fewerInputs: { models: /qwen3-embedding/, maxInputs: 32 },
    },
    aliases: ['cloudflare-workers-ai', 'cloudflare'],
    settingPrefix: 'WORKERS_AI',
    baseUrl: 'https://api.cloudflare.com/client/v4/accounts/{ACCOUNT_ID}/ai/v1',
    format: bind(openai, { maxTokens: 'max_tokens', thinkTags: true }),
  },
  {
    id: 'perplexity',
    billsAbandoned: true,
    embeddings: {
      format: bindEmbeddings(openaiEmbeddings, {
        path: '/v1/embeddings',
        allowedParameters: new Set(['dimensions', 'encoding_format']),
        int8: true,
      }),
      maxInputs: 512,
      maxTokens: 120_000,
    },
    webSearchModels: /^sonar/,
    billsHiddenReasoning: true,
    baseUrl: 'https://api.perplexity.ai',
    format: bind(openai, {
      maxTokens: 'max_tokens',
      noStreamOptions: true,
      thinkTags: true,
      alternatingRoles: true,
      drop: ['seed', 'logit_bias', 'user'],
      refuse: ['n', 'logprobs', 'top_logprobs', 'stop', 'tools'],
    }),
  },
  {
    id: 'moonshot',
    aliases: ['moonshotai'],
    needsReasoningBack: 'always',
    baseUrl: 'https://api.moonshot.ai/v1',
    format: bind(openai, {
      maxTokens: 'max_tokens',
      sessionKey: { field: 'prompt_cache_key' },
      returnedReasoning: 'reasoning_content',
      thinkingSwitch: { off: { thinking: { type: 'disabled' } } },
    }),
  },
  {
    id: 'azure',
    conventionalName: 'azure.ai.openai',
    billsHiddenReasoning: true,
    aliases: ['azure-openai'],
    settingPrefix: 'AZURE_OPENAI',
    hidesReasoning: /^(o\d|gpt-)/,
    authHeaders: (key) => ({ 'api-key': key }),
    format: OPENAI,
    ...RESPONSES,
    moreFormats: [bind(openaiResponses, { reasoningFormat: 'azure-openai-responses-v1' }), OPENAI_COMPLETIONS],
    embeddings: OPENAI_VECTORS,
    // At such addresses there are no Responses.
    formatOverride: {
      address: /\/deployments\/|\?api-version=/,
      format: OPENAI,
      moreFormats: [OPENAI_COMPLETIONS],
    },
  },
  {
    id: 'cohere',
    embeddings: { format: bindEmbeddings(cohereEmbeddings, {}), maxInputs: 96 },
    baseUrl: 'https://api.cohere.com',
    format: bind(cohere, {}),
  },
  {
    id: 'bedrock',
    conventionalName: 'aws.bedrock',
    aliases: ['amazon-bedrock'],
    baseUrl: 'https://bedrock-runtime.{REGION}.amazonaws.com',
    format: bind(bedrockWithoutChat, {}),
    embeddings: {
      format: bindEmbeddings(bedrockEmbeddings, {}),
      maxInputs: 96,
      fewerInputs: { models: /titan/, maxInputs: 1 },
    },
  },
  {
    id: 'ollama',
    moreFormats: COMPLETIONS,
    keyOptional: true,
    anyModel: true,
    modelsPath: '/models',
    embeddings: { format: bindEmbeddings(openaiEmbeddings, { drop: ['user', 'input_type'] }), maxInputs: 512 },
    formatOverride: {
      address: /[^/]\/api$/,
      modelsPath: '/tags',
      format: bind(ollama, {}),
      moreFormats: [],
      embeddings: { format: bindEmbeddings(ollamaEmbeddings, {}), maxInputs: 512 },
    },
    format: bind(openai, {
      maxTokens: 'max_tokens',
      drop: ['logit_bias', 'user'],
      refuse: ['n', 'logprobs', 'top_logprobs'],
      noToolChoice: true,
      returnedReasoning: 'reasoning',
      thinkTags: true,
    }),
  },
  {
    id: 'custom',
    moreFormats: COMPLETIONS,
    embeddings: { format: bindEmbeddings(openaiEmbeddings, { tokens: true }), maxInputs: 2048 },
    keyOptional: true,
    anyModel: true,
    modelsPath: '/models',
    format: bind(openai, { returnedReasoning: 'reasoning_content', cacheControl: true, thinkTags: true }),
  },
]

/** Every provider, in the order in which settings are read. */
export const PROVIDERS: readonly Provider[] = ROWS.map((row) => ({
  settingPrefix: row.id.toUpperCase(),
  authHeaders: bearerToken,
  ...row,
}))

/** The provider as it is at one base URL, which may decide on the format. */
export function providerForBaseUrl(provider: Provider, baseUrl: string): Provider {
  const { formatOverride } = provider
  return formatOverride?.address.test(baseUrl) ? { ...provider, ...formatOverride } : provider
}

const BY_NAME: ReadonlyMap<string, Provider> = new Map(
  PROVIDERS.flatMap((row) => [row.id, ...(row.aliases ?? [])].map((name) => [name, row])),
)

/** Finds a provider by its id or one of its other names, in any case. */
export function findProvider(name: string): Provider | undefined {
  return BY_NAME.get(name.toLowerCase())
}
