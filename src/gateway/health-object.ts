import { DurableObject } from 'cloudflare:workers'
import { createHub } from '../routing/hub.ts'
import type { Digest, Snapshot } from '../routing/outcome.ts'
import { createRegion, type Region } from '../routing/region.ts'
import { orLate } from './race.ts'

/** The names of these objects carry a version: objects that understand each other no more have other names. */
const NAME = 'health:v1:'
const HUB = 'hub'
const SAVED = 'region'
const HUB_PATIENCE_MS = 5000

export type Healths = DurableObjectNamespace<Health>

/** The object that keeps the health of a region's providers; made near its region. */
export function healthOf(healths: Healths, region: DurableObjectLocationHint): DurableObjectStub<Health> {
  return healths.get(healths.idFromName(NAME + region), { locationHint: region })
}

/**
 * What a region knows of its providers' health, and under the name `hub` what the regions know together (routing 2.2, 2.6).
 * No alarms: everything is computed when somebody asks. What is lost with it, isolates tell again.
 */
export class Health extends DurableObject {
  #region: Region | undefined
  readonly #hub = createHub()
  #consulting = false

  /** Takes an isolate's report, answers with the region's snapshot. Messages carry their version; odd ones change nothing. */
  report(region: string, report: unknown): Snapshot {
    const now = Date.now()
    this.#region ??= createRegion(this.ctx.storage.kv.get(SAVED), now)
    const snapshot = this.#region.report(report, now, Math.random())
    if (this.#region.shouldSave(now)) this.ctx.storage.kv.put(SAVED, this.#region.save(now))
    if (!this.#consulting && this.#region.nextDigestMs(now) <= 0) {
      this.ctx.waitUntil(this.#consult(region, this.#region))
    }
    return snapshot
  }

  /** As the hub: takes a region's digest, answers with the others'. */
  exchange(region: string, digest: unknown): Digest {
    return this.#hub.exchange(region, digest, Date.now())
  }

  /** A hub that fails or hangs costs nothing but what others know. */
  async #consult(name: string, region: Region): Promise<void> {
    this.#consulting = true
    try {
      const { Health: healths } = this.ctx.exports as unknown as { Health: Healths }
      const hub = healths.get(healths.idFromName(NAME + HUB))
      const answer = await orLate(hub.exchange(name, region.digest(Date.now())), HUB_PATIENCE_MS)
      region.absorb(answer, Date.now())
    } catch {
      // The next digest tells all of it.
    }
    this.#consulting = false
  }
}
