import type { Failure } from '../../chat/failure.ts'
import type { JsonObject } from '../shared/fields.ts'

/** Google's words for statuses (google.rpc.Code); a provider that fails is unavailable, as gRPC sees a bad gateway. */
const WORDS: ReadonlyMap<number, string> = new Map([
  [401, 'UNAUTHENTICATED'],
  [403, 'PERMISSION_DENIED'],
  [404, 'NOT_FOUND'],
  [408, 'DEADLINE_EXCEEDED'],
  [429, 'RESOURCE_EXHAUSTED'],
  [499, 'CANCELLED'],
  [500, 'INTERNAL'],
  [502, 'UNAVAILABLE'],
  [503, 'UNAVAILABLE'],
  [504, 'DEADLINE_EXCEEDED'],
])

const TYPE = 'type.googleapis.com/google.rpc.'

/**
 * An error body (contract 5), which is also an element of a stream that broke. The details are those that Google's own clients
 * read: what went wrong, the field at fault, and how long to wait.
 */
export function writeGeminiError(failure: Failure, requestId: string): JsonObject {
  const { status: code, kind, details: known } = failure
  const { message: text, param, code: reason } = failure.toError()
  const isTooLong = kind === 'context-length' && !/input token count/i.test(text)
  const message = isTooLong ? `The input token count exceeds the maximum number of tokens allowed: ${text}` : text
  const details: JsonObject[] = []
  if (reason !== null) {
    details.push({
      '@type': `${TYPE}ErrorInfo`,
      reason: reason.toUpperCase(),
      domain: 'router9',
      metadata: { request_id: requestId },
    })
  }
  if (param !== null) {
    details.push({ '@type': `${TYPE}BadRequest`, fieldViolations: [{ field: param, description: message }] })
  }
  const isKnown = known.retryAfterMs !== undefined || (kind !== 'quota-exhausted' && kind !== 'no-provider')
  const isWorthWaiting = isKnown && known.shouldRetry !== false
  if ((code === 429 || code === 503) && isWorthWaiting) {
    details.push({ '@type': `${TYPE}RetryInfo`, retryDelay: `${failure.waitMs / 1000}s` })
  }
  const status = WORDS.get(code) ?? 'INVALID_ARGUMENT'
  return { error: { code, message, status, ...(details.length === 0 ? {} : { details }) } }
}
