import type { OutputEvent } from '../../chat/event.ts'
import type { Message } from '../../chat/request.ts'
import { isJsonObject, type JsonObject } from './fields.ts'

/** What a provider wants back of an assistant's turn. Client formats with an opaque field seal it there. */
export interface KeptReasoning {
  /** `true` stands for the text that the client shows and sends back beside the sealed one. */
  readonly reasoning_content?: string | true
  readonly reasoning_details?: readonly JsonObject[]
  /** The `extra_content` of calls, by the ids that the provider gave them. */
  readonly calls?: Readonly<Record<string, JsonObject>>
}

/** Collects it from the events of one choice. */
export interface ReasoningKeeper {
  readonly push: (event: OutputEvent) => void
  /** @param visible the reasoning that the client gets as text beside it. @returns what came since; undefined where nothing did. */
  readonly take: (visible?: string) => KeptReasoning | undefined
}

/** No honest turn has more. Of one that does, nothing is kept. */
const MAX_KEPT_CHARACTERS = 1024 * 1024

export function createReasoningKeeper(): ReasoningKeeper {
  let text = ''
  let details: JsonObject[] = []
  let calls = new Map<string, JsonObject>()
  let characters = 0
  const clear = () => {
    text = ''
    details = []
    calls = new Map()
  }
  const keeps = (size: number) => {
    characters += size
    if (characters <= MAX_KEPT_CHARACTERS) return true
    clear()
    return false
  }
  return {
    push: (event) => {
      if (event.type === 'reasoning') {
        if (keeps(event.text.length)) text += event.text
      } else if (event.type === 'tool-start') {
        const content = event.extra?.extra_content
        if (isJsonObject(content) && keeps(sizeOf(content))) calls.set(event.id, content)
      } else if (event.type === 'extra') {
        const list = event.fields.reasoning_details
        if (Array.isArray(list) && keeps(sizeOf(list))) for (const detail of list) details.push(detail)
      }
    },
    take: (visible) => {
      const kept: KeptReasoning = {
        ...(text === '' ? {} : { reasoning_content: text === visible ? true : text }),
        ...(details.length === 0 ? {} : { reasoning_details: details }),
        ...(calls.size === 0 ? {} : { calls: Object.fromEntries(calls) }),
      }
      clear()
      characters = 0
      return Object.keys(kept).length === 0 ? undefined : kept
    },
  }
}

/** The characters of a value's JSON. */
export function sizeOf(value: unknown): number {
  try {
    return JSON.stringify(value).length
  } catch {
    // It is nested too deeply for JSON.stringify.
    return Number.POSITIVE_INFINITY
  }
}

/** Reads what was sealed. @param visible the text beside it. @returns undefined where it is something else. */
export function readKept(value: unknown, visible = ''): KeptReasoning | undefined {
  if (!isJsonObject(value)) return undefined
  const { reasoning_content: text, reasoning_details: details = [], calls = {} } = value
  const isText = text === undefined || text === true || typeof text === 'string'
  if (!isText || !Array.isArray(details) || !details.every(isJsonObject) || !isJsonObject(calls)) return undefined
  if (!Object.values(calls).every(isJsonObject)) return undefined
  const content = text === true ? visible : text
  return {
    ...(content ? { reasoning_content: content } : {}),
    reasoning_details: details,
    calls: calls as Readonly<Record<string, JsonObject>>,
  }
}

/** An assistant's message with what its turn kept, in the order in which it came. */
export function restoreReasoning(message: Message, kept: readonly KeptReasoning[]): Message {
  if (kept.length === 0) return message
  const text = kept.map(({ reasoning_content }) => (typeof reasoning_content === 'string' ? reasoning_content : ''))
  const details = kept.flatMap(({ reasoning_details = [] }) => reasoning_details) as { type: string }[]
  const calls = new Map(kept.flatMap(({ calls: byId = {} }) => Object.entries(byId)))
  const restored = { ...message }
  if (text.some(Boolean)) restored.reasoning_content = text.join('')
  if (details.length > 0) restored.reasoning_details = details
  if (calls.size > 0) {
    restored.tool_calls = message.tool_calls?.map((call) => {
      const content = calls.get(call.id)
      return content === undefined ? call : { ...call, extra_content: content }
    })
  }
  return restored
}
