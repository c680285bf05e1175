import {
  anyOf,
  COUNT,
  FLAG,
  type JsonSchema,
  list,
  MAP,
  maybe,
  NUMBER,
  object,
  only,
  ref,
  TEXT,
  TIME,
} from './json-schema.ts'

/** What Router9 says of models, providers, keys and usage. */

const STATE = only('closed', 'suspect', 'half-open', 'limited', 'open')

const price: JsonSchema = object(
  { input: NUMBER, output: NUMBER, cache_read: NUMBER, cache_write: NUMBER },
  'cache_read',
  'cache_write',
)
const model: JsonSchema = object(
  {
    id: TEXT,
    object: only('model'),
    created: COUNT,
    owned_by: TEXT,
    context_length: maybe(COUNT),
    max_output_tokens: maybe(COUNT),
    dimensions: { ...COUNT, description: 'of a model that makes vectors: their length' },
    modalities: object({ input: list(TEXT), output: list(TEXT) }),
    capabilities: maybe(
      object(
        { tools: FLAG, structured_output: FLAG, reasoning: FLAG, temperature: FLAG, reasoning_effort: list(TEXT) },
        'reasoning_effort',
      ),
    ),
    pricing: { ...maybe(price), description: 'US dollars for a million tokens' },
    providers: list(TEXT),
    deployments: {
      ...list(object({ id: TEXT, provider: TEXT, connected: FLAG, allowed: FLAG, setting: TEXT }, 'setting')),
      description: 'with `all=true`',
    },
  },
  'dimensions',
  'deployments',
)
/** The list has the shape of the client's API (endpoints: lists of models). */
const anthropicModels: JsonSchema = object({
  data: list(object({ type: only('model'), id: TEXT, display_name: TEXT, created_at: TIME })),
  has_more: FLAG,
  first_id: maybe(TEXT),
  last_id: maybe(TEXT),
})
const geminiModel: JsonSchema = object(
  {
    name: TEXT,
    version: TEXT,
    displayName: TEXT,
    inputTokenLimit: COUNT,
    outputTokenLimit: COUNT,
    supportedGenerationMethods: list(TEXT),
    thinking: FLAG,
  },
  ...['inputTokenLimit', 'outputTokenLimit', 'thinking'],
)

const share = maybe({ type: 'number', minimum: 0, maximum: 1 })
const health = {
  state: STATE,
  success_rate: share,
  ttft_ms: object({ p50: maybe(NUMBER), p95: maybe(NUMBER) }),
  tokens_per_second: maybe(NUMBER),
  reason: maybe(TEXT),
  until: maybe(TIME),
}
const counts = {
  in_flight: { ...maybe(COUNT), description: 'with `region`; null but for a management key' },
  last_hour: object(
    { success_rate: list(share), requests: list(COUNT), failures: list(COUNT) },
    'requests',
    'failures',
  ),
}
const deployment: JsonSchema = object(
  {
    id: TEXT,
    model: TEXT,
    ...health,
    ...counts,
    regions: list(object({ region: TEXT, ...health, in_flight: maybe(COUNT) })),
  },
  ...['in_flight', 'last_hour', 'regions'],
)
const providers: JsonSchema = object(
  {
    object: only('list'),
    data: list(object({ id: TEXT, object: only('provider'), state: STATE, deployments: list(deployment) })),
    at: { ...TIME, description: 'with `region`: the clock that `until` goes by' },
    regions: list(object({ region: TEXT, is_here: FLAG, answered: FLAG })),
  },
  'at',
  'regions',
)

const candidate = { id: TEXT, model: TEXT, provider: TEXT }
const route: JsonSchema = object({
  object: only('route'),
  requested_model: TEXT,
  model: { ...maybe(TEXT), description: 'the one that would be asked first' },
  prompt_tokens_estimate: COUNT,
  policy: TEXT,
  last_resort: { ...FLAG, description: 'all are out, and the one that is due back first would be asked' },
  plan: list(object({ ...candidate, ...health, tier: NUMBER, score: NUMBER, trial: FLAG, usual_price: maybe(NUMBER) })),
  left_out: list(object({ ...candidate, reason: maybe(TEXT) })),
})

const dollars = maybe(NUMBER)
const limits = { rpm: maybe(NUMBER), tpm: maybe(NUMBER), concurrent: maybe(NUMBER) }
const used = {
  limit: dollars,
  limit_reset: maybe({ enum: ['daily', 'weekly', 'monthly'] }),
  limit_remaining: dollars,
  usage: dollars,
  usage_daily: dollars,
  usage_weekly: dollars,
  usage_monthly: dollars,
}
const common = {
  id: TEXT,
  name: TEXT,
  disabled: FLAG,
  revoked_at: maybe(TIME),
  created_at: TIME,
  updated_at: maybe(TIME),
  ...used,
  ...limits,
  metadata: maybe(MAP),
}
const ROLE = only('inference', 'management')
const rights = {
  expires_at: maybe(TIME),
  role: ROLE,
  team: maybe(TEXT),
  models: maybe(list(TEXT)),
  providers: maybe(list(TEXT)),
}
const policy: JsonSchema = object({
  builtin_tools: maybe(FLAG),
  account_fields: maybe(FLAG),
  data_collection: maybe(TEXT),
  regions: maybe(list(TEXT)),
})
const key: JsonSchema = object({
  ...common,
  hash: TEXT,
  label: TEXT,
  ...rights,
  policy: maybe(policy),
  object: maybe(TEXT),
  account: { ...TEXT, description: 'one for a key and those that it was rotated to' },
  successor: maybe(TEXT),
})
const ownKey: JsonSchema = object({ id: TEXT, name: TEXT, label: TEXT, ...used, ...limits, ...rights })
const CURSOR = { ...maybe(TEXT), description: 'for the next page; null at the end' }

const sums = {
  requests: COUNT,
  failures: COUNT,
  prompt_tokens: COUNT,
  cached_tokens: COUNT,
  completion_tokens: COUNT,
  reasoning_tokens: COUNT,
  cost_usd: NUMBER,
  ttft_ms: {
    type: 'object',
    additionalProperties: COUNT,
    description: 'how many streams had their first token within so many milliseconds',
  },
}
const usageRow: JsonSchema = object(sums)
const usageList: JsonSchema = object({
  object: only('list'),
  by: list(TEXT),
  from: TEXT,
  to: TEXT,
  data: list(usageRow),
  has_more: FLAG,
  totals: usageRow,
})
const attempt: JsonSchema = object(
  { provider: TEXT, model: TEXT, outcome: TEXT, ms: NUMBER, kind: TEXT, cost_usd: NUMBER },
  'kind',
  'cost_usd',
)
const call: JsonSchema = object(
  {
    request: { ...TEXT, description: 'the `x-request-id` of its answer' },
    id: maybe(TEXT),
    created_at: TIME,
    key: TEXT,
    team: TEXT,
    model_asked: TEXT,
    model: TEXT,
    provider: TEXT,
    status: TEXT,
    http_status: COUNT,
    code: maybe(TEXT),
    stream: FLAG,
    left: { ...FLAG, description: 'the client disconnected' },
    attempts: list(attempt),
    prompt_tokens: COUNT,
    completion_tokens: COUNT,
    cost_usd: NUMBER,
    ttft_ms: NUMBER,
    total_ms: NUMBER,
  },
  ...['model_asked', 'code', 'prompt_tokens', 'completion_tokens', 'cost_usd', 'ttft_ms'],
)
const generation: JsonSchema = object({
  id: TEXT,
  request_id: TEXT,
  created_at: TIME,
  model: TEXT,
  provider_name: maybe(TEXT),
  total_cost: NUMBER,
  streamed: FLAG,
  cancelled: FLAG,
  latency: NUMBER,
  generation_time: maybe(NUMBER),
  finish_reason: maybe(TEXT),
  tokens_prompt: COUNT,
  tokens_completion: COUNT,
  provider_responses: list(
    object({ provider_name: TEXT, model_permaslug: TEXT, status: maybe(COUNT), outcome: TEXT, latency: NUMBER }),
  ),
  status: COUNT,
  key: TEXT,
})

/** By the names that they have in the document. */
export const MANAGEMENT_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  Model: model,
  ModelList: object({ object: only('list'), data: list(ref('Model')), models: list(MAP) }, 'models'),
  AnthropicModelList: anthropicModels,
  GeminiModel: geminiModel,
  GeminiModelList: object({ models: list(ref('GeminiModel')), nextPageToken: TEXT }, 'nextPageToken'),
  AnyModelList: anyOf(ref('ModelList'), ref('AnthropicModelList'), ref('GeminiModelList')),
  ProviderList: providers,
  Route: route,
  Key: key,
  KeyAnswer: object({ data: ref('Key') }),
  KeyList: object({ data: list(ref('Key')), cursor: CURSOR }),
  NewKey: object({ data: ref('Key'), key: { ...TEXT, description: 'the key itself, in this answer only' } }),
  OwnKey: object({ data: ownKey }),
  Team: object(common),
  TeamAnswer: object({ data: ref('Team') }),
  TeamList: object({ data: list(ref('Team')), cursor: CURSOR }),
  ProviderLimits: object({ data: object({ id: TEXT, ...used, ...limits }) }),
  Deleted: object({ deleted: only(true) }),
  Credits: object({ data: object({ total_credits: NUMBER, total_usage: NUMBER }) }),
  UsageList: usageList,
  CallList: object({ object: only('list'), data: list(call), before: maybe(TIME) }),
  Generation: object({ data: generation }),
  Health: object({ status: only('ok'), version: TEXT }),
}
