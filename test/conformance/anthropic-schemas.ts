import * as z from 'zod'
import { type JsonObject, textOf } from './json.ts'

// Fields that the SDK's types have as never absent, and that older servers leave out, may be absent; their types are kept.
const count = z.int().nonnegative()
const usage = z.object({
  input_tokens: count,
  output_tokens: count,
  cache_creation_input_tokens: count.nullish(),
  cache_read_input_tokens: count.nullish(),
  cache_creation: z.object({ ephemeral_5m_input_tokens: count, ephemeral_1h_input_tokens: count }).nullish(),
  output_tokens_details: z.object({ thinking_tokens: count }).nullish(),
  server_tool_use: z.object({ web_search_requests: count.optional(), web_fetch_requests: count.optional() }).nullish(),
  service_tier: z.string().nullish(),
  inference_geo: z.string().nullish(),
})

const STOP_REASONS = [
  'end_turn',
  'max_tokens',
  'stop_sequence',
  'tool_use',
  'pause_turn',
  'refusal',
  'model_context_window_exceeded',
] as const

const stop = {
  stop_reason: z.enum(STOP_REASONS).nullable(),
  stop_sequence: z.string().nullable(),
  stop_details: z.object({ type: z.literal('refusal'), explanation: z.string().nullish() }).nullish(),
  container: z.object({ id: z.string(), expires_at: z.string() }).nullish(),
}

const citation = z.object({ type: z.string(), cited_text: z.string() })
const caller = z.object({ type: z.string() }).optional()

const block = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string(), citations: z.array(citation).nullish() }),
  z.object({ type: z.literal('thinking'), thinking: z.string(), signature: z.string() }),
  z.object({ type: z.literal('redacted_thinking'), data: z.string() }),
  z.object({ type: z.literal('tool_use'), id: z.string(), name: z.string(), input: z.looseObject({}), caller }),
  z.object({ type: z.literal('server_tool_use'), id: z.string(), name: z.string(), input: z.looseObject({}), caller }),
  z.object({
    type: z.literal('mcp_tool_use'),
    id: z.string(),
    name: z.string(),
    server_name: z.string(),
    input: z.looseObject({}),
  }),
  z.object({
    type: z.enum([
      'web_search_tool_result',
      'web_fetch_tool_result',
      'code_execution_tool_result',
      'bash_code_execution_tool_result',
      'text_editor_code_execution_tool_result',
      'tool_search_tool_result',
      'mcp_tool_result',
      'advisor_tool_result',
    ]),
    tool_use_id: z.string(),
    content: z.unknown(),
  }),
  z.object({ type: z.literal('container_upload'), file_id: z.string() }),
  z.object({ type: z.literal('fallback') }),
  z.object({ type: z.literal('compaction'), content: z.string().nullish() }),
])

const message = z.object({
  id: z.string().min(1),
  type: z.literal('message'),
  role: z.literal('assistant'),
  model: z.string().min(1),
  content: z.array(block),
  ...stop,
  usage,
})

const index = z.int().nonnegative()

const event = z.discriminatedUnion('type', [
  z.object({ type: z.literal('message_start'), message }),
  z.object({ type: z.literal('content_block_start'), index, content_block: block }),
  z.object({
    type: z.literal('content_block_delta'),
    index,
    delta: z.discriminatedUnion('type', [
      z.object({ type: z.literal('text_delta'), text: z.string() }),
      z.object({ type: z.literal('thinking_delta'), thinking: z.string() }),
      z.object({ type: z.literal('signature_delta'), signature: z.string() }),
      z.object({ type: z.literal('input_json_delta'), partial_json: z.string() }),
      z.object({ type: z.literal('citations_delta'), citation }),
      z.object({ type: z.literal('compaction_delta'), content: z.string().nullish() }),
    ]),
  }),
  z.object({ type: z.literal('content_block_stop'), index }),
  z.object({
    type: z.literal('message_delta'),
    delta: z.object(stop),
    usage: usage.partial().required({ output_tokens: true }).extend({ input_tokens: count.nullish() }),
  }),
  z.object({ type: z.literal('message_stop') }),
  z.object({ type: z.literal('ping') }),
  z.object({ type: z.literal('error'), error: z.object({ type: z.string(), message: z.string() }) }),
])

const error = z.object({
  type: z.literal('error'),
  error: z.object({ type: z.string(), message: z.string() }),
  request_id: z.string().nullish(),
})

const SCHEMAS = { message, event, error, tokens: z.object({ input_tokens: count }) }

/** What breaks the official client's type of that name; nothing where it holds. */
export function anthropicProblems(name: keyof typeof SCHEMAS, value: unknown): string[] {
  const found = SCHEMAS[name].safeParse(value)
  if (found.success) return []
  const kind = name === 'event' ? textOf((value as JsonObject | null)?.type) : name
  return found.error.issues.map(({ path, message }) => `${kind} ${path.map(String).join('.')}: ${message}`)
}
