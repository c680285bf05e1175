import { isJsonObject, toText } from './fields.ts'
import { firstObjects } from './upstream-error-text.ts'

/** Headers and texts come from the provider, so only their beginning is read. */
const MAX_READ_CHARACTERS = 200
/** A provider that names no time to wait has just refused: another try at once would be too soon. */
const MIN_WAIT_MS = 1000

export interface RetryAfterSources {
  readonly header: (name: string) => string | null
  readonly body: unknown
  readonly message: string
  /** Milliseconds since 1970: some providers say until when, not how long. */
  readonly now: number
}

/** Milliseconds to wait, from wherever providers say it (translation 4.11); undefined where this one does not. */
export function readRetryAfter({ header, body, message, now }: RetryAfterSources): number | undefined {
  const read = (name: string) => header(name)?.slice(0, MAX_READ_CHARACTERS) ?? ''
  const wait =
    milliseconds(read('retry-after-ms'), 1) ??
    milliseconds(read('retry-after'), 1000) ??
    untilDate(read('retry-after'), now) ??
    googleDelay(body) ??
    limitReset(read, now) ??
    delayInMessage(message)
  return wait === undefined || wait > 0 ? wait : MIN_WAIT_MS
}

function milliseconds(text: string, unitMs: number): number | undefined {
  const number = Number(text)
  return text.trim() === '' || Number.isNaN(number) ? undefined : number * unitMs
}

function untilDate(text: string, now: number): number | undefined {
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : date - now
}

function googleDelay(body: unknown): number | undefined {
  const root = Array.isArray(body) ? body[0] : body
  const details = isJsonObject(root) && isJsonObject(root.error) ? root.error.details : undefined
  const delay = firstObjects(details)
    .map(({ retryDelay }) => toText(retryDelay))
    .find((text) => text !== undefined)
  return delay === undefined ? undefined : readDuration(delay)
}

/** When a used-up limit is reset: a date at Anthropic, a duration at OpenAI and those who copy it. */
function limitReset(read: (name: string) => string, now: number): number | undefined {
  for (const what of ['requests', 'tokens', 'input-tokens', 'output-tokens']) {
    if (read(`anthropic-ratelimit-${what}-remaining`) === '0') {
      const wait = untilDate(read(`anthropic-ratelimit-${what}-reset`), now)
      if (wait !== undefined) return wait
    }
    if (read(`x-ratelimit-remaining-${what}`) === '0') {
      const wait = readDuration(read(`x-ratelimit-reset-${what}`))
      if (wait !== undefined) return wait
    }
  }
  return undefined
}

function delayInMessage(message: string): number | undefined {
  const found = /\b(?:try again|retry) (?:in|after) /i.exec(message)
  return found === null ? undefined : readDuration(message.slice(found.index + found[0].length))
}

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
/** An amount and its unit, as a letter or a word. The `m` of `milliseconds` is no minute. */
const AMOUNT =
  /\s*(?:(?:and|,)\s+)?(\d+(?:\.\d+)?)\s*(?:(ms|millis(?:econd)?s?|msecs?)|(s|secs?|seconds?)|(m|mins?|minutes?)|(h|hrs?|hours?)|(d|days?))(?![a-z])/iy

/** `644ms`, `3.89s`, `1m2s`, `500 milliseconds` in milliseconds; undefined where the text does not begin with a duration. */
export function readDuration(text: string): number | undefined {
  const beginning = text.slice(0, MAX_READ_CHARACTERS)
  let total: number | undefined
  AMOUNT.lastIndex = 0
  for (let found = AMOUNT.exec(beginning); found !== null; found = AMOUNT.exec(beginning)) {
    const [, amount, ms, s, m, h] = found
    const unit = ms !== undefined ? 'ms' : s !== undefined ? 's' : m !== undefined ? 'm' : h !== undefined ? 'h' : 'd'
    total = (total ?? 0) + Number(amount) * UNIT_MS[unit]
  }
  return total
}
