import { isJsonObject, type JsonObject, jsonObjectsIn, toText } from './fields.ts'

/** The texts of an error, cut: a provider may send megabytes, and every pattern reads these texts. */
export interface ParsedError {
  readonly message: string
  /** The message without what it may repeat of the request: quoted names, addresses, the name of the field. */
  readonly ownMessage: string
  /** Code, type, status and reasons of the error, joined by spaces. */
  readonly codes: string
  /** Those of the codes that are no sentence, for the log: a sentence may quote the prompt. */
  readonly loggedCodes: string
  /** One of the codes that holds no private data: `overloaded_error`. */
  readonly harmlessCode?: string
  /** What Google says in `details` only; never for the client. */
  readonly debugText: string
  readonly param?: string
  readonly code?: string
}

const MESSAGE_CHARACTERS = 1000
const CODE_CHARACTERS = 200
const MAX_CODES = 12
const MAX_DETAILS = 20
const LOGGED_CODE = /^[\w.-]{1,60}$/
const MAX_LOGGED_CODES = 5
const HARMLESS_CODE = /^[a-z_]{1,40}$/i

/** Reads an error from wherever providers put its texts, in the order of translation 4. */
export function readErrorText(body: unknown): ParsedError {
  if (typeof body === 'string') {
    const text = body.slice(0, MESSAGE_CHARACTERS).trim()
    return withMessage(text.startsWith('<') ? '' : text)
  }
  // Google's OpenAI-compatible endpoint puts its error into a list.
  const root = Array.isArray(body) ? body[0] : body
  if (!isJsonObject(root)) return withMessage('')
  const error = isJsonObject(root.error) ? root.error : root
  const inner = isJsonObject(error.innererror) ? error.innererror.code : undefined
  const words = [error.code, error.type, error.status, root.code, inner, ...reasons(error.details)]
    .flatMap((word) => codeOf(word) ?? [])
    .slice(0, MAX_CODES)
  const codes = [...new Set(words)]
  const harmlessCode = [error.type, error.code, error.status].flatMap((word) => codeOf(word) ?? []).find(isHarmlessCode)
  const param = codeOf(error.param)
  // A code that only repeats the HTTP status in digits tells a client nothing.
  const code = toText(error.code)?.slice(0, CODE_CHARACTERS)
  const debug = firstObjects(error.details).map(({ detail }) => toText(detail)?.slice(0, MESSAGE_CHARACTERS) ?? '')
  return {
    ...withMessage(messageOf(root, error)),
    codes: codes.join(' '),
    loggedCodes: codes
      .filter((code) => LOGGED_CODE.test(code))
      .slice(0, MAX_LOGGED_CODES)
      .join(' '),
    ...(harmlessCode === undefined ? {} : { harmlessCode }),
    debugText: debug.join(' '),
    ...(param === undefined ? {} : { param }),
    ...(code === undefined || /^\d+$/.test(code) ? {} : { code }),
  }
}

function withMessage(message: string): ParsedError {
  return { message, ownMessage: withoutRepeated(message), codes: '', loggedCodes: '', debugText: '' }
}

function messageOf(root: JsonObject, error: JsonObject): string {
  const message =
    (isJsonObject(root.error) ? toText(root.error.message) : toText(root.error)) ??
    toText(root.message) ??
    toText(root.detail) ??
    firstMessage(root.detail, 'msg') ??
    firstMessage(root.errors, 'message') ??
    toText(root.errors) ??
    ''
  // OpenRouter: the error of the provider behind it.
  const raw = isJsonObject(error.metadata) ? toText(error.metadata.raw) : undefined
  return (raw !== undefined && /^provider returned error$/i.test(message) ? messageIn(raw) : message)
    .slice(0, MESSAGE_CHARACTERS)
    .trim()
}

/** The message of an error that is a text, which may be JSON. */
function messageIn(raw: string): string {
  if (!raw.startsWith('{')) return raw
  try {
    const root: unknown = JSON.parse(raw)
    const error = isJsonObject(root) && isJsonObject(root.error) ? root.error : root
    return (isJsonObject(error) ? toText(error.message) : undefined) ?? raw
  } catch {
    return raw
  }
}

function codeOf(value: unknown): string | undefined {
  return typeof value === 'number' ? String(value) : toText(value)?.slice(0, CODE_CHARACTERS)
}

function isHarmlessCode(word: string): boolean {
  return HARMLESS_CODE.test(word)
}

function firstMessage(list: unknown, field: string): string | undefined {
  const first = Array.isArray(list) ? list[0] : undefined
  return isJsonObject(first) ? toText(first[field]) : toText(first)
}

/** The first objects of a list that may have any length. */
export function firstObjects(list: unknown): readonly JsonObject[] {
  return Array.isArray(list) ? jsonObjectsIn(list.slice(0, MAX_DETAILS)) : []
}

/** Google's `details`: an ErrorInfo's reason, a QuotaFailure's ids. */
function reasons(details: unknown): unknown[] {
  return firstObjects(details).flatMap(({ reason, violations }) => [
    reason,
    ...firstObjects(violations).map(({ quotaId }) => quotaId),
  ])
}

/**
 * Whether a message holds no private data: a short sentence of plain words, without names, numbers and addresses, and not
 * about an account.
 */
export function isHarmless(message: string): boolean {
  return message.length <= PLAIN_CHARACTERS && PLAIN.test(message) && !OF_ACCOUNT.test(message)
}

const PLAIN_CHARACTERS = 120
const PLAIN = /^[A-Z]?[a-z']+(?:[,;:]? [a-z']+|[.!?] [A-Z]?[a-z']+)*[.!?]?$/
const OF_ACCOUNT =
  /\b(?:organi[sz]ation|org|project|account|team|tenant|workspace|customer|user|subscription|deployment|cluster|host|key)s?\b/i

/** A refusal names what it refuses, in quotes or after a colon. The caller may have chosen these names. */
function withoutRepeated(message: string): string {
  return message
    .replace(/`[^`]*`|"[^"]*"|(?<!\w)'[^']*'(?!\w)/g, "''")
    .replace(/\bhttps?:\S+/gi, '')
    .replace(/\b(argument|parameter|field|property|properties|key)(s?[^:]{0,40}): ?[\w.,[\]-]+/gi, '$1$2:')
    .replace(/^[\w.[\]-]+: (?=extra inputs|field required|input should)/i, '')
}

/**
 * Whether a piece of a provider's text stands in what was sent to it, so that it may be the caller's own text.
 * @param sent in lower case, because providers may change the case.
 */
export function isRepeated(piece: string, sent: readonly string[]): boolean {
  const lower = piece.toLowerCase()
  const inJson = JSON.stringify(lower).slice(1, -1)
  return sent.some((text) => text.includes(lower) || (inJson !== lower && text.includes(inJson)))
}
