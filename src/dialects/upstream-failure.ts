import { Failure, type FailureDetails, type FailureKind, withoutKeyLike } from '../chat/failure.ts'
import { fieldsOf, isFields, textOf } from './fields.ts'

/** What a provider answered instead of an answer. */
export interface UpstreamError {
  /** The HTTP status; for an error inside a 200 the status that the error itself names, or 0. */
  readonly status: number
  readonly header: (name: string) => string | null
  /** The parsed body, or its text where it is not JSON. */
  readonly body: unknown
  /** Milliseconds since 1970: some providers say until when, not how long. */
  readonly now: number
}

interface Said {
  readonly message: string
  /** Code, type, status and reason words of the error, joined: what the patterns below look at. */
  readonly words: string
  /** What Google tells in its `details` only; never handed on. */
  readonly debug: string
  readonly param?: string
  readonly code?: string
}

const CONTEXT_LENGTH =
  /context[_ ]length|context window|maximum context|prompt is too long|input length and `?max_tokens`? exceed|input token count.{0,40}exceeds|exceeds the maximum number of tokens|too_many_prompt_tokens|too many (input|prompt) tokens|string_above_max_length|reduce the length of (the|your) (messages|prompt)|range of input length|maximum prompt length|too many tokens: size limit|exceeded model token limit|exceeds the available context size|max_new_tokens` must be <=/i
/** Words only: Google's message speaks of a quota also where a minute's wait helps, its quota's id tells which. */
const QUOTA = /insufficient_quota|PerDay|exceeded_current_quota/
const NO_CREDIT =
  /insufficient_quota|insufficient[ _]balance|credit balance is too low|\bbilling_(?:error|hard_limit|not_active)|requires more credits|out of credits/i
const POLICY =
  /content_filter|content_policy|responsibleaipolicy|content management policy|content filtering policy|safety system|moderation|flagged|violates usage guidelines|SAFETY_CHECK|usage policy|invalid_prompt/i
const CREDENTIALS =
  /api[_ ]?key[_ ]?(not[_ ]valid|invalid)|invalid[_ ](x-)?api[_ -]?key|incorrect api key|authentication_error/i
const FILE = /\bfiles?\b|\bcached ?content/i
const MODEL =
  /model_not_found|no such model|model .{0,80}(does not exist|not found|has been removed|is not available)|DeploymentNotFound/i
/** Where the provider does not serve at all, or not us (Google: place, billing): another one may. */
const REGION = /location is not supported|unsupported_(country|region)/i
const NOT_READY = /FAILED_PRECONDITION/
const LIMITED = /rate_?limit|RESOURCE_EXHAUSTED/i
/** Google, of what some of its models lack: logprobs, penalties. */
const LACKING = / is not (enabled|supported) for (models\/|(this|the current) model)/i
/** A few codes, rather than a sentence. */
const CODES = /^[\w.-]{1,60}( [\w.-]{1,60}){0,4}$/
const OVERLOADED = /overloaded|capacity|UNAVAILABLE|server_busy|engine_overloaded/i

/**
 * Reads what a provider says when it fails, whatever its shape (translation 4): whose fault it is, whether another
 * candidate may be asked, how long to wait. The provider's own words go to the client only where the caller can mend it.
 */
export function readUpstreamFailure(error: UpstreamError): Failure {
  const said = readWords(error.body)
  const kind = kindOf(error.status, said)
  const retryAfterMs = kind === 'quota-exhausted' ? undefined : retryAfter(error, said.message)
  const shouldRetry = error.header('x-should-retry')
  const details: FailureDetails = {
    ...(error.status === 0 ? {} : { upstreamStatus: error.status }),
    ...(CODES.test(said.words) ? { reason: said.words } : {}),
    detail: `${error.status} ${said.words} ${said.message}`.trim().slice(0, 300),
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
      return new Failure(kind, MESSAGES[kind], details)
  }
}

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

function kindOf(status: number, { words, message, debug }: Said): Kind {
  const all = `${words} ${message}`
  const callers = status === 400 || status === 413 || status === 422 || status === 0
  if (callers && CONTEXT_LENGTH.test(all)) return 'context-length'
  if (status === 429 && (QUOTA.test(words) || /used all available credits/.test(message))) return 'quota-exhausted'
  // Some tell with a 400 that our account is empty, or not served where we are.
  const ours = NO_CREDIT.test(all) || CREDENTIALS.test(all) || REGION.test(all + debug) || NOT_READY.test(words)
  if (callers && ours) return 'credentials-refused'
  const limited = LIMITED.test(words)
  // Groq: the request is larger than our account's limit for a minute.
  if (status === 413 && limited) return 'rate-limited'
  // Groq: the model wrote a call that does not fit its schema; another one may do better.
  if (status === 400 && /tool_use_failed|json_validate_failed/.test(words)) return 'model-not-capable'
  if ((callers || status === 403) && POLICY.test(all)) return 'content-filter'
  if ((status === 400 || status === 0) && MODEL.test(all)) return 'model-missing'
  if (status === 400 && LACKING.test(message)) return 'unsupported-parameter'
  // A file that the caller names and that is not there, or not ours to read, says nothing about the model or our account.
  if ((status === 403 || status === 404) && FILE.test(message) && !MODEL.test(all)) return 'rejected'
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
    case 429:
      return 'rate-limited'
    case 498:
    case 503:
    case 529:
      return 'overloaded'
    case 504:
      return 'provider-timeout'
    case 0:
      if (limited) return 'rate-limited'
      return OVERLOADED.test(words) ? 'overloaded' : 'provider-failed'
    default:
      return 'provider-failed'
  }
}

const wordOf = (value: unknown): string | undefined =>
  typeof value === 'number' ? String(value) : (textOf(value) ?? undefined)

/**
 * Reads an error that came inside an answer: a 200 with an error for a body, an error event in a stream. The client may
 * have seen half an answer, so it is told what the provider said of the rest (cases E03).
 */
export function readErrorInAnswer(body: unknown): Failure {
  // Only headers name a date, and there are none.
  const failure = readUpstreamFailure({ status: statusIn(body), header: () => null, body, now: 0 })
  if (failure.fault === 'caller') return failure
  const { message, words } = readWords(body)
  const spoken = [message, words === '' ? '' : `(${words})`].filter((text) => text !== '').join(' ')
  const text = spoken === '' ? failure.message : `The provider broke off with an error: ${withoutKeyLike(spoken)}`
  return new Failure(failure.kind, text, failure.details)
}

/** An error object may name its HTTP status, as a number or in digits; 0 where it does not. */
function statusIn(body: unknown): number {
  const root = Array.isArray(body) ? body[0] : body
  const error = isFields(root) && isFields(root.error) ? root.error : root
  if (!isFields(error)) return 0
  const status = [error.status_code, error.code, error.status].map(Number).find((code) => code >= 400 && code < 600)
  return status ?? 0
}

/** Takes the message from where providers put it, in the order of translation 4. */
function readWords(body: unknown): Said {
  if (typeof body === 'string') return saying(isMarkup(body) ? '' : body.slice(0, 1000).trim())
  // Google's OpenAI-compatible endpoint wraps its error in a list.
  const root = Array.isArray(body) ? body[0] : body
  if (!isFields(root)) return saying('')
  const error = isFields(root.error) ? root.error : root
  const message =
    (isFields(root.error) ? textOf(root.error.message) : textOf(root.error)) ??
    textOf(root.message) ??
    textOf(root.detail) ??
    firstMessage(root.detail, 'msg') ??
    firstMessage(root.errors, 'message') ??
    textOf(root.errors) ??
    ''
  const raw = isFields(error.metadata) ? textOf(error.metadata.raw) : undefined
  const inner = isFields(error.innererror) ? wordOf(error.innererror.code) : undefined
  const words = [error.code, error.type, error.status, root.code, inner, ...reasons(error.details)]
    .map(wordOf)
    .filter((word) => word !== undefined)
  const param = textOf(error.param)
  // A code that only repeats the HTTP status in digits tells a client nothing.
  const code = textOf(error.code)
  return {
    message: (raw !== undefined && /^provider returned error$/i.test(message) ? raw : message).slice(0, 1000),
    words: [...new Set(words)].join(' '),
    debug: fieldsOf(error.details)
      .map(({ detail }) => textOf(detail) ?? '')
      .join(' '),
    ...(param === undefined ? {} : { param }),
    ...(code === undefined || /^\d+$/.test(code) ? {} : { code }),
  }
}

const saying = (message: string): Said => ({ message, words: '', debug: '' })

function isMarkup(text: string): boolean {
  return /^\s*</.test(text)
}

function firstMessage(list: unknown, field: string): string | undefined {
  const first = Array.isArray(list) ? list[0] : undefined
  return isFields(first) ? textOf(first[field]) : textOf(first)
}

/** Google's `details`: an ErrorInfo's reason, a QuotaFailure's ids. */
function reasons(details: unknown): unknown[] {
  return fieldsOf(details).flatMap(({ reason, violations }) => [
    reason,
    ...fieldsOf(violations).map(({ quotaId }) => quotaId),
  ])
}

/** Milliseconds to wait, from every place where providers say it (translation 4); never negative. */
function retryAfter({ header, body, now }: UpstreamError, message: string): number | undefined {
  const inMs = Number.parseFloat(header('retry-after-ms') ?? '')
  if (inMs >= 0) return inMs
  const plain = header('retry-after')
  if (plain !== null) {
    const seconds = Number(plain)
    if (plain.trim() !== '' && seconds >= 0) return seconds * 1000
    const date = Date.parse(plain)
    if (!Number.isNaN(date)) return Math.max(0, date - now)
  }
  return googleDelay(body) ?? limitReset(header, now) ?? spokenDelay(message)
}

function googleDelay(body: unknown): number | undefined {
  const root = Array.isArray(body) ? body[0] : body
  const details = isFields(root) && isFields(root.error) ? root.error.details : undefined
  const delay = fieldsOf(details)
    .map(({ retryDelay }) => textOf(retryDelay))
    .find((text) => text !== undefined)
  return delay === undefined ? undefined : duration(delay)
}

/** The reset of a limit that is used up: RFC 3339 at Anthropic, a duration at OpenAI and its kin. */
function limitReset(header: (name: string) => string | null, now: number): number | undefined {
  for (const what of ['requests', 'tokens', 'input-tokens', 'output-tokens']) {
    if (header(`anthropic-ratelimit-${what}-remaining`) === '0') {
      const date = Date.parse(header(`anthropic-ratelimit-${what}-reset`) ?? '')
      if (!Number.isNaN(date)) return Math.max(0, date - now)
    }
    if (header(`x-ratelimit-remaining-${what}`) === '0') {
      const wait = duration(header(`x-ratelimit-reset-${what}`) ?? '')
      if (wait !== undefined) return wait
    }
  }
  return undefined
}

function spokenDelay(message: string): number | undefined {
  const spoken = /(?:try again|retry) in ((?:[\d.]+\s*(?:ms|s|m|h)(?:econds?|inutes?|ours?)?\s*)+)/i.exec(message)?.[1]
  return spoken === undefined ? undefined : duration(spoken)
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** `644ms`, `3.89s`, `1m2s`, `34s` in milliseconds; undefined where there is no duration in the text. */
export function duration(text: string): number | undefined {
  let total: number | undefined
  for (const [, amount, unit] of text.matchAll(/([\d.]+)\s*(ms|s|m|h)/gi)) {
    const ms = Number(amount) * (UNIT_MS[(unit ?? '').toLowerCase()] ?? Number.NaN)
    if (!Number.isNaN(ms)) total = (total ?? 0) + ms
  }
  return total
}
