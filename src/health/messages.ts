import type { ActivityMessage } from './activity.ts'
import { BUCKET_COUNT, type Outcome, type OutcomeClass } from './outcome.ts'

/**
 * What isolates, regions and the global object send each other. During a deployment two versions speak with each other: the
 * names in these messages stay, whatever the code calls the same things. Each message carries this
 * version, and one of another version changes nothing.
 */
export const WIRE_VERSION = 1

/** What an isolate reports to its region: outcomes with their age when they were sent. */
export interface Report {
  readonly v: number
  readonly isolate: string
  readonly events: readonly OutcomeMessage[]
  /** How many of its attempts are under way, by deployment; absent where none is. */
  readonly inFlight?: Readonly<Record<string, number>>
}

export interface OutcomeMessage extends Omit<Outcome, 'at' | 'class' | 'probe'> {
  readonly class: string
  readonly ageMs: number
  readonly trial?: string | undefined
}

/** A probe that one isolate may send to a deployment that is half-open or suspect. */
export interface ProbeLease {
  readonly deployment: string
  readonly id: string
}

/** What a region answers: all that it knows, and the probes that the asking isolate may send. */
export interface Snapshot {
  readonly v: number
  /** The region's clock, which the times in the records go by. */
  readonly now: number
  /** By deployment; only for `readRecord`. */
  readonly deployments: Readonly<Record<string, unknown>>
  readonly leases: readonly ProbeLease[]
  /** The number of the last change of a key. */
  readonly keys?: number
}

/** What a region answers to people: its snapshot, and what it has counted. */
export interface Overview extends Snapshot, ActivityMessage {}

/** What a region knows of one deployment, or all other regions together: counts as they have faded when sent. */
export interface DigestRow {
  readonly deployment: string
  readonly ok: number
  readonly failed: number
  /** In how many regions its circuit is open. */
  readonly open: number
  /** How long a rate limit still lasts; 0 where there is none. */
  readonly limitMs: number
  /** The provider is overloaded: the limit is not on our account. */
  readonly overloaded?: boolean
}

export interface Digest {
  readonly v: number
  readonly rows: readonly DigestRow[]
}

const CLASS_NAMES: Readonly<Record<OutcomeClass, string>> = {
  'first-token': 'first',
  success: 'ok',
  'failed-before-first-token': 'pre',
  timeout: 'timeout',
  'failed-mid-stream': 'post',
  slow: 'slow',
  limit: 'limit',
  config: 'config',
}

const CLASSES: ReadonlyMap<unknown, OutcomeClass> = new Map(
  Object.entries(CLASS_NAMES).map(([name, sent]) => [sent, name as OutcomeClass]),
)

/** The name of an outcome class in messages and in storage. */
export function writeClass(name: OutcomeClass): string {
  return CLASS_NAMES[name]
}

/** Undefined where there is no such class. */
export function readClass(sent: unknown): OutcomeClass | undefined {
  return CLASSES.get(sent)
}

export function writeOutcome({ at, class: name, probe: trial, ...rest }: Outcome, now: number): OutcomeMessage {
  const message: OutcomeMessage = { ...rest, class: writeClass(name), ageMs: Math.max(now - at, 0), trial }
  return Object.fromEntries(
    Object.entries(message).filter(([, value]) => value !== undefined),
  ) as unknown as OutcomeMessage
}

const MAX_NAME_CHARACTERS = 300
const MAX_AGE_MS = 120_000
/** The greatest values that make sense. */
const MAX_VALUES = { ttftMs: 600_000, tokensPerSecond: 100_000, waitMs: 120_000, count: 10_000 }

/** An outcome out of a message, on the receiver's clock; undefined where it makes no sense. */
export function readOutcome(raw: unknown, now: number): Outcome | undefined {
  const { deployment, class: sent, bucket, ageMs, trial, limit, ...rest } = Object(raw) as Record<string, unknown>
  const name = readClass(sent)
  if (typeof deployment !== 'string' || deployment.length > MAX_NAME_CHARACTERS || name === undefined) return undefined
  const optional = (field: keyof typeof MAX_VALUES) => {
    const value = numberUpTo(MAX_VALUES[field], rest[field])
    return value === undefined ? {} : { [field]: value }
  }
  return {
    deployment,
    class: name,
    at: now - (numberUpTo(MAX_AGE_MS, ageMs) ?? 0),
    bucket: Math.floor(numberUpTo(BUCKET_COUNT - 1, bucket) ?? 0),
    ...optional('ttftMs'),
    ...optional('tokensPerSecond'),
    ...optional('waitMs'),
    ...optional('count'),
    ...(limit === 'overload' || limit === 'size' ? { limit } : {}),
    ...(typeof trial === 'string' ? { probe: trial } : {}),
  }
}

function numberUpTo(max: number, value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 ? Math.min(value, max) : undefined
}

/** Whether a row makes sense. Its sender is not trusted. */
export function isDigestRow(row: unknown): row is DigestRow {
  const { deployment, ok, failed, limitMs, open } = Object(row) as Record<string, unknown>
  const isCount = (value: unknown) => typeof value === 'number' && value >= 0 && value < 1e9
  return typeof deployment === 'string' && [ok, failed, limitMs, open].every(isCount)
}
