import { addSample, SPEED_PACE, TTFT_PACE } from './average.ts'
import { FIRST_WHOLE_BODY_BUCKET, type Outcome, type OutcomeClass, sizeClassOf } from './outcome.ts'
import type { HealthRecord } from './record.ts'
import { fadingAfter, STREAM_FAILURE_FADING, successRateAt, suspiciousRun } from './success-rate.ts'

/** What a transition of the circuit depends on, beside record and outcome. */
export interface CircuitOptions {
  /** In [0, 1): spreads what would otherwise end everywhere at the same time. */
  readonly seed: number
  /** False where no deployment would be left (routing 2.6). */
  readonly mayOpen: boolean
}

const DEFAULT_OPTIONS: CircuitOptions = { seed: 0.5, mayOpen: true }

/** Adds an outcome to a record, in place: this runs for every attempt. */
export function recordOutcome(
  record: HealthRecord,
  outcome: Outcome,
  now: number,
  options: CircuitOptions = DEFAULT_OPTIONS,
): void {
  fadeCounts(record, now)
  measure(record, outcome, now)
  COUNTING[outcome.class](record, outcome, now, options)
  const { justClosed, closed, open } = TRANSITIONS[outcome.class]
  if (justClosed !== undefined && now - record.closedAt < PROBATION_MS) {
    ACTIONS[justClosed](record, outcome, now, options)
  }
  ACTIONS[record.isOpen ? open : closed](record, outcome, now, options)
}

/** What an outcome does to the circuit. */
type Action = 'stay' | 'open' | 'open-if-allowed' | 'open-if-failing' | 'open-if-probe' | 'pass-if-probe'

/** By the state of the circuit. `justClosed` comes first: for a while after closing, and is followed by one of the others. */
interface Transition {
  readonly justClosed?: Action
  readonly closed: Action
  readonly open: Action
}

/** The circuit breaker: what each class of outcome does in each state (routing 2.3). */
const TRANSITIONS: Readonly<Record<OutcomeClass, Transition>> = {
  'first-token': { closed: 'stay', open: 'stay' },
  success: { closed: 'pass-if-probe', open: 'pass-if-probe' },
  'failed-before-first-token': { closed: 'open-if-failing', open: 'open-if-probe' },
  timeout: { closed: 'open-if-failing', open: 'open-if-probe' },
  // A circuit that has just closed opens at the first broken answer, so that no second client gets one.
  'failed-mid-stream': { justClosed: 'open-if-allowed', closed: 'open-if-failing', open: 'open-if-probe' },
  slow: { closed: 'stay', open: 'stay' },
  limit: { closed: 'stay', open: 'stay' },
  config: { closed: 'open', open: 'open' },
}

/** Some time after closing in which a circuit opens at the first broken answer. */
const PROBATION_MS = 20_000

/** Adds an outcome to a record, or makes the transition that it leads to. */
type Step = (record: HealthRecord, outcome: Outcome, now: number, options: CircuitOptions) => void

const ACTIONS: Readonly<Record<Action, Step>> = {
  stay() {},
  open(record, outcome, now, { seed }) {
    openCircuit(record, outcome.class, openTimeOf(outcome.class), now, seed)
  },
  'open-if-allowed'(record, outcome, now, options) {
    if (options.mayOpen) ACTIONS.open(record, outcome, now, options)
  },
  'open-if-failing'(record, outcome, now, options) {
    if (options.mayOpen && isFailing(record, now)) ACTIONS.open(record, outcome, now, options)
  },
  'open-if-probe'(record, outcome, now, { seed }) {
    if (outcome.probe === undefined) return
    // A circuit that `config` opened keeps its long open times until a probe succeeds, however the probes fail.
    const openTime = record.openReason === 'config' ? CONFIG_OPEN : openTimeOf(outcome.class)
    openCircuit(record, outcome.class, openTime, now, seed)
  },
  'pass-if-probe'(record, outcome, now) {
    if (outcome.probe !== undefined) passProbe(record, now)
  },
}

const OPENING = { run: 4, minAttempts: 6, successRate: 0.75, streamFailures: 3 }

function isFailing(record: HealthRecord, now: number): boolean {
  const { successes, failuresBeforeFirstToken, failuresMidStream } = record
  return (
    record.consecutiveFailures >= Math.max(suspiciousRun(record), OPENING.run) ||
    record.decayedStreamFailures >= OPENING.streamFailures ||
    (successes + failuresBeforeFirstToken + failuresMidStream >= OPENING.minAttempts &&
      successRateAt(record, now) < OPENING.successRate)
  )
}

/** How long a circuit stays open: the first time, and at most. */
interface OpenTime {
  readonly firstMs: number
  readonly maxMs: number
}

const FAILURES_OPEN: OpenTime = { firstMs: 2000, maxMs: 8000 }
/** Each failed probe is an answer that a client saw break off, so there are fewer of them. */
const STREAM_FAILURES_OPEN: OpenTime = { firstMs: 12_000, maxMs: 16_000 }
/** An operator has to do something first. */
const CONFIG_OPEN: OpenTime = { firstMs: 60_000, maxMs: 600_000 }
const OPEN_GROWTH = 1.6
const OPEN_SPREAD = 0.4
/** Closed for so long, a circuit starts again with the shortest time. */
const CLEAN_MS = 120_000
const MAX_CONSECUTIVE_OPENS = 30

function openCircuit(
  record: HealthRecord,
  reason: OutcomeClass,
  { firstMs, maxMs }: OpenTime,
  now: number,
  seed: number,
): void {
  const isRepeated = record.isOpen || now - record.closedAt < CLEAN_MS
  record.consecutiveOpens = isRepeated ? Math.min(record.consecutiveOpens + 1, MAX_CONSECUTIVE_OPENS) : 0
  record.isOpen = true
  record.openReason = reason
  record.probesPassed = 0
  const ms = Math.min(firstMs * OPEN_GROWTH ** record.consecutiveOpens, maxMs)
  record.openUntil = now + ms * (1 - OPEN_SPREAD / 2 + OPEN_SPREAD * seed)
}

function openTimeOf(kind: OutcomeClass): OpenTime {
  if (kind === 'config') return CONFIG_OPEN
  return kind === 'failed-mid-stream' ? STREAM_FAILURES_OPEN : FAILURES_OPEN
}

const PROBES_TO_PASS = 3
/** The share of its failures that a suspect circuit keeps when its probes have succeeded. */
const FORGIVEN = 1 / 4

/** Three probes that succeed in a row close an open circuit. A suspect circuit loses most of its counted failures by them. */
function passProbe(record: HealthRecord, now: number): void {
  record.probesPassed++
  if (record.probesPassed < PROBES_TO_PASS) return
  record.probesPassed = 0
  record.decayedStreamFailures = 0
  if (!record.isOpen) {
    record.failuresBeforeFirstToken *= FORGIVEN
    record.failuresMidStream *= FORGIVEN
    return
  }
  // What was counted and measured belongs to a fault that is over.
  for (const average of record.logTtft) average[0] = Math.min(average[0], average[1])
  record.isOpen = false
  record.closedAt = now
  record.openUntil = 0
  record.successes = 0
  record.failuresBeforeFirstToken = 0
  record.failuresMidStream = 0
  record.consecutiveFailures = 0
}

const COUNTING: Readonly<Record<OutcomeClass, Step>> = {
  'first-token': endFailureRun,
  success(record, outcome) {
    const { count = 1 } = outcome
    record.successes += count
    record.decayedStreamFailures = Math.max(record.decayedStreamFailures - FORGIVEN_PER_SUCCESS * count, 0)
    // A whole body ends the run of failures here. A stream did so at its first token: its end says little about new requests.
    if (outcome.bucket >= FIRST_WHOLE_BODY_BUCKET) endFailureRun(record, outcome)
  },
  'failed-before-first-token': countFailureBeforeFirstToken,
  timeout: countFailureBeforeFirstToken,
  'failed-mid-stream'(record, outcome, now) {
    const { count = 1 } = outcome
    record.failuresMidStream += count
    record.decayedStreamFailures += count
    delayProbes(record, outcome, now)
  },
  // It may have been about to answer, or never.
  slow() {},
  limit: recordLimit,
  config() {},
}

const FORGIVEN_PER_SUCCESS = 0.1

function fadeCounts(record: HealthRecord, now: number): void {
  const fading = fadingAfter(now - record.countedAt)
  record.successes *= fading
  record.failuresBeforeFirstToken *= fading
  record.failuresMidStream *= fading
  record.decayedStreamFailures *= fading ** STREAM_FAILURE_FADING
  record.countedAt = Math.max(record.countedAt, now)
}

function measure(record: HealthRecord, { bucket, ttftMs, tokensPerSecond }: Outcome, now: number): void {
  const ttft = record.logTtft[bucket]
  if (ttftMs !== undefined && ttft !== undefined) addSample(ttft, Math.max(ttftMs, 1), now, TTFT_PACE)
  if (tokensPerSecond !== undefined && tokensPerSecond > 0) {
    addSample(record.logTokensPerSecond, tokensPerSecond, now, SPEED_PACE)
  }
}

/** A good attempt ends the run only if it began after the last failed one: an older one does not show that the fault is over. */
function endFailureRun(record: HealthRecord, outcome: Outcome): void {
  if (beganAt(outcome) > record.lastFailureBeganAt) record.consecutiveFailures = 0
}

function beganAt({ at, ttftMs = 0 }: Outcome): number {
  return at - ttftMs
}

function countFailureBeforeFirstToken(record: HealthRecord, outcome: Outcome, now: number): void {
  const { count = 1 } = outcome
  record.failuresBeforeFirstToken += count
  record.consecutiveFailures += count
  record.lastFailureBeganAt = Math.max(record.lastFailureBeganAt, beganAt(outcome))
  delayProbes(record, outcome, now)
}

/** A failure shows as much as a probe that failed: the next probe waits as long. */
function delayProbes(record: HealthRecord, { probe }: Outcome, now: number): void {
  if (probe !== undefined) record.probesPassed = 0
  record.lastProbeAt = now
}

/** A longer limit is cut to this. */
export const MAX_LIMIT_MS = 120_000
const DEFAULT_LIMIT_MS = 5000
const LIMIT_SPREAD = 0.1
/** Limits that lie closer together belong together. */
const LIMITS_APART_MS = 60_000
const MAX_CONSECUTIVE_LIMITS = 3

function recordLimit(record: HealthRecord, outcome: Outcome, now: number, { seed }: CircuitOptions): void {
  const { bucket, waitMs = DEFAULT_LIMIT_MS, limit } = outcome
  const until = now + Math.min(waitMs, MAX_LIMIT_MS) * (1 + seed * LIMIT_SPREAD)
  const size = sizeClassOf(bucket)
  if (limit === 'size' && size > 0) {
    const isOn = record.sizeLimitedUntil > now
    record.sizeLimitedFrom = isOn ? Math.min(record.sizeLimitedFrom, size) : size
    record.sizeLimitedUntil = Math.max(record.sizeLimitedUntil, until)
    return
  }
  if (now >= record.limitedUntil) {
    // Where it answered in between, the limit is on our rate, and we come back more slowly each time.
    const hasServed = record.logTtft.some(([, , , , at]) => at > record.limitedUntil)
    const isClose = hasServed && now - record.limitedUntil < LIMITS_APART_MS
    record.consecutiveLimits = isClose ? Math.min(record.consecutiveLimits + 1, MAX_CONSECUTIVE_LIMITS) : 0
  }
  limitUntil(record, until, limit === 'overload')
}

/** Notes that a deployment is limited. Of several limits the longest counts. */
export function limitUntil(record: HealthRecord, until: number, isOverload: boolean): void {
  if (until <= record.limitedUntil) return
  record.limitedUntil = until
  record.limitedBy = isOverload ? 'overload' : ''
}
