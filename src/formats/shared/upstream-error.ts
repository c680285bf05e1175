import { Failure, type FailureDetails } from '../../chat/failure.ts'
import { type UpstreamFailureKind, verdictOn } from './error-rules.ts'
import { isJsonObject } from './fields.ts'
import { readRetryAfter } from './retry-after.ts'
import { isHarmless, type ParsedError, readErrorText } from './upstream-error-text.ts'

/** What a provider sent instead of an answer. */
export interface UpstreamError {
  /** The HTTP status; for an error inside a 200 the status that the error itself names, or 0. */
  readonly status: number
  readonly header: (name: string) => string | null
  /** The parsed body, or its text where it is not JSON. */
  readonly body: unknown
  /** Milliseconds since 1970: some providers say until when, not how long. */
  readonly now: number
  /** All that the caller could choose in the request. Where a provider only repeats it, it says nothing about the provider. */
  readonly callerTexts?: readonly string[]
}

const REFUSED_MESSAGE = 'The provider refused the request.'

/**
 * Reads a provider's error in any of its forms (translation 4): who caused it, whether another candidate may be asked, how
 * long to wait. The provider's own message goes to the client only where the caller can correct the request.
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
    ...(parsed.loggedCodes === '' ? {} : { reason: parsed.loggedCodes }),
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
 * Reads an error that came inside an answer: the body of a 200, or an event of a stream (translation 4.10). The client may
 * have got half of the answer, so it is told which error ended it, but not in words that may name our account or the
 * provider's machines.
 */
export function readErrorInAnswer(body: unknown): Failure {
  const parsed = readErrorText(body)
  // The time is only needed for dates in headers, and there are none.
  const failure = toFailure({ status: statusIn(body), header: () => null, body, now: 0 }, parsed)
  const { health, ...details } = failure.details
  // An error in an answer may count against the deployment, but does not take it out by itself, as a status may.
  const kept = health === undefined || health === 'opens' ? details : { ...details, health }
  return new Failure(
    failure.kind,
    failure.fault === 'caller' ? failure.message : brokeOff(failure.message, parsed),
    kept,
  )
}

/** A body or an event that has nothing of an answer in it. */
export function notAnAnswer(): Failure {
  return new Failure('provider-failed', 'The provider answered with something that is not an answer.')
}

/** An answer whose own reason to end is trouble at the provider. */
export function brokenOff(reason: string): Failure {
  return new Failure('provider-failed', `The provider broke off its answer (${reason}).`, { detail: reason })
}

function brokeOff(generalMessage: string, { message, harmlessCode }: ParsedError): string {
  const text = isHarmless(message) ? `The provider broke off with an error: ${message}` : generalMessage
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
