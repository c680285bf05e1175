import type { Trouble } from './dialect.ts'
import { type Fields, rowsOf, textOf } from './json.ts'
import { refusal } from './openai-refusal.ts'

const ROLES = ['system', 'assistant', 'user', 'function', 'tool', 'developer']
const PART_TYPES = ['text', 'image_url', 'input_audio', 'refusal', 'audio', 'file']
const MAX_CALL_ID = 40

/** What OpenAI would refuse in the messages. */
export function checkOpenaiMessages(messages: Fields[], model: string): Trouble | undefined {
  if (messages.length === 0) {
    return refusal(
      "Invalid 'messages': empty array. Expected an array with minimum length 1.",
      'messages',
      'empty_array',
    )
  }
  let open: { at: number; ids: string[] } = { at: -1, ids: [] }
  for (const [at, message] of messages.entries()) {
    const role = textOf(message.role)
    if (!ROLES.includes(role)) {
      const message = `Invalid value: '${role}'. Supported values are: ${ROLES.map((name) => `'${name}'`).join(', ')}.`
      return refusal(message, `messages[${at}].role`, 'invalid_value')
    }
    if (/^o1-(mini|preview)/.test(model) && (role === 'system' || role === 'developer')) {
      const message = `Unsupported value: 'messages[${at}].role' does not support '${role}' with this model.`
      return refusal(message, `messages[${at}].role`, 'unsupported_value')
    }
    const content = checkContent(message, at)
    if (content !== undefined) return content
    if (role === 'tool') {
      const id = textOf(message.tool_call_id)
      if (!open.ids.includes(id)) {
        return refusal(
          "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
          `messages.[${at}].role`,
        )
      }
      open.ids = open.ids.filter((other) => other !== id)
      continue
    }
    if (open.ids.length > 0) return unanswered(open)
    const calls = rowsOf(message.tool_calls)
    if (calls.length > 0) open = { at, ids: calls.map(({ id }) => textOf(id)) }
  }
  return open.ids.length > 0 ? unanswered(open) : undefined
}

function checkContent(message: Fields, at: number): Trouble | undefined {
  const { content, tool_calls: calls } = message
  const param = `messages[${at}].content`
  const may =
    message.role === 'assistant' && (rowsOf(calls).length > 0 || 'refusal' in message || 'function_call' in message)
  if ((content === undefined || content === null) && !may) {
    return refusal("Invalid value for 'content': expected a string, got null.", param)
  }
  const part = rowsOf(content).findIndex(({ type }) => !PART_TYPES.includes(textOf(type)))
  if (part >= 0) {
    const supported = PART_TYPES.map((type) => `'${type}'`).join(', ')
    const text = `Invalid value: '${textOf(rowsOf(content)[part]?.type)}'. Supported values are: ${supported}.`
    return refusal(text, `${param}[${part}].type`, 'invalid_value')
  }
  const long = rowsOf(calls).findIndex(({ id }) => textOf(id).length > MAX_CALL_ID)
  if (long < 0) return undefined
  const place = `messages[${at}].tool_calls[${long}].id`
  const text = `Invalid '${place}': string too long. Expected a string with maximum length ${MAX_CALL_ID}.`
  return refusal(text, place, 'string_above_max_length')
}

function unanswered({ at, ids }: { at: number; ids: string[] }): Trouble {
  const message = `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${ids.join(', ')}`
  return refusal(message, `messages.[${at + 1}].role`)
}
