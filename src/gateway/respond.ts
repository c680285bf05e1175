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
 * The headers that every response has. Only a browser's page, which sends an `Origin`, reads those for other sites. No response is a page, so browsers must not sniff or cache it, and must not use http.
 * Each header costs time with each call, so there are no further ones that would say so (contract 7).
 */
export function commonHeaders(
  requestId: string,
  isCrossOrigin: boolean,
  requestIdHeader?: string,
): Record<string, string> {
  const headers: Record<string, string> = {
    'x-request-id': requestId,
    'cache-control': 'no-store',
    'strict-transport-security': 'max-age=31536000',
    'x-content-type-options': 'nosniff',
  }
  if (requestIdHeader !== undefined) headers[requestIdHeader] = requestId
  if (isCrossOrigin) {
    headers['access-control-allow-origin'] = '*'
    headers['access-control-expose-headers'] =
      requestIdHeader === undefined ? EXPOSED : `${EXPOSED}, ${requestIdHeader}`
  }
  return headers
}

/** What browsers may send that do not ask what they may send. */
const DEFAULT_HEADERS = ['authorization', 'content-type', ...KEY_HEADERS, 'anthropic-version', 'anthropic-beta'].join(
  ', ',
)

/** Answers a browser that asks whether it may call: keys travel in a header, not a cookie, so any page may (contract 1). */
export function preflightResponse(requestId: string, allow: string, headers: string | undefined): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...commonHeaders(requestId, true),
      allow,
      'access-control-allow-methods': allow,
      'access-control-allow-headers': headers ?? DEFAULT_HEADERS,
      'access-control-max-age': '86400',
    },
  })
}

/** A failure as the client gets it, in its own format (contract 5). It is given the headers that do not depend on the failure. */
export function failureResponse(
  failure: Failure,
  format: ErrorFormat,
  requestId: string,
  headers: Record<string, string>,
): Response {
  headers['content-type'] = 'application/json'
  if (failure.details.allow !== undefined) headers.allow = failure.details.allow
  if (failure.status === 429 || failure.status === 503) Object.assign(headers, retryHeaders(failure))
  // OpenAI's SDKs retry after any 5xx.
  else if (failure.details.shouldRetry === false) headers['x-should-retry'] = 'false'
  const status = format.statusOf?.(failure) ?? failure.status
  return new Response(JSON.stringify(format.writeError(failure, requestId)), { status, headers })
}

function retryHeaders({ kind, details, waitMs: ms }: Failure): Record<string, string> {
  const isPointless = NOT_RETRYABLE.has(kind) || details.shouldRetry === false
  return {
    'retry-after': String(Math.ceil(ms / 1000)),
    'retry-after-ms': String(ms),
    'x-should-retry': String(!isPointless && ms <= MAX_RETRY_MS),
  }
}
