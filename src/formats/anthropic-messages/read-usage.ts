import { type ChatEvent, toUsage } from '../../chat/event.ts'
import { isJsonObject, toCount } from '../shared/fields.ts'
import type { UsageCounts } from './answer-state.ts'

const PROMPT_COUNTS = ['input_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens'] as const

/**
 * Token counts after one more report. Reports are cumulative, and a later one corrects an earlier one; but old streams
 * repeat only some of the counts, and others fill in zeros, so a report without a prompt leaves the prompt's counts alone.
 */
export function updateUsage(before: UsageCounts | undefined, reported: unknown): UsageCounts | undefined {
  if (!isJsonObject(reported)) return before
  const details = isJsonObject(reported.output_tokens_details) ? reported.output_tokens_details : {}
  const written = isJsonObject(reported.cache_creation) ? reported.cache_creation.ephemeral_1h_input_tokens : undefined
  const hasPrompt = PROMPT_COUNTS.some((name) => toCount(reported[name]) > 0)
  const promptCount = (name: (typeof PROMPT_COUNTS)[number], previous = 0) =>
    hasPrompt && typeof reported[name] === 'number' ? toCount(reported[name]) : previous
  return {
    input: promptCount('input_tokens', before?.input),
    cacheRead: promptCount('cache_read_input_tokens', before?.cacheRead),
    cacheWrite: promptCount('cache_creation_input_tokens', before?.cacheWrite),
    hourWrite: hasPrompt && written !== undefined ? toCount(written) : (before?.hourWrite ?? 0),
    output: toCount(reported.output_tokens) || (before?.output ?? 0),
    thinking: toCount(details.thinking_tokens) || (before?.thinking ?? 0),
  }
}

/** Anthropic counts cached tokens beside the prompt; OpenAI counts them within it (translation 1.3). */
export function usageEvents(counts: UsageCounts | undefined): ChatEvent[] {
  if (counts === undefined) return []
  const { input, cacheRead, cacheWrite, hourWrite, output, thinking } = counts
  const usage = toUsage(input + cacheRead + cacheWrite, output, {
    prompt_tokens_details: {
      cached_tokens: cacheRead,
      ...(cacheWrite > 0 ? { cache_write_tokens: cacheWrite } : {}),
      ...(hourWrite > 0 ? { cache_write_1h_tokens: hourWrite } : {}),
    },
    ...(thinking > 0 ? { completion_tokens_details: { reasoning_tokens: thinking } } : {}),
  })
  return [{ type: 'usage', usage }]
}
