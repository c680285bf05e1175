import { Failure } from '../chat/failure.ts'
import { sleep } from '../platform/timeout.ts'
import { createAttempts } from '../routing/attempts.ts'
import type { AttemptResult } from './attempt.ts'
import { type AttemptReport, createAttemptReport } from './attempt-report.ts'
import { clientLeft } from './attempt-timer.ts'
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
  readonly attempt: (deployment: RoutedDeployment, call: Call, deadlineMs: number) => Promise<AttemptResult<Answer>>
  /** How long an answer was asked for, in tokens; 0 where nobody said. */
  readonly maxAnswerTokens: number
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
  const { budget, releases } = health
  const startedAt = Date.now()
  budget.earn(startedAt)
  const attempts = createAttempts({ ...route, budget, releases, startedAt })
  for (;;) {
    const next = attempts.next(Date.now())
    if (next === undefined) break
    const deployment = next.candidate
    const { target } = deployment
    const call = input.prepare(deployment)
    if (call instanceof Failure) {
      records.push({ target, outcome: call.kind, ms: 0, failure: call, sent: false })
      if (!call.failover) return { ok: false, failure: call }
      attempts.skip()
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
      attempts.skip()
      continue
    }
    if (admission !== undefined && clientDisconnect.hasHappened()) return { ok: false, failure: clientLeft() }
    // Only now: a deployment that cannot even be asked this has used up nobody's probe.
    const report = createAttemptReport(input, next)
    const sentAt = Date.now()
    const result = await input.attempt(deployment, call, next.deadlineMs)
    const ms = Date.now() - sentAt
    if (result.ok) {
      records.push({ target, outcome: '200', ms, startedAt: sentAt })
      return { ok: true, answer: { answer: result.answer, deployment, call, report } }
    }
    const { failure, served } = result
    report.failed(failure)
    const outcome = String(failure.details.upstreamStatus ?? failure.kind)
    records.push({ target, outcome, ms, startedAt: sentAt, failure, served })
    if (clientDisconnect.hasHappened() || !failure.failover) return { ok: false, failure }
    attempts.fail(failure, Date.now())
  }
  const refusal = attempts.refusal(Date.now())
  return { ok: false, failure: refusal === undefined ? summarizeFailures(records) : noneAvailable(refusal) }
}
