import { Failure } from '../../chat/failure.ts'
import type { Chat, Message } from '../../chat/request.ts'
import type { ClientRequest, RequestInput, RequestSource } from '../format.ts'
import { isJsonObject, isPresent, type JsonObject, omitEmpty, omitNull } from '../shared/fields.ts'
import { readItems } from './read-items.ts'
import { checkRequest, isKnownField, SHARED_FIELDS } from './read-request-schema.ts'
import { readTools, refuseManyTools } from './read-request-tools.ts'
import { createPathOf } from './write-error.ts'

/** The name of this format, on both sides. */
export const OPENAI_RESPONSES = 'openai-responses'

/** What only OpenAI can do, because it keeps something for later. */
const REFUSED = ['background', 'conversation', 'prompt']

/** Fields that a chat has under the same name; metadata and what is about keeping answers is ours. */
const CHAT_FIELDS = [
  ...SHARED_FIELDS.filter((name) => name !== 'metadata' && name !== 'top_logprobs'),
  'prompt_cache_key',
  'prompt_cache_retention',
  'safety_identifier',
]

/**
 * Reads a request: items become messages, tools of all kinds functions.
 * @throws Failure that names the field at fault.
 */
export function readResponsesRequest(body: JsonObject, { sealer }: RequestInput): ClientRequest {
  const refused = REFUSED.find((name) => isPresent(body[name]))
  // Beside a stored prompt or a conversation there may be no input, which is then not what is wrong.
  if (refused !== undefined) {
    throw new Failure('unsupported-parameter', `'${refused}' is not supported here.`, { param: refused })
  }
  refuseManyTools(body)
  checkRequest(body)
  const tools = readTools(body)
  const items = readItems(body.input, tools.names, sealer)
  const instructions: Message[] = body.instructions ? [{ role: 'system', content: String(body.instructions) }] : []
  const messages = [...instructions, ...items.messages]
  // Items that only this format has are for its deployments.
  if (messages.length === 0 && items.requires !== undefined) messages.push({ role: 'user', content: '' })
  if (messages.length === 0) {
    throw new Failure('invalid-value', "'input' must hold a message or a tool's output.", { param: 'input' })
  }
  const chat = {
    ...sameFields(body),
    messages,
    ...omitNull({
      max_completion_tokens: body.max_output_tokens,
      web_search_options: tools.webSearch,
      tool_choice: tools.choice,
      ...logprobsOf(body),
      ...textOptionsOf(body.text),
      reasoning_effort: isJsonObject(body.reasoning) ? body.reasoning.effort : undefined,
    }),
    ...omitEmpty({ tools: tools.tools }),
  } as unknown as Chat
  const requires = items.requires ?? tools.requires
  const { requiresSearch, offersSearch } = tools
  const unknown = Object.keys(body).filter((name) => !isKnownField(name) && isPresent(body[name]))
  return {
    chat,
    source: {
      format: OPENAI_RESPONSES,
      ...sourceBodies(body, items.unsealed),
      dropped: [
        ...unknown,
        ...(body.truncation === 'auto' ? ['truncation'] : []),
        ...(body.max_tool_calls != null ? ['max_tool_calls'] : []),
        ...tools.dropped,
      ],
      ...omitEmpty({ requires, requiresSearch, offersSearch }),
    },
    carriesReasoning: true,
    pathOf: createPathOf([...instructions.map(() => 'instructions'), ...items.paths], tools.paths),
  }
}

/** What was sealed here and kept here is no provider's business. */
function sourceBodies(
  body: JsonObject,
  unsealed: readonly JsonObject[] | undefined,
): Pick<RequestSource, 'body' | 'original'> {
  const { previous_response_id: previous, ...rest } = body
  if (unsealed === undefined && !isPresent(previous)) return { body }
  return { body: { ...rest, ...(unsealed === undefined ? {} : { input: unsealed }) }, original: body }
}

function sameFields(body: JsonObject): JsonObject {
  return omitNull(Object.fromEntries(CHAT_FIELDS.map((name) => [name, body[name]])))
}

/** In this API `include` asks for them, and a number of alternatives alone does too. */
function logprobsOf({ include, top_logprobs: top }: JsonObject): JsonObject {
  if (!top && !(Array.isArray(include) && include.includes('message.output_text.logprobs'))) return {}
  return { logprobs: true, top_logprobs: top || undefined }
}

function textOptionsOf(text: unknown): JsonObject {
  if (!isJsonObject(text)) return {}
  const { format, verbosity } = text
  return { verbosity, response_format: isJsonObject(format) ? toResponseFormat(format) : undefined }
}

function toResponseFormat({ type, name, description, schema, strict }: JsonObject): JsonObject | undefined {
  if (type === 'text') return undefined
  return type === 'json_schema' ? { type, json_schema: omitNull({ name, description, schema, strict }) } : { type }
}
