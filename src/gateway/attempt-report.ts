import type { Failure } from '../chat/failure.ts'
import type { Settings } from '../env.ts'
import { isSmall, type Outcome, type OutcomeClass, outcomeClassOf, sizeClassOf } from '../health/outcome.ts'
import type { NextAttempt } from '../routing/attempts.ts'
import type { Target } from '../routing/target.ts'
import type { RequestContext } from './context.ts'
import type { HealthReporter } from './health-reporter.ts'
import type { Route, RoutedDeployment } from './route.ts'

/** How an answer that had begun came to its end. */
export type AttemptEnd = Failure | 'complete' | 'left'

/** An answer as far as its speed can be told from it. */
export interface MeasuredAnswer {
  readonly isStream: boolean
  readonly tokens: () => number
  /** How long the provider was waited for so far, in milliseconds. */
  readonly waitedMs: () => number
}

/** Tells the health of a deployment how one attempt goes: once `failed`, or `begun` and then once what that returns. `reportLost` is the third way. */
export interface AttemptReport {
  readonly attempt: NextAttempt<RoutedDeployment>
  /** In milliseconds since 1970. */
  readonly startedAt: number
  /** Before it had begun. */
  readonly failed: (failure: Failure) => void
  /** The first meaningful event of a stream is there, or all of a whole body. */
  readonly begun: (answer: MeasuredAnswer) => (end: AttemptEnd) => void
}

/** What an attempt is made for. */
export interface ReportInput {
  readonly context: Pick<RequestContext, 'settings' | 'clientDisconnect'>
  readonly route: Route
  readonly health: HealthReporter
  readonly maxAnswerTokens: number
}

/** Speed is measured over no fewer tokens than this. */
const MIN_TOKENS = 20
/** And over a time of which this share at least went by waiting for the provider. */
const MIN_WAITED_SHARE = 0.5

/** Says that an attempt starts, now. */
export function createAttemptReport(input: ReportInput, attempt: NextAttempt<RoutedDeployment>): AttemptReport {
  const { route, health } = input
  const { probe } = attempt
  const { name } = attempt.candidate
  const startedAt = Date.now()
  const facts = { deployment: name, bucket: route.bucket, ...(probe === undefined ? {} : { probe }) }
  health.attemptStarted(name, probe)
  return {
    attempt,
    startedAt,
    failed: (failure) => {
      // The answer may have been read on since then.
      const leftAt = failure.kind === 'client-left' ? input.context.clientDisconnect.happenedAt() : undefined
      const ms = (leftAt ?? Date.now()) - startedAt
      // A client that disconnects after twice the usual wait for the first token had reason to (routing 2.1).
      const gaveUp = failure.kind === 'client-left' && ms > 2 * attempt.usualMs
      const kind = gaveUp ? 'timeout' : outcomeClassOf(failure)
      health.attemptEnded(name, outcomeOf(input, attempt, failure, kind, { ...facts, ttftMs: ms }))
    },
    begun: ({ isStream, tokens, waitedMs }) => {
      const begunAt = Date.now()
      const waitedBefore = waitedMs()
      if (isStream) health.record({ ...facts, class: 'first-token', at: begunAt, ttftMs: begunAt - startedAt })
      return (end) => {
        if (end === 'left') return health.attemptEnded(name)
        const now = Date.now()
        if (end !== 'complete') {
          const kind = outcomeClassOf(end, true)
          return health.attemptEnded(name, outcomeOf(input, attempt, end, kind, { ...facts, ttftMs: now - startedAt }))
        }
        const writingMs = waitedMs() - waitedBefore
        const written = tokens()
        // If most of the time went by waiting for the client, the speed of the provider is not known.
        const hasSpeed = isStream && written > MIN_TOKENS && writingMs > MIN_WAITED_SHARE * (now - begunAt)
        health.attemptEnded(name, {
          ...facts,
          class: 'success',
          at: now,
          ...(isStream ? {} : { ttftMs: now - startedAt }),
          ...(hasSpeed ? { tokensPerSecond: (written * 1000) / writingMs } : {}),
        })
      }
    },
  }
}

/** Another deployment was quicker, before this attempt had begun (routing 2.8). It is no probe. */
export function reportLost(input: Omit<ReportInput, 'maxAnswerTokens'>, { attempt, startedAt }: AttemptReport): void {
  const { health, route, context } = input
  const { name: deployment } = attempt.candidate
  const at = Date.now()
  // The client may have left since then.
  const ttftMs = (context.clientDisconnect.happenedAt() ?? at) - startedAt
  // Without these times only quick ones would be known of a deployment that others stand in for, and it would look quicker the
  // slower it is. A time below the usual one says nothing.
  const isSlow = ttftMs > (attempt.ranked.status.ttftMs ?? Number.POSITIVE_INFINITY)
  health.attemptEnded(deployment, isSlow ? { deployment, bucket: route.bucket, class: 'slow', at, ttftMs } : undefined)
}

/** What a failure says about its deployment; undefined where it says nothing. */
function outcomeOf(
  { context: { settings }, route, maxAnswerTokens }: ReportInput,
  { candidate: { target } }: NextAttempt<RoutedDeployment>,
  failure: Failure,
  kind: OutcomeClass | undefined,
  { ttftMs, ...facts }: Pick<Outcome, 'deployment' | 'bucket' | 'probe'> & { readonly ttftMs: number },
): Outcome | undefined {
  if (kind === undefined || isOfCallersModel(failure, target, settings)) return undefined
  const { retryAfterMs, health } = failure.details
  const isOfSize = kind === 'limit' && health === 'size'
  // It may be the answer that was asked for, and not the prompt, that is too large for the limit.
  if (isOfSize && sizeClassOf(route.bucket) === 0 && !isSmall(maxAnswerTokens)) return undefined
  const isOverload = kind === 'limit' && failure.kind === 'overloaded'
  return {
    ...facts,
    class: kind,
    at: Date.now(),
    ...(kind === 'timeout' ? { ttftMs } : {}),
    ...(kind === 'limit' && retryAfterMs !== undefined ? { waitMs: retryAfterMs } : {}),
    ...(isOfSize ? { limit: 'size' } : isOverload ? { limit: 'overload' } : {}),
  }
}

/** On an operator's own server the caller may use any name for a model, so a missing model says nothing about the server. */
function isOfCallersModel({ kind }: Failure, { deployment }: Target, { providers, ownModels }: Settings): boolean {
  const { provider, upstreamModel } = deployment
  const isOpen = providers.get(provider)?.provider.anyModel === true
  return kind === 'model-missing' && isOpen && ownModels.get(provider)?.includes(upstreamModel) !== true
}
