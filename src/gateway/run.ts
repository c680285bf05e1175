import { forProvider } from '../access/account-use.ts'
import { hasProviderLimits } from '../access/provider-limits.ts'
import type { Chat } from '../chat/request.ts'
import type { ClientRequest, Sealer } from '../formats/format.ts'
import { readReasoning } from '../formats/shared/effort.ts'
import { randomText } from '../platform/random.ts'
import { type Needs, needsOf } from '../routing/needs.ts'
import { type Plan, plan } from '../routing/plan.ts'
import { describeChat } from '../telemetry/otlp-span.ts'
import { createAnswerStorage } from './answer-storage.ts'
import { type Bill, openBill } from './bill.ts'
import { routeNow, untilCounted } from './call.ts'
import type { RequestContext } from './context.ts'
import { type Conversation, resolveConversation } from './conversation.ts'
import { openConversationStore } from './conversation-store.ts'
import { type ReasoningCache, restoreReasoning } from './reasoning-cache.ts'
import type { RequestState } from './request-state.ts'
import { planInputOf } from './route.ts'
import { createSealer, NO_SEALER } from './sealer.ts'
import { sendStream } from './send-stream.ts'
import { sendWhole } from './send-whole.ts'
import { cacheKeyOf, conversationName, rememberSession, type Session, sessionInHeader, sessionOf } from './session.ts'

/**
 * Runs one call for a model's answer: read, plan, admit, route, ask, and answer whole or streamed (reference; contract 3, 4, 6).
 * @throws Failure for a request that is not valid or that nobody may answer.
 */
export async function run(context: RequestContext, given: Readonly<Record<string, unknown>>): Promise<Response> {
  const { caller, objects, waitUntil, settings, format } = context
  const { references } = format
  const conversation = references && (await resolveConversation(context, references, given))
  const body = conversation?.body ?? given
  const sealer = format.seals === true ? await createSealer(context.key) : NO_SEALER
  const request = forProvider(format.readRequest(body, { header: context.header, sealer }), context.rights)
  const { chat } = request
  const needs = needsOf(chat, request)
  const named = sessionInHeader(context.header)
  const { log } = context
  log.isUnnamed = named === ''
  const { trace } = log
  if (trace !== undefined) describeChat(trace, chat, conversationName({ named, body }))
  const planned = plan(planInputOf(context, chat, needs))
  const opened = openBill({ caller, objects, waitUntil, settings, chat, needs, plan: planned })
  const bill = opened instanceof Promise ? await opened : opened
  const hasChoice = planned.candidates.length > 1
  const session = sessionOf({ named, body, chat, caller, hasChoice })
  return untilCounted(
    context,
    bill,
    routeAndAnswer(context, { request, conversation, sealer, needs, planned, bill, session }),
  )
}

interface Admitted {
  readonly request: ClientRequest
  readonly conversation: Conversation | undefined
  readonly sealer: Sealer
  readonly needs: Needs
  readonly planned: Plan
  readonly bill: Bill
  readonly session: Session | undefined
}

async function routeAndAnswer(
  context: RequestContext,
  { request, conversation, sealer, needs, planned, bill, session }: Admitted,
): Promise<Response> {
  // A client that brings the reasoning back itself needs no other place for it.
  const reasoningCache = request.carriesReasoning ? undefined : reasoningCacheFor(context, request.chat, planned)
  const chat = reasoningCache === undefined ? request.chat : await restoreReasoning(request.chat, reasoningCache)
  // Most candidates may refuse what only one format can carry, or have used up what the operator lets their providers cost.
  const { source } = request
  const rankAll = source?.requires !== undefined || hasProviderLimits()
  const routed = routeNow(context, { plan: planned, request: chat, needs, session, source, rankAll })
  const { route, health } = routed instanceof Promise ? await routed : routed
  const { home } = route.ranking
  if (session !== undefined && home !== undefined) rememberSession(session, home, route.now)
  const routedAt = Date.now()
  const id = `${context.format.idPrefix}${randomText(28)}`
  context.log.answerId = id
  const state: RequestState = {
    context,
    requestedModel: chat.model,
    chat,
    source,
    carriesReasoning: request.carriesReasoning,
    pathOf: request.pathOf,
    sessionKey: session?.id && (await cacheKeyOf(session.id, context.key)),
    sealer,
    needs,
    route,
    health,
    reasoningCache,
    storage: conversation?.isStored ? createAnswerStorage(context, conversation, id) : undefined,
    bill,
    routedAt,
    id,
    created: Math.floor(routedAt / 1000),
  }
  return chat.stream === true ? sendStream(state) : sendWhole(state)
}

function reasoningCacheFor(context: RequestContext, chat: Chat, { candidates }: Plan): ReasoningCache | undefined {
  const { settings, key, objects, caller, share } = context
  if (!settings.keepsReasoning || !chat.tools?.length) return undefined
  const isAsked = readReasoning(chat) !== undefined
  const isNeeded = candidates.some(({ deployment: { provider, traits } }) => {
    const needs = traits.reasoning ? settings.providers.get(provider)?.provider.needsReasoningBack : undefined
    return needs === 'always' || (needs === 'asked' && isAsked)
  })
  if (!isNeeded) return undefined
  return { store: openConversationStore({ objects, keyId: caller.id, key }, 'reasoning'), key, claim: share.extend }
}
