import { Failure } from '../chat/failure.ts'
import type { Chat } from '../chat/request.ts'
import type { Settings } from '../env.ts'
import type { PreparedCall } from '../formats/format.ts'
import { classOf, isSmall, type Outcome, sizeOf } from '../health/outcome.ts'
import { sleep } from '../platform/timeout.ts'
import type { AttemptRecord } from '../routing/attempt-record.ts'
import { createAttempts, type NextAttempt } from '../routing/attempts.ts'
import { type Answer, attempt, prepare, type Question } from './attempt.ts'
import type { ClientDisconnect } from './client-disconnect.ts'
import type { HealthReporter } from './health-reporter.ts'
import type { Route, RoutedDeployment } from './route.ts'
import { noneAvailable, summarizeFailures } from './summary.ts'

/** What asking the targets one after the other needs. */
export interface FailoverInput {
  readonly route: Route
  readonly watcher: HealthReporter
  readonly chat: Chat
  readonly stream: boolean
  readonly settings: Settings
  readonly promptTokens: () => number
  /** A header of the client's request. */
  readonly header: (name: string) => string | null
  readonly departure: ClientDisconnect
  /** Grows as attempts end. */
  readonly trace: AttemptRecord[]
}

/** How an answer that had begun came to its end. */
export type AttemptEnd = Failure | 'complete' | 'left'

/** An answer that has begun. */
export interface CommittedAnswer extends Answer {
  /** Tells the health of the provider how it ended; to be called once. */
  readonly ended: (how: AttemptEnd) => void
}

/** Speed is measured over no fewer tokens than this. */
const MIN_TOKENS = 20
/** And over a time of which this share at least went by waiting for the provider. */
const MIN_WAITED = 0.5

/**
 * Asks the targets until one begins to answer (contract 6); the client sees nothing of those that failed.
 * @throws Failure where none did: the caller's own fault as it is, otherwise one that sums up all.
 */
export async function runWithFailover(beginning: FailoverInput): Promise<CommittedAnswer> {
  const { route, watcher, trace, departure, settings } = beginning
  const { budget, releases } = watcher
  const startedAt = Date.now()
  budget.earn(startedAt)
  const attempts = createAttempts({ ...route, budget, releases, startedAt })
  for (;;) {
    const ask = attempts.next(Date.now())
    if (ask === undefined) break
    const question = questionOf(beginning, ask)
    const prepared = preparedOr(question)
    if (prepared instanceof Failure) {
      trace.push({ target: ask.target.target, outcome: prepared.kind, ms: 0, failure: prepared, asked: false })
      if (!prepared.failover) throw prepared
      attempts.skipped()
      continue
    }
    if (ask.waitMs > 0) {
      await sleep(ask.waitMs)
      if (departure.hasHappened()) throw new Failure('client-left', 'The client left.')
    }
    const { target, name } = ask.target
    const at = Date.now()
    // Only now: whoever cannot even be asked this has spent nobody's trial.
    watcher.started(name, ask.trial)
    try {
      const { timeouts } = settings
      const answer = await attempt({ ...question, prepared, timeouts, deadlineMs: ask.deadlineMs, departure })
      trace.push({ target, outcome: '200', ms: Date.now() - at })
      return begun(answer, beginning, ask, at)
    } catch (error) {
      const failure = error instanceof Failure ? error : undefined
      watcher.ended(name, failure && outcomeOf(beginning, ask, at, failure))
      if (failure === undefined) throw error
      const { upstreamStatus } = failure.details
      trace.push({ target, outcome: String(upstreamStatus ?? failure.kind), ms: Date.now() - at, failure })
      if (departure.hasHappened() || !failure.failover) throw failure
      attempts.failed(failure, Date.now())
    }
  }
  const refusal = attempts.refusal(Date.now())
  if (refusal === undefined) throw summarizeFailures(trace)
  throw noneAvailable(refusal)
}

function begun(
  answer: Answer,
  beginning: FailoverInput,
  ask: NextAttempt<RoutedDeployment>,
  at: number,
): CommittedAnswer {
  const { watcher, stream } = beginning
  const { name } = ask.target
  const firstAt = Date.now()
  const waitedBefore = answer.waitedMs()
  const told = { deployment: name, bucket: beginning.route.bucket, ...trialOf(ask) }
  if (stream) watcher.note({ ...told, class: 'first', at: firstAt, ttftMs: firstAt - at })
  return {
    ...answer,
    ended: (how) => {
      if (how === 'left') return watcher.ended(name)
      if (how !== 'complete') return watcher.ended(name, outcomeOf(beginning, ask, at, how, true))
      const now = Date.now()
      const tokens = answer.usage().completion_tokens
      // Where the client was waited for, and not the provider, nobody knows how quick that was.
      const spokeMs = answer.waitedMs() - waitedBefore
      const speed = stream && tokens > MIN_TOKENS && spokeMs > MIN_WAITED * (now - firstAt)
      watcher.ended(name, {
        ...told,
        class: 'ok',
        at: now,
        ...(stream ? {} : { ttftMs: now - at }),
        ...(speed ? { tokensPerSecond: (tokens * 1000) / spokeMs } : {}),
      })
    },
  }
}

function trialOf({ trial }: NextAttempt<RoutedDeployment>): { trial?: string } {
  return trial === undefined ? {} : { trial }
}

/** What a failure says about its provider; undefined where it says nothing. */
function outcomeOf(
  { route, settings, chat }: FailoverInput,
  ask: NextAttempt<RoutedDeployment>,
  at: number,
  failure: Failure,
  begun = false,
): Outcome | undefined {
  const now = Date.now()
  // Whoever waited twice as long as usual for a first word, and then left, had reason to (routing 2.1).
  const gaveUp = failure.kind === 'client-left' && !begun && now - at > 2 * ask.usualMs
  const kind = gaveUp ? 'timeout' : classOf(failure, begun)
  if (kind === undefined || isOfCallersModel(failure, ask, settings)) return undefined
  const { retryAfterMs, health } = failure.details
  const ofSize = kind === 'limit' && health === 'size'
  // It may be the answer that was asked for, and not the prompt, that is too large for the limit.
  if (ofSize && sizeOf(route.bucket) === 0 && !isSmall(chat.max_completion_tokens ?? chat.max_tokens ?? 0)) {
    return undefined
  }
  return {
    deployment: ask.target.name,
    class: kind,
    at: now,
    bucket: route.bucket,
    ...trialOf(ask),
    ...(kind === 'timeout' ? { ttftMs: now - at } : {}),
    ...(kind === 'limit' && retryAfterMs !== undefined ? { waitMs: retryAfterMs } : {}),
    ...(ofSize ? { limit: 'size' } : kind === 'limit' && failure.kind === 'overloaded' ? { limit: 'overload' } : {}),
  }
}

/** On a server whose models nobody can know, that a name is missing says something of the name only. */
function isOfCallersModel(
  { kind }: Failure,
  { target: { target } }: NextAttempt<RoutedDeployment>,
  { providers, ownModels }: Settings,
) {
  const { provider, upstreamModel } = target.deployment
  const isOpen = providers.get(provider)?.provider.anyModel === true
  return kind === 'model-missing' && isOpen && ownModels.get(provider)?.includes(upstreamModel) !== true
}

function questionOf(
  { chat, stream, settings, promptTokens, header }: FailoverInput,
  ask: NextAttempt<RoutedDeployment>,
): Question {
  const { target } = ask.target
  const provider = settings.providers.get(target.deployment.provider)
  if (provider === undefined) throw new TypeError(`planned for a provider that is not configured`)
  return { target, provider, chat, stream, promptTokens, header }
}

/** The request in the target's own words, or why it has none for it. */
function preparedOr(question: Question): PreparedCall | Failure {
  try {
    return prepare(question)
  } catch (error) {
    if (error instanceof Failure) return error.withoutSecret(question.provider.secret)
    throw error
  }
}
