import { isJsonObject, toText } from './fields.ts'
import { firstObjects } from './upstream-error-text.ts'

/** Headers and texts are the provider's: so much of one is looked at. */
const LOOKED_AT_CHARACTERS = 200
/** Whoever says that there is nothing to wait for has just refused: at once would be too soon. */
const MIN_WAIT_MS = 1000

export interface RetryAfterSources {
  readonly header: (name: string) => string | null
  readonly body: unknown
  readonly message: string
  /** Milliseconds since 1970: some providers say until when, not how long. */
  readonly now: number
}

/** Milliseconds to wait, from every place where providers say it (translation 4); undefined where none does. */
export function readRetryAfter({ header, body, message, now }: RetryAfterSources): number | undefined {
  const read = (name: string) => header(name)?.slice(0, LOOKED_AT_CHARACTERS) ?? ''
  const wait =
    milliseconds(read('retry-after-ms'), 1) ??
    milliseconds(read('retry-after'), 1000) ??
    untilDate(read('retry-after'), now) ??
    googleDelay(body) ??
    limitReset(read, now) ??
    spokenDelay(message)
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

/** The reset of a limit that is used up: RFC 3339 at Anthropic, a duration at OpenAI and its kin. */
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

function spokenDelay(message: string): number | undefined {
  const spoken = /\b(?:try again|retry) (?:in|after) /i.exec(message)
  return spoken === null ? undefined : readDuration(message.slice(spoken.index + spoken[0].length))
}

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
/** An amount and its unit, whether that is a letter or a word; `m` alone begins no `milliseconds`. */
const AMOUNT =
  /\s*(?:(?:and|,)\s+)?(\d+(?:\.\d+)?)\s*(?:(ms|millis(?:econd)?s?|msecs?)|(s|secs?|seconds?)|(m|mins?|minutes?)|(h|hrs?|hours?)|(d|days?))(?![a-z])/iy

/** `644ms`, `3.89s`, `1m2s`, `500 milliseconds` in milliseconds; undefined where a text begins with no duration. */
export function readDuration(text: string): number | undefined {
  const looked = text.slice(0, LOOKED_AT_CHARACTERS)
  let total: number | undefined
  AMOUNT.lastIndex = 0
  for (let found = AMOUNT.exec(looked); found !== null; found = AMOUNT.exec(looked)) {
    const [, amount, ms, s, m, h] = found
    const unit = ms !== undefined ? 'ms' : s !== undefined ? 's' : m !== undefined ? 'm' : h !== undefined ? 'h' : 'd'
    total = (total ?? 0) + Number(amount) * UNIT_MS[unit]
  }
  return total
}
