import type { ErrorReply, Trouble, WireEvent } from './dialect.ts'

const DETAILS: Record<number, [string, string]> = {
  400: ['invalid_request_error', 'Invalid request'],
  401: ['authentication_error', 'invalid x-api-key'],
  402: ['billing_error', 'There is an issue with your billing.'],
  403: ['permission_error', 'Your API key does not have permission to use the specified resource.'],
  404: ['not_found_error', 'model: missing-model'],
  409: ['conflict_error', 'The request conflicts with another one.'],
  413: ['request_too_large', 'Request exceeds the maximum size'],
  429: ['rate_limit_error', 'Number of request tokens has exceeded your per-minute rate limit'],
  500: ['api_error', 'Internal server error'],
  504: ['timeout_error', 'Request timed out'],
  529: ['overloaded_error', 'Overloaded'],
}

const REASONS: Record<NonNullable<Trouble['reason']>, [string, string]> = {
  quota: [
    'invalid_request_error',
    'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to purchase credits.',
  ],
  context: ['invalid_request_error', 'prompt is too long: 220000 tokens > 200000 maximum'],
  key: ['authentication_error', 'invalid x-api-key'],
}

const DEFAULT_RETRY_SECONDS = 2

/** An error as Anthropic words it. */
export function anthropicFailure({ status, message, retryAfter, reason }: Trouble): ErrorReply {
  const known = reason === undefined ? undefined : REASONS[reason]
  const [type, words] = known ?? DETAILS[status] ?? DETAILS[status < 500 ? 400 : 500] ?? ['api_error', '']
  const headers: Record<string, string> = {}
  if (status === 429 || status >= 500) headers['x-should-retry'] = 'true'
  const wait = retryAfter ?? (status === 429 ? DEFAULT_RETRY_SECONDS : undefined)
  if (wait !== undefined) headers['retry-after'] = String(wait)
  return { status, headers, body: { type: 'error', error: { type, message: message ?? words } } }
}

/** The error event in the middle of a stream. */
export function anthropicFailureEvents(): WireEvent[] {
  const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }
  return [{ kind: 'content', name: 'error', data: JSON.stringify(error) }]
}
