import { Failure } from '../../chat/failure.ts'
import { type Chat, parseChat, ROUTING_FIELDS, type Tool } from '../../chat/request.ts'
import type { ClientRequest, RequestInput } from '../format.ts'
import { ALL_EFFORTS } from '../shared/effort.ts'
import { isJsonObject, isPresent, type JsonObject, omitNull, toText } from '../shared/fields.ts'
import { isStrictSchema } from '../shared/json-schema.ts'
import { unsupportedContent } from '../shared/parts.ts'
import { toChatName } from '../shared/tool-names.ts'
import { asOwnTool } from './client-tools.ts'
import { readConversation } from './read-messages.ts'
import { checkMessagesBody, type MessagesBody, type ToolParam, withOwnPaths } from './request-schema.ts'
import { createPathOf, THREAD } from './write-error.ts'
import { ANTHROPIC_MESSAGES } from './write-messages.ts'

/** What means the same in a chat, and is checked as there. */
export const SHARED_FIELDS = ['model', 'stream', 'temperature', 'top_p', 'top_k', 'max_tokens', ...ROUTING_FIELDS]
/** Some clients write -1 for a sampling parameter that they leave to the model, which Anthropic takes so. No tokens are no limit. */
function isLeftOut(name: string, value: unknown): boolean {
  return value === (name === 'max_tokens' ? 0 : -1)
}

/** What a chat has in other words. */
const OWN_FIELDS = [
  'messages',
  'system',
  'tools',
  'tool_choice',
  'thinking',
  'stop_sequences',
  'metadata',
  'service_tier',
  'output_config',
  'output_format',
]
const KNOWN_FIELDS: ReadonlySet<string> = new Set([...SHARED_FIELDS, ...OWN_FIELDS])
/** Fields that an answer would be wrong without, and that only Anthropic has. */
const ESSENTIAL_FIELDS = ['container', 'mcp_servers']

const NO_THREADS = `'${THREAD}' is not supported here: send the whole conversation.`

/**
 * Reads a request of the Messages API.
 * @throws Failure that names the field at fault as this API does.
 */
export function readMessagesRequest(body: JsonObject, input: RequestInput): ClientRequest {
  const request = readMessagesPrompt(body, input)
  if (request.chat.max_tokens || body.max_tokens === 0) return request
  const param = 'max_tokens'
  throw new Failure('missing-parameter', `The required parameter '${param}' is missing.`, { param })
}

/** As `readMessagesRequest`, for a request that asks for no answer and so needs no `max_tokens`. */
export function readMessagesPrompt(body: JsonObject, input: RequestInput): ClientRequest {
  return withOwnPaths(() => read(body, input))
}

function read(given: JsonObject, { sealer }: RequestInput): ClientRequest {
  if (isPresent(given[THREAD])) throw new Failure('unsupported-parameter', NO_THREADS, { param: THREAD })
  const shared = Object.fromEntries(
    SHARED_FIELDS.map((name) => [name, isLeftOut(name, given[name]) ? undefined : given[name]]),
  )
  const checked = parseChat(omitNull({ ...shared, messages: [{ role: 'user', content: '' }] }))
  const body = checkMessagesBody(given)
  const { messages, native, requires, hasCitations, paths, partPaths } = readConversation(body, sealer)
  const tools = readTools(body)
  const essential = ESSENTIAL_FIELDS.find((name) => isPresent(given[name]) && !isEmptyList(given[name]))
  // At Anthropic it only fills the cache.
  const noAnswer = given.max_tokens === 0 ? unsupportedContent('max_tokens', 'an answer of no tokens') : undefined
  const only = essential === undefined ? undefined : unsupportedContent(essential, 'this field')
  const required = requires ?? tools.requires ?? only ?? noAnswer
  const { thinking, metadata } = body
  const isDropped = (name: string) =>
    name === 'metadata' ? metadata?.user_id && !USER.test(metadata.user_id) : !KNOWN_FIELDS.has(name)
  const unknown = Object.keys(given).filter((name) => isPresent(given[name]) && isDropped(name))
  const reasoning = readThinking(body)
  const effort = effortIn(body)
  if (effort !== undefined && reasoning.reasoning_effort !== effort) unknown.push('output_config.effort')
  return {
    chat: {
      ...checked,
      messages,
      ...tools.chat,
      ...reasoning,
      ...readOutput(body),
      ...readOthers(body),
    },
    source: {
      format: ANTHROPIC_MESSAGES,
      body: native === body.messages ? given : { ...given, messages: native },
      dropped: [...unknown, ...tools.dropped, ...(hasCitations ? ['citations'] : [])],
      ...(required === undefined ? {} : { requires: required }),
      ...(tools.requiresSearch === undefined ? {} : { requiresSearch: tools.requiresSearch }),
    },
    pathOf: createPathOf({
      messages: paths,
      tools: tools.paths,
      partOf: (message, part) => {
        const content = messages[message]?.content
        const known = Array.isArray(content) ? content[part] : undefined
        return known && partPaths.get(known)
      },
    }),
    ...(isPresent(thinking) && thinking?.type !== 'disabled' ? { carriesReasoning: true } : {}),
  }
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

interface ReadTools {
  readonly chat: Partial<Chat>
  readonly dropped: readonly string[]
  /** Where the tools of the chat stand. */
  readonly paths: readonly string[]
  readonly requires?: Failure
  readonly requiresSearch?: Failure
}

const WEB_SEARCH = /^web_search_/
/** Where all tools are declared at once, nobody has to search for them. */
const TOOL_SEARCH = /^tool_search_/

/**
 * The tools that the client runs become functions. Of Anthropic's, a search of the web is the chat's where nothing else is offered or
 * it is forced; beside other tools an answer is right without it.
 */
function readTools({ tools, tool_choice: choice }: MessagesBody): ReadTools {
  const own: Tool[] = []
  const dropped: string[] = []
  const paths: string[] = []
  let search: ToolParam | undefined
  let requiresSearch: Failure | undefined
  let requires: Failure | undefined
  for (const [at, tool] of (tools ?? []).entries()) {
    const { type, name } = tool
    const client = !type || type === 'custom' ? tool : asOwnTool(tool)
    if (client !== undefined) {
      own.push(toFunction(client))
      paths.push(`tools.${at}`)
    } else if (WEB_SEARCH.test(String(type))) {
      search = tool
      requiresSearch = unsupportedContent(`tools.${at}`, `the tool '${type}'`)
    } else if (TOOL_SEARCH.test(String(type))) dropped.push(`tools.${name ?? type}`)
    else requires ??= unsupportedContent(`tools.${at}`, `the tool '${type}'`)
  }
  const isForced = choice?.type === 'tool' && search !== undefined && choice.name === search.name
  if (search !== undefined && own.length > 0 && !isForced) dropped.push(`tools.${search.name ?? search.type}`)
  const searches = search !== undefined && (own.length === 0 || isForced) && choice?.type !== 'none'
  return {
    chat: {
      ...(own.length === 0 ? {} : { tools: own, ...(isForced ? {} : toolChoice(choice)) }),
      ...(own.length > 0 && choice?.disable_parallel_tool_use === true ? { parallel_tool_calls: false } : {}),
      ...(searches ? { web_search_options: searchOptions(search ?? {}) } : {}),
    },
    dropped,
    paths,
    ...(requires === undefined ? {} : { requires }),
    ...(searches && requiresSearch !== undefined ? { requiresSearch } : {}),
  }
}

function toFunction({ name = '', description, input_schema, strict, input_examples, cache_control }: ToolParam): Tool {
  const examples = Array.isArray(input_examples) ? input_examples.map((example) => JSON.stringify(example)) : []
  const words = [description, ...(examples.length === 0 ? [] : ['Examples:', ...examples])].filter(Boolean)
  return {
    type: 'function',
    function: {
      name: toChatName(name),
      ...(words.length === 0 ? {} : { description: words.join('\n') }),
      parameters: input_schema,
      ...(strict === true && isStrictSchema(input_schema ?? {}) ? { strict } : {}),
    },
    ...(cache_control ? { cache_control } : {}),
  }
}

function toolChoice(choice: MessagesBody['tool_choice']): Pick<Chat, 'tool_choice'> {
  switch (choice?.type) {
    case 'any':
      return { tool_choice: 'required' }
    case 'tool':
      return { tool_choice: { type: 'function', function: { name: toChatName(choice.name ?? '') } } }
    case 'auto':
    case 'none':
      return { tool_choice: choice.type }
    default:
      return {}
  }
}

function searchOptions({ user_location: location }: JsonObject): JsonObject {
  if (!isJsonObject(location)) return {}
  const { type, ...place } = location
  return { user_location: { type: 'approximate', approximate: omitNull(place) } }
}

function effortIn({ output_config: output }: MessagesBody): string | undefined {
  return isJsonObject(output) ? toText(output.effort) : undefined
}

/**
 * A budget is a number of reasoning tokens; adaptive thinking has an effort. Without thinking there is none: it would switch
 * reasoning on for models whose client does not bring it back.
 */
function readThinking(body: MessagesBody): Partial<Chat> {
  const { thinking } = body
  if (!thinking) return {}
  const { type, budget_tokens: tokens } = thinking
  if (type === 'disabled') return { reasoning_effort: 'none' }
  const effort = effortIn(body)
  if (tokens !== undefined) return { reasoning: { max_tokens: tokens } }
  if (effort === undefined || !ALL_EFFORTS.includes(effort)) return { reasoning: { enabled: true } }
  return { reasoning_effort: effort as NonNullable<Chat['reasoning_effort']> }
}

/** Anthropic's schemas may leave members out; where one does, OpenAI takes it only if it is not strict. */
function readOutput({ output_config: output, output_format }: MessagesBody): Partial<Chat> {
  const format = (isJsonObject(output) ? output.format : undefined) ?? output_format
  if (!isJsonObject(format) || format.type !== 'json_schema') return {}
  const schema = format.schema as Record<string, unknown>
  const json_schema = { name: 'answer', schema, strict: isStrictSchema(schema) }
  return { response_format: { type: 'json_schema', json_schema } }
}

/** Other makers take short names; what Claude Code sends is JSON, with the user's account in it. */
const USER = /^[\w.@:-]{1,64}$/

function readOthers({ stop_sequences: stop, metadata, service_tier: tier }: MessagesBody): Partial<Chat> {
  const user = metadata?.user_id
  return {
    ...(stop?.length ? { stop } : {}),
    ...(user && USER.test(user) ? { user } : {}),
    ...(tier === 'auto' ? { service_tier: 'auto' } : tier === 'standard_only' ? { service_tier: 'default' } : {}),
  }
}
