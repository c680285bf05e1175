import type { Said, Usage } from '../chat/event.ts'
import { Failure } from '../chat/failure.ts'
import type { Chat } from '../chat/request.ts'
import type { Prepared } from '../dialects/dialect.ts'
import { unsupported } from '../dialects/parts.ts'
import type { ConfiguredProvider, Timeouts } from '../env.ts'
import type { Target } from '../routing/plan.ts'
import { createSettler, type Settler } from '../stream/settle.ts'
import { createSseParser, EventTooLong, type SseMessage } from '../stream/sse.ts'
import { randomText } from './random.ts'
import { askProvider, readAnswerBody } from './upstream.ts'

/** How long a provider may be silent after its last word, before the connection is closed for it. */
const FINISH_GRACE_MS = 5000

/** What one attempt is given. */
export interface Try {
  readonly target: Target
  readonly provider: ConfiguredProvider
  readonly chat: Chat
  readonly stream: boolean
  readonly timeouts: Timeouts
  /** Until the first event of a stream; until the whole body otherwise. */
  readonly deadlineMs: number
  readonly promptTokens: () => number
  /** Aborted when the client leaves. */
  readonly gone: AbortSignal
}

/** An answer that has begun: its first meaningful words are there. */
export interface Answer {
  readonly target: Target
  readonly dropped: readonly string[]
  /** What was said so far, the first meaningful thing included. */
  readonly first: readonly Said[]
  /** What is said next, at least one thing; resolves always, with an ending at last. Not to be called after it. */
  readonly next: () => Promise<readonly Said[]>
  /** Ends the upstream at once. */
  readonly cancel: () => void
  readonly usage: () => Usage
}

/**
 * Asks one target. Resolves at its first meaningful words (contract 6), for a whole body at its end.
 * @throws Failure for all that goes wrong before that.
 */
export async function attempt(given: Try): Promise<Answer> {
  const prepared = prepare(given)
  const watch = createWatch(given)
  try {
    return given.stream ? await stream(given, prepared, watch) : await whole(given, prepared, watch)
  } catch (error) {
    const failure = watch.reason() ?? asFailure(error)
    watch.end()
    throw failure.without(given.provider.secret)
  }
}

function prepare({ target, provider, chat, stream }: Try): Prepared {
  const { upstreamModel, traits } = target.deployment
  try {
    const prepared = provider.provider.speak({
      chat,
      model: upstreamModel,
      stream,
      traits,
      newId: () => `call_${randomText(24)}`,
    })
    const [lost] = prepared.dropped
    if (lost !== undefined && chat.provider?.require_parameters === true) throw unsupported(lost)
    return prepared
  } catch (error) {
    // Only nesting that exhausts the stack fails in JSON.stringify.
    if (error instanceof RangeError) throw new Failure('invalid-json', 'The request body is nested too deeply.')
    throw error
  }
}

function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error
  if (error instanceof EventTooLong) return eventTooLong()
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return new Failure('provider-failed', 'The provider could not be reached.', { detail })
}

function eventTooLong(): Failure {
  return new Failure('provider-failed', 'The provider sent an event that is too long.')
}

/** The clocks of one attempt, and the one switch that ends it. */
interface Watch {
  readonly signal: AbortSignal
  /** The first event is there: from now on only silence counts, for `limit()` milliseconds. */
  readonly begin: (limit: () => number) => void
  readonly waiting: (on: boolean) => void
  /** Looks at the clock again, since the limit has become shorter. */
  readonly rearm: () => void
  /** Why the attempt was ended from here; undefined where the provider did it. */
  readonly reason: () => Failure | undefined
  readonly end: () => void
}

function createWatch({ gone, deadlineMs }: Try): Watch {
  const controller = new AbortController()
  let reason: Failure | undefined
  let limit: (() => number) | undefined
  let waitingSince: number | undefined
  let timer: ReturnType<typeof setTimeout> | undefined

  const stop = (failure: Failure) => {
    reason ??= failure
    end()
  }
  const left = () => stop(new Failure('client-left', 'The client left.'))
  const end = () => {
    clearTimeout(timer)
    gone.removeEventListener('abort', left)
    controller.abort()
  }
  const late = () => stop(new Failure('provider-timeout', 'The provider did not answer in time.'))
  // One timer for a whole stream: it looks how long the silence has been, and sleeps for what is left.
  const look = () => {
    if (limit === undefined) return late()
    const silent = waitingSince === undefined ? 0 : Date.now() - waitingSince
    const left = limit() - silent
    if (left <= 0) stop(new Failure('provider-timeout', 'The provider fell silent.'))
    else timer = setTimeout(look, left)
  }

  timer = setTimeout(look, deadlineMs)
  if (gone.aborted) left()
  else gone.addEventListener('abort', left)
  return {
    signal: controller.signal,
    begin: (silenceMs) => {
      limit = silenceMs
      clearTimeout(timer)
      timer = setTimeout(look, silenceMs())
    },
    waiting: (on) => {
      waitingSince = on ? Date.now() : undefined
    },
    rearm: () => {
      clearTimeout(timer)
      if (limit !== undefined) timer = setTimeout(look, limit())
    },
    reason: () => reason,
    end,
  }
}

async function whole({ target, provider, promptTokens }: Try, prepared: Prepared, watch: Watch): Promise<Answer> {
  const response = await askProvider(provider, prepared.request, watch.signal)
  const body = await readAnswerBody(response, provider)
  watch.end()
  const settler = createSettler(promptTokens)
  const first = [...settler.take(prepared.answer(body)), ...settler.close()]
  const ending = first.at(-1)
  if (ending?.type === 'error') throw withStatus(ending.failure, response.status)
  const next = async () => []
  return { target, dropped: prepared.dropped, first, next, cancel: () => {}, usage: settler.usage }
}

async function stream(given: Try, prepared: Prepared, watch: Watch): Promise<Answer> {
  const response = await askProvider(given.provider, prepared.request, watch.signal)
  const type = response.headers.get('content-type') ?? ''
  if (/\b(json|html)\b/i.test(type)) await refuseBody(response, prepared, given.provider)
  const settler = createSettler(given.promptTokens)
  const next = createReader(response, prepared, settler, watch, given)
  const first: Said[] = []
  while (!begins(first, response.status)) first.push(...(await next()))
  return { target: given.target, dropped: prepared.dropped, first, next, cancel: watch.end, usage: settler.usage }
}

/** A whole body where a stream was asked for: mostly an error that came with a 200. */
async function refuseBody(response: Response, prepared: Prepared, provider: ConfiguredProvider): Promise<never> {
  const error = prepared.answer(await readAnswerBody(response, provider)).find((event) => event.type === 'error')
  if (error !== undefined) throw withStatus(error.failure, response.status)
  throw new Failure('provider-failed', 'The provider answered without a stream where one was asked for.', {
    upstreamStatus: response.status,
  })
}

/** Role-only and empty chunks do not count, nor does what only goes with words (contract 6); sound and pictures do. */
function isMeaningful(item: Said): boolean {
  return item.type !== 'extra' || 'audio' in item.fields || 'images' in item.fields
}

/**
 * Whether something meaningful was said.
 * @throws Failure where the answer broke before that, however the pieces arrived.
 */
function begins(said: readonly Said[], status: number): boolean {
  for (const item of said) {
    if (item.type === 'error') throw withStatus(item.failure, status)
    if (isMeaningful(item)) return true
  }
  return false
}

function withStatus(failure: Failure, status: number): Failure {
  return new Failure(failure.kind, failure.message, { upstreamStatus: status, ...failure.details })
}

function createReader(
  response: Response,
  prepared: Prepared,
  settler: Settler,
  watch: Watch,
  { provider: { secret }, timeouts: { idleMs }, deadlineMs }: Try,
): () => Promise<readonly Said[]> {
  const reader = response.body?.getReader()
  const parser = createSseParser()
  const decode = prepared.decoder()
  let begun = false
  let meaningful = false
  let finished = false
  // Until something meaningful is there another target may still be asked, and must not be left without time.
  const silenceMs = () => {
    if (settler.finished()) return Math.min(FINISH_GRACE_MS, idleMs)
    return meaningful ? idleMs : Math.min(deadlineMs, idleMs)
  }

  const read = (messages: readonly SseMessage[]): readonly Said[] => {
    let all: readonly Said[] | undefined
    for (const message of messages) {
      const said = readMessage(message)
      if (said.length > 0) all = all === undefined ? said : [...all, ...said]
    }
    return all ?? []
  }

  const readMessage = ({ data, event }: SseMessage): readonly Said[] => {
    const text = data.trim()
    if (text === '[DONE]') return settler.take([{ type: 'done' }])
    if (text === '') return []
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch {
      return settler.fail(
        new Failure('provider-failed', 'The provider sent an event that is not JSON.', {
          detail: (secret === undefined ? text : text.replaceAll(secret, '…')).slice(0, 200),
        }),
      )
    }
    return settler.take(decode(json, event))
  }

  const step = async (): Promise<readonly Said[]> => {
    watch.waiting(true)
    const piece = await reader?.read()
    watch.waiting(false)
    if (piece === undefined || piece.done) return [...read(parser.end()), ...settler.close()]
    const messages = parser.feed(piece.value)
    if (!begun && messages.length > 0) {
      begun = true
      watch.begin(silenceMs)
    }
    const said = read(messages)
    meaningful ||= said.some(isMeaningful)
    if (!finished && settler.finished()) {
      finished = true
      watch.rearm()
    }
    return said
  }

  return async () => {
    for (;;) {
      let said: readonly Said[]
      try {
        said = await step()
      } catch (error) {
        const cut = error instanceof EventTooLong ? eventTooLong() : brokenOff(error)
        said = settler.fail(watch.reason() ?? cut)
      }
      if (said.length === 0) continue
      const last = said.at(-1)
      // Whatever the provider still keeps open is of no more use.
      if (last?.type === 'end' || last?.type === 'error') watch.end()
      if (last?.type !== 'error') return said
      return [...said.slice(0, -1), { type: 'error', failure: last.failure.without(secret) }]
    }
  }
}

function brokenOff(error: unknown): Failure {
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return new Failure('provider-failed', "The provider's connection broke before the answer was complete.", { detail })
}
