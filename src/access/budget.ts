import type { Deployment, Price } from '../catalog/deployment.ts'
import type { Usage } from '../chat/event.ts'
import type { MaxTokens } from '../chat/usage.ts'
import type { Traits } from '../formats/format.ts'

/** When a budget begins anew: UTC, at midnight, on Monday, on the first of a month, or never (accounts 2). */
export type Window = 'day' | 'week' | 'month' | 'total'

/** What an account may use: requests and tokens a minute, calls at once, and US dollars in a window; in all without one. */
export interface Limits {
  readonly rpm?: number | undefined
  readonly tpm?: number | undefined
  readonly concurrent?: number | undefined
  readonly budget?: number | undefined
  readonly window?: Window | undefined
}

/** As much as a call may use: tokens, and US dollars. */
export interface Reservation {
  readonly tokens: number
  readonly dollars: number
  /** 0 for what a call may use further: its request is counted already. */
  readonly requests?: 0
}

export const NO_RESERVATION: Reservation = { tokens: 0, dollars: 0 }

/** What an account has used. */
export interface Spent {
  /** The minute that `requests` and `tokens` were used in, counted since 1970. */
  readonly minute: number
  readonly requests: number
  readonly tokens: number
  /** US dollars. */
  readonly dollars: number
}

export const NOTHING_SPENT: Spent = { minute: 0, requests: 0, tokens: 0, dollars: 0 }

/** The sum of two. Requests and tokens of an earlier minute do not count. */
export function addSpent(one: Spent, other: Spent): Spent {
  const minute = Math.max(one.minute, other.minute)
  const inMinute = (spent: Spent) => (spent.minute === minute ? spent : NOTHING_SPENT)
  return {
    minute,
    requests: inMinute(one).requests + inMinute(other).requests,
    tokens: inMinute(one).tokens + inMinute(other).tokens,
    dollars: one.dollars + other.dollars,
  }
}

/** Usage may exceed the catalogue's limits: a provider adds up the rounds of its own tools, and our limits may be out of date. */
const TOLERANCE = 4
/** The context window where the catalogue does not know it: longer than any model's. */
const MAX_WINDOW_TOKENS = 10_000_000
/** A catalogue's output limit below this one is not trusted. */
const MIN_OUTPUT_TOKENS = 8192

/** The most tokens that a provider's usage may report. What is above it is not believed (accounts 5). */
export function maxTokensOf({ contextTokens, outputTokens }: Traits, choices: number, prompts = 1): MaxTokens {
  const window = contextTokens || MAX_WINDOW_TOKENS
  return {
    prompt: TOLERANCE * prompts * window,
    completion: TOLERANCE * choices * Math.max(outputTokens || window, MIN_OUTPUT_TOKENS),
  }
}

/** Prices are for so many tokens. */
const PRICED_TOKENS = 1_000_000
/** What is written to a cache for an hour costs this many times the input; the price of writes is for five minutes (accounts 5). */
const HOUR_WRITE_FACTOR = 2

/** The cost of an answer in US dollars; 0 if no price is known. */
export function costOf(usage: Usage, price: Price | undefined): number {
  if (price === undefined) return 0
  const details = usage.prompt_tokens_details
  const cacheRead = upTo(usage.prompt_tokens, details?.cached_tokens)
  const cacheWrite = upTo(usage.prompt_tokens - cacheRead, details?.cache_write_tokens)
  const hourWrite = price.cacheWrite === undefined ? 0 : upTo(cacheWrite, details?.cache_write_1h_tokens)
  const uncached = usage.prompt_tokens - cacheRead - cacheWrite
  const dollars =
    (uncached + hourWrite * HOUR_WRITE_FACTOR) * price.input +
    cacheRead * (price.cacheRead ?? price.input) +
    (cacheWrite - hourWrite) * (price.cacheWrite ?? price.input) +
    usage.completion_tokens * price.output
  return dollars / PRICED_TOKENS
}

function upTo(most: number, count: unknown): number {
  return Math.min(typeof count === 'number' ? count : 0, most)
}

/** Prices that the operator has set (`MODEL_PRICES`), by `provider/model`; `provider/*` is for its models without another price. */
export type ConfiguredPrices = ReadonlyMap<string, Price>

/** The price of a deployment; undefined if it is not known. */
export function priceOf(
  { provider, upstreamModel, price }: Deployment,
  configured: ConfiguredPrices,
): Price | undefined {
  if (configured.size === 0) return price
  return configured.get(`${provider}/${upstreamModel}`) ?? price ?? configured.get(`${provider}/*`)
}

/** The price to assume where none is known before the answer: about that of the most expensive models in use. */
export const ASSUMED_PRICE: Price = { input: 15, output: 75 }
/** A reported cost is believed up to this many times the cost by our price, plus what tools may cost in US dollars. */
const MAX_COST_FACTOR = 10
const MAX_TOOLS_DOLLARS = 1

/** The cost of an answer as its provider reports it (OpenRouter does), in US dollars; undefined without a report that makes sense. */
export function reportedCost(usage: Usage, price: Price | undefined): number | undefined {
  const { cost, is_byok: isOwnKey, cost_details: details } = usage
  // If OpenRouter calls the provider with the operator's own key there, that provider sends a bill of its own.
  const upstreamCost =
    isOwnKey === true ? (Object(details) as Record<string, unknown>).upstream_inference_cost : undefined
  if (typeof cost !== 'number') return undefined
  const dollars = cost + (typeof upstreamCost === 'number' ? upstreamCost : 0)
  if (!(dollars >= 0 && dollars < Number.POSITIVE_INFINITY)) return undefined
  if (price === undefined) return dollars
  const byPrice = costOf(usage, price)
  return dollars <= byPrice * MAX_COST_FACTOR + MAX_TOOLS_DOLLARS && (dollars > 0 || byPrice === 0)
    ? dollars
    : undefined
}

/** What a prompt without a known bound is reserved for, where the catalogue does not know the model's window. */
const MAX_PROMPT_TOKENS = 1_000_000
/** The longest answer if neither the caller nor the catalogue sets a limit. */
const DEFAULT_OUTPUT_TOKENS = 16_384

/** What of a request decides how much it may cost. */
export interface RequestSize {
  /** Endless where only the model's window bounds it. */
  readonly promptTokens: number
  /** The most tokens of one answer; 0 if the request sets no limit. */
  readonly outputTokens: number
  /** What to reserve for an answer whose request sets no limit; 0 for the longest that the model can write. */
  readonly reservedOutputTokens?: number
  readonly choices: number
  /** Whether the request asks for reasoning. Some models take a number of tokens for it, on top of the answer's. */
  readonly asksForReasoning: boolean
}

/** The most that a request can use at a deployment (accounts 3). */
export function maxCostOf(size: RequestSize, { traits }: Deployment, price: Price): Reservation {
  const { promptTokens, outputTokens: requestedTokens, reservedOutputTokens = 0, choices, asksForReasoning } = size
  const longest = traits.outputTokens || Math.max(requestedTokens, DEFAULT_OUTPUT_TOKENS)
  const isLimited = requestedTokens > 0 && !(asksForReasoning && traits.budget !== undefined)
  const answerTokens = isLimited ? requestedTokens : reservedOutputTokens || longest
  // No prompt is longer than the model's window, whatever is in its files.
  const prompt = Number.isFinite(promptTokens) ? promptTokens : traits.contextTokens || MAX_PROMPT_TOKENS
  const answers = choices * Math.min(answerTokens, longest)
  // The provider may write the whole prompt to its cache, for an hour.
  const input =
    price.cacheWrite === undefined ? price.input : Math.max(price.input * HOUR_WRITE_FACTOR, price.cacheWrite)
  return { tokens: prompt + answers, dollars: (prompt * input + answers * price.output) / PRICED_TOKENS }
}

/** The larger of two in tokens, and in dollars. */
export function larger(one: Reservation, other: Reservation): Reservation {
  return { tokens: Math.max(one.tokens, other.tokens), dollars: Math.max(one.dollars, other.dollars) }
}
