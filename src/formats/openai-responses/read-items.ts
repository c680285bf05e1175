import { Failure, quoted } from '../../chat/failure.ts'
import type { Message, Part, ToolCall } from '../../chat/request.ts'
import type { Sealer } from '../format.ts'
import { customArguments } from '../shared/custom-input.ts'
import { type JsonObject, jsonObjectsIn, omitNull, toText } from '../shared/fields.ts'
import { type KeptReasoning, readKept, restoreReasoning } from '../shared/kept-reasoning.ts'
import { itemType } from './read-request-schema.ts'
import { SEARCH_NAME, type ToolNames } from './read-request-tools.ts'
import { OPENAI_REASONING_FORMAT } from './write-request.ts'

/** The id of an item that Router9 made; OpenAI's are longer. */
const OWN_ID = /^rs_[A-Za-z0-9]{28}(?:o\d+)?$/

/** The input as a chat has it. */
export interface ChatItems {
  readonly messages: readonly Message[]
  /** Where the content of each message comes from, as `input[3].content`; of the assistant's the first item. */
  readonly paths: readonly string[]
  /** The items without Router9's own reasoning; undefined where there is none. */
  readonly unsealed?: readonly JsonObject[]
  /** Why providers of other formats cannot answer. */
  readonly requires?: Failure
}

/** A turn of the assistant while its items are read. */
interface Turn {
  readonly path: string
  readonly parts: Part[]
  readonly calls: ToolCall[]
  readonly kept: KeptReasoning[]
}

interface ItemsState {
  readonly names: ToolNames
  readonly sealer: Sealer
  readonly messages: Message[]
  readonly paths: string[]
  /** Reasoning that Router9 made for its clients, by the number of the item: no provider knows it. */
  readonly ours: Set<number>
  turn: Turn | undefined
  requires: Failure | undefined
}

/**
 * Reads the items of an input. Reasoning, text and calls of the assistant that follow each other become one message.
 * @throws Failure for sealed content that was changed, and for references, which have been replaced where answers are kept.
 */
export function readItems(input: unknown, names: ToolNames, sealer: Sealer): ChatItems {
  if (typeof input === 'string') return { messages: [{ role: 'user', content: input }], paths: ['input'] }
  const state: ItemsState = {
    names,
    sealer,
    messages: [],
    paths: [],
    ours: new Set(),
    turn: undefined,
    requires: undefined,
  }
  const items = input as readonly JsonObject[]
  for (const [at, item] of items.entries()) readItem(state, item, at)
  endTurn(state)
  const { messages, paths, ours, requires } = state
  return {
    messages,
    paths,
    ...(ours.size === 0 ? {} : { unsealed: items.filter((_, at) => !ours.has(at)) }),
    ...(requires === undefined ? {} : { requires }),
  }
}

/** Items of a provider's own tools whose outcome stands in the text that follows. */
const LEFT_OUT = new Set([
  'web_search_call',
  'file_search_call',
  'code_interpreter_call',
  'mcp_list_tools',
  'tool_search_call',
  'tool_search_output',
  'additional_tools',
])

function readItem(state: ItemsState, item: JsonObject, at: number): void {
  const path = `input[${at}]`
  const type = itemType(item)
  if (type === 'message') readMessage(state, item, path)
  else if (type === 'reasoning') readReasoning(state, item, at)
  else if (type === 'function_call' || type === 'custom_tool_call') readCall(state, item, path)
  else if (type === 'tool_search_call' && item.execution === 'client') readSearch(state, item, path)
  else if (type === 'tool_search_output' && item.execution === 'client') {
    endTurn(state)
    // The tools themselves are among the request's tools from now on.
    addMessage(state, path, { role: 'tool', tool_call_id: String(item.call_id), content: JSON.stringify(item.tools) })
  } else if (type === 'function_call_output' || type === 'custom_tool_call_output') {
    const content = readContent(state, item.output, `${path}.output`)
    endTurn(state)
    addMessage(state, `${path}.output`, { role: 'tool', tool_call_id: String(item.call_id), content })
  } else if (type === 'image_generation_call') {
    readPicture(state, item, path)
  } else if (type === 'item_reference') {
    const param = `${path}.id`
    const message = `'${param}' refers to an item of an answer that was not kept. Please send the item itself.`
    throw new Failure('invalid-value', message, { param })
  } else if (!LEFT_OUT.has(String(type))) {
    state.requires ??= cannotCarry(path, `items of type '${quoted(String(type))}'`)
  }
}

function readCall(state: ItemsState, item: JsonObject, path: string): void {
  const name = state.names.toChat(String(item.name), toText(item.namespace))
  const text = item.type === 'function_call' ? String(item.arguments) : customArguments(item.input)
  turnAt(state, path).calls.push({ id: String(item.call_id), type: 'function', function: { name, arguments: text } })
}

function readSearch(state: ItemsState, item: JsonObject, path: string): void {
  const called = { name: state.names.toChat(SEARCH_NAME), arguments: JSON.stringify(item.arguments ?? {}) }
  turnAt(state, path).calls.push({ id: String(item.call_id), type: 'function', function: called })
}

/** Few APIs take a picture from the assistant, so it stands in a message of the user, after the turn in which it was made. */
function readPicture(state: ItemsState, { result }: JsonObject, path: string): void {
  if (typeof result !== 'string') return
  const [, type] = PICTURES.find(([beginning]) => result.startsWith(beginning)) ?? []
  const url = /^https?:/.test(result) ? result : `data:${type ?? 'image/png'};base64,${result}`
  endTurn(state)
  addMessage(state, `${path}.result`, { role: 'user', content: [{ type: 'image_url', image_url: { url } }] })
}

/** What the base64 of a type of picture begins with; all others count as PNG. */
const PICTURES = [
  ['/9j/', 'image/jpeg'],
  ['UklGR', 'image/webp'],
] as const

function cannotCarry(path: string, what: string): Failure {
  const param = `${path}.type`
  return new Failure('model-not-capable', `The model that was chosen does not take ${what} ('${param}').`, { param })
}

function readMessage(state: ItemsState, { role, content }: JsonObject, path: string): void {
  const read = readContent(state, content, `${path}.content`)
  if (role !== 'assistant') {
    endTurn(state)
    addMessage(state, `${path}.content`, { role: role as Message['role'], content: read })
    return
  }
  const parts = typeof read === 'string' ? [{ type: 'text', text: read }] : read
  turnAt(state, path).parts.push(...parts.filter(({ type, text }) => type !== 'text' || text !== ''))
}

function addMessage({ messages, paths }: ItemsState, path: string, message: Message): void {
  messages.push(message)
  paths.push(path)
}

function turnAt(state: ItemsState, path: string): Turn {
  state.turn ??= { path, parts: [], calls: [], kept: [] }
  return state.turn
}

function endTurn(state: ItemsState): void {
  const { turn } = state
  if (turn === undefined) return
  state.turn = undefined
  const { path, parts, calls, kept } = turn
  // Reasoning alone, as of an answer that was broken off.
  if (parts.length === 0 && calls.length === 0) return
  const [first] = parts
  const isText = parts.length === 1 && first?.type === 'text'
  const message: Message = {
    role: 'assistant',
    content: isText ? first.text : parts.length === 0 ? null : parts,
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  }
  addMessage(state, path, restoreReasoning(message, kept))
}

/** @throws Failure where sealed content was changed. */
function readReasoning(state: ItemsState, item: JsonObject, at: number): void {
  const turn = turnAt(state, `input[${at}]`)
  const { encrypted_content: encrypted, id } = item
  const summary = textOf(item.summary)
  const content = textOf(item.content)
  if (typeof encrypted !== 'string' || encrypted === '') {
    if (content !== '') turn.kept.push({ reasoning_content: content })
    // OpenAI looks for an item without it among those that it keeps, and refuses the request.
    if (OWN_ID.test(String(id))) state.ours.add(at)
    return
  }
  const opened = state.sealer.open(encrypted)
  if (opened.kind === 'foreign') {
    const details: JsonObject[] = []
    if (summary !== '') details.push({ type: 'reasoning.summary', summary, format: OPENAI_REASONING_FORMAT })
    details.push(omitNull({ type: 'reasoning.encrypted', data: encrypted, id, format: OPENAI_REASONING_FORMAT }))
    turn.kept.push({ reasoning_details: details })
    return
  }
  const kept = opened.kind === 'ours' ? readKept(opened.value, summary) : undefined
  if (kept === undefined) {
    const param = `input[${at}].encrypted_content`
    throw new Failure('invalid-value', `'${param}' was changed, or belongs to another key.`, { param })
  }
  state.ours.add(at)
  turn.kept.push(kept)
}

function textOf(parts: unknown): string {
  return jsonObjectsIn(parts)
    .map(({ text }) => toText(text) ?? '')
    .join('')
}

type Content = string | Part[]

function readContent(state: ItemsState, content: unknown, path: string): Content {
  if (typeof content === 'string') return content
  const parts = (content as readonly JsonObject[]).map((part, at) => readPart(state, part, `${path}[${at}]`))
  const [first] = parts
  return parts.length === 1 && first?.type === 'text' && typeof first.text === 'string' ? first.text : parts
}

function readPart(state: ItemsState, part: JsonObject, path: string): Part {
  switch (part.type) {
    case 'input_text':
    case 'output_text':
    case 'text':
    case 'summary_text':
    case 'reasoning_text':
      return { type: 'text', text: String(part.text) }
    case 'refusal':
      return { type: 'refusal', refusal: String(part.refusal) }
    case 'input_image': {
      const url = toText(part.image_url)
      if (url === undefined) state.requires ??= cannotCarry(path, 'images by their id')
      // Only this API has the picture as it is; elsewhere `high` is the most.
      const detail = part.detail === 'original' ? 'high' : part.detail
      return { type: 'image_url', image_url: { url: url ?? '', ...omitNull({ detail }) } }
    }
    case 'input_file': {
      const { file_id, filename } = part
      const data = toText(part.file_data) ?? toText(part.file_url)
      return { type: 'file', file: omitNull({ file_data: data, file_id, filename }) }
    }
    case 'input_audio':
      return { type: 'input_audio', input_audio: part.input_audio as Part['input_audio'] }
    default:
      state.requires ??= cannotCarry(path, `parts of type '${quoted(String(part.type))}'`)
      return { type: 'text', text: '' }
  }
}
