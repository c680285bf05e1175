import { readAverage } from './average.ts'
import { readClass, writeClass } from './messages.ts'
import { type HealthRecord, unknownHealth } from './record.ts'

/**
 * The names of a record's fields in storage and in snapshots. A region may meet what an older version stored or sent: they
 * stay, whatever the code calls the fields.
 */
const STORED_NAMES = {
  countedAt: 'at',
  successes: 'ok',
  failuresBeforeFirstToken: 'pre',
  failuresMidStream: 'post',
  decayedStreamFailures: 'cuts',
  consecutiveFailures: 'run',
  lastFailureBeganAt: 'failedFrom',
  isOpen: 'open',
  consecutiveOpens: 'opens',
  openUntil: 'until',
  openReason: 'reason',
  closedAt: 'closedAt',
  probesPassed: 'trials',
  lastProbeAt: 'leasedAt',
  limitedUntil: 'limitedUntil',
  limitedBy: 'limitedBy',
  sizeLimitedUntil: 'largeLimitedUntil',
  sizeLimitedFrom: 'largeFrom',
  consecutiveLimits: 'limits',
  priorSuccessRate: 'prior',
  priorAt: 'priorAt',
  logTtft: 'latency',
  logTokensPerSecond: 'speed',
} as const satisfies Record<keyof HealthRecord, string>

type Field = keyof HealthRecord

const FIELDS = Object.entries(STORED_NAMES) as readonly [Field, string][]

/** A record as plain JSON, shared with nobody, for a snapshot or for storage. */
export function writeRecord(record: HealthRecord): Readonly<Record<string, unknown>> {
  const stored: Record<string, unknown> = {}
  for (const [field, name] of FIELDS) stored[name] = record[field]
  stored.reason = record.openReason === '' ? '' : writeClass(record.openReason)
  stored.latency = record.logTtft.map((average) => [...average])
  stored.speed = [...record.logTokensPerSecond]
  return stored
}

/** Times that may lie ahead. */
const FUTURE_TIMES = ['openUntil', 'limitedUntil', 'sizeLimitedUntil'] as const
const PAST_TIMES = ['countedAt', 'lastFailureBeganAt', 'closedAt', 'lastProbeAt', 'priorAt'] as const
/** No wait that another one names is longer. */
const MAX_AHEAD_MS = 900_000
const COUNTS = [
  'successes',
  'failuresBeforeFirstToken',
  'failuresMidStream',
  'decayedStreamFailures',
  'consecutiveFailures',
  'consecutiveOpens',
  'probesPassed',
  'consecutiveLimits',
] as const

/**
 * A record out of a snapshot or a store. What makes no sense in it is as if unknown.
 * @param shiftMs what the reader's clock is ahead of the writer's.
 */
export function readRecord(raw: unknown, now: number, shiftMs = 0): HealthRecord {
  const record = unknownHealth()
  const stored = Object(raw) as Record<string, unknown>
  for (const [field, name] of FIELDS) {
    const value = stored[name]
    const isOfType = typeof value === typeof record[field]
    if (isOfType && (typeof value === 'boolean' || (typeof value === 'number' && Math.abs(value) < 1e15))) {
      Object.assign(record, { [field]: value })
    }
  }
  record.openReason = readClass(stored.reason) ?? ''
  record.limitedBy = stored.limitedBy === 'overload' ? 'overload' : ''
  for (const field of PAST_TIMES) record[field] = moved(record[field], shiftMs, now)
  for (const field of FUTURE_TIMES) record[field] = moved(record[field], shiftMs, now + MAX_AHEAD_MS)
  for (const field of COUNTS) record[field] = Math.max(record[field], 0)
  record.priorSuccessRate = Math.min(Math.max(record.priorSuccessRate, 0), 1)
  record.logTokensPerSecond = readAverage(stored.speed, now, shiftMs)
  const latency = Array.isArray(stored.latency) ? stored.latency : []
  record.logTtft = record.logTtft.map((_, bucket) => readAverage(latency[bucket], now, shiftMs))
  return record
}

/** 0 means never. */
function moved(time: number, shiftMs: number, max: number): number {
  return time === 0 ? 0 : Math.min(time + shiftMs, max)
}
