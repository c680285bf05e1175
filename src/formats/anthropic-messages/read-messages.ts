import { Failure } from '../../chat/failure.ts'
import type { Message, Part, ToolCall } from '../../chat/request.ts'
import type { Sealer } from '../format.ts'
import type { JsonObject } from '../shared/fields.ts'
import { jsonObjectsIn, toText } from '../shared/fields.ts'
import { type KeptReasoning, readKept, restoreReasoning } from '../shared/kept-reasoning.ts'
import { emptyConversation, unsupportedContent } from '../shared/parts.ts'
import { toChatName } from '../shared/tool-names.ts'
import type { Block, MessageParam, MessagesBody } from './request-schema.ts'
import { fromToolId } from './tool-ids.ts'
import { ANTHROPIC_REASONING_FORMAT } from './write-messages.ts'

/** The conversation as a chat has it, and as Anthropic gets it. */
export interface Conversation {
  readonly messages: Message[]
  /** The messages without what is sealed for other providers; those that came, where there is none. */
  readonly native: readonly MessageParam[]
  /** Why other providers refuse it, where it holds something that they have no form for. */
  readonly requires?: Failure
  readonly hasCitations: boolean
  /** Where each message of the chat began in the request, and where its parts stood. */
  readonly paths: readonly string[]
  readonly partPaths: ReadonlyMap<object, string>
}

/** The conversation while it is read. Neighbours of one role are one turn. */
interface State {
  readonly sealer: Sealer
  readonly messages: Message[]
  readonly native: MessageParam[]
  turn: Turn
  requires: Failure | undefined
  hasCitations: boolean
  readonly paths: string[]
  readonly partPaths: Map<object, string>
}

interface Turn {
  /** Where it begins. */
  readonly path: string
  readonly role: MessageParam['role']
  readonly results: Message[]
  readonly resultPaths: string[]
  /** The user's own parts, and the pictures of results: not every API takes them within a result. */
  readonly parts: Part[]
  readonly calls: ToolCall[]
  readonly kept: KeptReasoning[]
}

/** Marks citations that we made: Anthropic would look for their source in vain. */
export const OUR_CITATION = 'router9'

/** A text of Claude Code's that changes with each request and is for Anthropic's books: no other model needs it. */
const BILLING = /^x-anthropic-billing-header:/

/** @throws Failure for sealed reasoning that has been changed. */
export function readConversation({ system, messages }: MessagesBody, sealer: Sealer): Conversation {
  const state: State = {
    sealer,
    messages: [],
    native: [],
    turn: newTurn('system', 'system'),
    requires: undefined,
    hasCitations: false,
    paths: [],
    partPaths: new Map(),
  }
  for (const part of systemParts(state, system ?? [], 'system')) state.turn.parts.push(part)
  messages.forEach((message, at) => {
    if (message.role !== state.turn.role) endTurn(state, message.role, `messages.${at}`)
    readMessage(state, message, `messages.${at}.content`)
  })
  endTurn(state, 'user', '')
  if (state.messages.length === 0 && state.requires === undefined) throw emptyConversation()
  const isChanged = state.native.length !== messages.length || state.native.some((one, at) => one !== messages[at])
  return {
    messages: state.messages,
    native: isChanged ? state.native : messages,
    ...(state.requires === undefined ? {} : { requires: state.requires }),
    hasCitations: state.hasCitations,
    paths: state.paths,
    partPaths: state.partPaths,
  }
}

function newTurn(role: Turn['role'], path: string): Turn {
  return { role, path, results: [], resultPaths: [], parts: [], calls: [], kept: [] }
}

function readMessage(state: State, message: MessageParam, path: string): void {
  const { role, content } = message
  const { turn } = state
  if (role === 'system') {
    for (const part of systemParts(state, content, path)) turn.parts.push(part)
    state.native.push(message)
    return
  }
  if (typeof content === 'string') {
    if (content !== '') turn.parts.push({ type: 'text', text: content })
    state.native.push(message)
    return
  }
  const kept = content.map((block, at) => readBlock(state, block, `${path}.${at}`))
  const blocks = kept.filter((block) => block !== undefined)
  if (blocks.length === content.length && blocks.every((block, at) => block === content[at])) state.native.push(message)
  // A turn of nothing but sealed reasoning is no turn for Anthropic.
  else if (blocks.length > 0) state.native.push({ ...message, content: blocks })
}

/** Whose message may hold a block. */
const ROLES: ReadonlyMap<string, MessageParam['role']> = new Map([
  ['thinking', 'assistant'],
  ['redacted_thinking', 'assistant'],
  ['tool_use', 'assistant'],
  ['tool_result', 'user'],
])

/** Reads a block into the turn. @returns the block as Anthropic gets it; undefined where it gets none. */
function readBlock(state: State, block: Block, path: string): Block | undefined {
  const { turn } = state
  const role = ROLES.get(block.type)
  if (role !== undefined && role !== turn.role) {
    throw new Failure('invalid-value', `'${path}' can only stand in a message of the ${role}.`, { param: path })
  }
  switch (block.type) {
    case 'thinking':
      return readThinking(state, block, 'signature', path)
    case 'redacted_thinking':
      return readThinking(state, block, 'data', path)
    case 'tool_use':
      turn.calls.push({
        id: fromToolId(String(block.id)),
        type: 'function',
        function: { name: toChatName(String(block.name)), arguments: JSON.stringify(block.input) },
      })
      return block
    case 'tool_result':
      readResult(state, block, path)
      return block
    default:
      for (const part of toParts(state, block, path)) addPart(state, part, path)
      return withoutOurCitations(block)
  }
}

/** Reasoning that comes back: what we sealed, or Claude's own with its signature. */
function readThinking(
  { sealer, turn }: State,
  block: Block,
  field: 'signature' | 'data',
  path: string,
): Block | undefined {
  const signature = toText(block[field]) ?? ''
  const opened = sealer.open(signature)
  const text = toText(block.thinking) ?? ''
  if (opened.kind === 'forged') throw changed(`${path}.${field}`)
  if (opened.kind === 'ours') {
    const kept = readKept(opened.value, text)
    if (kept === undefined) throw changed(`${path}.${field}`)
    turn.kept.push(kept)
    return undefined
  }
  if (signature !== '') {
    const detail =
      field === 'data' ? { type: 'reasoning.encrypted', data: signature } : { type: 'reasoning.text', text, signature }
    turn.kept.push({
      // Makers that want their own reasoning back as text take Claude's in its place.
      ...(text === '' ? {} : { reasoning_content: text }),
      reasoning_details: [{ ...detail, format: ANTHROPIC_REASONING_FORMAT }],
    })
  }
  return block
}

function changed(param: string): Failure {
  const text = `'${param}' has been changed, or was made for another API key. Send thinking blocks back as they came.`
  return new Failure('invalid-value', text, { param })
}

function readResult(state: State, block: Block, path: string): void {
  const { content } = block
  const blocks =
    typeof content === 'string' ? [{ type: 'text', text: content }] : (jsonObjectsIn(content) as readonly Block[])
  const parts = blocks.flatMap((inner, at) => toParts(state, inner, `${path}.content.${at}`))
  const media = parts.filter(({ type }) => type !== 'text')
  const words = parts.flatMap(({ text }) => text ?? []).join('\n')
  const isSaid = block.is_error !== true || /error|fail/i.test(words.slice(0, 200))
  const text = isSaid ? words : `Error: ${words}`
  state.turn.results.push({
    role: 'tool',
    tool_call_id: fromToolId(String(block.tool_use_id)),
    content: text === '' && media.length > 0 ? 'The result follows in the next message.' : text,
    ...markOf(block),
  })
  state.turn.resultPaths.push(path)
  for (const part of media) addPart(state, part, path)
}

function addPart({ turn, partPaths }: State, part: Part, path: string): void {
  turn.parts.push(part)
  partPaths.set(part, path)
}

function systemParts(state: State, content: MessageParam['content'], path: string): Part[] {
  const blocks: readonly Block[] = typeof content === 'string' ? [{ type: 'text', text: content }] : content
  return blocks
    .flatMap((block, at) => toParts(state, block, `${path}.${at}`))
    .filter(({ text }) => text && !BILLING.test(text))
}

function markOf({ cache_control }: JsonObject): JsonObject {
  return cache_control ? { cache_control } : {}
}

/** A block as parts of a chat's message; what has no form there is for Anthropic alone. */
function toParts(state: State, block: JsonObject, path: string): Part[] {
  const mark = markOf(block)
  switch (block.type) {
    case 'text':
      return block.text === '' ? [] : [{ type: 'text', text: String(block.text), ...mark }]
    case 'image':
    case 'document': {
      if (Object(block.citations).enabled === true) state.hasCitations = true
      const parts = mediaParts(state, block, path)
      return parts.map((part, at) => (at === parts.length - 1 ? { ...part, ...mark } : part))
    }
    case 'search_result': {
      if (Object(block.citations).enabled === true) state.hasCitations = true
      const words = jsonObjectsIn(block.content).map(({ text }) => String(text))
      return [{ type: 'text', text: [block.title, block.source, ...words].join('\n'), ...mark }]
    }
    case 'tool_reference':
      return [{ type: 'text', text: `The tool ${toChatName(String(block.tool_name))} can be called now.` }]
    default:
      state.requires ??= unsupportedContent(path, `blocks of type '${block.type}'`)
      return []
  }
}

function mediaParts(state: State, { type, source, title, context }: JsonObject, path: string): Part[] {
  const { type: kind, media_type, data, url, file_id, content } = source as JsonObject
  const isImage = type === 'image'
  const name = toText(title)
  const about = [name, toText(context)].flatMap((words) => words ?? [])
  const address = kind === 'base64' ? `data:${media_type};base64,${data}` : toText(url)
  if (kind === 'text') return [{ type: 'text', text: [...about, data].join('\n') }]
  if (kind === 'content') {
    const inner = typeof content === 'string' ? [{ type: 'text', text: content }] : jsonObjectsIn(content)
    return inner.flatMap((block, at) =>
      block.type === 'text' || (block.type === 'image' && block.source)
        ? toParts(state, block, `${path}.source.content.${at}`)
        : [],
    )
  }
  if (address === undefined || file_id !== undefined) {
    state.requires ??= unsupportedContent(`${path}.source`, `files by their id`)
    return []
  }
  if (isImage) return [{ type: 'image_url', image_url: { url: address } }]
  return [{ type: 'file', file: { file_data: address, filename: name ?? 'document.pdf' } }]
}

function withoutOurCitations(block: Block): Block {
  const { citations, ...rest } = block
  const list = jsonObjectsIn(citations)
  const others = list.filter(({ encrypted_index }) => encrypted_index !== OUR_CITATION)
  if (others.length === list.length) return block
  return others.length === 0 ? (rest as Block) : { ...rest, type: block.type, citations: others }
}

function endTurn(state: State, next: Turn['role'], nextPath: string): void {
  const { messages, paths, turn } = state
  const { role, path, results, resultPaths, parts, calls, kept } = turn
  for (const result of results) messages.push(result)
  for (const one of resultPaths) paths.push(one)
  if (role === 'assistant') {
    if (parts.length + calls.length + kept.length > 0) {
      const message: Message = {
        role,
        content: parts.length === 0 && calls.length > 0 ? null : assistantContent(parts),
        ...(calls.length === 0 ? {} : { tool_calls: calls }),
      }
      messages.push(restoreReasoning(message, kept))
      paths.push(path)
    }
  } else if (parts.length > 0) {
    messages.push({ role, content: contentOf(role === 'system' ? separated(parts) : parts) })
    paths.push(path)
  }
  state.turn = newTurn(next, nextPath)
}

/** A single text is a string; where it has a cache mark, or is one of several parts, a list. */
function contentOf(parts: Part[]): string | Part[] {
  const [first] = parts
  const isText = parts.length === 1 && first?.type === 'text' && first.cache_control === undefined
  return isText ? (first.text ?? '') : parts
}

/** One text is enough for all but a cache mark. */
function assistantContent(parts: Part[]): string | Part[] {
  const areTexts = parts.every(({ type, cache_control }) => type === 'text' && cache_control === undefined)
  return areTexts ? parts.map(({ text }) => text).join('') : parts
}

/** Many APIs put the texts of a system prompt together without anything between. */
function separated(parts: readonly Part[]): Part[] {
  const spaced = parts.map((part, at) => (at === parts.length - 1 ? part : { ...part, text: `${part.text}\n\n` }))
  const isMarked = parts.some(({ cache_control }) => cache_control !== undefined)
  return isMarked ? spaced : [{ type: 'text', text: spaced.map(({ text }) => text).join('') }]
}
