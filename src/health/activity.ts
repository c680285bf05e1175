import type { Outcome } from './outcome.ts'
import { MAX_DEPLOYMENTS } from './record.ts'

/** What happened in a region in the last hour, and what goes on now: for people to look at, in memory only. Nothing is chosen by it. */
export interface Activity {
  readonly countOutcome: (outcome: Outcome) => void
  /** Takes in how many attempts an isolate has under way. What makes no sense counts as none. */
  readonly setInFlight: (isolate: string, inFlight: unknown, now: number) => void
  /** Forgets the deployments of which nothing else is known any more. */
  readonly keepOnly: (deployments: ReadonlyMap<string, unknown>) => void
  /** Plain JSON for `readHour` and `readInFlight`. */
  readonly write: (now: number) => ActivityMessage
}

export interface ActivityMessage {
  /** Attempts under way, by deployment. */
  readonly inFlight: Readonly<Record<string, number>>
  /** By deployment: the minutes in which attempts ended. */
  readonly hours: Readonly<Record<string, readonly MinuteCounts[]>>
}

/** A minute since 1970, how many attempts ended in it, and how many of them did not succeed. */
type MinuteCounts = [minute: number, requests: number, failures: number]

/** Ended attempts by minute, the oldest first; the last minute is the one that runs. `failures` of them did not succeed. */
export interface Hour {
  readonly requests: readonly number[]
  readonly failures: readonly number[]
}

const HOUR_MINUTES = 60
const MINUTE_MS = 60_000
/** An isolate that has not reported for so long may have ended. */
const IN_FLIGHT_MS = 120_000
const MAX_ISOLATES = 256

export function createActivity(): Activity {
  const hours = new Map<string, MinuteCounts[]>()
  const isolates = new Map<string, { at: number; entries: readonly [string, unknown][] }>()
  return {
    countOutcome({ deployment, class: kind, at, count = 1 }) {
      if (kind === 'first-token' || kind === 'slow') return
      const minute = Math.floor(at / MINUTE_MS)
      const hour = hours.get(deployment) ?? []
      hours.set(deployment, hour)
      let counts = hour.findLast((one) => one[0] === minute)
      if (counts === undefined) {
        counts = [minute, 0, 0]
        // Reports may come late, and in any order.
        if (hour.push(counts) > HOUR_MINUTES) hour.shift()
      }
      counts[1] += count
      if (kind !== 'success') counts[2] += count
    },
    setInFlight(isolate, inFlight, now) {
      // Set again, it comes last: the first one is the one that has been silent for longest.
      isolates.delete(isolate)
      const entries = Object.entries(Object(inFlight)).slice(0, MAX_DEPLOYMENTS)
      if (entries.length > 0) isolates.set(isolate, { at: now, entries })
      const [oldest = ''] = isolates.keys()
      if (isolates.size > MAX_ISOLATES) isolates.delete(oldest)
    },
    keepOnly(deployments) {
      for (const name of hours.keys()) if (!deployments.has(name)) hours.delete(name)
    },
    write(now) {
      const sums = new Map<string, number>()
      for (const { at, entries } of isolates.values()) {
        if (now - at > IN_FLIGHT_MS) continue
        for (const [name, count] of entries) sums.set(name, (sums.get(name) ?? 0) + countIn(count))
      }
      return { inFlight: Object.fromEntries(sums), hours: Object.fromEntries(hours) }
    },
  }
}

/** Its sender is not trusted. */
function countIn(value: unknown): number {
  return typeof value === 'number' && value > 0 && value < 1e9 ? value : 0
}

/** The last hour of a deployment, by what regions have told of it. */
export function readHour(overviews: readonly unknown[], deployment: string, now: number): Hour {
  const requests = new Array<number>(HOUR_MINUTES).fill(0)
  const failures = [...requests]
  const first = Math.floor(now / MINUTE_MS) - HOUR_MINUTES + 1
  for (const overview of overviews) {
    const minutes = Object(Object(overview).hours)[deployment]
    for (const told of Array.isArray(minutes) ? minutes.slice(0, HOUR_MINUTES) : []) {
      const [minute, all, failed] = Array.isArray(told) ? told : []
      const before = requests[minute - first]
      if (before === undefined) continue
      requests[minute - first] = before + countIn(all)
      failures[minute - first] = (failures[minute - first] ?? 0) + countIn(failed)
    }
  }
  return { requests, failures }
}

/** How many attempts are under way there, by what a region has told. */
export function readInFlight(overview: unknown, deployment: string): number {
  return countIn(Object(Object(overview).inFlight)[deployment])
}
