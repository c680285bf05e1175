import type { Deployment, Price } from '../../catalog/deployment.ts'
import { RESPONSES } from '../../catalog/row.ts'
import type { Traits } from '../../formats/format.ts'
import { FIXED_TEMPERATURE, JSON_SCHEMA, RARE_TRAITS, RESPONSES_ONLY, TOOLS } from './rules.ts'
import type { Facts, Offer } from './source.ts'

/** An offer as a deployment of the catalogue. */
export function deploymentOf(offer: Offer): Deployment {
  const { provider, id, facts } = offer
  const price = facts.cost && priceOf(facts.cost)
  const format = RESPONSES_ONLY[provider]?.test(id) ? { format: RESPONSES } : {}
  return { provider, upstreamModel: id, traits: traitsOf(offer), ...format, ...(price && { price }) }
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
