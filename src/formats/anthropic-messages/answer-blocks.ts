import type { OutputEvent } from '../../chat/event.ts'
import type { AnswerInput } from '../format.ts'
import { MAX_KEPT_CHARACTERS, malformedAnswer } from '../shared/answer-bounds.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, toText } from '../shared/fields.ts'
import { createReasoningKeeper, type ReasoningKeeper } from '../shared/kept-reasoning.ts'
import { createObjectProgress, type ObjectProgress } from '../shared/object-progress.ts'
import { toChatName } from '../shared/tool-names.ts'
import { OUR_CITATION } from './read-messages.ts'
import { toToolId } from './tool-ids.ts'

/** Takes the content blocks of an answer one after the other: they never overlap. */
export interface BlockSink {
  readonly start: (block: JsonObject) => void
  readonly delta: (delta: JsonObject) => void
  readonly stop: () => void
}

/** Makes content blocks of events. */
export interface AnswerBlocks {
  readonly push: (event: OutputEvent) => void
  readonly end: () => void
}

/** How the text of a block grows, by the type of the block. */
const DELTAS: Readonly<Record<string, (text: string) => JsonObject>> = {
  text: (text) => ({ type: 'text_delta', text }),
  thinking: (thinking) => ({ type: 'thinking_delta', thinking }),
  tool_use: (partial_json) => ({ type: 'input_json_delta', partial_json }),
}

/** About the memory of a block, beside its texts. */
const BLOCK_CHARACTERS = 500

/** A block that has not stopped. Only the first of the queue has started; the others wait until it has stopped. */
interface QueuedBlock {
  readonly start: Block
  hasStarted: boolean
  /** What waits. */
  held: string
  /** How much of the bound it takes while it waits. */
  heldCharacters: number
  /** Of a call. */
  readonly progress?: ObjectProgress
  /** Of thinking: the text so far, and the signature as soon as it is complete. */
  text: string
  signature: string | undefined
}

type Block = JsonObject & { readonly type: string }

interface State {
  readonly sink: BlockSink
  readonly answer: AnswerInput
  readonly queue: QueuedBlock[]
  readonly calls: Map<number, QueuedBlock>
  /** Absent where the client did not ask for thinking: its blocks would surprise it. */
  readonly keeper: ReasoningKeeper | undefined
  readonly showsText: boolean
  /** The client's names of tools that have other names in the chat. */
  readonly names: ReadonlyMap<string, string>
  takenIds: Set<string> | undefined
  heldCharacters: number
}

export function createAnswerBlocks(answer: AnswerInput, sink: BlockSink): AnswerBlocks {
  const { thinking, tools } = Object(answer.source?.body) as JsonObject
  const thinks = isJsonObject(thinking) && thinking.type !== 'disabled'
  const state: State = {
    sink,
    answer,
    queue: [],
    calls: new Map(),
    keeper: thinks ? createReasoningKeeper() : undefined,
    showsText: thinks && thinking.display !== 'omitted',
    names: namesOf(tools),
    takenIds: undefined,
    heldCharacters: 0,
  }
  return {
    push: (event) => push(state, event),
    end: () => {
      // What comes after the last call belongs to it; after a text, a further block could be taken for the answer.
      if (state.calls.size > 0 && state.queue.at(-1)?.start.type === 'tool_use') addKept(state)
      sealThinking(state)
      advance(state, true)
    },
  }
}

function namesOf(tools: unknown): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  for (const tool of jsonObjectsIn(tools)) {
    const name = String(tool.name)
    const inChat = toChatName(name)
    if (inChat !== name) names.set(inChat, name)
  }
  return names
}

function push(state: State, event: OutputEvent): void {
  switch (event.type) {
    case 'text':
    case 'refusal':
      grow(state, 'text', event.text)
      break
    case 'reasoning':
      if (state.keeper === undefined) break
      state.keeper.push(event)
      grow(state, 'thinking', event.text)
      break
    case 'tool-start':
      startCall(state, event)
      break
    case 'tool-delta': {
      const call = state.calls.get(event.index)
      if (call === undefined) break
      call.progress?.add(event.text)
      add(state, call, event.text)
      advance(state, false)
      break
    }
    case 'extra':
      state.keeper?.push(event)
      cite(state, event.fields.annotations)
  }
}

/** Adds a piece to the last block, or to a new one where the last is of another type. */
function grow(state: State, type: 'text' | 'thinking', piece: string): void {
  if (piece === '') return
  let last = state.queue.at(-1)
  if (last?.start.type !== type) {
    if (type === 'text') addKept(state)
    const start = type === 'text' ? { type, text: '' } : { type, thinking: '', signature: '' }
    last = enqueue(state, start)
  }
  if (type === 'thinking') {
    if (!state.showsText) return
    last.text += piece
  }
  add(state, last, piece)
}

function startCall(state: State, event: Extract<OutputEvent, { type: 'tool-start' }>): void {
  const { answer, keeper } = state
  keeper?.push(event)
  addKept(state)
  state.takenIds ??= new Set(answer.chat.messages.flatMap(({ tool_calls }) => (tool_calls ?? []).map(({ id }) => id)))
  const name = state.names.get(event.name) ?? event.name
  const id = toToolId(event.id, state.takenIds, answer.newId)
  const call = enqueue(state, { type: 'tool_use', id, name, input: {} }, createObjectProgress())
  state.calls.set(event.index, call)
}

/** Puts what is kept into the thinking before, or into a block of its own that shows nothing. */
function addKept(state: State): void {
  const { queue, keeper, answer } = state
  if (keeper === undefined || queue.at(-1)?.start.type === 'thinking') return
  const kept = keeper.take()
  if (kept !== undefined) enqueue(state, { type: 'redacted_thinking', data: answer.sealer.seal(kept) })
}

function enqueue(state: State, start: Block, progress?: ObjectProgress): QueuedBlock {
  sealThinking(state)
  const block = {
    start,
    hasStarted: false,
    held: '',
    heldCharacters: 0,
    ...(progress === undefined ? {} : { progress }),
    text: '',
    signature: undefined,
  }
  state.queue.push(block)
  hold(state, block, BLOCK_CHARACTERS + JSON.stringify(start).length)
  advance(state, false)
  return block
}

/** Thinking that is not the last block any more is complete. */
function sealThinking(state: State): void {
  const { queue, keeper, answer, showsText } = state
  const last = queue.at(-1)
  if (last?.start.type !== 'thinking' || keeper === undefined) return
  last.signature = answer.sealer.seal(keeper.take(showsText ? last.text : undefined) ?? {})
  if (!last.hasStarted) hold(state, last, last.signature.length)
}

function add(state: State, block: QueuedBlock, piece: string): void {
  if (block.hasStarted) {
    // A call that was complete gets nothing any more: white space, at most.
    if (state.queue[0] === block) state.sink.delta(deltaOf(block, piece))
    return
  }
  hold(state, block, piece.length)
  block.held += piece
}

/** @throws Failure where more waits than in any answer. */
function hold(state: State, block: QueuedBlock, characters: number): void {
  block.heldCharacters += characters
  state.heldCharacters += characters
  if (state.heldCharacters > MAX_KEPT_CHARACTERS) throw malformedAnswer('its tool calls overlap')
}

function deltaOf({ start }: QueuedBlock, piece: string): JsonObject {
  return DELTAS[start.type]?.(piece) ?? {}
}

/** Starts the first block, and stops it as soon as another one waits and this one can get nothing more. */
function advance(state: State, isEnd: boolean): void {
  const { queue, sink } = state
  for (let head = queue[0]; head !== undefined; head = queue[0]) {
    if (!head.hasStarted) {
      head.hasStarted = true
      sink.start(head.start)
      if (head.held !== '') sink.delta(deltaOf(head, head.held))
      state.heldCharacters -= head.heldCharacters
      head.held = ''
    }
    const isComplete = head.progress === undefined || head.progress.state() === 'complete'
    if (!isEnd && (queue.length === 1 || !isComplete)) return
    if (head.signature !== undefined) sink.delta({ type: 'signature_delta', signature: head.signature })
    sink.stop()
    queue.shift()
  }
}

/** Web pages that the text cites. They belong to the text that is being written. */
function cite({ queue, sink }: State, annotations: unknown): void {
  if (queue[0]?.start.type !== 'text' || !queue[0].hasStarted) return
  for (const { url_citation: cited } of jsonObjectsIn(annotations)) {
    if (!isJsonObject(cited) || toText(cited.url) === undefined) continue
    const { url, title = null } = cited
    const citation = { type: 'web_search_result_location', url, title, encrypted_index: OUR_CITATION, cited_text: '' }
    sink.delta({ type: 'citations_delta', citation })
  }
}
