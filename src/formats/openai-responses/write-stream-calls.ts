import type { Content } from '../../chat/event.ts'
import { createInputDecoder } from '../shared/custom-input.ts'
import { isJsonObject, type JsonObject, omitNull } from '../shared/fields.ts'
import { createObjectProgress } from '../shared/object-progress.ts'
import { type Call, type Item, type ItemsState, openItem, placeOf } from './write-stream-state.ts'

type ToolStart = Extract<Content, { type: 'tool-start' }>

/** The item of a call, and the event that its arguments come in. */
const KINDS = {
  function: { type: 'function_call', prefix: 'fc_', begin: { arguments: '' }, event: 'function_call_arguments' },
  custom: { type: 'custom_tool_call', prefix: 'ctc_', begin: { input: '' }, event: 'custom_tool_call_input' },
  search: { type: 'tool_search_call', prefix: 'tsc_', begin: { arguments: {}, execution: 'client' }, event: undefined },
} as const

/** Begins the item of a call. */
export function startCall(state: ItemsState, { index, id, name: chatName, kind: given }: ToolStart): void {
  const { name, namespace, kind: known } = state.names.toClient(chatName)
  const kind = given === 'custom' ? given : known
  const decoder = kind === 'custom' && given !== 'custom' ? createInputDecoder() : undefined
  const { type, prefix, begin } = KINDS[kind]
  const call: Call = { index, name, kind, decoder, progress: createObjectProgress(), text: '' }
  const named = kind === 'search' ? {} : omitNull({ namespace, name })
  // Every result has to name its call.
  const call_id = id || `call_${state.input.newId()}`
  openItem(state, prefix, { type, status: 'in_progress', call_id, ...named, ...begin }, call)
}

/** Adds to a call's arguments, as they are in the chat. */
export function growCall(state: ItemsState, item: Item, call: Call, text: string): void {
  call.progress.add(text)
  // A decoder keeps what it cannot read yet.
  state.addKept(text.length)
  addText(state, item, call, call.decoder?.push(text) ?? text)
}

function addText(state: ItemsState, item: Item, call: Call, text: string): void {
  if (text === '') return
  call.text += text
  const { event } = KINDS[call.kind]
  if (event !== undefined) state.emit(`response.${event}.delta`, { ...placeOf(item), delta: text })
}

/**
 * What a call makes of an event that is not its own. `next`: the call is whole. `wait`: it is not. `unclear`: nothing has come of it
 * yet, and another call begins or goes on: it takes no arguments, or the provider names all calls first.
 */
export function callBefore({ progress, kind, decoder }: Call, event: Content): 'next' | 'wait' | 'unclear' {
  const state = progress.state()
  if (state === 'open') return 'wait'
  const mayGrow = state === 'empty' && (kind !== 'custom' || decoder !== undefined)
  const isOfCall = event.type === 'tool-start' || event.type === 'tool-delta' || event.type === 'extra'
  return mayGrow && isOfCall ? 'unclear' : 'next'
}

/** Ends the arguments of a call. */
export function endCall(state: ItemsState, item: Item, call: Call): void {
  const { kind, decoder, name } = call
  if (decoder !== undefined) addText(state, item, call, decoder.end())
  // A call that takes nothing still has an object.
  else if (call.text === '' && kind === 'function') addText(state, item, call, '{}')
  const { event } = KINDS[kind]
  const named = kind === 'function' ? { name } : {}
  if (event !== undefined) state.emit(`response.${event}.done`, { ...placeOf(item), ...named, ...callFields(call) })
}

/** What the item of a call says of its arguments. */
export function callFields({ kind, text }: Call): JsonObject {
  if (kind === 'search') return { arguments: parsedArguments(text) }
  return kind === 'custom' ? { input: text } : { arguments: text }
}

/** A search is a few words. */
const MAX_SEARCH_CHARACTERS = 4096

function parsedArguments(text: string): JsonObject {
  if (text.length > MAX_SEARCH_CHARACTERS) return {}
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : {}
  } catch {
    return {}
  }
}
