import type { ChatEvent, FinishReason, Usage } from '../../chat/event.ts'
import { Failure } from '../../chat/failure.ts'
import type { MessageReader } from '../../stream/decode.ts'
import { failuresAsEvents } from '../shared/answer-bounds.ts'
import { isJsonObject, isPresent, type JsonObject, toText } from '../shared/fields.ts'
import { readUsage } from '../shared/openai-usage.ts'
import { readErrorInAnswer } from '../shared/upstream-error.ts'
import {
  addAnnotation,
  doneArguments,
  endItem,
  endPart,
  growArguments,
  growPart,
  openItem,
} from './read-answer-item.ts'
import {
  type AnswerInput,
  type AnswerState,
  CHOICE,
  createAnswerState,
  isOtherItem,
  itemAt,
} from './read-answer-state.ts'

/** Reads answers of OpenAI's Responses, and of those who copy them (translation 5). */
export interface ResponsesReader {
  readonly message: MessageReader
  readonly body: (body: unknown) => readonly ChatEvent[]
}

export function createResponsesReader(input: AnswerInput): ResponsesReader {
  const state = createAnswerState(input)
  return {
    message: failuresAsEvents((data) => readMessage(state, data)),
    body: failuresAsEvents((body) => readBody(state, body)),
  }
}

type Handler = (state: AnswerState, data: JsonObject) => void

/** What each message of a stream is told by: its own type, since some servers name no events. Others only pass as they are. */
const HANDLERS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['response.output_item.added', openItem],
  ['response.output_item.done', endItem],
  ['response.content_part.done', (state, data) => endPartOf(state, data, data.part)],
  ['response.output_text.delta', (state, data) => growPart(state, itemAt(state, data, 'message'), 'output_text', data)],
  ['response.output_text.done', (state, data) => endPartOf(state, data, { ...data, type: 'output_text' })],
  ['response.output_text.annotation.added', addAnnotation],
  ['response.refusal.delta', (state, data) => growPart(state, itemAt(state, data, 'message'), 'refusal', data)],
  ['response.refusal.done', (state, data) => endPartOf(state, data, { ...data, type: 'refusal' })],
  [
    'response.reasoning_summary_text.delta',
    (state, data) => growPart(state, itemAt(state, data, 'reasoning'), 'summary_text', data),
  ],
  [
    'response.reasoning_text.delta',
    (state, data) => growPart(state, itemAt(state, data, 'reasoning'), 'reasoning_text', data),
  ],
  ['response.function_call_arguments.delta', (state, data) => growCall(state, data, 'function_call')],
  [
    'response.function_call_arguments.done',
    (state, data) => doneArguments(state, itemAt(state, data, 'function_call'), data),
  ],
  ['response.custom_tool_call_input.delta', (state, data) => growCall(state, data, 'custom_tool_call')],
  [
    'response.custom_tool_call_input.done',
    (state, data) => doneArguments(state, itemAt(state, data, 'custom_tool_call'), data),
  ],
  ['response.completed', endAnswer],
  ['response.incomplete', endAnswer],
  ['response.failed', endAnswer],
  ['response.cancelled', endAnswer],
])

function endPartOf(state: AnswerState, data: JsonObject, part: unknown): void {
  if (isJsonObject(part)) endPart(state, itemAt(state, data, 'message'), data.content_index, part)
}

function growCall(state: AnswerState, data: JsonObject, type: string): void {
  growArguments(state, itemAt(state, data, type), toText(data.delta) ?? '')
}

function readMessage(state: AnswerState, data: unknown): readonly ChatEvent[] {
  if (!isJsonObject(data)) return [{ type: 'error', failure: notAResponse() }]
  const events: ChatEvent[] = []
  state.events = events
  if (state.isNative) {
    const { item } = data
    events.push(isJsonObject(item) && isOtherItem(item.type) ? native(data, true) : native(data, false))
  }
  const type = toText(data.type)
  if (type === 'error' || (type === undefined && isPresent(data.error))) {
    events.push({ type: 'error', failure: readErrorInAnswer(withStatus(data)) })
    return events
  }
  try {
    if (type !== undefined) HANDLERS.get(type)?.(state, data)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    events.push({ type: 'error', failure: error })
  }
  return events
}

function native(message: JsonObject, isContent: boolean): ChatEvent {
  if (message.type === 'keepalive') return { type: 'native', message, isPing: true }
  return isContent ? { type: 'native', message, isContent } : { type: 'native', message }
}

function readBody(state: AnswerState, body: unknown): readonly ChatEvent[] {
  if (!isJsonObject(body)) return [{ type: 'error', failure: notAResponse() }]
  if (body.status === undefined && isPresent(body.error)) {
    return [{ type: 'error', failure: readErrorInAnswer(withStatus(body)) }]
  }
  if (!Array.isArray(body.output)) return [{ type: 'error', failure: notAResponse() }]
  const events: ChatEvent[] = []
  state.events = events
  if (state.isNative)
    events.push(
      native(
        body,
        body.output.some((item) => isJsonObject(item) && isOtherItem(item.type)),
      ),
    )
  endAnswer(state, { response: body })
  return events
}

/** The last message of a stream has the whole answer, and so has a body. */
function endAnswer(state: AnswerState, { response }: JsonObject): void {
  const { events } = state
  if (!isJsonObject(response)) throw notAResponse()
  const isBroken = isPresent(response.error) || response.status === 'failed'
  if (!isBroken) readOutput(state, response.output)
  if (isJsonObject(response.usage)) events.push({ type: 'usage', usage: toChatUsage(response.usage) })
  const reason = finishOf(response)
  const tier = toText(response.service_tier)
  if (tier !== undefined) events.push({ type: 'extra', choice: CHOICE, place: 'body', fields: { service_tier: tier } })
  // An answer of which nothing could be read must not look like an empty one.
  if (!state.hasOutput && state.hasOtherItem && !state.isNative) throw notAResponse()
  events.push({ type: 'finish', choice: CHOICE, reason }, { type: 'done' })
}

const UNFINISHED: Readonly<Record<string, FinishReason>> = { content_filter: 'content_filter' }

/** @throws Failure for an answer that failed, or is not over. */
function finishOf({ status, error, incomplete_details: details }: JsonObject): FinishReason {
  if (isPresent(error) || status === 'failed') throw readErrorInAnswer(withStatus({ error }))
  if (status === 'incomplete') return UNFINISHED[(isJsonObject(details) && toText(details.reason)) || ''] ?? 'length'
  if (status !== undefined && status !== null && status !== 'completed') {
    throw new Failure('provider-failed', `The provider broke off its answer (${String(status).slice(0, 40)}).`)
  }
  return 'stop'
}

/**
 * Reads what the stream has left out. With some servers the last list is empty, and with others it lacks items, so that its
 * indexes mean other items: an item counts where the stream had none at all, or had begun one of this type there.
 */
function readOutput(state: AnswerState, output: unknown): void {
  if (!Array.isArray(output)) return
  const isStreamed = state.items.size > 0
  for (const [output_index, item] of output.entries()) {
    if (isStreamed && !state.items.has(output_index)) continue
    openItem(state, { output_index, item })
    endItem(state, { output_index, item })
  }
}

/** The counts in a chat's words. */
function toChatUsage(usage: JsonObject): Usage {
  const { input_tokens, output_tokens, input_tokens_details, output_tokens_details, ...further } = usage
  return readUsage({
    ...further,
    prompt_tokens: input_tokens,
    completion_tokens: output_tokens,
    prompt_tokens_details: input_tokens_details,
    completion_tokens_details: output_tokens_details,
  })
}

/** Codes of failed answers that are about the request; they come without a status. */
const OF_REQUEST = /image|^invalid_request|^unsupported_|_not_found$/

function withStatus(data: JsonObject): JsonObject {
  const error = isJsonObject(data.error) ? data.error : data
  const isOfRequest = [error.code, error.type].some((word) => OF_REQUEST.test(toText(word) ?? ''))
  return isOfRequest ? { error: { ...error, status: 400 } } : data
}

function notAResponse(): Failure {
  return new Failure('provider-failed', 'The provider answered with something that is not a response.')
}
