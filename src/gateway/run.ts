import type { KeyRecord } from '../access/keys.ts'
import { limitHeaders } from '../access/limits.ts'
import { type OutputEvent, toUsage, type Usage } from '../chat/event.ts'
import { Failure } from '../chat/failure.ts'
import { type Chat, parseChat } from '../chat/request.ts'
import type { ObjectsOf, Settings } from '../env.ts'
import { writeAnswer } from '../formats/openai-chat/write-answer.ts'
import { createStreamWriter, type Envelope } from '../formats/openai-chat/write-stream.ts'
import { readReasoning } from '../formats/shared/effort.ts'
import { randomText } from '../platform/random.ts'
import { TIMED_OUT, withTimeout } from '../platform/timeout.ts'
import { type AttemptRecord, sentAttempts } from '../routing/attempt-record.ts'
import { type Needs, needsOf } from '../routing/needs.ts'
import { type Plan, plan, type Target } from '../routing/plan.ts'
import { logRequest, type RequestLog } from '../telemetry/log.ts'
import { type Bill, openBill } from './bill.ts'
import type { ClientDisconnect } from './client-disconnect.ts'
import { createClientWriter, streamToClient } from './client-writer.ts'
import { type AttemptEnd, type CommittedAnswer, runWithFailover } from './failover.ts'
import { createHealthReporter, type HealthReporter, noHealthReporter, type Reach } from './health-reporter.ts'
import {
  createReasoningCollector,
  type ReasoningCache,
  type ReasoningCollector,
  restoreReasoning,
  saveReasoning,
} from './reasoning-cache.ts'
import { commonHeaders, failureResponse, metaHeaders } from './respond.ts'
import { planInputOf, type Route, routeOf } from './route.ts'

/** One call to chat completions, as far as the door has let it in. */
export interface CompletionCall extends Reach {
  readonly body: Readonly<Record<string, unknown>>
  readonly caller: KeyRecord
  readonly store: KVNamespace
  readonly objects: ObjectsOf<'Health' | 'Ledger'>
  readonly settings: Settings
  readonly requestId: string
  /** When the call came in and when its key was known, in milliseconds since 1970. */
  readonly cameAt: number
  readonly knownAt: number
  readonly note: RequestLog
  readonly departure: ClientDisconnect
  /** Until this is called, a client that leaves ends the call, with its line written. */
  readonly takeOver: () => void
}

/** A call under way: what is told of it, and what answering it needs. */
interface RequestState {
  readonly call: CompletionCall
  readonly chat: Chat
  readonly needs: Needs
  readonly route: Route
  readonly watcher: HealthReporter
  readonly departure: ClientDisconnect
  /** Where thoughts are kept that a target will want back; undefined where none does. */
  readonly keeper: ReasoningCache | undefined
  readonly bill: Bill
  readonly trace: AttemptRecord[]
  readonly plannedAt: number
  readonly id: string
  /** Seconds since 1970. */
  readonly created: number
}

/**
 * Answers a chat completion, whole or streamed (reference; contract 3, 4, 6).
 * @throws Failure for a request that is not valid or that nobody may answer.
 */
export async function runChat(call: CompletionCall): Promise<Response> {
  const given = parseChat(call.body)
  const needs = needsOf(given)
  const planned = plan(planInputOf(call, given, needs))
  const bill = await openBill({ ...call, chat: given, needs, plan: planned })
  const answered = answer(call, { given, needs, planned, bill })
  // A client that leaves takes its call with it; what it has used by then is still counted.
  const unlisten = call.departure.onDisconnect(() => call.waitUntil(answered.catch(() => undefined)))
  call.takeOver()
  try {
    return await answered
  } catch (error) {
    bill.close()
    throw error
  } finally {
    // A listener that knows the call would keep all of it in memory until a full collection of garbage.
    unlisten()
  }
}

interface Admitted {
  readonly given: Chat
  readonly needs: Needs
  readonly planned: Plan
  readonly bill: Bill
}

async function answer(call: CompletionCall, { given, needs, planned, bill }: Admitted): Promise<Response> {
  const { settings } = call
  const keeper = keeperFor(call, given, planned)
  const chat = keeper === undefined ? given : await restoreReasoning(given, keeper)
  const watcher = settings.tracksHealth ? createHealthReporter(call) : noHealthReporter()
  // Where there is no choice, there is nothing to wait for.
  if (planned.candidates.length > 1) await watcher.ready()
  const view = watcher.view()
  const route = routeOf({ plan: planned, chat, needs, settings, view, requestId: call.requestId })
  const plannedAt = Date.now()
  const id = `chatcmpl-${randomText(28)}`
  const created = Math.floor(plannedAt / 1000)
  const { trace } = call.note
  const { departure } = call
  const course: RequestState = {
    call,
    chat,
    needs,
    route,
    watcher,
    departure,
    keeper,
    bill,
    trace,
    plannedAt,
    id,
    created,
  }
  return chat.stream === true ? stream(course) : whole(course)
}

function keeperFor(call: CompletionCall, chat: Chat, { candidates }: Plan): ReasoningCache | undefined {
  const { settings, store, request } = call
  if (!settings.keepsThoughts || !chat.tools?.length) return undefined
  const asked = readReasoning(chat) !== undefined
  const wanted = candidates.some(({ deployment: { provider, traits } }) => {
    const wants = traits.reasoning ? settings.providers.get(provider)?.provider.needsReasoningBack : undefined
    return wants === 'always' || (wants === 'asked' && asked)
  })
  return wanted ? { store, authorization: request.headers.get('authorization') ?? '' } : undefined
}

function beginningOf({ call, chat, needs: { promptTokens }, route, watcher, departure, trace }: RequestState) {
  const { settings, request } = call
  const header = (name: string) => request.headers.get(name)
  return { route, watcher, chat, stream: chat.stream === true, settings, promptTokens, header, departure, trace }
}

function headersOf(course: RequestState, answer: CommittedAnswer | undefined): Record<string, string> {
  const { call, chat, route, trace, plannedAt } = course
  const timing = {
    authMs: call.knownAt - call.cameAt,
    routeMs: plannedAt - call.knownAt,
    upstreamMs: Date.now() - plannedAt,
  }
  const answered = answer === undefined ? {} : { target: answer.target, dropped: answer.dropped }
  return {
    ...commonHeaders(call.requestId),
    ...limitHeaders(call.caller),
    ...metaHeaders({ requestedModel: chat.model, route, trace, timing, ...answered }),
  }
}

function failed(course: RequestState, error: unknown): Response {
  if (!(error instanceof Failure)) throw error
  spendOnPrompt(course, error)
  course.bill.close()
  logRequest(course.call.note, error.status, error)
  return failureResponse(error, course.call.requestId, headersOf(course, undefined))
}

function envelopeOf({ id, created }: RequestState, model: string): Envelope {
  return { id, created, model }
}

async function whole(course: RequestState): Promise<Response> {
  const { call } = course
  let answer: CommittedAnswer
  try {
    answer = await runWithFailover(beginningOf(course))
  } catch (error) {
    return failed(course, error)
  }
  call.note.target = answer.target
  const object = call.request.headers.get('x-router9-object') === 'openai' ? 'chat.completion' : 'text_completion'
  const completion = writeAnswer(answer.first, envelopeOf(course, answer.target.model), object)
  if (completion instanceof Failure) throw completion
  finish(course, answer, observe(course, answer.first), 'complete')
  let text: string
  try {
    text = JSON.stringify(completion)
  } catch {
    // Nested so deeply that it does not go back into JSON.
    return failed(course, new Failure('provider-failed', "The provider's answer cannot be passed on."))
  }
  logRequest(call.note, 200)
  return new Response(text, {
    headers: { ...headersOf(course, answer), 'content-type': 'application/json' },
  })
}

async function stream(course: RequestState): Promise<Response> {
  const { call } = course
  const beginning = runWithFailover(beginningOf(course))
  const answer = await withTimeout(beginning, call.settings.timeouts.commitMs).catch((error: unknown) => ({ error }))
  if (answer !== TIMED_OUT && 'error' in answer) return failed(course, answer.error)
  const { readable, writable } = new IdentityTransformStream()
  const outlet = createClientWriter(writable, call.settings.timeouts, course.departure.report)
  if (answer === TIMED_OUT) outlet.keepAlive('now')
  call.waitUntil(
    (answer === TIMED_OUT ? beginning : Promise.resolve(answer))
      .then(
        (begun) => streamAnswer(course, begun, outlet),
        (error: unknown) => sendStreamError(course, error, outlet),
      )
      .finally(course.bill.close),
  )
  return new Response(readable, {
    headers: {
      ...headersOf(course, answer === TIMED_OUT ? undefined : answer),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    },
  })
}

type Outlet = ReturnType<typeof createClientWriter>

function encoderFor({ chat, ...course }: RequestState, model: string) {
  return createStreamWriter(envelopeOf({ chat, ...course }, model), chat.stream_options?.include_usage === true)
}

async function streamAnswer(course: RequestState, answer: CommittedAnswer, outlet: Outlet): Promise<void> {
  const { note } = course.call
  note.firstWordAt = Date.now()
  note.target = answer.target
  const encode = encoderFor(course, answer.target.model)
  const observer = observe(course, [])
  let broken: Failure | undefined
  const how = await streamToClient(
    answer,
    (said: OutputEvent) => {
      observer?.see(said)
      if (said.type === 'error') broken = said.failure
      return encode(said)
    },
    outlet,
  )
  finish(course, answer, observer, broken ?? (how === 'left' ? 'left' : 'complete'))
  logRequest(note, 200, broken, how === 'left' || undefined)
  await answer.drained()
}

function observe({ keeper }: RequestState, said: readonly OutputEvent[]): ReasoningCollector | undefined {
  const observer = keeper && createReasoningCollector()
  for (const item of said) observer?.see(item)
  return observer
}

/** Off the path of the answer: also of one that broke, or whose client left, what was used was used. */
function finish(
  course: RequestState,
  answer: CommittedAnswer,
  observer: ReasoningCollector | undefined,
  how: AttemptEnd,
): void {
  const { call, chat, keeper } = course
  answer.ended(how)
  settle(course, answer.usage(), answer.target, how)
  if (keeper !== undefined && observer !== undefined) call.waitUntil(saveReasoning(observer, chat, keeper))
}

/** Whoever leaves before the first word has still had the prompt read. */
function spendOnPrompt(course: RequestState, { kind }: Failure): void {
  const asked = sentAttempts(course.trace).at(-1)
  // Between two attempts there is nobody who reads it.
  if (kind !== 'client-left' || asked?.failure?.kind !== kind) return
  settle(course, toUsage(course.needs.promptTokens(), 0, { estimated: true }), asked.target, 'left')
}

function settle({ bill, call: { note } }: RequestState, used: Usage, target: Target, how: AttemptEnd): void {
  note.usage = used
  note.dollars = bill.settle(used, target, how)
}

/** The answer was promised with a 200 and nobody began it: the stream says so (contract 4.5). */
async function sendStreamError(course: RequestState, error: unknown, outlet: Outlet): Promise<void> {
  const failure = error instanceof Failure ? error : new Failure('internal', 'Router9 failed. Please try again.')
  spendOnPrompt(course, failure)
  logRequest(course.call.note, 200, failure)
  try {
    await outlet.send(encoderFor(course, course.chat.model)({ type: 'error', failure }))
  } catch {
    // The client has left: there is nobody to tell.
  }
  await outlet.close().catch(() => {})
}
