import * as z from 'zod'

// What the Open Responses specification requires of every response, whatever the model; stricter than OpenAI's own document.
const count = z.int().nonnegative()
const text = z.string()
const annotations = z.array(z.looseObject({ type: text }))

const part = z.discriminatedUnion('type', [
  z.object({ type: z.literal('output_text'), text, annotations }),
  z.object({ type: z.literal('refusal'), refusal: text }),
])

const status = z.enum(['in_progress', 'completed', 'incomplete'])

const item = z.discriminatedUnion('type', [
  z.object({ type: z.literal('message'), id: text, status, role: z.literal('assistant'), content: z.array(part) }),
  z.object({ type: z.literal('function_call'), id: text, call_id: text, name: text, arguments: text, status }),
  z.object({
    type: z.literal('reasoning'),
    id: text,
    summary: z.array(z.object({ type: z.literal('summary_text'), text })),
    content: z.array(z.object({ type: z.literal('reasoning_text'), text })).optional(),
    encrypted_content: text.nullish(),
  }),
])

const tool = z.object({
  type: z.literal('function'),
  name: text,
  description: text.nullable(),
  parameters: z.looseObject({}).nullable(),
  strict: z.boolean().nullable(),
})

const response = z.object({
  id: text.min(1),
  object: z.literal('response'),
  created_at: count,
  completed_at: count.nullable(),
  status: z.enum(['in_progress', 'completed', 'incomplete', 'failed']),
  incomplete_details: z.object({ reason: text }).nullable(),
  model: text.min(1),
  previous_response_id: text.nullable(),
  instructions: text.nullable(),
  output: z.array(item),
  error: z.object({ code: text, message: text }).nullable(),
  tools: z.array(tool),
  tool_choice: z.union([z.enum(['none', 'auto', 'required']), z.looseObject({ type: text })]),
  truncation: z.enum(['auto', 'disabled']),
  parallel_tool_calls: z.boolean(),
  text: z.object({ format: z.looseObject({ type: text }) }),
  top_p: z.number(),
  presence_penalty: z.number(),
  frequency_penalty: z.number(),
  top_logprobs: count,
  temperature: z.number(),
  reasoning: z.object({ effort: text.nullable(), summary: text.nullable() }).nullable(),
  usage: z
    .object({
      input_tokens: count,
      output_tokens: count,
      total_tokens: count,
      input_tokens_details: z.object({ cached_tokens: count }),
      output_tokens_details: z.object({ reasoning_tokens: count }),
    })
    .nullable(),
  max_output_tokens: count.nullable(),
  max_tool_calls: count.nullable(),
  store: z.boolean(),
  background: z.boolean(),
  service_tier: text,
  metadata: z.looseObject({}),
  safety_identifier: text.nullable(),
  prompt_cache_key: text.nullable(),
})

/** What breaks the Open Responses specification in a response; nothing where it holds. */
export function openResponsesProblems(value: unknown): string[] {
  const found = response.safeParse(value)
  return found.success ? [] : found.error.issues.map(({ path, message }) => `${path.map(String).join('.')}: ${message}`)
}
