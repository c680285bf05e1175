import { maxTokensOf } from '../access/budget.ts'
import { toUsage, type Usage } from '../chat/event.ts'
import { wholeWeight } from '../chat/text-weight.ts'
import { createUsageCounter } from '../chat/usage.ts'
import type { Embedded, EmbeddingInput } from '../formats/embedding-format.ts'
import { inputTokens } from '../routing/needs.ts'
import type { Target } from '../routing/target.ts'
import type { Part } from './embedding-parts.ts'

/** What one call for vectors used, and at which deployment. */
export interface PartUsage {
  readonly target: Target
  readonly usage: Usage
}

/** Providers may put words of their own before a text, such as what it is for. */
const ADDED_TOKENS = 64
/** Our estimate is never wrong by more than this factor. */
const ESTIMATE_IS_WITHIN = 4

/** By the provider's count, where it can be true (accounts 5). @param inputs what it was asked for. */
export function usageOf(
  { promptTokens = 0, usage }: Embedded,
  { tokens: estimate }: Part,
  inputs: readonly EmbeddingInput[],
  { deployment: { traits } }: Target,
): Usage {
  const { prompt } = maxTokensOf(traits, 0)
  const most = (tokens: number) =>
    Math.min(prompt * inputs.length, ESTIMATE_IS_WITHIN * tokens + ADDED_TOKENS * inputs.length)
  // Whoever pays by our estimate for what the provider counts would write texts so that the estimate is far too low.
  const isDoubtful = promptTokens > most(estimate)
  const tokens = isDoubtful ? inputs.reduce((sum, input) => sum + inputTokens(input, wholeWeight), 0) : estimate
  const counter = createUsageCounter(() => tokens, { prompt: most(tokens), completion: 0 })
  counter.report(toUsage(promptTokens, 0, usage))
  return counter.usage(true)
}

/** What several parts used. Of what is said of single answers only the costs add up. */
export function sumOf(used: readonly PartUsage[]): Usage {
  const usages = used.map(({ usage }) => usage)
  const [only] = usages
  if (only !== undefined && usages.length === 1) return only
  const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0)
  const costs = usages.flatMap(({ cost }) => (typeof cost === 'number' ? cost : []))
  return toUsage(sum(usages.map(({ prompt_tokens: tokens }) => tokens)), 0, {
    ...(usages.length > 0 && costs.length === usages.length ? { cost: sum(costs) } : {}),
    ...(usages.some(({ estimated }) => estimated) ? { estimated: true } : {}),
  })
}
