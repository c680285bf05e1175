import { KEY_HEADERS } from '../access/auth.ts'
import type { Failure, FailureKind } from '../chat/failure.ts'
import type { ErrorFormat } from '../formats/format.ts'

/** Every header that a browser may read (contract 7). */
const EXPOSED = [
  'x-request-id',
  'x-router9-model',
  'x-router9-provider',
  'x-router9-requested-model',
  'x-router9-attempts',
  'x-router9-reason',
  'x-router9-skipped',
  'x-router9-dropped-params',
  'x-router9-estimated',
  'server-timing',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  ...['limit', 'remaining', 'reset'].flatMap((what) => [`x-ratelimit-${what}-requests`, `x-ratelimit-${what}-tokens`]),
].join(', ')

/** Retrying does not help. */
const NOT_RETRYABLE: ReadonlySet<FailureKind> = new Set(['quota-exhausted', 'no-provider'])
/** OpenAI's SDKs ignore a longer wait and retry at once, so the response tells them not to retry. */
const MAX_RETRY_MS = 60_000

/**
 * The headers that every response has. No response is a page, so browsers must not sniff or cache it, and must not use http.
 * Each header costs time with each call, so there are no further ones that would say so (contract 7).
 */
const COMMON = new Headers({
  'cache-control': 'no-store',
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
})
const COMMON_JSON = new Headers(COMMON)
COMMON_JSON.set('content-type', 'application/json')
const COMMON_STREAM = new Headers(COMMON)
COMMON_STREAM.set('cache-control', 'no-cache, no-transform')
COMMON_STREAM.set('x-accel-buffering', 'no')

// A response begins with headers that the platform copies, and gets the others one by one: a record of all of them would have
// to be taken apart with each response, which costs a third more.

/** A response without its own headers: `addCommonHeaders` adds them. */
export function emptyResponse(status = 200): Response {
  return new Response(null, { status, headers: COMMON })
}

/** A response in JSON without its own headers: `addCommonHeaders` adds them. */
export function jsonResponse(body: string | ReadableStream, status = 200): Response {
  return new Response(body, { status, headers: COMMON_JSON })
}

/** A stream without its own headers: `addCommonHeaders` adds them. */
export function streamResponse(body: ReadableStream, type = 'text/event-stream; charset=utf-8'): Response {
  const response = new Response(body, { headers: COMMON_STREAM })
  response.headers.append('content-type', type)
  return response
}

/**
 * Adds what tells the response of this request from others.
 * @param isCrossOrigin only a browser's page reads what is for other sites, and it sends an `Origin`.
 * @param requestIdHeader in which clients of an API look for the id.
 */
export function addCommonHeaders(
  headers: Headers,
  requestId: string,
  isCrossOrigin: boolean,
  requestIdHeader?: string,
): void {
  headers.append('x-request-id', requestId)
  if (requestIdHeader !== undefined) headers.append(requestIdHeader, requestId)
  if (!isCrossOrigin) return
  headers.append('access-control-allow-origin', '*')
  headers.append(
    'access-control-expose-headers',
    requestIdHeader === undefined ? EXPOSED : `${EXPOSED}, ${requestIdHeader}`,
  )
}

/** What browsers may send that do not ask what they may send. */
const DEFAULT_HEADERS = ['authorization', 'content-type', ...KEY_HEADERS, 'anthropic-version', 'anthropic-beta'].join(
  ', ',
)

/** Answers a browser that asks whether it may call: keys travel in a header, not a cookie, so any page may (contract 1). */
export function preflightResponse(requestId: string, allow: string, asked: string | undefined): Response {
  const response = emptyResponse(204)
  const { headers } = response
  addCommonHeaders(headers, requestId, true)
  headers.append('allow', allow)
  headers.append('access-control-allow-methods', allow)
  headers.append('access-control-allow-headers', asked ?? DEFAULT_HEADERS)
  headers.append('access-control-max-age', '86400')
  return response
}

/** A failure as the client gets it, in its own format (contract 5), without the headers that do not depend on the failure. */
export function failureResponse(failure: Failure, format: ErrorFormat, requestId: string): Response {
  const status = format.statusOf?.(failure) ?? failure.status
  const response = jsonResponse(JSON.stringify(format.writeError(failure, requestId)), status)
  const { headers } = response
  if (failure.details.allow !== undefined) headers.append('allow', failure.details.allow)
  if (failure.status === 429 || failure.status === 503) addRetryHeaders(headers, failure)
  // OpenAI's SDKs retry after any 5xx.
  else if (failure.details.shouldRetry === false) headers.append('x-should-retry', 'false')
  return response
}

function addRetryHeaders(headers: Headers, { kind, details, waitMs: ms }: Failure): void {
  const isPointless = NOT_RETRYABLE.has(kind) || details.shouldRetry === false
  headers.append('retry-after', String(Math.ceil(ms / 1000)))
  headers.append('retry-after-ms', String(ms))
  headers.append('x-should-retry', String(!isPointless && ms <= MAX_RETRY_MS))
}
