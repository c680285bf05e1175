import fc from 'fast-check'
import { allModels } from '../../src/catalog/models.ts'
import { PROVIDERS } from '../../src/catalog/providers.ts'
import { request } from '../formats/conversations.ts'
import { type Json, pathsIn, replaced, STRANGERS } from '../worker/request-fields.ts'
import { type CompareRequest, chatRequest } from './request.ts'
import { simulated } from './side.ts'
import type { Source } from './source.ts'

/** Those that chat. */
const CHAT_MODELS = allModels().filter(({ deployments }) => deployments.every(({ traits }) => !traits.embedding))

/** Names that are asked for at each provider: each of its models in turn, and some that no catalogue knows. */
export const NAMES_BY_PROVIDER: ReadonlyMap<string, readonly string[]> = new Map(
  PROVIDERS.map(({ id, anyModel }) => {
    const known = CHAT_MODELS.flatMap((model) =>
      model.deployments.flatMap(({ provider, upstreamModel }) =>
        provider === id ? [`${id}/${model.id}`, `${id}/${upstreamModel}`] : [],
      ),
    )
    return [id, anyModel === true || known.length === 0 ? [...known, `${id}/some-model`, `${id}/qwen3:8b`] : known]
  }),
)
/** Most requests name a provider, so that one candidate answers; these have several. */
const SHARED_NAMES = CHAT_MODELS.filter(({ deployments }) => deployments.length > 1).map(({ id }) => id)

const model = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(...NAMES_BY_PROVIDER.values()).chain((names) => fc.constantFrom(...names)),
  },
  { weight: 1, arbitrary: fc.constantFrom(...SHARED_NAMES, 'auto') },
)
const providers = fc.uniqueArray(fc.constantFrom(...NAMES_BY_PROVIDER.keys(), 'nobody'), { maxLength: 3 })
const preferences = fc.record(
  {
    order: providers,
    only: providers,
    ignore: providers,
    allow_fallbacks: fc.boolean(),
    require_parameters: fc.boolean(),
    sort: fc.constantFrom('price', 'throughput', 'latency'),
    max_price: fc.record({ prompt: fc.constantFrom(0, 0.5, 5), completion: fc.constantFrom(0, 1, 20) }),
  },
  { requiredKeys: [] },
)

/** One in so many has the value. */
function rarely<Value>(arbitrary: fc.Arbitrary<Value>, oneIn = 25): fc.Arbitrary<Value | undefined> {
  return fc.oneof({ weight: oneIn - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })
}

/** Fields that clients send beside those that every format has to translate. */
const further = fc.record({
  stream: fc.option(fc.boolean(), { nil: undefined, freq: 20 }),
  stream_options: rarely(fc.record({ include_usage: fc.boolean() })),
  n: rarely(fc.integer({ min: 1, max: 3 })),
  seed: rarely(fc.integer()),
  top_k: rarely(fc.integer({ min: 0, max: 100 })),
  min_p: rarely(fc.constantFrom(0, 0.1)),
  max_completion_tokens: rarely(fc.integer({ min: 1, max: 9000 })),
  presence_penalty: rarely(fc.double({ min: -2, max: 2, noNaN: true })),
  frequency_penalty: rarely(fc.double({ min: -2, max: 2, noNaN: true })),
  logit_bias: rarely(fc.constant({ '50256': -100 })),
  logprobs: rarely(fc.boolean()),
  top_logprobs: rarely(fc.integer({ min: 0, max: 20 })),
  user: rarely(fc.constantFrom('user-1', '')),
  metadata: rarely(fc.constant({ purpose: 'test' })),
  service_tier: rarely(fc.constantFrom('auto', 'flex', 'priority')),
  store: rarely(fc.boolean()),
  prediction: rarely(fc.constant({ type: 'content', content: 'One two.' })),
  modalities: rarely(fc.constantFrom(['text'], ['text', 'audio'])),
  web_search_options: rarely(fc.constantFrom({}, { search_context_size: 'low' })),
  plugins: rarely(fc.constant([{ id: 'web' }])),
  reasoning: rarely(fc.constantFrom({ effort: 'low' }, { max_tokens: 2000 }, { enabled: false }, { exclude: true })),
  thinking: rarely(fc.constantFrom({ type: 'enabled', budget_tokens: 2000 }, { type: 'disabled' })),
  safe_prompt: rarely(fc.boolean()),
  prompt_cache_key: rarely(fc.constant('key')),
  functions: rarely(fc.constant([{ name: 'clock', parameters: { type: 'object' } }]), 40),
  function_call: rarely(fc.constantFrom('auto', 'none', { name: 'clock' }), 40),
  models: rarely(fc.array(model, { maxLength: 2 })),
  provider: rarely(preferences, 15),
  x_unknown: rarely(fc.jsonValue({ maxDepth: 2 })),
})

/** Where a request is spoilt, and by what. */
const spoiling = rarely(fc.record({ at: fc.nat(), by: fc.constantFrom(...STRANGERS) }), 8)
/** With all of these, most requests would be refused for the one or the other of them. */
const leftOut = fc.subarray([
  ...['tools', 'tool_choice', 'parallel_tool_calls', 'response_format', 'stop', 'temperature', 'top_p'],
  ...['max_tokens', 'reasoning_effort'],
])

const generatedBody = fc
  .record({ fields: request, more: further, model, spoiling, leftOut })
  .map(({ fields, more, model: name, spoiling: spoil, leftOut: left }): Json => {
    const kept = Object.fromEntries(Object.entries(fields).filter(([field]) => !left.includes(field)))
    const body = JSON.parse(JSON.stringify({ ...kept, ...more, model: name })) as Json
    if (spoil === undefined) return body
    const paths = pathsIn(body).filter(([first]) => first !== 'model')
    const path = paths[spoil.at % paths.length]
    return path === undefined ? body : replaced(body, path, spoil.by)
  })

/** Requests by chance: right ones, odd ones and slightly wrong ones, to the models of all providers, streamed and whole. */
export function generated(seed: number, count: number): Source {
  const bodies = fc.sample(generatedBody, { seed, numRuns: count })
  const requests = bodies.map((body, at): CompareRequest => chatRequest(`${at}.`, body))
  return { name: 'generated', setting: { upstream: simulated, dataPoints: true }, requests }
}

/** The same requests, of which only the plan is asked. */
export function plans(seed: number, count: number): Source {
  const bodies = fc.sample(generatedBody, { seed: seed + 1, numRuns: count })
  const requests = bodies.map((body, at) => chatRequest(`${at}.`, body, { path: '/v1/route' }))
  return { name: 'plans', setting: { upstream: simulated }, requests }
}
