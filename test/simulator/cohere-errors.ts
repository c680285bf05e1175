import type { ErrorReply, Trouble, WireEvent } from './dialect.ts'

const MESSAGES: Record<number, string> = {
  400: 'invalid request',
  401: 'Incorrect API key provided: ***********. You can find your API key at https://dashboard.cohere.com/api-keys.',
  402: 'your billing limit has been reached',
  403: 'your API key is not allowed to use this resource',
  404: "model 'missing-model' not found, make sure the correct model ID was used and that you have access to the model.",
  422: 'unprocessable entity',
  429: 'You are past the per minute request limit, please wait and try again later.',
  499: 'request cancelled by the user',
  500: 'internal server error, this has been reported to our developers',
  503: 'service unavailable, please try again later',
  504: 'the request timed out',
}

const REASONS: Record<NonNullable<Trouble['reason']>, string> = {
  quota:
    'You are using a Trial key, which is limited to 1000 API calls / month. You can continue by upgrading to a Production key.',
  context: 'too many tokens: total number of tokens in the prompt cannot exceed 128000',
  key: MESSAGES[401] ?? '',
}

/** An error as Cohere words it. */
export function cohereFailure({ status, message, reason, retryAfter }: Trouble): ErrorReply {
  const known = reason === undefined ? undefined : REASONS[reason]
  const words = message ?? known ?? MESSAGES[status] ?? MESSAGES[status < 500 ? 400 : 500]
  const headers: Record<string, string> = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }
  return { status, headers, body: { id: '2d4609a6-d1f9-4cf4-8d09-af865409bdc2', message: words } }
}

/** Cohere ends a broken stream with an ordinary end whose reason is ERROR. */
export function cohereFailureEvents(): WireEvent[] {
  const delta = { finish_reason: 'ERROR', error: 'internal server error' }
  return [
    { kind: 'content', name: 'message-end', data: JSON.stringify({ type: 'message-end', delta }) },
    { kind: 'end', data: '[DONE]' },
  ]
}
