import { isRow } from './global.ts'
import { type Digest, type DigestRow, type ProbeLease, readEvent, type Snapshot, WIRE_VERSION } from './outcome.ts'
import {
  COUNT_MS,
  evaluate,
  forgetOne,
  type HealthRecord,
  isProbeDue,
  limitUntil,
  providerOf,
  record,
  restore,
  touchedAt,
  unknownHealth,
} from './record.ts'

/** What one region knows: the core of its Durable Object. */
export interface RegionHealth {
  /**
   * Takes in an isolate's report (whatever it is: what makes no sense changes nothing) and answers with all there is.
   * @param seed in [0, 1), another one each time.
   */
  readonly report: (report: unknown, now: number, seed: number) => Snapshot
  /** What the hub is to know. */
  readonly digest: (now: number) => Digest
  /** Takes in what the hub answered. */
  readonly absorb: (pooled: unknown, now: number) => void
  /** How long until the hub wants to hear again; 0 or less where it is time. Ask after each report. */
  readonly nextDigestMs: (now: number) => number
  /** Whether enough has happened since `save`. */
  readonly shouldSave: (now: number) => boolean
  /** Plain JSON for `createRegion`. */
  readonly save: (now: number) => unknown
}

const MAX_DEPLOYMENTS = 256
/** What several regions say, each of as many: invented names of one are not to hide the real ones of another. */
const MAX_ROWS = 4 * MAX_DEPLOYMENTS
const FORGET_MS = 1_800_000
const SAVE_MS = 30_000
const DIGEST_MS = { troubled: 4000, quiet: 60_000 }
/** An isolate's report holds fewer than this; a broken one may not keep the region busy. */
const MAX_EVENTS = 2000
const ACTIVE_MS = 60_000
const TOGETHER = { least: 2, share: 0.6 }
/** The prior of a provider's other deployments while most of it fails. */
const PROVIDER_DOWN_P = 0.6

/** A region that knows nothing, or what was saved. */
export function createRegionHealth(saved?: unknown, startedAt = 0): RegionHealth {
  const records = new Map<string, HealthRecord>()
  let savedAt = startedAt
  let changed = false
  let touched = false
  let digestedAt = startedAt
  let troubled = false
  let urgent = false

  const { v, deployments } = Object(saved) as Record<string, unknown>
  if (v === WIRE_VERSION) {
    for (const [name, raw] of Object.entries(Object(deployments)).slice(0, MAX_DEPLOYMENTS)) {
      records.set(name, restore(raw, startedAt))
    }
  }

  const recordOf = (name: string) => {
    let health = records.get(name)
    if (health === undefined) {
      if (records.size >= MAX_DEPLOYMENTS) forgetOne(records)
      health = unknownHealth()
      records.set(name, health)
    }
    return health
  }

  const take = (raw: unknown, now: number, seed: number) => {
    const outcome = readEvent(raw, now)
    if (outcome === undefined) return
    const health = recordOf(outcome.deployment)
    const before = stateWord(health, now)
    record(health, outcome, now, seed, mayOpen(records, outcome.deployment, now))
    touched = true
    if (stateWord(health, now) === before) return
    changed = true
    urgent ||= health.open || outcome.class === 'limit'
    suspectRest(records, outcome.deployment, now)
  }

  const leasesFor = (isolate: string, now: number): ProbeLease[] => {
    const leases: ProbeLease[] = []
    for (const [deployment, health] of records) {
      if (!isProbeDue(health, now)) continue
      health.leasedAt = now
      leases.push({ deployment, id: `${isolate}:${now}` })
    }
    return leases
  }

  return {
    report(report, now, seed) {
      const { v: version, isolate, events } = Object(report) as Record<string, unknown>
      const known = version === WIRE_VERSION
      if (known && Array.isArray(events)) for (const raw of events.slice(0, MAX_EVENTS)) take(raw, now, seed)
      for (const [name, health] of records) {
        if (now - Math.max(touchedAt(health), health.priorAt) > FORGET_MS) records.delete(name)
      }
      return {
        v: WIRE_VERSION,
        now,
        leases: known && typeof isolate === 'string' ? leasesFor(isolate.slice(0, 64), now) : [],
        deployments: structuredClone(Object.fromEntries(records)),
      }
    },
    digest(now) {
      digestedAt = now
      urgent = false
      return {
        v: WIRE_VERSION,
        rows: [...records].flatMap(([deployment, health]): DigestRow | [] => {
          const factor = Math.exp(-Math.max(now - health.at, 0) / COUNT_MS)
          const [ok, failed] = [health.ok * factor, (health.pre + health.post) * factor]
          const limitMs = Math.max(health.limitedUntil - now, 0)
          // What has faded is not told, or regions would keep it alive for each other.
          if (ok + failed < FADED && !health.open && limitMs === 0) return []
          const overloaded = limitMs > 0 && health.limitedBy === 'overload'
          return { deployment, ok, failed, open: health.open ? 1 : 0, limitMs, ...(overloaded ? { overloaded } : {}) }
        }),
      }
    },
    absorb(pooled, now) {
      const { v: version, rows } = Object(pooled) as { v?: unknown; rows?: unknown }
      if (version !== WIRE_VERSION || !Array.isArray(rows)) return
      troubled = false
      for (const raw of rows.slice(0, MAX_ROWS)) {
        if (!isRow(raw)) continue
        const { deployment, ok, failed, open, limitMs, overloaded } = raw
        const counted = (ok * OTHERS_WEIGHT + OWN_WEIGHT * OWN_P) / ((ok + failed) * OTHERS_WEIGHT + OWN_WEIGHT)
        const health = recordOf(deployment)
        // Who has tried it lately knows better.
        const isUntried = now - touchedAt(health) > ACTIVE_MS
        const p = isUntried && open >= MANY_OPEN ? Math.min(counted, OUT_ELSEWHERE_P) : counted
        troubled ||= p < 0.95 || limitMs > 0
        health.prior = p
        health.priorAt = now
        if (limitMs > 0) limitUntil(health, now + Math.min(limitMs, 120_000), overloaded === true)
      }
    },
    nextDigestMs(now) {
      if (urgent) return 0
      const isTroubled = troubled || [...records.values()].some((health) => evaluate(health, now, 0).state !== 'closed')
      return digestedAt + (isTroubled ? DIGEST_MS.troubled : DIGEST_MS.quiet) - now
    },
    shouldSave: (now) => changed || (touched && now - savedAt >= SAVE_MS),
    save(now) {
      savedAt = now
      changed = false
      touched = false
      return { v: WIRE_VERSION, deployments: structuredClone(Object.fromEntries(records)) }
    },
  }
}

const FADED = 0.01
/** Out in so many other regions, a deployment is doubted here too, before anybody has tried it. */
const MANY_OPEN = 2
const OUT_ELSEWHERE_P = 0.9
const OTHERS_WEIGHT = 0.2
const OWN_WEIGHT = 20
const OWN_P = 0.98

function stateWord({ open, limitedUntil, opens }: HealthRecord, now: number): string {
  return `${open} ${limitedUntil > now} ${opens}`
}

function isFailing({ open, run }: HealthRecord): boolean {
  return open || run >= 2
}

/** Whether something would be left that does not fail: where everything fails, the fault is likely our own (routing 2.6). */
function mayOpen(records: ReadonlyMap<string, HealthRecord>, deployment: string, now: number): boolean {
  let others = 0
  for (const [name, health] of records) {
    if (name === deployment || now - touchedAt(health) > ACTIVE_MS) continue
    if (!isFailing(health)) return true
    if (providerOf(name) !== providerOf(deployment)) others++
  }
  return others === 0
}

/** Where most of a provider fails, the rest of it is doubted (routing 2.6). */
function suspectRest(records: ReadonlyMap<string, HealthRecord>, deployment: string, now: number): void {
  const provider = providerOf(deployment)
  const of = [...records].filter(
    ([name, health]) => providerOf(name) === provider && now - touchedAt(health) < ACTIVE_MS,
  )
  const failing = of.filter(([, health]) => isFailing(health)).length
  if (failing < TOGETHER.least || failing < of.length * TOGETHER.share) return
  for (const [, health] of of) {
    if (isFailing(health)) continue
    health.prior = PROVIDER_DOWN_P
    health.priorAt = now
  }
}
