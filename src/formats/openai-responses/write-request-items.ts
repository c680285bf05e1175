import type { Message, Part, ToolCall } from '../../chat/request.ts'
import { type JsonObject, jsonObjectsIn, omitNull, toText } from '../shared/fields.ts'
import { shortId } from '../shared/ids.ts'
import { emptyConversation, partsOf, unsupportedContent } from '../shared/parts.ts'

/** In characters. */
const MAX_CALL_ID = 64

/**
 * Writes a conversation as items (translation 5.1).
 * @param reasoningFormat the `format` of encrypted reasoning that the provider can read.
 * @throws Failure for parts that this API has no form for, and where nothing is left.
 */
export function toItems(messages: readonly Message[], reasoningFormat: string): readonly JsonObject[] {
  const customCalls = new Set<string>()
  const items = messages.flatMap((message, at): readonly JsonObject[] => {
    const path = `messages[${at}]`
    switch (message.role) {
      case 'system':
      case 'developer':
      case 'user':
        return [{ role: message.role, content: inputContent(message.content, path) }]
      case 'assistant':
        for (const { id, type } of message.tool_calls ?? []) if (type === 'custom') customCalls.add(id)
        return assistantItems(message, path, reasoningFormat)
      case 'tool':
      // withFunctionsAsTools has made tools of functions.
      case 'function': {
        const id = message.tool_call_id ?? ''
        const type = customCalls.has(id) ? 'custom_tool_call_output' : 'function_call_output'
        return [{ type, call_id: callId(id), output: inputContent(message.content, path) }]
      }
      default:
        return message.role satisfies never
    }
  })
  if (items.length === 0) throw emptyConversation()
  return items
}

function callId(id: string): string {
  return id.length <= MAX_CALL_ID ? id : shortId(id, MAX_CALL_ID)
}

function inputContent(content: Message['content'], path: string): string | readonly JsonObject[] {
  if (typeof content === 'string') return content
  return partsOf(content).map((part, at) => inputPart(part, `${path}.content[${at}]`))
}

function inputPart(part: Part, path: string): JsonObject {
  const { type, text, image_url, file, refusal } = part
  if (type === 'text' && text !== undefined) return { type: 'input_text', text }
  if (type === 'refusal' && refusal !== undefined) return { type: 'input_text', text: refusal }
  if (type === 'image_url' && image_url !== undefined) {
    return { type: 'input_image', image_url: image_url.url, detail: toText(image_url.detail) ?? 'auto' }
  }
  if (type === 'file' && file !== undefined) {
    const { file_data, file_id, filename } = file
    const isAddress = /^https?:/i.test(file_data ?? '')
    // An address brings its own name; the two exclude each other.
    return { type: 'input_file', ...omitNull(isAddress ? { file_url: file_data } : { file_data, file_id, filename }) }
  }
  throw unsupportedContent(path, `parts of type '${type}' here`)
}

function assistantItems(message: Message, path: string, reasoningFormat: string): readonly JsonObject[] {
  const { content, refusal, tool_calls } = message
  const parts = partsOf(content).map((part, at) => outputPart(part, `${path}.content[${at}]`))
  if (toText(refusal) !== undefined) parts.push({ type: 'refusal', refusal })
  const words = parts.length === 0 ? [] : [{ role: 'assistant', content: parts }]
  return withReasoning([...words, ...(tool_calls ?? []).map(callItem)], reasoningItems(message, reasoningFormat))
}

function outputPart({ type, text, refusal }: Part, path: string): JsonObject {
  if (type === 'text' && text !== undefined) return { type: 'output_text', text }
  if (type === 'refusal' && refusal !== undefined) return { type, refusal }
  throw unsupportedContent(path, `parts of type '${type}' of the assistant`)
}

function callItem({ id, function: called, custom }: ToolCall): JsonObject {
  const call_id = callId(id)
  if (called === undefined) return { type: 'custom_tool_call', call_id, name: custom?.name, input: custom?.input }
  const given = called.arguments.trim()
  return { type: 'function_call', call_id, name: called.name, arguments: given === '' ? '{}' : called.arguments }
}

/** A reasoning item, and how many items of its answer came before it. */
interface PlacedReasoning {
  readonly position: number
  readonly summary: JsonObject[]
  encrypted: string | undefined
}

/**
 * Reasoning that this provider encrypted. Details of one item have the same number. Without its id, which would mean an item
 * that the provider has stored.
 */
function reasoningItems({ reasoning_details }: Message, reasoningFormat: string): readonly PlacedReasoning[] {
  const items = new Map<unknown, PlacedReasoning>()
  for (const { type, format, id, index, data, summary } of jsonObjectsIn(reasoning_details)) {
    if (format !== reasoningFormat) continue
    const key = id ?? index
    const item = items.get(key) ?? { position: Number(index) || 0, summary: [], encrypted: undefined }
    items.set(key, item)
    if (type === 'reasoning.encrypted') item.encrypted = toText(data)
    else if (type === 'reasoning.summary' && typeof summary === 'string') {
      item.summary.push({ type: 'summary_text', text: summary })
    }
  }
  return [...items.values()].sort((a, b) => a.position - b.position)
}

/** Puts each reasoning item before what followed it. */
function withReasoning(items: readonly JsonObject[], reasoning: readonly PlacedReasoning[]): readonly JsonObject[] {
  if (reasoning.length === 0) return items
  const all: JsonObject[] = []
  let at = 0
  for (const { position, summary, encrypted } of reasoning) {
    if (encrypted === undefined) continue
    // At least one follows it: without that it is refused.
    while (all.length < position && at < items.length - 1) all.push(items[at++] as JsonObject)
    all.push({ type: 'reasoning', summary, encrypted_content: encrypted })
  }
  return items.length === 0 ? [] : [...all, ...items.slice(at)]
}
