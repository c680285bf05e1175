import type { Failure } from '../chat/failure.ts'
import type { Traits } from '../formats/format.ts'
import type { Candidate, Ranked, Ranking } from './candidate.ts'
import { type Deadlines, deadlinesFor, type TimeoutLimits } from './deadline.ts'
import { unitOf } from './hash.ts'
import type { HedgeBudget } from './hedge-budget.ts'
import type { ReleaseQueue, Turn } from './release-queue.ts'
import type { RetryBudget } from './retry-budget.ts'

/** A candidate with what decides how often and how long it is tried. */
export interface AttemptCandidate extends Candidate {
  readonly traits: Pick<Traits, 'contextTokens' | 'outputTokens'>
  readonly timeoutLimits: TimeoutLimits
}

/** One attempt to be made. */
export interface NextAttempt<T extends AttemptCandidate> {
  readonly candidate: T
  /** What it was ranked by. */
  readonly ranked: Ranked<T>
  /** To be waited before it. */
  readonly waitMs: number
  /** Until the first token, or the end of a whole body; from the end of `waitMs` on. */
  readonly deadlineMs: number
  /** How long such an attempt may usually take, however much time the request has left. */
  readonly usualMs: number
  /** The id of the probe that it is: for `attemptStarted` and the outcome. */
  readonly probe: string | undefined
}

/** Why no attempt was made: all candidates limit us, or some of them are overloaded. */
export interface Refusal {
  readonly retryAfterMs: number
  readonly overloaded: boolean
}

/** What the attempts of a request share with those of others. */
interface SharedBudgets {
  readonly budget: RetryBudget
  readonly releases: ReleaseQueue
}

/** What a request's attempts are made from. */
interface AttemptsRoute<T extends AttemptCandidate> {
  readonly ranking: Ranking<T>
  readonly bucket: number
  readonly requestHash: number
}

/** The attempts of one request, one after the other (routing 2.5); it has no clock of its own. Only for the functions of this file. */
export interface Attempts<T extends AttemptCandidate> {
  readonly shared: SharedBudgets
  readonly bucket: number
  readonly requestHash: number
  readonly startedAt: number
  /** The candidates that may still be tried, in their order. */
  left: readonly Ranked<T>[]
  limited: readonly Ranked<T>[]
  /** There is no other candidate to fail over to. */
  readonly isAlone: boolean
  failedProviders: readonly string[]
  /**
   * The time for the request in all: the longest among the candidates that were tried. With the time of a quick candidate, a
   * slower one after it would have none left.
   */
  totalMs: number
  /** Attempts that failed. */
  failed: number
  /** Attempts that were made, the one under way included. */
  made: number
  current: NextAttempt<T> | undefined
  currentAt: number
  /** As it was before the second deployment was taken. */
  beforeHedge: Pick<Attempts<T>, 'left' | 'current' | 'currentAt' | 'made'> | undefined
  /** The only candidate, to be tried once more. */
  again: Ranked<T> | undefined
  /** The current attempt was taken from the budget. */
  isPaid: boolean
  /** The place in the queue of those that wait for a rate limit to end. */
  turn: Turn | undefined
}

const NONE: readonly never[] = []

/** The attempts for one ranked request. */
export function createAttempts<T extends AttemptCandidate>(
  { ranking, bucket, requestHash }: AttemptsRoute<T>,
  shared: SharedBudgets,
  startedAt: number,
): Attempts<T> {
  const { ranked, out, isPanic } = ranking
  const isAnyOut = out.length > 0
  // Those that are out come last. If no other is left, an attempt there is better than a refusal.
  const left = isAnyOut && !isPanic ? [...ranked, ...out.filter((row) => !isLimited(row))] : ranked
  return {
    shared,
    bucket,
    requestHash,
    startedAt,
    left,
    limited: isAnyOut ? out.filter(isLimited) : NONE,
    isAlone: left.length === 1,
    failedProviders: NONE,
    totalMs: 0,
    failed: 0,
    made: 0,
    current: undefined,
    currentAt: startedAt,
    beforeHedge: undefined,
    again: undefined,
    isPaid: false,
    turn: undefined,
  }
}

const MAX_ATTEMPTS = 3

/** The attempt to make; undefined where there is none left. */
export function nextAttempt<T extends AttemptCandidate>(state: Attempts<T>, now: number): NextAttempt<T> | undefined {
  if (state.failed >= MAX_ATTEMPTS) return undefined
  const row = pickNext(state, now)
  if (row === undefined) return undefined
  const waitMs = waitBefore(row, state, now)
  // To go on to another one that is healthy adds nothing to the load of those that are down.
  const isFree = state.again === undefined && isClosed(row)
  state.isPaid = state.failed > 0 && !isFree
  if (state.isPaid && !state.shared.budget.spend(now)) return undefined
  return take(state, row, waitMs, now)
}

function take<T extends AttemptCandidate>(
  state: Attempts<T>,
  row: Ranked<T>,
  waitMs: number,
  now: number,
): NextAttempt<T> {
  const { left } = state
  state.left = left[0] === row ? left.slice(1) : left.filter((other) => other !== row)
  state.again = undefined
  state.made++
  state.currentAt = now + waitMs
  const { attemptMs, totalMs } = deadlinesAt(row, state)
  state.totalMs = Math.max(state.totalMs, totalMs)
  state.current = {
    candidate: row.candidate,
    ranked: row,
    waitMs,
    deadlineMs: deadlineOf(row.candidate, attemptMs, state),
    usualMs: attemptMs,
    probe: row.probe ?? (isOut(row) ? UNLEASED_PROBE : undefined),
  }
  return state.current
}

/**
 * Another attempt beside the first one, which is slow (routing 2.8): at another deployment that works, of another provider if
 * there is one. Undefined where there is none, or no hedge is left. Only the first attempt has one: where something has failed
 * already, a second request at once would add to it.
 */
export function hedgeAttempt<T extends AttemptCandidate>(
  state: Attempts<T>,
  now: number,
  hedges: HedgeBudget,
  account: string,
): NextAttempt<T> | undefined {
  const { current, failed, left } = state
  const asked = current?.candidate
  // Two variants of one deployment are two candidates of one name.
  const healthy = left.filter((row) => isClosed(row) && row.probe === undefined && row.candidate.name !== asked?.name)
  const row = healthy.find(({ candidate }) => candidate.provider !== asked?.provider) ?? healthy[0]
  if (failed > 0 || row === undefined || !hedges.spend(now, account)) return undefined
  const { currentAt, made } = state
  state.beforeHedge = { left, current, currentAt, made }
  return take(state, row, 0, now)
}

/** That attempt is not made after all: its deployment is asked as if it had never been taken. */
export function cancelHedge<T extends AttemptCandidate>(state: Attempts<T>): void {
  Object.assign(state, state.beforeHedge)
}

/** The probe id of an attempt at a deployment that is out, if the ranking gave none. */
const UNLEASED_PROBE = 'panic'

function isOut({ status: { state } }: Ranked): boolean {
  return state === 'open' || state === 'half-open'
}

/** Before the only candidate is tried again. */
const AGAIN_MS = { min: 100, max: 300 }
/** A rate limit that ends so soon is waited for. */
const MAX_LIMIT_WAIT_MS = 2000
const SALT = { again: 7, release: 8 }

function pickNext<T extends AttemptCandidate>(state: Attempts<T>, now: number): Ranked<T> | undefined {
  const { again, left, limited, made, requestHash } = state
  const row = again ?? (made === 0 ? left[0] : alternativeIn(state))
  if (row !== undefined) return row
  const soonest = limited[0]
  if (made > 0 || soonest === undefined || soonest.status.until - now > MAX_LIMIT_WAIT_MS) return undefined
  const { candidate, status } = soonest
  const turn = state.shared.releases.queue(candidate.name, status.until, now, unitOf(requestHash, SALT.release))
  state.turn = turn
  return turn.granted ? soonest : undefined
}

function waitBefore<T extends AttemptCandidate>(
  row: Ranked<T>,
  { again, turn, requestHash }: Attempts<T>,
  now: number,
) {
  if (again !== undefined) return AGAIN_MS.min + unitOf(requestHash, SALT.again) * (AGAIN_MS.max - AGAIN_MS.min)
  return turn !== undefined && isLimited(row) ? Math.max(turn.at - now, 0) : 0
}

/** A healthy one before the others; among equals, one of a provider that has not failed. */
function alternativeIn<T extends AttemptCandidate>({ left, failedProviders }: Attempts<T>): Ranked<T> | undefined {
  const isElsewhere = ({ candidate }: Ranked<T>) => !failedProviders.includes(candidate.provider)
  const healthy = left.filter(isClosed)
  return healthy.find(isElsewhere) ?? healthy[0] ?? left.find(isElsewhere) ?? left[0]
}

function isClosed({ status }: Ranked): boolean {
  return status.state === 'closed'
}

function isLimited({ status }: Ranked): boolean {
  return status.state === 'limited'
}

/** An attempt gets at least this share of its usual time, even if those before it took almost all. */
const MIN_SHARE = 0.25

function deadlineOf<T extends AttemptCandidate>({ timeoutLimits }: T, attemptMs: number, state: Attempts<T>): number {
  const minMs = Math.max(timeoutLimits.firstByteMs, attemptMs) * MIN_SHARE
  const leftMs = Math.max(state.totalMs - (state.currentAt - state.startedAt), minMs)
  const isLast = state.left.length === 0 || state.failed + 1 >= MAX_ATTEMPTS
  return isLast ? leftMs : Math.min(attemptMs, leftMs)
}

function deadlinesAt<T extends AttemptCandidate>(row: Ranked<T>, state: Attempts<T>): Deadlines {
  const { timeoutLimits, traits } = row.candidate
  return deadlinesFor({
    status: row.status,
    limits: timeoutLimits,
    bucket: state.bucket,
    outputTokens: traits.outputTokens,
    isProbe: isOut(row),
    hasHealthyAlternative: state.left.some(isClosed),
  })
}

/** The last attempt could not be sent, because the deployment cannot take this request. It does not count. */
export function skipAttempt<T extends AttemptCandidate>(state: Attempts<T>): void {
  state.made--
  state.limited = state.limited.filter((row) => row !== state.current?.ranked)
  if (state.isPaid) state.shared.budget.giveBack()
  state.turn?.giveBack()
  state.turn = undefined
}

/** An attempt failed: the last one, if no other is named. */
export function failAttempt<T extends AttemptCandidate>(
  state: Attempts<T>,
  failure: Failure,
  now: number,
  attempt = state.current,
): void {
  if (attempt === undefined) return
  const { candidate: failed, ranked } = attempt
  state.failed++
  if (!failure.failover) state.left = []
  if (failure.fault !== 'caller') state.failedProviders = [...state.failedProviders, failed.provider]
  if (failure.kind === 'context-length') {
    state.left = state.left.filter(({ candidate }) => hasMoreContext(candidate, failed))
  }
  const mayPass = state.isAlone && state.failed === 1 && failure.failover
  if (mayPass && isTransient(failure, now - state.currentAt)) state.again = ranked
}

function hasMoreContext({ traits }: AttemptCandidate, than: AttemptCandidate): boolean {
  return traits.contextTokens === 0 || traits.contextTokens > than.traits.contextTokens
}

/** A failure that took longer is not tried again: the client has waited enough. */
const QUICK_MS = 2000

/** Whether the only candidate may succeed at once where it failed just now. */
function isTransient({ kind, fault, details }: Failure, ms: number): boolean {
  const { upstreamStatus: status, shouldRetry, retryAfterMs } = details
  // A model that wrote a call that does not fit its schema (Groq, tool_use_failed) may do better at once.
  const isMiswritten = kind === 'model-not-capable' && status !== undefined
  const isUnavailable = (status === 503 || status === 504) && retryAfterMs === undefined
  return (fault === 'provider' || isMiswritten || isUnavailable) && shouldRetry !== false && ms < QUICK_MS
}

/** Where `nextAttempt` never gave an attempt: why, and when to come again. */
export function refusalOf<T extends AttemptCandidate>(
  { limited, made, turn }: Attempts<T>,
  now: number,
): Refusal | undefined {
  const soonest = limited[0]
  if (made > 0 || soonest === undefined) return undefined
  const overloaded = limited.some(({ status }) => status.reason === 'overload')
  return { retryAfterMs: Math.max((turn?.at ?? soonest.status.until) - now, 0), overloaded }
}
