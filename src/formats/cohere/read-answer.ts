import type { ChatEvent, FinishReason } from '../../chat/event.ts'
import { toUsage } from '../../chat/event.ts'
import { Failure } from '../../chat/failure.ts'
import type { MessageReader } from '../../stream/decode.ts'
import { createBoundedCounter, failuresAsEvents, MAX_TOOL_CALLS } from '../shared/answer-bounds.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, toCount, toText } from '../shared/fields.ts'
import { argumentsWithoutCall, hasArguments, toArgumentsText } from '../shared/tool-arguments.ts'
import { notAnAnswer, readErrorInAnswer } from '../shared/upstream-error.ts'

/** Reads Cohere's answers (API version 2): the events of a stream, and whole bodies (translation 3.2). */
export interface CohereReader {
  readonly event: MessageReader
  readonly body: (body: unknown) => readonly ChatEvent[]
}

const CHOICE = 0

const FINISH_REASONS: ReadonlyMap<string, FinishReason> = new Map([
  ['COMPLETE', 'stop'],
  ['STOP_SEQUENCE', 'stop'],
  ['MAX_TOKENS', 'length'],
  ['TOOL_CALL', 'tool_calls'],
])
/** Finish reasons with which Cohere ends an answer that it could not finish. */
const BROKEN = new Set(['ERROR', 'TIMEOUT', 'ERROR_TOXIC', 'ERROR_LIMIT'])

/** One answer, as far as it has been read. */
interface AnswerState {
  readonly newId: () => string
  readonly countCall: () => number
  /** Our index of each of Cohere's calls. Cohere's own need not begin at 0, and must not reach the client. */
  readonly calls: Map<number, number>
  /** Content or a call has come. */
  hasOutput: boolean
  /** Something stood in the place of content and could not be read. */
  hasUnreadable: boolean
}

/** @param newId makes an id for a tool call to which Cohere gave none. */
export function createCohereReader(newId: () => string): CohereReader {
  const state: AnswerState = {
    newId,
    countCall: createBoundedCounter(MAX_TOOL_CALLS, 'tool calls'),
    calls: new Map(),
    hasOutput: false,
    hasUnreadable: false,
  }
  return {
    event: failuresAsEvents((data) => readEvent(state, data)),
    body: failuresAsEvents((body) => readBody(state, body)),
  }
}

function readEvent(state: AnswerState, data: unknown): readonly ChatEvent[] {
  if (!isJsonObject(data)) return [{ type: 'error', failure: notAnAnswer() }]
  const delta = isJsonObject(data.delta) ? data.delta : {}
  const message = isJsonObject(delta.message) ? delta.message : {}
  const index = typeof data.index === 'number' ? data.index : 0
  switch (data.type) {
    case 'content-start':
    case 'content-delta':
      return readContent(state, message.content)
    case 'tool-plan-delta':
      return readPlan(message.tool_plan)
    case 'tool-call-start':
      return isJsonObject(message.tool_calls) ? startCall(state, index, message.tool_calls) : []
    case 'tool-call-delta': {
      const call = isJsonObject(message.tool_calls) ? message.tool_calls : {}
      return growCall(state, index, isJsonObject(call.function) ? call.function.arguments : undefined)
    }
    case 'citation-start':
      return readCitations(isJsonObject(message.citations) ? [message.citations] : jsonObjectsIn(message.citations))
    case 'message-end':
      return [...readUsage(delta.usage), ...endAnswer(state, delta), { type: 'done' }]
    default:
      return isJsonObject(data.error) || data.type === undefined
        ? [{ type: 'error', failure: readErrorInAnswer(data) }]
        : []
  }
}

function readBody(state: AnswerState, body: unknown): readonly ChatEvent[] {
  if (!isJsonObject(body)) return [{ type: 'error', failure: notAnAnswer() }]
  if (!isJsonObject(body.message)) return [{ type: 'error', failure: readErrorInAnswer(body) }]
  const { message } = body
  return [
    ...readPlan(message.tool_plan),
    ...readContent(state, message.content),
    ...jsonObjectsIn(message.tool_calls).flatMap((call, at) => startCall(state, at, call)),
    ...readCitations(jsonObjectsIn(message.citations)),
    ...readUsage(body.usage),
    ...endAnswer(state, body),
    { type: 'done' },
  ]
}

function readContent(state: AnswerState, given: unknown): ChatEvent[] {
  if (given === undefined || given === null) return []
  if (Array.isArray(given)) {
    state.hasUnreadable ||= given.some((part) => !isJsonObject(part))
    return jsonObjectsIn(given).flatMap((part) => readContent(state, part))
  }
  const content: JsonObject = isJsonObject(given) ? given : { text: given }
  const thinking = toText(content.thinking)
  const text = toText(content.text)
  if (thinking !== undefined || text !== undefined) state.hasOutput = true
  else if (!isEmptyContent(content)) state.hasUnreadable = true
  return [
    ...(thinking === undefined ? [] : [{ type: 'reasoning', choice: CHOICE, text: thinking } as const]),
    ...(text === undefined ? [] : [{ type: 'text', choice: CHOICE, text } as const]),
  ]
}

function startCall(state: AnswerState, upstreamIndex: number, call: JsonObject): ChatEvent[] {
  const index = state.countCall()
  state.hasOutput = true
  state.calls.set(upstreamIndex, index)
  const inner = isJsonObject(call.function) ? call.function : {}
  const id = toText(call.id) ?? state.newId()
  const name = toText(inner.name) ?? ''
  return [
    { type: 'tool-start', choice: CHOICE, index, id, name, kind: 'function' },
    ...growCall(state, upstreamIndex, inner.arguments),
  ]
}

function growCall({ calls }: AnswerState, upstreamIndex: number, piece: unknown): ChatEvent[] {
  const index = calls.get(upstreamIndex)
  const text = toArgumentsText(piece)
  if (index === undefined && hasArguments(text)) throw argumentsWithoutCall()
  return index === undefined || text === '' ? [] : [{ type: 'tool-delta', choice: CHOICE, index, text }]
}

/** An answer of which nothing could be read must not look like an empty one. */
function endAnswer({ hasOutput, hasUnreadable }: AnswerState, given: JsonObject): ChatEvent[] {
  const events = readFinish(given)
  return hasUnreadable && !hasOutput && events.some(({ type }) => type === 'finish')
    ? [{ type: 'error', failure: notAnAnswer() }]
    : events
}

/** Content that is there and empty, as opposed to content that cannot be read. */
function isEmptyContent({ type, text, thinking, ...others }: JsonObject): boolean {
  if ((thinking ?? text ?? '') !== '') return false
  return type === undefined ? Object.keys(others).length === 0 : type === 'text' || type === 'thinking'
}

/** What the model is going to do with its tools: this is reasoning, not the answer. */
function readPlan(text: unknown): ChatEvent[] {
  const plan = toText(text)
  return plan === undefined ? [] : [{ type: 'reasoning', choice: CHOICE, text: plan }]
}

/** Citations of the caller's own documents and tools stay in Cohere's form: OpenAI has none for them. */
function readCitations(list: readonly JsonObject[]): ChatEvent[] {
  return list.length === 0 ? [] : [{ type: 'extra', choice: CHOICE, place: 'message', fields: { citations: list } }]
}

function readFinish(given: JsonObject): ChatEvent[] {
  const word = toText(given.finish_reason)
  if (word === undefined) return []
  if (BROKEN.has(word)) {
    const text = toText(given.error) ?? `The provider broke off its answer (${word}).`
    return [{ type: 'error', failure: new Failure('provider-failed', text, { detail: word }) }]
  }
  return [{ type: 'finish', choice: CHOICE, reason: FINISH_REASONS.get(word) ?? 'stop' }]
}

/** `tokens` counts what the model read and wrote; `billed_units` leaves out what Cohere adds to a prompt. */
function readUsage(given: unknown): ChatEvent[] {
  if (!isJsonObject(given) || !isJsonObject(given.tokens)) return []
  const { input_tokens, output_tokens, reasoning_tokens } = given.tokens
  const reasoning = toCount(reasoning_tokens)
  const further = {
    prompt_tokens_details: { cached_tokens: toCount(given.cached_tokens) },
    ...(reasoning > 0 ? { completion_tokens_details: { reasoning_tokens: reasoning } } : {}),
  }
  return [{ type: 'usage', usage: toUsage(toCount(input_tokens), toCount(output_tokens), further) }]
}
