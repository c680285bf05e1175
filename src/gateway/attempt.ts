import { maxTokensOf } from '../access/budget.ts'
import { isMeaningful, type OutputEvent, type Usage } from '../chat/event.ts'
import { Failure } from '../chat/failure.ts'
import type { Chat } from '../chat/request.ts'
import type { ConfiguredProvider, Timeouts } from '../env.ts'
import type { Needs } from '../routing/needs.ts'
import type { Target } from '../routing/target.ts'
import { createStreamDecoder, type Framing } from '../stream/decode.ts'
import { createStreamFinalizer, type StreamFinalizer } from '../stream/finalize.ts'
import { sizeUpTo } from '../stream/size.ts'
import { AttemptTimer, type ReadingOn } from './attempt-timer.ts'
import type { ClientDisconnect } from './client-disconnect.ts'
import type { AttemptCall } from './prepare-call.ts'
import { type AnswerReader, createStreamReader, NO_STREAM } from './stream-reader.ts'
import { askProvider, readAnswerBody } from './upstream.ts'

/** One attempt: whom to ask, what, and how long to wait. */
export interface AttemptInput {
  readonly target: Target
  readonly provider: ConfiguredProvider
  readonly call: AttemptCall
  readonly chat: Chat
  readonly needs: Pick<Needs, 'promptTokens' | 'answers' | 'prompts'>
  readonly timeouts: Timeouts
  /** Until the first meaningful event of a stream; until the end of a whole body. In milliseconds. */
  readonly deadlineMs: number
  readonly clientDisconnect: ClientDisconnect
  /** How a stream is read on whose client has left; undefined for a whole body. */
  readonly readingOn: ReadingOn | undefined
}

/** An answer that has begun: its first meaningful event is there. */
export interface Answer extends AnswerReader {
  /** The events so far, the first meaningful one included; of a whole body all of them. */
  readonly first: readonly OutputEvent[]
}

/** How an attempt went. To fail is no exception, so nothing is thrown for it. */
export type AttemptResult<Result> =
  | { readonly ok: true; readonly answer: Result }
  | {
      readonly ok: false
      readonly failure: Failure
      /** What the provider has served of an answer that was read on when its client had left. */
      readonly served?: Usage
    }

/** Asks one deployment. Resolves at its first meaningful event (contract 6), for a whole body at its end. Rejects never. */
export async function attempt(input: AttemptInput): Promise<AttemptResult<Answer>> {
  const { call, target, provider, clientDisconnect, deadlineMs } = input
  const startedAt = Date.now()
  const timer = new AttemptTimer(clientDisconnect, deadlineMs, input.readingOn)
  const finalizer = createFinalizer(input)
  try {
    const response = await askProvider(provider, call.request, target.deployment.upstreamModel, timer.signal)
    if (input.chat.stream === true) return { ok: true, answer: await streamAnswer(input, response, timer, finalizer) }
    const body = await readAnswerBody(response, provider)
    timer.release()
    return { ok: true, answer: wholeAnswer(body, call, response.status, finalizer) }
  } catch (error) {
    const found = (timer.reason() ?? toFailure(error)).withoutSecret(provider.secret)
    timer.end()
    const failure = call.isFurtherFormat ? withoutVerdictOnChats(found) : found
    // Some failures tell how the request has to be written instead.
    const request = call.requestAfter?.(failure)
    if (request === undefined || clientDisconnect.hasHappened()) {
      return timer.isReadingOn ? { ok: false, failure, served: finalizer.usage() } : { ok: false, failure }
    }
    const leftMs = deadlineMs - (Date.now() - startedAt)
    return attempt({ ...input, deadlineMs: leftMs, call: { ...call, request, requestAfter: undefined } })
  }
}

/** A 404 may mean that the endpoint is missing: it must not take the deployment out for what others ask of it. */
function withoutVerdictOnChats(failure: Failure): Failure {
  const { kind, message, details } = failure
  return kind === 'model-missing' ? new Failure(kind, message, { ...details, health: 'none' }) : failure
}

/** What went wrong, as a failure. */
export function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return new Failure('provider-failed', 'The provider could not be reached.', { reason, clause: 'connection lost' })
}

function wholeAnswer(body: unknown, call: AttemptCall, status: number, finalizer: StreamFinalizer): Answer {
  const events = finalizer.push(call.readAnswer(body))
  const further = finalizer.close()
  const first = further.length === 0 ? events : [...events, ...further]
  const end = first.at(-1)
  if (end?.type === 'error') throw withStatus(end.failure, status)
  const { next, drained, leave, cancel, waitedMs } = NO_STREAM
  return { first, next, drained, leave, cancel, usage: finalizer.usage, waitedMs }
}

function createFinalizer({ target, needs, chat }: AttemptInput): StreamFinalizer {
  const { promptTokens, answers, prompts } = needs
  return createStreamFinalizer(
    promptTokens,
    chat.stream === true ? (chat.n ?? 1) : undefined,
    maxTokensOf(target.deployment.traits, answers, prompts?.count),
  )
}

async function streamAnswer(
  { provider, call, timeouts }: AttemptInput,
  response: Response,
  timer: AttemptTimer,
  finalizer: StreamFinalizer,
): Promise<Answer> {
  const type = response.headers.get('content-type') ?? ''
  if (/\b(json|html)\b/i.test(type)) await refuseBody(response, call, provider)
  const reader = createStreamReader({
    response,
    decoder: createStreamDecoder(framingOf(type, call), call.streamReader(), provider.secret),
    finalizer,
    timer,
    idleMs: timeouts.idleMs,
    secret: provider.secret,
  })
  return { first: await readToContent(reader, response.status), ...reader }
}

/** The response's own word counts; where it has none, the framing of the format. */
function framingOf(contentType: string, { framing }: AttemptCall): Framing {
  if (/ndjson/i.test(contentType)) return 'ndjson'
  return /event-stream/i.test(contentType) ? 'sse' : framing
}

/** A whole body where a stream was asked for: mostly an error that came with a 200. */
async function refuseBody(response: Response, call: AttemptCall, provider: ConfiguredProvider): Promise<never> {
  const error = call.readAnswer(await readAnswerBody(response, provider)).find((event) => event.type === 'error')
  if (error !== undefined) throw withStatus(error.failure, response.status)
  throw new Failure('provider-failed', 'The provider answered without a stream where one was asked for.', {
    upstreamStatus: response.status,
    clause: 'no stream',
  })
}

/** What may come before the first meaningful event: fields that accompany it, of which no provider sends so many. */
const MAX_EVENTS_BEFORE_CONTENT = 1000
const MAX_CHARACTERS_BEFORE_CONTENT = 1024 * 1024

async function readToContent({ next }: AnswerReader, status: number): Promise<readonly OutputEvent[]> {
  const first: OutputEvent[] = []
  let characters = 0
  for (;;) {
    const events = await next()
    for (const event of events) first.push(event)
    if (hasContent(events, status)) return first
    characters += sizeUpTo(events, MAX_CHARACTERS_BEFORE_CONTENT)
    if (first.length > MAX_EVENTS_BEFORE_CONTENT || characters > MAX_CHARACTERS_BEFORE_CONTENT) {
      throw withStatus(new Failure('provider-failed', 'The provider sent too much before its first word.'), status)
    }
  }
}

/** @throws Failure where the answer broke before its first meaningful event, however the pieces arrived. */
function hasContent(events: readonly OutputEvent[], status: number): boolean {
  for (const event of events) {
    if (event.type === 'error') throw withStatus(event.failure, status)
    if (isMeaningful(event)) return true
  }
  return false
}

/** The same failure with the status that the provider answered with, for the record of the attempt. */
export function withStatus(failure: Failure, status: number): Failure {
  return new Failure(failure.kind, failure.message, { upstreamStatus: status, ...failure.details })
}

/** For an answer that is nested so deeply that it does not go back into JSON. */
export function notWritable(): Failure {
  return new Failure('provider-failed', "The provider's answer cannot be passed on.")
}
