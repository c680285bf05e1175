import { healthObjectOf } from '../gateway/health-object.ts'
import type { RegionAccess } from '../gateway/health-reporter.ts'
import { createIsolateHealth, type HealthView } from '../health/isolate.ts'
import type { RegionName } from '../platform/regions.ts'
import { TIMED_OUT, withTimeout } from '../platform/timeout.ts'

/** What a region answered of itself. */
export interface RegionOverview {
  readonly region: RegionName
  readonly view: HealthView
  /** What it has counted, for `readHour` and `readInFlight`. */
  readonly counted: unknown
}

/** However many look at it, an isolate asks a region at most once in this time. */
const MIN_INTERVAL_MS = 1000

const asked = new Map<RegionName, { readonly at: number; readonly answer: Promise<RegionOverview | undefined> }>()

/** What a region knows and has counted, up to a second old; undefined where it does not answer in time. */
export async function regionOverview(
  region: RegionName,
  { objects, waitUntil }: RegionAccess,
  timeoutMs: number,
): Promise<RegionOverview | undefined> {
  const now = Date.now()
  let latest = asked.get(region)
  if (latest === undefined || now - latest.at >= MIN_INTERVAL_MS) {
    latest = { at: now, answer: askRegion(region, objects).catch(() => undefined) }
    asked.set(region, latest)
    waitUntil(latest.answer)
  }
  const overview = await withTimeout(latest.answer, timeoutMs)
  return overview === TIMED_OUT ? undefined : overview
}

async function askRegion(region: RegionName, objects: RegionAccess['objects']): Promise<RegionOverview> {
  const counted: unknown = await healthObjectOf(objects().Health, region).overview()
  // Another version of Router9 may have written it: an isolate believes no more of a snapshot than makes sense.
  const health = createIsolateHealth('', 0)
  health.acceptSnapshot(counted, Date.now())
  return { region, view: health.view(Date.now()), counted }
}
