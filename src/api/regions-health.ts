import { healthObjectOf } from '../gateway/health-object.ts'
import type { RegionAccess } from '../gateway/health-reporter.ts'
import { type Hour, readHour, readInFlight } from '../health/activity.ts'
import { createIsolateHealth, type HealthView } from '../health/isolate.ts'
import type { RegionName } from '../platform/regions.ts'
import { TIMED_OUT, withTimeout } from '../platform/timeout.ts'

/** What a region answered of itself. */
export interface RegionOverview {
  readonly region: RegionName
  readonly view: HealthView
  readonly inFlight: (deployment: string) => number
  /** Undefined where nothing was counted. */
  readonly hour: (deployment: string) => Hour | undefined
}

/** However many look at it, an isolate asks a region at most once in this time. */
const MIN_INTERVAL_MS = 1000

const asked = new Map<RegionName, { readonly at: number; readonly answer: Promise<RegionOverview | undefined> }>()

/** What a region knows and has counted, up to a second old; undefined where it does not answer in time. */
export function regionOverview(
  region: RegionName,
  { objects, waitUntil }: RegionAccess,
  timeoutMs: number,
): Promise<RegionOverview | undefined> {
  const now = Date.now()
  const before = asked.get(region)
  if (before !== undefined && now - before.at < MIN_INTERVAL_MS) return inTime(before.answer, timeoutMs)
  const answer = Promise.resolve(healthObjectOf(objects().Health, region).overview()).then(
    (overview) => readOverview(region, overview),
    () => undefined,
  )
  asked.set(region, { at: now, answer })
  waitUntil(answer)
  return inTime(answer, timeoutMs)
}

async function inTime<Value>(work: Promise<Value>, timeoutMs: number): Promise<Value | undefined> {
  const value = await withTimeout(work, timeoutMs)
  return value === TIMED_OUT ? undefined : (value as Value)
}

/** Another version of Router9 may have written it: what makes no sense in it is as if unknown. */
function readOverview(region: RegionName, overview: unknown): RegionOverview {
  const health = createIsolateHealth('', 0)
  health.acceptSnapshot(overview, Date.now())
  const { inFlight, hours } = Object(overview) as { inFlight?: unknown; hours?: unknown }
  return {
    region,
    view: health.view(Date.now()),
    inFlight: (deployment) => readInFlight(inFlight, deployment),
    hour: (deployment) => readHour(Object.hasOwn(Object(hours), deployment) ? Object(hours)[deployment] : undefined),
  }
}
