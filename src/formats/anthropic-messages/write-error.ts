import type { Failure } from '../../chat/failure.ts'
import type { JsonObject } from '../shared/fields.ts'

/** The types of errors by their status (platform.claude.com, "Errors"). */
const TYPES: ReadonlyMap<number, string> = new Map([
  [401, 'authentication_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [413, 'request_too_large'],
  [429, 'rate_limit_error'],
  [504, 'timeout_error'],
  [529, 'overloaded_error'],
])

/** A conversation that the server holds: its next turn may be another provider's, so nobody could hold it. */
export const THREAD = 'thread'
/** At this code Anthropic's SDKs send the whole conversation instead (their `unsupportedRequestBehavior`). */
const THREAD_DETAILS = { error_code: 'thread_unsupported_request', unsupported: [THREAD] }

/** Fields of the chat that a request becomes, by their names in this API. */
const OWN_NAMES: ReadonlyMap<string, string> = new Map([
  ['max_completion_tokens', 'max_tokens'],
  ['stop', 'stop_sequences'],
  ['reasoning', 'thinking'],
  ['reasoning_effort', 'thinking'],
  ['response_format', 'output_config.format'],
  ['parallel_tool_calls', 'tool_choice.disable_parallel_tool_use'],
  ['web_search_options', 'web_search'],
  ['user', 'metadata.user_id'],
])

/** The status of this API: a server that is overloaded answers 529. */
export function statusOf({ status }: Failure): number {
  return status === 503 ? 529 : status
}

/** An error body (contract 5). Clients look for some sentences: a prompt that is too long makes Claude Code compact it. */
export function writeMessagesError(failure: Failure, requestId: string): JsonObject {
  const status = statusOf(failure)
  const type = TYPES.get(status) ?? (status < 500 && status !== 499 ? 'invalid_request_error' : 'api_error')
  const { message, param } = failure.toError()
  const isTooLong = failure.kind === 'context-length' && !/prompt is too long/i.test(message)
  return {
    type: 'error',
    error: {
      type,
      message: isTooLong ? `prompt is too long: ${message}` : message,
      ...(param === THREAD ? { details: THREAD_DETAILS } : {}),
    },
    request_id: requestId,
  }
}

/** Where the messages and the tools of a chat stand in its request. */
export interface Places {
  readonly messages: readonly string[]
  readonly tools: readonly string[]
  /** The block that a part of a message was. @param message its number in the chat. */
  readonly partOf: (message: number, part: number) => string | undefined
}

/** Says where a field of a chat stands in its request, as this API writes paths. */
export function createPathOf({ messages, tools, partOf }: Places): (chatPath: string) => string {
  return (chatPath) => {
    const [, list, index, part] = /^(messages|tools)\[(\d+)\](?:\.content\[(\d+)\])?/.exec(chatPath) ?? []
    const at = Number(index)
    if (list === 'messages') return (part && partOf(at, Number(part))) || (messages[at] ?? list)
    if (list === 'tools') return tools[at] ?? list
    return OWN_NAMES.get(chatPath.replace(/\W.*$/s, '')) ?? chatPath
  }
}
