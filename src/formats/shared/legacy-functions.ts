import type { ChatEvent } from '../../chat/event.ts'
import { Failure } from '../../chat/failure.ts'
import type { Chat, Message, Tool } from '../../chat/request.ts'
import type { PreparedCall, ProviderCall, ProviderFormat } from '../format.ts'
import { isJsonObject, type JsonObject, toText } from './fields.ts'

/**
 * Gives a format the functions that OpenAI had before tools. They are sent as tools, and a call comes back as the
 * `function_call` that such a client reads. A conversation may hold old calls without offering functions.
 * @param hasFunctions whether a provider has these functions itself.
 */
export function withFunctionsAsTools<Quirks>(
  format: ProviderFormat<Quirks>,
  hasFunctions: (quirks: Quirks) => boolean = () => false,
): ProviderFormat<Quirks> {
  const prepare = (call: ProviderCall<Quirks>): PreparedCall => {
    const { chat, quirks } = call
    if (hasFunctions(quirks) || !isLegacy(chat)) return format.prepare(call)
    const prepared = format.prepare({ ...call, chat: toTools(chat) })
    if (!chat.functions?.length || chat.tools?.length) return prepared
    return {
      ...prepared,
      // The name that the caller used.
      dropped: prepared.dropped.map((name) => (name === 'tool_choice' ? 'function_call' : name)),
      streamReader: () => {
        const read = prepared.streamReader()
        const asFunctions = createFunctionReader()
        return (data, event) => asFunctions(read(data, event))
      },
      readAnswer: (body) => createFunctionReader()(prepared.readAnswer(body)),
    }
  }
  return { ...format, prepare }
}

function isLegacy({ functions, function_call, messages }: Chat): boolean {
  return Boolean(functions || function_call || messages.some(isLegacyMessage))
}

function isLegacyMessage({ role, function_call }: Message): boolean {
  return role === 'function' || Boolean(function_call)
}

function toTools({ functions, function_call, ...chat }: Chat): Chat {
  const tools = [...(chat.tools ?? []), ...(functions ?? []).map(toTool)]
  const choice = toToolChoice(function_call)
  return {
    ...chat,
    messages: chat.messages.some(isLegacyMessage) ? toolMessages(chat.messages) : chat.messages,
    ...(tools.length === 0 ? {} : { tools }),
    ...(choice === undefined ? {} : { tool_choice: choice }),
  }
}

function toTool({ name, description, parameters }: JsonObject & { readonly name: string }): Tool {
  return {
    type: 'function',
    function: {
      name,
      description: toText(description),
      ...(isJsonObject(parameters) ? { parameters: { ...parameters } } : {}),
    },
  }
}

function toToolChoice(choice: unknown): Chat['tool_choice'] {
  if (choice === 'none' || choice === 'auto') return choice
  const name = isJsonObject(choice) ? toText(choice.name) : undefined
  return name === undefined ? undefined : { type: 'function', function: { name } }
}

/** Function calls had no ids: a result belongs to the last call with its name. */
function toolMessages(messages: readonly Message[]): Message[] {
  const open = new Map<string, string>()
  let calls = 0
  return messages.map((message, at) => {
    const { function_call: called, name, ...rest } = message
    if (message.role === 'function') {
      const id = open.get(name ?? '')
      if (id !== undefined) return { ...rest, role: 'tool', tool_call_id: id }
      const param = `messages[${at}].name`
      throw new Failure('invalid-value', `'${param}' names no function call of the assistant before it.`, { param })
    }
    if (!called) return message
    const id = `call_${++calls}`
    open.set(called.name, id)
    return { ...rest, tool_calls: [...(rest.tool_calls ?? []), { id, type: 'function', function: called }] }
  })
}

/** Turns the first tool call of each choice into a function call. The old form has no place for further ones. */
function createFunctionReader(): (events: readonly ChatEvent[]) => readonly ChatEvent[] {
  const called = new Set<number>()
  return (events) =>
    events.flatMap((event): ChatEvent[] => {
      if (event.type === 'tool-delta') return event.index === 0 ? [event] : []
      if (event.type === 'finish') {
        const { reason, isFinal } = event
        const calls = called.has(event.choice) && !isFinal && (reason === 'stop' || reason === 'tool_calls')
        return [calls ? { ...event, reason: 'function_call' } : event]
      }
      if (event.type !== 'tool-start') return [event]
      if (event.index > 0) return []
      called.add(event.choice)
      return [{ ...event, kind: 'function_call' }]
    })
}
