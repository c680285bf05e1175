import { Failure } from '../chat/failure.ts'
import { sleep } from '../platform/timeout.ts'
import type { AttemptRecord } from '../routing/attempt-record.ts'
import {
  type Attempts,
  createAttempts,
  failAttempt,
  type NextAttempt,
  nextAttempt,
  refusalOf,
  skipAttempt,
} from '../routing/attempts.ts'
import type { Target } from '../routing/target.ts'
import type { AttemptResult } from './attempt.ts'
import { type AttemptReport, attemptFailed, type ReportedCall, startReport } from './attempt-report.ts'
import { clientLeft } from './attempt-timer.ts'
import { admitAttempt, type Bill } from './bill.ts'
import type { ClientDisconnect } from './client-disconnect.ts'
import type { RequestContext } from './context.ts'
import { noneAvailable, summarizeFailures } from './failure-summary.ts'
import type { RoutedDeployment } from './route.ts'

/** What asking needs of a call. */
interface AskedCall extends ReportedCall {
  readonly context: Pick<RequestContext, 'clientDisconnect' | 'log' | 'settings'>
  readonly bill: Bill
}

/** How a deployment is asked. What is asked, and what an answer is, only these functions know. */
export interface Asking<State extends AskedCall, Call, Answer> {
  /** The request in a deployment's own format, or why it has none for it: such a deployment is skipped at nobody's cost. */
  readonly prepare: (state: State, target: Target) => Call | Failure
  /** Sends it. Resolves when the answer has begun so that nothing can be taken back. */
  readonly attempt: (
    state: State,
    next: NextAttempt<RoutedDeployment>,
    call: Call,
    /** What ends this attempt. */
    disconnect: ClientDisconnect,
  ) => Promise<AttemptResult<Answer>>
  /** How it is sent for a request that is hedged (routing 2.8); undefined for all others, which is most. */
  readonly hedge?: (state: State, asking: Asking<State, Call, Answer>) => Hedging<Call, Answer> | undefined
}

/** Sends an attempt, and asks a second deployment too if it is slow. */
export type Hedging<Call, Answer> = (
  attempts: Attempts<RoutedDeployment>,
  first: SentAttempt<Call>,
) => Promise<EndedAttempt<Call, Answer>>

/** An attempt that was sent. */
export interface SentAttempt<Call> {
  readonly call: Call
  readonly report: AttemptReport
}

/** Of two attempts, the one that the request goes on with. */
export interface EndedAttempt<Call, Answer> extends SentAttempt<Call> {
  readonly result: AttemptResult<Answer>
}

/** An answer that has begun, and whose it is. */
export interface CommittedAnswer<Call, Answer> {
  readonly answer: Answer
  readonly deployment: RoutedDeployment
  readonly call: Call
  /** Tells the deployment's health how the answer goes on. */
  readonly report: AttemptReport
}

/**
 * Asks the deployments one after the other until one begins to answer (contract 6); the client sees nothing of those that
 * failed. Where all failed: the caller's own fault as it is, otherwise one failure that sums up all.
 */
export async function runWithFailover<State extends AskedCall, Call, Answer>(
  state: State,
  asking: Asking<State, Call, Answer>,
): Promise<AttemptResult<CommittedAnswer<Call, Answer>>> {
  const { context, route, health, bill } = state
  const { clientDisconnect } = context
  const { attempts: records } = context.log
  let now = Date.now()
  health.budget.earn(now)
  const attempts = createAttempts(route, health, now)
  const hedging = asking.hedge?.(state, asking)
  for (;;) {
    const next = nextAttempt(attempts, now)
    if (next === undefined) break
    const { target } = next.candidate
    let call = asking.prepare(state, target)
    if (call instanceof Failure) {
      records.push({ target, outcome: call.kind, ms: 0, failure: call, sent: false })
      if (!call.failover) return { ok: false, failure: call }
      skipAttempt(attempts)
      continue
    }
    if (next.waitMs > 0) {
      await sleep(next.waitMs)
      if (clientDisconnect.hasHappened()) return { ok: false, failure: clientLeft() }
    }
    // Where something limits calls to a deployment beside health.
    const admission = admitAttempt(bill, target)
    const refused = admission && (await admission)
    now = Date.now()
    if (refused !== undefined) {
      records.push({ target, outcome: refused.kind, ms: 0, failure: refused, sent: false })
      skipAttempt(attempts)
      continue
    }
    if (admission !== undefined && clientDisconnect.hasHappened()) return { ok: false, failure: clientLeft() }
    // Only now: a deployment that cannot even be asked this has used up nobody's probe.
    let report = startReport(state, next)
    let result: AttemptResult<Answer>
    if (hedging === undefined) result = await asking.attempt(state, next, call, clientDisconnect)
    else ({ result, call, report } = await hedging(attempts, { call, report }))
    if (result.ok) {
      const { attempt, startedAt } = report
      const deployment = attempt.candidate
      records.push({ target: deployment.target, outcome: '200', ms: Date.now() - startedAt, startedAt })
      return { ok: true, answer: { answer: result.answer, deployment, call, report } }
    }
    const { failure } = result
    recordFailure(records, report, result)
    if (clientDisconnect.hasHappened() || !failure.failover) return { ok: false, failure }
    now = Date.now()
    failAttempt(attempts, failure, now, report.attempt)
  }
  const refusal = refusalOf(attempts, now)
  return { ok: false, failure: refusal === undefined ? summarizeFailures(records) : noneAvailable(refusal) }
}

/** Notes that an attempt failed before its answer began. */
export function recordFailure(
  records: AttemptRecord[],
  report: AttemptReport,
  { failure, served }: Extract<AttemptResult<unknown>, { ok: false }>,
): void {
  attemptFailed(report, failure)
  const { startedAt } = report
  const { target } = report.attempt.candidate
  const outcome = String(failure.details.upstreamStatus ?? failure.kind)
  records.push({ target, outcome, ms: Date.now() - startedAt, startedAt, failure, served })
}
