import type { Outcome } from './outcome.ts'

/** An outcome that is the queue's own, in which others may be counted. */
type PendingOutcome = { -readonly [Member in keyof Outcome]: Outcome[Member] }

/** The outcomes that an isolate's region does not know yet, and when it is to get them. */
export interface ReportQueue {
  /** Keeps an outcome for the next report; it is the queue's from then on. */
  readonly add: (outcome: Outcome, isUrgent: boolean) => void
  /** An attempt began: a snapshot is of use to those that follow it. */
  readonly attemptStarted: (now: number) => void
  /** See `IsolateHealth.reportDue`. */
  readonly due: (now: number) => 'now' | number | undefined
  /** What to send; `delivered` or `failed` follows. */
  readonly take: (now: number) => readonly Outcome[]
  readonly delivered: () => void
  /** The answer held a snapshot that makes sense. */
  readonly snapshotReceived: (now: number) => void
  readonly hasSnapshot: () => boolean
  /** What was taken is kept for the next report. */
  readonly failed: (now: number, isOverloaded: boolean) => void
  /** The last report failed. */
  readonly isRegionSilent: () => boolean
  /** What no report has taken yet. */
  readonly pending: () => readonly Outcome[]
}

const INTERVAL_MS = { usual: 1000, urgent: 250, max: 10_000 }
const INTERVAL_SPREAD = 0.1
/** A snapshot older than this is asked for again where there are requests. */
const STALE_MS = 1000
/** A call that takes longer is given up: the request that made it may have been ended. */
const LOST_MS = 10_000
const MAX_OUTCOMES = 512

/** @param seed in [0, 1): isolates that began together do not report together. */
export function createReportQueue(seed: number): ReportQueue {
  let pending: PendingOutcome[] = []
  let sent: PendingOutcome[] | undefined
  let takenAt = Number.NEGATIVE_INFINITY
  let snapshotAt = Number.NEGATIVE_INFINITY
  let startedAt = Number.NEGATIVE_INFINITY
  let failures = 0
  let intervalMs = INTERVAL_MS.usual
  let isUrgent = false
  let urgentAt = Number.NEGATIVE_INFINITY

  return {
    add(outcome, urgent) {
      isUrgent ||= urgent
      if (mergeInto(pending, outcome)) return
      pending.push(outcome)
      if (pending.length > MAX_OUTCOMES) pending.shift()
    },
    attemptStarted(now) {
      startedAt = now
    },
    due(now) {
      if (sent !== undefined && now - takenAt < LOST_MS) return undefined
      if (pending.length === 0) return now - snapshotAt > STALE_MS && startedAt > takenAt ? 'now' : undefined
      const dueAt =
        isUrgent && failures === 0 ? urgentAt + INTERVAL_MS.urgent : takenAt + intervalMs * (1 + INTERVAL_SPREAD * seed)
      return dueAt > now ? dueAt - now : 'now'
    },
    take(now) {
      const outcomes = pending
      // Another call may be under way: should either fail, the outcomes of both are sent again.
      sent = [...(sent ?? []), ...outcomes].slice(-MAX_OUTCOMES)
      pending = []
      takenAt = now
      if (isUrgent) urgentAt = now
      isUrgent = false
      return outcomes
    },
    delivered() {
      sent = undefined
      failures = 0
      intervalMs = INTERVAL_MS.usual
    },
    snapshotReceived(now) {
      snapshotAt = now
    },
    hasSnapshot: () => snapshotAt > Number.NEGATIVE_INFINITY,
    failed(now, isOverloaded) {
      pending = [...(sent ?? []), ...pending].slice(-MAX_OUTCOMES)
      sent = undefined
      takenAt = now
      failures++
      intervalMs = isOverloaded ? INTERVAL_MS.max : Math.min(INTERVAL_MS.usual * 2 ** failures, INTERVAL_MS.max)
    },
    isRegionSilent: () => failures > 0,
    pending: () => pending,
  }
}

const MERGE_MS = 250

/** Merges an outcome into one that waits already, so that many requests make a small report; false where there is none. */
function mergeInto(pending: readonly PendingOutcome[], outcome: Outcome): boolean {
  for (let index = pending.length - 1; index >= 0; index--) {
    const before = pending[index]
    if (before === undefined || outcome.at - before.at > MERGE_MS) return false
    if (before.deployment !== outcome.deployment) continue
    if (isAlike(before, outcome)) {
      before.ttftMs = outcome.ttftMs ?? before.ttftMs
      before.tokensPerSecond = outcome.tokensPerSecond ?? before.tokensPerSecond
      before.count = (before.count ?? 1) + (outcome.count ?? 1)
      return true
    }
    // Failures in a row are counted by the order of successes and failures.
    if (!isGood(before) || !isGood(outcome)) return false
  }
  return false
}

/** Whether two outcomes can be one, and nothing is lost: no probes, and they differ at most in their measured times. */
function isAlike(before: Outcome, after: Outcome): boolean {
  return (
    before.class === after.class &&
    before.bucket === after.bucket &&
    before.limit === after.limit &&
    before.probe === undefined &&
    after.probe === undefined &&
    before.waitMs === after.waitMs
  )
}

/** Whether an outcome speaks for its deployment, or at least not against it. */
export function isGood({ class: kind }: Outcome): boolean {
  return kind === 'success' || kind === 'first-token' || kind === 'slow'
}
