import type { Message, ToolCall } from '../../chat/request.ts'
import { omitEmpty } from '../shared/fields.ts'
import { emptyConversation, PLACEHOLDER_USER_TEXT, partsOf, unsupportedContent, withUserTurn } from '../shared/parts.ts'

/** What an OpenAI-compatible provider wants otherwise in its messages (translation 3). */
export interface MessageQuirks {
  /** Has the `developer` role; elsewhere it becomes `system`. */
  readonly developerRole?: boolean
  /** Has neither that role nor `system`: what they say is said by the user. */
  readonly noSystem?: boolean | undefined
  /** What it takes back of an assistant's earlier reasoning; nothing where absent. */
  readonly returnedReasoning?: 'reasoning_content' | 'reasoning' | 'reasoning_details'
  /** Takes prompt cache marks (`cache_control`) on parts and messages. */
  readonly cacheControl?: boolean
  /** Refuses `name` on messages. */
  readonly noMessageNames?: boolean
  /** Refuses fields of messages that are not OpenAI's. */
  readonly strictMessages?: boolean
  /** Answers nobody where there are only system messages. */
  readonly requiresUserTurn?: boolean
  /** Wants a last message of the assistant marked as one to go on with. */
  readonly marksPrefix?: boolean
  /** Tool call ids must have exactly so many letters and digits. */
  readonly toolIdLength?: number
  /** Tool call ids may have so many characters. */
  readonly maxToolIdLength?: number
  /** After the system messages user and assistant must take turns, the user first; there are no calls between them. */
  readonly alternatingRoles?: boolean
}

/** Messages as they came, but for what this provider would refuse; the same objects where nothing changes. */
export function toOpenAIMessages(messages: readonly Message[], quirks: MessageQuirks): unknown[] {
  const idOf = createToolIds(quirks)
  const said = quirks.requiresUserTurn === true || quirks.alternatingRoles === true ? withUserTurn(messages) : messages
  const mapped = said.map((message) => toMessage(message, quirks, idOf))
  const last = mapped.at(-1)
  if (quirks.marksPrefix === true && last?.role === 'assistant') mapped[mapped.length - 1] = { ...last, prefix: true }
  return quirks.alternatingRoles === true ? alternating(mapped) : mapped
}

type IdOf = (id: string) => string

function toMessage(message: Message, quirks: MessageQuirks, idOf: IdOf): Message {
  const clean = withoutCacheMarks(withoutName(withoutOurs(message, quirks), quirks), quirks)
  switch (message.role) {
    case 'assistant':
      return toAssistant(clean, quirks, idOf)
    case 'system':
    case 'developer':
      if (quirks.noSystem === true) return { ...clean, role: 'user' }
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
 * An answer that a client sends back as it got it. What is null or empty says nothing, and some refuse its very name; the
 * official client's helpers add `parsed` and `parsed_arguments`, which no provider allowedParameters.
 */
function toAssistant(message: Message, { returnedReasoning }: MessageQuirks, idOf: IdOf): Message {
  const { reasoning_content, reasoning, reasoning_details, tool_calls, content, parsed, ...rest } = message
  const thoughts = reasoning_content ?? reasoning
  return {
    role: message.role,
    ...(content === undefined ? {} : { content }),
    ...omitEmpty(rest),
    ...(tool_calls?.length ? { tool_calls: tool_calls.map((call) => toCall(call, idOf)) } : {}),
    ...(returnedReasoning === 'reasoning_details' && reasoning_details ? { reasoning_details } : {}),
    ...(returnedReasoning === 'reasoning_content' && thoughts ? { reasoning_content: thoughts } : {}),
    ...(returnedReasoning === 'reasoning' && thoughts ? { reasoning: thoughts } : {}),
  }
}

/** Without what other families and clients put there; without arguments a call has an empty object. */
function toCall({ extra_content, ...call }: ToolCall, idOf: IdOf): ToolCall {
  const id = idOf(call.id)
  if (call.function === undefined) return { ...call, id }
  const { parsed_arguments, ...called } = call.function
  return { ...call, id, function: { ...called, arguments: called.arguments.trim() === '' ? '{}' : called.arguments } }
}

function createToolIds({ toolIdLength, maxToolIdLength }: MessageQuirks): IdOf {
  if (toolIdLength !== undefined) {
    const form = new RegExp(`^[a-zA-Z0-9]{${toolIdLength}}$`)
    return (id) => (form.test(id) ? id : digest(id, toolIdLength))
  }
  if (maxToolIdLength !== undefined) return (id) => (id.length <= maxToolIdLength ? id : digest(id, maxToolIdLength))
  return (id) => id
}

/** A short name for a long one, the same each time (FNV-1a, as often as letters are needed). */
function digest(text: string, length: number): string {
  let name = ''
  for (let round = 0; name.length < length; round++) {
    let hash = 0x811c9dc5 ^ round
    for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
    name += (hash >>> 0).toString(36)
  }
  return name.slice(0, length)
}

/** What an answer of ours carries beyond OpenAI's fields, and members that say nothing: strict servers refuse them. */
const OURS = new Set(['annotations', 'citations', 'images'])
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

function withoutOurs(message: Message, { strictMessages }: MessageQuirks): Message {
  const goes = (name: string) =>
    (OURS.has(name) && message.role === 'assistant') ||
    (message[name] === null && name !== 'content') ||
    (strictMessages === true && !OPENAI_FIELDS.has(name))
  if (!Object.keys(message).some(goes)) return message
  return Object.fromEntries(Object.entries(message).filter(([name]) => !goes(name))) as Message
}

function withoutName(message: Message, { noMessageNames }: MessageQuirks): Message {
  if (noMessageNames !== true || message.name === undefined || message.role === 'function') return message
  const { name, ...rest } = message
  return rest
}

function withoutCacheMarks(message: Message, { cacheControl }: MessageQuirks): Message {
  if (cacheControl === true) return message
  const { cache_control, ...rest } = message
  const clean = cache_control === undefined ? message : rest
  if (!Array.isArray(clean.content) || !clean.content.some((part) => 'cache_control' in part)) return clean
  return { ...clean, content: clean.content.map(({ cache_control: _, ...part }) => part) }
}

/** System messages at the top, neighbours of one role joined, empty ones left out. */
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

/** Messages of one role as one; all at once, since one after the other each would copy what stands before it. */
function joined([first, ...others]: readonly [Message, ...Message[]]): Message {
  if (others.length === 0) return first
  const contents = [first, ...others].map(({ content }) => content)
  const areTexts = contents.every((content) => typeof content === 'string')
  return { ...first, content: areTexts ? contents.filter(Boolean).join('\n\n') : contents.flatMap(partsOf) }
}
