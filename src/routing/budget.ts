import type { Price } from '../catalog/models.ts'
import type { Usage } from '../chat/event.ts'

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

/** The price of an answer in US dollars; 0 where the catalogue knows none. */
export function costOf(usage: Usage, price: Price | undefined): number {
  if (price === undefined) return 0
  const { cached_tokens: read, cache_write_tokens: written } = usage.prompt_tokens_details ?? {}
  const cacheRead = typeof read === 'number' ? read : 0
  const cacheWrite = typeof written === 'number' ? written : 0
  const plain = Math.max(usage.prompt_tokens - cacheRead - cacheWrite, 0)
  const dollars =
    plain * price.input +
    cacheRead * (price.cacheRead ?? price.input) +
    cacheWrite * (price.cacheWrite ?? price.input) +
    usage.completion_tokens * price.output
  return dollars / 1_000_000
}
