import type { ExpectedError } from './expected.ts'
import { arrayOf, at, parseJson, textOf } from './json.ts'

const UPSTREAM_ERROR: ExpectedError = { status: 502, type: 'upstream_error', param: null, code: 'upstream_error' }
const RATE_LIMITED: ExpectedError = {
  status: 429,
  type: 'rate_limit_error',
  param: null,
  code: 'upstream_rate_limited',
}
const OVERLOADED: ExpectedError = { status: 503, type: 'upstream_error', param: null, code: 'upstream_unavailable' }
const MODEL_MISSING: ExpectedError = {
  status: 404,
  type: 'invalid_request_error',
  param: 'model',
  code: 'model_not_found',
}
const TOO_LONG: ExpectedError = {
  status: 400,
  type: 'invalid_request_error',
  param: 'messages',
  code: 'context_length_exceeded',
}

/** Which error the client must get for a provider's HTTP error. */
export function errorForHttp(status: number, bodyText: string): { error: ExpectedError; notes: string[] } {
  const body = parseJson(bodyText)
  const message = messageOf(body, bodyText)
  const said = at(body, 'error') ?? at(body, 0, 'error')
  const words = `${textOf(at(said, 'status'))} ${textOf(at(said, 'code'))} ${textOf(at(said, 'type'))}`
  const one = (expected: ExpectedError, ...notes: string[]) => ({ error: expected, notes })
  if (status === 401 || status === 402 || status === 403) return one(UPSTREAM_ERROR)
  if (bodyText.includes('API_KEY_INVALID')) {
    return one(UPSTREAM_ERROR, 'a bad key told as 400 is still our credential: 502, as contract 5 says')
  }
  if (message.startsWith('Incorrect API key provided')) {
    return one(UPSTREAM_ERROR, 'a bad key told as 400 is still our credential: 502, as contract 5 says')
  }
  if (status === 404 || words.includes('model_not_found')) return one(MODEL_MISSING)
  if (status === 429 && words.includes('insufficient_quota')) {
    return one({ status: 429, param: null }, 'the account is out of money: type and code are open')
  }
  if (status === 429) return one(RATE_LIMITED)
  if (status === 529 || status === 503) return one(OVERLOADED)
  if (status === 504) return one({ ...UPSTREAM_ERROR, status: 504, code: 'upstream_timeout' })
  if (status >= 500) return one(UPSTREAM_ERROR)
  if (isTooLong(message)) return one(TOO_LONG)
  if (words.includes('FAILED_PRECONDITION')) {
    return one(
      UPSTREAM_ERROR,
      'FAILED_PRECONDITION (the place is not served) is about our account: 502, and fails over',
    )
  }
  const caller: ExpectedError = { status: 400, type: 'invalid_request_error', messageIncludes: ownWords(message) }
  if (words.includes('content_filter') || words.includes('content_policy')) {
    return one({ ...caller, param: null, code: 'content_filter' })
  }
  if (words.includes('tool_use_failed')) return one({ ...caller, param: null, code: 'tool_use_failed' })
  return one(caller, 'a fault of the caller in words of the provider: param and code are open')
}

/** The error of an event in a stream: its status counts only if nothing was said before it. */
export function errorInStream(error: unknown): ExpectedError {
  const message = textOf(error) || textOf(at(error, 'message'))
  const words = `${textOf(at(error, 'type'))} ${textOf(at(error, 'code'))} ${textOf(at(error, 'status'))}`
  const code = at(error, 'code') ?? at(error, 'status_code')
  const said: ExpectedError = message === '' ? {} : { messageIncludes: ownWords(message) }
  // Before content the message is ours to choose, so only its kind is compared.
  if (words.includes('overloaded')) return { ...OVERLOADED, ...said }
  if (words.includes('rate_limit') || code === 429) return { ...RATE_LIMITED, ...said }
  if (words.includes('invalid_request') || (typeof code === 'number' && code >= 400 && code < 499)) return said
  return { ...UPSTREAM_ERROR, ...said }
}

/** The human text of any provider's error body. */
export function messageOf(body: unknown, bodyText: string): string {
  const detail = at(body, 'detail')
  const found = [
    at(body, 'error', 'message'),
    at(body, 0, 'error', 'message'),
    at(body, 'error'),
    at(body, 'message'),
    detail,
    at(arrayOf(detail)[0], 'msg'),
    at(body, 'errors', 0, 'message'),
    at(body, 'errors'),
  ]
  return found.map(textOf).find((text) => text !== '') ?? bodyText.slice(0, 1024)
}

function isTooLong(message: string): boolean {
  return /prompt is too long|context (length|limit|window)|input token count .* exceeds|maximum context/i.test(message)
}

// The gateway may take addresses out of a provider's words, so only what stands before the first one is compared.
function ownWords(message: string): string {
  return message.split(/https?:/)[0]?.trim() ?? ''
}
