import { Failure, type FailureDetails } from '../../chat/failure.ts'
import { type UpstreamFailureKind, verdictOn } from './error-rules.ts'
import { isJsonObject } from './fields.ts'
import { readRetryAfter } from './retry-after.ts'
import { isHarmless, type ParsedError, readErrorText } from './upstream-error-text.ts'

/** What a provider answered instead of an answer. */
export interface UpstreamError {
  /** The HTTP status; for an error inside a 200 the status that the error itself names, or 0. */
  readonly status: number
  readonly header: (name: string) => string | null
  /** The parsed body, or its text where it is not JSON. */
  readonly body: unknown
  /** Milliseconds since 1970: some providers say until when, not how long. */
  readonly now: number
  /** All that the caller had a say in: what a provider repeats of it is no verdict of the provider's. */
  readonly callerTexts?: readonly string[]
}

const REFUSED_MESSAGE = 'The provider refused the request.'
/** A few codes, rather than a sentence. */
const CODES = /^[\w.-]{1,60}( [\w.-]{1,60}){0,4}$/

/**
 * Reads what a provider says when it fails, whatever its shape (translation 4): whose fault it is, whether another
 * candidate may be asked, how long to wait. The provider's own words go to the client only where the caller can mend it.
 */
export function readUpstreamFailure(error: UpstreamError): Failure {
  return toFailure(error, readErrorText(error.body))
}

function toFailure(error: UpstreamError, parsed: ParsedError): Failure {
  const { kind, health, isTooLarge = false } = verdictOn(error.status, parsed, error.callerTexts)
  const canWait = kind !== 'quota-exhausted' && !isTooLarge
  const retryAfterMs = canWait ? readRetryAfter({ ...error, message: parsed.message }) : undefined
  const shouldRetry = isTooLarge ? 'false' : error.header('x-should-retry')
  const details: FailureDetails = {
    ...(error.status === 0 ? {} : { upstreamStatus: error.status }),
    ...(health === undefined ? {} : { health }),
    ...(CODES.test(parsed.codes) ? { reason: parsed.codes } : {}),
    detail: `${error.status} ${parsed.codes} ${parsed.message}`.trim().slice(0, 300),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(shouldRetry === null ? {} : { shouldRetry: shouldRetry === 'true' }),
  }
  if (isTooLarge) return new Failure(kind, TOO_LARGE_MESSAGE, details)
  const { text, own } = MESSAGES[kind]
  return new Failure(kind, own ? parsed.message || text : text, { ...details, ...fieldsOf(kind, parsed) })
}

/** The request field at fault, and the provider's own code where the caller can use it. */
function fieldsOf(kind: UpstreamFailureKind, { param, code, message }: ParsedError): FailureDetails {
  if (kind === 'context-length') return { param: 'messages' }
  if (kind === 'model-missing') return { param: 'model' }
  if (!REFUSALS.has(kind)) return {}
  const field = param ?? (kind === 'unsupported-parameter' && /logprobs/i.test(message) ? 'logprobs' : undefined)
  return {
    ...(field === undefined ? {} : { param: field }),
    ...(kind === 'body-too-large' || code === undefined ? {} : { code }),
  }
}

/** The kinds that are about one field of the request. */
const REFUSALS: ReadonlySet<UpstreamFailureKind> = new Set([
  'rejected',
  'model-not-capable',
  'unsupported-parameter',
  'body-too-large',
] as const)

const TOO_LARGE_MESSAGE =
  "The request is larger than the gateway's account with the provider allows: shorten it, or lower max_tokens."

/** The message for the client; where `own` is set, only if the provider's own message is empty. */
const MESSAGES: Readonly<Record<UpstreamFailureKind, { readonly text: string; readonly own?: boolean }>> = {
  'context-length': { own: true, text: 'The prompt is too long for this model.' },
  'content-filter': { own: true, text: 'The provider refused this content by its policy.' },
  rejected: { own: true, text: REFUSED_MESSAGE },
  'model-not-capable': { own: true, text: REFUSED_MESSAGE },
  'unsupported-parameter': { own: true, text: REFUSED_MESSAGE },
  'body-too-large': { own: true, text: REFUSED_MESSAGE },
  'rate-limited': { text: 'The provider is limiting our requests; try again later.' },
  'quota-exhausted': { text: "The gateway's account with the provider is used up." },
  'credentials-refused': { text: "The provider refused the gateway's own account." },
  'model-missing': { text: 'The provider does not have this model.' },
  overloaded: { text: 'The provider is overloaded.' },
  'provider-failed': { text: 'The provider failed.' },
  'provider-timeout': { text: 'The provider did not answer in time.' },
}

/**
 * Reads an error that came inside an answer: a 200 with an error for a body, an error event in a stream. The client may
 * have seen half an answer, so it is told which error broke it off, but not in words that may name our account
 * or the provider's machines.
 */
export function readErrorInAnswer(body: unknown): Failure {
  const said = readErrorText(body)
  // Only headers name a date, and there are none.
  const failure = toFailure({ status: statusIn(body), header: () => null, body, now: 0 }, said)
  const { health, ...details } = failure.details
  // What stands in an answer is no status: it may count against the provider, but takes it out for nobody by itself.
  const told = health === undefined || health === 'opens' ? details : { ...details, health }
  return new Failure(failure.kind, failure.fault === 'caller' ? failure.message : brokeOff(failure.message, said), told)
}

function brokeOff(dull: string, { message, harmlessCode }: ParsedError): string {
  const text = isHarmless(message) ? `The provider broke off with an error: ${message}` : dull
  return harmlessCode === undefined ? text : `${text} (${harmlessCode})`
}

/** An error object may name its HTTP status, as a number or in digits; 0 where it does not. */
function statusIn(body: unknown): number {
  const root = Array.isArray(body) ? body[0] : body
  const error = isJsonObject(root) && isJsonObject(root.error) ? root.error : root
  if (!isJsonObject(error)) return 0
  const status = [error.status_code, error.code, error.status].map(Number).find((code) => code >= 400 && code < 600)
  return status ?? 0
}
