import type { Incoming, Trouble } from './dialect.ts'
import { type Fields, listOf, numberOf, rowsOf, textOf } from './json.ts'

const KNOWN_FIELDS = new Set(
  'model messages tools documents citation_options response_format safety_mode max_tokens stop_sequences temperature seed frequency_penalty presence_penalty k p logprobs tool_choice strict_tools stream thinking priority return_prompt raw_prompting'.split(
    ' ',
  ),
)
const ROLES = ['system', 'user', 'assistant', 'tool']
const MAX_STOP_SEQUENCES = 5

/** What Cohere would refuse in a request. */
export function checkCohere({ headers, body }: Incoming): Trouble | undefined {
  const key = /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  if (key === undefined) return { status: 401, message: 'no api key supplied' }
  if (key === 'bad-key') return { status: 401, reason: 'key' }
  if (body.model === 'missing-model') return { status: 404 }
  const message = checkFields(body) ?? checkMessages(rowsOf(body.messages))
  return message === undefined ? undefined : { status: 400, message: `invalid request: ${message}` }
}

function checkFields(body: Fields): string | undefined {
  const unknown = Object.keys(body).find((field) => !KNOWN_FIELDS.has(field))
  if (unknown !== undefined) return `unknown field: parameter '${unknown}' is not a valid field`
  if (textOf(body.model) === '') return "missing required field: 'model'"
  const heat = numberOf(body.temperature)
  if (heat !== undefined && (heat < 0 || heat > 1)) return 'temperature must be between 0 and 1.0 inclusive.'
  for (const field of ['frequency_penalty', 'presence_penalty']) {
    const penalty = numberOf(body[field])
    if (penalty !== undefined && (penalty < 0 || penalty > 1)) return `${field} must be between 0 and 1 inclusive.`
  }
  if (listOf(body.stop_sequences).length > MAX_STOP_SEQUENCES) {
    return `stop_sequences must have at most ${MAX_STOP_SEQUENCES} entries.`
  }
  if (body.tool_choice === undefined) return undefined
  if (body.tool_choice !== 'REQUIRED' && body.tool_choice !== 'NONE')
    return 'tool_choice must be one of REQUIRED, NONE.'
  return rowsOf(body.tools).length === 0 ? 'tool_choice may only be set together with tools.' : undefined
}

function checkMessages(messages: Fields[]): string | undefined {
  if (messages.length === 0) return 'at least one message is required in messages.'
  let open: string[] = []
  for (const [at, message] of messages.entries()) {
    const role = textOf(message.role)
    if (!ROLES.includes(role)) return `invalid role '${role}' at messages[${at}].`
    if (role === 'tool') {
      const id = textOf(message.tool_call_id)
      if (!open.includes(id)) return `tool_call_id '${id}' at messages[${at}] answers no tool call.`
      open = open.filter((other) => other !== id)
      continue
    }
    if (open.length > 0) return `tool call '${open[0]}' has no tool message.`
    open = rowsOf(message.tool_calls).map(({ id }) => textOf(id))
    const { content } = message
    const silent = content === undefined || content === null || (content as string | unknown[]).length === 0
    if (silent && open.length === 0) return `messages[${at}] must have non-empty content or tool calls.`
  }
  return open.length > 0 ? `tool call '${open[0]}' has no tool message.` : undefined
}
