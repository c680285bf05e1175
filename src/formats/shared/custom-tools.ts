import type { ChatEvent } from '../../chat/event.ts'
import type { Chat, Message, Tool, ToolCall } from '../../chat/request.ts'
import type { PreparedCall, ProviderCall, ProviderFormat } from '../format.ts'
import { createKeptBound, failuresAsEvents } from './answer-bounds.ts'
import { createInputDecoder, customArguments, customFunction, type InputDecoder } from './custom-input.ts'
import { isJsonObject, type JsonObject, toText } from './fields.ts'

/**
 * Gives a format OpenAI's custom tools, whose input is a text and not JSON. Each is sent as a function with one text, and a
 * call of it comes back as the custom call that the client expects, piece by piece as its text arrives.
 * @param hasCustomTools whether a provider has these tools itself.
 */
export function withCustomToolsAsFunctions<Quirks>(
  format: ProviderFormat<Quirks>,
  hasCustomTools: (quirks: Quirks) => boolean = () => false,
): ProviderFormat<Quirks> {
  const prepare = (call: ProviderCall<Quirks>): PreparedCall => {
    const { chat, quirks } = call
    if (hasCustomTools(quirks) || !usesCustomTools(chat)) return format.prepare(call)
    const prepared = format.prepare({ ...call, chat: withFunctions(chat) })
    const names = customNames(chat)
    if (names.size === 0) return prepared
    return {
      ...prepared,
      streamReader: () => {
        const read = prepared.streamReader()
        const asCustom = createCustomReader(names)
        return failuresAsEvents((data, event) => asCustom(read(data, event)))
      },
      readAnswer: failuresAsEvents((body) => createCustomReader(names)(prepared.readAnswer(body))),
    }
  }
  return { ...format, prepare }
}

function usesCustomTools({ tools, messages }: Chat): boolean {
  return Boolean(tools?.some(isCustom) || messages.some(callsCustomTools))
}

function callsCustomTools({ tool_calls }: Message): boolean {
  return tool_calls?.some(isCustom) === true
}

function isCustom({ type }: { readonly type?: unknown }): boolean {
  return type === 'custom'
}

/** A name that a function has too means the function. */
function customNames({ tools }: Chat): ReadonlySet<string> {
  const names = new Set(tools?.flatMap(({ type, custom }) => (type === 'custom' && custom ? [custom.name] : [])))
  for (const { function: called } of tools ?? []) if (called !== undefined) names.delete(called.name)
  return names
}

function withFunctions(chat: Chat): Chat {
  const { tools, messages, tool_choice: choice } = chat
  return {
    ...chat,
    messages: messages.some(callsCustomTools) ? messages.map(withFunctionCalls) : messages,
    ...(tools?.some(isCustom) ? { tools: tools.map(toFunction) } : {}),
    ...(isJsonObject(choice) ? { tool_choice: functionChoice(choice) as Chat['tool_choice'] } : {}),
  }
}

function withFunctionCalls(message: Message): Message {
  return callsCustomTools(message) ? { ...message, tool_calls: message.tool_calls?.map(toFunctionCall) } : message
}

function toFunction(tool: Tool): Tool {
  const { type, custom } = tool
  if (type !== 'custom' || custom === undefined) return tool
  return customFunction(custom.name, toText(custom.description), custom.format)
}

function toFunctionCall(call: ToolCall): ToolCall {
  const { custom, ...rest } = call
  if (call.type !== 'custom' || custom === undefined) return call
  return { ...rest, type: 'function', function: { name: custom.name, arguments: customArguments(custom.input) } }
}

/** A choice that names a custom tool, or lists some among the allowed ones. */
function functionChoice(choice: JsonObject): JsonObject {
  const { type, custom, allowed_tools: allowed, ...rest } = choice
  if (type === 'custom') return { ...rest, type: 'function', function: custom }
  if (!isJsonObject(allowed) || !Array.isArray(allowed.tools)) return choice
  const tools = allowed.tools.map((tool: unknown) => (isJsonObject(tool) ? functionChoice(tool) : tool))
  return { ...choice, allowed_tools: { ...allowed, tools } }
}

/** Turns calls of functions with these names into calls of custom tools. */
function createCustomReader(names: ReadonlySet<string>): (events: readonly ChatEvent[]) => readonly ChatEvent[] {
  /** By choice and index, the calls that have not ended. */
  const open = new Map<string, { readonly choice: number; readonly index: number; readonly input: InputDecoder }>()
  const addKept = createKeptBound()
  const read = (event: ChatEvent, ready: ChatEvent[]) => {
    if (event.type === 'tool-start' && event.kind === 'function' && names.has(event.name)) {
      const { choice, index } = event
      open.set(`${choice}:${index}`, { choice, index, input: createInputDecoder() })
      ready.push({ ...event, kind: 'custom' })
      return
    }
    if (event.type === 'tool-delta') {
      const call = open.get(`${event.choice}:${event.index}`)
      if (call === undefined) {
        ready.push(event)
        return
      }
      addKept(event.text.length)
      const text = call.input.push(event.text)
      if (text !== '') ready.push({ ...event, text })
      return
    }
    if (event.type === 'finish' || event.type === 'done') {
      for (const [key, { choice, index, input }] of open) {
        if (event.type === 'finish' && event.choice !== choice) continue
        open.delete(key)
        const text = input.end()
        if (text !== '') ready.push({ type: 'tool-delta', choice, index, text })
      }
    }
    ready.push(event)
  }
  return (events) => {
    if (open.size === 0 && !events.some(({ type }) => type === 'tool-start')) return events
    const ready: ChatEvent[] = []
    for (const event of events) read(event, ready)
    return ready
  }
}
