import { DurableObject } from 'cloudflare:workers'
import { catchUp, createChangeLog, type KeyChanges } from '../access/key-changes.ts'
import { REGISTRY_NAME } from '../access/registry-object.ts'
import type { HealthObject, Objects } from '../env.ts'
import { createGlobalHealth } from '../health/global.ts'
import type { Digest, Overview, Snapshot } from '../health/messages.ts'
import { createRegionHealth, type RegionHealth } from '../health/region.ts'
import { regionObjectName } from '../platform/regions.ts'
import { sleep, withTimeout } from '../platform/timeout.ts'

/** It stays: two versions meet at the same object during a deployment. */
const GLOBAL = 'hub'
const SAVED = 'region'
const GLOBAL_TIMEOUT_MS = 5000
/** Writes and calls cost money, and trouble makes many of them. */
const MIN_SAVE_INTERVAL_MS = 100
const MIN_EXCHANGE_INTERVAL_MS = 1000
/** A region that has not heard of a change asks whether there was one: it may not have been told. */
const ASK_CHANGES_MS = 30_000
const CHANGES_TIMEOUT_MS = 1500
/** A limit that ends so much later than the one that is known is a new one. */
const NEW_LIMIT_MS = 2000

/** The object that keeps the health of a region's deployments; the platform puts it near its region. */
export function healthObjectOf(
  healths: Objects['Health'],
  region: DurableObjectLocationHint,
): DurableObjectStub<HealthObject> {
  return healths.get(healths.idFromName(regionObjectName(region)), { locationHint: region })
}

/**
 * What a region knows of its deployments' health and, under the name `hub`, what all regions know together (routing 2.6). The
 * names of its methods are spoken between versions, as the messages are. It sets no alarms: everything is computed when
 * somebody asks. What it loses, isolates report again.
 */
export class Health extends DurableObject implements HealthObject {
  #region: RegionHealth | undefined
  #isSaving = false
  #isExchanging = false
  #exchangedAt = 0
  /** What the region tells its isolates of changes of keys, in memory only. */
  readonly #keyChanges = createChangeLog()
  #askedChangesAt = Number.NEGATIVE_INFINITY
  #changesAnswer: Promise<void> = Promise.resolve()
  /** The rest is of use to the global object only. */
  readonly #global = createGlobalHealth()
  readonly #regions = new Set<string>()
  /** When the rate limit of a deployment ends. */
  #limits: ReadonlyMap<string, number> = new Map()

  /** Takes an isolate's report and answers with the region's snapshot. A report that makes no sense changes nothing. */
  report(region: string, report: unknown): Snapshot {
    const now = Date.now()
    const isNew = this.#region === undefined
    const health = this.#regionHealth(now)
    const snapshot = health.report(report, now, Math.random())
    if (!this.#isSaving && health.shouldSave(now)) this.#save(health, now)
    const isDigestDue = isNew || health.nextDigestMs(now) <= 0
    if (!this.#isExchanging && isDigestDue) this.ctx.waitUntil(this.#exchangeWithGlobal(region, health))
    this.#askChangesIfDue(now)
    const keys = this.#keyChanges.count()
    return keys === undefined ? snapshot : { ...snapshot, keys }
  }

  /** What the region knows and has counted, for people to look at. */
  overview(): Overview {
    const now = Date.now()
    return this.#regionHealth(now).overview(now)
  }

  /** Hears of changes of keys from the object that orders them (accounts 6). */
  hearKeyChanges(told: unknown): void {
    const now = Date.now()
    if (this.#keyChanges.hasGap(told)) this.#askChanges(now)
    else this.#keyChanges.absorb(told, now)
  }

  /** The changes of keys after one, for isolates; null while the region cannot know of them. */
  async keyChanges(since: number): Promise<KeyChanges | null> {
    this.#askChangesIfDue(Date.now())
    if (this.#keyChanges.count() === undefined) await this.#changesAnswer
    if (this.#keyChanges.count() === undefined) return null
    return this.#keyChanges.since(since, Date.now())
  }

  #askChangesIfDue(now: number): void {
    const isNew = this.#keyChanges.count() === undefined
    if (now - this.#askedChangesAt >= (isNew ? CHANGES_TIMEOUT_MS : ASK_CHANGES_MS)) this.#askChanges(now)
  }

  #askChanges(now: number): void {
    this.#askedChangesAt = now
    const ask = async () => {
      try {
        const { Registry: registries } = this.ctx.exports as unknown as Objects
        const object = registries.get(registries.idFromName(REGISTRY_NAME))
        await withTimeout(
          catchUp(this.#keyChanges, (since) => object.changes(since)),
          CHANGES_TIMEOUT_MS,
        )
      } catch {
        // It is asked again; meanwhile KV alone tells of changes.
      }
    }
    this.#changesAnswer = ask()
    this.ctx.waitUntil(this.#changesAnswer)
  }

  /** Takes in what the global object sends unasked. */
  hear(digest: unknown): void {
    const now = Date.now()
    this.#regionHealth(now).absorb(digest, now)
  }

  /** As the global object: takes a region's digest and answers with that of all others. */
  exchange(region: string, digest: unknown): Digest {
    const now = Date.now()
    const answer = this.#global.exchange(region, digest, now)
    if (this.#isLimitNew(now)) {
      for (const other of this.#regions) if (other !== region) this.ctx.waitUntil(this.#send(other, now))
    }
    this.#regions.add(region)
    return answer
  }

  #regionHealth(now: number): RegionHealth {
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

  #save(health: RegionHealth, now: number): void {
    try {
      this.ctx.storage.kv.put(SAVED, health.save(now))
    } catch {
      // The next change is saved with all that came before it.
    }
    this.#isSaving = true
    const later = sleep(MIN_SAVE_INTERVAL_MS).then(() => {
      this.#isSaving = false
      const then = Date.now()
      if (health.shouldSave(then)) this.#save(health, then)
    })
    this.ctx.waitUntil(later)
  }

  #healths(): Objects['Health'] {
    return (this.ctx.exports as unknown as Objects).Health
  }

  /** A rate limit is our account's, so the other regions are to hear of a new one at once (routing 2.6). */
  #isLimitNew(now: number): boolean {
    const before = this.#limits
    const { rows } = this.#global.exchange('', undefined, now)
    this.#limits = new Map(
      rows.flatMap(({ deployment, limitMs }) => (limitMs > 0 ? [[deployment, now + limitMs] as const] : [])),
    )
    return [...this.#limits].some(([deployment, until]) => until > (before.get(deployment) ?? 0) + NEW_LIMIT_MS)
  }

  async #send(region: string, now: number): Promise<void> {
    const digest = this.#global.exchange(region, undefined, now)
    await healthObjectOf(this.#healths(), region as DurableObjectLocationHint)
      .hear(digest)
      .catch(() => {})
  }

  /** A global object that fails or hangs costs nothing but what the others know. */
  async #exchangeWithGlobal(name: string, health: RegionHealth): Promise<void> {
    this.#isExchanging = true
    try {
      await sleep(Math.max(this.#exchangedAt + MIN_EXCHANGE_INTERVAL_MS - Date.now(), 0))
      this.#exchangedAt = Date.now()
      const healths = this.#healths()
      const global = healths.get(healths.idFromName(regionObjectName(GLOBAL)))
      const answer = await withTimeout(global.exchange(name, health.digest(Date.now())), GLOBAL_TIMEOUT_MS)
      health.absorb(answer, Date.now())
    } catch {
      // The next digest holds it all.
    }
    this.#isExchanging = false
  }
}
