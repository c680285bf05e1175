import * as z from 'zod/mini'
import { parseChat, ROUTING_FIELDS } from '../../chat/request.ts'
import { checkFields, MISSING } from '../../chat/schema-faults.ts'
import { anyMap, boundedList, once, openObject, shaped } from '../../chat/schema-parts.ts'
import { isJsonObject } from '../shared/fields.ts'

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

const text = once(() => z.string())
const maybeText = once(() => z.nullish(text()))
const maybeBoolean = once(() => z.nullish(z.boolean()))
const maybeCount = once(() => z.nullish(z.number().check(z.int(), z.minimum(1))))
const name = once(() => text().check(z.minLength(1)))

type Members = Readonly<Record<string, unknown>>
type AnySchema = () => z.ZodMiniType

/** An object that is checked by the schema of its type; an object of another type passes. @param usual the type of one that has none. */
function byType(schemas: Readonly<Record<string, AnySchema>>, typeOf: (value: Members) => unknown, usual?: string) {
  const schema = z.custom<Members>().check(({ value, issues }) => {
    const type = isJsonObject(value) && !JSON.isRawJSON(value) ? typeOf(value) : undefined
    if (typeof type !== 'string') {
      if (isJsonObject(value))
        issues.push({ code: 'invalid_type', expected: 'string', input: undefined, path: ['type'] })
      else issues.push({ code: 'invalid_type', expected: 'object', input: value })
      return
    }
    const own = Object.hasOwn(schemas, type) ? schemas[type] : undefined
    const [first] = own?.().safeParse(value).error?.issues ?? []
    if (first !== undefined) issues.push({ ...first, input: value } as z.core.$ZodRawIssue)
  })
  return shaped(schema, { types: schemas, usual })
}

/** An object that has one of some members. */
function needsOneOf(first: string, ...others: readonly string[]): AnySchema {
  const names = [first, ...others]
  return once(() => {
    const members = Object.fromEntries(names.map((member) => [member, maybeText()]))
    const schema = openObject({ ...members, detail: maybeText(), filename: maybeText() }).check(({ value, issues }) => {
      if (names.some((member) => value[member] !== undefined && value[member] !== null)) return
      issues.push({ code: 'custom', input: undefined, path: [first], message: MISSING })
    })
    return shaped(schema, { oneOf: names })
  })
}

const textPart = once(() => openObject({ text: text() }))

const PARTS: Readonly<Record<string, AnySchema>> = {
  input_text: textPart,
  output_text: textPart,
  text: textPart,
  summary_text: textPart,
  reasoning_text: textPart,
  refusal: once(() => openObject({ refusal: text() })),
  input_image: needsOneOf('image_url', 'file_id'),
  input_file: needsOneOf('file_data', 'file_id', 'file_url'),
  input_audio: once(() => openObject({ input_audio: openObject({ data: text(), format: text() }) })),
}

const part = once(() => byType(PARTS, ({ type }) => type))
const parts = once(() => boundedList(part, { max: MAX_PARTS }))
const content = once(() => z.union([text(), parts()], { error: 'must be a string or an array of content parts' }))
const output = once(() => openObject({ call_id: text(), output: content() }))

const ITEMS: Readonly<Record<string, AnySchema>> = {
  message: once(() => openObject({ role: z.enum(['user', 'assistant', 'system', 'developer']), content: content() })),
  function_call: once(() => openObject({ call_id: text(), name: name(), arguments: text(), namespace: maybeText() })),
  function_call_output: output,
  custom_tool_call: once(() => openObject({ call_id: text(), name: name(), input: text(), namespace: maybeText() })),
  custom_tool_call_output: output,
  reasoning: once(() =>
    openObject({ encrypted_content: maybeText(), summary: z.nullish(parts()), content: z.nullish(parts()) }),
  ),
  item_reference: once(() => openObject({ id: text() })),
  tool_search_output: once(() => openObject({ tools: tools() })),
  additional_tools: once(() => openObject({ tools: tools() })),
}

/** Many clients leave out the type of a message. */
export function itemType({ type, role }: Members): unknown {
  return type ?? (role === undefined ? undefined : 'message')
}

const item = once(() => byType(ITEMS, itemType, 'message'))

const functionTool = once(() =>
  openObject({
    name: name(),
    description: maybeText(),
    parameters: z.nullish(anyMap()),
    strict: maybeBoolean(),
  }),
)
const customTool = once(() => openObject({ name: name(), description: maybeText(), format: z.nullish(anyMap()) }))
const FUNCTION_TOOLS = { function: functionTool, custom: customTool }
const innerTool = once(() => byType(FUNCTION_TOOLS, ({ type }) => type))
const TOOLS: Readonly<Record<string, AnySchema>> = {
  ...FUNCTION_TOOLS,
  namespace: once(() => openObject({ name: name(), tools: boundedList(innerTool, { min: 1, max: MAX_INNER_TOOLS }) })),
}
const tool = once(() => byType(TOOLS, ({ type }) => type))
const tools = once(() => boundedList(tool, { max: MAX_TOOLS }))
const map = once(() => anyMap())

const CHOICES: Readonly<Record<string, AnySchema>> = {
  function: once(() => openObject({ name: name() })),
  custom: once(() => openObject({ name: name() })),
  allowed_tools: once(() =>
    openObject({ mode: z.enum(['auto', 'required']), tools: boundedList(map, { max: MAX_INNER_TOOLS }) }),
  ),
}

const FORMATS: Readonly<Record<string, AnySchema>> = {
  json_schema: once(() =>
    openObject({ name: name(), description: maybeText(), schema: anyMap(), strict: maybeBoolean() }),
  ),
}

const fields: Readonly<Record<string, AnySchema>> = {
  input: once(() =>
    z.union([text(), boundedList(item, { max: MAX_ITEMS })], { error: 'must be a string or an array of items' }),
  ),
  instructions: maybeText,
  max_output_tokens: maybeCount,
  max_tool_calls: maybeCount,
  tools: once(() => z.nullish(tools())),
  tool_choice: once(() =>
    z.nullish(
      z.union([z.enum(['none', 'auto', 'required']), byType(CHOICES, ({ type }) => type)], {
        error: 'must be "none", "auto", "required" or an object that names a tool',
      }),
    ),
  ),
  reasoning: once(() =>
    z.nullish(
      openObject({
        effort: z.nullish(z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'])),
        summary: z.nullish(z.enum(['auto', 'concise', 'detailed'])),
        generate_summary: maybeText(),
      }),
    ),
  ),
  text: once(() =>
    z.nullish(openObject({ format: z.nullish(byType(FORMATS, ({ type }) => type)), verbosity: maybeText() })),
  ),
  include: once(() => z.nullish(boundedList(text, { max: MAX_INCLUDES }))),
  store: maybeBoolean,
  previous_response_id: maybeText,
  truncation: once(() => z.nullish(z.enum(['auto', 'disabled']))),
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

/** Fields that are checked here, with their schemas. */
export const SCHEMAS = Object.entries(fields)
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
