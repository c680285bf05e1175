import { toUsage, type Usage } from '../chat/event.ts'
import type { Failure } from '../chat/failure.ts'
import type { Chat } from '../chat/request.ts'
import type { ConfiguredProvider } from '../env.ts'
import type { AnswerInput, RequestSource, Sealer } from '../formats/format.ts'
import { randomText } from '../platform/random.ts'
import { sentAttempts } from '../routing/attempt-record.ts'
import type { NextAttempt } from '../routing/attempts.ts'
import type { Target } from '../routing/target.ts'
import { readingOn } from './abandoned-streams.ts'
import type { AnswerStorage } from './answer-storage.ts'
import { type Answer, type AttemptResult, attempt } from './attempt.ts'
import type { AttemptEnd } from './attempt-report.ts'
import type { ReadingOn } from './attempt-timer.ts'
import { isWorthReading, settleBill } from './bill.ts'
import type { CallState } from './call.ts'
import type { ClientDisconnect } from './client-disconnect.ts'
import type { RequestContext } from './context.ts'
import { type Asking, type CommittedAnswer, runWithFailover } from './failover.ts'
import { hedgingOf } from './hedge.ts'
import { type AttemptCall, prepareCall } from './prepare-call.ts'
import { type ReasoningCache, saveReasoning } from './reasoning-cache.ts'
import type { ReasoningCollector } from './reasoning-collector.ts'
import type { RoutedDeployment } from './route.ts'
import { inTrace } from './upstream.ts'

/** A call for an answer to a chat that has been admitted and routed: all that answering it needs. */
export interface RequestState extends CallState {
  readonly context: RequestContext
  readonly chat: Chat
  readonly source: RequestSource | undefined
  readonly carriesReasoning: boolean | undefined
  readonly sessionKey: string | undefined
  readonly sealer: Sealer
  /** Where reasoning is kept that a deployment will want back; undefined where none does. */
  readonly reasoningCache: ReasoningCache | undefined
  /** Keeps the answer; undefined where it is not to be kept. */
  readonly storage: AnswerStorage | undefined
  readonly id: string
  /** Seconds since 1970. */
  readonly created: number
}

/** An answer to a chat that has begun. */
export type ChatAnswer = CommittedAnswer<AttemptCall, Answer>

/** Asks for an answer to the chat: one deployment after the other, until one has begun. */
export function askForAnswer(state: RequestState): Promise<AttemptResult<ChatAnswer>> {
  const { pathOf } = state
  const asked = runWithFailover(state, ASKING)
  if (pathOf === undefined) return asked
  return asked.then((result) => (result.ok ? result : { ok: false, failure: result.failure.inWordsOf(pathOf) }))
}

const ASKING: Asking<RequestState, AttemptCall, Answer> = {
  prepare: prepareChat,
  attempt: attemptChat,
  hedge: hedgingOf,
}

function prepareChat(state: RequestState, target: Target): AttemptCall | Failure {
  const { context, chat, source, carriesReasoning, sessionKey, needs } = state
  const { promptTokens } = needs
  const provider = providerOf(state, target)
  return prepareCall({
    target,
    provider,
    chat,
    source,
    carriesReasoning,
    sessionKey,
    promptTokens,
    header: context.header,
  })
}

function attemptChat(
  state: RequestState,
  { candidate: { target }, deadlineMs }: NextAttempt<RoutedDeployment>,
  call: AttemptCall,
  clientDisconnect: ClientDisconnect,
): Promise<AttemptResult<Answer>> {
  const { chat, needs, context } = state
  return attempt({
    target,
    provider: providerOf(state, target),
    call,
    chat,
    needs,
    timeouts: context.settings.timeouts,
    deadlineMs,
    clientDisconnect,
    readingOn: chat.stream === true ? readingOnOf(state, target) : undefined,
  })
}

function readingOnOf({ bill, context: { caller, settings } }: RequestState, target: Target): ReadingOn {
  return readingOn(caller.account ?? caller.id, settings.timeouts.abandonedMs, () => isWorthReading(bill, target))
}

function providerOf({ context }: RequestState, { deployment }: Target): ConfiguredProvider {
  const provider = context.settings.providers.get(deployment.provider)
  if (provider === undefined) throw new TypeError('planned for a provider that is not configured')
  return inTrace(provider, context.log.trace)
}

/** What the client's format writes an answer from. */
export function answerInputOf(state: RequestState, model: string, provider?: string): AnswerInput {
  const { id, created, chat, source, sealer, needs, context, storage } = state
  const { header, requestId } = context
  const { promptTokens } = needs
  const envelope = { id, created, model }
  const input = { envelope, chat, source, header, requestId, provider, sealer, promptTokens, newId, now }
  return storage === undefined ? input : { ...input, newId: storage.newId, onComplete: storage.onComplete }
}

function newId(): string {
  return randomText(28)
}

function now(): number {
  return Math.floor(Date.now() / 1000)
}

/** Counts what was used, also if the answer broke off or the client disconnected. Nobody waits for it. */
export function finish(
  state: RequestState,
  { answer, deployment: { target } }: ChatAnswer,
  end: AttemptEnd,
  collector: ReasoningCollector | undefined,
): void {
  const { context, chat, reasoningCache } = state
  settle(state, answer.usage(), target, end)
  if (reasoningCache !== undefined && collector !== undefined) {
    context.waitUntil(saveReasoning(collector, chat, reasoningCache))
  }
}

/**
 * Counts what was served to a client that disconnected before the first meaningful event: the prompt at least, which a
 * provider has read.
 */
export function settlePrompt(state: RequestState, { kind }: Failure): void {
  const last = sentAttempts(state.context.log.attempts).at(-1)
  // If the client disconnected between two attempts, no provider was reading the prompt.
  if (kind !== 'client-left' || last?.failure?.kind !== kind) return
  const { target, served = toUsage(state.needs.promptTokens(), 0, { estimated: true }) } = last
  settle(state, served, target, 'left')
}

function settle({ bill, context: { log } }: RequestState, used: Usage, target: Target, end: AttemptEnd): void {
  log.usage = used
  log.dollars = settleBill(bill, used, target, end)
}
