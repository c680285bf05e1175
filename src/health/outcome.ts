import type { Failure } from '../chat/failure.ts'

/**
 * How an attempt went, and by whose fault (routing 2.1). Faults of the caller and disconnects of the client have no class,
 * because they say nothing about the provider.
 */
export type OutcomeClass =
  | 'first-token'
  | 'success'
  | 'failed-before-first-token'
  | 'timeout'
  | 'failed-mid-stream'
  | 'slow'
  | 'limit'
  | 'config'

/** What one attempt shows of its deployment: `first-token` when the first token comes, one of the others at the end. */
export interface Outcome {
  /** `provider/upstreamModel`. */
  readonly deployment: string
  readonly class: OutcomeClass
  readonly at: number
  /** By kind of answer and size of prompt; see `bucketOf`. */
  readonly bucket: number
  /**
   * With `first-token`: until the first token of a stream. With `success`, for a whole body only: until its end. With `timeout`:
   * how long the gateway waited; with `slow`, how long it had waited when another deployment answered instead.
   */
  readonly ttftMs?: number | undefined
  readonly tokensPerSecond?: number | undefined
  /** With `limit`: how long the provider asks to be left alone. */
  readonly waitMs?: number | undefined
  /** With `limit`: the provider is overloaded, or limits the size of requests; otherwise it limits our rate. */
  readonly limit?: 'overload' | 'size' | undefined
  /** The id of the probe that the attempt was (`NextAttempt.probe`). */
  readonly probe?: string | undefined
  /** How many outcomes of the same kind stand in this one; 1 where absent. */
  readonly count?: number | undefined
}

const SMALL_TOKENS = 4000
export const LARGE_TOKENS = 32_000
/** Three sizes of prompts, for streams and for whole bodies. */
export const BUCKET_COUNT = 6
export const FIRST_WHOLE_BODY_BUCKET = BUCKET_COUNT / 2

/** 0 to 2, by the size of the prompt. */
export function sizeClassOf(bucket: number): number {
  return bucket % FIRST_WHOLE_BODY_BUCKET
}

/** Times are compared only among prompts of one size class, and those of streams never with those of whole bodies. */
export function bucketOf(stream: boolean, promptTokens: number): number {
  const sizeClass = isSmall(promptTokens) ? 0 : promptTokens < LARGE_TOKENS ? 1 : 2
  return (stream ? 0 : FIRST_WHOLE_BODY_BUCKET) + sizeClass
}

export function isSmall(tokens: number): boolean {
  return tokens < SMALL_TOKENS
}

/** The class of a failure, before or after the first token; undefined where it says nothing about the provider. */
export function outcomeClassOf({ fault, kind, details }: Failure, afterFirstToken = false): OutcomeClass | undefined {
  if (details.health === 'none') return undefined
  const failed = afterFirstToken ? 'failed-mid-stream' : 'failed-before-first-token'
  switch (fault) {
    case 'provider':
      return failed
    case 'timeout':
      return afterFirstToken ? 'failed-mid-stream' : 'timeout'
    case 'limit':
      // A 503 alone says that something is broken; only one that names a time, and 529, are about load.
      if (kind === 'overloaded' && details.retryAfterMs === undefined && details.upstreamStatus !== 529) return failed
      return 'limit'
    case 'config':
      // Where that is not certain it counts like other failures: several of them open the circuit, for seconds only.
      return details.health === 'opens' ? 'config' : failed
    case 'caller':
    case 'gateway':
    case 'left':
      return undefined
    default:
      return fault satisfies never
  }
}
