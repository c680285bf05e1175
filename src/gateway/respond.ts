import { KEY_HEADERS } from '../access/auth.ts'
import { type Failure, type FailureKind, redactOwnKeys } from '../chat/failure.ts'
import type { ErrorFormat } from '../formats/format.ts'
import { type AttemptRecord, sentAttempts } from '../routing/attempt-record.ts'
import type { Target } from '../routing/target.ts'
import { type Route, reasonFor, skippedIn } from './route.ts'

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

/** No response is a page: browsers must not show, frame, sniff or cache it, and must not use http. */
const SECURITY_HEADERS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': EXPOSED,
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
}

/** Retrying does not help. */
const NOT_RETRYABLE: ReadonlySet<FailureKind> = new Set(['quota-exhausted', 'no-provider'])
/** OpenAI's SDKs ignore a longer wait and retry at once, so the response tells them not to retry. */
const MAX_RETRY_MS = 60_000

/** The headers that every response has. @param ownName the header in which clients of an API look for the id. */
export function commonHeaders(requestId: string, ownName?: string): Record<string, string> {
  const headers: Record<string, string> = { 'x-request-id': requestId, ...SECURITY_HEADERS }
  if (ownName !== undefined) {
    headers[ownName] = requestId
    headers['access-control-expose-headers'] = `${EXPOSED}, ${ownName}`
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
      ...commonHeaders(requestId),
      allow,
      'access-control-allow-methods': allow,
      'access-control-allow-headers': headers ?? DEFAULT_HEADERS,
      'access-control-max-age': '86400',
    },
  })
}

/** A failure as the client gets it, in its own format (contract 5). */
export function failureResponse(
  failure: Failure,
  format: ErrorFormat,
  requestId: string,
  further: Record<string, string> = {},
): Response {
  const headers: Record<string, string> = {
    ...further,
    ...commonHeaders(requestId, format.requestIdHeader),
    'content-type': 'application/json',
  }
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

/** What the headers of a response say about how it was made (contract 7). */
export interface ResponseMeta {
  readonly requestedModel: string
  readonly route: Route
  readonly attempts: readonly AttemptRecord[]
  readonly target?: Target
  readonly dropped?: readonly string[]
  readonly timing: Timing
}

/** How the time until now was spent. */
export interface Timing {
  readonly authMs: number
  readonly routeMs: number
  readonly upstreamMs: number
}

/** The headers `x-router9-*` and `server-timing`. */
export function metaHeaders({
  requestedModel,
  route,
  attempts,
  target,
  dropped,
  timing,
}: ResponseMeta): Record<string, string> {
  const skipped = skippedIn(route, attempts)
  const sent = sentAttempts(attempts)
  return {
    'x-router9-requested-model': headerText(requestedModel),
    ...(sent.length === 0 ? {} : { 'x-router9-attempts': sent.map(attemptText).join(',') }),
    ...(target === undefined
      ? {}
      : {
          'x-router9-model': headerText(target.model),
          'x-router9-provider': target.deployment.provider,
          'x-router9-reason': reasonFor(route, target, attempts),
        }),
    ...(skipped === '' ? {} : { 'x-router9-skipped': headerText(skipped) }),
    ...(dropped?.length ? { 'x-router9-dropped-params': headerText(dropped.join(',')) } : {}),
    'server-timing': `auth;dur=${timing.authMs}, route;dur=${timing.routeMs}, upstream;dur=${timing.upstreamMs}`,
  }
}

function attemptText({ target, outcome, ms }: AttemptRecord): string {
  return `${target.deployment.provider}:${outcome}:${ms}ms`
}

/** The text as a header may contain it: names come from the caller and may contain anything. */
function headerText(text: string): string {
  return redactOwnKeys(text.slice(0, 500)).replace(/[^\x20-\x7e]/g, '?')
}
