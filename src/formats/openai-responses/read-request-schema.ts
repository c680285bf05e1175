import { parseChat, ROUTING_FIELDS } from '../../chat/request.ts'
import {
  anyMap,
  boolean,
  byType,
  either,
  lacks,
  list,
  maybe,
  name,
  object,
  oneOf,
  type Schema,
  text,
  wholeNumber,
} from '../../chat/schema.ts'
import { checkFields } from '../../chat/schema-faults.ts'

/**
 * The schema of a request (docs/responses.md). What it has in common with chats is checked as there. Fields, items, parts and
 * tools that we do not know pass, because a provider of this format may know them.
 */

const MAX_ITEMS = 10_000
const MAX_PARTS = 10_000
const MAX_TOOLS = 2000
/** In one namespace, and in a choice of tools. */
const MAX_INNER_TOOLS = 1000
const MAX_INCLUDES = 100

const maybeText = maybe(text)
const maybeBoolean = maybe(boolean)
const maybeCount = maybe(wholeNumber({ min: 1 }))

type Members = Readonly<Record<string, unknown>>
type Schemas = Readonly<Record<string, Schema<unknown>>>

/** An object that has one of some members. */
function needsOneOf(first: string, ...others: readonly string[]): Schema<unknown> {
  const names = [first, ...others]
  const members = Object.fromEntries([...names, 'detail', 'filename'].map((member) => [member, maybeText]))
  return object(members, (value) =>
    names.some((member) => value[member] !== undefined && value[member] !== null) ? undefined : lacks(first),
  )
}

const textPart = object({ text })

const PARTS: Schemas = {
  input_text: textPart,
  output_text: textPart,
  text: textPart,
  summary_text: textPart,
  reasoning_text: textPart,
  refusal: object({ refusal: text }),
  input_image: needsOneOf('image_url', 'file_id'),
  input_file: needsOneOf('file_data', 'file_id', 'file_url'),
  input_audio: object({ input_audio: object({ data: text, format: text }) }),
}

const part = byType(PARTS)
const parts = list(part, { max: MAX_PARTS })
const content = either(text, parts, 'a string or an array of content parts')
const output = object({ call_id: text, output: content })

/** Many clients leave out the type of a message. */
export function itemType({ type, role }: Members): unknown {
  return type ?? (role === undefined ? undefined : 'message')
}

const functionTool = object({
  name,
  description: maybeText,
  parameters: maybe(anyMap),
  strict: maybeBoolean,
})
const customTool = object({ name, description: maybeText, format: maybe(anyMap) })
const FUNCTION_TOOLS = { function: functionTool, custom: customTool }
const innerTool = byType(FUNCTION_TOOLS)
const TOOLS: Schemas = {
  ...FUNCTION_TOOLS,
  namespace: object({ name, tools: list(innerTool, { min: 1, max: MAX_INNER_TOOLS }) }),
}
const tool = byType(TOOLS)
const tools = list(tool, { max: MAX_TOOLS })

const ITEMS: Schemas = {
  message: object({ role: oneOf('user', 'assistant', 'system', 'developer'), content }),
  function_call: object({ call_id: text, name, arguments: text, namespace: maybeText }),
  function_call_output: output,
  custom_tool_call: object({ call_id: text, name, input: text, namespace: maybeText }),
  custom_tool_call_output: output,
  reasoning: object({ encrypted_content: maybeText, summary: maybe(parts), content: maybe(parts) }),
  item_reference: object({ id: text }),
  tool_search_output: object({ tools }),
  additional_tools: object({ tools }),
}

const item = byType(ITEMS, itemType)

const CHOICES: Schemas = {
  function: object({ name }),
  custom: object({ name }),
  allowed_tools: object({ mode: oneOf('auto', 'required'), tools: list(anyMap, { max: MAX_INNER_TOOLS }) }),
}

const FORMATS: Schemas = {
  json_schema: object({ name, description: maybeText, schema: anyMap, strict: maybeBoolean }),
}

const fields: Schemas = {
  input: either(text, list(item, { max: MAX_ITEMS }), 'a string or an array of items'),
  instructions: maybeText,
  max_output_tokens: maybeCount,
  max_tool_calls: maybeCount,
  tools: maybe(tools),
  tool_choice: maybe(
    either(
      oneOf('none', 'auto', 'required'),
      byType(CHOICES),
      '"none", "auto", "required" or an object that names a tool',
    ),
  ),
  reasoning: maybe(
    object({
      effort: maybe(oneOf('none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max')),
      summary: maybe(oneOf('auto', 'concise', 'detailed')),
      generate_summary: maybeText,
    }),
  ),
  text: maybe(object({ format: maybe(byType(FORMATS)), verbosity: maybeText })),
  include: maybe(list(text, { max: MAX_INCLUDES })),
  store: maybeBoolean,
  previous_response_id: maybeText,
  truncation: maybe(oneOf('auto', 'disabled')),
  background: maybeBoolean,
  prompt_cache_key: maybeText,
  safety_identifier: maybeText,
}

/** What means the same in a chat, and is checked as there. */
export const SHARED_FIELDS: readonly string[] = [
  'model',
  'stream',
  'temperature',
  'top_p',
  'top_logprobs',
  'parallel_tool_calls',
  'user',
  'metadata',
  'service_tier',
  ...ROUTING_FIELDS,
]

const SCHEMAS = Object.entries(fields)
/** Read here, or only repeated in the answer. */
const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  ...SHARED_FIELDS,
  ...Object.keys(fields),
  'conversation',
  'prompt',
  'prompt_cache_retention',
  'stream_options',
])
const REQUIRED: ReadonlySet<string> = new Set(['input'])
const ANY_MESSAGES = [{ role: 'user', content: '' }]

/** Whether other providers get a field in some form, or need it not. */
export function isKnownField(field: string): boolean {
  return KNOWN_FIELDS.has(field)
}

/** Checks a request. @throws Failure that names the first fault. */
export function checkRequest(body: Members): void {
  const shared: Record<string, unknown> = { messages: ANY_MESSAGES }
  for (const field of SHARED_FIELDS) if (body[field] !== undefined) shared[field] = body[field]
  parseChat(shared)
  checkFields(body, SCHEMAS, REQUIRED)
}
