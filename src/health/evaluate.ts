import { type Average, UNMEASURED } from './average.ts'
import { sizeClassOf } from './outcome.ts'
import type { HealthRecord } from './record.ts'
import { streamFadingAfter, successRateAt, suspiciousRun } from './success-rate.ts'

export type CircuitState = 'closed' | 'suspect' | 'half-open' | 'open' | 'limited'

/** What a record means at a moment, to the isolate or region that has it. */
export interface DeploymentStatus {
  readonly state: CircuitState
  /** The share of attempts that succeed, as far as is known. */
  readonly successRate: number
  /** Undefined where unmeasured. */
  readonly ttftMs: number | undefined
  /** What it may be again, where it was measured a while ago. */
  readonly optimisticTtftMs: number | undefined
  readonly ttftP95Ms: number | undefined
  /** How many times to the first token are behind `ttftMs` in this bucket, up to 30. */
  readonly samples: number
  readonly tokensPerSecond: number | undefined
  /** When it may be tried again; 0 where it may be now. */
  readonly until: number
  /** Why it is not simply closed; '' where it is. */
  readonly reason: string
  /** The share of requests that may go to it: less than 1 for a while after it was open or limited. */
  readonly rampShare: number
  /** When it was last taken out or limited, that was over; 0 where it never was. */
  readonly wellSince: number
  /** It has just failed, which may be chance: an equal goes before it for a moment. */
  readonly recentlyFailed: boolean
  /** How many of the isolate's attempts are under way there. */
  readonly inFlight: number
  /** The id of a probe that the isolate may send there now. */
  probe: string | undefined
}

/** The state of a record at a moment, for requests of one bucket (routing 2.3). */
export function evaluate(record: HealthRecord, now: number, bucket: number, inFlight = 0): DeploymentStatus {
  const successRate = successRateAt(record, now)
  const { isOpen, openUntil, limitedBy, consecutiveLimits, closedAt } = record
  const limitedUntil = limitedUntilFor(record, bucket)
  const average = record.logTtft[bucket] ?? UNMEASURED
  const baseline = average[1]
  const samples = average[3]
  const idleMs = now - average[4]
  // What was slow when it was last measured, long ago, may not be slow any more.
  const staleness = 1 - Math.exp(-Math.max(idleMs - STALE_MS.after, 0) / STALE_MS.within)
  const log = average[0] + staleness * (baseline - average[0])
  const optimisticLog = idleMs > STALE_MS.unsure ? Math.min(log, baseline) : log
  const state = stateOf(record, now, successRate, limitedUntil)
  const rampingMs = Math.min(now - closedAt, (now - limitedUntil) / 2 ** consecutiveLimits)
  const rampMs = record.openReason === 'failed-mid-stream' ? RAMP.midStreamMs : RAMP.usualMs
  return {
    state,
    successRate,
    ttftMs: samples > 0 ? Math.exp(log) : undefined,
    optimisticTtftMs: samples > 0 ? Math.exp(optimisticLog) : undefined,
    ttftP95Ms: samples > 0 ? Math.exp(log + P95_DEVIATIONS * average[2]) : undefined,
    samples,
    tokensPerSecond: speedOf(record.logTokensPerSecond),
    until: state === 'limited' ? limitedUntil : isOpen ? openUntil : 0,
    reason:
      state === 'limited'
        ? limitedBy || 'limit'
        : isOpen
          ? record.openReason
          : state === 'suspect'
            ? suspicionOf(record)
            : '',
    recentlyFailed:
      record.consecutiveFailures >= suspiciousRun(record) && now - record.lastProbeAt < RECENTLY_FAILED_MS,
    wellSince: Math.max(closedAt, limitedUntil),
    rampShare: Math.min(RAMP.minShare + ((1 - RAMP.minShare) * rampingMs) / rampMs, 1),
    inFlight,
    probe: undefined,
  }
}

const STALE_MS = { after: 20_000, within: 60_000, unsure: 5000 }
/** A normal distribution's 95th percentile, in standard deviations, each 1.25 times the mean deviation. */
const P95_DEVIATIONS = 1.65 * 1.25
const RAMP = { minShare: 0.1, usualMs: 5000, midStreamMs: 12_000 }
const RECENTLY_FAILED_MS = 3000

function speedOf(average: Average): number | undefined {
  return average[3] > 0 ? Math.exp(average[0]) : undefined
}

function suspicionOf({ failuresBeforeFirstToken, failuresMidStream }: HealthRecord): string {
  if (failuresBeforeFirstToken + failuresMidStream === 0) return 'failed-elsewhere'
  return failuresMidStream > failuresBeforeFirstToken ? 'failed-mid-stream' : 'failed-before-first-token'
}

function limitedUntilFor({ limitedUntil, sizeLimitedUntil, sizeLimitedFrom }: HealthRecord, bucket: number): number {
  return sizeClassOf(bucket) >= sizeLimitedFrom ? Math.max(limitedUntil, sizeLimitedUntil) : limitedUntil
}

const SUSPECT = { successRate: 0.93, streamFailures: 2 }
/** A run of failures is forgotten if no attempt followed for so long. */
const RUN_MS = 60_000

function stateOf(
  record: HealthRecord,
  now: number,
  successRate: number,
  limitedUntil = record.limitedUntil,
): CircuitState {
  if (limitedUntil > now) return 'limited'
  if (record.isOpen) return record.openUntil > now ? 'open' : 'half-open'
  const idleMs = Math.max(now - record.countedAt, 0)
  const run = idleMs < RUN_MS ? record.consecutiveFailures : 0
  const isSuspect =
    successRate < SUSPECT.successRate ||
    run >= 2 * suspiciousRun(record) ||
    record.decayedStreamFailures * streamFadingAfter(idleMs) >= SUSPECT.streamFailures
  return isSuspect ? 'suspect' : 'closed'
}

/**
 * The time between two probes. A probe that fails in mid-stream breaks a client's answer, so the first probe after such
 * failures waits longer.
 */
const PROBE_INTERVAL_MS = { beforeFirstToken: 1500, midStream: 12_000, midStreamAgain: 2500 }

/**
 * Whether one request may go there as a probe now. The caller that sends it sets `lastProbeAt`.
 * @param spacing more than 1 where several give out probes and do not know of each other.
 */
export function isProbeDue(record: HealthRecord, now: number, spacing = 1): boolean {
  const state = stateOf(record, now, successRateAt(record, now))
  return (state === 'half-open' || state === 'suspect') && now - record.lastProbeAt >= probeIntervalOf(record) * spacing
}

function probeIntervalOf(record: HealthRecord): number {
  const breaksMidStream =
    record.failuresMidStream > record.failuresBeforeFirstToken ||
    (record.isOpen && record.openReason === 'failed-mid-stream')
  if (!breaksMidStream) return PROBE_INTERVAL_MS.beforeFirstToken
  return record.probesPassed > 0 ? PROBE_INTERVAL_MS.midStreamAgain : PROBE_INTERVAL_MS.midStream
}
