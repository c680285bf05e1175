import { Failure } from '../../chat/failure.ts'
import {
  anyMap,
  boolean,
  byType,
  either,
  list,
  maybe,
  needs,
  object,
  oneOf,
  optional,
  type Schema,
  text,
  wholeNumber,
} from '../../chat/schema.ts'
import { checkFields } from '../../chat/schema-faults.ts'
import type { JsonObject } from '../shared/fields.ts'

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

const maybeText = maybe(text)

/** Where the bytes or words of an image or a document stand. */
const source = object(
  {
    type: text,
    data: optional(text),
    media_type: optional(text),
    url: optional(text),
    file_id: optional(text),
  },
  needs({ base64: ['data', 'media_type'], text: ['data'], url: ['url'], file: ['file_id'] }),
)

const textBlock = object({ type: text, text })
const media = object({ type: text, source, title: maybeText })
const searchResult = object({ type: text, source: text, title: text, content: list(textBlock, { max: MAX_BLOCKS }) })
const toolReference = object({ type: text, tool_name: text })

/** The blocks that we read, by type. */
const CONTENT = { text: textBlock, image: media, document: media, search_result: searchResult }
const INNER_BLOCKS = { ...CONTENT, tool_reference: toolReference }
const BLOCKS = {
  ...CONTENT,
  thinking: object({ type: text, thinking: text, signature: maybeText }),
  redacted_thinking: object({ type: text, data: text }),
  tool_use: object({ type: text, id: text, name: text, input: anyMap }),
  tool_result: object({ type: text, tool_use_id: text, content: optional(contentOf(INNER_BLOCKS)) }),
}

/** A text, or blocks that are checked by their types. */
function contentOf(blocks: Readonly<Record<string, Schema<unknown>>>) {
  const known = list(byType(blocks), { max: MAX_BLOCKS })
  return either(text, known, 'a string or an array of content blocks')
}

const messageContent = contentOf(BLOCKS)
const message = object({ role: oneOf('user', 'assistant', 'system'), content: messageContent })

const tool = object(
  {
    type: maybeText,
    name: optional(text),
    description: maybeText,
    input_schema: optional(anyMap),
    strict: maybe(boolean),
  },
  needs({ custom: ['name', 'input_schema'] }, ({ type }) => type ?? 'custom'),
)

const outputFormat = object({ type: text, schema: optional(anyMap) }, needs({ json_schema: ['schema'] }))

const SCHEMAS: Parameters<typeof checkFields>[1] = Object.entries({
  messages: list(message, { min: 1, max: MAX_MESSAGES }),
  system: maybe(contentOf({ text: textBlock })),
  tools: maybe(list(tool, { max: MAX_TOOLS })),
  tool_choice: maybe(
    object(
      {
        type: oneOf('auto', 'any', 'tool', 'none'),
        name: optional(text),
        disable_parallel_tool_use: maybe(boolean),
      },
      needs({ tool: ['name'] }),
    ),
  ),
  thinking: maybe(
    object(
      {
        type: text,
        budget_tokens: optional(wholeNumber({ min: 1 })),
      },
      needs({ enabled: ['budget_tokens'] }),
    ),
  ),
  stop_sequences: maybe(list(text, { max: MAX_STRINGS })),
  metadata: maybe(object({ user_id: maybeText })),
  output_config: maybe(object({ effort: maybeText, format: maybe(outputFormat) })),
  output_format: maybe(outputFormat),
})
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
