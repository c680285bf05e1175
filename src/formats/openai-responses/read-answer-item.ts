import { isJsonObject, type JsonObject, jsonObjectsIn, toText } from '../shared/fields.ts'
import { argumentsWithoutCall, hasArguments, toArgumentsText } from '../shared/tool-arguments.ts'
import {
  type AnswerState,
  addPiece,
  CALL_KINDS,
  CHOICE,
  type ItemState,
  itemAt,
  type PartState,
  partOf,
  restOf,
} from './read-answer-state.ts'

/** The kinds of parts, and what each is in a chat: texts of a message, and reasoning as its summary or itself. */
const PARTS = {
  output_text: 'text',
  refusal: 'refusal',
  summary_text: 'reasoning',
  reasoning_text: 'reasoning',
} as const
type PartKind = keyof typeof PARTS

/** An item has begun. */
export function openItem(state: AnswerState, data: JsonObject): void {
  const { item: given } = data
  if (isJsonObject(given)) startCall(state, itemAt(state, data, toText(given.type) ?? 'message'), given)
}

/** An item is complete, and given whole: what its deltas left out is read now. */
export function endItem(state: AnswerState, data: JsonObject): void {
  const { item: given } = data
  if (!isJsonObject(given)) return
  const item = itemAt(state, data, toText(given.type) ?? 'message')
  if (item.isDone || item.type !== (toText(given.type) ?? 'message')) return
  item.isDone = true
  if (item.type === 'message') readParts(state, item, given.content)
  else if (item.type === 'reasoning') endReasoning(state, item, given)
  else if (CALL_KINDS.has(item.type)) {
    startCall(state, item, given)
    endArguments(state, item, toArgumentsText(given.arguments ?? given.input))
  }
  item.parts.clear()
}

function readParts(state: AnswerState, item: ItemState, content: unknown): void {
  // Some servers give a text where the others give parts.
  const parts = typeof content === 'string' ? [{ type: 'output_text', text: content }] : jsonObjectsIn(content)
  for (const [index, part] of parts.entries()) endPart(state, item, index, part)
}

/** A delta of a part. */
export function growPart(state: AnswerState, item: ItemState, kind: PartKind, data: JsonObject): void {
  const text = toText(data.delta)
  const part = partOf(state, item, partName(kind, data.content_index ?? data.summary_index))
  readLogprobs(state, part, data.logprobs)
  if (text !== undefined) addText(state, part, kind, text)
}

/** A part is complete, and given whole. */
export function endPart(state: AnswerState, item: ItemState, index: unknown, given: JsonObject): void {
  const kind = given.type === 'text' ? 'output_text' : given.type
  if (typeof kind !== 'string' || !Object.hasOwn(PARTS, kind)) return
  const part = partOf(state, item, partName(kind as PartKind, index))
  const whole = toText(kind === 'refusal' ? given.refusal : given.text) ?? ''
  if (!part.hasLogprobs) readLogprobs(state, part, given.logprobs)
  const rest = restOf(whole, part)
  if (rest !== '') addText(state, part, kind as PartKind, rest)
  const annotations = Array.isArray(given.annotations) ? given.annotations : []
  for (const annotation of annotations.slice(part.annotations)) readAnnotation(state, part, annotation)
}

/** An annotation of a part has come. */
export function addAnnotation(state: AnswerState, data: JsonObject): void {
  const item = itemAt(state, data, 'message')
  readAnnotation(state, partOf(state, item, partName('output_text', data.content_index)), data.annotation)
}

function partName(kind: PartKind, index: unknown): string {
  return `${kind} ${typeof index === 'number' ? index : 0}`
}

function addText(state: AnswerState, part: PartState, kind: PartKind, text: string): void {
  const type = PARTS[kind]
  const isNew = part.length === 0
  addPiece(part, text)
  state.hasOutput = true
  if (type === 'text') state.textLength += text.length
  // The parts of a summary are paragraphs, each with a heading.
  const gap = type === 'reasoning' && isNew && state.hasReasoning ? '\n\n' : ''
  if (type === 'reasoning') state.hasReasoning = true
  state.events.push({ type, choice: CHOICE, text: gap + text })
}

function readLogprobs(state: AnswerState, part: PartState, given: unknown): void {
  if (!Array.isArray(given) || given.length === 0) return
  part.hasLogprobs = true
  state.events.push({ type: 'extra', choice: CHOICE, place: 'choice', fields: { logprobs: { content: given } } })
}

/** A chat has citations of web pages, and none of files. Here an index counts within the part, there within the message. */
function readAnnotation(state: AnswerState, part: PartState, given: unknown): void {
  part.annotations++
  state.countAnnotation()
  if (!isJsonObject(given) || given.type !== 'url_citation') return
  const { type, start_index, end_index, ...citation } = given
  const moved = (index: unknown) => (typeof index === 'number' ? index + part.start : undefined)
  const url_citation = { ...citation, start_index: moved(start_index), end_index: moved(end_index) }
  const fields = { annotations: [{ type, url_citation }] }
  state.events.push({ type: 'extra', choice: CHOICE, place: 'message', fields })
}

/** What is encrypted counts only here: the item's beginning has another text, which does not open. */
function endReasoning(state: AnswerState, item: ItemState, given: JsonObject): void {
  readParts(state, item, given.summary)
  readParts(state, item, given.content)
  const data = toText(given.encrypted_content)
  if (data === undefined) return
  const common = { id: toText(given.id), format: state.reasoningFormat, index: item.position }
  const summary = jsonObjectsIn(given.summary)
    .flatMap(({ text }) => toText(text) ?? [])
    .join('\n\n')
  const reasoning_details = [
    ...(summary === '' ? [] : [{ type: 'reasoning.summary', summary, ...common }]),
    { type: 'reasoning.encrypted', data, ...common },
  ]
  state.events.push({ type: 'extra', choice: CHOICE, place: 'message', fields: { reasoning_details } })
}

function startCall(state: AnswerState, item: ItemState, given: JsonObject): void {
  const kind = CALL_KINDS.get(item.type)
  const name = toText(given.name)
  if (kind === undefined || name === undefined || item.callIndex !== undefined) return
  const index = state.countCall()
  item.callIndex = index
  state.hasOutput = true
  const id = toText(given.call_id) ?? toText(given.id) ?? state.newId()
  state.events.push({ type: 'tool-start', choice: CHOICE, index, id, name, kind })
  const held = item.heldArguments
  item.heldArguments = ''
  if (held !== '') state.events.push({ type: 'tool-delta', choice: CHOICE, index, text: held })
}

/** A piece of a call's arguments, or of a custom tool's input. */
export function growArguments(state: AnswerState, item: ItemState, text: string): void {
  if (text === '') return
  addPiece(item.arguments, text)
  const { callIndex: index } = item
  if (index !== undefined) {
    state.events.push({ type: 'tool-delta', choice: CHOICE, index, text })
    return
  }
  state.addKept(text.length)
  item.heldArguments += text
}

/** A call's arguments are complete: what came without a delta goes out now. */
export function doneArguments(state: AnswerState, item: ItemState, data: JsonObject): void {
  startCall(state, item, data)
  if (!item.isDone) growArguments(state, item, restOf(toArgumentsText(data.arguments ?? data.input), item.arguments))
}

function endArguments(state: AnswerState, item: ItemState, whole: string): void {
  growArguments(state, item, restOf(whole, item.arguments))
  if (item.callIndex === undefined && hasArguments(item.heldArguments)) throw argumentsWithoutCall()
}
