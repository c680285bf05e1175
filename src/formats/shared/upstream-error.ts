import { Failure, type FailureDetails, type FailureKind } from '../../chat/failure.ts'
import { isJsonObject } from './fields.ts'
import { readRetryAfter } from './retry-after.ts'
import { isHarmless, isRepeated, type ParsedError, readErrorText } from './upstream-error-text.ts'

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

// Those called CODES are for the structured words of an error, the others for its sentences.
const CONTEXT_LENGTH =
  /context[_ ]length|contextwindowexceeded|context window|maximum context|prompt is too long|input length and .{0,20}exceed|input token count.{0,40}exceeds|exceeds the maximum number of tokens|too_many_prompt_tokens|too many (input|prompt) tokens|string_above_max_length|reduce the length of (the|your) (messages|prompt)|range of input length|maximum prompt length|too many tokens: size limit|exceeded model token limit|exceeds the available context size|tokens \+ \S{2,40} must be <=/i
/** Google's message speaks of a quota also where a minute's wait helps, its quota's id tells which. */
const QUOTA_CODES = /insufficient_quota|PerDay|exceeded_current_quota/
/** Some tell with a 400 that our account is empty or unknown, or not served where we are. */
const ACCOUNT_CODES =
  /insufficient[_ ](?:quota|balance)|billing_(?:error|hard_limit|not_active)|api_?key_?(?:not_?valid|invalid|expired)|invalid_api_?key|authentication_error|unsupported_(?:country|region)|FAILED_PRECONDITION/i
const ACCOUNT =
  /insufficient[ _](?:quota|balance)|credit balance is too low|out of credits|specified api usage limits|organization has been disabled|billing hard limit|api[ _]?key[ _]?(?:not[ _]valid|invalid|expired)|invalid[ _](?:x-)?api[ _-]?key|incorrect api key|location is not supported/i
/** What a message begins with is the provider's own; further on its words may be anybody's. */
const ACCOUNT_SENTENCE =
  /^(?:your credit balance is too low|you have reached your specified api usage limits|(?:this|your) organization has been disabled|billing hard limit|insufficient balance|api key (?:not valid|expired)|incorrect api key|invalid (?:x-)?api[ -]key|user location is not supported)/i
/** Together with a fitting status, such a code leaves no doubt that nobody is served there. */
const CERTAIN_CODES =
  /api_?key|authenticat|unauthori[sz]ed|permission|forbidden|access_?denied|billing|quota|insufficient|balance|credit|exhausted|country|region|disabled|account|organization|not_?found|not found|not_available|not_?exist|deprecated|decommissioned/i
const FITTING: ReadonlySet<number> = new Set([401, 402, 403, 404, 410, 429])
/** What is over the limits of our account is the size of this one request. */
const TOO_LARGE = /\brequest too large\b|can only afford|fewer max_tokens|prompt tokens limit exceeded/i
/** Where tokens are limited, a small request may pass where a large one does not. */
const TOKEN_LIMIT = /tokens per min|\b(?:input|output) tokens\b|reduce the prompt length/i
const TOKEN_LIMIT_CODES = /(?:^| )tokens(?: |$)|InputToken/
const POLICY_CODES =
  /content_?filter|content_policy|responsibleaipolicy|moderation_blocked|content_moderation|data_?inspection_?failed|SAFETY_CHECK|invalid_prompt/i
const POLICY =
  /content_filter|content_policy_violation|content management policy|content filter(?:ing)? policy|safety system|flagged (?:by|for|as)|requires moderation|violates? (?:our |the )?usage guidelines|usage polic(?:y|ies)|SAFETY_CHECK/i
/** What a caller may name beside a model, and only our account has or has not. */
const FILE = /\bfiles?\b|\bcached ?contents?\b|\bstorage\b|\bvector[ _]store|\bcontainers?\b|\bskills?\b/i
const MODEL_CODES = /model_?not_?found|model_not_available|model_decommissioned|invalid_model|DeploymentNotFound/i
const MODEL = /no such model|model .{0,80}(?:does not exist|not exist|not found|has been removed|is not available)/i
const MODEL_SENTENCE = /^(?:the )?(?:requested |publisher )?models?\b|^no such model/i
/** OpenRouter, where none of those whom it passes on to can do what is asked. */
const NOBODY_CAN = /^no endpoints found that (?:support|can handle)/i
/** Google, of what some of its models lack: logprobs, penalties. */
const LACKING = / is not (enabled|supported) for (models\/|(this|the current) model)/i
const LIMITED_CODES = /rate_?limit|RESOURCE_EXHAUSTED/i
const OVERLOADED_CODES = /overloaded|capacity|UNAVAILABLE|server_busy|engine_overloaded/i
/** A few codes, rather than a sentence. */
const CODES = /^[\w.-]{1,60}( [\w.-]{1,60}){0,4}$/

/**
 * Reads what a provider says when it fails, whatever its shape (translation 4): whose fault it is, whether another
 * candidate may be asked, how long to wait. The provider's own words go to the client only where the caller can mend it.
 */
export function readUpstreamFailure(error: UpstreamError): Failure {
  return failureOf(error, readErrorText(error.body))
}

function failureOf(error: UpstreamError, said: ParsedError): Failure {
  const { kind, health, isTooLarge = false } = verdictOn(error, said)
  const waits = kind !== 'quota-exhausted' && !isTooLarge
  const retryAfterMs = waits ? readRetryAfter({ ...error, message: said.message }) : undefined
  const shouldRetry = isTooLarge ? 'false' : error.header('x-should-retry')
  const details: FailureDetails = {
    ...(error.status === 0 ? {} : { upstreamStatus: error.status }),
    ...(health === undefined ? {} : { health }),
    ...(CODES.test(said.codes) ? { reason: said.codes } : {}),
    detail: `${error.status} ${said.codes} ${said.message}`.trim().slice(0, 300),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(shouldRetry === null ? {} : { shouldRetry: shouldRetry === 'true' }),
  }
  switch (kind) {
    case 'context-length':
      return new Failure(kind, said.message || 'The prompt is too long for this model.', {
        ...details,
        param: 'messages',
      })
    case 'content-filter':
      return new Failure(kind, said.message || 'The provider refused this content by its policy.', details)
    case 'rejected':
    case 'model-not-capable':
    case 'unsupported-parameter':
    case 'body-too-large': {
      const param =
        said.param ?? (kind === 'unsupported-parameter' && /logprobs/i.test(said.message) ? 'logprobs' : undefined)
      return new Failure(kind, said.message || 'The provider refused the request.', {
        ...details,
        ...(param === undefined ? {} : { param }),
        ...(kind === 'body-too-large' || said.code === undefined ? {} : { code: said.code }),
      })
    }
    case 'model-missing':
      return new Failure(kind, MESSAGES[kind], { ...details, param: 'model' })
    default:
      return new Failure(kind, isTooLarge ? TOO_LARGE_MESSAGE : MESSAGES[kind], details)
  }
}

const TOO_LARGE_MESSAGE =
  "The request is larger than the gateway's account with the provider allows: shorten it, or lower max_tokens."
const MESSAGES: Readonly<Record<Exclude<Kind, Told>, string>> = {
  'rate-limited': 'The provider is limiting our requests; try again later.',
  'quota-exhausted': "The gateway's account with the provider is used up.",
  'credentials-refused': "The provider refused the gateway's own account.",
  'model-missing': 'The provider does not have this model.',
  overloaded: 'The provider is overloaded.',
  'provider-failed': 'The provider failed.',
  'provider-timeout': 'The provider did not answer in time.',
}

/** Those of which the provider's own words are told. */
type Told =
  | 'context-length'
  | 'content-filter'
  | 'rejected'
  | 'model-not-capable'
  | 'unsupported-parameter'
  | 'body-too-large'
type Kind = Extract<
  FailureKind,
  | Told
  | 'rate-limited'
  | 'quota-exhausted'
  | 'credentials-refused'
  | 'model-missing'
  | 'overloaded'
  | 'provider-failed'
  | 'provider-timeout'
>

/** What is made of an error. */
interface Verdict {
  readonly kind: Kind
  readonly health?: FailureDetails['health']
  /** Sent again, the same request would be refused again. */
  readonly isTooLarge?: boolean
}

function verdictOn({ status, callerTexts = [] }: UpstreamError, said: ParsedError): Verdict {
  const { codes, message, ownMessage } = said
  // Only what speaks against the provider is doubted so: whoever hides that a request is at fault would harm others.
  let lowered: readonly string[] | undefined
  const finds: Finder = (pattern, text) => {
    const found = pattern.exec(text)?.[0]
    if (found === undefined) return false
    lowered ??= callerTexts.map((part) => part.toLowerCase())
    return !isRepeated(found, lowered)
  }
  const callers = status === 400 || status === 413 || status === 422 || status === 0
  const limited = LIMITED_CODES.test(codes)
  if ((status === 429 || status === 402 || (status === 413 && limited)) && TOO_LARGE.test(message)) {
    return { kind: status === 402 ? 'credentials-refused' : 'rate-limited', health: 'none', isTooLarge: true }
  }
  if (callers && (CONTEXT_LENGTH.test(`${codes} ${ownMessage}`) || finds(CONTEXT_LENGTH, message))) {
    return { kind: 'context-length' }
  }
  if (status === 429) return limitVerdict(said, finds)
  const ours = callers ? accountVerdict(said, finds) : undefined
  if (ours !== undefined) return ours
  // Groq: the request is larger than our account's limit for a minute.
  if (status === 413 && limited) return { kind: 'rate-limited', health: 'none' }
  // Groq: the model wrote a call that does not fit its schema; another one may do better.
  if (status === 400 && /tool_use_failed|json_validate_failed/.test(codes)) return { kind: 'model-not-capable' }
  const refused = POLICY_CODES.test(codes) || POLICY.test(status === 403 ? message : ownMessage)
  if ((callers || status === 403) && refused) return { kind: 'content-filter' }
  if (status === 400 || status === 0) {
    if (finds(MODEL_CODES, codes)) return { kind: 'model-missing' }
    const isModels = finds(MODEL, ownMessage) && (!MODEL.test(message) || finds(MODEL, message))
    if (isModels) return { kind: 'model-missing', ...(MODEL_SENTENCE.test(ownMessage) ? {} : { health: 'none' }) }
  }
  if (status === 400 && LACKING.test(message)) return { kind: 'unsupported-parameter' }
  if (status === 404 && NOBODY_CAN.test(message)) return { kind: 'model-not-capable' }
  // A file that the caller names and that is not there, or not ours to read, says nothing about the model or our account.
  const ofModel = MODEL_CODES.test(codes) || MODEL.test(ownMessage)
  if ((status === 403 || status === 404) && FILE.test(message) && !ofModel) return { kind: 'rejected' }
  // No word of a caller's makes a 401 or a 402, and many providers give no code with these.
  const isCertain = FITTING.has(status) && (status === 401 || status === 402 || finds(CERTAIN_CODES, codes))
  // Anthropic and Google have one code for whatever is missing: a sentence that begins with something else is not of the model.
  if (status === 404 && isCertain && message !== '' && !MODEL_CODES.test(codes) && !MODEL_SENTENCE.test(message)) {
    return { kind: 'model-missing' }
  }
  return { kind: kindOf(status, codes), ...(isCertain ? { health: 'opens' } : {}) }
}

type Finder = (pattern: RegExp, text: string) => boolean

function limitVerdict({ codes, message }: ParsedError, finds: Finder): Verdict {
  if (finds(QUOTA_CODES, codes)) return { kind: 'quota-exhausted', health: 'opens' }
  if (/used all available credits/.test(message)) {
    return { kind: 'quota-exhausted', ...(finds(CERTAIN_CODES, codes) ? { health: 'opens' } : {}) }
  }
  const ofTokens = TOKEN_LIMIT_CODES.test(codes) || TOKEN_LIMIT.test(message)
  return { kind: 'rate-limited', ...(ofTokens ? { health: 'size' } : {}) }
}

/** Whether a refusal of a request is about our account: then another provider may serve it. */
function accountVerdict({ codes, message, debugText }: ParsedError, finds: Finder): Verdict | undefined {
  const kind = 'credentials-refused'
  // Google has the same code for a file that is not ready.
  if (finds(ACCOUNT_CODES, codes) && !FILE.test(message)) return { kind }
  if (finds(ACCOUNT_SENTENCE, message)) return { kind }
  return finds(ACCOUNT, message) || finds(ACCOUNT, debugText) ? { kind, health: 'none' } : undefined
}

function kindOf(status: number, codes: string): Kind {
  switch (status) {
    case 400:
    case 422:
      return 'rejected'
    case 401:
    case 402:
    case 403:
      return 'credentials-refused'
    case 404:
    case 410:
      return 'model-missing'
    case 413:
      return 'body-too-large'
    case 498:
    case 503:
    case 529:
      return 'overloaded'
    case 504:
      return 'provider-timeout'
    case 0:
      if (LIMITED_CODES.test(codes)) return 'rate-limited'
      return OVERLOADED_CODES.test(codes) ? 'overloaded' : 'provider-failed'
    default:
      return 'provider-failed'
  }
}

/**
 * Reads an error that came inside an answer: a 200 with an error for a body, an error event in a stream. The client may
 * have seen half an answer, so it is told which error broke it off (cases E03), but not in words that may name our account
 * or the provider's machines.
 */
export function readErrorInAnswer(body: unknown): Failure {
  const said = readErrorText(body)
  // Only headers name a date, and there are none.
  const failure = failureOf({ status: statusIn(body), header: () => null, body, now: 0 }, said)
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
