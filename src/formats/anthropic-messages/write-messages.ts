import { Failure } from '../../chat/failure.ts'
import type { Message, Part } from '../../chat/request.ts'
import { createJsonBudget } from '../../stream/json-bounds.ts'
import { type JsonObject, jsonObjectsIn, toText } from '../shared/fields.ts'
import {
  decodeBase64Text,
  emptyConversation,
  PLACEHOLDER_USER_TEXT,
  partsOf,
  readArguments,
  readDataUrl,
  unsupportedContent,
  withUserTurn,
} from '../shared/parts.ts'

export interface AnthropicTurn {
  readonly role: 'user' | 'assistant'
  readonly content: readonly JsonObject[]
}

/** The conversation in Anthropic's form. */
export interface AnthropicConversation {
  readonly system: string | readonly JsonObject[] | undefined
  readonly messages: readonly AnthropicTurn[]
  /** A file of the Files API is referred to, which needs a beta header. */
  readonly usesFiles: boolean
}

/** The name of this format, on both sides. */
export const ANTHROPIC_MESSAGES = 'anthropic-messages'

/** The `format` of Anthropic's reasoning details, so that a signature goes back only to the provider that made it. */
export const ANTHROPIC_REASONING_FORMAT = 'anthropic-claude-v1'

const IMAGE_TYPES = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp'])

/** The conversation while it is written. */
interface MessagesState {
  readonly system: JsonObject[]
  readonly turns: Turn[]
  readonly toolIdOf: (id: string) => string
  /** Whether a text may be read as JSON. */
  readonly fits: (text: string) => boolean
  usesFiles: boolean
}

interface Turn {
  readonly role: AnthropicTurn['role']
  /** Tool results, which Anthropic requires before all other content of a turn. */
  readonly results: JsonObject[]
  readonly content: JsonObject[]
}

/**
 * Translates messages (translation 1.1): system and developer messages go to the top wherever they stood, tool results
 * come first in one user turn, an assistant's reasoning comes first in its turn.
 * @throws Failure for parts that Anthropic has no form for.
 */
export function toAnthropicMessages(messages: readonly Message[]): AnthropicConversation {
  const state: MessagesState = {
    system: [],
    turns: [],
    toolIdOf: createToolIds(),
    fits: createJsonBudget(),
    usesFiles: false,
  }
  withUserTurn(messages).forEach((message, at) => {
    addMessage(state, message, `messages[${at}]`)
  })
  const { system, turns, usesFiles } = state
  if (turns[0]?.role === 'assistant') {
    turns.unshift({ role: 'user', results: [], content: [{ type: 'text', text: PLACEHOLDER_USER_TEXT }] })
  }
  const conversation = trimPrefill(
    turns.map(({ role, results, content }) => ({ role, content: [...results, ...content] })),
  )
  if (conversation.length === 0) throw emptyConversation()
  return { system: joinSystem(system), messages: conversation, usesFiles }
}

function addMessage(state: MessagesState, message: Message, path: string): void {
  switch (message.role) {
    case 'system':
    case 'developer':
      for (const block of systemBlocks(message, path)) state.system.push(block)
      return
    case 'user': {
      const blocks = partsOf(message.content).flatMap((part, at) => toBlock(part, `${path}.content[${at}]`))
      state.usesFiles ||= blocks.some(isFileBlock)
      addBlocks(state, 'user', withCacheMark(blocks, message))
      return
    }
    case 'assistant': {
      const calls = toolUses(message, path, state)
      const blocks = [...thinkingBlocks(message), ...assistantText(message), ...calls]
      addBlocks(state, 'assistant', withCacheMark(blocks, message))
      return
    }
    case 'tool':
    // withFunctionsAsTools has made tools of functions.
    case 'function':
      turnOf(state, 'user').results.push(toolResult(message, state.toolIdOf(message.tool_call_id ?? ''), path))
      return
    default:
      message.role satisfies never
  }
}

function addBlocks(state: MessagesState, role: Turn['role'], blocks: readonly JsonObject[]): void {
  if (blocks.length === 0) return
  const { content } = turnOf(state, role)
  for (const block of blocks) content.push(block)
}

/** The last turn where it has this role, otherwise a new one: Anthropic's turns alternate. */
function turnOf({ turns }: MessagesState, role: Turn['role']): Turn {
  const last = turns.at(-1)
  if (last?.role === role) return last
  const turn: Turn = { role, results: [], content: [] }
  turns.push(turn)
  return turn
}

/** Tool call ids in the characters that Anthropic takes: the same for a call and its result, different for different calls. */
function createToolIds(): (id: string) => string {
  const assigned = new Map<string, string>()
  const taken = new Set<string>()
  // Where the search for a free id continues: thousands of ids may differ only in the characters that are replaced.
  const counts = new Map<string, number>()
  return (id) => {
    const known = assigned.get(id)
    if (known !== undefined) return known
    const plain = id.replace(/[^a-zA-Z0-9_-]/g, '_') || 'call'
    let unique = plain
    let count = counts.get(plain) ?? 1
    while (taken.has(unique)) unique = `${plain}_${++count}`
    if (count > 1) counts.set(plain, count)
    assigned.set(id, unique)
    taken.add(unique)
    return unique
  }
}

function cacheMark(holder: JsonObject): JsonObject {
  return holder.cache_control ? { cache_control: holder.cache_control } : {}
}

/** Puts the cache mark of a message on its last block; a thinking block takes none. */
function withCacheMark(blocks: readonly JsonObject[], message: Message): readonly JsonObject[] {
  const last = blocks.at(-1)
  if (!message.cache_control || last === undefined || last.type === 'thinking' || last.type === 'redacted_thinking') {
    return blocks
  }
  return [...blocks.slice(0, -1), { ...last, ...cacheMark(message) }]
}

function systemBlocks(message: Message, path: string): JsonObject[] {
  return partsOf(message.content).flatMap((part, at) => {
    const text = part.type === 'text' ? (part.text ?? '') : undefined
    if (text === undefined) throw unsupportedContent(`${path}.content[${at}]`, `parts of type '${part.type}' here`)
    // Anthropic refuses text blocks of nothing but white space.
    return text.trim() === '' ? [] : [{ type: 'text', text, ...cacheMark(part), ...cacheMark(message) }]
  })
}

function joinSystem(blocks: readonly JsonObject[]): string | readonly JsonObject[] | undefined {
  if (blocks.length === 0) return undefined
  return blocks.some((block) => block.cache_control) ? blocks : blocks.map((block) => block.text).join('\n')
}

function toBlock(part: Part, path: string): JsonObject[] {
  switch (part.type) {
    case 'text':
      return part.text?.trim() ? [{ type: 'text', text: part.text, ...cacheMark(part) }] : []
    case 'refusal':
      return part.refusal ? [{ type: 'text', text: part.refusal }] : []
    case 'image_url':
      return [{ ...imageBlock(part.image_url?.url ?? '', `${path}.image_url.url`), ...cacheMark(part) }]
    case 'file':
      return [{ ...fileBlock(part.file ?? {}, `${path}.file`), ...cacheMark(part) }]
    default:
      throw unsupportedContent(path, `parts of type '${part.type}'`)
  }
}

function imageBlock(url: string, path: string): JsonObject {
  const data = readDataUrl(url, path)
  if (data !== undefined) return dataImage(data.mediaType, data.data, path)
  if (!/^https:\/\//i.test(url)) {
    throw new Failure('invalid-value', `'${path}' must be an https URL or a base64 data URL.`, { param: path })
  }
  return { type: 'image', source: { type: 'url', url } }
}

function dataImage(mediaType: string, data: string, path: string): JsonObject {
  // The registered name is image/jpeg; image/jpg is a common mistake.
  const type = mediaType === 'image/jpg' ? 'image/jpeg' : mediaType
  if (!IMAGE_TYPES.has(type)) {
    const text = `'${path}' has media type '${mediaType}'; the model takes ${[...IMAGE_TYPES].join(', ')}.`
    throw new Failure('invalid-value', text, { param: path })
  }
  return { type: 'image', source: { type: 'base64', media_type: type, data } }
}

function fileBlock(file: NonNullable<Part['file']>, path: string): JsonObject {
  if (file.file_id) return { type: 'document', source: { type: 'file', file_id: file.file_id } }
  const param = `${path}.file_data`
  const url = file.file_data ?? ''
  const title = file.filename ? { title: file.filename } : {}
  const data = readDataUrl(url, param)
  if (data === undefined) {
    if (!/^https:\/\//i.test(url)) {
      throw new Failure('invalid-value', `'${param}' must be an https URL or a base64 data URL.`, { param })
    }
    return { type: 'document', source: { type: 'url', url }, ...title }
  }
  if (data.mediaType.startsWith('image/')) return dataImage(data.mediaType, data.data, param)
  if (data.mediaType === 'application/pdf') {
    return { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: data.data }, ...title }
  }
  if (data.mediaType.startsWith('text/')) {
    const text = decodeBase64Text(data.data, param)
    return { type: 'document', source: { type: 'text', media_type: 'text/plain', data: text }, ...title }
  }
  throw unsupportedContent(param, `files of type '${data.mediaType}'`)
}

function isFileBlock(block: JsonObject): boolean {
  return (block.source as JsonObject | undefined)?.type === 'file'
}

/**
 * The reasoning of an earlier turn, from our `reasoning_details` or from the `thinking_blocks` that clients of LiteLLM send.
 * Reasoning without a signature is left out, because Anthropic refuses it.
 */
function thinkingBlocks(message: Message): JsonObject[] {
  const blocks = jsonObjectsIn(message.thinking_blocks).flatMap((block) => {
    if (block.type === 'redacted_thinking') return redactedThinking(block.data)
    return block.type === 'thinking' ? signedThinking(block.thinking, block.signature) : []
  })
  if (blocks.length > 0) return blocks
  return jsonObjectsIn(message.reasoning_details).flatMap((detail) => {
    if (detail.format !== ANTHROPIC_REASONING_FORMAT) return []
    if (detail.type === 'reasoning.encrypted') return redactedThinking(detail.data)
    return detail.type === 'reasoning.text' ? signedThinking(detail.text, detail.signature) : []
  })
}

function signedThinking(thinking: unknown, signature: unknown): JsonObject[] {
  const signed = toText(signature)
  return signed === undefined ? [] : [{ type: 'thinking', thinking: toText(thinking) ?? '', signature: signed }]
}

function redactedThinking(data: unknown): JsonObject[] {
  const text = toText(data)
  return text === undefined ? [] : [{ type: 'redacted_thinking', data: text }]
}

function assistantText(message: Message): JsonObject[] {
  const blocks = partsOf(message.content).flatMap((part) => {
    const text = part.text ?? part.refusal
    return text?.trim() ? [{ type: 'text', text, ...cacheMark(part) }] : []
  })
  return message.refusal ? [...blocks, { type: 'text', text: message.refusal }] : blocks
}

function toolUses(message: Message, path: string, { toolIdOf, fits }: MessagesState): JsonObject[] {
  return (message.tool_calls ?? []).map((call, at) => {
    if (call.custom !== undefined)
      return { type: 'tool_use', id: toolIdOf(call.id), name: call.custom.name, input: { input: call.custom.input } }
    const input = readArguments(call.function?.arguments ?? '', `${path}.tool_calls[${at}].function.arguments`, fits)
    return { type: 'tool_use', id: toolIdOf(call.id), name: call.function?.name ?? '', input }
  })
}

function toolResult(message: Message, id: string, path: string): JsonObject {
  const result = { type: 'tool_result', tool_use_id: id, ...cacheMark(message) }
  if (typeof message.content === 'string')
    return message.content === '' ? result : { ...result, content: message.content }
  const blocks = partsOf(message.content).flatMap((part, at) => toBlock(part, `${path}.content[${at}]`))
  // An empty list is refused.
  return blocks.length === 0 ? result : { ...result, content: blocks }
}

/** Removes the white space at the end of a last assistant turn, which Anthropic refuses in a prefill. */
export function trimPrefill(messages: readonly AnthropicTurn[]): readonly AnthropicTurn[] {
  const last = messages.at(-1)
  if (last?.role !== 'assistant') return messages
  let length = last.content.length
  let block = last.content[length - 1]
  while (typeof block?.text === 'string' && block.text.trimEnd() === '') block = last.content[--length - 1]
  const before = messages.slice(0, -1)
  if (length === 0) return before
  const content = last.content.slice(0, length)
  if (typeof block?.text === 'string') content[length - 1] = { ...block, text: block.text.trimEnd() }
  return [...before, { ...last, content }]
}
