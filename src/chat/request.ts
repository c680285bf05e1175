import {
  anyMap,
  boolean,
  type CheckedObject,
  either,
  lacks,
  list,
  mapOf,
  maybe,
  name,
  needs,
  number,
  object,
  oneOf,
  optional,
  text,
  wholeNumber,
} from './schema.ts'
import { checkFields } from './schema-faults.ts'

/**
 * The schema of a chat request (docs/chat-completions.md; contract 8). A field that we do not know passes, because a provider
 * may know it. OpenAI's optional fields also take `null` for absent, as OpenAI itself does.
 */

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

const maybeText = maybe(text)
const maybeBoolean = maybe(boolean)
const maybeFields = maybe(anyMap)
const maybePrice = maybe(number({ min: 0 }))
const maybeCount = maybe(wholeNumber({ min: 1 }))
const maybePenalty = maybe(number({ min: -2, max: 2 }))
const strings = list(text, { max: MAX_STRINGS })
/** Names in routing preferences. Each is compared with every target. */
const maybeNames = maybe(list(text, { max: 20 }))

const partMembers = needs({
  text: ['text'],
  image_url: ['image_url'],
  input_audio: ['input_audio'],
  file: ['file'],
  refusal: ['refusal'],
})

/** One part of a message's content. Other types pass, because an OpenAI-compatible provider may know them. */
const part = object(
  {
    type: text,
    text: optional(text),
    image_url: optional(object({ url: text })),
    input_audio: optional(object({ data: text, format: text })),
    file: optional(
      object({
        file_data: maybeText,
        file_id: maybeText,
        filename: maybeText,
      }),
    ),
    refusal: optional(text),
  },
  partMembers,
)

const functionCall = object({ name: text, arguments: text })
const toolCall = object(
  {
    id: text,
    type: optional(text),
    function: optional(functionCall),
    custom: optional(object({ name: text, input: text })),
  },
  (call) => {
    const member = call.type === 'custom' ? 'custom' : 'function'
    return call[member] === undefined ? lacks(member) : undefined
  },
)

const reasoningDetail = object({ type: text })
const oldFunction = object({ name: text })

const message = object(
  {
    role: oneOf('system', 'developer', 'user', 'assistant', 'tool', 'function'),
    content: maybe(either(text, list(part, { max: MAX_PARTS }), 'a string or an array of content parts')),
    name: maybeText,
    tool_calls: maybe(list(toolCall, { max: MAX_CALLS })),
    tool_call_id: maybeText,
    function_call: maybe(functionCall),
    refusal: maybeText,
    reasoning_content: maybeText,
    reasoning: maybeText,
    reasoning_details: maybe(list(reasoningDetail, { max: MAX_PARTS })),
  },
  ({ role, content, tool_call_id, name }) => {
    // Only an assistant may have no content, beside its tool calls.
    if (role !== 'assistant' && (content === undefined || content === null)) return lacks('content')
    if (role === 'tool' && typeof tool_call_id !== 'string') return lacks('tool_call_id')
    return role === 'function' && typeof name !== 'string' ? lacks('name') : undefined
  },
)

const tool = object(
  {
    type: text,
    function: optional(
      object({
        name: text,
        description: maybeText,
        parameters: maybeFields,
        strict: maybeBoolean,
      }),
    ),
    custom: optional(object({ name: text, description: maybeText })),
  },
  needs({ function: ['function'], custom: ['custom'] }),
)

const namedChoice = object(
  { type: text, function: optional(object({ name: text })) },
  needs({ function: ['function'] }),
)

const responseFormat = object(
  {
    type: text,
    json_schema: optional(
      object({
        name: optional(text),
        description: maybeText,
        schema: maybeFields,
        strict: maybeBoolean,
      }),
    ),
  },
  needs({ json_schema: ['json_schema'] }),
)

const preferences = object({
  order: maybeNames,
  only: maybeNames,
  ignore: maybeNames,
  allow_fallbacks: maybeBoolean,
  require_parameters: maybeBoolean,
  sort: maybe(oneOf('price', 'throughput', 'latency')),
  max_price: maybe(
    object({
      prompt: maybePrice,
      completion: maybePrice,
    }),
  ),
})

const routing = {
  models: maybeNames,
  provider: maybe(preferences),
}

/** A schema for each field of a request, in the order in which they are checked. */
const fields = {
  model: name,
  messages: list(message, { min: 1, max: MAX_MESSAGES }),
  stream: maybeBoolean,
  stream_options: maybe(object({ include_usage: maybeBoolean })),
  temperature: maybe(number({ min: 0, max: 2 })),
  top_p: maybe(number({ min: 0, max: 1 })),
  top_k: maybePrice,
  max_tokens: maybeCount,
  max_completion_tokens: maybeCount,
  n: maybe(wholeNumber({ min: 1, max: 128 })),
  stop: maybe(either(text, strings, 'a string or an array of strings')),
  seed: maybe(wholeNumber()),
  presence_penalty: maybePenalty,
  frequency_penalty: maybePenalty,
  logit_bias: maybe(mapOf(number())),
  logprobs: maybeBoolean,
  top_logprobs: maybe(wholeNumber({ min: 0, max: 20 })),
  tools: maybe(list(tool, { max: MAX_TOOLS })),
  tool_choice: maybe(
    either(oneOf('none', 'auto', 'required'), namedChoice, '"none", "auto", "required" or an object that names a tool'),
  ),
  parallel_tool_calls: maybeBoolean,
  functions: maybe(list(oldFunction, { max: MAX_TOOLS })),
  response_format: maybe(responseFormat),
  reasoning_effort: maybe(oneOf('none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max')),
  modalities: maybe(strings),
  user: maybeText,
  metadata: maybeFields,
  service_tier: maybeText,
  ...routing,
}
type Fields = typeof fields

/** A chat request that has passed the schema. Further fields are kept, as `unknown`. */
export type Chat = CheckedObject<Fields>
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

/**
 * Checks a parsed body against the schema. The value returned is the body itself, not a copy.
 * @throws Failure `missing-parameter` or `invalid-value`, its `param` the path of the first fault.
 */
export function parseChat(body: Readonly<Record<string, unknown>>): Chat {
  checkFields(body, SCHEMAS, REQUIRED)
  return body as Chat
}

const SCHEMAS = Object.entries(fields)
const REQUIRED: ReadonlySet<string> = new Set<keyof Fields>(['model', 'messages'])
