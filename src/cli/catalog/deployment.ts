import type { Deployment, Price } from '../../catalog/deployment.ts'
import type { OnlyFormat } from '../../catalog/row.ts'
import type { Traits } from '../../formats/format.ts'
import { FIXED_TEMPERATURE, JSON_SCHEMA, ONLY_IN, RARE_TRAITS, TOOLS } from './rules.ts'
import type { Facts, Offer } from './source.ts'

/** An offer as a deployment of the catalogue. */
export function deploymentOf(offer: Offer): Deployment {
  const { provider, id, facts } = offer
  const price = facts.cost && priceOf(facts.cost)
  const only = onlyFormatOf(provider, id)
  return {
    provider,
    upstreamModel: id,
    traits: traitsOf(offer),
    ...(only && { format: only }),
    ...(price && { price }),
  }
}

/** The one format in which the provider offers a model; undefined where that is the provider's usual one. */
export function onlyFormatOf(provider: string, id: string): OnlyFormat | undefined {
  return ONLY_IN[provider]?.find(([, models]) => models.test(id))?.[0]
}

function traitsOf({ provider, id, facts }: Offer): Traits {
  const rareTraits = RARE_TRAITS.filter((rule) => rule.provider === provider && rule.id.test(id))
  const options = facts.reasoning ? facts.reasoning_options : []
  const efforts = options.find((option) => option.type === 'effort')?.values
  const bounds = options.find((option) => option.type === 'budget_tokens')
  const budget = bounds && { min: bounds.min ?? 0, ...(bounds.max !== undefined && { max: bounds.max }) }
  return {
    contextTokens: facts.limit.context,
    outputTokens: facts.limit.output,
    input: new Set(facts.modalities.input),
    output: new Set(facts.modalities.output),
    tools: facts.tool_call || (TOOLS[provider]?.test(id) ?? false),
    jsonSchema: facts.structured_output ?? JSON_SCHEMA[provider]?.test(id) ?? false,
    temperature: facts.temperature && !FIXED_TEMPERATURE.test(id),
    reasoning: facts.reasoning,
    toggle: options.some((option) => option.type === 'toggle'),
    ...(efforts && { efforts }),
    ...(budget && { budget }),
    ...Object.fromEntries(rareTraits.map(({ trait }) => [trait, true])),
  }
}

function priceOf(cost: NonNullable<Facts['cost']>): Price {
  const cacheRead = cost.cache_read ?? cost.cached_input
  return {
    input: cost.input,
    output: cost.output,
    ...(cacheRead !== undefined && { cacheRead }),
    ...(cost.cache_write !== undefined && { cacheWrite: cost.cache_write }),
  }
}
