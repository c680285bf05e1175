import * as z from 'zod/mini'
import { checkFields } from './schema-faults.ts'
import { anyMap, boundedList, mapOf, needing, once, openObject } from './schema-parts.ts'

/**
 * The schema of a chat request (docs/chat-completions.md; contract 8). A field that we do not know passes, because a provider
 * may know it. OpenAI's optional fields also take `null` for absent, as OpenAI itself does.
 */

const text = once(() => z.string())
const maybeText = once(() => z.nullish(text()))
const maybeBoolean = once(() => z.nullish(z.boolean()))
const maybeFields = once(() => z.nullish(anyMap()))
const maybePrice = once(() => z.nullish(z.number().check(z.minimum(0))))
const maybeCount = once(() => z.nullish(z.number().check(z.int(), z.minimum(1))))
const maybePenalty = once(() => z.nullish(z.number().check(z.minimum(-2), z.maximum(2))))
const number = once(() => z.number())
const strings = once(() => boundedList(text, { max: MAX_STRINGS }))
/** Names in routing preferences. Each is compared with every target. */
const maybeNames = once(() => z.nullish(boundedList(text, { max: 20 })))

/**
 * Bounds that no honest client reaches: the largest context windows hold so many messages only if each is a few words. Work on
 * a list is linear, and the longest list must not make other requests wait.
 */
const MAX_MESSAGES = 10_000
/** In one message. */
const MAX_PARTS = 10_000
const MAX_CALLS = 1000
const MAX_TOOLS = 2000
const MAX_STRINGS = 1000

/** One part of a message's content. Other types pass, because an OpenAI-compatible provider may know them. */
const part = once(() =>
  needing(
    openObject({
      type: text(),
      text: z.optional(text()),
      image_url: z.optional(openObject({ url: text() })),
      input_audio: z.optional(openObject({ data: text(), format: text() })),
      file: z.optional(
        openObject({
          file_data: maybeText(),
          file_id: maybeText(),
          filename: maybeText(),
        }),
      ),
      refusal: z.optional(text()),
    }),
    {
      text: ['text'],
      image_url: ['image_url'],
      input_audio: ['input_audio'],
      file: ['file'],
      refusal: ['refusal'],
    },
  ),
)

const CONTENT = ['content']

const functionCall = once(() => openObject({ name: text(), arguments: text() }))
const toolCall = once(() =>
  needing(
    openObject({
      id: text(),
      type: z.optional(text()),
      function: z.optional(functionCall()),
      custom: z.optional(openObject({ name: text(), input: text() })),
    }),
    { custom: ['custom'] },
    { others: ['function'] },
  ),
)

const reasoningDetail = once(() => openObject({ type: text() }))
const oldFunction = once(() => openObject({ name: text() }))

const message = once(() =>
  needing(
    openObject({
      role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
      content: z.nullish(
        z.union([text(), boundedList(part, { max: MAX_PARTS })], {
          error: 'must be a string or an array of content parts',
        }),
      ),
      name: maybeText(),
      tool_calls: z.nullish(boundedList(toolCall, { max: MAX_CALLS })),
      tool_call_id: maybeText(),
      function_call: z.nullish(functionCall()),
      refusal: maybeText(),
      reasoning_content: maybeText(),
      reasoning: maybeText(),
      reasoning_details: z.nullish(boundedList(reasoningDetail, { max: MAX_PARTS })),
    }),
    // Only an assistant may have no content, beside its tool calls.
    {
      system: CONTENT,
      developer: CONTENT,
      user: CONTENT,
      tool: ['content', 'tool_call_id'],
      function: ['content', 'name'],
    },
    { by: 'role' },
  ),
)

/** Whether it is a text of somebody, as most messages are, and nothing else. */
function isPlainMessage(element: unknown): boolean {
  if (typeof element !== 'object' || element === null) return false
  for (const name in element) if (name !== 'role' && name !== 'content') return false
  const { role, content } = element as Readonly<Record<string, unknown>>
  return typeof content === 'string' && (role === 'user' || role === 'assistant' || role === 'system')
}

const tool = once(() =>
  needing(
    openObject({
      type: text(),
      function: z.optional(
        openObject({
          name: text(),
          description: maybeText(),
          parameters: maybeFields(),
          strict: maybeBoolean(),
        }),
      ),
      custom: z.optional(openObject({ name: text(), description: maybeText() })),
    }),
    { function: ['function'], custom: ['custom'] },
  ),
)

const namedChoice = once(() =>
  needing(openObject({ type: text(), function: z.optional(openObject({ name: text() })) }), { function: ['function'] }),
)

const responseFormat = once(() =>
  needing(
    openObject({
      type: text(),
      json_schema: z.optional(
        openObject({
          name: z.optional(text()),
          description: maybeText(),
          schema: maybeFields(),
          strict: maybeBoolean(),
        }),
      ),
    }),
    { json_schema: ['json_schema'] },
  ),
)

const preferences = once(() =>
  openObject({
    order: maybeNames(),
    only: maybeNames(),
    ignore: maybeNames(),
    allow_fallbacks: maybeBoolean(),
    require_parameters: maybeBoolean(),
    hedge: maybeBoolean(),
    sort: z.nullish(z.enum(['price', 'throughput', 'latency'])),
    max_price: z.nullish(
      openObject({
        prompt: maybePrice(),
        completion: maybePrice(),
      }),
    ),
  }),
)

const routing = {
  models: maybeNames,
  provider: once(() => z.nullish(preferences())),
}

/** A schema for each field of a request, in the order in which they are checked. */
const fields = {
  model: once(() => text().check(z.minLength(1))),
  messages: once(() => boundedList(message, { min: 1, max: MAX_MESSAGES, isPlain: isPlainMessage })),
  stream: maybeBoolean,
  stream_options: once(() => z.nullish(openObject({ include_usage: maybeBoolean() }))),
  temperature: once(() => z.nullish(z.number().check(z.minimum(0), z.maximum(2)))),
  top_p: once(() => z.nullish(z.number().check(z.minimum(0), z.maximum(1)))),
  top_k: maybePrice,
  max_tokens: maybeCount,
  max_completion_tokens: maybeCount,
  n: once(() => z.nullish(z.number().check(z.int(), z.minimum(1), z.maximum(128)))),
  stop: once(() => z.nullish(z.union([text(), strings()], { error: 'must be a string or an array of strings' }))),
  seed: once(() => z.nullish(z.number().check(z.int()))),
  presence_penalty: maybePenalty,
  frequency_penalty: maybePenalty,
  logit_bias: once(() => z.nullish(mapOf(number))),
  logprobs: maybeBoolean,
  top_logprobs: once(() => z.nullish(z.number().check(z.int(), z.minimum(0), z.maximum(20)))),
  tools: once(() => z.nullish(boundedList(tool, { max: MAX_TOOLS }))),
  tool_choice: once(() =>
    z.nullish(
      z.union([z.enum(['none', 'auto', 'required']), namedChoice()], {
        error: 'must be "none", "auto", "required" or an object that names a tool',
      }),
    ),
  ),
  parallel_tool_calls: maybeBoolean,
  functions: once(() => z.nullish(boundedList(oldFunction, { max: MAX_TOOLS }))),
  response_format: once(() => z.nullish(responseFormat())),
  reasoning_effort: once(() => z.nullish(z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']))),
  modalities: once(() => z.nullish(strings())),
  user: maybeText,
  metadata: maybeFields,
  service_tier: maybeText,
  ...routing,
}
type Fields = typeof fields

/** A chat request that has passed the schema. Further fields are kept, as `unknown`. */
export type Chat = z.infer<z.ZodMiniObject<{ [Name in keyof Fields]: ReturnType<Fields[Name]> }, z.core.$loose>>
export type Message = Chat['messages'][number]
export type Part = Exclude<Message['content'], string | null | undefined>[number]
export type Tool = NonNullable<Chat['tools']>[number]
export type ToolCall = NonNullable<Message['tool_calls']>[number]

const KEEPS_DIGITS: ReadonlySet<string> = new Set<keyof Fields>(['messages', 'tools', 'functions', 'response_format'])

/** Whether a field of the body keeps the digits of its numbers, because it goes to a provider. Router9 reads the others itself. */
export function keepsDigits(field: string): boolean {
  return KEEPS_DIGITS.has(field) || !Object.hasOwn(fields, field)
}

/** Fields of the body that are for Router9 and reach no provider (contract 8). */
export const ROUTING_FIELDS: readonly string[] = Object.keys(routing)
/** The same, and the name of the session (routing 2.7), which the APIs of single providers do not know. */
export const GATEWAY_FIELDS: readonly string[] = [...ROUTING_FIELDS, 'session_id']

/**
 * Checks a parsed body against the schema. The value returned is the body itself, not a copy.
 * @throws Failure `missing-parameter` or `invalid-value`, its `param` the path of the first fault.
 */
export function parseChat(body: Readonly<Record<string, unknown>>): Chat {
  checkFields(body, SCHEMAS, REQUIRED)
  return body as Chat
}

/** Fields that are checked, with their schemas. */
export const SCHEMAS = Object.entries(fields)
export const REQUIRED: ReadonlySet<string> = new Set<keyof Fields>(['model', 'messages'])
