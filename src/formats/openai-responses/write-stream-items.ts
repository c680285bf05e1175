import type { Content, Finish, Usage } from '../../chat/event.ts'
import type { AnswerInput } from '../format.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, omitNull, toText } from '../shared/fields.ts'
import { createReasoningKeeper, type ReasoningKeeper } from '../shared/kept-reasoning.ts'
import { readToolNames, type ToolNames } from './read-request-tools.ts'
import {
  endStatus,
  headOf,
  incompleteReason,
  type ResponseStatus,
  repeatedFields,
  showsSealed,
} from './write-answer-fields.ts'
import { createInputDecoder, type InputDecoder } from './write-stream-input.ts'

type EventOf<Type extends Content['type']> = Extract<Content, { type: Type }>
type Status = 'in_progress' | 'completed' | 'incomplete'

/** Takes an event of the stream, without its sequence number. */
export type Emit = (type: string, fields: JsonObject) => void

/** A part of an item: of a message's content, or of reasoning as a summary or itself. */
interface Part {
  readonly type: 'output_text' | 'refusal' | 'summary_text' | 'reasoning_text'
  readonly index: number
  text: string
  readonly annotations: JsonObject[]
  readonly logprobs: unknown[]
}

/** An item of the output, as far as it has been written. */
interface Item {
  /** The item as it stands in the output; its parts and texts come at its end. */
  fields: JsonObject
  readonly id: string
  readonly index: number
  readonly parts: Part[]
  isOpen: boolean
  /** What Router9 sealed in it. */
  sealed?: string
  readonly call?: Call
}

/** What an item has where it is a call. */
interface Call {
  /** Of a custom tool that is a function in the chat. */
  readonly decoder: InputDecoder | undefined
  readonly isCustom: boolean
  readonly name: string
  /** Arguments as they came from the provider. */
  raw: string
  text: string
}

interface ItemsState {
  readonly input: AnswerInput
  readonly emit: Emit
  readonly names: ToolNames
  readonly keeper: ReasoningKeeper
  readonly items: Item[]
  /** The message or the reasoning that grows. */
  open: Item | undefined
  /** Items that are calls, by the call's index. */
  readonly calls: Map<number, Item>
  lastCall: Item | undefined
  /** Log probabilities and annotations that wait for their text. */
  logprobs: unknown[]
  annotations: JsonObject[]
  serviceTier: unknown
  readonly reasoningType: 'summary_text' | 'reasoning_text'
}

/** Makes the items of an answer from its content. */
export interface Items {
  readonly push: (event: Content) => void
  /** Closes all items. @returns the whole response, as the client gets it. */
  readonly end: (end: { readonly finishes: readonly Finish[]; readonly usage: Usage }) => JsonObject
  /** The items so far, of an answer that is broken off. */
  readonly broken: () => readonly JsonObject[]
}

export function createItems(input: AnswerInput, emit: Emit): Items {
  const { reasoning, tools } = input.source?.body ?? {}
  const asked = isJsonObject(reasoning) && (reasoning.summary ?? reasoning.generate_summary)
  const state: ItemsState = {
    input,
    emit,
    names: readToolNames(tools),
    keeper: createReasoningKeeper(),
    items: [],
    open: undefined,
    calls: new Map(),
    lastCall: undefined,
    logprobs: [],
    annotations: [],
    serviceTier: undefined,
    reasoningType: asked ? 'summary_text' : 'reasoning_text',
  }
  return {
    push: (event) => push(state, event),
    end: (end) => endAnswer(state, end),
    broken: () => state.items.map((item) => (item.isOpen ? wholeItem(state, item, 'incomplete') : item.fields)),
  }
}

function push(state: ItemsState, event: Content): void {
  switch (event.type) {
    case 'text':
      growPart(state, messageAt(state), 'output_text', event.text)
      break
    case 'refusal':
      growPart(state, messageAt(state), 'refusal', event.text)
      break
    case 'reasoning':
      growPart(state, reasoningAt(state), state.reasoningType, event.text)
      state.keeper.push(event)
      break
    case 'tool-start':
      startCall(state, event)
      break
    case 'tool-delta':
      growCall(state, event)
      break
    case 'extra':
      pushExtra(state, event)
      break
    default:
      event satisfies never
  }
}

function messageAt(state: ItemsState): Item {
  if (state.open?.fields.type === 'message') return state.open
  endOpen(state)
  state.open = openItem(state, 'msg_', { type: 'message', status: 'in_progress', role: 'assistant', content: [] })
  return state.open
}

function reasoningAt(state: ItemsState): Item {
  if (state.open?.fields.type === 'reasoning') return state.open
  endOpen(state)
  state.open = openReasoning(state)
  return state.open
}

function openReasoning(state: ItemsState): Item {
  const content = state.reasoningType === 'reasoning_text' ? { content: [] } : {}
  return openItem(state, 'rs_', { type: 'reasoning', summary: [], ...content })
}

function openItem(state: ItemsState, prefix: string, fields: JsonObject, call?: Call): Item {
  const id = `${prefix}${state.input.newId()}`
  const index = state.items.length
  const item: Item = { fields: { id, ...fields }, id, index, parts: [], isOpen: true, ...(call && { call }) }
  state.items.push(item)
  state.emit('response.output_item.added', { output_index: item.index, item: item.fields })
  return item
}

/** Where an event belongs. */
function placeOf({ id, index }: Item, part?: Part): JsonObject {
  if (part === undefined) return { item_id: id, output_index: index }
  const partIndex = part.type === 'summary_text' ? { summary_index: part.index } : { content_index: part.index }
  return { item_id: id, output_index: index, ...partIndex }
}

/** The names of the events about a part. */
const PART_EVENTS = {
  output_text: ['response.output_text', 'response.content_part'],
  refusal: ['response.refusal', 'response.content_part'],
  reasoning_text: ['response.reasoning_text', 'response.content_part'],
  summary_text: ['response.reasoning_summary_text', 'response.reasoning_summary_part'],
} as const

function partAt(state: ItemsState, item: Item, type: Part['type']): Part {
  const last = item.parts.at(-1)
  if (last?.type === type) return last
  if (last !== undefined) endPart(state, item, last)
  const part: Part = { type, index: item.parts.length, text: '', annotations: [], logprobs: [] }
  item.parts.push(part)
  state.emit(`${PART_EVENTS[type][1]}.added`, { ...placeOf(item, part), part: wholePart(part) })
  return part
}

function growPart(state: ItemsState, item: Item, type: Part['type'], text: string): void {
  const part = partAt(state, item, type)
  part.text += text
  const further = type === 'output_text' ? { logprobs: takeLogprobs(state, part) } : {}
  state.emit(`${PART_EVENTS[type][0]}.delta`, { ...placeOf(item, part), delta: text, ...further })
  if (type === 'output_text' && state.annotations.length > 0) addAnnotations(state, item, part)
}

function takeLogprobs(state: ItemsState, part: Part): readonly unknown[] {
  const { logprobs } = state
  if (logprobs.length === 0) return logprobs
  for (const logprob of logprobs) part.logprobs.push(logprob)
  state.logprobs = []
  return logprobs
}

function addAnnotations(state: ItemsState, item: Item, part: Part): void {
  for (const annotation of state.annotations) {
    const annotation_index = part.annotations.push(annotation) - 1
    state.emit('response.output_text.annotation.added', { ...placeOf(item, part), annotation_index, annotation })
  }
  state.annotations = []
}

function wholePart({ type, text, annotations, logprobs }: Part): JsonObject {
  if (type === 'refusal') return { type, refusal: text }
  return type === 'output_text' ? { type, annotations, logprobs, text } : { type, text }
}

function endPart(state: ItemsState, item: Item, part: Part): void {
  const { type, text } = part
  const [name, partName] = PART_EVENTS[type]
  const place = placeOf(item, part)
  if (type === 'output_text') takeLogprobs(state, part)
  const whole =
    type === 'output_text' ? { text, logprobs: part.logprobs } : type === 'refusal' ? { refusal: text } : { text }
  state.emit(`${name}.done`, { ...place, ...whole })
  state.emit(`${partName}.done`, { ...place, part: wholePart(part) })
}

/** Ends what is open before another item begins, and puts what a provider wants back into an item of reasoning. */
function endOpen(state: ItemsState, status: Status = 'completed'): void {
  const { open, keeper } = state
  state.open = undefined
  endLastCall(state)
  const isReasoning = open?.fields.type === 'reasoning'
  if (open !== undefined && !isReasoning) endItem(state, open, status)
  const visible =
    open !== undefined && isReasoning && state.reasoningType === 'summary_text' ? open.parts[0]?.text : undefined
  const kept = keeper.take(visible)
  const item = isReasoning ? open : kept === undefined ? undefined : openReasoning(state)
  if (item === undefined) return
  if (kept !== undefined) item.sealed = state.input.sealer.seal(kept)
  endItem(state, item, status)
}

function endItem(state: ItemsState, item: Item, status: Status): void {
  const last = item.parts.at(-1)
  if (last !== undefined) endPart(state, item, last)
  if (item.call !== undefined) endCall(state, item, item.call)
  item.isOpen = false
  item.fields = wholeItem(state, item, status)
  state.emit('response.output_item.done', { output_index: item.index, item: item.fields })
}

function wholeItem(state: ItemsState, { fields, parts, sealed, call }: Item, status: Status): JsonObject {
  if (call !== undefined) return { ...fields, status, [call.isCustom ? 'input' : 'arguments']: call.text }
  if (fields.type === 'message') return { ...fields, status, content: parts.map(wholePart) }
  const list = fields.content === undefined ? 'summary' : 'content'
  const encrypted = sealed !== undefined && showsSealed(state.input) ? { encrypted_content: sealed } : {}
  return { ...fields, [list]: parts.map(wholePart), ...encrypted }
}

function startCall(state: ItemsState, event: EventOf<'tool-start'>): void {
  // What comes with the call has to be in an item before it.
  state.keeper.push(event)
  endOpen(state)
  const { name, namespace, isCustom: isFunctionInChat } = state.names.toClient(event.name)
  const isCustom = isFunctionInChat === true || event.kind === 'custom'
  const decoder = isCustom && event.kind !== 'custom' ? createInputDecoder() : undefined
  const fields = {
    status: 'in_progress',
    call_id: event.id || `call_${state.input.newId()}`,
    ...omitNull({ namespace }),
    name,
  }
  const call: Call = { decoder, isCustom, name, raw: '', text: '' }
  const item = isCustom
    ? openItem(state, 'ctc_', { type: 'custom_tool_call', ...fields, input: '' }, call)
    : openItem(state, 'fc_', { type: 'function_call', ...fields, arguments: '' }, call)
  state.calls.set(event.index, item)
  state.lastCall = item
}

function growCall(state: ItemsState, { index, text }: EventOf<'tool-delta'>): void {
  const item = state.calls.get(index)
  if (item?.call === undefined || !item.isOpen) return
  item.call.raw += text
  addCallText(state, item, item.call, item.call.decoder?.push(text) ?? text)
}

function addCallText(state: ItemsState, item: Item, call: Call, text: string): void {
  if (text === '') return
  call.text += text
  const name = call.isCustom ? 'response.custom_tool_call_input.delta' : 'response.function_call_arguments.delta'
  state.emit(name, { ...placeOf(item), delta: text })
}

/** A call ends when the next item begins, unless its arguments are not whole yet: then it ends with the answer. */
function endLastCall(state: ItemsState): void {
  const { lastCall } = state
  state.lastCall = undefined
  if (lastCall?.call !== undefined && isJson(lastCall.call.raw)) endItem(state, lastCall, 'completed')
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function endCall(state: ItemsState, item: Item, call: Call): void {
  if (call.decoder !== undefined) addCallText(state, item, call, call.decoder.end())
  const place = placeOf(item)
  if (call.isCustom) state.emit('response.custom_tool_call_input.done', { ...place, input: call.text })
  else state.emit('response.function_call_arguments.done', { ...place, name: call.name, arguments: call.text })
}

function pushExtra(state: ItemsState, event: EventOf<'extra'>): void {
  const { place, fields } = event
  state.keeper.push(event)
  if (place === 'body') state.serviceTier = toServiceTier(fields.service_tier) ?? state.serviceTier
  else if (place === 'choice') {
    const { logprobs } = fields
    const list = isJsonObject(logprobs) ? (logprobs.content ?? logprobs.refusal) : undefined
    for (const logprob of jsonObjectsIn(list)) state.logprobs.push(toLogprob(logprob))
  } else {
    for (const annotation of jsonObjectsIn(fields.annotations)) state.annotations.push(toAnnotation(annotation))
    const { open } = state
    const part = open?.parts.at(-1)
    if (open !== undefined && part?.type === 'output_text') addAnnotations(state, open, part)
    for (const { image_url: image } of jsonObjectsIn(fields.images)) {
      if (isJsonObject(image)) addImage(state, toText(image.url) ?? '')
    }
  }
}

/** The API has no other words for a tier than its own: clients that validate an answer refuse further ones. */
function toServiceTier(tier: unknown): string | undefined {
  return /^(auto|default|flex|scale|priority)$/.exec(toText(tier) ?? '')?.[0]
}

/** A chat may leave the bytes of a token out. */
function toLogprob(logprob: JsonObject): JsonObject {
  const tops = jsonObjectsIn(logprob.top_logprobs)
  return { ...withBytes(logprob), top_logprobs: tops.map(withBytes) }
}

function withBytes(token: JsonObject): JsonObject {
  return { ...token, bytes: token.bytes ?? [] }
}

/** A chat has the members of an annotation one level deeper. */
function toAnnotation({ type, ...fields }: JsonObject): JsonObject {
  const inner = fields[String(type)]
  return isJsonObject(inner) ? { type, ...inner } : { type, ...fields }
}

/** A picture that a model makes by itself looks like one of OpenAI's tool. */
function addImage(state: ItemsState, url: string): void {
  endOpen(state)
  const item = openItem(state, 'ig_', { type: 'image_generation_call', status: 'in_progress', result: null })
  item.isOpen = false
  item.fields = { ...item.fields, status: 'completed', result: url.replace(/^data:[^,]{0,100},/, '') }
  state.emit('response.output_item.done', { output_index: item.index, item: item.fields })
}

function endAnswer(
  state: ItemsState,
  end: { readonly finishes: readonly Finish[]; readonly usage: Usage },
): JsonObject {
  const { input, items } = state
  const status = incompleteReason(end.finishes[0]) === undefined ? 'completed' : 'incomplete'
  endOpen(state, status)
  for (const item of items) if (item.isOpen) endItem(state, item, status)
  const output = items.map(({ fields }) => fields)
  const fields = (list: readonly JsonObject[]): JsonObject => ({
    ...headOf(input),
    ...(endStatus(end, list, input.now()) satisfies ResponseStatus),
    ...repeatedFields(input),
    ...omitNull({ service_tier: state.serviceTier }),
  })
  // Whoever continues the answer by its id gets back what its provider wants.
  input.onComplete?.(
    fields(
      items.map(({ fields: item, sealed }) => (sealed === undefined ? item : { ...item, encrypted_content: sealed })),
    ),
  )
  return fields(output)
}
