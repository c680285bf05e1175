import type { Failure } from '../chat/failure.ts'
import type { Settings } from '../env.ts'
import { isSmall, type Outcome, type OutcomeClass, outcomeClassOf, sizeClassOf } from '../health/outcome.ts'
import type { NextAttempt } from '../routing/attempts.ts'
import type { Needs } from '../routing/needs.ts'
import type { Target } from '../routing/target.ts'
import type { RequestContext } from './context.ts'
import type { HealthReporter } from './health-reporter.ts'
import type { Route, RoutedDeployment } from './route.ts'
import type { AnswerReader } from './stream-reader.ts'

/** How an answer that had begun came to its end. */
export type AttemptEnd = Failure | 'complete' | 'left'

/** The stream of an answer, as far as its speed can be told from it. */
type MeasuredStream = Pick<AnswerReader, 'usage' | 'waitedMs'>

/**
 * What the health of a deployment is told of one attempt: once `attemptFailed`, or `answerBegun` and then once `answerEnded`.
 * `attemptLost` is the third way.
 */
export interface AttemptReport {
  readonly call: ReportedCall
  readonly attempt: NextAttempt<RoutedDeployment>
  /** In milliseconds since 1970. */
  readonly startedAt: number
  /** Undefined before it has begun, and for a whole body. */
  stream: MeasuredStream | undefined
  begunAt: number
  waitedBeforeMs: number
}

/** What an attempt is made for. */
export interface ReportedCall {
  readonly context: Pick<RequestContext, 'settings' | 'clientDisconnect'>
  readonly needs: Pick<Needs, 'outputTokens'>
  readonly route: Route
  readonly health: HealthReporter
}

/** Speed is measured over no fewer tokens than this. */
const MIN_TOKENS = 20
/** And over a time of which this share at least went by waiting for the provider. */
const MIN_WAITED_SHARE = 0.5

/** Says that an attempt starts, now. */
export function startReport(call: ReportedCall, attempt: NextAttempt<RoutedDeployment>): AttemptReport {
  const startedAt = Date.now()
  call.health.attemptStarted(attempt.candidate.name, startedAt, attempt.probe)
  return { call, attempt, startedAt, stream: undefined, begunAt: 0, waitedBeforeMs: 0 }
}

/** It failed before its answer had begun. */
export function attemptFailed(report: AttemptReport, failure: Failure): void {
  const { call, attempt, startedAt } = report
  const hasLeft = failure.kind === 'client-left'
  const now = Date.now()
  // The answer may have been read on since then.
  const ms = ((hasLeft ? call.context.clientDisconnect.happenedAt() : undefined) ?? now) - startedAt
  // A client that disconnects after twice the usual wait for the first token had reason to (routing 2.1).
  const gaveUp = hasLeft && ms > 2 * attempt.usualMs
  endFailed(report, failure, gaveUp ? 'timeout' : outcomeClassOf(failure), now, ms)
}

/** The first meaningful event of a stream is there, or all of a whole body. */
export function answerBegun(report: AttemptReport, stream: MeasuredStream | undefined): void {
  report.stream = stream
  if (stream === undefined) return
  const now = Date.now()
  report.begunAt = now
  report.waitedBeforeMs = stream.waitedMs()
  report.call.health.record(outcomeOf(report, 'first-token', now, { ttftMs: now - report.startedAt }), now)
}

/** An answer that had begun is at its end. */
export function answerEnded(report: AttemptReport, end: AttemptEnd): void {
  const { call, attempt, startedAt } = report
  const now = Date.now()
  if (end === 'left') call.health.attemptEnded(attempt.candidate.name, now)
  else if (end !== 'complete') endFailed(report, end, outcomeClassOf(end, true), now, now - startedAt)
  else {
    const measured =
      report.stream === undefined
        ? { ttftMs: now - startedAt }
        : { tokensPerSecond: speedOf(report.stream, report, now) }
    call.health.attemptEnded(attempt.candidate.name, now, outcomeOf(report, 'success', now, measured))
  }
}

/** Undefined where it is not known. */
function speedOf(stream: MeasuredStream, { begunAt, waitedBeforeMs }: AttemptReport, now: number): number | undefined {
  const writingMs = stream.waitedMs() - waitedBeforeMs
  const written = stream.usage().completion_tokens
  // If most of the time went by waiting for the client, the speed of the provider is not known.
  const hasSpeed = written > MIN_TOKENS && writingMs > MIN_WAITED_SHARE * (now - begunAt)
  return hasSpeed ? (written * 1000) / writingMs : undefined
}

/** Another deployment was quicker, before this attempt had begun (routing 2.8). It is no probe. */
export function attemptLost(report: AttemptReport): void {
  const { call, attempt, startedAt } = report
  const now = Date.now()
  // The client may have left since then.
  const ttftMs = (call.context.clientDisconnect.happenedAt() ?? now) - startedAt
  // Without these times only quick ones would be known of a deployment that others stand in for, and it would look quicker the
  // slower it is. A time below the usual one says nothing.
  const isSlow = ttftMs > (attempt.ranked.status.ttftMs ?? Number.POSITIVE_INFINITY)
  call.health.attemptEnded(attempt.candidate.name, now, isSlow ? outcomeOf(report, 'slow', now, { ttftMs }) : undefined)
}

/** The outcome is none where the failure says nothing about its deployment. */
function endFailed(
  report: AttemptReport,
  failure: Failure,
  kind: OutcomeClass | undefined,
  now: number,
  ms: number,
): void {
  const { call, attempt } = report
  const { name, target } = attempt.candidate
  const { retryAfterMs, health } = failure.details
  const isLimit = kind === 'limit'
  const isOfSize = isLimit && health === 'size'
  // It may be the answer that was asked for, and not the prompt, that is too large for the limit.
  const isOfAnswer = isOfSize && sizeClassOf(call.route.bucket) === 0 && !isSmall(call.needs.outputTokens)
  if (kind === undefined || isOfAnswer || isOfCallersModel(failure, target, call.context.settings)) {
    call.health.attemptEnded(name, now)
    return
  }
  const limit = isOfSize ? 'size' : isLimit && failure.kind === 'overloaded' ? 'overload' : undefined
  const waitMs = isLimit ? retryAfterMs : undefined
  const ttftMs = kind === 'timeout' ? ms : undefined
  call.health.attemptEnded(name, now, outcomeOf(report, kind, now, { ttftMs, waitMs, limit }))
}

function outcomeOf(
  { call, attempt }: AttemptReport,
  kind: OutcomeClass,
  at: number,
  { ttftMs, tokensPerSecond, waitMs, limit }: Pick<Outcome, 'ttftMs' | 'tokensPerSecond' | 'waitMs' | 'limit'>,
): Outcome {
  return {
    deployment: attempt.candidate.name,
    class: kind,
    at,
    bucket: call.route.bucket,
    ttftMs,
    tokensPerSecond,
    waitMs,
    limit,
    probe: attempt.probe,
    count: undefined,
  }
}

/** On an operator's own server the caller may use any name for a model, so a missing model says nothing about the server. */
function isOfCallersModel({ kind }: Failure, { deployment }: Target, { providers, ownModels }: Settings): boolean {
  const { provider, upstreamModel } = deployment
  const isOpen = providers.get(provider)?.provider.anyModel === true
  return kind === 'model-missing' && isOpen && ownModels.get(provider)?.includes(upstreamModel) !== true
}
