import type { ChatEvent } from '../../chat/event.ts'
import { malformedAnswer } from '../shared/answer-bounds.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, toText } from '../shared/fields.ts'
import { type AnswerState, type Block, CHOICE, type CitedPage } from './answer-state.ts'
import { ANTHROPIC_REASONING_FORMAT } from './write-messages.ts'

/** Mostly one block is open; servers that never stop a block must not fill the memory. */
const MAX_OPEN_BLOCKS = 1024

/**
 * Starts a block, and reads what its start already holds: in a whole answer that is all of it (translation 1.4).
 * @throws Failure where there are more blocks or calls than any answer has.
 */
export function openBlock(state: AnswerState, index: number, start: JsonObject, events: ChatEvent[]): Block {
  const block = createBlock(state, start)
  const { type, toolIndex } = block
  state.openBlocks.set(index, block)
  keepForBlock(state, block, block.input.length)
  if (toolIndex !== undefined) {
    state.toolCalls = toolIndex + 1
    const id = toText(start.id) ?? `toolu_${toolIndex}`
    const name = toText(start.name) ?? ''
    events.push({ type: 'tool-start', choice: CHOICE, index: toolIndex, id, name, kind: 'function' })
  }
  const text = type === 'text' ? toText(start.text) : undefined
  if (text !== undefined) addText(state, text, events)
  else if (start.text !== undefined && start.text !== '') state.hasUnreadable = true
  if (type === 'thinking') {
    addThinking(state, block, toText(start.thinking), events)
    addSignature(state, block, toText(start.signature))
  }
  if (type === 'redacted_thinking') {
    const detail = { type: 'reasoning.encrypted', data: start.data, format: ANTHROPIC_REASONING_FORMAT, index }
    events.push(reasoningDetail(detail))
  }
  for (const citation of jsonObjectsIn(start.citations)) addCitation(state, block, citation)
  return block
}

function createBlock(state: AnswerState, start: JsonObject): Block {
  const type = toText(start.type) ?? ''
  const isCall = type === 'tool_use'
  const isJsonAnswer = isCall && start.name === state.jsonTool
  const toolIndex = isCall && !isJsonAnswer ? state.countToolCall() : undefined
  if (state.openBlocks.size >= MAX_OPEN_BLOCKS) throw malformedAnswer('it begins more than it ends')
  return {
    type,
    toolIndex,
    isJsonAnswer,
    input: isCall ? inputText(start.input) : '',
    hasInputDeltas: false,
    thinking: '',
    signature: '',
    textStart: state.textLength,
    keptCharacters: 0,
    citedPages: [],
  }
}

/** Reads the next piece of an open block. @throws Failure where it is more than any answer has. */
export function readDelta(state: AnswerState, block: Block, delta: JsonObject, events: ChatEvent[]): void {
  switch (delta.type) {
    case 'text_delta': {
      const text = toText(delta.text)
      if (text !== undefined) addText(state, text, events)
      else if (delta.text !== '') state.hasUnreadable = true
      break
    }
    case 'input_json_delta':
      addInput(state, block, toText(delta.partial_json), events)
      break
    case 'thinking_delta':
      addThinking(state, block, toText(delta.thinking), events)
      break
    case 'signature_delta':
      addSignature(state, block, toText(delta.signature))
      break
    case 'citations_delta':
      if (isJsonObject(delta.citation)) addCitation(state, block, delta.citation)
      break
  }
}

/** Gives what is known only now that the block is whole, and forgets the block. */
export function closeBlock(state: AnswerState, index: number, block: Block, events: ChatEvent[]): void {
  const { type, toolIndex, thinking, signature } = block
  if (!block.hasInputDeltas) {
    const input = block.input || '{}'
    if (block.isJsonAnswer) addText(state, input, events)
    if (toolIndex !== undefined) events.push({ type: 'tool-delta', choice: CHOICE, index: toolIndex, text: input })
  }
  if (type === 'thinking' && signature !== '') {
    const detail = { type: 'reasoning.text', text: thinking, signature, format: ANTHROPIC_REASONING_FORMAT, index }
    events.push(reasoningDetail(detail))
  }
  if (block.citedPages.length > 0) {
    const annotations = block.citedPages.map((page) => toAnnotation(page, block.textStart, state.textLength))
    events.push({ type: 'extra', choice: CHOICE, place: 'message', fields: { annotations } })
  }
  state.openBlocks.delete(index)
  state.keep(-block.keptCharacters)
}

function addText(state: AnswerState, text: string, events: ChatEvent[]): void {
  state.textLength += text.length
  events.push({ type: 'text', choice: CHOICE, text })
}

/** Server tools send the same deltas as the client's tools; the client gets only the calls that it has to run. */
function addInput(state: AnswerState, block: Block, text: string | undefined, events: ChatEvent[]): void {
  const { toolIndex, isJsonAnswer } = block
  if (text === undefined || (toolIndex === undefined && !isJsonAnswer)) return
  block.hasInputDeltas = true
  if (isJsonAnswer) addText(state, text, events)
  else events.push({ type: 'tool-delta', choice: CHOICE, index: toolIndex ?? 0, text })
}

function addThinking(state: AnswerState, block: Block, text: string | undefined, events: ChatEvent[]): void {
  if (text === undefined) return
  state.hasReasoning = true
  keepForBlock(state, block, text.length)
  block.thinking += text
  events.push({ type: 'reasoning', choice: CHOICE, text })
}

function addSignature(state: AnswerState, block: Block, signature: string | undefined): void {
  if (signature === undefined) return
  keepForBlock(state, block, signature.length)
  block.signature += signature
}

/** OpenAI's format has citations of web pages; it has none of the caller's own documents. */
function addCitation(state: AnswerState, block: Block, citation: JsonObject): void {
  const url = toText(citation.url)
  if (url === undefined) return
  const title = toText(citation.title) ?? ''
  state.countCitation()
  keepForBlock(state, block, url.length + title.length)
  block.citedPages.push({ url, title })
}

function keepForBlock(state: AnswerState, block: Block, characters: number): void {
  state.keep(characters)
  block.keptCharacters += characters
}

function reasoningDetail(detail: JsonObject): ChatEvent {
  return { type: 'extra', choice: CHOICE, place: 'message', fields: { reasoning_details: [detail] } }
}

function toAnnotation(page: CitedPage, start: number, end: number): JsonObject {
  return { type: 'url_citation', url_citation: { ...page, start_index: start, end_index: end } }
}

/** The input of a call as JSON text. Some servers that imitate Anthropic give it as text, as OpenAI does. */
function inputText(input: unknown): string {
  if (typeof input === 'string') return input
  return isJsonObject(input) && Object.keys(input).length > 0 ? JSON.stringify(input) : ''
}
