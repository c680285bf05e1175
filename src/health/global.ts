import { type Digest, type DigestRow, isDigestRow, WIRE_VERSION } from './messages.ts'
import { fadingAfter } from './success-rate.ts'

/** What all regions know together: the core of one Durable Object (routing 2.6). It is kept in memory only. */
export interface GlobalHealth {
  /** Keeps a region's digest, if it makes sense, and answers with those of the other regions as one. */
  readonly exchange: (region: string, digest: unknown, now: number) => Digest
}

/** A digest's open circuits are believed for so long. */
const OPEN_MS = 15_000
const FORGET_MS = 300_000
const MAX_REGIONS = 64
const MAX_ROWS = 256

/** Knows nothing yet. */
export function createGlobalHealth(): GlobalHealth {
  const digests = new Map<string, { at: number; rows: readonly DigestRow[] }>()
  return {
    exchange(region, digest, now) {
      const { v, rows } = Object(digest) as { v?: unknown; rows?: unknown }
      if (v === WIRE_VERSION && Array.isArray(rows)) {
        if (digests.size >= MAX_REGIONS && !digests.has(region)) digests.clear()
        digests.set(region, { at: now, rows: rows.slice(0, MAX_ROWS).filter(isDigestRow) })
      }
      const pooled = new Map<string, DigestRow>()
      for (const [other, { at, rows: others }] of digests) {
        if (now - at > FORGET_MS) digests.delete(other)
        else if (other !== region) for (const row of others) add(pooled, row, now - at)
      }
      return { v: WIRE_VERSION, rows: [...pooled.values()] }
    },
  }
}

function add(pooled: Map<string, DigestRow>, row: DigestRow, ageMs: number): void {
  const { deployment } = row
  const before = pooled.get(deployment)
  const fading = fadingAfter(ageMs)
  const leftMs = row.limitMs - ageMs
  const isLonger = leftMs > (before?.limitMs ?? 0)
  const overloaded = (isLonger ? row : before)?.overloaded === true
  pooled.set(deployment, {
    deployment,
    ok: (before?.ok ?? 0) + row.ok * fading,
    failed: (before?.failed ?? 0) + row.failed * fading,
    open: (before?.open ?? 0) + (ageMs < OPEN_MS ? row.open : 0),
    limitMs: isLonger ? leftMs : (before?.limitMs ?? 0),
    ...(overloaded ? { overloaded } : {}),
  })
}
