import { toUsage, type Usage } from '../chat/event.ts'
import type { Failure } from '../chat/failure.ts'
import type { Chat } from '../chat/request.ts'
import type { ConfiguredProvider } from '../env.ts'
import type { AnswerInput, RequestSource, Sealer } from '../formats/format.ts'
import { randomText } from '../platform/random.ts'
import { sentAttempts } from '../routing/attempt-record.ts'
import type { Target } from '../routing/target.ts'
import { readingOn } from './abandoned-streams.ts'
import type { AnswerStorage } from './answer-storage.ts'
import { type Answer, type AttemptResult, attempt } from './attempt.ts'
import type { AttemptEnd } from './attempt-report.ts'
import { admitAttempt, isWorthReading, settleBill } from './bill.ts'
import type { CallState } from './call.ts'
import type { RequestContext } from './context.ts'
import { type CommittedAnswer, runWithFailover } from './failover.ts'
import { hedgeOf } from './hedge.ts'
import { type AttemptCall, prepareCall } from './prepare-call.ts'
import { type ReasoningCache, saveReasoning } from './reasoning-cache.ts'
import type { ReasoningCollector } from './reasoning-collector.ts'
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
export async function askForAnswer(state: RequestState): Promise<AttemptResult<ChatAnswer>> {
  const { context, chat, source, carriesReasoning, sessionKey, pathOf, needs, route, health, bill } = state
  const { settings, clientDisconnect, header, caller } = context
  const { timeouts } = settings
  const { promptTokens, outputTokens } = needs
  const result = await runWithFailover<AttemptCall, Answer>({
    context,
    route,
    health,
    maxAnswerTokens: outputTokens,
    prepare: ({ target }) => {
      const provider = providerOf(state, target)
      return prepareCall({ target, provider, chat, source, carriesReasoning, sessionKey, promptTokens, header })
    },
    admit: ({ target }) => admitAttempt(bill, target),
    hedge: hedgeOf(state),
    attempt: ({ target }, call, deadlineMs, disconnect = clientDisconnect) => {
      const provider = providerOf(state, target)
      return attempt({
        target,
        provider,
        call,
        chat,
        needs,
        timeouts,
        deadlineMs,
        clientDisconnect: disconnect,
        readingOn: readingOn(caller.account ?? caller.id, timeouts.abandonedMs, () => isWorthReading(bill, target)),
      })
    },
  })
  if (result.ok || pathOf === undefined) return result
  return { ok: false, failure: result.failure.inWordsOf(pathOf) }
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
  const newId = () => randomText(28)
  const now = () => Math.floor(Date.now() / 1000)
  const envelope = { id, created, model }
  const input = { envelope, chat, source, header, requestId, provider, sealer, promptTokens, newId, now }
  return storage === undefined ? input : { ...input, newId: storage.newId, onComplete: storage.onComplete }
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
