import { DEFAULT_PRIOR, type HealthRecord } from './record.ts'

/** In this time a count fades to a third. */
const FADING_MS = 20_000
/** The prior counts as much as so many attempts. */
const PRIOR_WEIGHT = 4
/** No retry mends an answer that broke: it counts for more. */
const MID_STREAM_WEIGHT = 2

/** Failures in mid-stream are rare, so that their own count fades more slowly: to this power. */
export const STREAM_FAILURE_FADING = 1 / 3

/** The part of a count that is left after some time. */
export function fadingAfter(ms: number): number {
  return Math.exp(-Math.max(ms, 0) / FADING_MS)
}

/** The same for `decayedStreamFailures`. */
export function streamFadingAfter(ms: number): number {
  return Math.exp((-Math.max(ms, 0) / FADING_MS) * STREAM_FAILURE_FADING)
}

/** The share of attempts that succeed, as far as is known; the prior stands in where there are few of them. */
export function successRateAt(record: HealthRecord, now: number): number {
  const { successes, failuresBeforeFirstToken, failuresMidStream, countedAt, priorSuccessRate, priorAt } = record
  const fading = fadingAfter(now - countedAt)
  const prior = DEFAULT_PRIOR + (priorSuccessRate - DEFAULT_PRIOR) * fadingAfter(now - priorAt)
  const counted = successes + failuresBeforeFirstToken + failuresMidStream * MID_STREAM_WEIGHT
  return (successes * fading + PRIOR_WEIGHT * prior) / (counted * fading + PRIOR_WEIGHT)
}

/**
 * How many failures in a row make a deployment suspect. Where there are many attempts, one failure means little, and more
 * follow soon if it means something.
 */
export function suspiciousRun({ successes }: HealthRecord): number {
  return Math.max(Math.round(successes / 100), 1)
}
