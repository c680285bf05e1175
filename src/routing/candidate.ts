import type { Chat } from '../chat/request.ts'
import type { DeploymentStatus } from '../health/evaluate.ts'
import type { SessionPlace } from './session-memory.ts'

/** A deployment that a request may go to, as it is ranked. */
export interface Candidate {
  /** `provider/upstreamModel`. */
  readonly name: string
  readonly provider: string
  /** 0 for the most wanted; deployments of one model share theirs. */
  readonly tier: number
  /** The place in the given order, which decides where nothing else does. */
  readonly index: number
  /** US dollars per million tokens, of a usual mixture. */
  readonly price?: number | undefined
}

/** `strict`: the given order alone decides among healthy candidates; `balanced`: order and speed do. */
export type Policy = 'strict' | 'balanced'

/** What the caller may have ranked by alone (`provider.sort`), but for the price. */
export type RankSort = Exclude<NonNullable<NonNullable<Chat['provider']>['sort']>, 'price'>

/** The session of a request, as far as it decides (routing 2.7). */
export interface RankedSession {
  readonly hash: number
  /** It has had an answer, so its prompt may be in a cache. */
  readonly hasHistory: boolean
  readonly last?: SessionPlace | undefined
}

export interface RankOptions {
  readonly requestHash: number
  /** Among equals it leads to the same one again, which has the prompt in its cache. */
  readonly session?: RankedSession | undefined
  readonly policy: Policy
  readonly sort?: RankSort | undefined
  /** See `bucketOf`. */
  readonly bucket: number
  /** The maximum tokens of one answer; 0 if the request sets none. */
  readonly outputTokens?: number
}

/** A candidate with its health and score. */
export interface Ranked<T extends Candidate = Candidate> {
  readonly candidate: T
  readonly score: number
  /** What its isolate knows of it. */
  readonly status: DeploymentStatus
  /** The id of the probe that an attempt there is. */
  readonly probe: string | undefined
}

export interface Ranking<T extends Candidate = Candidate> {
  /** In the order in which they are to be tried. */
  readonly ranked: readonly Ranked<T>[]
  /** Those that are open, half-open or limited, the soonest to come back first. */
  readonly out: readonly Ranked<T>[]
  /** All are out: those that are not limited are tried nevertheless. */
  readonly isPanic: boolean
  /** The deployment at which the session is to stay; undefined where there is none, or no session. */
  readonly home: string | undefined
}
