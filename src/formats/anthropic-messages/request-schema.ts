import * as z from 'zod/mini'
import { Failure } from '../../chat/failure.ts'
import { checkFields } from '../../chat/schema-faults.ts'
import { anyMap, boundedList, needing, once, openObject, shaped } from '../../chat/schema-parts.ts'
import { isJsonObject, type JsonObject } from '../shared/fields.ts'

/** The schema of a request of the Messages API (platform.claude.com, "Messages"). Fields that we do not know pass. */

/** A content block, of a type that we may not know. */
export interface Block extends JsonObject {
  readonly type: string
}

export interface MessageParam extends JsonObject {
  readonly role: 'user' | 'assistant' | 'system'
  readonly content: string | readonly Block[]
}

/** A tool as the client declares it; `type` is that of one that Anthropic defines. */
export interface ToolParam extends JsonObject {
  readonly type?: string | null
  readonly name?: string
  readonly description?: string | null
  readonly input_schema?: Record<string, unknown>
}

/** What the schema has checked. */
export interface MessagesBody extends JsonObject {
  readonly messages: readonly MessageParam[]
  readonly system?: string | readonly Block[] | null
  readonly tools?: readonly ToolParam[] | null
  readonly tool_choice?: { type: string; name?: string; disable_parallel_tool_use?: boolean | null } | null
  readonly thinking?: { readonly type: string; readonly budget_tokens?: number; readonly display?: unknown } | null
  readonly stop_sequences?: string[] | null
  readonly metadata?: { readonly user_id?: string | null } | null
}

/** Bounds that no honest client reaches. */
const MAX_MESSAGES = 10_000
const MAX_BLOCKS = 10_000
const MAX_TOOLS = 2000
const MAX_STRINGS = 1000

const text = once(() => z.string())
const maybeText = once(() => z.nullish(text()))

/** Where the bytes or words of an image or a document stand. */
const source = once(() =>
  needing(
    openObject({
      type: text(),
      data: z.optional(text()),
      media_type: z.optional(text()),
      url: z.optional(text()),
      file_id: z.optional(text()),
    }),
    { base64: ['data', 'media_type'], text: ['data'], url: ['url'], file: ['file_id'] },
  ),
)

const anyBlock = once(() => openObject({ type: text() }))
const textBlock = once(() => openObject({ type: text(), text: text() }))
const media = once(() => openObject({ type: text(), source: source(), title: maybeText() }))
const searchResult = once(() =>
  openObject({ type: text(), source: text(), title: text(), content: boundedList(textBlock, { max: MAX_BLOCKS }) }),
)
const toolReference = once(() => openObject({ type: text(), tool_name: text() }))

/** The blocks that we read, by type. */
const CONTENT = { text: textBlock, image: media, document: media, search_result: searchResult }
const INNER_BLOCKS = { ...CONTENT, tool_reference: toolReference }
const BLOCKS = {
  ...CONTENT,
  thinking: once(() => openObject({ type: text(), thinking: text(), signature: maybeText() })),
  redacted_thinking: once(() => openObject({ type: text(), data: text() })),
  tool_use: once(() => openObject({ type: text(), id: text(), name: text(), input: anyMap() })),
  tool_result: once(() =>
    openObject({ type: text(), tool_use_id: text(), content: z.optional(contentOf(INNER_BLOCKS)()) }),
  ),
}

/** The list's own schema, which names the first fault within the block that was meant. */
function contentOf(blocks: Readonly<Record<string, () => z.core.$ZodType>>) {
  const one = once(() => {
    const block = z.custom<Block>().check(({ value, issues }) => {
      const type = isJsonObject(value) ? value.type : undefined
      const schema = typeof type === 'string' && Object.hasOwn(blocks, type) ? blocks[type] : anyBlock
      const [first] = z.safeParse((schema ?? anyBlock)(), value).error?.issues ?? []
      if (first !== undefined) issues.push({ ...first, input: value } as z.core.$ZodRawIssue)
    })
    return shaped(block, { types: blocks, otherwise: anyBlock })
  })
  return once(() =>
    z.union([text(), boundedList(one, { max: MAX_BLOCKS })], {
      error: 'must be a string or an array of content blocks',
    }),
  )
}

const messageContent = contentOf(BLOCKS)
const message = once(() => openObject({ role: z.enum(['user', 'assistant', 'system']), content: messageContent() }))

const tool = once(() =>
  needing(
    openObject({
      type: maybeText(),
      name: z.optional(text()),
      description: maybeText(),
      input_schema: z.optional(anyMap()),
      strict: z.nullish(z.boolean()),
    }),
    { custom: ['name', 'input_schema'] },
    { usual: 'custom' },
  ),
)

/** Fields that are checked here, with their schemas. */
export const SCHEMAS: Parameters<typeof checkFields>[1] = Object.entries({
  messages: once(() => boundedList(message, { min: 1, max: MAX_MESSAGES })),
  system: once(() => z.nullish(contentOf({ text: textBlock })())),
  tools: once(() => z.nullish(boundedList(tool, { max: MAX_TOOLS }))),
  tool_choice: once(() =>
    z.nullish(
      needing(
        openObject({
          type: z.enum(['auto', 'any', 'tool', 'none']),
          name: z.optional(text()),
          disable_parallel_tool_use: z.nullish(z.boolean()),
        }),
        { tool: ['name'] },
      ),
    ),
  ),
  thinking: once(() =>
    z.nullish(
      needing(
        openObject({
          type: text(),
          budget_tokens: z.optional(z.number().check(z.int(), z.minimum(1))),
        }),
        { enabled: ['budget_tokens'] },
      ),
    ),
  ),
  stop_sequences: once(() => z.nullish(boundedList(text, { max: MAX_STRINGS }))),
  metadata: once(() => z.nullish(openObject({ user_id: maybeText() }))),
  output_config: once(() => z.nullish(openObject({ effort: maybeText(), format: z.nullish(outputFormat()) }))),
  output_format: once(() => z.nullish(outputFormat())),
})
const outputFormat = once(() =>
  needing(openObject({ type: text(), schema: z.optional(anyMap()) }), { json_schema: ['schema'] }),
)
const REQUIRED: ReadonlySet<string> = new Set(['messages'])

/** @throws Failure whose `param` is the path of the first fault as this API writes it: `messages.1.content.0.text`. */
export function checkMessagesBody(body: JsonObject): MessagesBody {
  checkFields(body, SCHEMAS, REQUIRED)
  return body as MessagesBody
}

/** Runs what names fields as OpenAI does, and names them as this API does. */
export function withOwnPaths<Result>(read: () => Result): Result {
  try {
    return read()
  } catch (error) {
    throw error instanceof Failure ? error.inWordsOf((path) => path.replace(/\[(\d+)\]/g, '.$1')) : error
  }
}
