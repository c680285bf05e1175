import type { Finish, OutputEvent, Usage } from '../../chat/event.ts'
import { createJsonBudget } from '../../stream/json-bounds.ts'
import type { AnswerInput, StreamWriter } from '../format.ts'
import { isJsonObject, type JsonObject, toCount, toText } from '../shared/fields.ts'
import { toArgumentsObject } from '../shared/tool-arguments.ts'
import { type AnswerBlocks, createAnswerBlocks } from './answer-blocks.ts'
import { writeMessagesError } from './write-error.ts'

/** What of the end of an answer the events before it tell. */
interface Ending {
  refused: boolean
  /** The stop sequence that the provider names. */
  stopSequence: string | null
}

/** One stream, as far as it has been written. */
interface WriterState {
  readonly answer: AnswerInput
  readonly ending: Ending
  readonly blocks: AnswerBlocks
  text: string
  index: number
  hasStarted: boolean
  /** The provider's own messages come. */
  isNative: boolean
  /** Those that end the answer, until it is sure that it has ended. */
  readonly held: Map<unknown, JsonObject>
}

/** Keeps a silent stream alive (contract 4.6). */
export const PING = 'event: ping\ndata: {"type":"ping"}\n\n'

/** Writes a stream as the Messages API does: from the provider's own messages where they come, otherwise from the events. */
export function createMessagesWriter(answer: AnswerInput): StreamWriter {
  const emit = (event: JsonObject) => {
    state.text += sse(event)
  }
  const state: WriterState = {
    answer,
    ending: { refused: false, stopSequence: null },
    blocks: createAnswerBlocks(answer, {
      start: (content_block) => emit({ type: 'content_block_start', index: state.index, content_block }),
      delta: (delta) => emit({ type: 'content_block_delta', index: state.index, delta }),
      stop: () => emit({ type: 'content_block_stop', index: state.index++ }),
    }),
    text: '',
    index: 0,
    hasStarted: false,
    isNative: false,
    held: new Map(),
  }
  return (event) => {
    writeEvent(state, event)
    const { text } = state
    state.text = ''
    return text
  }
}

function sse(event: JsonObject): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}

function writeEvent(state: WriterState, event: OutputEvent): void {
  const { answer, ending, blocks } = state
  if (event.type === 'error') {
    state.text = sse(writeMessagesError(event.failure, answer.requestId))
    return
  }
  if (event.type === 'native') {
    writeNative(state, event.message)
    return
  }
  if (state.isNative) {
    if (event.type === 'end') writeNativeEnd(state, event)
    return
  }
  if (!state.hasStarted) {
    state.hasStarted = true
    state.text += sse({ type: 'message_start', message: messageOf(answer, [], NOT_ENDED, startUsage(answer)) })
  }
  if (event.type === 'end') {
    blocks.end()
    for (const last of endOf(event, ending)) state.text += sse(last)
  } else {
    noteEnding(ending, answer, event)
    blocks.push(event)
  }
}

/** Passes a provider's message on; those that end the answer wait for its end, since an answer may break until then. */
function writeNative(state: WriterState, message: JsonObject): void {
  const { envelope } = state.answer
  const { type } = message
  state.isNative = true
  if (type === 'message_start' && isJsonObject(message.message)) {
    // Some proxies send it twice.
    if (!state.hasStarted) {
      state.text += sse({ ...message, message: { ...message.message, id: envelope.id, model: envelope.model } })
    }
    state.hasStarted = true
  } else if (type === 'message_stop' || isLastDelta(message)) {
    state.held.set(type, message)
  } else state.text += sse(message)
}

function isLastDelta({ type, delta }: JsonObject): boolean {
  return type === 'message_delta' && isJsonObject(delta) && toText(delta.stop_reason) !== undefined
}

function writeNativeEnd(state: WriterState, end: End): void {
  for (const own of endOf(end, state.ending)) {
    state.text += sse(state.held.get(own.type) ?? own)
  }
}

type End = Extract<OutputEvent, { type: 'end' }>

const NOT_ENDED = { stop_reason: null, stop_sequence: null, stop_details: null }

/** The message of an answer, in the order of the API's own. */
function messageOf({ envelope }: AnswerInput, content: unknown, end: JsonObject, usage: JsonObject): JsonObject {
  return { model: envelope.model, id: envelope.id, type: 'message', role: 'assistant', content, ...end, usage }
}

/** What the end does not know, because it stands in the events before. */
function noteEnding(ending: Ending, { chat }: AnswerInput, event: OutputEvent): void {
  if (event.type === 'refusal') ending.refused = true
  if (event.type !== 'extra' || event.place !== 'choice') return
  const { stop } = chat
  const matched = toText(event.fields.stop_reason) ?? toText(event.fields.matched_stop)
  if (matched !== undefined && (Array.isArray(stop) ? stop.includes(matched) : stop === matched)) {
    ending.stopSequence = matched
  }
}

const STOP_REASONS: Readonly<Record<Finish['reason'], string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  function_call: 'tool_use',
  content_filter: 'refusal',
}

function stopOf({ finishes: [finish] }: End, { refused, stopSequence }: Ending): JsonObject {
  const reason = finish?.reason ?? 'stop'
  const isStop = reason === 'stop'
  if (isStop && stopSequence !== null)
    return { ...NOT_ENDED, stop_reason: 'stop_sequence', stop_sequence: stopSequence }
  return { ...NOT_ENDED, stop_reason: isStop && refused ? 'refusal' : STOP_REASONS[reason] }
}

function endOf(end: End, ending: Ending): readonly JsonObject[] {
  const delta = { type: 'message_delta', delta: stopOf(end, ending), usage: usageOf(end.usage) }
  return [delta, { type: 'message_stop' }]
}

function startUsage({ promptTokens }: AnswerInput): JsonObject {
  return counts(promptTokens(), 0, 0, 0)
}

function counts(input: number, cacheWrite: number, cacheRead: number, output: number): JsonObject {
  return {
    input_tokens: input,
    cache_creation_input_tokens: cacheWrite,
    cache_read_input_tokens: cacheRead,
    output_tokens: output,
  }
}

/** Here cached tokens stand beside the prompt; in a chat they are within it. */
function usageOf(usage: Usage): JsonObject {
  const { prompt_tokens: prompt, completion_tokens: output, prompt_tokens_details, completion_tokens_details } = usage
  const read = Math.min(toCount(prompt_tokens_details?.cached_tokens), prompt)
  const written = Math.min(toCount(prompt_tokens_details?.cache_write_tokens), prompt - read)
  const thinking = toCount(completion_tokens_details?.reasoning_tokens)
  return {
    ...counts(prompt - read - written, written, read, output),
    ...(thinking > 0 ? { output_tokens_details: { thinking_tokens: thinking } } : {}),
  }
}

/**
 * Writes a whole answer: the provider's own where it came, otherwise what a stream would add up to.
 * @throws Failure that the events end with.
 */
export function writeMessage(events: Iterable<OutputEvent>, answer: AnswerInput): object {
  const ending: Ending = { refused: false, stopSequence: null }
  const content: Record<string, unknown>[] = []
  const fits = createJsonBudget()
  const blocks = createAnswerBlocks(answer, {
    start: (block) => content.push({ ...block }),
    delta: (delta) => grow(content.at(-1) ?? {}, delta),
    stop: () => close(content.at(-1) ?? {}, fits),
  })
  let native: JsonObject | undefined
  for (const event of events) {
    if (event.type === 'error') throw event.failure
    if (event.type === 'native') native = event.message
    else if (event.type !== 'end') {
      noteEnding(ending, answer, event)
      blocks.push(event)
    } else if (native === undefined) {
      blocks.end()
      return messageOf(answer, content, stopOf(event, ending), usageOf(event.usage))
    } else return { ...native, id: answer.envelope.id, model: answer.envelope.model }
  }
  throw new TypeError('the events have no end')
}

/** Adds a delta to its block, as clients do. The input of a call is text until the block is whole. */
function grow(block: Record<string, unknown>, delta: JsonObject): void {
  if (delta.type === 'text_delta') block.text = `${block.text}${delta.text}`
  else if (delta.type === 'thinking_delta') block.thinking = `${block.thinking}${delta.thinking}`
  else if (delta.type === 'signature_delta') block.signature = delta.signature
  else if (delta.type === 'citations_delta') {
    if (!Array.isArray(block.citations)) block.citations = []
    if (Array.isArray(block.citations)) block.citations.push(delta.citation)
  } else block.input = `${typeof block.input === 'string' ? block.input : ''}${delta.partial_json}`
}

function close(block: Record<string, unknown>, fits: (text: string) => boolean): void {
  if (typeof block.input === 'string') block.input = toArgumentsObject(block.input, fits)
}
