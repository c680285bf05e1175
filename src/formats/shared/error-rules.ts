import type { FailureDetails, FailureKind } from '../../chat/failure.ts'
import { isRepeated, type ParsedError } from './upstream-error-text.ts'

/** The failures that a provider's refusal can be. */
export type UpstreamFailureKind = Extract<
  FailureKind,
  | 'context-length'
  | 'content-filter'
  | 'rejected'
  | 'model-not-capable'
  | 'unsupported-parameter'
  | 'body-too-large'
  | 'rate-limited'
  | 'quota-exhausted'
  | 'credentials-refused'
  | 'model-missing'
  | 'overloaded'
  | 'provider-failed'
  | 'provider-timeout'
>

/** What a provider's error means. */
export interface Verdict {
  readonly kind: UpstreamFailureKind
  /** What it says of the deployment's health, where the kind alone does not tell. */
  readonly health?: FailureDetails['health']
  /** The same request would be refused again: it is larger than our account allows. */
  readonly isTooLarge?: boolean
}

/** One row of the table: what an error means that has one of these statuses and meets the condition. */
export interface ErrorRule extends Verdict {
  /** HTTP statuses; 0 stands for an error inside an answer that names none. */
  readonly status: readonly number[]
  readonly pattern?: Condition
  /** The section of the translation rules (`src/formats/README.md`) that names the providers and their documentation. */
  readonly source: string
}

type Place = 'codes' | 'message' | 'ownMessage' | 'debugText'
type Condition = (error: ParsedError, isEcho: (found: string) => boolean) => boolean

/** Whether a pattern is found there. */
function says(place: Place, pattern: RegExp): Condition {
  return (error) => pattern.test(error[place])
}

/**
 * Whether a pattern is found there in words that the caller did not send. A condition that blames the provider needs this: a
 * caller could make a provider repeat such words, and the deployment would be lost to others. A condition that blames the
 * caller does not: its only effect is on that caller.
 */
function saysItself(place: Place, pattern: RegExp): Condition {
  return (error, isEcho) => {
    const found = pattern.exec(error[place])?.[0]
    return found !== undefined && !isEcho(found)
  }
}

function all(...conditions: readonly Condition[]): Condition {
  return (error, isEcho) => conditions.every((condition) => condition(error, isEcho))
}

function any(...conditions: readonly Condition[]): Condition {
  return (error, isEcho) => conditions.some((condition) => condition(error, isEcho))
}

function not(condition: Condition): Condition {
  return (error, isEcho) => !condition(error, isEcho)
}

// Patterns whose names end in CODES are for an error's codes, the others for its sentences.
const CONTEXT_LENGTH =
  /context[_ ]length|contextwindowexceeded|context window|maximum context|prompt is too long|input length and .{0,20}exceed|input token count.{0,40}exceeds|exceeds the maximum number of tokens|too_many_prompt_tokens|too many (input|prompt) tokens|string_above_max_length|reduce the length of (the|your) (messages|prompt)|range of input length|maximum prompt length|too many tokens: size limit|exceeded model token limit|exceeds the available context size|tokens \+ \S{2,40} must be <=/i
const TOO_LARGE = /\brequest too large\b|can only afford|fewer max_tokens|prompt tokens limit exceeded/i
const QUOTA_CODES = /insufficient_quota|PerDay|exceeded_current_quota/
const CREDITS_USED = /used all available credits/
const TOKEN_LIMIT = /tokens per min|\b(?:input|output) tokens\b|reduce the prompt length/i
const TOKEN_LIMIT_CODES = /(?:^| )tokens(?: |$)|InputToken/
const LIMITED_CODES = /rate_?limit|RESOURCE_EXHAUSTED/i
const ACCOUNT_CODES =
  /insufficient[_ ](?:quota|balance)|billing_(?:error|hard_limit|not_active)|api_?key_?(?:not_?valid|invalid|expired)|invalid_api_?key|authentication_error|unsupported_(?:country|region)|FAILED_PRECONDITION/i
const ACCOUNT =
  /insufficient[ _](?:quota|balance)|credit balance is too low|out of credits|specified api usage limits|organization has been disabled|billing hard limit|api[ _]?key[ _]?(?:not[ _]valid|invalid|expired)|invalid[ _](?:x-)?api[ _-]?key|incorrect api key|location is not supported/i
/** The beginning of a message is the provider's own; words further on may be anybody's. */
const ACCOUNT_SENTENCE =
  /^(?:your credit balance is too low|you have reached your specified api usage limits|(?:this|your) organization has been disabled|billing hard limit|insufficient balance|api key (?:not valid|expired)|incorrect api key|invalid (?:x-)?api[ -]key|user location is not supported)/i
const BAD_CALL_CODES = /tool_use_failed|json_validate_failed/
const POLICY_CODES =
  /content_?filter|content_policy|responsibleaipolicy|moderation_blocked|content_moderation|data_?inspection_?failed|SAFETY_CHECK|invalid_prompt/i
const POLICY =
  /content_filter|content_policy_violation|content management policy|content filter(?:ing)? policy|safety system|flagged (?:by|for|as)|requires moderation|violates? (?:our |the )?usage guidelines|usage polic(?:y|ies)|SAFETY_CHECK/i
const MODEL_CODES = /model_?not_?found|model_not_available|model_decommissioned|invalid_model|DeploymentNotFound/i
const MODEL = /no such model|model .{0,80}(?:does not exist|not exist|not found|has been removed|is not available)/i
const MODEL_SENTENCE = /^(?:the )?(?:requested |publisher )?models?\b|^no such model/i
const LACKING = / is not (enabled|supported) for (models\/|(this|the current) model)/i
const NO_ENDPOINT = /^no endpoints found that (?:support|can handle)/i
/** OpenAI's 403, llama.cpp's and Ollama's 501: the model is in order, but makes no vectors. */
const NO_VECTORS = /does not support embeddings|not allowed to generate embeddings/i
/** llama.cpp's 500 for an input that is longer than its batch. */
const BATCH_TOO_SMALL = /^input .{0,30}is too large to process/i
/** What a caller may name beside a model, and only our account has or has not. */
const FILE = /\bfiles?\b|\bcached ?contents?\b|\bstorage\b|\bvector[ _]store|\bcontainers?\b|\bskills?\b/i
/** Together with a fitting status, such a code leaves no doubt that the provider serves nobody at this deployment. */
const CERTAIN_CODES =
  /api_?key|authenticat|unauthori[sz]ed|permission|forbidden|access_?denied|billing|quota|insufficient|balance|credit|exhausted|country|region|disabled|account|organization|not_?found|not found|not_available|not_?exist|deprecated|decommissioned/i
const OVERLOADED_CODES = /overloaded|capacity|UNAVAILABLE|server_busy|engine_overloaded/i

/** The statuses of a refused request; an error inside an answer may be one, too. */
const REFUSED_STATUSES = [400, 413, 422, 0]
const CERTAIN = saysItself('codes', CERTAIN_CODES)
const NAMES_MODEL = any(says('codes', MODEL_CODES), says('ownMessage', MODEL))
const MISSES_MODEL = all(
  saysItself('ownMessage', MODEL),
  any(not(says('message', MODEL)), saysItself('message', MODEL)),
)

/** The first rule that fits an error tells what it means. An error that fits none is a `provider-failed`. */
export const ERROR_RULES: readonly ErrorRule[] = [
  // The request is larger than the limits of our account.
  ...tooLarge([429], 'rate-limited', says('message', TOO_LARGE)),
  ...tooLarge([402], 'credentials-refused', says('message', TOO_LARGE)),
  ...tooLarge([413], 'rate-limited', all(says('codes', LIMITED_CODES), says('message', TOO_LARGE))),

  // Codes are cut after some characters, so a pattern may begin in the code and end in the message.
  {
    status: REFUSED_STATUSES,
    pattern: any(
      (error) => CONTEXT_LENGTH.test(`${error.codes} ${error.ownMessage}`),
      saysItself('message', CONTEXT_LENGTH),
    ),
    kind: 'context-length',
    source: '4.2',
  },

  { status: [500], pattern: says('message', BATCH_TOO_SMALL), kind: 'context-length', health: 'none', source: '4.2' },
  {
    status: [400, 403, 404, 501],
    pattern: says('message', NO_VECTORS),
    kind: 'model-not-capable',
    health: 'none',
    source: '4.7',
  },

  // A limit passes, a quota does not. Google's message speaks of a quota for both; the id of the quota tells.
  { status: [429], pattern: saysItself('codes', QUOTA_CODES), kind: 'quota-exhausted', health: 'opens', source: '4.3' },
  {
    status: [429],
    pattern: all(says('message', CREDITS_USED), CERTAIN),
    kind: 'quota-exhausted',
    health: 'opens',
    source: '4.3',
  },
  { status: [429], pattern: says('message', CREDITS_USED), kind: 'quota-exhausted', source: '4.3' },
  // Where tokens are limited, a small request may pass where a large one does not.
  {
    status: [429],
    pattern: any(says('codes', TOKEN_LIMIT_CODES), says('message', TOKEN_LIMIT)),
    kind: 'rate-limited',
    health: 'size',
    source: '4.3',
  },
  { status: [429], kind: 'rate-limited', source: '4.3' },

  // Some providers answer a 400 where our account is empty or unknown, or not served in this region. Google has the same
  // code for a file that is not ready.
  {
    status: REFUSED_STATUSES,
    pattern: all(saysItself('codes', ACCOUNT_CODES), not(says('message', FILE))),
    kind: 'credentials-refused',
    source: '4.4',
  },
  {
    status: REFUSED_STATUSES,
    pattern: saysItself('message', ACCOUNT_SENTENCE),
    kind: 'credentials-refused',
    source: '4.4',
  },
  {
    status: REFUSED_STATUSES,
    pattern: any(saysItself('message', ACCOUNT), saysItself('debugText', ACCOUNT)),
    kind: 'credentials-refused',
    health: 'none',
    source: '4.4',
  },

  { status: [413], pattern: says('codes', LIMITED_CODES), kind: 'rate-limited', health: 'none', source: '4.1' },
  // The model wrote a call that does not fit its schema; another model may do better.
  { status: [400], pattern: says('codes', BAD_CALL_CODES), kind: 'model-not-capable', source: '4.7' },

  {
    status: REFUSED_STATUSES,
    pattern: any(says('codes', POLICY_CODES), says('ownMessage', POLICY)),
    kind: 'content-filter',
    source: '4.5',
  },
  {
    status: [403],
    pattern: any(says('codes', POLICY_CODES), says('message', POLICY)),
    kind: 'content-filter',
    source: '4.5',
  },

  { status: [400, 0], pattern: saysItself('codes', MODEL_CODES), kind: 'model-missing', source: '4.6' },
  {
    status: [400, 0],
    pattern: all(MISSES_MODEL, says('ownMessage', MODEL_SENTENCE)),
    kind: 'model-missing',
    source: '4.6',
  },
  { status: [400, 0], pattern: MISSES_MODEL, kind: 'model-missing', health: 'none', source: '4.6' },

  { status: [400], pattern: says('message', LACKING), kind: 'unsupported-parameter', source: '4.7' },
  { status: [404], pattern: says('message', NO_ENDPOINT), kind: 'model-not-capable', source: '4.7' },

  // A file that the caller names and that is missing, or not ours to read, says nothing about the model or our account.
  { status: [403, 404], pattern: all(says('message', FILE), not(NAMES_MODEL)), kind: 'rejected', source: '4.8' },

  // A caller cannot cause a 401 or a 402 by the text of a request, so no code is needed. Many providers send none.
  { status: [401, 402], kind: 'credentials-refused', health: 'opens', source: '4.9' },
  { status: [403], pattern: CERTAIN, kind: 'credentials-refused', health: 'opens', source: '4.9' },
  { status: [403], kind: 'credentials-refused', source: '4.9' },
  // Anthropic and Google use one code for everything that is missing. Only the beginning of the message shows whether it is the model.
  {
    status: [404],
    pattern: all(CERTAIN, says('message', /\S/), not(says('codes', MODEL_CODES)), not(says('message', MODEL_SENTENCE))),
    kind: 'model-missing',
    source: '4.6',
  },
  { status: [404, 410], pattern: CERTAIN, kind: 'model-missing', health: 'opens', source: '4.6' },
  { status: [404, 410], kind: 'model-missing', source: '4.9' },

  { status: [400, 422], kind: 'rejected', source: '4.9' },
  { status: [413], kind: 'body-too-large', source: '4.9' },
  { status: [498, 503, 529], kind: 'overloaded', source: '4.9' },
  { status: [504], kind: 'provider-timeout', source: '4.9' },
  { status: [0], pattern: says('codes', LIMITED_CODES), kind: 'rate-limited', source: '4.10' },
  { status: [0], pattern: says('codes', OVERLOADED_CODES), kind: 'overloaded', source: '4.10' },
]

function tooLarge(status: readonly number[], kind: UpstreamFailureKind, pattern: Condition): readonly ErrorRule[] {
  return [{ status, pattern, kind, health: 'none', isTooLarge: true, source: '4.1' }]
}

/**
 * Finds what a provider's error means.
 * @param callerTexts all that the caller could choose in what was sent to the provider.
 */
export function verdictOn(status: number, error: ParsedError, callerTexts: readonly string[] = []): Verdict {
  let lowered: readonly string[] | undefined
  const isEcho = (found: string) => {
    lowered ??= callerTexts.map((text) => text.toLowerCase())
    return isRepeated(found, lowered)
  }
  const rule = ERROR_RULES.find((row) => row.status.includes(status) && row.pattern?.(error, isEcho) !== false)
  return rule ?? { kind: 'provider-failed' }
}
