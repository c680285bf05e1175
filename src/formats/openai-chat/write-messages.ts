import type { Message, ToolCall } from '../../chat/request.ts'
import { omitEmpty } from '../shared/fields.ts'
import { shortId } from '../shared/ids.ts'
import { emptyConversation, PLACEHOLDER_USER_TEXT, partsOf, unsupportedContent, withUserTurn } from '../shared/parts.ts'

/** How the messages that a provider takes differ from OpenAI's (translation 3.1). */
export interface MessageQuirks {
  /** Has the `developer` role; elsewhere it becomes `system`. */
  readonly developerRole?: boolean
  /** The field in which it takes back an assistant's earlier reasoning; none where absent. */
  readonly returnedReasoning?: 'reasoning_content' | 'reasoning' | 'reasoning_details'
  /** Takes prompt cache marks (`cache_control`) on parts and messages. */
  readonly cacheControl?: boolean
  /** Refuses `name` on messages. */
  readonly noMessageNames?: boolean
  /** Refuses fields of messages that are not OpenAI's. */
  readonly strictMessages?: boolean
  /** Refuses a conversation of system messages only. */
  readonly requiresUserTurn?: boolean
  /** Continues a last message of the assistant only if it has `prefix: true`. */
  readonly marksPrefix?: boolean
  /** Tool call ids must be so many letters and digits, no more and no fewer. */
  readonly toolIdLength?: number
  /** The longest tool call id that it takes, in characters. */
  readonly maxToolIdLength?: number
  /** After the system messages user and assistant must take turns, the user first. It has no tool calls. */
  readonly alternatingRoles?: boolean
}

/**
 * The messages as they came, without what this provider would refuse. An object that needs no change is not copied.
 * @param noSystem the model has no system messages: such messages become the user's.
 */
export function toOpenAIMessages(messages: readonly Message[], quirks: MessageQuirks, noSystem?: boolean): unknown[] {
  const idOf = createToolIds(quirks)
  const conversation =
    quirks.requiresUserTurn === true || quirks.alternatingRoles === true ? withUserTurn(messages) : messages
  const mapped = conversation.map((message) => toMessage(message, quirks, noSystem, idOf))
  const last = mapped.at(-1)
  if (quirks.marksPrefix === true && last?.role === 'assistant') mapped[mapped.length - 1] = { ...last, prefix: true }
  return quirks.alternatingRoles === true ? alternating(mapped) : mapped
}

type IdOf = (id: string) => string

function toMessage(message: Message, quirks: MessageQuirks, noSystem: boolean | undefined, idOf: IdOf): Message {
  const clean = withoutCacheMarks(withoutName(withoutUnknownFields(message, quirks), quirks), quirks)
  switch (message.role) {
    case 'assistant':
      return toAssistant(clean, quirks, idOf)
    case 'system':
    case 'developer':
      if (noSystem === true) return { ...clean, role: 'user' }
      return quirks.developerRole === true || message.role === 'system' ? clean : { ...clean, role: 'system' }
    case 'tool': {
      const id = idOf(message.tool_call_id ?? '')
      return id === message.tool_call_id ? clean : { ...clean, tool_call_id: id }
    }
    default:
      return clean
  }
}

/**
 * An answer that a client sends back as it got it. Fields that are null or empty are left out, since some providers refuse
 * even their names, and so are `parsed` and `parsed_arguments`, which the official client's helpers add.
 */
function toAssistant(message: Message, { returnedReasoning }: MessageQuirks, idOf: IdOf): Message {
  const { reasoning_content, reasoning, reasoning_details, tool_calls, content, parsed, ...rest } = message
  const earlierReasoning = reasoning_content ?? reasoning
  return {
    role: message.role,
    ...(content === undefined ? {} : { content }),
    ...omitEmpty(rest),
    ...(tool_calls?.length ? { tool_calls: tool_calls.map((call) => toCall(call, idOf)) } : {}),
    ...(returnedReasoning === 'reasoning_details' && reasoning_details ? { reasoning_details } : {}),
    ...(returnedReasoning === 'reasoning_content' && earlierReasoning ? { reasoning_content: earlierReasoning } : {}),
    ...(returnedReasoning === 'reasoning' && earlierReasoning ? { reasoning: earlierReasoning } : {}),
  }
}

/** Leaves out fields of other providers and of clients. A call without arguments gets an empty object: they must be JSON. */
function toCall({ extra_content, ...call }: ToolCall, idOf: IdOf): ToolCall {
  const id = idOf(call.id)
  if (call.function === undefined) return { ...call, id }
  const { parsed_arguments, ...called } = call.function
  return { ...call, id, function: { ...called, arguments: called.arguments.trim() === '' ? '{}' : called.arguments } }
}

function createToolIds({ toolIdLength, maxToolIdLength }: MessageQuirks): IdOf {
  if (toolIdLength !== undefined) {
    const form = new RegExp(`^[a-zA-Z0-9]{${toolIdLength}}$`)
    return (id) => (form.test(id) ? id : shortId(id, toolIdLength))
  }
  if (maxToolIdLength !== undefined) return (id) => (id.length <= maxToolIdLength ? id : shortId(id, maxToolIdLength))
  return (id) => id
}

/** Fields of our answers that OpenAI does not have: providers with strict schemas refuse them. */
const OUR_FIELDS = new Set(['annotations', 'citations', 'images'])
const OPENAI_FIELDS = new Set([
  'role',
  'content',
  'name',
  'tool_calls',
  'tool_call_id',
  'function_call',
  'refusal',
  'reasoning_content',
  'reasoning',
  'reasoning_details',
  'cache_control',
])

function withoutUnknownFields(message: Message, { strictMessages }: MessageQuirks): Message {
  for (const name in message) {
    if (!isUnknownField(message, name, strictMessages)) continue
    const known = Object.entries(message).filter(([field]) => !isUnknownField(message, field, strictMessages))
    return Object.fromEntries(known) as Message
  }
  return message
}

function isUnknownField(message: Message, name: string, isStrict: boolean | undefined): boolean {
  return (
    (message.role === 'assistant' && OUR_FIELDS.has(name)) ||
    (message[name] === null && name !== 'content') ||
    (isStrict === true && !OPENAI_FIELDS.has(name))
  )
}

function withoutName(message: Message, { noMessageNames }: MessageQuirks): Message {
  if (noMessageNames !== true || message.name === undefined || message.role === 'function') return message
  const { name, ...rest } = message
  return rest
}

function withoutCacheMarks(message: Message, { cacheControl }: MessageQuirks): Message {
  if (cacheControl === true) return message
  const clean = message.cache_control === undefined ? message : withoutOwnMark(message)
  if (!Array.isArray(clean.content) || !clean.content.some((part) => 'cache_control' in part)) return clean
  return { ...clean, content: clean.content.map(({ cache_control: _, ...part }) => part) }
}

function withoutOwnMark({ cache_control, ...message }: Message): Message {
  return message
}

/** Puts system messages at the top, joins neighbours of one role, and leaves out empty messages. */
function alternating(messages: readonly Message[]): Message[] {
  const turns: [Message, ...Message[]][] = []
  messages.forEach((message, at) => {
    if (message.role === 'tool' || message.tool_calls) throw unsupportedContent(`messages[${at}]`, 'tool calls')
    if (message.role === 'system' || partsOf(message.content).length === 0) return
    const last = turns.at(-1)
    if (last?.[0].role === message.role) last.push(message)
    else turns.push([message])
  })
  const [first] = turns
  if (first === undefined) throw emptyConversation()
  const system = messages.filter(({ role }) => role === 'system')
  const opening: Message[] = first[0].role === 'assistant' ? [{ role: 'user', content: PLACEHOLDER_USER_TEXT }] : []
  return [...system, ...opening, ...turns.map(joined)]
}

/** Joins messages of one role. All at once: one after the other, each would copy all before it. */
function joined([first, ...others]: readonly [Message, ...Message[]]): Message {
  if (others.length === 0) return first
  const contents = [first, ...others].map(({ content }) => content)
  const areTexts = contents.every((content) => typeof content === 'string')
  return { ...first, content: areTexts ? contents.filter(Boolean).join('\n\n') : contents.flatMap(partsOf) }
}
