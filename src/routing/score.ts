import type { DeploymentStatus } from '../health/evaluate.ts'
import { FIRST_WHOLE_BODY_BUCKET } from '../health/outcome.ts'
import type { Candidate, Policy, RankOptions } from './candidate.ts'

/** What a second of waiting costs, in quality. */
const SECOND_COST: Readonly<Record<Policy, number>> = { strict: 0, balanced: 0.04 }
/** A second of writing counts less than one of waiting for the first token. */
const WRITING_WEIGHT = 0.25
const FAILURE_COST = 0.1
/** Quality by tier: the order is the operator's, so that the steps are assumed. */
const QUALITY = [1, 0.85, 0.7]
const FURTHER_QUALITY = 0.7
const FURTHER_STEP = 0.87
/** A whole body takes so many times as long as the first token of a stream. */
const WHOLE_BODY_FACTOR = 6
const DEFAULT_OUTPUT_TOKENS = 200
const MAX_OUTPUT_TOKENS = 1000
/** Nobody reads faster than this. */
const ENOUGH_TOKENS_PER_SECOND = 30

/** How good it is to send a request there: quality less the time it costs, times the chance that it succeeds (routing 2.4). */
export function scoreOf(
  { tier }: Candidate,
  { successRate, tokensPerSecond }: Pick<DeploymentStatus, 'successRate' | 'tokensPerSecond'>,
  { policy, bucket, outputTokens = 0 }: RankOptions,
  ttftMs: number,
): number {
  const seconds = ttftMs / (1000 * latencyFactor(bucket))
  const slowness = tokensPerSecond === undefined ? 0 : Math.max(0, 1 / tokensPerSecond - 1 / ENOUGH_TOKENS_PER_SECOND)
  const tokens = Math.min(outputTokens || DEFAULT_OUTPUT_TOKENS, MAX_OUTPUT_TOKENS)
  const value = qualityOf(tier) - SECOND_COST[policy] * (seconds + WRITING_WEIGHT * slowness * tokens)
  return successRate * value - FAILURE_COST * (1 - successRate)
}

/** How many times as long as a stream's first token the answers of a bucket take. */
export function latencyFactor(bucket: number): number {
  return bucket < FIRST_WHOLE_BODY_BUCKET ? 1 : WHOLE_BODY_FACTOR
}

function qualityOf(tier: number): number {
  return QUALITY[tier] ?? FURTHER_QUALITY * FURTHER_STEP ** (tier - 2)
}

const PRICE_DOUBLING_COST = 0.05
const MAX_DOUBLINGS = 4

/** What a score loses by the price: a more expensive deployment has to be clearly better than the first of its tier. */
export function pricePenalty(price = 0, firstPrice = 0): number {
  if (firstPrice <= 0 || price <= firstPrice) return 0
  return PRICE_DOUBLING_COST * Math.min(Math.log2(price / firstPrice), MAX_DOUBLINGS)
}
