import { Failure } from '../../chat/failure.ts'
import { type Chat, GATEWAY_FIELDS, parseChat, ROUTING_FIELDS } from '../../chat/request.ts'
import type { ClientRequest, RequestInput } from '../format.ts'
import { isJsonObject, isPresent, type JsonObject, omitEmpty, omitNull } from '../shared/fields.ts'
import { unsupportedContent } from '../shared/parts.ts'
import { CONFIG_NAMES, readConfig, sameConfig } from './read-config.ts'
import { type Conversation, readConversation } from './read-contents.ts'
import { camelName, withCamelNames } from './read-names.ts'
import { readTools } from './read-tools.ts'
import { checkGeminiBody } from './request-schema.ts'
import { withoutSealed } from './signatures.ts'
import { GEMINI } from './write-contents.ts'

/** What stands in the path of a request, or is for Router9: Google gets none of it in the body. */
const OUTER_FIELDS = ['model', 'stream', ...GATEWAY_FIELDS]
const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  ...['contents', 'systemInstruction', 'tools', 'toolConfig', 'generationConfig', 'cachedContent'],
])

/** Fields of the chat by their names in this API. */
const OWN_NAMES: ReadonlyMap<string, string> = new Map([
  ...CONFIG_NAMES,
  ['messages', 'contents'],
  ['tool_choice', 'toolConfig.functionCallingConfig'],
  ['web_search_options', 'tools.googleSearch'],
])

/** The member of a request for a count that holds a whole request for an answer. */
const INNER = 'generateContentRequest'

/**
 * Reads a request of `generateContent`. @param body with `model` and `stream`, which stand in the path.
 * @throws Failure that names the field at fault in camel case, as this API's reference does.
 */
export function readGeminiRequest(body: JsonObject, { sealer }: RequestInput): ClientRequest {
  return withOwnNames(() => {
    const camel = withCamelNames(body)
    const { sealed, ...request } = read(body, camel, sealer)
    const rest = withoutFields(body, OUTER_FIELDS)
    return { ...request, source: { ...request.source, body: unsealed(rest, sealed) } }
  }, ownName)
}

/** As `readGeminiRequest`, for a request of `countTokens`: contents, or a whole request for an answer. */
export function readGeminiPrompt(body: JsonObject, input: RequestInput): ClientRequest {
  const name = Object.keys(body).find((given) => camelName(given) === INNER && isPresent(body[given]))
  const inner = name === undefined ? undefined : body[name]
  if (name === undefined || !isJsonObject(inner)) return readGeminiRequest(body, input)
  if (isPresent(body.contents)) {
    throw new Failure('invalid-value', `'contents' cannot stand beside '${INNER}'.`, { param: 'contents' })
  }
  const outer = Object.fromEntries(OUTER_FIELDS.map((field) => [field, body[field]]))
  const within = (path: string) => (OUTER_FIELDS.includes(path.replace(/\W.*$/s, '')) ? path : `${INNER}.${path}`)
  const request = withOwnNames(() => readGeminiRequest({ ...inner, ...omitNull(outer) }, input), within)
  const { source, pathOf = (path) => path } = request
  if (source === undefined) return request
  return {
    ...request,
    source: { ...source, body: { ...withoutFields(body, OUTER_FIELDS), [name]: source.body } },
    pathOf: (path) => within(pathOf(path)),
  }
}

function withoutFields(body: JsonObject, names: readonly string[]): JsonObject {
  const rest: Record<string, unknown> = { ...body }
  for (const name of names) delete rest[name]
  return rest
}

function unsealed(body: JsonObject, sealed: Conversation['sealed']): JsonObject {
  return sealed.length === 0 ? body : { ...body, contents: withoutSealed(body.contents, sealed) }
}

function read(given: JsonObject, camel: JsonObject, sealer: RequestInput['sealer']) {
  const body = checkGeminiBody(camel)
  const config = body.generationConfig ?? {}
  const outer = Object.fromEntries(['stream', ...ROUTING_FIELDS].map((name) => [name, given[name]]))
  const model = typeof given.model === 'string' ? given.model.replace(/^models\//, '') : given.model
  const placeholder = [{ role: 'user', content: '' }]
  const checked = parseChat(omitNull({ ...outer, ...sameConfig(config), model, messages: placeholder }))
  const { messages, paths, partPaths, sealed, requires } = readConversation(body, sealer)
  const tools = readTools(body)
  const other = readConfig(config)
  const cached = isPresent(body.cachedContent)
    ? unsupportedContent('cachedContent', "a prompt that is in Google's cache")
    : undefined
  const required = cached ?? requires ?? tools.requires ?? other.requires
  const unknown = Object.keys(given)
    .filter((name) => !OUTER_FIELDS.includes(name) && isPresent(given[name]))
    .map(camelName)
    .filter((name) => !KNOWN_FIELDS.has(name))
  const chat: Chat = { ...checked, messages: [...messages], ...tools.chat, ...other.chat }
  const request: ClientRequest = {
    chat,
    // Signatures come back whether thoughts are shown or not.
    ...(chat.reasoning_effort === 'none' ? {} : { carriesReasoning: true }),
    pathOf: createPathOf({ messages, paths, partPaths }, tools.paths),
  }
  const source = {
    format: GEMINI,
    dropped: [...unknown, ...tools.dropped, ...other.dropped],
    ...omitEmpty({ requires: required, requiresSearch: tools.requiresSearch, offersSearch: tools.offersSearch }),
  }
  return { ...request, source, sealed }
}

/** Says where a field of the chat stands in the request. */
function createPathOf(
  { messages, paths, partPaths }: Pick<Conversation, 'messages' | 'paths' | 'partPaths'>,
  tools: readonly string[],
): (chatPath: string) => string {
  return (chatPath) => {
    const [, list, index, inner, member] =
      // OpenAI writes `messages.[0]`.
      /^(messages|tools)\.?\[(\d+)\](?:\.(content|tool_calls)\[(\d+)\])?/.exec(chatPath) ?? []
    if (list === 'tools') return tools[Number(index)] ?? list
    if (list === undefined) return ownName(chatPath)
    const message = paths[Number(index)]
    const content = messages[Number(index)]?.content
    const part = inner === 'content' && Array.isArray(content) ? content[Number(member)] : undefined
    const own = inner === 'tool_calls' ? message?.calls[Number(member)] : part && partPaths.get(part)
    return own ?? message?.path ?? 'contents'
  }
}

/** The name in this API of a field of the chat that is no message and no tool. */
function ownName(chatPath: string): string {
  const [head = ''] = /^\w+/.exec(chatPath) ?? []
  return (OWN_NAMES.get(head) ?? head) + chatPath.slice(head.length)
}

/** Runs what names fields in other words. @throws Failure in this API's. */
function withOwnNames<Result>(run: () => Result, pathOf: (path: string) => string): Result {
  try {
    return run()
  } catch (error) {
    // Only nesting that exhausts the stack fails in JSON.stringify.
    if (error instanceof RangeError) throw new Failure('invalid-json', 'The request body is nested too deeply.')
    throw error instanceof Failure ? error.inWordsOf(pathOf) : error
  }
}
