/**
 * Who caused a failure, as routing distinguishes it: the caller; the provider (it failed, was slow, limits our requests, or
 * our account with it is not in order); Router9; or nobody, because the client disconnected.
 */
export type Fault = 'caller' | 'provider' | 'timeout' | 'limit' | 'config' | 'gateway' | 'left'

interface Rule {
  readonly status: number
  readonly type: string
  readonly code: string | null
  readonly fault: Fault
  /** Whether another candidate may be asked, as long as the client has got nothing. */
  readonly failover: boolean
}

const CALLER = { type: 'invalid_request_error', fault: 'caller', failover: false } as const
const UPSTREAM = { type: 'upstream_error', failover: true } as const
const GATEWAY = { type: 'server_error', fault: 'gateway', failover: false } as const

/** Every failure of a call, and how the client sees it (contract 5). */
const RULES = {
  'missing-key': { ...CALLER, status: 401, code: null },
  'invalid-key': { ...CALLER, status: 401, code: 'invalid_api_key' },
  'expired-key': { ...CALLER, status: 401, code: 'api_key_expired' },
  'unsupported-media-type': { ...CALLER, status: 415, code: 'unsupported_media_type' },
  'body-too-large': { ...CALLER, status: 413, code: 'request_too_large' },
  'upload-timeout': { ...CALLER, status: 408, code: 'request_timeout' },
  'invalid-json': { ...CALLER, status: 400, code: 'invalid_json' },
  'missing-parameter': { ...CALLER, status: 400, code: 'missing_required_parameter' },
  'invalid-value': { ...CALLER, status: 400, code: 'invalid_value' },
  // Another candidate may have this parameter.
  'unsupported-parameter': { ...CALLER, status: 400, code: 'unsupported_parameter', failover: true },
  /** The key is one for models where one that manages keys is needed, or the other way round. */
  'wrong-role': { ...CALLER, status: 403, code: 'wrong_key_role' },
  /** The record is not what the change was meant for, or the request was another one before. */
  conflict: { ...CALLER, status: 409, code: 'conflict' },
  'unknown-model': { ...CALLER, status: 404, code: 'model_not_found' },
  'model-not-allowed': { ...CALLER, status: 403, code: 'model_not_allowed' },
  /** The model has no known price, and the key has a budget. */
  'unpriced-model': { ...CALLER, status: 403, code: 'unpriced_model' },
  'model-not-capable': { ...CALLER, status: 400, code: 'model_not_capable', failover: true },
  // A model with a larger window may still answer.
  'context-length': { ...CALLER, status: 400, code: 'context_length_exceeded', failover: true },
  'content-filter': { ...CALLER, status: 400, code: 'content_filter' },
  'request-rate': { ...CALLER, status: 429, type: 'requests', code: 'rate_limit_exceeded' },
  'address-rate': { ...CALLER, status: 429, type: 'requests', code: 'rate_limit_exceeded' },
  'token-rate': { ...CALLER, status: 429, type: 'tokens', code: 'rate_limit_exceeded' },
  budget: { ...CALLER, status: 429, type: 'insufficient_quota', code: 'insufficient_quota' },
  /** An earlier answer, or an item of one, that this key does not have. */
  'not-found': { ...CALLER, status: 404, code: null },
  // Another candidate may have this endpoint.
  'unknown-endpoint': { ...CALLER, status: 404, code: 'unknown_url', failover: true },
  'unknown-url': { ...CALLER, status: 404, code: 'unknown_url' },
  'method-not-allowed': { ...CALLER, status: 405, code: 'method_not_allowed' },
  /** The provider refused what the caller sent; the client gets the provider's message. */
  rejected: { ...CALLER, status: 400, code: null },

  'rate-limited': {
    status: 429,
    type: 'rate_limit_error',
    code: 'upstream_rate_limited',
    fault: 'limit',
    failover: true,
  },
  /** Our account with the provider is used up, so waiting does not help. `insufficient_quota` is for the caller's own budget. */
  'quota-exhausted': {
    status: 429,
    type: 'rate_limit_error',
    code: 'upstream_rate_limited',
    fault: 'config',
    failover: true,
  },
  overloaded: { ...UPSTREAM, status: 503, code: 'upstream_unavailable', fault: 'limit' },
  'credentials-refused': { ...UPSTREAM, status: 502, code: 'upstream_error', fault: 'config' },
  'model-missing': { ...CALLER, status: 404, code: 'model_not_found', fault: 'config', failover: true },
  'provider-failed': { ...UPSTREAM, status: 502, code: 'upstream_error', fault: 'provider' },
  'provider-timeout': { ...UPSTREAM, status: 504, code: 'upstream_timeout', fault: 'timeout' },

  'no-provider': { ...GATEWAY, status: 503, code: 'no_provider_configured' },
  'key-store-unavailable': { ...GATEWAY, status: 503, code: 'key_store_unavailable' },
  /** A key has a budget, and its ledger does not answer. */
  'ledger-unavailable': { ...GATEWAY, status: 503, code: 'ledger_unavailable' },
  'answers-unavailable': { ...GATEWAY, status: 503, code: 'response_store_unavailable' },
  'usage-unavailable': { ...GATEWAY, status: 503, code: 'usage_unavailable' },
  /** The operator has bound no database for usage. */
  'usage-off': { ...CALLER, status: 501, type: 'server_error', code: 'usage_off' },
  'bodies-full': { ...GATEWAY, status: 503, code: 'gateway_overloaded' },
  misconfigured: { ...GATEWAY, status: 500, code: 'misconfigured' },
  internal: { ...GATEWAY, status: 500, code: 'internal_error' },
  'client-left': { ...GATEWAY, status: 499, code: 'client_closed_request', fault: 'left' },
} as const satisfies Record<string, Rule>

export type FailureKind = keyof typeof RULES

/** What a failure may carry beside its kind and message. */
export interface FailureDetails {
  /** The request field at fault, as a path: `messages[1].content`. */
  readonly param?: string
  /** The provider's own error code, where the caller caused the failure. */
  readonly code?: string
  /** How long to wait before another try, in milliseconds. */
  readonly retryAfterMs?: number
  /** What the provider says about trying again (`x-should-retry`). */
  readonly shouldRetry?: boolean
  /** The methods that a path takes, for the `allow` header. */
  readonly allow?: string
  /**
   * What the failure says about the deployment's health, where the kind alone does not tell: it serves nobody, for certain
   * (`opens`); it may refuse large requests only (`size`); nothing beyond this one request (`none`).
   */
  readonly health?: 'opens' | 'size' | 'none'
  /** What happened, in a few words without private data, where neither the kind nor the status tells it. */
  readonly clause?: string
  /** The status that the provider answered with, for the record of the attempt. */
  readonly upstreamStatus?: number
  /** For the log, never for the client: error codes and the runtime's messages, but nothing of a prompt or an answer. */
  readonly reason?: string
  /** For a log that holds everything: the provider's text, which may quote the prompt or the answer. */
  readonly detail?: string
}

/** The wait if no provider named one. */
const DEFAULT_RETRY_MS = 5000
/** A shorter wait helps nobody. */
const MIN_RETRY_MS = 1000
const MAX_MESSAGE_CHARACTERS = 2000
const MAX_PARAM_CHARACTERS = 200

/**
 * A text of the caller's, so that a message may repeat it: cut, and without a Router9 key. No error body and no header may
 * hold a key (contract 2).
 */
export function quoted(text: string): string {
  return redactOwnKeys(text.slice(0, 100))
}

/**
 * What looks like a key, whoever issued it. It begins where a word begins; the letter of a JSON escape before it (`\n`) does
 * not belong to the word. After `key` or `Bearer` it must contain a digit, because `key limitations` is no key. The lookahead
 * is bounded: without a bound, a text full of such beginnings would be read to its end for each of them.
 */
const KEY_LIKE =
  /(?:\b|(?<=\\[bfnrt])|(?<=\\u[\da-fA-F]{4}))((?:sk|gsk|xai)[-_]|AIza|(?:key|Bearer)[-_ ](?=[\w-]{0,40}\d))[\w-]{8,}/g

/** A long text with digits and capitals is no word, so it may begin anywhere (`%0Ask-…`, `\x0ask-…`, `_sk-…`). */
const LONG_KEY = /((?:sk|gsk|xai)[-_]|AIza)(?=[\w-]{0,40}\d)(?=[\w-]{0,40}[A-Z])[\w-]{20,}/g

/** Removes whatever looks like a key: for logs, and for what providers say about themselves. */
export function redactKeys(text: string): string {
  return mayHoldKey(text) ? text.replace(KEY_LIKE, '$1…').replace(LONG_KEY, '$1…') : text
}

const BEGIN_OF_KEY = /(?:sk|gsk|xai)[-_]|AIza|(?:key|Bearer)[-_ ]/

/** A quick test whether a text can hold a key; the text may be escaped as in JSON. */
export function mayHoldKey(text: string): boolean {
  return BEGIN_OF_KEY.test(text)
}

export function redactOwnKeys(text: string): string {
  return text.includes('sk-r9k-') ? text.replace(/sk-r9k-[A-Za-z0-9_-]+/g, 'sk-r9k-…') : text
}

/** The error object of every error body and of the last chunk of a broken stream (contract 4.5, 5). */
export interface ErrorObject {
  readonly message: string
  readonly type: string
  readonly param: string | null
  readonly code: string | null
}

/**
 * A failure of a call, as data. The message is for the client: it says what to change, and holds no key, address or stack.
 * `reason` and `detail` are for the log.
 */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly kind: FailureKind
  readonly details: FailureDetails

  constructor(kind: FailureKind, message: string, details: FailureDetails = {}) {
    super(message)
    this.kind = kind
    this.details = details
  }

  /** The HTTP status that the client gets. */
  get status(): number {
    return RULES[this.kind].status
  }

  get fault(): Fault {
    return RULES[this.kind].fault
  }

  /** Whether another candidate may be asked, as long as the client has got nothing. */
  get failover(): boolean {
    return RULES[this.kind].failover
  }

  /** How long the client is told to wait before another try, in milliseconds. */
  get waitMs(): number {
    return Math.max(Math.ceil(this.details.retryAfterMs ?? DEFAULT_RETRY_MS), MIN_RETRY_MS)
  }

  /** The same failure without a secret of ours that the provider repeated, wherever it stands. */
  withoutSecret(secret: string | undefined): Failure {
    if (secret === undefined || !JSON.stringify([this.message, this.details]).includes(secret)) return this
    const clean = (text: string) => text.replaceAll(secret, '…')
    const details = Object.entries(this.details).map(([name, value]) => [
      name,
      typeof value === 'string' ? clean(value) : value,
    ])
    return new Failure(this.kind, clean(this.message), Object.fromEntries(details))
  }

  /** The same failure, with the path of its field as the client has it. */
  inWordsOf(pathOf: (path: string) => string): Failure {
    const { param } = this.details
    const own = param === undefined ? undefined : pathOf(param)
    if (own === undefined || own === param) return this
    return new Failure(this.kind, this.message.replaceAll(`'${param}'`, `'${own}'`), { ...this.details, param: own })
  }

  toError(): ErrorObject {
    const { type, code } = RULES[this.kind]
    const { param, code: own } = this.details
    // All of them may repeat the caller's text: it is cut, and a key in it is removed.
    return {
      message: redactOwnKeys(this.message.slice(0, MAX_MESSAGE_CHARACTERS)),
      type,
      param: param === undefined ? null : redactOwnKeys(param.slice(0, MAX_PARAM_CHARACTERS)),
      code: own === undefined ? code : redactOwnKeys(own),
    }
  }
}
