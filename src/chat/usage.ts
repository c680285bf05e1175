import { toUsage, type Usage } from './event.ts'

/** The largest counts of a report that are believed. */
export interface MaxTokens {
  readonly prompt: number
  readonly completion: number
}

/** Counts what an answer used: by the provider's reports as far as they can be true, and by our estimate where they cannot. */
export interface UsageCounter {
  /** Reports are cumulative: a later one replaces an earlier one, but for counts of 0. */
  readonly report: (usage: Usage) => void
  /** Content of this weight has come; a weight is what `textWeight` gives. */
  readonly addWeight: (weight: number) => void
  /** @param complete the answer came to its end. If not, content since the last report is counted on top of it. */
  readonly usage: (complete: boolean) => Usage
}

const WEIGHT_PER_TOKEN = 4
/** Our estimate is hardly ever wrong by more than this factor. */
const ESTIMATE_IS_WITHIN = 2
const ANY: MaxTokens = { prompt: Number.MAX_SAFE_INTEGER, completion: Number.MAX_SAFE_INTEGER }
/** The most expensive models cost less than this for a token, in US dollars. The provider's own tools may cost more on top. */
const MAX_DOLLARS_PER_TOKEN = 0.001
const MAX_DOLLARS_FOR_TOOLS = 1

/** @param promptTokens our estimate, for a provider that does not report the prompt. */
export function createUsageCounter(promptTokens: () => number, max: MaxTokens = ANY): UsageCounter {
  let reported: Usage | undefined
  let prompt = 0
  let completion = 0
  /** The provider reported 0 for the completion, which may be true. */
  let reportedNone = false
  let weight = 0
  let weightAtReport = 0

  return {
    report: (usage) => {
      const { prompt_tokens: read, completion_tokens: written } = usage
      const isRead = isCount(read, max.prompt) && read > 0
      const isWritten = isCount(written, max.completion) && written > 0
      if (isRead && written === 0) reportedNone = true
      if (!isRead && !isWritten) return
      reported = usage
      if (isRead) prompt = Math.ceil(read)
      if (!isWritten) return
      completion = Math.ceil(written)
      weightAtReport = weight
    },
    addWeight: (more) => {
      weight += more
    },
    usage: (complete) => {
      const unreported = tokens(weight - weightAtReport)
      const all = tokens(weight)
      const isEnough = completion * ESTIMATE_IS_WITHIN >= all
      // A report that came before the last content may count the whole answer or only its beginning. If the answer broke off,
      // even a report that came with the last content may count too little. Our estimate then decides whether it is enough.
      const isWhole = complete ? unreported === 0 || isEnough : unreported === 0 && isEnough
      const isPromptReported = prompt > 0
      const isCompletionReported = isWhole && (completion > 0 || reportedNone)
      const known = completion + (isWhole ? 0 : unreported)
      const counts = toUsage(
        isPromptReported ? prompt : promptTokens(),
        isWhole || isEnough ? known : Math.max(known, all),
      )
      if (reported === undefined) return { ...counts, estimated: true }
      const isReported = isPromptReported && isCompletionReported && reported.estimated !== true
      if (isReported && isSound(reported, counts, max)) return reported
      return { ...counts, ...furtherOf(reported, counts, max, isReported), ...(isReported ? {} : { estimated: true }) }
    },
  }
}

function tokens(weight: number): number {
  return Math.ceil(weight / WEIGHT_PER_TOKEN)
}

/** False also for NaN. */
function isCount(value: number, max: number): boolean {
  return value >= 0 && value <= max
}

const COUNTS: ReadonlySet<string> = new Set(['prompt_tokens', 'completion_tokens', 'total_tokens', 'estimated'])
/** Fields about the whole answer, which do not hold for a count that is partly our estimate. */
const WHOLE_ANSWER_FIELDS: ReadonlySet<string> = new Set(['completion_tokens_details', 'cost', 'cost_details'])

/** Whether nothing of a report has to be changed, which is how it mostly is. */
function isSound(reported: Usage, counts: Usage, max: MaxTokens): boolean {
  for (const name in reported) {
    const value = reported[name]
    if (COUNTS.has(name)) {
      if (value !== counts[name]) return false
    } else if (isFields(value)) {
      for (const inner in value) if (!isSensible(inner, value[inner], counts.total_tokens, max)) return false
    } else if (!isSensible(name, value, counts.total_tokens, max)) return false
  }
  return true
}

/** The fields of a report beside its counts. */
function furtherOf(reported: Usage, { total_tokens: total }: Usage, max: MaxTokens, isReported: boolean) {
  const further: Record<string, unknown> = {}
  for (const name in reported) {
    if (COUNTS.has(name) || (!isReported && WHOLE_ANSWER_FIELDS.has(name))) continue
    const value = reported[name]
    if (isFields(value)) further[name] = sensibleOf(value, total, max)
    else if (isSensible(name, value, total, max)) further[name] = value
  }
  return further
}

/** Lists, and what lies deeper, are only shown to the client, and JSON cannot hold NaN or infinity. */
function sensibleOf(fields: Readonly<Record<string, unknown>>, total: number, max: MaxTokens): object {
  return Object.fromEntries(Object.entries(fields).filter(([name, value]) => isSensible(name, value, total, max)))
}

function isSensible(name: string, value: unknown, total: number, max: MaxTokens): boolean {
  if (typeof value !== 'number') return true
  if (name.includes('tokens')) return isCount(value, Math.max(max.prompt, max.completion))
  if (name.includes('cost')) return isCount(value, total * MAX_DOLLARS_PER_TOKEN + MAX_DOLLARS_FOR_TOOLS)
  return isCount(value, Number.MAX_VALUE)
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
