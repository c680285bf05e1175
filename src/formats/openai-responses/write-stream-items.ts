import type { Content, StreamEnd } from '../../chat/event.ts'
import type { AnswerInput } from '../format.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, omitNull, toText } from '../shared/fields.ts'
import { createReasoningKeeper } from '../shared/kept-reasoning.ts'
import { readToolNames } from './read-request-tools.ts'
import { endStatus, headOf, incompleteReason, repeatedFields } from './write-answer-fields.ts'
import { callBefore, callFields, endCall, growCall, startCall } from './write-stream-calls.ts'
import { addAnnotations, endLastPart, growPart, wholePart } from './write-stream-parts.ts'
import { createRepeatedBound, type Emit, type Item, type ItemsState, openItem, sizeOf } from './write-stream-state.ts'

type Status = 'completed' | 'incomplete'
/** About the size of an object with a few members. */
const EVENT_CHARACTERS = 100
type End = Extract<StreamEnd, { type: 'end' }>

/** Makes the items of an answer from its content. */
export interface Items {
  readonly push: (event: Content) => void
  /** Closes all items. @returns the whole response, as the client gets it. */
  readonly end: (end: End) => JsonObject
  /** The items so far, of an answer that is broken off. */
  readonly broken: () => readonly JsonObject[]
}

export function createItems(input: AnswerInput, emit: Emit): Items {
  const { body = {} } = input.source ?? {}
  const { reasoning } = body
  const asked = isJsonObject(reasoning) && (reasoning.summary ?? reasoning.generate_summary)
  const state: ItemsState = {
    input,
    emit,
    names: readToolNames(body),
    keeper: createReasoningKeeper(),
    reasoningType: asked ? 'summary_text' : 'reasoning_text',
    items: [],
    open: undefined,
    waiting: [],
    waitingCalls: new Map(),
    logprobs: [],
    annotations: [],
    serviceTier: undefined,
    addKept: createRepeatedBound(),
  }
  return {
    push: (event) => push(state, event),
    end: (end) => endAnswer(state, end),
    broken: () => state.items.map((item) => (item.isOpen ? wholeItem(state, item, 'incomplete') : item.fields)),
  }
}

/** Items come one after the other, so what belongs to later ones waits until a call is whole. */
function push(state: ItemsState, event: Content): void {
  const { open, waiting } = state
  const call = open?.call
  if (open === undefined || call === undefined) write(state, event)
  else if (event.type === 'tool-delta' && event.index === call.index) {
    growCall(state, open, call, event.text)
    if (waiting.length > 0 && call.progress.state() === 'complete') release(state)
  } else {
    const before = callBefore(call, event)
    if (before === 'next' && waiting.length === 0) write(state, event)
    else {
      hold(state, event)
      if (before === 'next') release(state)
    }
  }
}

/** Keeps what waits: one entry for each later call, and for texts that go on. */
function hold({ waiting, waitingCalls, addKept }: ItemsState, event: Content): void {
  if (event.type === 'tool-delta') {
    const call = waitingCalls.get(event.index)
    if (call === undefined) return
    addKept(event.text.length)
    call.text += event.text
    return
  }
  const last = waiting.at(-1)
  if ('text' in event && last !== undefined && last.event.type === event.type && 'text' in last.event) {
    addKept(event.text.length)
    last.event = { ...event, text: last.event.text + event.text }
    return
  }
  addKept(EVENT_CHARACTERS + sizeOf(event))
  const held = { event, text: '' }
  waiting.push(held)
  if (event.type === 'tool-start') waitingCalls.set(event.index, held)
}

/** Ends the call that is open, and writes what has waited for that: up to the next call that is not whole. */
function release(state: ItemsState, status: Status = 'completed'): void {
  const { waiting, waitingCalls } = state
  endOpen(state, status)
  for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
    const { event, text } = next
    const before = state.open?.call
    if (before !== undefined && callBefore(before, event) !== 'next') return
    waiting.shift()
    write(state, event)
    if (event.type !== 'tool-start') continue
    waitingCalls.delete(event.index)
    const { open } = state
    if (open?.call !== undefined && text !== '') growCall(state, open, open.call, text)
  }
}

function write(state: ItemsState, event: Content): void {
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
      // What comes with the call has to be in an item before it.
      state.keeper.push(event)
      endOpen(state)
      startCall(state, event)
      break
    case 'tool-delta':
      break
    case 'extra':
      writeExtra(state, event)
      break
    default:
      event satisfies never
  }
}

function messageAt(state: ItemsState): Item {
  if (state.open?.fields.type === 'message') return state.open
  endOpen(state)
  return openItem(state, 'msg_', { type: 'message', status: 'in_progress', role: 'assistant', content: [] })
}

function reasoningAt(state: ItemsState): Item {
  if (state.open?.fields.type === 'reasoning') return state.open
  endOpen(state)
  return openReasoning(state)
}

function openReasoning(state: ItemsState): Item {
  const content = state.reasoningType === 'reasoning_text' ? { content: [] } : {}
  return openItem(state, 'rs_', { type: 'reasoning', summary: [], ...content })
}

/** Ends what is open before another item begins, and puts what a provider wants back into an item of reasoning. */
function endOpen(state: ItemsState, status: Status = 'completed'): void {
  const { open, keeper } = state
  const isReasoning = open?.fields.type === 'reasoning'
  if (open !== undefined && !isReasoning) endItem(state, open, status)
  const visible = isReasoning && state.reasoningType === 'summary_text' ? open?.parts[0]?.text : undefined
  const kept = keeper.take(visible)
  const item = isReasoning ? open : kept === undefined ? undefined : openReasoning(state)
  if (item === undefined) return
  if (kept !== undefined) {
    item.sealed = state.input.sealer.seal(kept)
    state.addKept(item.sealed.length)
  }
  endItem(state, item, status)
}

function endItem(state: ItemsState, item: Item, status: Status): void {
  endLastPart(state, item)
  if (item.call !== undefined) endCall(state, item, item.call)
  item.isOpen = false
  item.fields = wholeItem(state, item, status)
  state.open = undefined
  state.emit('response.output_item.done', { output_index: item.index, item: item.fields })
}

function wholeItem(state: ItemsState, { fields, parts, sealed, call }: Item, status: Status): JsonObject {
  if (call !== undefined) return { ...fields, status, ...callFields(call) }
  if (fields.type === 'message') return { ...fields, status, content: parts.map(wholePart) }
  const list = state.reasoningType === 'summary_text' ? 'summary' : 'content'
  // Also where `include` does not ask for it: clients that send items back whole, as OpenAI's Agents do, would lose it.
  const encrypted = omitNull({ encrypted_content: sealed })
  return { ...fields, [list]: parts.map(wholePart), ...encrypted }
}

function writeExtra(state: ItemsState, event: Extract<Content, { type: 'extra' }>): void {
  const { place, fields } = event
  state.keeper.push(event)
  if (place === 'body') state.serviceTier = toServiceTier(fields.service_tier) ?? state.serviceTier
  else if (place === 'choice') {
    const { logprobs } = fields
    const list = isJsonObject(logprobs) ? (logprobs.content ?? logprobs.refusal) : undefined
    for (const logprob of jsonObjectsIn(list)) {
      state.addKept(EVENT_CHARACTERS + sizeOf(logprob))
      state.logprobs.push(toLogprob(logprob))
    }
  } else {
    for (const annotation of jsonObjectsIn(fields.annotations)) {
      state.addKept(EVENT_CHARACTERS + sizeOf(annotation))
      state.annotations.push(toAnnotation(annotation))
    }
    if (state.open !== undefined) addAnnotations(state, state.open)
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
  state.addKept(url.length)
  const item = openItem(state, 'ig_', { type: 'image_generation_call', status: 'in_progress', result: null })
  item.isOpen = false
  item.fields = { ...item.fields, status: 'completed', result: url.replace(/^data:[^,]{0,100},/, '') }
  state.open = undefined
  state.emit('response.output_item.done', { output_index: item.index, item: item.fields })
}

function endAnswer(state: ItemsState, end: End): JsonObject {
  const { input, items } = state
  const status = incompleteReason(end.finishes[0]) === undefined ? 'completed' : 'incomplete'
  while (state.waiting.length > 0) release(state)
  endOpen(state, state.open?.call?.progress.state() === 'complete' ? 'completed' : status)
  const output = items.map(({ fields }) => fields)
  const response = {
    ...headOf(input),
    ...endStatus(end, output, input.now()),
    ...repeatedFields(input),
    ...omitNull({ service_tier: state.serviceTier }),
  }
  input.onComplete?.(response)
  return response
}
