import type { Outcome } from './outcome.ts'
import { MAX_DEPLOYMENTS } from './record.ts'

/** What happened in a region in the last hour, and what goes on now: for people to look at, in memory only. Nothing is chosen by it. */
export interface Activity {
  readonly countOutcome: (outcome: Outcome) => void
  /** Takes in how many attempts an isolate has under way. What makes no sense counts as none. */
  readonly setInFlight: (isolate: string, inFlight: unknown, now: number) => void
  /** Forgets the deployments of which nothing else is known any more. */
  readonly keepOnly: (deployments: ReadonlyMap<string, unknown>) => void
  readonly inFlight: (now: number) => Record<string, number>
  readonly hours: (now: number) => Record<string, Hour>
}

/** Ended attempts by minute, the oldest first; the last minute is the one that runs. `failures` of them did not succeed. */
export interface Hour {
  readonly requests: readonly number[]
  readonly failures: readonly number[]
}

/** A minute's counts stand at the minute's place in the hour, so that nothing has to be moved. */
interface Counts {
  readonly requests: number[]
  readonly failures: number[]
  /** The last minute that was counted. */
  minute: number
}

export const HOUR_MINUTES = 60
const MINUTE_MS = 60_000
/** An isolate that has not reported for so long may have ended. */
const IN_FLIGHT_MS = 120_000
const MAX_ISOLATES = 256

export function createActivity(): Activity {
  const counted = new Map<string, Counts>()
  const isolates = new Map<string, { at: number; counts: readonly (readonly [string, number])[] }>()
  return {
    countOutcome({ deployment, class: kind, at, count = 1 }) {
      if (kind === 'first-token') return
      let counts = counted.get(deployment)
      const minute = Math.floor(at / MINUTE_MS)
      if (counts === undefined) {
        counts = { requests: zeros(), failures: zeros(), minute }
        counted.set(deployment, counts)
      }
      moveTo(counts, minute)
      const place = minute % HOUR_MINUTES
      counts.requests[place] = (counts.requests[place] ?? 0) + count
      if (kind !== 'success') counts.failures[place] = (counts.failures[place] ?? 0) + count
    },
    setInFlight(isolate, inFlight, now) {
      // Set again, it comes last: the first one is the one that has been silent for longest.
      isolates.delete(isolate)
      const entries = Object.entries(Object(inFlight)).slice(0, MAX_DEPLOYMENTS)
      const counts = entries.filter((entry): entry is [string, number] => isCount(entry[1]))
      if (counts.length === 0) return
      const [oldest] = isolates.keys()
      if (isolates.size >= MAX_ISOLATES && oldest !== undefined) isolates.delete(oldest)
      isolates.set(isolate, { at: now, counts })
    },
    keepOnly(deployments) {
      for (const name of counted.keys()) if (!deployments.has(name)) counted.delete(name)
    },
    inFlight(now) {
      const sums = new Map<string, number>()
      for (const { at, counts } of isolates.values()) {
        if (now - at > IN_FLIGHT_MS) continue
        for (const [name, count] of counts) sums.set(name, (sums.get(name) ?? 0) + count)
      }
      return Object.fromEntries(sums)
    },
    hours(now) {
      const minute = Math.floor(now / MINUTE_MS)
      const hours = [...counted].map(([name, counts]) => {
        moveTo(counts, minute)
        const first = (counts.minute + 1) % HOUR_MINUTES
        const inOrder = (values: readonly number[]) => [...values.slice(first), ...values.slice(0, first)]
        return [name, { requests: inOrder(counts.requests), failures: inOrder(counts.failures) }] as const
      })
      return Object.fromEntries(hours)
    },
  }
}

function zeros(): number[] {
  return new Array<number>(HOUR_MINUTES).fill(0)
}

/** Empties the places of the minutes that have passed since the last one. */
function moveTo(counts: Counts, minute: number): void {
  for (let next = Math.max(counts.minute, minute - HOUR_MINUTES) + 1; next <= minute; next++) {
    counts.requests[next % HOUR_MINUTES] = 0
    counts.failures[next % HOUR_MINUTES] = 0
  }
  counts.minute = Math.max(counts.minute, minute)
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < 1e9
}

/** An hour out of a message; undefined where it makes no sense. */
export function readHour(raw: unknown): Hour | undefined {
  const { requests, failures } = Object(raw) as Partial<Hour>
  const isWhole = (values: unknown): values is number[] =>
    Array.isArray(values) && values.length === HOUR_MINUTES && values.every(isCount)
  return isWhole(requests) && isWhole(failures) ? { requests, failures } : undefined
}

/** The counts of several regions as one. */
export function sumHours(hours: readonly Hour[]): Hour {
  const sumOf = (field: keyof Hour) =>
    zeros().map((_, at) => hours.reduce((sum, hour) => sum + (hour[field][at] ?? 0), 0))
  return { requests: sumOf('requests'), failures: sumOf('failures') }
}

/** How many attempts are under way by an `inFlight` out of a message. */
export function readInFlight(raw: unknown, deployment: string): number {
  const value = Object.hasOwn(Object(raw), deployment) ? (raw as Record<string, unknown>)[deployment] : 0
  return isCount(value) ? value : 0
}
