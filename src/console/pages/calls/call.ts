/** A call as `GET /v1/calls` has it. Members that say nothing are absent or empty. */
export interface Call {
  readonly request: string
  readonly id: string | null
  readonly created_at: string
  readonly key?: string
  readonly team?: string
  readonly model?: string
  readonly model_asked?: string
  readonly provider?: string
  readonly client?: string
  readonly project?: string
  readonly session?: string
  readonly agent?: string
  readonly parent_agent?: string
  /** The class of the status: `2xx`. */
  readonly status?: string
  readonly api?: string
  readonly stream: boolean
  readonly http_status: number
  readonly code?: string | null
  readonly kind?: string
  readonly fault?: string
  readonly left: boolean
  readonly finish_reason?: string
  readonly attempts: readonly Attempt[]
  readonly prompt_tokens?: number
  readonly cached_tokens?: number
  readonly completion_tokens?: number
  readonly reasoning_tokens?: number
  readonly estimated?: boolean
  readonly cost_usd?: number
  readonly ttft_ms?: number
  readonly total_ms: number
}

export interface Attempt {
  readonly provider: string
  readonly model: string
  /** The provider's status, or the kind of what happened instead of one. */
  readonly outcome: string
  readonly ms: number
  readonly kind?: string
}

export interface CallPage {
  readonly data: readonly Call[]
  readonly before: string | null
}

/** What kinds of failures mean. A kind that is not here is shown as it is. */
const REASONS: Readonly<Record<string, string>> = {
  'missing-key': 'no key was sent',
  'invalid-key': 'the key is not known',
  'expired-key': 'the key has expired',
  'unsupported-media-type': 'the body is not JSON',
  'body-too-large': 'the body is too large',
  'upload-timeout': 'the body took too long to arrive',
  'invalid-json': 'the body is not valid JSON',
  'missing-parameter': 'a parameter is missing',
  'invalid-value': 'a value in the request is not valid',
  'unsupported-parameter': 'a parameter is not supported by this model, or not allowed for this key',
  'wrong-role': 'the key has the wrong role',
  'unknown-model': 'no such model is known',
  'model-not-allowed': 'this key may not use the model',
  'unpriced-model': 'the model has no price, and the key has a budget',
  'model-not-capable': 'the model cannot do what was asked',
  'context-length': 'the prompt is too long for the model',
  'content-filter': 'a content filter refused it',
  'request-rate': 'the limit of requests a minute is reached',
  'address-rate': 'too many wrong keys from this address',
  'token-rate': 'the limit of tokens a minute is reached',
  budget: 'what is left of the budget is not enough',
  'not-found': 'there is no such thing for this key',
  'unknown-endpoint': 'the provider does not have this endpoint',
  rejected: 'the provider refused the request',
  'rate-limited': 'the provider limits our requests',
  'quota-exhausted': 'our account at the provider is used up',
  overloaded: 'the provider is overloaded',
  'credentials-refused': 'the provider refused our key',
  'model-missing': 'the provider does not have the model',
  'provider-failed': 'the provider failed',
  'provider-timeout': 'the provider did not answer in time',
  'no-provider': 'no provider is configured for it',
  'key-store-unavailable': 'keys could not be read',
  'ledger-unavailable': 'the budget could not be asked',
  'answers-unavailable': 'kept answers could not be read',
  'bodies-full': 'Router9 had no memory left for the body',
  misconfigured: 'a setting of Router9 is not valid',
  internal: 'a fault of Router9 itself',
  'client-left': 'the client disconnected',
}

/** Whose doing a failure was, and so who can put it right. */
const FAULTS: Readonly<Record<string, string>> = {
  caller: 'The request has to change; the same one fails again.',
  provider: 'It was the provider’s doing. Send the request again.',
  timeout: 'The provider was too slow. Send the request again, or raise the timeouts.',
  limit: 'The provider takes no more at the moment. Send it again later, or configure a further provider.',
  config: 'Your account or your settings at the provider are not in order: the operator has to put them right.',
  gateway: 'It was Router9’s own doing, or that of its settings: look at its log.',
  left: 'The client did not wait for the end.',
}

function reasonOf(kind: string): string {
  return REASONS[kind] ?? kind
}

export function adviceOf(fault: string | undefined): string {
  return FAULTS[fault ?? ''] ?? ''
}

export type State = 'good' | 'warn' | 'bad'

/** How a call ended. With status 200 and a kind, its answer broke after it had begun. */
export function stateOf({ kind, fault, left, http_status: status }: Call): State {
  if (left || fault === 'left') return 'warn'
  return kind !== undefined || status >= 400 ? 'bad' : 'good'
}

/** Why, in a few words; undefined where nothing went wrong. */
export function whyOf(call: Call): string | undefined {
  const { kind, http_status: status, code, left } = call
  if (left) return 'the client disconnected before the end'
  if (kind === undefined) return status >= 400 ? (code ?? `status ${status}`) : undefined
  return status < 400 ? `broke off: ${reasonOf(kind)}` : reasonOf(kind)
}

/** Attempts before the one that answered, or all where none did. */
export function failedAttempts({ attempts }: Call): readonly Attempt[] {
  return attempts.filter(hasFailed)
}

export function hasFailed({ outcome, kind }: Attempt): boolean {
  return kind !== undefined || !/^(?:2\d\d|lost)$/.test(outcome)
}

/** Why an attempt failed: the provider's status, and what it means. */
export function attemptText({ outcome, kind }: Attempt): string {
  if (kind === undefined || kind === outcome) return reasonOf(outcome)
  return `${outcome} · ${reasonOf(kind)}`
}

/** The line that the log has of the call, without what only the log knows. */
export function logLineOf(call: Call): string {
  const { http_status: status, status: _, request, created_at: time, ...others } = call
  const level = call.kind !== undefined || failedAttempts(call).length > 0 ? 'warn' : 'info'
  const given = Object.entries(others).filter(([, value]) => value !== '' && value !== null)
  return JSON.stringify({ level, event: 'request', request, time, status, ...Object.fromEntries(given) }, null, 2)
}

/** An id out of what somebody has pasted: a header, a message, the id alone. It goes into the address, where no key may stand. */
export function idIn(text: string): string {
  const id = /\b(?:req|chatcmpl|cmpl|resp|msg|gen)[_-][\w-]{4,}/.exec(text)?.[0] ?? text.trim().slice(0, 200)
  return id.replace(/\bsk-[\w-]+/g, 'sk-…')
}
