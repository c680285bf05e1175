import { type Activity, createActivity } from './activity.ts'
import { limitUntil, MAX_LIMIT_MS, recordOutcome } from './circuit-breaker.ts'
import { evaluate, isProbeDue } from './evaluate.ts'
import {
  type Digest,
  type DigestRow,
  isDigestRow,
  type Overview,
  type ProbeLease,
  readOutcome,
  type Snapshot,
  WIRE_VERSION,
} from './messages.ts'
import { type HealthRecord, lastChangeOf, MAX_DEPLOYMENTS, providerOf, recordOf } from './record.ts'
import { readRecord, writeRecord } from './stored-record.ts'
import { fadingAfter } from './success-rate.ts'

/** What one region knows: the core of its Durable Object. */
export interface RegionHealth {
  /**
   * Takes in an isolate's report (parts that make no sense are ignored) and answers with all that is known.
   * @param seed in [0, 1), another one each time.
   */
  readonly report: (report: unknown, now: number, seed: number) => Snapshot
  /** All that is known, for people to look at. */
  readonly overview: (now: number) => Overview
  /** What the global object is to know. */
  readonly digest: (now: number) => Digest
  /** Takes in what the other regions know. */
  readonly absorb: (pooled: unknown, now: number) => void
  /** How long until the next digest is due; 0 or less where it is. Call it after each report. */
  readonly nextDigestMs: (now: number) => number
  /** Whether enough has happened since `save`. */
  readonly shouldSave: (now: number) => boolean
  /** Plain JSON for `createRegionHealth`. */
  readonly save: (now: number) => unknown
}

/** Room for the full lists of several regions: names that callers invent in one must not push out those of another. */
const MAX_ROWS = 4 * MAX_DEPLOYMENTS
const FORGET_MS = 1_800_000
const SAVE_MS = 30_000
const DIGEST_MS = { troubled: 4000, quiet: 60_000 }
/** More than any isolate reports at once. A broken report must not keep the region busy. */
const MAX_OUTCOMES = 2000
const MAX_ISOLATE_CHARACTERS = 64

interface RegionState {
  readonly records: Map<string, HealthRecord>
  readonly activity: Activity
  savedAt: number
  /** A circuit changed its state since `save`. */
  hasChanged: boolean
  /** Any outcome came since `save`. */
  hasOutcomes: boolean
  digestedAt: number
  /** Other regions see failures or limits. */
  isTroubledElsewhere: boolean
  /** The global object is to know at once. */
  isDigestUrgent: boolean
}

/** A region that knows nothing, or what was saved. */
export function createRegionHealth(saved?: unknown, startedAt = 0): RegionHealth {
  const records = new Map<string, HealthRecord>()
  const { v, deployments } = Object(saved) as Record<string, unknown>
  if (v === WIRE_VERSION) {
    for (const [name, raw] of Object.entries(Object(deployments)).slice(0, MAX_DEPLOYMENTS)) {
      records.set(name, readRecord(raw, startedAt))
    }
  }
  const state: RegionState = {
    records,
    activity: createActivity(),
    savedAt: startedAt,
    hasChanged: false,
    hasOutcomes: false,
    digestedAt: startedAt,
    isTroubledElsewhere: false,
    isDigestUrgent: false,
  }
  return {
    report: (report, now, seed) => takeReport(state, report, now, seed),
    overview: (now) => ({
      v: WIRE_VERSION,
      now,
      leases: [],
      deployments: writeRecords(records),
      ...state.activity.write(now),
    }),
    digest(now) {
      state.digestedAt = now
      state.isDigestUrgent = false
      return { v: WIRE_VERSION, rows: [...records].flatMap(([name, record]) => digestRowOf(name, record, now) ?? []) }
    },
    absorb: (pooled, now) => absorb(state, pooled, now),
    nextDigestMs(now) {
      if (state.isDigestUrgent) return 0
      const isHealthy = (record: HealthRecord) => evaluate(record, now, 0).state === 'closed'
      const isTroubled = state.isTroubledElsewhere || ![...records.values()].every(isHealthy)
      return state.digestedAt + (isTroubled ? DIGEST_MS.troubled : DIGEST_MS.quiet) - now
    },
    shouldSave: (now) => state.hasChanged || (state.hasOutcomes && now - state.savedAt >= SAVE_MS),
    save(now) {
      state.savedAt = now
      state.hasChanged = false
      state.hasOutcomes = false
      return { v: WIRE_VERSION, deployments: writeRecords(records) }
    },
  }
}

function writeRecords(records: ReadonlyMap<string, HealthRecord>): Record<string, unknown> {
  return Object.fromEntries([...records].map(([name, record]) => [name, writeRecord(record)]))
}

function takeReport(state: RegionState, report: unknown, now: number, seed: number): Snapshot {
  const { records } = state
  const { v, isolate, events, inFlight } = Object(report) as Record<string, unknown>
  const isKnown = v === WIRE_VERSION
  if (isKnown && Array.isArray(events)) {
    for (const raw of events.slice(0, MAX_OUTCOMES)) takeOutcome(state, raw, now, seed)
    state.activity.setInFlight(String(isolate).slice(0, MAX_ISOLATE_CHARACTERS), inFlight, now)
  }
  for (const [name, record] of records) {
    if (now - Math.max(lastChangeOf(record), record.priorAt) > FORGET_MS) records.delete(name)
  }
  state.activity.keepOnly(records)
  return {
    v: WIRE_VERSION,
    now,
    leases: isKnown && typeof isolate === 'string' ? leaseProbes(records, isolate, now) : [],
    deployments: writeRecords(records),
  }
}

function takeOutcome(state: RegionState, raw: unknown, now: number, seed: number): void {
  const { records } = state
  const outcome = readOutcome(raw, now)
  if (outcome === undefined) return
  const record = recordOf(records, outcome.deployment)
  const before = circuitKey(record, now)
  recordOutcome(record, outcome, now, { seed, mayOpen: mayOpen(records, outcome.deployment, now) })
  state.hasOutcomes = true
  state.activity.countOutcome(outcome)
  if (circuitKey(record, now) === before) return
  state.hasChanged = true
  state.isDigestUrgent ||= record.isOpen || outcome.class === 'limit'
  doubtRestOfProvider(records, outcome.deployment, now)
}

/** All probes that are due go to the isolate that asks. */
function leaseProbes(records: ReadonlyMap<string, HealthRecord>, isolate: string, now: number): ProbeLease[] {
  const leases: ProbeLease[] = []
  for (const [deployment, record] of records) {
    if (!isProbeDue(record, now)) continue
    record.lastProbeAt = now
    leases.push({ deployment, id: `${isolate.slice(0, MAX_ISOLATE_CHARACTERS)}:${now}` })
  }
  return leases
}

/** Counts that have faded so far are not sent: regions would keep them alive for each other. */
const FADED = 0.01

function digestRowOf(deployment: string, record: HealthRecord, now: number): DigestRow | undefined {
  const fading = fadingAfter(now - record.countedAt)
  const ok = record.successes * fading
  const failed = (record.failuresBeforeFirstToken + record.failuresMidStream) * fading
  const limitMs = Math.max(record.limitedUntil - now, 0)
  if (ok + failed < FADED && !record.isOpen && limitMs === 0) return undefined
  const overloaded = limitMs > 0 && record.limitedBy === 'overload'
  return { deployment, ok, failed, open: record.isOpen ? 1 : 0, limitMs, ...(overloaded ? { overloaded } : {}) }
}

/** The evidence of other regions counts for a fifth, against a prior that counts for twenty attempts. */
const POOLED = { weight: 0.2, priorAttempts: 20, prior: 0.98 }
/** Open in so many other regions, a deployment is suspect here too before it is tried. */
const MANY_OPEN = 2
const OPEN_ELSEWHERE_PRIOR = 0.9
const TROUBLED_PRIOR = 0.95
/** A deployment that something happened to within this time is one that the region knows itself. */
const ACTIVE_MS = 60_000

function absorb(state: RegionState, pooled: unknown, now: number): void {
  const { v, rows } = Object(pooled) as { v?: unknown; rows?: unknown }
  if (v !== WIRE_VERSION || !Array.isArray(rows)) return
  state.isTroubledElsewhere = false
  for (const row of rows.slice(0, MAX_ROWS)) {
    if (!isDigestRow(row)) continue
    const record = recordOf(state.records, row.deployment)
    record.priorSuccessRate = priorFrom(row, now - lastChangeOf(record) > ACTIVE_MS)
    record.priorAt = now
    state.isTroubledElsewhere ||= record.priorSuccessRate < TROUBLED_PRIOR || row.limitMs > 0
    if (row.limitMs > 0) {
      limitUntil(record, now + Math.min(row.limitMs, MAX_LIMIT_MS), row.overloaded === true)
    }
  }
}

function priorFrom({ ok, failed, open }: DigestRow, isUntriedHere: boolean): number {
  const { weight, priorAttempts, prior } = POOLED
  const counted = (ok * weight + priorAttempts * prior) / ((ok + failed) * weight + priorAttempts)
  return isUntriedHere && open >= MANY_OPEN ? Math.min(counted, OPEN_ELSEWHERE_PRIOR) : counted
}

/** What has to be saved, and told to the others, when it changes. */
function circuitKey({ isOpen, limitedUntil, consecutiveOpens }: HealthRecord, now: number): string {
  return `${isOpen} ${limitedUntil > now} ${consecutiveOpens}`
}

function isFailing({ isOpen, consecutiveFailures }: HealthRecord): boolean {
  return isOpen || consecutiveFailures >= 2
}

/**
 * Whether another deployment still works. If all deployments of several providers fail, the fault is likely our own, and
 * nothing more may open (routing 2.6).
 */
function mayOpen(records: ReadonlyMap<string, HealthRecord>, deployment: string, now: number): boolean {
  let others = 0
  for (const [name, record] of records) {
    if (name === deployment || now - lastChangeOf(record) > ACTIVE_MS) continue
    if (!isFailing(record)) return true
    if (providerOf(name) !== providerOf(deployment)) others++
  }
  return others === 0
}

const PROVIDER_FAILING = { minDeployments: 2, share: 0.6 }
const PROVIDER_FAILING_PRIOR = 0.6

/** Where most of a provider's deployments fail, the others become suspect (routing 2.6). */
function doubtRestOfProvider(records: ReadonlyMap<string, HealthRecord>, deployment: string, now: number): void {
  const provider = providerOf(deployment)
  const active = [...records]
    .filter(([name, record]) => providerOf(name) === provider && now - lastChangeOf(record) < ACTIVE_MS)
    .map(([, record]) => record)
  const failing = active.filter(isFailing).length
  if (failing < PROVIDER_FAILING.minDeployments || failing < active.length * PROVIDER_FAILING.share) return
  for (const record of active) {
    if (isFailing(record)) continue
    record.priorSuccessRate = PROVIDER_FAILING_PRIOR
    record.priorAt = now
  }
}
