import { quoted, redactKeys } from '../chat/failure.ts'
import type { Settings } from '../env.ts'
import { noHealthReporter, type RegionAccess, refreshHealth } from '../gateway/health-reporter.ts'
import type { HealthView } from '../health/isolate.ts'
import { bucketOf } from '../health/outcome.ts'

/** These endpoints show what the region knows, if it answers in time. */
export const REGION_TIMEOUT_MS = 1000
/** The stream of a short prompt is what most people mean by latency. */
const USUAL_BUCKET = bucketOf(true, 0)

/** What the region knows of every deployment; what this isolate knows, if the region does not answer in time. */
export async function currentHealth(settings: Settings, access: RegionAccess): Promise<HealthView> {
  return settings.tracksHealth ? refreshHealth(access, REGION_TIMEOUT_MS) : noHealthReporter().view(Date.now())
}

/** The health of a deployment as `GET /providers` and `POST /route` show it. */
export function deploymentEntry(name: string, view: HealthView) {
  const { state, successRate: p, ttftMs, ttftP95Ms, tokensPerSecond, reason, until } = view.statusOf(name, USUAL_BUCKET)
  // In a dry run the name may be the caller's own words.
  const id = redactKeys(quoted(name))
  return {
    id,
    model: id.slice(id.indexOf('/') + 1),
    state,
    success_rate: rounded(p, 4),
    ttft_ms: { p50: rounded(ttftMs), p95: rounded(ttftP95Ms) },
    tokens_per_second: rounded(tokensPerSecond, 1),
    reason: reason === '' ? null : reason,
    until: until > view.now ? new Date(until).toISOString() : null,
  }
}

/** A number as the API shows it: null where it is not known. */
export function rounded(value: number | undefined, digits = 0): number | null {
  return value === undefined ? null : Number(value.toFixed(digits))
}
