import type { Deployment, Price } from '../catalog/deployment.ts'
import { toUsage, type Usage } from '../chat/event.ts'
import type { MaxTokens } from '../chat/usage.ts'
import type { Traits } from '../formats/format.ts'
import type { Reservation } from './reservations.ts'

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

export type ExceededLimit = 'requests' | 'tokens' | 'dollars'

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
export function overLimit(limits: Limits, spent: Spent, now: number): ExceededLimit | undefined {
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
export function maxTokensOf({ contextTokens, outputTokens }: Traits, choices: number): MaxTokens {
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

/** Prices that the operator set, by `provider/model`; `provider/*` is for all of its models that have none otherwise. */
export type ConfiguredPrices = ReadonlyMap<string, Price>

/** What a deployment costs; undefined where nobody knows. */
export function priceOf({ provider, upstreamModel, price }: Deployment, set: ConfiguredPrices): Price | undefined {
  if (set.size === 0) return price
  return set.get(`${provider}/${upstreamModel}`) ?? price ?? set.get(`${provider}/*`)
}

/** Where the provider will say what a call cost, and did not yet: about what the dearest models that people use cost. */
export const ASSUMED_PRICE: Price = { input: 15, output: 75 }
/** A provider's own word is believed up to so many times what its price makes, and what tools may cost on top, in dollars. */
const DEARER = 10
const TOOLS_DOLLARS = 1

/** What an answer cost by its provider's own word (OpenRouter), in US dollars; undefined where it gives none that can be. */
export function reportedCost(usage: Usage, price: Price | undefined): number | undefined {
  const { cost, is_byok: isOwnKey, cost_details: details } = usage
  // With a key of one's own at the provider behind it, that one's bill comes apart.
  const behind = isOwnKey === true ? (Object(details) as Record<string, unknown>).upstream_inference_cost : undefined
  if (typeof cost !== 'number') return undefined
  const dollars = cost + (typeof behind === 'number' ? behind : 0)
  if (!(dollars >= 0 && dollars < Number.POSITIVE_INFINITY)) return undefined
  if (price === undefined) return dollars
  const own = costOf(usage, price)
  return dollars <= own * DEARER + TOOLS_DOLLARS && (dollars > 0 || own === 0) ? dollars : undefined
}

/** The longest answer where neither the caller nor the catalogue sets a limit. */
const ASSUMED_ANSWER_TOKENS = 16_384

/** What a call is asked for, as far as it decides on what it may cost. */
export interface RequestSize {
  readonly promptTokens: number
  /** Of one answer; 0 where left open. */
  readonly outputTokens: number
  readonly choices: number
  /** Some are asked to think by a number of tokens, which comes on top of the answer's. */
  readonly asksForThinking: boolean
}

/** As much as a call may use at a deployment. */
export function maxCostOf(extent: RequestSize, { traits }: Deployment, price: Price): Reservation {
  const { promptTokens, outputTokens: asked, choices, asksForThinking } = extent
  const longest = traits.outputTokens || Math.max(asked, ASSUMED_ANSWER_TOKENS)
  const isLimited = asked > 0 && !(asksForThinking && traits.budget !== undefined)
  const usage = toUsage(promptTokens, choices * (isLimited ? Math.min(asked, longest) : longest))
  // All of it may be written to a cache.
  const input = Math.max(price.input, price.cacheWrite ?? 0)
  return { tokens: usage.total_tokens, dollars: costOf(usage, { input, output: price.output }) }
}

/** As much as the dearest of several may use. */
export function mostExpensive(holds: readonly Reservation[]): Reservation {
  return {
    tokens: Math.max(0, ...holds.map(({ tokens }) => tokens)),
    dollars: Math.max(0, ...holds.map(({ dollars }) => dollars)),
  }
}
