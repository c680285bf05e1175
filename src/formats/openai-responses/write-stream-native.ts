import type { Finish, Usage } from '../../chat/event.ts'
import type { AnswerInput } from '../format.ts'
import { isJsonObject, type JsonObject, omitNull } from '../shared/fields.ts'
import { endStatus, headOf, repeatedFields, toResponseUsage } from './write-answer-fields.ts'
import { ITEM_CHARACTERS } from './write-stream-state.ts'

/** An answer whose provider speaks this API: its events pass as they are, but for ids and what a client needs repaired. */
export interface NativeAnswer {
  /** @returns the events that the client gets; the one with the end waits. */
  readonly push: (message: JsonObject) => readonly JsonObject[]
  /** A whole answer. */
  readonly whole: (response: JsonObject) => void
  /** @returns the whole response at its end. */
  readonly end: (end: { readonly finishes: readonly Finish[]; readonly usage: Usage }) => JsonObject
  /** @returns the response as it is where the answer broke. */
  readonly broken: (failed: JsonObject) => JsonObject
}

interface NativeState {
  readonly input: AnswerInput
  readonly addKept: (characters: number) => void
  /** The response as it was told last. */
  response: JsonObject | undefined
  isWhole: boolean
  /** The ids of the items, by output index: some servers change them from event to event. */
  readonly ids: Map<number, string>
  /** Items that are complete, by output index. */
  readonly done: Map<number, JsonObject>
}

/** Whatever characters stand around it, which a client may not see. */
const END = /^\W*response\W+(?:completed|incomplete|failed|cancelled)\W*$/

/** @param addKept adds up what is kept of a stream until its end. */
export function createNativeAnswer(input: AnswerInput, addKept: (characters: number) => void = () => {}): NativeAnswer {
  const state: NativeState = { input, addKept, response: undefined, isWhole: false, ids: new Map(), done: new Map() }
  return {
    push: (message) => push(state, message),
    whole: (response) => {
      state.response = response
      state.isWhole = true
    },
    end: (end) => endResponse(state, end),
    broken: (failed) => ({
      ...withHead(state, { ...repeatedFields(input), ...state.response, ...failed }),
      output: itemsSoFar(state),
    }),
  }
}

function push(state: NativeState, message: JsonObject): readonly JsonObject[] {
  const { type, response } = message
  // Nothing follows the end.
  if (state.isWhole) return []
  const isEnd = END.test(String(type))
  if (isJsonObject(response)) {
    state.response = response
    state.isWhole = isEnd
    return isEnd ? [] : [{ ...message, response: withHead(state, response) }]
  }
  // The failure that it tells ends the stream; and an end without an answer is a failure.
  if (type === 'error' || isEnd) return []
  return [withStableIds(state, message)]
}

/** The response with our names for it. */
function withHead({ input }: NativeState, response: JsonObject): JsonObject {
  const { id, model } = headOf(input)
  const { previous_response_id, metadata: own } = input.source?.original ?? {}
  const metadata = 'metadata' in response ? own : undefined
  // The provider was told to keep nothing.
  const store = 'store' in response ? input.onComplete !== undefined : undefined
  return { ...response, id, model, ...omitNull({ previous_response_id, store, metadata }) }
}

function withStableIds({ ids, done, addKept }: NativeState, message: JsonObject): JsonObject {
  const { output_index: index, item, item_id: itemId } = message
  if (typeof index !== 'number') return message
  const given = isJsonObject(item) ? item.id : itemId
  if (typeof given !== 'string') return message
  if (!ids.has(index)) {
    addKept(ITEM_CHARACTERS + given.length)
    ids.set(index, given)
  }
  const id = ids.get(index)
  const isSame = id === given
  const stable = isSame
    ? message
    : isJsonObject(item)
      ? { ...message, item: { ...item, id } }
      : { ...message, item_id: id }
  if (message.type === 'response.output_item.done' && isJsonObject(stable.item)) done.set(index, stable.item)
  return stable
}

function itemsSoFar({ done }: NativeState): readonly JsonObject[] {
  return [...done].sort(([a], [b]) => a - b).map(([, item]) => item)
}

/** The output at the end. Some servers tell it only item by item. */
function outputOf(state: NativeState, output: unknown): readonly unknown[] {
  if (!Array.isArray(output) || output.length === 0) return itemsSoFar(state)
  return output.map((item, index) => {
    const known = state.done.get(index)
    return isJsonObject(item) && known?.type === item.type && known?.id !== item.id ? { ...item, id: known?.id } : item
  })
}

function endResponse(
  state: NativeState,
  end: { readonly finishes: readonly Finish[]; readonly usage: Usage },
): JsonObject {
  const { input, response = { ...headOf(input), ...repeatedFields(input) }, isWhole } = state
  // Without an event that tells the end, the end is ours to tell.
  const ended = isWhole ? response : { ...response, ...endStatus(end, [], input.now()) }
  const whole = {
    ...withHead(state, ended),
    output: outputOf(state, ended.output),
    usage: isJsonObject(ended.usage) ? ended.usage : toResponseUsage(end.usage),
  }
  input.onComplete?.(whole)
  return whole
}
