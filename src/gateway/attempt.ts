import { maxTokensOf } from '../access/budget.ts'
import type { OutputEvent, Usage } from '../chat/event.ts'
import { Failure } from '../chat/failure.ts'
import type { Chat } from '../chat/request.ts'
import type { ConfiguredProvider, Timeouts } from '../env.ts'
import type { PreparedCall } from '../formats/format.ts'
import { unsupportedParameter } from '../formats/shared/parts.ts'
import { randomText } from '../platform/random.ts'
import type { Target } from '../routing/plan.ts'
import { createStreamFinalizer, type StreamFinalizer } from '../stream/finalize.ts'
import { sizeUpTo } from '../stream/size.ts'
import { type AttemptTimer, createAttemptTimer } from './attempt-timer.ts'
import type { ClientDisconnect } from './client-disconnect.ts'
import { createStreamReader, isMeaningful, type StreamReader } from './stream-reader.ts'
import { askProvider, checkModelInPath, readAnswerBody } from './upstream.ts'

/** What one attempt is given. */
export interface AttemptInput {
  readonly target: Target
  readonly provider: ConfiguredProvider
  readonly prepared: PreparedCall
  readonly chat: Chat
  readonly stream: boolean
  readonly timeouts: Timeouts
  /** Until the first word of a stream; until the whole body otherwise. */
  readonly deadlineMs: number
  readonly promptTokens: () => number
  /** A header of the client's request. */
  readonly header: (name: string) => string | null
  readonly departure: ClientDisconnect
}

/** An answer that has begun: its first meaningful words are there. */
export interface Answer {
  readonly target: Target
  readonly dropped: readonly string[]
  /** What was said so far, the first meaningful thing included. */
  readonly first: readonly OutputEvent[]
  /** What is said next, at least one thing; resolves always, with an ending at last. Not to be called after it. */
  readonly next: StreamReader['next']
  readonly drained: StreamReader['drained']
  /** Ends the upstream at once. */
  readonly cancel: () => void
  readonly usage: () => Usage
  /** How long the provider has been waited for since its first event; 0 for a whole body. */
  readonly waitedMs: () => number
}

/**
 * Asks one target. Resolves at its first meaningful words (contract 6), for a whole body at its end.
 * @throws Failure for all that goes wrong before that.
 */
export async function attempt(given: AttemptInput): Promise<Answer> {
  const watch = createAttemptTimer(given.departure, given.deadlineMs)
  try {
    return given.stream ? await stream(given, watch) : await whole(given, watch)
  } catch (error) {
    const failure = watch.reason() ?? asFailure(error)
    watch.end()
    throw failure.withoutSecret(given.provider.secret)
  }
}

/** What a target's own request is made from. */
export type Question = Pick<AttemptInput, 'target' | 'provider' | 'chat' | 'stream' | 'promptTokens' | 'header'>

/**
 * What a target would be asked.
 * @throws Failure where it cannot be asked that.
 */
export function prepare({ target, provider, chat, stream, promptTokens, header }: Question): PreparedCall {
  const { traits, upstreamModel } = target.deployment
  checkModelInPath(provider, upstreamModel)
  const newId = () => `call_${randomText(24)}`
  let prepared: PreparedCall
  try {
    const asked = askedOf(target, provider, chat)
    prepared = provider.provider.format.prepare({ ...asked, stream, traits, promptTokens, header, newId })
  } catch (error) {
    // Only nesting that exhausts the stack fails in JSON.stringify.
    if (error instanceof RangeError) throw new Failure('invalid-json', 'The request body is nested too deeply.')
    throw error
  }
  const [lost] = prepared.dropped
  if (lost !== undefined && chat.provider?.require_parameters === true) throw unsupportedParameter(lost)
  return prepared
}

/** The model and the request in the variant that was asked for: some providers have it by name, the others by a parameter. */
function askedOf({ deployment, variant }: Target, { provider }: ConfiguredProvider, chat: Chat) {
  const { upstreamModel: model } = deployment
  if (variant === undefined) return { chat, model }
  if (provider.variants === true) return { chat, model: `${model}:${variant}` }
  if (variant !== 'online' || chat.web_search_options) return { chat, model }
  return { chat: { ...chat, web_search_options: {} }, model }
}

function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return new Failure('provider-failed', 'The provider could not be reached.', { reason, clause: 'connection lost' })
}

async function whole(given: AttemptInput, watch: AttemptTimer): Promise<Answer> {
  const { prepared } = given
  const response = await askProvider(
    given.provider,
    prepared.request,
    given.target.deployment.upstreamModel,
    watch.signal,
  )
  const body = await readAnswerBody(response, given.provider)
  watch.release()
  const settler = settlerFor(given)
  const first = [...settler.push(prepared.readAnswer(body)), ...settler.close()]
  const ending = first.at(-1)
  if (ending?.type === 'error') throw withStatus(ending.failure, response.status)
  const { usage } = settler
  return { target: given.target, dropped: prepared.dropped, first, ...NOTHING_LEFT, usage }
}

function settlerFor({ target, chat, promptTokens }: AttemptInput, choicesAsked?: number): StreamFinalizer {
  return createStreamFinalizer(promptTokens, choicesAsked, maxTokensOf(target.deployment.traits, chat.n ?? 1))
}

/** Of an answer that came whole. */
const NOTHING_LEFT = { next: async () => [], drained: async () => {}, cancel: () => {}, waitedMs: () => 0 }

async function stream(given: AttemptInput, watch: AttemptTimer): Promise<Answer> {
  const { target, provider, prepared, timeouts, chat } = given
  const response = await askProvider(provider, prepared.request, target.deployment.upstreamModel, watch.signal)
  const type = response.headers.get('content-type') ?? ''
  if (/\b(json|html)\b/i.test(type)) await refuseBody(response, prepared, provider)
  const settler = settlerFor(given, chat.n ?? 1)
  const { next, drained } = createStreamReader({
    response,
    decode: prepared.streamReader(),
    settler,
    watch,
    idleMs: timeouts.idleMs,
    secret: provider.secret,
  })
  const first = await readToFirstWord(next, response.status)
  const { waitedMs, end: cancel } = watch
  return { target, dropped: prepared.dropped, first, next, drained, cancel, usage: settler.usage, waitedMs }
}

/** A whole body where a stream was asked for: mostly an error that came with a 200. */
async function refuseBody(response: Response, prepared: PreparedCall, provider: ConfiguredProvider): Promise<never> {
  const error = prepared.readAnswer(await readAnswerBody(response, provider)).find((event) => event.type === 'error')
  if (error !== undefined) throw withStatus(error.failure, response.status)
  throw new Failure('provider-failed', 'The provider answered without a stream where one was asked for.', {
    upstreamStatus: response.status,
    clause: 'no stream',
  })
}

/** What may come before the first word: fields that go with words, of which no provider sends so many. */
const MAX_BEFORE_WORDS = 1000
const MAX_CHARACTERS_BEFORE_WORDS = 1024 * 1024

async function readToFirstWord(next: StreamReader['next'], status: number): Promise<readonly OutputEvent[]> {
  const first: OutputEvent[] = []
  let characters = 0
  for (;;) {
    const said = await next()
    for (const item of said) first.push(item)
    if (begins(said, status)) return first
    characters += sizeUpTo(said, MAX_CHARACTERS_BEFORE_WORDS)
    if (first.length > MAX_BEFORE_WORDS || characters > MAX_CHARACTERS_BEFORE_WORDS) {
      throw withStatus(new Failure('provider-failed', 'The provider sent too much before its first word.'), status)
    }
  }
}

/**
 * Whether something meaningful was said.
 * @throws Failure where the answer broke before that, however the pieces arrived.
 */
function begins(said: readonly OutputEvent[], status: number): boolean {
  for (const item of said) {
    if (item.type === 'error') throw withStatus(item.failure, status)
    if (isMeaningful(item)) return true
  }
  return false
}

function withStatus(failure: Failure, status: number): Failure {
  return new Failure(failure.kind, failure.message, { upstreamStatus: status, ...failure.details })
}
