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

/** Retrying does not help. */
const NOT_RETRYABLE: ReadonlySet<FailureKind> = new Set(['quota-exhausted', 'no-provider'])
/** OpenAI's SDKs ignore a longer wait and retry at once, so the response tells them not to retry. */
const MAX_RETRY_MS = 60_000

/** What a response's headers depend on beside its call. */
export interface HeaderNeeds {
  /** Only a browser's page reads them, and it sends an `Origin`. */
  readonly isCrossOrigin: boolean
  /** The header in which clients of an API look for the id. */
  readonly requestIdHeader?: string | undefined
}

/**
 * The headers that every response has. No response is a page, so browsers must not sniff or cache it, and must not use http.
 * Each header costs time with each call, so there are no further ones that would say so (contract 7).
 */
export function commonHeaders(
  requestId: string,
  { isCrossOrigin, requestIdHeader }: HeaderNeeds,
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
      ...commonHeaders(requestId, { isCrossOrigin: true }),
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

/** Says of whoever answered only that it was the best of those that could: the model and the provider tell as much. */
const USUAL_REASONS: ReadonlySet<string> = new Set(['only', 'first'])

/** Adds the headers `x-router9-*` and `server-timing`, as far as they say something new (contract 7). */
export function addMetaHeaders(
  headers: Record<string, string>,
  { requestedModel, route, attempts, target, dropped, timing }: ResponseMeta,
): void {
  const skipped = skippedIn(route, attempts)
  const sent = sentAttempts(attempts)
  let isUsual = target !== undefined && sent.length < 2
  if (target?.model !== requestedModel) headers['x-router9-requested-model'] = headerText(requestedModel)
  if (target !== undefined) {
    headers['x-router9-model'] = headerText(target.model)
    headers['x-router9-provider'] = target.deployment.provider
    const reason = reasonFor(route, target, attempts)
    if (!USUAL_REASONS.has(reason)) {
      headers['x-router9-reason'] = reason
      isUsual = false
    }
  }
  if (!isUsual && sent.length > 0) headers['x-router9-attempts'] = sent.map(attemptText).join(',')
  if (skipped !== '') headers['x-router9-skipped'] = headerText(skipped)
  if (dropped?.length) headers['x-router9-dropped-params'] = headerText(dropped.join(','))
  headers['server-timing'] = `auth;dur=${timing.authMs}, route;dur=${timing.routeMs}, upstream;dur=${timing.upstreamMs}`
}

function attemptText({ target, outcome, ms }: AttemptRecord): string {
  return `${target.deployment.provider}:${outcome}:${ms}ms`
}

/** The text as a header may contain it: names come from the caller and may contain anything. */
function headerText(text: string): string {
  return redactOwnKeys(text.slice(0, 500)).replace(/[^\x20-\x7e]/g, '?')
}
