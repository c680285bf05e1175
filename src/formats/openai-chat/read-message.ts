import type { ChatEvent } from '../../chat/event.ts'
import { extraOfMessage } from '../shared/extra-fields.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, toText } from '../shared/fields.ts'
import { createThinkTagSplitter, type ThinkTagSplitter, withOpenTag } from '../shared/think-tags.ts'
import { argumentsWithoutCall, hasArguments, toArgumentsText } from '../shared/tool-arguments.ts'
import {
  type CallState,
  type CallSupport,
  createCallState,
  endCalls,
  readCallPieces,
  readWholeCalls,
} from './read-calls.ts'
import { readContentPieces } from './read-content.ts'

/** What the choices of one answer share. */
export interface AnswerSupport extends CallSupport {
  /** Reasoning stands in the content, between `<think>` and `</think>`. */
  readonly hasThinkTags: boolean
  /** The answer begins within `<think>`. */
  readonly opensThinking: boolean
}

/** Where a choice of a stream has its words; some providers send them at two places. */
export type Place = 'delta' | 'message' | 'text'

/** One choice, as far as it has been read. */
export interface ChoiceState {
  readonly index: number
  readonly support: AnswerSupport
  /** Absent while it has none. */
  calls: CallState | undefined
  readonly thinkTags: ThinkTagSplitter | undefined
  hasFunctionCall: boolean
  /** Arguments of a function call that came before its name. */
  heldArguments: string
  /** The provider sends its reasoning as a text; details, where it sends them too, hold the same. */
  hasReasoningText: boolean
  /** Content, reasoning, a refusal or a call has come. */
  hasOutput: boolean
  /** Something stood in the place of content and could not be read. */
  hasUnreadable: boolean
  /** Undefined until the first words have come. */
  place: Place | undefined
  /** In a stream whose place is `message`: all content so far. */
  contentSoFar: string
}

export function createChoiceState(index: number, support: AnswerSupport): ChoiceState {
  return {
    index,
    support,
    calls: undefined,
    thinkTags: support.hasThinkTags ? createThinkTagSplitter(support.opensThinking) : undefined,
    hasFunctionCall: false,
    heldArguments: '',
    hasReasoningText: false,
    hasOutput: false,
    hasUnreadable: false,
    place: undefined,
    contentSoFar: '',
  }
}

/** Reads a choice of a whole answer. Its words stand in `message` as a rule, else in `delta` or `text`. */
export function readWholeChoice(choice: ChoiceState, { message, delta, text }: JsonObject, events: ChatEvent[]): void {
  const given = message ?? delta
  if (isJsonObject(given)) readMessage(choice, given, true, events)
  else if (given !== null && given !== undefined) readContent(choice, given, true, events)
  else if (text === null || text === undefined) choice.hasUnreadable = true
  if (!choice.hasOutput) readContent(choice, text, true, events)
}

/** Reads a choice of a chunk. Its words stand in `delta` as a rule; the first place that has some is read to the end. */
export function readStreamedChoice(
  choice: ChoiceState,
  { delta, message, text }: JsonObject,
  events: ChatEvent[],
): void {
  // The usual case, without a detour.
  if (choice.place === 'delta' && isJsonObject(delta)) {
    readMessage(choice, delta, false, events)
    return
  }
  const hadOutput = choice.hasOutput
  choice.hasOutput = false
  if (choice.place !== 'message') {
    if (isJsonObject(delta)) readMessage(choice, delta, false, events)
    else readContent(choice, delta, false, events)
  }
  if (!settlePlace(choice, 'delta') && choice.place !== 'delta') {
    if (choice.place !== 'text' && isJsonObject(message)) {
      readMessage(choice, withoutEarlierContent(choice, message), false, events)
    }
    if (!settlePlace(choice, 'message') && choice.place !== 'message') {
      readContent(choice, text, false, events)
      settlePlace(choice, 'text')
    }
  }
  choice.hasOutput ||= hadOutput
}

/** Ends a choice: what waited for later pieces goes out now. @throws Failure for arguments of no call. */
export function endChoice(choice: ChoiceState, events: ChatEvent[]): void {
  for (const piece of choice.thinkTags?.end() ?? []) events.push({ ...piece, choice: choice.index })
  if (choice.calls !== undefined) endCalls(choice.calls, events)
  if (hasArguments(choice.heldArguments)) throw argumentsWithoutCall()
}

function settlePlace(choice: ChoiceState, place: Place): boolean {
  if (choice.hasOutput) choice.place = place
  return choice.hasOutput
}

/** A `message` in a chunk holds all of the content so far with some providers, and the next piece with others. */
function withoutEarlierContent(choice: ChoiceState, message: JsonObject): JsonObject {
  const { content } = message
  if (typeof content !== 'string' || content === '') return message
  const earlier = choice.contentSoFar
  const isRepeated = earlier !== '' && content.startsWith(earlier)
  const added = isRepeated ? content.slice(earlier.length) : content
  choice.support.addKept(added.length)
  choice.contentSoFar = earlier + added
  return isRepeated ? { ...message, content: added } : message
}

/** Reads a message of a whole answer, or the delta of a chunk: one function for each of its members. */
function readMessage(choice: ChoiceState, message: JsonObject, isWhole: boolean, events: ChatEvent[]): void {
  readExtra(choice, extraOfMessage(message), events)
  readReasoning(choice, message, events)
  readContent(choice, message.content, isWhole, events)
  readRefusal(choice, message.refusal, events)
  readToolCalls(choice, message.tool_calls, isWhole, events)
  readFunctionCall(choice, message.function_call, events)
}

function readExtra(choice: ChoiceState, fields: JsonObject | undefined, events: ChatEvent[]): void {
  if (fields === undefined) return
  // Sound and pictures are the answer itself.
  if ('audio' in fields || 'images' in fields) choice.hasOutput = true
  events.push({ type: 'extra', choice: choice.index, place: 'message', fields })
}

function readReasoning(choice: ChoiceState, message: JsonObject, events: ChatEvent[]): void {
  let text = toText(message.reasoning_content) ?? toText(message.reasoning)
  if (text !== undefined) choice.hasReasoningText = true
  else if (!choice.hasReasoningText && message.reasoning_details !== undefined) {
    text = textOfDetails(message.reasoning_details)
  }
  if (text === undefined) return
  choice.thinkTags?.markReasoningSeparate()
  addText(choice, 'reasoning', text, events)
}

function readContent(choice: ChoiceState, content: unknown, isWhole: boolean, events: ChatEvent[]): void {
  if (typeof content === 'string') {
    readText(choice, isWhole && choice.thinkTags !== undefined ? withOpenTag(content) : content, events)
    return
  }
  const pieces = readContentPieces(content)
  if (pieces === undefined) choice.hasUnreadable = true
  for (const piece of pieces ?? []) {
    if ('list' in piece) readExtra(choice, { [piece.type]: piece.list }, events)
    else if (piece.type === 'text') readText(choice, piece.text, events)
    else addText(choice, piece.type, piece.text, events)
  }
}

function readText(choice: ChoiceState, text: string, events: ChatEvent[]): void {
  if (text === '') return
  const { index, thinkTags } = choice
  if (thinkTags === undefined) {
    addText(choice, 'text', text, events)
    return
  }
  // Also where it is held back because it may be a tag.
  choice.hasOutput = true
  for (const piece of thinkTags.feed(text)) events.push({ ...piece, choice: index })
}

function readRefusal(choice: ChoiceState, refusal: unknown, events: ChatEvent[]): void {
  const text = toText(refusal)
  if (text !== undefined) addText(choice, 'refusal', text, events)
}

function readToolCalls(choice: ChoiceState, given: unknown, isWhole: boolean, events: ChatEvent[]): void {
  if (!Array.isArray(given) || choice.hasFunctionCall) return
  const list = jsonObjectsIn(given)
  choice.calls ??= createCallState(choice.index, choice.support)
  if (isWhole) readWholeCalls(choice.calls, list, events)
  else readCallPieces(choice.calls, list, events)
  if (choice.calls.count > 0) choice.hasOutput = true
}

/** Reads the form that tool calls had before; some providers send it beside the new one, and then it is not read. */
function readFunctionCall(choice: ChoiceState, call: unknown, events: ChatEvent[]): void {
  if (!isJsonObject(call) || (choice.calls !== undefined && choice.calls.count > 0)) return
  const { index } = choice
  const name = toText(call.name)
  if (!choice.hasFunctionCall && name !== undefined) {
    choice.hasFunctionCall = true
    choice.hasOutput = true
    events.push({ type: 'tool-start', choice: index, index: 0, id: '', name, kind: 'function_call' })
  }
  const given = toArgumentsText(call.arguments)
  if (!choice.hasFunctionCall) {
    choice.support.addKept(given.length)
    choice.heldArguments += given
    return
  }
  const text = choice.heldArguments + given
  choice.heldArguments = ''
  if (text !== '') events.push({ type: 'tool-delta', choice: index, index: 0, text })
}

function addText(choice: ChoiceState, type: 'text' | 'reasoning' | 'refusal', text: string, events: ChatEvent[]): void {
  choice.hasOutput = true
  events.push({ type, choice: choice.index, text })
}

/** What can be read of `reasoning_details`, OpenRouter's form: texts and summaries. The rest is encrypted. */
function textOfDetails(details: unknown): string | undefined {
  return toText(
    jsonObjectsIn(details)
      .map(({ text, summary }) => toText(text) ?? toText(summary) ?? '')
      .join(''),
  )
}
