import type { ChatEvent, ToolKind } from '../../chat/event.ts'
import { isJsonObject, type JsonObject, omitEmpty, toText } from '../shared/fields.ts'
import { createObjectProgress, type ObjectProgress } from '../shared/object-progress.ts'
import { argumentsWithoutCall, hasArguments, toArgumentsText } from '../shared/tool-arguments.ts'

/** What the tool calls of all choices of one answer share. */
export interface CallSupport {
  /** Makes an id for a call to which the provider gave none. */
  readonly newId: () => string
  /** Counts one call. @throws Failure where there are too many. */
  readonly countCall: () => number
  /** Counts characters that wait for later ones. @throws Failure where there are too many. */
  readonly addKept: (characters: number) => void
}

/** The tool calls of one choice, as far as they have been read. */
export interface CallState {
  readonly choice: number
  readonly support: CallSupport
  readonly byIndex: Map<number, Call>
  readonly byId: Map<string, Call>
  /** Calls whose name has not come yet. */
  readonly nameless: Set<Call>
  /** How many calls there are. */
  count: number
  /** Counts the chunks that had calls. */
  chunk: number
  /** The call that the last piece belonged to. */
  current: Call | undefined
}

interface Call {
  readonly upstreamIndex: number | undefined
  readonly index: number
  id: string
  kind: ToolKind
  /** Undefined until it has come: before that the client is not told of the call. */
  name: string | undefined
  /** Arguments that came before the name. */
  heldText: string
  readonly progress: ObjectProgress
  /** The chunk that held its last piece. */
  chunk: number
}

/** A piece of a call, or all of it. */
interface Piece {
  readonly upstreamIndex: number | undefined
  readonly id: string | undefined
  readonly name: string | undefined
  readonly kind: 'function' | 'custom'
  readonly text: string
  /** The object that it was read from. */
  readonly source: JsonObject
}

export function createCallState(choice: number, support: CallSupport): CallState {
  return {
    choice,
    support,
    byIndex: new Map(),
    byId: new Map(),
    nameless: new Set(),
    count: 0,
    chunk: 0,
    current: undefined,
  }
}

/** Reads the calls of one chunk of a stream, or pieces of them, whatever the provider tells them apart by. */
export function readCallPieces(state: CallState, list: readonly JsonObject[], events: ChatEvent[]): void {
  state.chunk++
  for (let at = 0; at < list.length; at++) {
    const source = list[at]
    if (source !== undefined) readPiece(state, toPiece(source, list.length > 1 ? at : undefined), events)
  }
}

/** Reads the calls of a whole answer: each object is a call. */
export function readWholeCalls(state: CallState, list: readonly JsonObject[], events: ChatEvent[]): void {
  for (const source of list) {
    const piece = toPiece(source, undefined)
    if (piece.name === undefined && hasArguments(piece.text)) throw argumentsWithoutCall()
    if (piece.id === undefined && piece.name === undefined) continue
    const call = createCall(state, piece)
    call.name = piece.name ?? ''
    startCall(state, call, furtherFields(source), events)
    growCall(state, call, piece.text, events)
  }
}

/**
 * Sends the calls that still wait for a name.
 * @throws Failure where one of them has arguments: nobody can know which tool they are for.
 */
export function endCalls(state: CallState, events: ChatEvent[]): void {
  for (const call of state.nameless) {
    if (hasArguments(call.heldText)) throw argumentsWithoutCall()
    call.heldText = ''
    call.name = ''
    startCall(state, call, undefined, events)
  }
}

function readPiece(state: CallState, piece: Piece, events: ChatEvent[]): void {
  const { id, name } = piece
  const last = callAtPlaceOf(state, piece)
  if (last === undefined) {
    // Workers AI ends its calls with an empty one, which calls nothing.
    const isEmpty = id === undefined && name === undefined && !hasArguments(piece.text)
    if (!isEmpty) addPiece(state, createCall(state, piece), piece, events)
  } else if (id !== undefined && last.id !== '' && last.id !== id) {
    // Some providers give every call the index 0: another id with a name is another call. Others make an id for every piece.
    const call = name === undefined ? last : (state.byId.get(id) ?? createCall(state, piece))
    addPiece(state, call, piece, events)
  } else if (!isAnotherCall(state, last, piece)) {
    addPiece(state, last, piece, events)
  } else if (!isRepetition(state, last, piece)) {
    // A further call without a name is for the same tool. It cannot have an id that is in use.
    const further = { ...piece, id: undefined, name: name ?? last.name }
    addPiece(state, createCall(state, further), further, events)
  }
}

/** The last call at the place of a piece: its index tells the place, and where there is none its id does. */
function callAtPlaceOf({ byIndex, byId, current }: CallState, { upstreamIndex, id }: Piece): Call | undefined {
  if (upstreamIndex === undefined) return id === undefined ? current : byId.get(id)
  const last = byIndex.get(upstreamIndex)
  return last === undefined && id === undefined && current?.upstreamIndex === undefined ? current : last
}

/** Whether a piece belongs to another call than the last one at its place. */
function isAnotherCall({ chunk }: CallState, last: Call, { name, kind, text }: Piece): boolean {
  if (last.name === undefined || last.progress.state() === 'open') return false
  // No chunk holds two pieces of one call that both have the name.
  if (name !== undefined && (name !== last.name || last.chunk === chunk)) return true
  return kind === 'function' && last.progress.state() === 'complete' && beginsObject(text)
}

/** The same id and name with complete arguments once more: the provider repeats the call. */
function isRepetition({ chunk }: CallState, last: Call, { id, name }: Piece): boolean {
  return id !== undefined && (name === undefined || (name === last.name && last.chunk !== chunk))
}

function createCall(state: CallState, { upstreamIndex, id, kind }: Piece): Call {
  state.support.countCall()
  const call: Call = {
    upstreamIndex,
    index: state.count++,
    id: id ?? '',
    kind,
    name: undefined,
    heldText: '',
    progress: createObjectProgress(),
    chunk: state.chunk,
  }
  if (upstreamIndex !== undefined) state.byIndex.set(upstreamIndex, call)
  if (id !== undefined && !state.byId.has(id)) state.byId.set(id, call)
  state.nameless.add(call)
  return call
}

function addPiece(state: CallState, call: Call, { id, name, kind, text, source }: Piece, events: ChatEvent[]): void {
  state.current = call
  call.chunk = state.chunk
  if (call.id === '' && id !== undefined) {
    call.id = id
    if (!state.byId.has(id)) state.byId.set(id, call)
  }
  if (call.name === undefined) {
    if (name === undefined) {
      state.support.addKept(text.length)
      call.heldText += text
      return
    }
    call.kind = kind
    call.name = name
    startCall(state, call, furtherFields(source), events)
  }
  const given = call.heldText + text
  call.heldText = ''
  growCall(state, call, given, events)
}

/** Tells the client of a call whose name is known. */
function startCall(state: CallState, call: Call, extra: JsonObject | undefined, events: ChatEvent[]): void {
  state.nameless.delete(call)
  if (call.id === '') call.id = state.support.newId()
  const { index, id, name = '', kind } = call
  events.push({ type: 'tool-start', choice: state.choice, index, id, name, kind, ...(extra && { extra }) })
}

function growCall({ choice }: CallState, { kind, progress, index }: Call, text: string, events: ChatEvent[]): void {
  if (text === '') return
  if (kind === 'function') progress.add(text)
  events.push({ type: 'tool-delta', choice, index, text })
}

/** @param position its place in a list of several, which counts where it has no index. */
function toPiece(source: JsonObject, position: number | undefined): Piece {
  const kind = kindOf(source)
  const member = kind === 'custom' ? source.custom : source.function
  const inner = isJsonObject(member) ? member : {}
  const upstreamIndex = typeof source.index === 'number' ? source.index : position
  const text = toArgumentsText(kind === 'custom' ? inner.input : inner.arguments)
  return { upstreamIndex, id: toText(source.id), name: toText(inner.name), kind, text, source }
}

/** The type tells which member counts, unless only the other one is filled: Snowflake puts an empty `custom` in each call. */
function kindOf({ type, function: called, custom }: JsonObject): 'function' | 'custom' {
  if (!isJsonObject(custom)) return 'function'
  if (!isJsonObject(called)) return 'custom'
  const onlyCustom = isFilled(custom) && !isFilled(called)
  const onlyFunction = isFilled(called) && !isFilled(custom)
  if (type === 'custom') return onlyFunction ? 'function' : 'custom'
  return onlyCustom ? 'custom' : 'function'
}

function isFilled({ name, arguments: given, input }: JsonObject): boolean {
  return toText(name) !== undefined || toArgumentsText(given) !== '' || toArgumentsText(input) !== ''
}

function beginsObject(text: string): boolean {
  return /^\s*\{/.test(text)
}

function furtherFields({ index, id, type, function: called, custom, ...further }: JsonObject): JsonObject | undefined {
  return omitEmpty(further)
}
