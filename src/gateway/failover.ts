import { Failure } from '../chat/failure.ts'
import { sleep } from '../platform/timeout.ts'
import type { AttemptRecord } from '../routing/attempt-record.ts'
import { type Attempts, createAttempts, failAttempt, nextAttempt, refusalOf, skipAttempt } from '../routing/attempts.ts'
import type { AttemptResult } from './attempt.ts'
import { type AttemptReport, createAttemptReport } from './attempt-report.ts'
import { clientLeft } from './attempt-timer.ts'
import type { ClientDisconnect } from './client-disconnect.ts'
import type { RequestContext } from './context.ts'
import { noneAvailable, summarizeFailures } from './failure-summary.ts'
import type { HealthReporter } from './health-reporter.ts'
import type { Route, RoutedDeployment } from './route.ts'

/** What asking one deployment after the other needs. What is asked, and what an answer is, only `prepare` and `attempt` know. */
export interface FailoverInput<Call, Answer> {
  readonly context: Pick<RequestContext, 'clientDisconnect' | 'log' | 'settings'>
  readonly route: Route
  readonly health: HealthReporter
  /** The request in a deployment's own format, or why it has none for it: such a deployment is skipped at nobody's cost. */
  readonly prepare: (deployment: RoutedDeployment) => Call | Failure
  /** Where something limits calls to a deployment beside health: admits this one, or says why not. Another one is asked then. */
  readonly admit: (deployment: RoutedDeployment) => Promise<Failure | undefined> | undefined
  /** Sends it. Resolves when the answer has begun so that nothing can be taken back. */
  readonly attempt: (
    deployment: RoutedDeployment,
    call: Call,
    deadlineMs: number,
    /** What ends this attempt; the client's, if absent. */
    disconnect?: ClientDisconnect,
  ) => Promise<AttemptResult<Answer>>
  /** Sends it likewise, and asks a second deployment too if it is slow (routing 2.8); absent for most requests. */
  readonly hedge?:
    | ((
        input: FailoverInput<Call, Answer>,
        attempts: Attempts<RoutedDeployment>,
        first: SentAttempt<Call>,
      ) => Promise<EndedAttempt<Call, Answer>>)
    | undefined
  /** How long an answer was asked for, in tokens; 0 where nobody said. */
  readonly maxAnswerTokens: number
}

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
export async function runWithFailover<Call, Answer>(
  input: FailoverInput<Call, Answer>,
): Promise<AttemptResult<CommittedAnswer<Call, Answer>>> {
  const { context, route, health } = input
  const { clientDisconnect } = context
  const { attempts: records } = context.log
  const startedAt = Date.now()
  health.budget.earn(startedAt)
  const attempts = createAttempts(route, health, startedAt)
  for (;;) {
    const next = nextAttempt(attempts, Date.now())
    if (next === undefined) break
    const deployment = next.candidate
    const { target } = deployment
    let call = input.prepare(deployment)
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
    const admission = input.admit(deployment)
    const refused = admission && (await admission)
    if (refused !== undefined) {
      records.push({ target, outcome: refused.kind, ms: 0, failure: refused, sent: false })
      skipAttempt(attempts)
      continue
    }
    if (admission !== undefined && clientDisconnect.hasHappened()) return { ok: false, failure: clientLeft() }
    // Only now: a deployment that cannot even be asked this has used up nobody's probe.
    let report = createAttemptReport(input, next)
    let result: AttemptResult<Answer>
    if (input.hedge === undefined) result = await input.attempt(deployment, call, next.deadlineMs)
    else ({ result, call, report } = await input.hedge(input, attempts, { call, report }))
    const { attempt, startedAt } = report
    if (result.ok) {
      const deployment = attempt.candidate
      records.push({ target: deployment.target, outcome: '200', ms: Date.now() - startedAt, startedAt })
      return { ok: true, answer: { answer: result.answer, deployment, call, report } }
    }
    const { failure } = result
    recordFailure(records, report, result)
    if (clientDisconnect.hasHappened() || !failure.failover) return { ok: false, failure }
    failAttempt(attempts, failure, Date.now(), attempt)
  }
  const refusal = refusalOf(attempts, Date.now())
  return { ok: false, failure: refusal === undefined ? summarizeFailures(records) : noneAvailable(refusal) }
}

/** Notes that an attempt failed before its answer began. */
export function recordFailure(
  records: AttemptRecord[],
  { attempt, startedAt, failed }: AttemptReport,
  { failure, served }: Extract<AttemptResult<unknown>, { ok: false }>,
): void {
  failed(failure)
  const { target } = attempt.candidate
  const outcome = String(failure.details.upstreamStatus ?? failure.kind)
  records.push({ target, outcome, ms: Date.now() - startedAt, startedAt, failure, served })
}
