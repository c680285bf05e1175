import { hasSideEffects } from '../access/account-use.ts'
import { toUsage } from '../chat/event.ts'
import { Failure } from '../chat/failure.ts'
import type { Chat } from '../chat/request.ts'
import type { RequestSource } from '../formats/format.ts'
import { TIMED_OUT, withTimeout } from '../platform/timeout.ts'
import { type AttemptRecord, LOST } from '../routing/attempt-record.ts'
import { type Attempts, cancelHedge, failAttempt, hedgeAttempt } from '../routing/attempts.ts'
import { hedgeDelayOf } from '../routing/hedge-budget.ts'
import type { Answer } from './attempt.ts'
import { attemptLost, startReport } from './attempt-report.ts'
import { type HedgeBill, openHedge } from './bill.ts'
import type { CallState } from './call.ts'
import { type ClientDisconnect, watchClientDisconnect } from './client-disconnect.ts'
import { type Asking, type EndedAttempt, type Hedging, recordFailure, type SentAttempt } from './failover.ts'
import type { AttemptCall } from './prepare-call.ts'
import type { RoutedDeployment } from './route.ts'

type ChatAsking<State extends CallState> = Asking<State, AttemptCall, Answer>
type Sent = SentAttempt<AttemptCall>
type Ended = EndedAttempt<AttemptCall, Answer>
type AllAttempts = Attempts<RoutedDeployment>

/** What hedging needs of a call. */
interface HedgedCall extends CallState {
  readonly chat: Chat
  readonly source: RequestSource | undefined
}

/** One of two attempts that run side by side. */
interface Runner {
  /** Ends it as if its client had disconnected; it follows the client itself too. */
  readonly disconnect: ClientDisconnect
  readonly sent: Sent
  readonly ended: Promise<Ended>
}

/**
 * How attempts are made for a request that is hedged (routing 2.8): if the first one is late, a second deployment is asked beside it.
 * Undefined for all others, which is most.
 */
export function hedgingOf<State extends HedgedCall>(
  call: State,
  asking: ChatAsking<State>,
): Hedging<AttemptCall, Answer> | undefined {
  const { chat, context, source, health } = call
  const { rights, settings, format } = context
  if (!(chat.provider?.hedge ?? settings.hedges)) return undefined
  // Tools of the client's are run by the client, which sees one answer. What a provider runs or keeps would be there twice; who may
  // use none of that has none in the request any more. Router9 itself keeps only the answer that is sent.
  const mayUse = rights.builtinTools || rights.accountFields
  if (mayUse && hasSideEffects(source?.body ?? chat, format.name)) return undefined
  health.hedges.earn(Date.now(), accountOf(context))
  return (attempts, first) => runHedged(call, asking, attempts, first)
}

async function runHedged<State extends HedgedCall>(
  call: State,
  asking: ChatAsking<State>,
  attempts: AllAttempts,
  first: Sent,
): Promise<Ended> {
  const { context } = call
  const one = start(call, asking, first)
  const delayMs = hedgeDelayOf(first.report.attempt)
  if (delayMs === undefined || (await withTimeout(one.ended, delayMs)) !== TIMED_OUT) return one.ended
  const second = context.clientDisconnect.hasHappened() ? undefined : await startSecond(call, asking, attempts, one)
  if (second === undefined) return one.ended
  const { two, bill } = second
  const ended = await Promise.race([one.ended, two.ended])
  const { result } = ended
  const other = ended.report === first.report ? two : one
  // What the second deployment says of the request may be true there alone.
  const isFinal = result.ok || (other === two && !result.failure.failover)
  if (isFinal || context.clientDisconnect.hasHappened()) {
    lose(call, other, bill)
    return ended
  }
  // What is left is an attempt like any other.
  bill.close()
  freeRequest(context)
  recordFailure(context.log.attempts, ended.report, result)
  failAttempt(attempts, result.failure, Date.now(), ended.report.attempt)
  return other.ended
}

function start<State extends HedgedCall>(call: State, { attempt }: ChatAsking<State>, sent: Sent): Runner {
  // Nobody aborts this signal.
  const disconnect = watchClientDisconnect(new AbortController().signal)
  call.context.clientDisconnect.onDisconnect(disconnect.report)
  const ended = attempt(call, sent.report.attempt, sent.call, disconnect).then((result) => ({ ...sent, result }))
  return { disconnect, sent, ended }
}

/** Asks the second deployment, if there is one that works and nothing speaks against it. */
async function startSecond<State extends HedgedCall>(
  state: State,
  asking: ChatAsking<State>,
  attempts: AllAttempts,
  one: Runner,
): Promise<{ readonly two: Runner; readonly bill: HedgeBill } | undefined> {
  const { health, context, bill, route } = state
  const now = Date.now()
  // Where a circuit is open or retries are scarce, a second request each would add to an outage.
  const isCalm = route.ranking.out.every(({ status }) => status.state === 'limited') && !health.budget.isLow(now)
  const next = isCalm ? hedgeAttempt(attempts, now, health.hedges, accountOf(context)) : undefined
  if (next === undefined) return undefined
  const call = asking.prepare(state, next.candidate.target)
  let isReserved = false
  if (!(call instanceof Failure)) {
    try {
      // The request is in memory once more, as this deployment gets it, until one of the two has ended.
      context.share.reserve(context.share.bodyBytes)
      isReserved = true
      const held = openHedge(bill, next.candidate.target)
      const early = await Promise.race([one.ended, held])
      if (!('result' in early) || (!early.result.ok && early.result.failure.failover)) {
        const reserved = await held
        if (!context.clientDisconnect.hasHappened())
          return { two: start(state, asking, { call, report: startReport(state, next) }), bill: reserved }
      }
      // Meanwhile the client has left, or the first one has come to an end after which nobody else is asked.
      context.waitUntil(held.then(({ close }) => close()).catch(() => undefined))
    } catch (error) {
      // The limits do not allow it.
      if (!(error instanceof Failure)) throw error
    }
  }
  if (isReserved) freeRequest(context)
  cancelHedge(attempts)
  health.hedges.giveBack(accountOf(context))
  return undefined
}

/** One of the two requests is needed no longer. */
function freeRequest({ share }: CallState['context']): void {
  share.reserve(-share.bodyBytes)
}

function accountOf({ caller }: CallState['context']): string {
  return caller.account ?? caller.id
}

/**
 * Ends an attempt because the other one was quicker. It costs what an answer costs whose client has left: where only its usage tells
 * what is billed, it is read on (accounts 5). The line of the call waits for that, and nobody else.
 */
function lose(call: HedgedCall, { sent, disconnect, ended }: Runner, bill: HedgeBill): void {
  const { log, waitUntil } = call.context
  const { attempt, startedAt } = sent.report
  const { target } = attempt.candidate
  const record: AttemptRecord = { target, outcome: LOST, ms: Date.now() - startedAt, startedAt }
  log.attempts.push(record)
  disconnect.report()
  attemptLost(sent.report)
  const used = ended.then(async ({ result }) => {
    // It has failed by itself, and nobody pays for that.
    if (!result.ok && result.failure.kind !== 'client-left') return toUsage(0, 0)
    if (!result.ok) return result.served ?? toUsage(call.needs.promptTokens(), 0, { estimated: true })
    await result.answer.leave()
    return result.answer.usage()
  })
  const counted = bill.lose(target, used).then((cost) => {
    record.lost = cost
    freeRequest(call.context)
  })
  log.defer = (write) => waitUntil(counted.then(write, write))
}
