import { type Outcome, type ProbeLease, type Report, WIRE_VERSION } from './outcome.ts'
import {
  type Evaluation,
  evaluate,
  forgetOne,
  type HealthRecord,
  isProbeDue,
  record,
  restore,
  unknownHealth,
} from './record.ts'

/** What an isolate knows of a deployment at a moment. */
export interface DeploymentStatus extends Evaluation {
  /** A trial that this isolate may make there now. */
  readonly trial?: string
  /** How many of this isolate's attempts are under way there. */
  readonly inFlight: number
}

/** How things stand at the moment it was made for. */
export interface HealthView {
  readonly now: number
  readonly of: (deployment: string, bucket: number) => DeploymentStatus
  /** All of which something is known. */
  readonly deployments: () => readonly string[]
}

/** One isolate's knowledge: its region's last snapshot, and what it saw itself since. */
export interface IsolateHealth {
  /** Takes in an outcome; the next view knows of it. */
  readonly note: (outcome: Outcome, now: number) => void
  readonly view: (now: number) => HealthView
  /** An attempt begins; `trial` is the one that the ranking gave it. */
  readonly started: (deployment: string, now: number, trial?: string) => void
  readonly ended: (deployment: string) => void
  /**
   * When the region is to be told: at once, in so many milliseconds, or not for now. Ask after `started` and `note`, and
   * again when the time has come; where it says `now`, `take`.
   */
  readonly due: (now: number) => 'now' | number | undefined
  /** The report to send; `returned` or `failed` follows. */
  readonly take: (now: number) => Report
  /** The region answered; anything at all may come. */
  readonly returned: (snapshot: unknown, now: number) => void
  /** The region did not; what was to be told is kept. */
  readonly failed: (now: number, overloaded: boolean) => void
  readonly hasSnapshot: () => boolean
}

const FLUSH_MS = { usual: 1000, trouble: 250, overloaded: 10_000 }
const STALE_MS = 1000
/** A call that is out this long is given up, whatever became of it. */
const LOST_MS = 10_000
const MERGE_MS = 250
const MAX_EVENTS = 512
const MAX_DEPLOYMENTS = 256
const TRIAL_MS = 30_000
/** No attempt is under way for longer. */
const IN_FLIGHT_MS = 1_200_000
const ALONE_SPACING = 4

/**
 * A board that knows nothing yet.
 * @param seed in [0, 1): isolates that began together do not report together.
 */
export function createIsolateHealth(isolate: string, seed: number): IsolateHealth {
  let records = new Map<string, HealthRecord>()
  /** Those that the last snapshot held. */
  let told: ReadonlySet<string> = new Set()
  const inFlight = new Map<string, { count: number; at: number }>()
  const trials = new Map<string, { id: string; until: number }>()
  let pending: Outcome[] = []
  let sent: Outcome[] | undefined
  let takenAt = Number.NEGATIVE_INFINITY
  let snapshotAt = Number.NEGATIVE_INFINITY
  let startedAt = Number.NEGATIVE_INFINITY
  let failures = 0
  let intervalMs = FLUSH_MS.usual
  let urgent = false
  let urgentAt = Number.NEGATIVE_INFINITY

  const recordOf = (deployment: string) => {
    let health = records.get(deployment)
    if (health === undefined) {
      if (records.size >= MAX_DEPLOYMENTS) forgetOne(records)
      health = unknownHealth()
      records.set(deployment, health)
    }
    return health
  }

  // Where the region is silent, or has forgotten, nobody else gives out trials.
  const isAlone = (deployment: string) => failures > 0 || !told.has(deployment)

  const keep = (outcome: Outcome) => {
    for (let index = pending.length - 1; index >= 0; index--) {
      const before = pending[index]
      if (before === undefined || outcome.at - before.at > MERGE_MS) break
      if (before.deployment !== outcome.deployment) continue
      const merged = mergeOf(before, outcome)
      if (merged !== undefined) {
        pending[index] = merged
        return
      }
      // The order of successes and failures is what a run is counted by.
      if (!isGood(before) || !isGood(outcome)) break
    }
    pending.push(outcome)
    if (pending.length > MAX_EVENTS) pending.shift()
  }

  return {
    note(outcome, now) {
      const health = recordOf(outcome.deployment)
      const before = health.run
      record(health, outcome, now)
      if (outcome.trial !== undefined || outcome.class === 'limit' || outcome.class === 'config') urgent = true
      if (before === 0 && !isGood(outcome)) urgent = true
      keep(outcome)
    },
    view(now) {
      return {
        now,
        of(deployment, bucket) {
          const health = records.get(deployment)
          const standing = evaluate(health ?? NOTHING, now, bucket)
          const lease = trials.get(deployment)
          const trial =
            lease !== undefined && lease.until > now
              ? lease.id
              : health !== undefined && isAlone(deployment) && isProbeDue(health, now, ALONE_SPACING)
                ? `${isolate}:own`
                : undefined
          const wanted = trial !== undefined && (standing.state === 'suspect' || standing.state === 'half-open')
          const here = { ...standing, inFlight: inFlight.get(deployment)?.count ?? 0 }
          return wanted ? { ...here, trial } : here
        },
        deployments: () => [...records.keys()],
      }
    },
    started(deployment, now, trial) {
      startedAt = now
      const before = inFlight.get(deployment)
      // A request that the platform ended was never counted back.
      const isOld = before !== undefined && now - before.at > IN_FLIGHT_MS
      inFlight.set(deployment, { count: (isOld ? 0 : (before?.count ?? 0)) + 1, at: now })
      if (trial === undefined) return
      trials.delete(deployment)
      recordOf(deployment).leasedAt = now
    },
    ended(deployment) {
      const before = inFlight.get(deployment)
      if (before !== undefined && before.count > 1) before.count--
      else inFlight.delete(deployment)
    },
    due(now) {
      if (sent !== undefined && now - takenAt < LOST_MS) return undefined
      if (pending.length === 0) return now - snapshotAt > STALE_MS && startedAt > takenAt ? 'now' : undefined
      const isUrgent = urgent && failures === 0
      const leftMs = (isUrgent ? urgentAt + FLUSH_MS.trouble : takenAt + intervalMs * (1 + 0.1 * seed)) - now
      return leftMs > 0 ? leftMs : 'now'
    },
    take(now) {
      const events = pending
      // Whoever asks while another call is out: should either fail, both are told again.
      sent = [...(sent ?? []), ...events].slice(-MAX_EVENTS)
      pending = []
      takenAt = now
      if (urgent) urgentAt = now
      urgent = false
      return {
        v: WIRE_VERSION,
        isolate,
        events: events.map(({ at, ...event }) => ({ ...event, ageMs: Math.max(now - at, 0) })),
      }
    },
    returned(snapshot, now) {
      sent = undefined
      failures = 0
      intervalMs = FLUSH_MS.usual
      const { v, now: then, deployments, leases } = Object(snapshot) as Record<string, unknown>
      if (v !== WIRE_VERSION || typeof then !== 'number' || !Number.isFinite(then)) return
      snapshotAt = now
      const fresh = new Map<string, HealthRecord>()
      for (const [name, raw] of Object.entries(Object(deployments)).slice(0, MAX_DEPLOYMENTS)) {
        fresh.set(name, restore(raw, now, now - then))
      }
      told = new Set(fresh.keys())
      // What the region lost, or never heard of, is still known here.
      for (const [name, health] of records)
        if (!fresh.has(name) && fresh.size < MAX_DEPLOYMENTS) fresh.set(name, health)
      records = fresh
      for (const outcome of pending) record(recordOf(outcome.deployment), outcome, outcome.at)
      for (const raw of Array.isArray(leases) ? leases.slice(0, MAX_DEPLOYMENTS) : []) {
        const { deployment, id } = Object(raw) as Partial<ProbeLease>
        if (typeof deployment === 'string' && typeof id === 'string')
          trials.set(deployment, { id, until: now + TRIAL_MS })
      }
    },
    failed(now, overloaded) {
      pending = [...(sent ?? []), ...pending].slice(-MAX_EVENTS)
      sent = undefined
      takenAt = now
      failures++
      intervalMs = overloaded ? FLUSH_MS.overloaded : Math.min(FLUSH_MS.usual * 2 ** failures, FLUSH_MS.overloaded)
    },
    hasSnapshot: () => snapshotAt > Number.NEGATIVE_INFINITY,
  }
}

const NOTHING = unknownHealth()

/** Two outcomes as one, where nothing is lost by it: alike, near each other, and no trial. */
function mergeOf(before: Outcome, after: Outcome): Outcome | undefined {
  const isAlike = before.class === after.class && before.bucket === after.bucket && before.limit === after.limit
  if (!isAlike || before.trial !== undefined || after.trial !== undefined || before.waitMs !== after.waitMs) {
    return undefined
  }
  const count = (before.count ?? 1) + (after.count ?? 1)
  return { ...before, ...after, at: before.at, count }
}

function isGood({ class: kind }: Outcome): boolean {
  return kind === 'ok' || kind === 'first'
}
