import type { FinishReason } from '../../chat/event.ts'

/** The finish reasons of OpenAI and of those who copy it, some with words of other APIs. Others are taken for `stop`. */
export const FINISH_REASONS: ReadonlyMap<string, FinishReason> = new Map(
  Object.entries({
    stop: 'stop',
    eos: 'stop',
    end_turn: 'stop',
    stop_sequence: 'stop',
    length: 'length',
    max_tokens: 'length',
    model_length: 'length',
    tool_calls: 'tool_calls',
    tool_use: 'tool_calls',
    function_call: 'function_call',
    content_filter: 'content_filter',
    sensitive: 'content_filter',
    refusal: 'content_filter',
    safety: 'content_filter',
    recitation: 'content_filter',
  } as const),
)

/** Finish reasons with which a provider ends an answer that it could not finish. */
export const BROKEN_FINISHES: ReadonlySet<string> = new Set([
  'error',
  'network_error',
  'insufficient_system_resource',
  'abort',
])
