import type { ChatEvent, ToolKind } from '../../chat/event.ts'
import { createBoundedCounter, createKeptBound, MAX_ANNOTATIONS, MAX_TOOL_CALLS } from '../shared/answer-bounds.ts'
import type { JsonObject } from '../shared/fields.ts'

/** This API gives one answer to a request. */
export const CHOICE = 0

/** Items and their parts. The longest research has hundreds. */
const MAX_ITEMS = 10_000

/** What a reader needs beside the answer. */
export interface AnswerInput {
  /** The client speaks this API: it gets every message as it came. */
  readonly isNative: boolean
  /** Makes an id for a call to which the provider gave none. */
  readonly newId: () => string
  /** The `format` of what is kept of reasoning: only the provider that encrypted it can read it. */
  readonly reasoningFormat: string
}

/** One answer, as far as it has been read. */
export interface AnswerState extends AnswerInput {
  /** By output index. Ids are no use: some servers change them from event to event. */
  readonly items: Map<number, ItemState>
  readonly countItem: () => number
  readonly countCall: () => number
  readonly countAnnotation: () => number
  readonly addKept: (characters: number) => void
  /** What has been read from the message at hand. */
  events: ChatEvent[]
  /** How many items of a chat have begun: reasoning, messages and calls. */
  chatItems: number
  textLength: number
  hasReasoning: boolean
  /** Text, reasoning, a refusal or a call has come. */
  hasOutput: boolean
  /** An item has come for which a chat has no word. */
  hasOtherItem: boolean
}

/** An item of the output, as far as it has been read. */
export interface ItemState {
  readonly type: string
  /** Its number among the items of a chat. */
  readonly position: number
  readonly parts: Map<string, PartState>
  /** Its number among the calls; undefined until its name is known. */
  callIndex: number | undefined
  /** A call's arguments, as far as they have come. */
  readonly arguments: Progress
  /** Arguments that came before the call's name. */
  heldArguments: string
  isDone: boolean
}

/** How much of a text has come. The text itself is not kept. */
export interface Progress {
  /** In characters. */
  length: number
  /** The last piece. */
  last: string
}

/** A part of an item: of a message's content, or of reasoning. */
export interface PartState extends Progress {
  /** Where it begins in the text of the whole answer. */
  readonly start: number
  annotations: number
  hasLogprobs: boolean
}

/** The items that are calls of the client's tools. */
export const CALL_KINDS: ReadonlyMap<string, ToolKind> = new Map([
  ['function_call', 'function'],
  ['custom_tool_call', 'custom'],
])
/** The items for which a chat has words. */
const CHAT_ITEMS: ReadonlySet<string> = new Set(['message', 'reasoning', ...CALL_KINDS.keys()])

/** Whether an item is one of the provider's own tools, or of a kind that is not known. */
export function isOtherItem(type: unknown): boolean {
  return typeof type === 'string' && !CHAT_ITEMS.has(type)
}

export function createAnswerState(input: AnswerInput): AnswerState {
  return {
    ...input,
    items: new Map(),
    countItem: createBoundedCounter(MAX_ITEMS, 'items'),
    countCall: createBoundedCounter(MAX_TOOL_CALLS, 'tool calls'),
    countAnnotation: createBoundedCounter(MAX_ANNOTATIONS, 'annotations'),
    addKept: createKeptBound(),
    events: [],
    chatItems: 0,
    textLength: 0,
    hasReasoning: false,
    hasOutput: false,
    hasOtherItem: false,
  }
}

/** The item that a message of a stream is about. One that was never announced begins here. */
export function itemAt(state: AnswerState, { output_index: index }: JsonObject, type: string): ItemState {
  const at = typeof index === 'number' ? index : 0
  const known = state.items.get(at)
  if (known !== undefined) return known
  const isOther = isOtherItem(type)
  state.countItem()
  if (isOther) state.hasOtherItem = true
  const item: ItemState = {
    type,
    position: isOther ? -1 : state.chatItems++,
    parts: new Map(),
    callIndex: undefined,
    arguments: { length: 0, last: '' },
    heldArguments: '',
    isDone: false,
  }
  state.items.set(at, item)
  return item
}

/** @param name what kind of part it is, and its index. */
export function partOf(state: AnswerState, item: ItemState, name: string): PartState {
  const known = item.parts.get(name)
  if (known !== undefined) return known
  state.countItem()
  const part: PartState = { length: 0, last: '', start: state.textLength, annotations: 0, hasLogprobs: false }
  item.parts.set(name, part)
  return part
}

/** Counts a piece of a text. */
export function addPiece(progress: Progress, piece: string): void {
  progress.length += piece.length
  progress.last = piece
}

/** What the pieces have left out of a whole text; nothing where the text does not go on from them. */
export function restOf(whole: string, { length, last }: Progress): string {
  return whole.length > length && whole.startsWith(last, length - last.length) ? whole.slice(length) : ''
}
