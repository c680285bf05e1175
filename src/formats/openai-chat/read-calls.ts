import type { ChatEvent, ToolKind } from '../../chat/event.ts'
import type { Failure } from '../../chat/failure.ts'
import { malformedAnswer } from '../shared/answer-bounds.ts'
import { isJsonObject, type JsonObject, omitEmpty, toText } from '../shared/fields.ts'
import { createObjectProgress, type ObjectProgress } from '../shared/object-progress.ts'

/** What the calls of all choices of one answer have in common. */
export interface CallSupport {
  /** Makes the ids that the provider left out. */
  readonly newId: () => string
  /** Counts a call; throws where there are too many. */
  readonly count: () => number
  /** Counts what is kept; throws where it is too much. */
  readonly keep: (characters: number) => void
}

/** Reads the tool calls of one choice. */
export interface CallReader {
  /** Whether anything was called. */
  readonly any: () => boolean
  /** Reads the calls of one chunk, or pieces of them. */
  readonly pieces: (list: readonly JsonObject[], events: ChatEvent[]) => void
  /** Reads the calls of a whole answer: each is one. */
  readonly whole: (list: readonly JsonObject[], events: ChatEvent[]) => void
  /** Lets out what waited for its name in vain. @throws Failure where it had arguments: whoever gets them cannot know whose. */
  readonly end: (events: ChatEvent[]) => void
}

interface Call {
  readonly upstreamIndex: number | undefined
  readonly index: number
  id: string
  kind: ToolKind
  /** Undefined until it is there: until then the call has not begun for the client. */
  name: string | undefined
  /** Arguments that came before the name. */
  held: string
  readonly progress: ObjectProgress
  /** The chunk that its last piece came in. */
  chunk: number
}

/** A piece of a call. */
interface Piece {
  readonly upstreamIndex: number | undefined
  readonly id: string | undefined
  readonly name: string | undefined
  readonly kind: 'function' | 'custom'
  readonly text: string
}

/** Puts the calls of one choice together from their pieces, whatever the provider tells them apart by. */
export function createCallReader(choice: number, { newId, count, keep }: CallSupport): CallReader {
  let calls = 0
  let chunk = 0
  let current: Call | undefined
  const byIndex = new Map<number, Call>()
  const byId = new Map<string, Call>()
  const nameless = new Set<Call>()

  /** The last call in the place of a piece. An index says which is meant; where there is none, the id does. */
  const inPlaceOf = ({ upstreamIndex, id }: Piece): Call | undefined => {
    if (upstreamIndex === undefined) return id === undefined ? current : byId.get(id)
    const last = byIndex.get(upstreamIndex)
    return last === undefined && id === undefined && current?.upstreamIndex === undefined ? current : last
  }

  /** Whether a piece is of another call than the last one in its place. */
  const isAnother = (last: Call, { name, kind, text }: Piece): boolean => {
    if (last.name === undefined || last.progress.state() === 'open') return false
    // No chunk has two pieces with a name of one call.
    if (name !== undefined && (name !== last.name || last.chunk === chunk)) return true
    return kind === 'function' && last.progress.state() === 'whole' && beginsObject(text)
  }

  const create = ({ upstreamIndex, id, kind }: Piece): Call => {
    count()
    const progress = createObjectProgress()
    const call: Call = { upstreamIndex, index: calls++, id: id ?? '', kind, name: undefined, held: '', progress, chunk }
    if (upstreamIndex !== undefined) byIndex.set(upstreamIndex, call)
    if (id !== undefined && !byId.has(id)) byId.set(id, call)
    nameless.add(call)
    return call
  }

  const start = (call: Call, name: string, extra: JsonObject | undefined, events: ChatEvent[]) => {
    nameless.delete(call)
    call.name = name
    if (call.id === '') call.id = newId()
    const { index, id, kind } = call
    events.push({ type: 'tool-start', choice, index, id, name, kind, ...(extra && { extra }) })
  }

  const grow = (call: Call, text: string, events: ChatEvent[]) => {
    if (text === '') return
    if (call.kind === 'function') call.progress.add(text)
    events.push({ type: 'tool-delta', choice, index: call.index, text })
  }

  const take = (call: Call, { id, name, kind, text }: Piece, delta: JsonObject, events: ChatEvent[]) => {
    current = call
    call.chunk = chunk
    if (call.id === '' && id !== undefined) {
      call.id = id
      if (!byId.has(id)) byId.set(id, call)
    }
    if (call.name === undefined && name === undefined) {
      keep(text.length)
      call.held += text
      return
    }
    if (call.name === undefined && name !== undefined) {
      call.kind = kind
      start(call, name, furtherFields(delta), events)
    }
    const all = call.held + text
    call.held = ''
    grow(call, all, events)
  }

  const read = (delta: JsonObject, position: number | undefined, events: ChatEvent[]) => {
    const piece = pieceOf(delta, position)
    const { id, name } = piece
    const last = inPlaceOf(piece)
    // Some number all calls 0: another id with a name of its own is another call. Some make a new id for every piece.
    if (last !== undefined && id !== undefined && last.id !== '' && last.id !== id) {
      const known = name === undefined ? last : byId.get(id)
      return take(known ?? create(piece), piece, delta, events)
    }
    if (last === undefined || !isAnother(last, piece)) {
      // A provider that ends its calls with an empty one (Workers AI) has not called anything.
      if (last === undefined && id === undefined && name === undefined && !hasArguments(piece.text)) return
      return take(last ?? create(piece), piece, delta, events)
    }
    // The same id with the same name and whole arguments once more is that call, told again.
    if (id !== undefined && (name === undefined || (name === last.name && last.chunk !== chunk))) return
    // A further call that says no name is of the same tool; an id that is taken is not its own.
    const further = { ...piece, id: undefined, name: name ?? last.name }
    take(create(further), further, delta, events)
  }

  return {
    any: () => calls > 0,
    pieces: (list, events) => {
      chunk++
      for (let at = 0; at < list.length; at++) {
        const delta = list[at]
        if (delta !== undefined) read(delta, list.length > 1 ? at : undefined, events)
      }
    },
    whole: (list, events) => {
      for (const given of list) {
        const piece = pieceOf(given, undefined)
        if (piece.name === undefined && hasArguments(piece.text)) throw argumentsWithoutCall()
        if (piece.id === undefined && piece.name === undefined) continue
        const call = create(piece)
        start(call, piece.name ?? '', furtherFields(given), events)
        grow(call, piece.text, events)
      }
    },
    end: (events) => {
      for (const call of nameless) {
        if (hasArguments(call.held)) throw argumentsWithoutCall()
        call.held = ''
        start(call, '', undefined, events)
      }
    },
  }
}

function pieceOf(delta: JsonObject, position: number | undefined): Piece {
  const kind = kindOf(delta)
  const member = kind === 'custom' ? delta.custom : delta.function
  const inner = isJsonObject(member) ? member : {}
  const upstreamIndex = typeof delta.index === 'number' ? delta.index : position
  const text = toArgumentsText(kind === 'custom' ? inner.input : inner.arguments)
  return { upstreamIndex, id: toText(delta.id), name: toText(inner.name), kind, text }
}

/** The type decides which member counts, unless only the other one is filled: Snowflake has an empty `custom` in each call. */
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

/** Whether there is anything in a call's arguments. */
export function hasArguments(text: string): boolean {
  const said = text.trim()
  return said !== '' && said !== 'null' && !/^\{\s*\}$/.test(said)
}

export function argumentsWithoutCall(): Failure {
  return malformedAnswer('it has arguments of no call')
}

function beginsObject(text: string): boolean {
  return /^\s*\{/.test(text)
}

function furtherFields({ index, id, type, function: called, custom, ...further }: JsonObject): JsonObject | undefined {
  return omitEmpty(further)
}

/** Arguments as the text that they are in OpenAI's form; some send them as the object itself. */
export function toArgumentsText(value: unknown): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : JSON.stringify(value)
}
