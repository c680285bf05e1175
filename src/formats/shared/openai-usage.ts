import { toUsage, type Usage } from '../../chat/event.ts'
import { isJsonObject, type JsonObject, omitEmpty, toCount } from '../shared/fields.ts'

/**
 * Reads usage in the words of either of OpenAI's APIs, so that the total is the sum. What a provider counts in its total
 * only (xAI's reasoning, Google's thoughts) belongs to the completion; cached tokens are put where OpenAI has them.
 */
export function readUsage(usage: JsonObject): Usage {
  const { prompt_tokens_details, input_tokens_details, completion_tokens_details, output_tokens_details } = usage
  const prompt = toCount(usage.prompt_tokens) || toCount(usage.input_tokens)
  const reported = toCount(usage.completion_tokens) || toCount(usage.output_tokens)
  // A total alone does not tell prompt from completion.
  const completion = prompt === 0 ? reported : Math.max(reported, toCount(usage.total_tokens) - prompt)
  const promptDetails = firstObject(prompt_tokens_details, input_tokens_details) ?? {}
  const completionDetails = firstObject(completion_tokens_details, output_tokens_details)
  const cached =
    toCount(promptDetails.cached_tokens) || toCount(usage.prompt_cache_hit_tokens) || toCount(usage.cached_tokens)
  return toUsage(prompt, completion, {
    ...omitEmpty(usage),
    ...(cached === 0 ? {} : { prompt_tokens_details: { ...promptDetails, cached_tokens: cached } }),
    ...(completionDetails && { completion_tokens_details: completionDetails }),
  })
}

function firstObject(...values: readonly unknown[]): JsonObject | undefined {
  return values.find(isJsonObject)
}
