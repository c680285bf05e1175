import { recordOutcome } from './circuit-breaker.ts'
import { type DeploymentStatus, evaluate, isProbeDue } from './evaluate.ts'
import { type ProbeLease, type Report, WIRE_VERSION, writeOutcome } from './messages.ts'
import type { Outcome } from './outcome.ts'
import { type HealthRecord, MAX_DEPLOYMENTS, recordOf, unknownHealth } from './record.ts'
import { createReportQueue, isGood, type ReportQueue } from './report-queue.ts'
import { readRecord } from './stored-record.ts'

/** What an isolate knows at the moment `now`. */
export interface HealthView {
  readonly now: number
  readonly statusOf: (deployment: string, bucket: number) => DeploymentStatus
  /** All of which something is known. */
  readonly deployments: () => readonly string[]
}

/** One isolate's knowledge: its region's last snapshot, and what it saw itself since (routing 2.6). */
export interface IsolateHealth {
  /** Takes in an outcome; the next view knows of it. */
  readonly record: (outcome: Outcome, now: number) => void
  readonly view: (now: number) => HealthView
  /** An attempt begins; `probe` is the id that the ranking gave it. */
  readonly attemptStarted: (deployment: string, now: number, probe?: string) => void
  readonly attemptEnded: (deployment: string) => void
  /**
   * When to report to the region: now, in so many milliseconds, or not yet (undefined). Call it after `attemptStarted` and
   * `record`, and again when the time has come; where it says `now`, call `takeReport`.
   */
  readonly reportDue: (now: number) => 'now' | number | undefined
  /** The report to send; `acceptSnapshot` or `reportFailed` follows. */
  readonly takeReport: (now: number) => Report
  /** Takes in the region's answer. It is not trusted: parts that make no sense are ignored. */
  readonly acceptSnapshot: (snapshot: unknown, now: number) => void
  /** The region did not answer; the outcomes are kept for the next report. */
  readonly reportFailed: (now: number, isOverloaded: boolean) => void
  readonly hasSnapshot: () => boolean
}

const PROBE_LEASE_MS = 30_000
/** No attempt is under way for longer. */
const MAX_ATTEMPT_MS = 1_200_000
/** An isolate without leases from its region probes by itself, at this many times the interval. Other isolates do the same. */
const UNCOORDINATED_SPACING = 4

interface IsolateState {
  /** The first part of the ids of probes that the isolate starts without a lease. */
  readonly isolate: string
  records: Map<string, HealthRecord>
  /** The deployments in the last snapshot. */
  inSnapshot: ReadonlySet<string>
  readonly inFlight: Map<string, { count: number; at: number }>
  readonly leases: Map<string, { id: string; until: number }>
  readonly reports: ReportQueue
}

/**
 * An isolate that knows nothing yet.
 * @param seed in [0, 1): isolates that began together do not report together.
 */
export function createIsolateHealth(isolate: string, seed: number): IsolateHealth {
  const reports = createReportQueue(seed)
  const state: IsolateState = {
    isolate,
    records: new Map(),
    inSnapshot: new Set(),
    inFlight: new Map(),
    leases: new Map(),
    reports,
  }
  return {
    record: (outcome, now) => recordOwn(state, outcome, now),
    view: (now) => new IsolateView(state, now),
    attemptStarted: (deployment, now, probe) => attemptStarted(state, deployment, now, probe),
    attemptEnded(deployment) {
      const before = state.inFlight.get(deployment)
      if (before !== undefined && before.count > 1) before.count--
      else state.inFlight.delete(deployment)
    },
    reportDue: reports.due,
    takeReport: (now) => ({
      v: WIRE_VERSION,
      isolate,
      events: reports.take(now).map((outcome) => writeOutcome(outcome, now)),
      ...(state.inFlight.size > 0 && { inFlight: inFlightOf(state, now) }),
    }),
    acceptSnapshot: (snapshot, now) => acceptSnapshot(state, snapshot, now),
    reportFailed: reports.failed,
    hasSnapshot: reports.hasSnapshot,
  }
}

function recordOwn({ records, reports }: IsolateState, outcome: Outcome, now: number): void {
  const record = recordOf(records, outcome.deployment)
  const isFirstFailure = record.consecutiveFailures === 0 && !isGood(outcome)
  recordOutcome(record, outcome, now)
  const { class: kind, probe } = outcome
  reports.add(outcome, isFirstFailure || probe !== undefined || kind === 'limit' || kind === 'config')
}

const UNKNOWN = unknownHealth()

class IsolateView implements HealthView {
  readonly #state: IsolateState
  readonly now: number

  constructor(state: IsolateState, now: number) {
    this.#state = state
    this.now = now
  }

  statusOf(deployment: string, bucket: number): DeploymentStatus {
    const state = this.#state
    const { now } = this
    const record = state.records.get(deployment)
    const status = evaluate(record ?? UNKNOWN, now, bucket, state.inFlight.get(deployment)?.count)
    if (status.state === 'suspect' || status.state === 'half-open') {
      status.probe = probeOf(state, deployment, record, now)
    }
    return status
  }

  deployments(): readonly string[] {
    return [...this.#state.records.keys()]
  }
}

/**
 * The id of a probe that may be sent now: that of the region's lease. If the region does not answer, or does not know the
 * deployment, the isolate probes without a lease.
 */
function probeOf(
  { isolate, leases, inSnapshot, reports }: IsolateState,
  deployment: string,
  record: HealthRecord | undefined,
  now: number,
): string | undefined {
  const lease = leases.get(deployment)
  if (lease !== undefined && lease.until > now) return lease.id
  const isUncoordinated = reports.isRegionSilent() || !inSnapshot.has(deployment)
  if (record === undefined || !isUncoordinated) return undefined
  return isProbeDue(record, now, UNCOORDINATED_SPACING) ? `${isolate}:own` : undefined
}

function attemptStarted(state: IsolateState, deployment: string, now: number, probe: string | undefined): void {
  const { inFlight, leases, records, reports } = state
  reports.attemptStarted(now)
  const before = inFlight.get(deployment)
  // The end of a request that the platform ended was never counted.
  if (before === undefined) inFlight.set(deployment, { count: 1, at: now })
  else {
    before.count = now - before.at > MAX_ATTEMPT_MS ? 1 : before.count + 1
    before.at = now
  }
  if (probe === undefined) return
  leases.delete(deployment)
  recordOf(records, deployment).lastProbeAt = now
}

function inFlightOf({ inFlight }: IsolateState, now: number): Record<string, number> {
  const known = [...inFlight].filter(([, { at }]) => now - at <= MAX_ATTEMPT_MS).slice(0, MAX_DEPLOYMENTS)
  return Object.fromEntries(known.map(([name, { count }]) => [name, count]))
}

function acceptSnapshot(state: IsolateState, snapshot: unknown, now: number): void {
  const { reports, leases: knownLeases } = state
  reports.delivered()
  const { v, now: then, deployments, leases } = Object(snapshot) as Record<string, unknown>
  if (v !== WIRE_VERSION || typeof then !== 'number' || !Number.isFinite(then)) return
  reports.snapshotReceived(now)
  const fresh = new Map<string, HealthRecord>()
  for (const [name, raw] of Object.entries(Object(deployments)).slice(0, MAX_DEPLOYMENTS)) {
    fresh.set(name, readRecord(raw, now, now - then))
  }
  state.inSnapshot = new Set(fresh.keys())
  // What the region lost, or never knew, is still known here.
  for (const [name, record] of state.records) {
    if (!fresh.has(name) && fresh.size < MAX_DEPLOYMENTS) fresh.set(name, record)
  }
  state.records = fresh
  // The snapshot knows nothing of what was recorded while the report was under way.
  for (const outcome of reports.pending()) recordOutcome(recordOf(fresh, outcome.deployment), outcome, outcome.at)
  for (const raw of Array.isArray(leases) ? leases.slice(0, MAX_DEPLOYMENTS) : []) {
    const { deployment, id } = Object(raw) as Partial<ProbeLease>
    if (typeof deployment === 'string' && typeof id === 'string') {
      knownLeases.set(deployment, { id, until: now + PROBE_LEASE_MS })
    }
  }
}
