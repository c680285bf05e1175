import { Failure } from '../../chat/failure.ts'
import type { Chat, Tool } from '../../chat/request.ts'
import type { ProviderCall } from '../format.ts'
import { nearestEffort, readReasoning } from '../shared/effort.ts'
import { isJsonObject, type JsonObject, omitNull, toText } from '../shared/fields.ts'
import { checkParameters } from '../shared/parameters.ts'
import { unsupportedContent, unsupportedParameter } from '../shared/parts.ts'
import { allowedTools, UNKNOWN_TOOL_MESSAGE } from '../shared/tool-choice.ts'
import { toItems } from './write-request-items.ts'

/** How a provider of this format differs from OpenAI (translation 5). */
export interface ResponsesQuirks {
  /** The `format` of the reasoning that it encrypts: only who made it can read it. OpenAI's own where absent. */
  readonly reasoningFormat?: string
  /** OpenAI's types of tools that it does not have, and a chat has another form for. */
  readonly lackedTools?: ReadonlySet<string>
  /** Its models that answer only where they can search, by its own names. */
  readonly searchingModels?: RegExp
}

/** The `format` of reasoning that OpenAI encrypted, as it stands in a chat. */
export const OPENAI_REASONING_FORMAT = 'openai-responses-v1'
export const ENCRYPTED_REASONING = 'reasoning.encrypted_content'

/** The shortest answer that can be asked for. */
const MIN_OUTPUT_TOKENS = 16

type Body = Record<string, unknown>

/** A request while it is written. */
interface Draft {
  readonly call: ProviderCall<ResponsesQuirks>
  readonly body: Body
  /** What else is to be in the answer. */
  readonly include: string[]
  readonly dropped: string[]
}

/**
 * Writes a chat as a request (translation 5).
 * @throws Failure where this model or format cannot do what the chat asks for.
 */
export function writeChat(call: ProviderCall<ResponsesQuirks>): { readonly body: Body; readonly dropped: string[] } {
  const { chat, model, stream, traits, quirks } = call
  const body: Body = {
    model,
    input: toItems(chat.messages, quirks.reasoningFormat ?? OPENAI_REASONING_FORMAT),
    // Router9 keeps what is kept.
    store: false,
  }
  const draft: Draft = {
    call,
    body,
    include: traits.reasoning ? [ENCRYPTED_REASONING] : [],
    dropped: checkParameters(chat, 'responses'),
  }
  if (stream) body.stream = true
  setSampling(draft)
  setReasoning(draft)
  setTools(draft)
  setText(draft)
  copyFields(draft)
  if (draft.include.length > 0) body.include = draft.include
  return draft
}

/** Fields that this API has under the same names. */
const SAME_FIELDS = [
  'user',
  'safety_identifier',
  'metadata',
  'prompt_cache_key',
  'prompt_cache_retention',
  'service_tier',
] as const

function copyFields({ body, call: { chat, sessionKey } }: Draft): void {
  Object.assign(body, omitNull(Object.fromEntries(SAME_FIELDS.map((name) => [name, chat[name]]))))
  setSessionKey(body, sessionKey)
  const limit = chat.max_completion_tokens ?? chat.max_tokens
  if (typeof limit === 'number') body.max_output_tokens = Math.max(limit, MIN_OUTPUT_TOKENS)
}

/** Keeps a conversation with its cached prompt. What the client says of its session or user itself serves the same end. */
export function setSessionKey(body: Body, sessionKey: string | undefined): void {
  if (!body.prompt_cache_key && !body.user && sessionKey !== undefined) body.prompt_cache_key = sessionKey
}

/** Reasoning models take no sampling parameters, unless they are told not to reason. */
function setSampling({ body, include, dropped, call: { chat, traits } }: Draft): void {
  const isSwitchedOff = readReasoning(chat)?.effort === 'none' && traits.efforts?.includes('none') === true
  const isTaken = traits.temperature || isSwitchedOff
  for (const name of ['temperature', 'top_p'] as const) {
    if (typeof chat[name] !== 'number') continue
    if (isTaken) body[name] = chat[name]
    else dropped.push(name)
  }
  if (chat.logprobs !== true) return
  if (!isTaken) throw unsupportedParameter('logprobs')
  include.push('message.output_text.logprobs')
  if (typeof chat.top_logprobs === 'number') body.top_logprobs = chat.top_logprobs
}

function setReasoning({ body, dropped, call: { chat, traits } }: Draft): void {
  const asked = readReasoning(chat)
  const { reasoning } = chat
  if (!traits.reasoning) {
    if (asked !== undefined && asked.effort !== 'none')
      dropped.push(chat.reasoning_effort ? 'reasoning_effort' : 'reasoning')
    return
  }
  const effort = asked === undefined ? undefined : nearestEffort(asked.effort ?? 'medium', traits)
  if (asked !== undefined && effort === undefined) {
    dropped.push(chat.reasoning_effort ? 'reasoning_effort' : 'reasoning')
  }
  // Only who asks for reasoning itself gets a summary: OpenAI gives summaries to verified organizations alone.
  const isShown = isJsonObject(reasoning) && reasoning.exclude !== true && asked?.effort !== 'none'
  const summary = isShown ? (toText(reasoning.summary) ?? 'auto') : undefined
  if (effort !== undefined || summary !== undefined) body.reasoning = omitNull({ effort, summary })
}

function setTools(draft: Draft): void {
  const { body, call } = draft
  const { chat, model, quirks } = call
  const tools = (chat.tools ?? []).map(toTool)
  const mustSearch = quirks.searchingModels?.test(model) === true
  const search = chat.web_search_options ?? (mustSearch ? {} : undefined)
  if (isJsonObject(search)) tools.push(webSearch(search, mustSearch ? 'web_search_preview' : 'web_search'))
  if (tools.length === 0) return
  body.tools = tools
  const choice = toToolChoice(chat.tool_choice)
  if (choice !== undefined) body.tool_choice = choice
  if (typeof chat.parallel_tool_calls === 'boolean') body.parallel_tool_calls = chat.parallel_tool_calls
}

/** Here a tool is strict unless it says that it is not, and there is no `function` within it. */
function toTool({ type, function: given, custom }: Tool, at: number): JsonObject {
  if (type === 'function' && given !== undefined) {
    const { name, description, parameters, strict } = given
    const schema = parameters ?? { type: 'object', properties: {} }
    return { type, name, ...omitNull({ description }), parameters: schema, strict: strict ?? false }
  }
  if (type === 'custom' && custom !== undefined) {
    const { name, description, format } = custom
    return { type, name, ...omitNull({ description, format: toCustomFormat(format) }) }
  }
  throw unsupportedContent(`tools[${at}]`, `tools of type '${type}'`)
}

function toCustomFormat(format: unknown): unknown {
  if (!isJsonObject(format) || !isJsonObject(format.grammar)) return format
  const { grammar, ...rest } = format
  return { ...rest, ...grammar }
}

function webSearch({ search_context_size, user_location: location }: JsonObject, type: string): JsonObject {
  const place = isJsonObject(location) && isJsonObject(location.approximate) ? location.approximate : undefined
  const user_location = place && { ...place, type: 'approximate' }
  return { type, ...omitNull({ search_context_size, user_location }) }
}

function toToolChoice(choice: Chat['tool_choice']): unknown {
  if (!isJsonObject(choice)) return choice ?? undefined
  const allowed = allowedTools(choice)
  if (allowed !== undefined) {
    const { tools } = choice.allowed_tools as JsonObject
    if (allowed.names.size === 0) throw new Failure('invalid-value', UNKNOWN_TOOL_MESSAGE, { param: 'tool_choice' })
    return { type: 'allowed_tools', mode: allowed.mode, tools: (tools as readonly JsonObject[]).map(toNamed) }
  }
  return toNamed(choice)
}

/** `{type, function: {name}}` is `{type, name}` here. */
function toNamed(named: JsonObject): JsonObject {
  const { type } = named
  const inner = type === 'function' || type === 'custom' ? named[type] : undefined
  return isJsonObject(inner) ? { type, name: inner.name } : named
}

/** The form of the text: by a schema, as JSON, or free. */
function setText({ body, call: { chat, traits } }: Draft): void {
  const { response_format: format, verbosity } = chat
  const text: Body = {}
  if (format?.type === 'json_object') text.format = { type: format.type }
  else if (format?.type === 'json_schema') {
    if (!traits.jsonSchema) throw unsupportedParameter('response_format')
    const { name, description, schema, strict } = format.json_schema ?? {}
    text.format = { type: format.type, name: name ?? 'answer', ...omitNull({ description, schema, strict }) }
  }
  if (verbosity) text.verbosity = verbosity
  if (Object.keys(text).length > 0) body.text = text
}
