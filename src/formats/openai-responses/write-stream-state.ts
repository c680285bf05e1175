import type { Content } from '../../chat/event.ts'
import type { AnswerInput } from '../format.ts'
import { malformedAnswer } from '../shared/answer-bounds.ts'
import type { InputDecoder } from '../shared/custom-input.ts'
import type { JsonObject } from '../shared/fields.ts'
import type { ReasoningKeeper } from '../shared/kept-reasoning.ts'
import type { ObjectProgress } from '../shared/object-progress.ts'
import type { ToolName, ToolNames } from './read-request-tools.ts'

/** Takes an event of the stream, without its sequence number. */
export type Emit = (type: string, fields: JsonObject) => void

/** A part of an item: of a message's content, or of reasoning as a summary or itself. */
export interface Part {
  readonly type: 'output_text' | 'refusal' | 'summary_text' | 'reasoning_text'
  readonly index: number
  text: string
  readonly annotations: JsonObject[]
  readonly logprobs: unknown[]
}

/** What an item has where it is a call. */
export interface Call {
  /** Its number among the calls. */
  readonly index: number
  readonly name: string
  readonly kind: ToolName['kind']
  /** Of a custom tool that is a function in the chat. */
  readonly decoder: InputDecoder | undefined
  readonly progress: ObjectProgress
  text: string
}

/** An item of the output, as far as it has been written. */
export interface Item {
  readonly id: string
  readonly index: number
  /** The item as it stands in the output; its parts and texts come at its end. */
  fields: JsonObject
  readonly parts: Part[]
  readonly call: Call | undefined
  isOpen: boolean
  /** What Router9 sealed in it. */
  sealed?: string
}

/** An event that waits. */
export interface Waiting {
  event: Exclude<Content, { type: 'tool-delta' }>
  /** Of a call: its arguments, as far as they have come. */
  text: string
}

/** The items of one answer, as far as they have been written. One is open at a time. */
export interface ItemsState {
  readonly input: AnswerInput
  readonly emit: Emit
  readonly names: ToolNames
  readonly keeper: ReasoningKeeper
  readonly reasoningType: 'summary_text' | 'reasoning_text'
  readonly items: Item[]
  open: Item | undefined
  /** What came for later items while a call was not whole. */
  readonly waiting: Waiting[]
  /** The calls among it, by their numbers. */
  readonly waitingCalls: Map<number, Waiting>
  /** Log probabilities and annotations that wait for their text. */
  logprobs: unknown[]
  annotations: JsonObject[]
  serviceTier: unknown
  readonly addKept: (characters: number) => void
}

/** An answer is repeated whole at its end. The longest that a model writes is a fifth of this. */
const MAX_KEPT_CHARACTERS = 8 * 1024 * 1024
/** About the memory of an item, or of one of its parts, beside its texts. */
export const ITEM_CHARACTERS = 1000

/** Adds up what is kept until the end. @throws Failure beyond the bound. */
export function createRepeatedBound(): (characters: number) => void {
  let kept = 0
  return (characters) => {
    kept += characters
    if (kept > MAX_KEPT_CHARACTERS) throw malformedAnswer('it is too long')
  }
}

/** Begins an item. @param prefix of its id. */
export function openItem(state: ItemsState, prefix: string, fields: JsonObject, call?: Call): Item {
  const id = `${prefix}${state.input.newId()}`
  const index = state.items.length
  state.addKept(ITEM_CHARACTERS + sizeOf(fields))
  const item: Item = { id, index, fields: { id, ...fields }, parts: [], call, isOpen: true }
  state.items.push(item)
  state.emit('response.output_item.added', { output_index: index, item: item.fields })
  state.open = item
  return item
}

/** How much of the answer's bound a value takes. */
export function sizeOf(value: unknown): number {
  return JSON.stringify(value).length
}

/** Where an event belongs. */
export function placeOf({ id, index }: Item): JsonObject {
  return { item_id: id, output_index: index }
}
