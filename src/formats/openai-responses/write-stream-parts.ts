import type { JsonObject } from '../shared/fields.ts'
import { ITEM_CHARACTERS, type Item, type ItemsState, type Part, placeOf } from './write-stream-state.ts'

/** What the events of a part are called. */
const EVENTS = {
  output_text: ['response.output_text', 'response.content_part'],
  refusal: ['response.refusal', 'response.content_part'],
  reasoning_text: ['response.reasoning_text', 'response.content_part'],
  summary_text: ['response.reasoning_summary_text', 'response.reasoning_summary_part'],
} as const

/** Adds text to the last part of an item, or to a new one where that is of another type. */
export function growPart(state: ItemsState, item: Item, type: Part['type'], text: string): void {
  const part = partAt(state, item, type)
  state.addKept(text.length)
  part.text += text
  const further = type === 'output_text' ? { logprobs: takeLogprobs(state, part) } : {}
  state.emit(`${EVENTS[type][0]}.delta`, { ...partPlace(item, part), delta: text, ...further })
  if (type === 'output_text') addAnnotations(state, item)
}

function partAt(state: ItemsState, item: Item, type: Part['type']): Part {
  const last = item.parts.at(-1)
  if (last?.type === type) return last
  endLastPart(state, item)
  state.addKept(ITEM_CHARACTERS)
  const part: Part = { type, index: item.parts.length, text: '', annotations: [], logprobs: [] }
  item.parts.push(part)
  state.emit(`${EVENTS[type][1]}.added`, { ...partPlace(item, part), part: wholePart(part) })
  return part
}

function partPlace(item: Item, { type, index }: Part): JsonObject {
  return { ...placeOf(item), ...(type === 'summary_text' ? { summary_index: index } : { content_index: index }) }
}

/** The log probabilities that have come for the next text. */
function takeLogprobs(state: ItemsState, part: Part): readonly unknown[] {
  const { logprobs } = state
  if (logprobs.length === 0) return logprobs
  for (const logprob of logprobs) part.logprobs.push(logprob)
  state.logprobs = []
  return logprobs
}

/** Adds the annotations that have come to the text of an item, if it has one. */
export function addAnnotations(state: ItemsState, item: Item): void {
  const part = item.parts.at(-1)
  if (state.annotations.length === 0 || part?.type !== 'output_text') return
  for (const annotation of state.annotations) {
    const annotation_index = part.annotations.push(annotation) - 1
    state.emit('response.output_text.annotation.added', { ...partPlace(item, part), annotation_index, annotation })
  }
  state.annotations = []
}

/** A part as it stands in an item. */
export function wholePart({ type, text, annotations, logprobs }: Part): JsonObject {
  if (type === 'refusal') return { type, refusal: text }
  return type === 'output_text'
    ? { type, annotations: [...annotations], logprobs: [...logprobs], text }
    : { type, text }
}

/** Ends the part of an item that grew last. */
export function endLastPart(state: ItemsState, item: Item): void {
  const part = item.parts.at(-1)
  if (part === undefined) return
  const { type, text, logprobs } = part
  const place = partPlace(item, part)
  if (type === 'output_text') takeLogprobs(state, part)
  const whole = type === 'refusal' ? { refusal: text } : { text, ...(type === 'output_text' ? { logprobs } : {}) }
  state.emit(`${EVENTS[type][0]}.done`, { ...place, ...whole })
  state.emit(`${EVENTS[type][1]}.done`, { ...place, part: wholePart(part) })
}
