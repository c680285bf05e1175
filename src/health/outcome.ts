import type { Failure } from '../chat/failure.ts'

/** What became of an attempt, by whose doing it was (routing 2.1). The caller's own doing and its leaving are none of these. */
export type OutcomeClass = 'ok' | 'first' | 'pre' | 'timeout' | 'post' | 'limit' | 'config'

/** What one attempt tells about its deployment; `first` at the first word, one of the others at the end. */
export interface Outcome {
  /** `provider/upstreamModel`. */
  readonly deployment: string
  readonly class: OutcomeClass
  readonly at: number
  /** 0 to 2 for streams, 3 to 5 for whole bodies, by the size of the prompt; see `bucketOf`. */
  readonly bucket: number
  /** With `first`: until the first word of a stream; with `ok` of a whole body: until its end; with `timeout`: how long we waited. */
  readonly ttftMs?: number
  readonly tokensPerSecond?: number
  /** With `limit`: how long the provider wants to be left alone. */
  readonly waitMs?: number
  /** With `limit`: it is overloaded, or what is limited is the size of requests; otherwise it is our rate. */
  readonly limit?: 'overload' | 'size'
  /** The trial that the attempt was (`Ask.trial`). */
  readonly trial?: string
  /** As many alike are told in one; 1 where absent. */
  readonly count?: number
}

/** Messages between isolates and regions carry this; those of another version change nothing. */
export const WIRE_VERSION = 1

/** What an isolate tells its region: outcomes with their age at the time of sending in place of `at`. */
export interface Report {
  readonly v: number
  readonly isolate: string
  readonly events: readonly (Omit<Outcome, 'at'> & { readonly ageMs: number })[]
}

/** A trial that one isolate may make at a deployment that is out or under suspicion. */
export interface ProbeLease {
  readonly deployment: string
  readonly id: string
}

/** What a region answers: all it knows, and the trials which the asking isolate may make. */
export interface Snapshot {
  readonly v: number
  /** The region's clock, by which the records count. */
  readonly now: number
  /** Health records by deployment; read with `restore` only. */
  readonly deployments: Readonly<Record<string, unknown>>
  readonly leases: readonly ProbeLease[]
}

/** What a region tells the hub of one deployment, and the hub of all other regions: counts faded to the moment of sending. */
export interface DigestRow {
  readonly deployment: string
  readonly ok: number
  readonly failed: number
  /** In how many regions it is out. */
  readonly open: number
  /** How long a rate limit still lasts; 0 where there is none. */
  readonly limitMs: number
  /** It is no limit of ours: the provider is overloaded. */
  readonly overloaded?: boolean
}

export interface Digest {
  readonly v: number
  readonly rows: readonly DigestRow[]
}

const CLASSES: ReadonlySet<unknown> = new Set(['ok', 'first', 'pre', 'timeout', 'post', 'limit', 'config'])
const SMALL_TOKENS = 4000
export const LARGE_TOKENS = 32_000
export const BUCKETS = 6
/** The first bucket of whole bodies. */
export const WHOLE = BUCKETS / 2

/** 0 to 2, by the size of the prompt. */
export function sizeOf(bucket: number): number {
  return bucket % WHOLE
}

/** Times are compared only among prompts of one size class, and streams never with whole bodies. */
export function bucketOf(stream: boolean, promptTokens: number): number {
  return (stream ? 0 : WHOLE) + (isSmall(promptTokens) ? 0 : promptTokens < LARGE_TOKENS ? 1 : 2)
}

export function isSmall(tokens: number): boolean {
  return tokens < SMALL_TOKENS
}

/** The class of a failure, before or after the answer had begun; undefined where it says nothing about the provider. */
export function classOf({ fault, kind, details }: Failure, begun = false): OutcomeClass | undefined {
  if (details.health === 'none') return undefined
  switch (fault) {
    case 'provider':
      return begun ? 'post' : 'pre'
    case 'timeout':
      return begun ? 'post' : 'timeout'
    case 'limit':
      // A bare 503 says that something is broken; only one that names a time, or says `overloaded`, is about load.
      if (kind === 'overloaded' && details.retryAfterMs === undefined && details.upstreamStatus !== 529) {
        return begun ? 'post' : 'pre'
      }
      return 'limit'
    case 'config':
      // Short of certainty it counts as any other failure: several of them take it out, for seconds.
      if (details.health === 'opens') return 'config'
      return begun ? 'post' : 'pre'
    case 'caller':
    case 'gateway':
    case 'left':
      return undefined
    default:
      return fault satisfies never
  }
}

/** An outcome out of a message, at the receiver's time; undefined where it makes no sense. */
export function readEvent(raw: unknown, now: number): Outcome | undefined {
  const { deployment, class: kind, bucket, ageMs, trial, limit, ...rest } = Object(raw) as Record<string, unknown>
  if (typeof deployment !== 'string' || deployment.length > 300 || !CLASSES.has(kind)) return undefined
  const number = (value: unknown, most: number) =>
    typeof value === 'number' && value >= 0 ? Math.min(value, most) : undefined
  const optional = (name: string, most: number) => {
    const value = number(rest[name], most)
    return value === undefined ? {} : { [name]: value }
  }
  return {
    deployment,
    class: kind as OutcomeClass,
    at: now - (number(ageMs, 120_000) ?? 0),
    bucket: Math.floor(number(bucket, BUCKETS - 1) ?? 0),
    ...optional('ttftMs', 600_000),
    ...optional('tokensPerSecond', 100_000),
    ...optional('waitMs', 120_000),
    ...optional('count', 10_000),
    ...(limit === 'overload' || limit === 'size' ? { limit } : {}),
    ...(typeof trial === 'string' ? { trial } : {}),
  }
}
