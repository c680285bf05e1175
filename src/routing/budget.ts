import type { Price } from '../catalog/models.ts'
import type { Usage } from '../chat/event.ts'
import type { MostTokens } from '../chat/usage.ts'
import type { Traits } from '../dialects/dialect.ts'

/** What a key may use: requests and tokens a minute, US dollars in all. */
export interface Limits {
  readonly rpm?: number | undefined
  readonly tpm?: number | undefined
  readonly budget?: number | undefined
}

/** What a key has used: in the minute that `minute` counts since 1970, and in all. */
export interface Spent {
  readonly minute: number
  readonly requests: number
  readonly tokens: number
  /** US dollars since the key was made. */
  readonly dollars: number
}

export type Over = 'requests' | 'tokens' | 'dollars'

export const MINUTE_MS = 60_000
export const NOTHING_SPENT: Spent = { minute: 0, requests: 0, tokens: 0, dollars: 0 }

/** Adds what was used to what had been; a minute that is over counts no more. */
export function addSpent(before: Spent, now: Spent): Spent {
  const minute = Math.max(before.minute, now.minute)
  const within = (spent: Spent) => (spent.minute === minute ? spent : NOTHING_SPENT)
  return {
    minute,
    requests: within(before).requests + within(now).requests,
    tokens: within(before).tokens + within(now).tokens,
    dollars: before.dollars + now.dollars,
  }
}

/** Which limit one more request would break; undefined where it may go. */
export function overLimit(limits: Limits, spent: Spent, now: number): Over | undefined {
  const { requests, tokens, dollars } = addSpent(spent, { ...NOTHING_SPENT, minute: Math.floor(now / MINUTE_MS) })
  if (limits.budget !== undefined && dollars >= limits.budget) return 'dollars'
  if (limits.rpm !== undefined && requests >= limits.rpm) return 'requests'
  if (limits.tpm !== undefined && tokens >= limits.tpm) return 'tokens'
  return undefined
}

/** Milliseconds until the minute is over. */
export function msToReset(now: number): number {
  return MINUTE_MS - (now % MINUTE_MS)
}

/** Tools that run at the provider have their rounds counted together, and the catalogue's limits are not always the newest. */
const SLACK = 4
/** No model's window and answer are longer where the catalogue does not know them, nor shorter where it is mistaken. */
const ANY_WINDOW_TOKENS = 10_000_000
const SHORT_ANSWER_TOKENS = 8192

/** As much as a report of usage may tell of before it is taken for nonsense. */
export function mostTokensOf({ contextTokens, outputTokens }: Traits, choices: number): MostTokens {
  const window = contextTokens || ANY_WINDOW_TOKENS
  return {
    prompt: SLACK * window,
    completion: SLACK * choices * Math.max(outputTokens || window, SHORT_ANSWER_TOKENS),
  }
}

/** The price of an answer in US dollars; 0 where no price is known. */
export function costOf(usage: Usage, price: Price | undefined): number {
  if (price === undefined) return 0
  const { cached_tokens: read, cache_write_tokens: written } = usage.prompt_tokens_details ?? {}
  const cacheRead = Math.min(typeof read === 'number' ? read : 0, usage.prompt_tokens)
  const cacheWrite = Math.min(typeof written === 'number' ? written : 0, usage.prompt_tokens - cacheRead)
  const plain = usage.prompt_tokens - cacheRead - cacheWrite
  const dollars =
    plain * price.input +
    cacheRead * (price.cacheRead ?? price.input) +
    cacheWrite * (price.cacheWrite ?? price.input) +
    usage.completion_tokens * price.output
  return dollars / 1_000_000
}
