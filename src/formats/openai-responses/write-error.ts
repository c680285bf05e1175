import type { Failure, FailureKind } from '../../chat/failure.ts'
import type { JsonObject } from '../shared/fields.ts'

/** Fields of the chat that a request becomes, by their names in this API. */
const OWN_NAMES: ReadonlyMap<string, string> = new Map([
  ['messages', 'input'],
  ['max_completion_tokens', 'max_output_tokens'],
  ['max_tokens', 'max_output_tokens'],
  ['response_format', 'text.format'],
  ['verbosity', 'text.verbosity'],
  ['reasoning_effort', 'reasoning.effort'],
  ['logprobs', 'top_logprobs'],
  ['web_search_options', 'web_search'],
])

/**
 * Says where a field of the chat stands in the request.
 * @param contents where the content of each message comes from.
 * @param tools where each tool comes from.
 */
export function createPathOf(contents: readonly string[], tools: readonly string[]): (path: string) => string {
  return (path) => {
    const [, list, index, rest = ''] = /^(messages|tools)\[(\d+)\](.*)$/s.exec(path) ?? []
    // Faults of the request itself, which are in its words already.
    if (list === undefined || rest.endsWith('.type')) return ownName(path)
    if (list === 'tools') return `${tools[Number(index)] ?? 'tools'}${rest.replace(/^\.(?:function|custom)\b/, '')}`
    const content = contents[Number(index)] ?? 'input'
    if (!/^\.content\[/.test(rest) || !/\.(?:content|output)$/.test(content)) return content
    return content + rest.slice('.content'.length).replace('.image_url.url', '.image_url').replace('.file.', '.')
  }
}

function ownName(path: string): string {
  return OWN_NAMES.get(path.replace(/\W.*$/s, '')) ?? path
}

/** The body of an error response, as OpenAI has it. */
export function writeResponsesError(failure: Failure): object {
  const error = failure.inWordsOf(ownName).toError()
  return { error: { ...error, message: withWait(error.message, failure) } }
}

const LIMITS: ReadonlySet<FailureKind> = new Set([
  'rate-limited',
  'quota-exhausted',
  'request-rate',
  'address-rate',
  'token-rate',
])

/** The error of a response that failed. Clients read the code, and agents also how long to wait. */
export function writeResponseError(failure: Failure): JsonObject {
  const { message } = failure.inWordsOf(ownName).toError()
  return { code: codeOf(failure), message: withWait(message, failure) }
}

/** In OpenAI's words, which clients look for. Whoever waits for an account that is used up waits in vain. */
function withWait(message: string, { kind, details: { retryAfterMs } }: Failure): string {
  if (!LIMITS.has(kind) || kind === 'quota-exhausted' || retryAfterMs === undefined) return message
  return /try again in/i.test(message) ? message : `${message} Please try again in ${retryAfterMs / 1000}s.`
}

function codeOf({ kind, fault }: Failure): string {
  if (kind === 'context-length') return 'context_length_exceeded'
  if (kind === 'budget') return 'insufficient_quota'
  if (LIMITS.has(kind)) return 'rate_limit_exceeded'
  return fault === 'caller' ? 'invalid_prompt' : 'server_error'
}
