import { DurableObject } from 'cloudflare:workers'
import type { HealthObject, Objects } from '../env.ts'
import { createGlobalHealth } from '../health/global.ts'
import type { Digest, Snapshot } from '../health/messages.ts'
import { createRegionHealth, type RegionHealth } from '../health/region.ts'
import { sleep, withTimeout } from '../platform/timeout.ts'

/** The names of these objects carry a version: objects that understand each other no more have other names. */
const NAME = 'health:v1:'
const GLOBAL = 'hub'
const SAVED = 'region'
const GLOBAL_TIMEOUT_MS = 5000
/** Writes and calls to the hub are paid for, and trouble makes many: so long between two of them. */
const MIN_SAVE_INTERVAL_MS = 100
const MIN_EXCHANGE_INTERVAL_MS = 1000
/** A limit that ends so much later than it was heard to is a new one. */
const NEWS_MS = 2000

/** The object that keeps the health of a region's providers; made near its region. */
export function healthObjectOf(
  healths: Objects['Health'],
  region: DurableObjectLocationHint,
): DurableObjectStub<HealthObject> {
  return healths.get(healths.idFromName(NAME + region), { locationHint: region })
}

/**
 * What a region knows of its providers' health, and under the name `hub` what the regions know together (routing 2.2, 2.6).
 * No alarms: everything is computed when somebody asks. What is lost with it, isolates tell again.
 */
export class Health extends DurableObject implements HealthObject {
  #region: RegionHealth | undefined
  readonly #hub = createGlobalHealth()
  #consulting = false
  #saving = false
  #consultedAt = 0
  /** As the hub: who has asked, and until when our accounts are limited. */
  readonly #regions = new Set<string>()
  #limits: ReadonlyMap<string, number> = new Map()

  /** Takes an isolate's report, answers with the region's snapshot. Messages carry their version; odd ones change nothing. */
  report(region: string, report: unknown): Snapshot {
    const now = Date.now()
    const isNew = this.#region === undefined
    const known = this.#own(now)
    const snapshot = known.report(report, now, Math.random())
    if (!this.#saving && known.shouldSave(now)) this.#save(known, now)
    if (!this.#consulting && (isNew || known.nextDigestMs(now) <= 0)) this.ctx.waitUntil(this.#consult(region, known))
    return snapshot
  }

  /** Takes in what the hub says unasked. */
  hear(digest: unknown): void {
    const now = Date.now()
    this.#own(now).absorb(digest, now)
  }

  /** As the hub: takes a region's digest, answers with the others'. */
  exchange(region: string, digest: unknown): Digest {
    const now = Date.now()
    const answer = this.#hub.exchange(region, digest, now)
    if (this.#isNews(now)) {
      for (const other of this.#regions) if (other !== region) this.ctx.waitUntil(this.#tell(other, now))
    }
    this.#regions.add(region)
    return answer
  }

  #own(now: number): RegionHealth {
    this.#region ??= createRegionHealth(this.#saved(), now)
    return this.#region
  }

  // Storage that fails costs what it was to keep, and nothing else.
  #saved(): unknown {
    try {
      return this.ctx.storage.kv.get(SAVED)
    } catch {
      return undefined
    }
  }

  #save(known: RegionHealth, now: number): void {
    try {
      this.ctx.storage.kv.put(SAVED, known.save(now))
    } catch {
      // The next change is saved with all that came before it.
    }
    this.#saving = true
    const then = sleep(MIN_SAVE_INTERVAL_MS).then(() => {
      this.#saving = false
      const later = Date.now()
      if (known.shouldSave(later)) this.#save(known, later)
    })
    this.ctx.waitUntil(then)
  }

  #healths(): Objects['Health'] {
    return (this.ctx.exports as unknown as Objects).Health
  }

  /** A rate limit is the account's: the other regions hear of a new one at once (routing 2.6). */
  #isNews(now: number): boolean {
    const before = this.#limits
    const { rows } = this.#hub.exchange('', undefined, now)
    this.#limits = new Map(
      rows.flatMap(({ deployment, limitMs }) => (limitMs > 0 ? [[deployment, now + limitMs] as const] : [])),
    )
    return [...this.#limits].some(([deployment, until]) => until > (before.get(deployment) ?? 0) + NEWS_MS)
  }

  async #tell(region: string, now: number): Promise<void> {
    const digest = this.#hub.exchange(region, undefined, now)
    await healthObjectOf(this.#healths(), region as DurableObjectLocationHint)
      .hear(digest)
      .catch(() => {})
  }

  /** A hub that fails or hangs costs nothing but what others know. */
  async #consult(name: string, region: RegionHealth): Promise<void> {
    this.#consulting = true
    try {
      await sleep(Math.max(this.#consultedAt + MIN_EXCHANGE_INTERVAL_MS - Date.now(), 0))
      this.#consultedAt = Date.now()
      const healths = this.#healths()
      const hub = healths.get(healths.idFromName(NAME + GLOBAL))
      const answer = await withTimeout(hub.exchange(name, region.digest(Date.now())), GLOBAL_TIMEOUT_MS)
      region.absorb(answer, Date.now())
    } catch {
      // The next digest tells all of it.
    }
    this.#consulting = false
  }
}
