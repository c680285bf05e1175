import { type Said, type Usage, usageOf } from '../chat/event.ts'
import { Failure } from '../chat/failure.ts'
import { type Chat, parseChat } from '../chat/request.ts'
import { readReasoning } from '../dialects/effort.ts'
import type { Settings } from '../env.ts'
import { type Needs, needsOf } from '../routing/needs.ts'
import { type Plan, plan, type Target } from '../routing/plan.ts'
import { collect } from '../stream/collect.ts'
import { createEncoder, type Envelope } from '../stream/encode.ts'
import { type Attempted, askedIn } from './attempted.ts'
import { type Begun, begin, type Ending } from './begin.ts'
import { type Bill, openBill } from './bill.ts'
import { blindWatcher, type Reach, type Watcher, watcherOf } from './board.ts'
import type { Departure } from './departure.ts'
import type { KeyRecord } from './keys.ts'
import { limitHeaders } from './limits.ts'
import { type Note, writeNote } from './log.ts'
import type { ObjectsOf } from './objects.ts'
import { createOutlet, pump } from './pump.ts'
import { LATE, orLate } from './race.ts'
import { randomText } from './random.ts'
import { commonHeaders, failureResponse, toldHeaders } from './respond.ts'
import { type Route, routeOf, situationOf } from './route.ts'
import { createObserver, type Keeper, keep, type Observer, recall } from './thoughts.ts'

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
  readonly note: Note
  readonly departure: Departure
  /** Until this is called, a client that leaves ends the call, with its line written. */
  readonly takeOver: () => void
}

/** A call under way: what is told of it, and what answering it needs. */
interface Course {
  readonly call: CompletionCall
  readonly chat: Chat
  readonly needs: Needs
  readonly route: Route
  readonly watcher: Watcher
  readonly departure: Departure
  /** Where thoughts are kept that a target will want back; undefined where none does. */
  readonly keeper: Keeper | undefined
  readonly bill: Bill
  readonly trace: Attempted[]
  readonly plannedAt: number
  readonly id: string
  /** Seconds since 1970. */
  readonly created: number
}

/**
 * Answers a chat completion, whole or streamed (reference; contract 3, 4, 6).
 * @throws Failure for a request that is not valid or that nobody may answer.
 */
export async function complete(call: CompletionCall): Promise<Response> {
  const given = parseChat(call.body)
  const needs = needsOf(given)
  const planned = plan(situationOf(call, given, needs))
  const bill = await openBill({ ...call, chat: given, needs, plan: planned })
  const answered = answer(call, { given, needs, planned, bill })
  // A client that leaves takes its call with it; what it has used by then is still counted.
  const unlisten = call.departure.listen(() => call.waitUntil(answered.catch(() => undefined)))
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
  const chat = keeper === undefined ? given : await recall(given, keeper)
  const watcher = settings.tracksHealth ? watcherOf(call) : blindWatcher()
  // Where there is no choice, there is nothing to wait for.
  if (planned.candidates.length > 1) await watcher.ready()
  const view = watcher.view()
  const route = routeOf({ plan: planned, chat, needs, settings, view, requestId: call.requestId })
  const plannedAt = Date.now()
  const id = `chatcmpl-${randomText(28)}`
  const created = Math.floor(plannedAt / 1000)
  const { trace } = call.note
  const { departure } = call
  const course: Course = { call, chat, needs, route, watcher, departure, keeper, bill, trace, plannedAt, id, created }
  return chat.stream === true ? stream(course) : whole(course)
}

function keeperFor(call: CompletionCall, chat: Chat, { candidates }: Plan): Keeper | undefined {
  const { settings, store, request } = call
  if (!settings.keepsThoughts || !chat.tools?.length) return undefined
  const asked = readReasoning(chat) !== undefined
  const wanted = candidates.some(({ deployment: { provider, traits } }) => {
    const wants = traits.reasoning ? settings.providers.get(provider)?.provider.wantsThoughts : undefined
    return wants === 'always' || (wants === 'asked' && asked)
  })
  return wanted ? { store, authorization: request.headers.get('authorization') ?? '' } : undefined
}

function beginningOf({ call, chat, needs: { promptTokens }, route, watcher, departure, trace }: Course) {
  const { settings, request } = call
  const header = (name: string) => request.headers.get(name)
  return { route, watcher, chat, stream: chat.stream === true, settings, promptTokens, header, departure, trace }
}

function headersOf(course: Course, answer: Begun | undefined): Record<string, string> {
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
    ...toldHeaders({ requestedModel: chat.model, route, trace, timing, ...answered }),
  }
}

function failed(course: Course, error: unknown): Response {
  if (!(error instanceof Failure)) throw error
  spendOnPrompt(course, error)
  course.bill.close()
  writeNote(course.call.note, error.status, error)
  return failureResponse(error, course.call.requestId, headersOf(course, undefined))
}

function envelopeOf({ id, created }: Course, model: string): Envelope {
  return { id, created, model }
}

async function whole(course: Course): Promise<Response> {
  const { call } = course
  let answer: Begun
  try {
    answer = await begin(beginningOf(course))
  } catch (error) {
    return failed(course, error)
  }
  call.note.target = answer.target
  const object = call.request.headers.get('x-router9-object') === 'openai' ? 'chat.completion' : 'text_completion'
  const completion = collect(answer.first, envelopeOf(course, answer.target.model), object)
  if (completion instanceof Failure) throw completion
  finish(course, answer, observe(course, answer.first), 'complete')
  let text: string
  try {
    text = JSON.stringify(completion)
  } catch {
    // Nested so deeply that it does not go back into JSON.
    return failed(course, new Failure('provider-failed', "The provider's answer cannot be passed on."))
  }
  writeNote(call.note, 200)
  return new Response(text, {
    headers: { ...headersOf(course, answer), 'content-type': 'application/json' },
  })
}

async function stream(course: Course): Promise<Response> {
  const { call } = course
  const beginning = begin(beginningOf(course))
  const answer = await orLate(beginning, call.settings.timeouts.commitMs).catch((error: unknown) => ({ error }))
  if (answer !== LATE && 'error' in answer) return failed(course, answer.error)
  const { readable, writable } = new IdentityTransformStream()
  const outlet = createOutlet(writable, call.settings.timeouts, course.departure.leave)
  if (answer === LATE) outlet.keepAlive('now')
  call.waitUntil(
    (answer === LATE ? beginning : Promise.resolve(answer))
      .then(
        (begun) => carry(course, begun, outlet),
        (error: unknown) => breakOff(course, error, outlet),
      )
      .finally(course.bill.close),
  )
  return new Response(readable, {
    headers: {
      ...headersOf(course, answer === LATE ? undefined : answer),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    },
  })
}

type Outlet = ReturnType<typeof createOutlet>

function encoderFor({ chat, ...course }: Course, model: string) {
  return createEncoder(envelopeOf({ chat, ...course }, model), chat.stream_options?.include_usage === true)
}

async function carry(course: Course, answer: Begun, outlet: Outlet): Promise<void> {
  const { note } = course.call
  note.firstWordAt = Date.now()
  note.target = answer.target
  const encode = encoderFor(course, answer.target.model)
  const observer = observe(course, [])
  let broken: Failure | undefined
  const how = await pump(
    answer,
    (said: Said) => {
      observer?.see(said)
      if (said.type === 'error') broken = said.failure
      return encode(said)
    },
    outlet,
  )
  finish(course, answer, observer, broken ?? (how === 'left' ? 'left' : 'complete'))
  writeNote(note, 200, broken, how === 'left' || undefined)
  await answer.drained()
}

function observe({ keeper }: Course, said: readonly Said[]): Observer | undefined {
  const observer = keeper && createObserver()
  for (const item of said) observer?.see(item)
  return observer
}

/** Off the path of the answer: also of one that broke, or whose client left, what was used was used. */
function finish(course: Course, answer: Begun, observer: Observer | undefined, how: Ending): void {
  const { call, chat, keeper } = course
  answer.ended(how)
  settle(course, answer.usage(), answer.target, how)
  if (keeper !== undefined && observer !== undefined) call.waitUntil(keep(observer, chat, keeper))
}

/** Whoever leaves before the first word has still had the prompt read. */
function spendOnPrompt(course: Course, { kind }: Failure): void {
  const asked = askedIn(course.trace).at(-1)
  // Between two attempts there is nobody who reads it.
  if (kind !== 'client-left' || asked?.failure?.kind !== kind) return
  settle(course, usageOf(course.needs.promptTokens(), 0, { estimated: true }), asked.target, 'left')
}

function settle({ bill, call: { note } }: Course, used: Usage, target: Target, how: Ending): void {
  note.usage = used
  note.dollars = bill.settle(used, target, how)
}

/** The answer was promised with a 200 and nobody began it: the stream says so (contract 4.5). */
async function breakOff(course: Course, error: unknown, outlet: Outlet): Promise<void> {
  const failure = error instanceof Failure ? error : new Failure('internal', 'Router9 failed. Please try again.')
  spendOnPrompt(course, failure)
  writeNote(course.call.note, 200, failure)
  try {
    await outlet.send(encoderFor(course, course.chat.model)({ type: 'error', failure }))
  } catch {
    // The client has left: there is nobody to tell.
  }
  await outlet.close().catch(() => {})
}
