import type { ErrorReply, Incoming, Trouble, WireEvent } from './dialect.ts'
import { flavourOf } from './flavours.ts'
import type { Fields } from './json.ts'

interface Detail {
  message: string
  type: string
  code: string | null
}

const DETAILS: Record<number, Detail> = {
  400: { message: 'Invalid request.', type: 'invalid_request_error', code: null },
  401: {
    message:
      'Incorrect API key provided: *****. You can find your API key at https://platform.openai.com/account/api-keys.',
    type: 'invalid_request_error',
    code: 'invalid_api_key',
  },
  402: { message: 'Insufficient Balance', type: 'insufficient_quota', code: 'insufficient_quota' },
  403: {
    message: 'Country, region, or territory not supported',
    type: 'request_forbidden',
    code: 'unsupported_country_region_territory',
  },
  404: {
    message: 'The model `missing-model` does not exist or you do not have access to it.',
    type: 'invalid_request_error',
    code: 'model_not_found',
  },
  408: { message: 'Request timed out.', type: 'timeout', code: null },
  409: { message: 'The request conflicts with another one.', type: 'conflict', code: null },
  413: { message: 'Request too large.', type: 'invalid_request_error', code: 'request_too_large' },
  422: { message: 'Unprocessable entity.', type: 'invalid_request_error', code: null },
  429: {
    message: 'Rate limit reached on requests per min. Limit: 3 / min. Please try again in 2s.',
    type: 'requests',
    code: 'rate_limit_exceeded',
  },
  500: {
    message: 'The server had an error while processing your request. Sorry about that!',
    type: 'server_error',
    code: null,
  },
  502: { message: 'Bad gateway.', type: 'server_error', code: 'bad_gateway' },
  503: {
    message: 'That model is currently overloaded with other requests. You can retry your request.',
    type: 'server_error',
    code: 'service_unavailable',
  },
  504: { message: 'Gateway timeout.', type: 'server_error', code: null },
}

const REASONS: Record<NonNullable<Trouble['reason']>, Detail> = {
  quota: {
    message: 'You exceeded your current quota, please check your plan and billing details.',
    type: 'insufficient_quota',
    code: 'insufficient_quota',
  },
  context: {
    message: "This model's maximum context length is 128000 tokens. However, your messages resulted in 200000 tokens.",
    type: 'invalid_request_error',
    code: 'context_length_exceeded',
  },
  key: DETAILS[401] ?? { message: '', type: '', code: null },
}

const DEFAULT_RETRY_SECONDS = 2

/** An error as this provider words it. */
export function openaiFailure(incoming: Incoming, trouble: Trouble): ErrorReply {
  const known =
    (trouble.reason === undefined ? undefined : REASONS[trouble.reason]) ??
    DETAILS[trouble.status] ??
    DETAILS[trouble.status < 500 ? 400 : 500]
  const detail: Detail = {
    type: known?.type ?? 'server_error',
    code: trouble.code ?? (trouble.message === undefined ? (known?.code ?? null) : null),
    message: trouble.message ?? known?.message ?? '',
  }
  const headers: Record<string, string> = {}
  const retryAfter = trouble.retryAfter ?? (trouble.status === 429 ? DEFAULT_RETRY_SECONDS : undefined)
  if (retryAfter !== undefined && trouble.reason !== 'quota') headers['retry-after'] = String(retryAfter)
  // xAI answers a bad key with 400.
  const status = trouble.reason === 'key' && flavourOf(incoming.slot).errors === 'xai' ? 400 : trouble.status
  return { status, headers, body: shape(incoming.slot, { ...trouble, status }, detail) }
}

function shape(slot: string, { status, param }: Trouble, { message, type, code }: Detail): unknown {
  switch (flavourOf(slot).errors) {
    case 'openai':
      return { error: { message, type, param: param ?? null, code } }
    case 'azure':
      return { error: azureError(status, { message, type, code }, param) }
    case 'deepseek':
      return {
        error: {
          message,
          type: status === 401 ? 'authentication_error' : type,
          param: null,
          code: 'invalid_request_error',
        },
      }
    case 'xai':
      return { code: code ?? 'Client specified an invalid argument', error: message }
    case 'mistral':
      if (status === 401) return { detail: 'Invalid API Key' }
      if (status === 422) return { detail: [{ type: 'extra_forbidden', loc: ['body', param ?? ''], msg: message }] }
      return { object: 'error', message, type, param: null, code: code ?? '1000' }
    case 'numeric':
      return { error: { message, type, code: status } }
    case 'flat':
      return { message, type, param: param ?? null, code }
    case 'text':
      return { error: message }
    case 'cloudflare':
      return {
        result: null,
        success: false,
        errors: [{ code: status === 401 ? 10000 : 5000 + (status % 100), message }],
        messages: [],
      }
  }
}

function azureError(status: number, { message, type, code }: Detail, param: string | undefined): Fields {
  if (status === 401) {
    return {
      code: '401',
      message:
        'Access denied due to invalid subscription key or wrong API endpoint. Provide a valid key for an active resource.',
    }
  }
  if (status === 404)
    return { code: 'DeploymentNotFound', message: 'The API deployment for this resource does not exist.' }
  if (status === 429) return { code: code === 'insufficient_quota' ? code : 'RateLimitReached', message }
  return { message, type, param: param ?? null, code }
}

/** How an error comes in the middle of this provider's stream. */
export function openaiFailureEvents({ slot, body }: Incoming): WireEvent[] {
  const message = 'The server had an error while processing your request. Sorry about that!'
  if (slot === 'groq') {
    const error = { message, type: 'internal_server_error', code: 'internal_error', status_code: 500 }
    return [{ kind: 'content', name: 'error', data: JSON.stringify({ error }) }]
  }
  if (slot === 'openrouter') {
    const choices = [{ index: 0, delta: { content: '' }, finish_reason: 'error', native_finish_reason: 'error' }]
    const chunk = {
      id: 'gen-error',
      object: 'chat.completion.chunk',
      model: body.model,
      provider: 'Simulator',
      choices,
    }
    return [
      { kind: 'content', data: JSON.stringify({ ...chunk, error: { code: 502, message: 'Provider disconnected' } }) },
      { kind: 'end', data: '[DONE]' },
    ]
  }
  return [
    { kind: 'content', data: JSON.stringify({ error: { message, type: 'server_error', param: null, code: null } }) },
  ]
}
