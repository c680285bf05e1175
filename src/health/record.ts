import { type Average, UNMEASURED } from './average.ts'
import { BUCKET_COUNT, type OutcomeClass } from './outcome.ts'

/**
 * What is known of one deployment. Counts fade with time by formula, so that no timer has to run (routing 2.2).
 * All times are on the clock of the isolate or region that has the record.
 */
export interface HealthRecord {
  /** The moment to which the counts have faded. */
  countedAt: number
  successes: number
  /** The client sees nothing of these: another attempt replaces them. */
  failuresBeforeFirstToken: number
  /** The client saw these. */
  failuresMidStream: number
  /** Failures in mid-stream, which fade more slowly than the others and are lessened by successes. */
  decayedStreamFailures: number
  /** Failures before the first token since the last attempt that got one. */
  consecutiveFailures: number
  /** When the latest of those attempts began. */
  lastFailureBeganAt: number
  isOpen: boolean
  /** How often the circuit opened without two clean minutes between. */
  consecutiveOpens: number
  openUntil: number
  openReason: OutcomeClass | ''
  closedAt: number
  /** Probes that succeeded in a row. */
  probesPassed: number
  /** When a probe was last given out, or an attempt last failed: the next probe waits from then on. */
  lastProbeAt: number
  limitedUntil: number
  /** `overload` where the limit is not on our account. */
  limitedBy: 'overload' | ''
  /** Until when prompts of a size are limited. */
  sizeLimitedUntil: number
  /** The smallest size class (`sizeClassOf`) of those prompts. */
  sizeLimitedFrom: number
  /** Rate limits that closely followed each other: each doubles the ramp after it. */
  consecutiveLimits: number
  /** The success rate to assume where there are few attempts, by what is known of other regions and of its provider. */
  priorSuccessRate: number
  priorAt: number
  /** Logarithm of the milliseconds to the first token, per bucket. */
  logTtft: Average[]
  logTokensPerSecond: Average
}

/** The success rate of a deployment of which nothing is known. */
export const DEFAULT_PRIOR = 0.98

/** A deployment of which nothing is known. */
export function unknownHealth(): HealthRecord {
  return {
    countedAt: 0,
    successes: 0,
    failuresBeforeFirstToken: 0,
    failuresMidStream: 0,
    decayedStreamFailures: 0,
    consecutiveFailures: 0,
    lastFailureBeganAt: 0,
    isOpen: false,
    consecutiveOpens: 0,
    openUntil: 0,
    openReason: '',
    closedAt: 0,
    probesPassed: 0,
    lastProbeAt: 0,
    limitedUntil: 0,
    limitedBy: '',
    sizeLimitedUntil: 0,
    sizeLimitedFrom: 0,
    consecutiveLimits: 0,
    priorSuccessRate: DEFAULT_PRIOR,
    priorAt: 0,
    logTtft: Array.from({ length: BUCKET_COUNT }, () => [...UNMEASURED] as Average),
    logTokensPerSecond: [...UNMEASURED],
  }
}

/** When something last happened to a record, or will by itself. */
export function lastChangeOf(record: HealthRecord): number {
  return Math.max(
    record.countedAt,
    record.limitedUntil,
    record.sizeLimitedUntil,
    record.openUntil,
    ...record.logTtft.map(([, , , , at]) => at),
  )
}

/** As many deployments are known at once, in an isolate and in a region. */
export const MAX_DEPLOYMENTS = 256

/** The record of a deployment; a new one, with room made for it, where there is none. */
export function recordOf(records: Map<string, HealthRecord>, deployment: string): HealthRecord {
  let record = records.get(deployment)
  if (record === undefined) {
    if (records.size >= MAX_DEPLOYMENTS) evictOne(records)
    record = unknownHealth()
    records.set(deployment, record)
  }
  return record
}

/**
 * Of the provider with the most records, the one goes whose last outcome is the oldest. So names that callers invent for one
 * server push out each other, and no other provider's.
 */
function evictOne(records: Map<string, HealthRecord>): void {
  const counts = new Map<string, number>()
  for (const name of records.keys()) counts.set(providerOf(name), (counts.get(providerOf(name)) ?? 0) + 1)
  const max = Math.max(...counts.values())
  let oldest: string | undefined
  let at = Number.POSITIVE_INFINITY
  for (const [name, record] of records) {
    if (record.countedAt >= at || counts.get(providerOf(name)) !== max) continue
    oldest = name
    at = record.countedAt
  }
  if (oldest !== undefined) records.delete(oldest)
}

/** The provider in a deployment's name. */
export function providerOf(deployment: string): string {
  return deployment.slice(0, deployment.indexOf('/'))
}
