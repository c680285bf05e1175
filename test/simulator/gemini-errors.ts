import type { ErrorReply, Incoming, Trouble, WireEvent } from './dialect.ts'
import type { Fields } from './json.ts'

const STATUSES: Record<number, [string, string]> = {
  400: ['INVALID_ARGUMENT', 'Request contains an invalid argument.'],
  401: ['UNAUTHENTICATED', 'Request had invalid authentication credentials.'],
  403: ['PERMISSION_DENIED', 'The caller does not have permission'],
  404: [
    'NOT_FOUND',
    'models/missing-model is not found for API version v1beta, or is not supported for generateContent. Call ModelService.ListModels to see the list of available models and their supported methods.',
  ],
  409: ['ABORTED', 'The operation was aborted.'],
  429: ['RESOURCE_EXHAUSTED', 'You exceeded your current quota, please check your plan and billing details.'],
  499: ['CANCELLED', 'The operation was cancelled.'],
  500: ['INTERNAL', 'An internal error has occurred. Please retry.'],
  503: ['UNAVAILABLE', 'The model is overloaded. Please try again later.'],
  504: ['DEADLINE_EXCEEDED', 'The request timed out. Please try again.'],
}

const DEFAULT_RETRY_SECONDS = 2

/** An error as Google words it. */
export function geminiFailure({ status, message, reason, retryAfter }: Trouble): ErrorReply {
  if (reason === 'key')
    return reply(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', keyDetails())
  const context = 'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).'
  if (reason === 'context') return reply(400, 'INVALID_ARGUMENT', context, [])
  const [name, words] = STATUSES[status] ?? STATUSES[status < 500 ? 400 : 500] ?? ['UNKNOWN', '']
  const made = reply(status, name, message ?? words, status === 429 ? quotaDetails(reason === 'quota', retryAfter) : [])
  // Google tells the wait in the body; a date has no place there.
  if (typeof retryAfter === 'string') made.headers['retry-after'] = retryAfter
  return made
}

function reply(code: number, status: string, message: string, details: Fields[]): ErrorReply {
  return {
    status: code,
    headers: {},
    body: { error: { code, message, status, ...(details.length > 0 ? { details } : {}) } },
  }
}

function keyDetails(): Fields[] {
  return [
    {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: 'API_KEY_INVALID',
      domain: 'googleapis.com',
      metadata: { service: 'generativelanguage.googleapis.com' },
    },
  ]
}

function quotaDetails(daily: boolean, retryAfter: number | string | undefined): Fields[] {
  const quotaId = `GenerateRequestsPer${daily ? 'Day' : 'Minute'}PerProjectPerModel-FreeTier`
  const failure = { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [{ quotaId }] }
  const seconds = typeof retryAfter === 'number' ? retryAfter : DEFAULT_RETRY_SECONDS
  return [failure, { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${seconds}s` }]
}

/** The error in the middle of a stream: Vertex sends it as bare JSON between the events. */
export function geminiFailureEvents({ slot }: Incoming): WireEvent[] {
  const { body } = geminiFailure({ status: 503 })
  if (slot === 'vertex') return [{ kind: 'content', form: 'raw', data: `${JSON.stringify(body, null, 2)}\r\n` }]
  return [{ kind: 'content', data: JSON.stringify(body) }]
}
