import type { ChatEvent, FinishReason } from '../../chat/event.ts'
import { Failure } from '../../chat/failure.ts'
import type { MessageReader } from '../../stream/decode.ts'
import { failuresAsEvents } from '../shared/answer-bounds.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, toText } from '../shared/fields.ts'
import { argumentsWithoutCall, hasArguments } from '../shared/tool-arguments.ts'
import { readErrorInAnswer } from '../shared/upstream-error.ts'
import { type AnswerState, CHOICE, createAnswerState } from './answer-state.ts'
import { closeBlock, openBlock, readDelta } from './read-block.ts'
import { updateUsage, usageEvents } from './read-usage.ts'

/** Reads Anthropic's answers: the events of a stream or a whole message, block by block (translation 1.3, 1.4). */
export interface AnthropicReader {
  readonly readEvent: MessageReader
  readonly readBody: (body: unknown) => readonly ChatEvent[]
}

const FINISH_REASONS: ReadonlyMap<string, FinishReason> = new Map(
  Object.entries({
    end_turn: 'stop',
    stop_sequence: 'stop',
    pause_turn: 'stop',
    compaction: 'stop',
    max_tokens: 'length',
    model_context_window_exceeded: 'length',
    tool_use: 'tool_calls',
    refusal: 'content_filter',
  } as const),
)

/** @param jsonTool the name of the tool that stands in for structured output, where one does. */
export function createAnthropicReader(jsonTool: string | undefined): AnthropicReader {
  const state = createAnswerState(jsonTool)
  return {
    readEvent: failuresAsEvents((data, name) => readEvent(state, data, name)),
    readBody: failuresAsEvents((body) => readBody(state, body)),
  }
}

/** Blocks that other events tell. Of the others the client learns by the message itself. */
const TOLD_BLOCKS: ReadonlySet<unknown> = new Set(['text', 'thinking', 'redacted_thinking', 'tool_use'])

/** A reader that gives each message as it came, too. */
export function withNative(read: MessageReader): MessageReader {
  return (message, name) => {
    const events = read(message, name)
    if (!isJsonObject(message) || events.some(({ type }) => type === 'error')) return events
    const { content_block: block } = message
    const isContent = isJsonObject(block) && !TOLD_BLOCKS.has(block.type)
    const native = toText(message.type) === undefined ? { ...message, type: name } : message
    // It becomes the name of an event, on a line of its own.
    if (!/^\w+$/.test(String(native.type))) return events
    if (native.type === 'ping') return [{ type: 'native', message: native, isPing: true }, ...events]
    return [{ type: 'native', message: native, ...(isContent ? { isContent } : {}) }, ...events]
  }
}

function readEvent(state: AnswerState, data: unknown, name: string): readonly ChatEvent[] {
  if (!isJsonObject(data)) return [notAMessage()]
  switch (toText(data.type) ?? name) {
    case 'message_start':
      return startMessage(state, data)
    case 'content_block_start':
      return startBlock(state, data)
    case 'content_block_delta':
      return growBlock(state, data)
    case 'content_block_stop':
      return stopBlock(state, data)
    case 'message_delta':
      return endMessage(state, data)
    case 'message_stop':
      return [{ type: 'done' }]
    case 'error':
      return [{ type: 'error', failure: readErrorInAnswer(data) }]
    default:
      return isJsonObject(data.error) ? [{ type: 'error', failure: readErrorInAnswer(data) }] : []
  }
}

function startMessage(state: AnswerState, { message }: JsonObject): readonly ChatEvent[] {
  // Some proxies send it twice. After content it means that the answer began again, and the client has the first part already.
  if (state.hasStarted && hasContent(state)) return [startedTwice()]
  state.hasStarted = true
  if (isJsonObject(message)) state.usage = updateUsage(state.usage, message.usage)
  return usageEvents(state.usage)
}

function startBlock(state: AnswerState, data: JsonObject): readonly ChatEvent[] {
  const events: ChatEvent[] = []
  if (isJsonObject(data.content_block)) openBlock(state, blockIndex(data), data.content_block, events)
  return events
}

function growBlock(state: AnswerState, data: JsonObject): readonly ChatEvent[] {
  const events: ChatEvent[] = []
  const { delta } = data
  if (!isJsonObject(delta)) return events
  const block = state.openBlocks.get(blockIndex(data))
  if (block !== undefined) readDelta(state, block, delta, events)
  else if (hasArguments(toText(delta.partial_json) ?? '')) throw argumentsWithoutCall()
  // A piece of a block that never started.
  else state.hasUnreadable = true
  return events
}

function stopBlock(state: AnswerState, data: JsonObject): readonly ChatEvent[] {
  const events: ChatEvent[] = []
  const index = blockIndex(data)
  const block = state.openBlocks.get(index)
  if (block !== undefined) closeBlock(state, index, block, events)
  return events
}

function endMessage(state: AnswerState, { delta, usage }: JsonObject): readonly ChatEvent[] {
  const events: ChatEvent[] = []
  state.usage = updateUsage(state.usage, usage)
  if (isJsonObject(delta) && toText(delta.stop_reason) !== undefined) {
    // Some servers that imitate Anthropic never stop their blocks.
    for (const [index, block] of state.openBlocks) closeBlock(state, index, block, events)
    finish(state, delta, events)
  }
  return [...events, ...usageEvents(state.usage)]
}

function readBody(state: AnswerState, body: unknown): readonly ChatEvent[] {
  if (!isJsonObject(body)) return [notAMessage()]
  if (body.type === 'error' || isJsonObject(body.error)) return [{ type: 'error', failure: readErrorInAnswer(body) }]
  const content = typeof body.content === 'string' ? [{ type: 'text', text: body.content }] : body.content
  if (!Array.isArray(content)) return [notAMessage()]
  state.hasUnreadable = content.some((block) => !isJsonObject(block))
  const events: ChatEvent[] = []
  for (const [index, block] of jsonObjectsIn(content).entries()) {
    closeBlock(state, index, openBlock(state, index, block, events), events)
  }
  state.usage = updateUsage(state.usage, body.usage)
  finish(state, { ...body, stop_reason: body.stop_reason ?? 'end_turn' }, events)
  return [...events, ...usageEvents(state.usage), { type: 'done' }]
}

/** @param end the fields that say why the model stopped: of the message, or of its last delta. */
function finish(state: AnswerState, end: JsonObject, events: ChatEvent[]): void {
  const stopReason = toText(end.stop_reason)
  if (stopReason === undefined) return
  const explanation = isJsonObject(end.stop_details) ? toText(end.stop_details.explanation) : undefined
  if (stopReason === 'refusal' && explanation !== undefined) {
    events.push({ type: 'refusal', choice: CHOICE, text: explanation })
  }
  const reason = FINISH_REASONS.get(stopReason) ?? 'stop'
  // An answer of which nothing could be read is not an empty answer.
  const isUnread = state.hasUnreadable && !hasContent(state) && reason !== 'content_filter'
  events.push(isUnread ? notAMessage() : { type: 'finish', choice: CHOICE, reason })
}

function hasContent({ textLength, hasReasoning, toolCalls }: AnswerState): boolean {
  return textLength > 0 || hasReasoning || toolCalls > 0
}

function blockIndex({ index }: JsonObject): number {
  return typeof index === 'number' ? index : 0
}

function notAMessage(): ChatEvent {
  const failure = new Failure('provider-failed', 'The provider answered with something that is not a message.')
  return { type: 'error', failure }
}

function startedTwice(): ChatEvent {
  return { type: 'error', failure: new Failure('provider-failed', 'The provider began its answer a second time.') }
}
