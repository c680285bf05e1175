import type { Incoming, Trouble } from './dialect.ts'
import { flavourOf } from './flavours.ts'
import { type Fields, fieldsOf, numberOf, rowsOf, textOf } from './json.ts'
import { readEffort } from './openai-read.ts'

const GROQ_MESSAGE_FIELDS = new Set(['role', 'content', 'tool_calls', 'tool_call_id', 'reasoning'])
const MISTRAL_MESSAGE_FIELDS: Record<string, readonly string[]> = {
  system: ['role', 'content'],
  user: ['role', 'content'],
  assistant: ['role', 'content', 'tool_calls', 'prefix'],
  tool: ['role', 'content', 'tool_call_id', 'name'],
}
const MISTRAL_CALL_ID = /^[a-zA-Z0-9]{9}$/

// What only one provider refuses; a message is the refusal.
const RULES: Record<string, (body: Fields) => string | undefined> = {
  groq(body) {
    if ((numberOf(body.n) ?? 1) > 1) return "'n' : number must be at most 1"
    for (const [at, message] of rowsOf(body.messages).entries()) {
      const field = Object.keys(message).find((name) => !GROQ_MESSAGE_FIELDS.has(name))
      if (field !== undefined) return `'messages.${at}' : property '${field}' is unsupported`
    }
    const structured = fieldsOf(body.response_format)?.type === 'json_object'
    const busy = body.stream === true || rowsOf(body.tools).length > 0
    return structured && busy ? 'json mode cannot be combined with tool/function calling or streaming' : undefined
  },
  cerebras(body) {
    const schema = fieldsOf(body.response_format)?.type === 'json_schema'
    const busy = body.stream === true && rowsOf(body.tools).length > 0
    return schema && busy ? 'Structured outputs cannot be combined with tools in a stream' : undefined
  },
  deepseek(body) {
    const format = textOf(fieldsOf(body.response_format)?.type)
    if (format === 'json_schema') return 'This response_format type is unavailable now'
    const at = callWithout('reasoning_content', body, 'deepseek')
    return at === undefined
      ? undefined
      : `Missing \`reasoning_content\` field in the assistant message at message index ${at}.`
  },
  moonshot(body) {
    const at = callWithout('reasoning_content', body, 'moonshot')
    return at === undefined
      ? undefined
      : `thinking is enabled but reasoning_content is missing in assistant tool call message at index ${at}`
  },
  mistral(body) {
    const messages = rowsOf(body.messages)
    const ids = messages.flatMap(({ tool_calls: calls }) => rowsOf(calls).map(({ id }) => textOf(id)))
    const odd = ids.find((id) => !MISTRAL_CALL_ID.test(id))
    if (odd !== undefined) return `Tool call id was ${odd} but must be a-z, A-Z, 0-9, with a length of 9.`
    if (ids.length !== messages.filter(({ role }) => role === 'tool').length) {
      return 'Not the same number of function calls and responses'
    }
    const last = messages.at(-1)
    if (last === undefined || last.role === 'user' || last.role === 'tool' || last.prefix === true) return undefined
    return `Expected last role User or Tool (or Assistant with prefix True) for serving but got ${textOf(last.role)}`
  },
  perplexity(body) {
    const roles = rowsOf(body.messages).map(({ role }) => role)
    const opening = roles.findIndex((role) => role !== 'system')
    const talk = opening < 0 ? [] : roles.slice(opening)
    return talk.every((role, at) => role === (at % 2 === 0 ? 'user' : 'assistant'))
      ? undefined
      : 'After the (optional) system message(s), user or tool message(s) should alternate with assistant message(s).'
  },
  xai(body) {
    const model = textOf(body.model)
    if (!/mini|reason|grok-4/.test(model) || model.includes('non-reasoning')) return undefined
    const field = ['stop', 'presence_penalty', 'frequency_penalty'].find((name) => name in body)
    return field === undefined ? undefined : `Model ${model} does not support parameter ${field}.`
  },
}

/** What is wrong when each call since the user's last words has to come with the reasoning before it. */
export function insistOnReturn({ body, slot }: Incoming): Trouble | undefined {
  const { reasoning } = flavourOf(slot)
  if (reasoning === 'hidden' || reasoning === 'think-tags' || reasoning === 'content-parts') return undefined
  const field = reasoning === 'reasoning-details' ? 'reasoning_details' : reasoning
  const at = callWithout(field, body, slot)
  return at === undefined
    ? undefined
    : { status: 400, message: `Missing \`${field}\` field in the assistant message at message index ${at}.` }
}

/** The first call of the present tool loop that came without this field of reasoning, where the model reasons. */
function callWithout(field: string, body: Fields, slot: string): number | undefined {
  if (readEffort(body, slot) === 'off') return undefined
  const messages = rowsOf(body.messages)
  const asked = messages.findLastIndex(({ role }) => role === 'user')
  const at = messages.findIndex(
    (message, index) =>
      index > asked &&
      message.role === 'assistant' &&
      rowsOf(message.tool_calls).length > 0 &&
      (message[field] === undefined || message[field] === null || message[field] === ''),
  )
  return at < 0 ? undefined : at
}

/** What the provider of this slot refuses though the format knows it. */
export function checkFlavour(body: Fields, slot: string): Trouble | undefined {
  const { refuses, accepts, unknown } = flavourOf(slot)
  const extra = accepts === undefined ? undefined : Object.keys(body).find((field) => !accepts.includes(field))
  if (extra !== undefined) return unknown?.(extra)
  const within = slot === 'mistral' ? extraInMessages(rowsOf(body.messages)) : undefined
  if (within !== undefined) return unknown?.(within)
  const refused = refuses.find((field) => body[field] !== undefined && body[field] !== false)
  if (refused !== undefined) return { status: 400, param: refused, message: `property '${refused}' is unsupported` }
  const message = RULES[slot]?.(body)
  return message === undefined ? undefined : { status: 400, message }
}

/** The first field of a message that Mistral does not know for its role, or a role that it does not have. */
function extraInMessages(messages: readonly Fields[]): string | undefined {
  for (const [at, message] of messages.entries()) {
    const role = textOf(message.role)
    const known = MISTRAL_MESSAGE_FIELDS[role]
    if (known === undefined) return `messages.${at}.role`
    const field = Object.keys(message).find((name) => !known.includes(name))
    if (field !== undefined) return `messages.${at}.${role}.${field}`
  }
  return undefined
}
