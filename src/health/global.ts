import { type Digest, type DigestRow, WIRE_VERSION } from './outcome.ts'
import { COUNT_MS } from './record.ts'

/** Pools the regions: the core of the one object that they all tell (routing 2.6). Remembers in memory only. */
export interface GlobalHealth {
  /** Keeps a region's digest, whatever it is, and answers with the others'. */
  readonly exchange: (region: string, digest: unknown, now: number) => Digest
}

/** That a region has taken one out is believed for so long. */
const OPEN_MS = 15_000
const FORGET_MS = 300_000
const MAX_REGIONS = 64
const MAX_ROWS = 256

/** A hub that has heard nothing. */
export function createGlobalHealth(): GlobalHealth {
  const heard = new Map<string, { at: number; rows: readonly DigestRow[] }>()
  return {
    exchange(region, digest, now) {
      const { v, rows } = Object(digest) as { v?: unknown; rows?: unknown }
      if (v === WIRE_VERSION && Array.isArray(rows)) {
        if (heard.size >= MAX_REGIONS && !heard.has(region)) heard.clear()
        heard.set(region, { at: now, rows: rows.slice(0, MAX_ROWS).filter(isRow) })
      }
      const pooled = new Map<string, DigestRow>()
      for (const [other, { at, rows: told }] of heard) {
        if (now - at > FORGET_MS) heard.delete(other)
        else if (other !== region) for (const row of told) add(pooled, row, now - at)
      }
      return { v: WIRE_VERSION, rows: [...pooled.values()] }
    },
  }
}

function add(pooled: Map<string, DigestRow>, row: DigestRow, ageMs: number): void {
  const { deployment } = row
  const before = pooled.get(deployment)
  const factor = Math.exp(-ageMs / COUNT_MS)
  const leftMs = row.limitMs - ageMs
  const isLonger = leftMs > (before?.limitMs ?? 0)
  const overloaded = (isLonger ? row : before)?.overloaded === true
  pooled.set(deployment, {
    deployment,
    ok: (before?.ok ?? 0) + row.ok * factor,
    failed: (before?.failed ?? 0) + row.failed * factor,
    open: (before?.open ?? 0) + (ageMs < OPEN_MS ? row.open : 0),
    limitMs: isLonger ? leftMs : (before?.limitMs ?? 0),
    ...(overloaded ? { overloaded } : {}),
  })
}

/** Whether a row makes sense, whoever sent it. */
export function isRow(row: unknown): row is DigestRow {
  const { deployment, ok, failed, limitMs, open } = Object(row) as Record<string, unknown>
  const isCount = (value: unknown) => typeof value === 'number' && value >= 0 && value < 1e9
  return typeof deployment === 'string' && [ok, failed, limitMs, open].every(isCount)
}
