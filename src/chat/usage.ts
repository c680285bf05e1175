import { toUsage, type Usage } from './event.ts'

/** As many tokens as a report may tell of before it is taken for nonsense. */
export interface MaxTokens {
  readonly prompt: number
  readonly completion: number
}

/** What an answer used: by its provider's reports as far as they can be true, and where they can't by our estimate. */
export interface UsageCounter {
  /** Cumulative: a later report replaces an earlier one, as far as it says anything. */
  readonly report: (usage: Usage) => void
  /** Something was said, of this weight (`weigh`). */
  readonly addWeight: (weight: number) => void
  /** @param complete all is said, and told of: otherwise what was said since the last report is counted on top. */
  readonly usage: (complete: boolean) => Usage
}

const WEIGHT_PER_TOKEN = 4
/** Our estimate is hardly ever further from the truth than by this factor. */
const ESTIMATE_IS_WITHIN = 2
const ANY: MaxTokens = { prompt: Number.MAX_SAFE_INTEGER, completion: Number.MAX_SAFE_INTEGER }
/** The dearest models cost less than this a token, in US dollars; what tools at the provider cost comes on top. */
const MAX_DOLLARS_PER_TOKEN = 0.001
const MAX_DOLLARS_FOR_TOOLS = 1

/** @param promptTokens our estimate, asked for where the provider does not tell. */
export function createUsageCounter(promptTokens: () => number, most: MaxTokens = ANY): UsageCounter {
  let reported: Usage | undefined
  let prompt = 0
  let completion = 0
  /** An answer may be of no token at all: then 0 is the truth. */
  let toldOfNone = false
  let weight = 0
  let weightThen = 0

  return {
    report: (usage) => {
      const { prompt_tokens: read, completion_tokens: written } = usage
      const isRead = isCount(read, most.prompt) && read > 0
      const isWritten = isCount(written, most.completion) && written > 0
      if (isRead && written === 0) toldOfNone = true
      if (!isRead && !isWritten) return
      reported = usage
      if (isRead) prompt = Math.ceil(read)
      if (!isWritten) return
      completion = Math.ceil(written)
      weightThen = weight
    },
    addWeight: (more) => {
      weight += more
    },
    usage: (complete) => {
      const unreported = tokens(weight - weightThen)
      const all = tokens(weight)
      const isEnough = completion * ESTIMATE_IS_WITHIN >= all
      // A last report that came before the last words may be of the whole answer all the same, or of its beginning only; and
      // one that came with the last words so far, where more were to come, is no more than the provider had counted by then.
      const isWhole = complete ? unreported === 0 || isEnough : unreported === 0 && isEnough
      const isPromptTold = prompt > 0
      const isCompletionTold = isWhole && (completion > 0 || toldOfNone)
      const known = completion + (isWhole ? 0 : unreported)
      const counts = toUsage(isPromptTold ? prompt : promptTokens(), isWhole || isEnough ? known : Math.max(known, all))
      if (reported === undefined) return { ...counts, estimated: true }
      const isTold = isPromptTold && isCompletionTold && reported.estimated !== true
      return { ...counts, ...furtherOf(reported, counts, most, isTold), ...(isTold ? {} : { estimated: true }) }
    },
  }
}

function tokens(weight: number): number {
  return Math.ceil(weight / WEIGHT_PER_TOKEN)
}

/** False for what is no number, too. */
function isCount(value: number, most: number): boolean {
  return value >= 0 && value <= most
}

const COUNTS: ReadonlySet<string> = new Set(['prompt_tokens', 'completion_tokens', 'total_tokens', 'estimated'])
/** What a provider says of the whole answer: no part of one that it has not counted to the end. */
const OF_THE_WHOLE: ReadonlySet<string> = new Set(['completion_tokens_details', 'cost', 'cost_details'])

/** What a report tells beside its counts. */
function furtherOf(reported: Usage, { total_tokens: total }: Usage, most: MaxTokens, isTold: boolean) {
  const further: Record<string, unknown> = {}
  for (const name in reported) {
    if (COUNTS.has(name) || (!isTold && OF_THE_WHOLE.has(name))) continue
    const value = reported[name]
    const sensible = isFields(value) ? sensibleOf(value, total, most) : value
    if (isSensible(name, sensible, total, most)) further[name] = sensible
  }
  return further
}

/** Lists, and what is within a detail, can only be shown: JSON has no word for what is no number. */
function sensibleOf(fields: Readonly<Record<string, unknown>>, total: number, most: MaxTokens): object {
  const entries = Object.entries(fields)
  const sensible = entries.filter(([name, value]) => isSensible(name, value, total, most))
  return sensible.length === entries.length ? fields : Object.fromEntries(sensible)
}

function isSensible(name: string, value: unknown, total: number, most: MaxTokens): boolean {
  if (typeof value !== 'number') return true
  if (name.includes('tokens')) return isCount(value, Math.max(most.prompt, most.completion))
  if (name.includes('cost')) return isCount(value, total * MAX_DOLLARS_PER_TOKEN + MAX_DOLLARS_FOR_TOOLS)
  return isCount(value, Number.MAX_VALUE)
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
