import { isJsonObject, type JsonObject, jsonObjectsIn, toText } from './fields.ts'

/** What a provider says in an error, as far as it is looked at: it may send megabytes, and patterns go over all of this. */
export interface ParsedError {
  readonly message: string
  /** The message without what it repeats: quoted names, addresses, the field that it complains of. */
  readonly ownMessage: string
  /** Code, type, status and reason words of the error, joined. */
  readonly codes: string
  /** One of them that can tell nothing about anybody: `overloaded_error`. */
  readonly harmlessCode?: string
  /** What Google tells in its `details` only; never handed on. */
  readonly debugText: string
  readonly param?: string
  readonly code?: string
}

const MESSAGE_CHARACTERS = 1000
const WORD_CHARACTERS = 200
const MAX_WORDS = 12
const MAX_DETAILS = 20
const DULL_WORD = /^[a-z_]{1,40}$/i

/** Takes the message from where providers put it, in the order of translation 4. */
export function readErrorText(body: unknown): ParsedError {
  if (typeof body === 'string') {
    const text = body.slice(0, MESSAGE_CHARACTERS).trim()
    return saying(text.startsWith('<') ? '' : text)
  }
  // Google's OpenAI-compatible endpoint wraps its error in a list.
  const root = Array.isArray(body) ? body[0] : body
  if (!isJsonObject(root)) return saying('')
  const error = isJsonObject(root.error) ? root.error : root
  const inner = isJsonObject(error.innererror) ? error.innererror.code : undefined
  const words = [error.code, error.type, error.status, root.code, inner, ...reasons(error.details)]
    .flatMap((word) => wordOf(word) ?? [])
    .slice(0, MAX_WORDS)
  const harmlessCode = [error.type, error.code, error.status].flatMap((word) => wordOf(word) ?? []).find(isDull)
  const param = wordOf(error.param)
  // A code that only repeats the HTTP status in digits tells a client nothing.
  const code = toText(error.code)?.slice(0, WORD_CHARACTERS)
  const debug = firstObjects(error.details).map(({ detail }) => toText(detail)?.slice(0, MESSAGE_CHARACTERS) ?? '')
  return {
    ...saying(messageOf(root, error)),
    codes: [...new Set(words)].join(' '),
    ...(harmlessCode === undefined ? {} : { harmlessCode }),
    debugText: debug.join(' '),
    ...(param === undefined ? {} : { param }),
    ...(code === undefined || /^\d+$/.test(code) ? {} : { code }),
  }
}

function saying(message: string): ParsedError {
  return { message, ownMessage: withoutRepeated(message), codes: '', debugText: '' }
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
  // OpenRouter: what the one said to whom it passed the request on.
  const raw = isJsonObject(error.metadata) ? toText(error.metadata.raw) : undefined
  return (raw !== undefined && /^provider returned error$/i.test(message) ? spokenIn(raw) : message)
    .slice(0, MESSAGE_CHARACTERS)
    .trim()
}

/** The message of an error that is told as text, and may be JSON. */
function spokenIn(raw: string): string {
  if (!raw.startsWith('{')) return raw
  try {
    const root: unknown = JSON.parse(raw)
    const error = isJsonObject(root) && isJsonObject(root.error) ? root.error : root
    return (isJsonObject(error) ? toText(error.message) : undefined) ?? raw
  } catch {
    return raw
  }
}

function wordOf(value: unknown): string | undefined {
  return typeof value === 'number' ? String(value) : toText(value)?.slice(0, WORD_CHARACTERS)
}

function isDull(word: string): boolean {
  return DULL_WORD.test(word)
}

function firstMessage(list: unknown, field: string): string | undefined {
  const first = Array.isArray(list) ? list[0] : undefined
  return isJsonObject(first) ? toText(first[field]) : toText(first)
}

/** The first objects of a list that may be of any length. */
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
 * Whether a message can tell nothing about anybody: a short sentence of plain words, without names, numbers and addresses,
 * and of nobody's account.
 */
export function isHarmless(message: string): boolean {
  return message.length <= PLAIN_CHARACTERS && PLAIN.test(message) && !OF_ACCOUNT.test(message)
}

const PLAIN_CHARACTERS = 120
const PLAIN = /^[A-Z]?[a-z']+(?:[,;:]? [a-z']+|[.!?] [A-Z]?[a-z']+)*[.!?]?$/
const OF_ACCOUNT =
  /\b(?:organi[sz]ation|org|project|account|team|tenant|workspace|customer|user|subscription|deployment|cluster|host|key)s?\b/i

/** A refusal names what it refuses, in quotes or behind a colon: names that the caller chose. */
function withoutRepeated(message: string): string {
  return message
    .replace(/`[^`]*`|"[^"]*"|(?<!\w)'[^']*'(?!\w)/g, "''")
    .replace(/\bhttps?:\S+/gi, '')
    .replace(/\b(argument|parameter|field|property|properties|key)(s?[^:]{0,40}): ?[\w.,[\]-]+/gi, '$1$2:')
    .replace(/^[\w.[\]-]+: (?=extra inputs|field required|input should)/i, '')
}

/**
 * Whether a piece of a provider's text stands in what was sent to it: then it may be the caller's own words that come back.
 * @param sent in lower case; cases get lost on the way.
 */
export function isRepeated(piece: string, sent: readonly string[]): boolean {
  const lower = piece.toLowerCase()
  const inJson = JSON.stringify(lower).slice(1, -1)
  return sent.some((text) => text.includes(lower) || (inJson !== lower && text.includes(inJson)))
}
