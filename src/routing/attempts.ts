import type { Failure } from '../chat/failure.ts'
import type { Traits } from '../formats/format.ts'
import { deadlinesFor, type TimeoutLimits } from './deadline.ts'
import { unitOf } from './hash.ts'
import type { Candidate, Ranked, Ranking } from './rank.ts'
import type { ReleaseQueue, Turn } from './release-queue.ts'
import type { RetryBudget } from './retry-budget.ts'

/** A candidate with what the course of the attempts depends on. */
export interface AttemptCandidate extends Candidate {
  readonly traits: Pick<Traits, 'contextTokens' | 'outputTokens'>
  readonly patience: TimeoutLimits
}

/** One attempt to be made. */
export interface NextAttempt<T extends AttemptCandidate> {
  readonly target: T
  /** What it was ranked by. */
  readonly row: Ranked<T>
  /** Until the first word, or the end of a whole body; from the moment the waiting is over. */
  readonly deadlineMs: number
  /** To be waited before it. */
  readonly waitMs: number
  /** How long such an attempt may take before it counts as too slow, however much patience is left. */
  readonly usualMs: number
  /** For `started` and the outcome. */
  readonly trial?: string
}

/** Why nobody was asked: all limit us, or some of them are overloaded. */
export interface Refusal {
  readonly retryAfterMs: number
  readonly overloaded: boolean
}

/** The course of one request's attempts (routing 2.5), without a clock of its own. */
export interface Attempts<T extends AttemptCandidate> {
  /** Whom to ask next; undefined where it is over. */
  readonly next: (now: number) => NextAttempt<T> | undefined
  /** The last one cannot be asked this at all: that was found out before it was, and has cost nobody anything. */
  readonly skipped: () => void
  /** The last one failed. */
  readonly failed: (failure: Failure, now: number) => void
  /** Where `next` never gave anyone: why, and when to come again. */
  readonly refusal: (now: number) => Refusal | undefined
}

export interface AttemptsOptions<T extends AttemptCandidate> {
  readonly ranking: Ranking<T>
  readonly budget: RetryBudget
  readonly releases: ReleaseQueue
  readonly bucket: number
  readonly requestHash: number
  readonly startedAt: number
}

/** As many targets are asked for one request, at most. */
const MAX_ATTEMPTS = 3
/** Whatever the attempts before have taken, one gets at least this part of its deadline. */
const MIN_SHARE = 0.25
/** Before the only target there is gets asked again. */
const SAME_AGAIN_MS = { least: 100, most: 300 }
const QUICK_MS = 2000
/** A rate limit that ends so soon is waited for. */
const LIMIT_WAIT_MS = 2000
const SALT = { again: 7, release: 8 }

/** The attempts for one ranked request. */
export function createAttempts<T extends AttemptCandidate>(options: AttemptsOptions<T>): Attempts<T> {
  const { ranking, budget, releases, bucket, requestHash, startedAt } = options
  const { ranked, out, panic } = ranking
  // Those that are out come last: with nobody else left, asking them is better than refusing (case C05).
  let left = [...ranked, ...(panic ? [] : out.filter(({ state }) => state !== 'limited'))]
  let limited = out.filter(({ state }) => state === 'limited')
  const alone = left.length === 1
  const failedProviders = new Set<string>()
  // The most patient of those who were asked sets the patience for the rest, or nothing would be left for them.
  let totalMs = 0
  let asked = 0
  let tries = 0
  let current: NextAttempt<T> | undefined
  let currentAt = startedAt
  let again: Ranked<T> | undefined
  let paid = false
  let turn: Turn | undefined

  const pickNext = (now: number): { row: Ranked<T>; waitMs: number } | undefined => {
    if (again !== undefined) {
      const waitMs = SAME_AGAIN_MS.least + unitOf(requestHash, SALT.again) * (SAME_AGAIN_MS.most - SAME_AGAIN_MS.least)
      return { row: again, waitMs }
    }
    const isElsewhere = ({ candidate }: Ranked<T>) => !failedProviders.has(candidate.provider)
    const well = left.filter(({ state }) => state === 'closed')
    const row = tries === 0 ? left[0] : (well.find(isElsewhere) ?? well[0] ?? left.find(isElsewhere) ?? left[0])
    if (row !== undefined) return { row, waitMs: 0 }
    const [soonest] = limited
    if (tries > 0 || soonest === undefined || soonest.until - now > LIMIT_WAIT_MS) return undefined
    turn = releases.queue(soonest.candidate.name, soonest.until, now, unitOf(requestHash, SALT.release))
    return turn.granted ? { row: soonest, waitMs: Math.max(turn.at - now, 0) } : undefined
  }

  return {
    next(now) {
      if (asked >= MAX_ATTEMPTS) return undefined
      const picked = pickNext(now)
      if (picked === undefined) return undefined
      // Going on to another one that is well adds nothing to the load of those that are down.
      const free = again === undefined && picked.row.state === 'closed'
      paid = asked > 0 && !free
      if (paid && !budget.spend(now)) return undefined
      const { row, waitMs } = picked
      left = left.filter((other) => other !== row)
      again = undefined
      tries++
      currentAt = now + waitMs
      const { candidate, state } = row
      const isOut = state === 'open' || state === 'half-open'
      const trial = row.trial ?? (isOut ? 'panic' : undefined)
      const last = left.length === 0 || asked + 1 >= MAX_ATTEMPTS
      const { patience, traits } = candidate
      const own = deadlinesFor({
        ...row,
        patience,
        bucket,
        outputTokens: traits.outputTokens,
        trial: isOut,
        othersWell: left.some((other) => other.state === 'closed'),
      })
      totalMs = Math.max(totalMs, own.totalMs)
      const leastMs = Math.max(patience.firstByteMs, own.nextMs) * MIN_SHARE
      const leftMs = Math.max(totalMs - (currentAt - startedAt), leastMs)
      current = {
        target: candidate,
        row,
        deadlineMs: last ? leftMs : Math.min(own.nextMs, leftMs),
        usualMs: own.nextMs,
        waitMs,
        ...(trial === undefined ? {} : { trial }),
      }
      return current
    },
    skipped() {
      tries--
      limited = limited.filter((row) => row !== current?.row)
      if (paid) budget.giveBack()
      turn?.giveBack()
      turn = undefined
    },
    failed(failure, now) {
      if (current === undefined) return
      const { target, row } = current
      const { kind, fault } = failure
      asked++
      if (!failure.failover) left = []
      if (fault !== 'caller') failedProviders.add(target.provider)
      if (kind === 'context-length') left = left.filter(({ candidate }) => isRoomier(candidate, target))
      if (alone && asked === 1 && failure.failover && isPassing(failure, now - currentAt)) again = row
    },
    refusal(now) {
      const [soonest] = limited
      if (tries > 0 || soonest === undefined) return undefined
      const overloaded = limited.some(({ reason }) => reason === 'overload')
      return { retryAfterMs: Math.max((turn?.at ?? soonest.until) - now, 0), overloaded }
    },
  }
}

function isRoomier({ traits }: AttemptCandidate, than: AttemptCandidate): boolean {
  return traits.contextTokens === 0 || traits.contextTokens > than.traits.contextTokens
}

/** With nobody else to ask, a failure that was quick and the provider's own may pass (cases R07, R09). */
function isPassing({ kind, fault, details }: Failure, ms: number): boolean {
  const { upstreamStatus: status, shouldRetry, retryAfterMs } = details
  // A model that wrote a call that does not fit its schema (Groq, tool_use_failed) may do better at once.
  const miswritten = kind === 'model-not-capable' && status !== undefined
  const passing =
    fault === 'provider' || miswritten || ((status === 503 || status === 504) && retryAfterMs === undefined)
  return passing && shouldRetry !== false && ms < QUICK_MS
}
