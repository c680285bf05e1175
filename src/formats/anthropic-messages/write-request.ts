import { Failure } from '../../chat/failure.ts'
import type { Chat, Tool } from '../../chat/request.ts'
import type { PreparedCall, ProviderCall, ProviderFormat, Traits } from '../format.ts'
import { BUDGET_TOKENS, nearestEffort, readReasoning } from '../shared/effort.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn } from '../shared/fields.ts'
import { toStrictSchema } from '../shared/json-schema.ts'
import { withFunctionsAsTools } from '../shared/legacy-functions.ts'
import { checkParameters, nativeFields, stopSequences } from '../shared/parameters.ts'
import { unsupportedParameter } from '../shared/parts.ts'
import { allowedTools, UNKNOWN_TOOL_MESSAGE } from '../shared/tool-choice.ts'
import { createAnthropicReader } from './read-answer.ts'
import { type AnthropicTurn, toAnthropicMessages } from './write-messages.ts'

/** The tool that stands in for structured output on models that have none. */
const JSON_TOOL = 'json'
/** Where the catalogue knows no limit: what every Claude model can write. */
const FALLBACK_MAX_TOKENS = 4096
const MIN_BUDGET_TOKENS = 1024

/** Anthropic's Messages API (translation 1). */
export const anthropic: ProviderFormat = withFunctionsAsTools({ name: 'anthropic', framing: 'sse', prepare })

type Body = Record<string, unknown>

const MAX_CACHE_MARKS = 4

/** Anthropic takes four marks; the last ones save the most, as each covers all before it. One for all is one of them. */
function limitCacheMarks(body: Body): void {
  const blocks = (body.messages as readonly AnthropicTurn[]).flatMap(({ content }) => content)
  const contents = blocks.flatMap((block) => [...jsonObjectsIn(block.content), block])
  const holders = [body.tools, body.system, contents].flatMap((list) => jsonObjectsIn(list))
  const marked = holders.filter((holder) => holder.cache_control !== undefined) as Body[]
  const most = body.cache_control === undefined ? MAX_CACHE_MARKS : MAX_CACHE_MARKS - 1
  for (const holder of marked.slice(0, -most)) delete holder.cache_control
}

function prepare({ chat, model, stream, traits, promptTokens, header }: ProviderCall<object>): PreparedCall {
  const dropped = checkParameters(chat, 'anthropic')
  const { system, messages, usesFiles } = toAnthropicMessages(chat.messages)
  if (isAdaptive(traits) && messages.at(-1)?.role === 'assistant') throw noPrefill(chat)
  const body: Body = { model, max_tokens: maxTokens(chat, traits, promptTokens), messages }
  if (system !== undefined) body.system = system
  Object.assign(body, nativeFields(chat, 'anthropic'))
  setTools(body, chat, traits, dropped)
  const jsonTool = setResponseFormat(body, chat, traits)
  setThinking(body, chat, traits, dropped)
  setSampling(body, chat, traits, dropped)
  setSmallThings(body, chat, dropped)
  if (stream) body.stream = true
  limitCacheMarks(body)
  return {
    request: {
      path: '/v1/messages',
      headers: { 'anthropic-version': '2023-06-01', ...betaHeader(body, usesFiles, header?.('anthropic-beta')) },
      body: JSON.stringify(body),
    },
    dropped,
    streamReader: () => createAnthropicReader(jsonTool).readEvent,
    readAnswer: (answer) => createAnthropicReader(jsonTool).readBody(answer),
  }
}

/** Features that are asked for by a header beside their field (Anthropic, "Beta headers"). */
const BETAS: ReadonlyMap<string, string> = new Map([
  ['context_management', 'context-management-2025-06-27'],
  ['mcp_servers', 'mcp-client-2025-04-04'],
])

/** Models that think adaptively refuse to go on with words put into their mouth; another candidate may. */
function noPrefill({ messages }: Chat): Failure {
  const param = `messages[${messages.length - 1}]`
  const text = `The model that was chosen does not take a last message of the assistant ('${param}').`
  return new Failure('model-not-capable', text, { param })
}

/** The client's own first: it may know of more than we do. */
function betaHeader(body: Body, usesFiles: boolean, given: string | null | undefined): Record<string, string> {
  const own = (given ?? '').split(',').flatMap((beta) => beta.trim() || [])
  const needed = [...BETAS].flatMap(([field, beta]) => (field in body ? [beta] : []))
  const betas = new Set([...own, ...needed, ...(usesFiles ? ['files-api-2025-04-14'] : [])])
  return betas.size === 0 ? {} : { 'anthropic-beta': [...betas].join(',') }
}

/** Required, and prompt and answer together must fit the window: left open, it is what the prompt leaves room for. */
function maxTokens(
  chat: Chat,
  { outputTokens, contextTokens }: Traits,
  promptTokens: (() => number) | undefined,
): number {
  const most = outputTokens || FALLBACK_MAX_TOKENS
  const asked = chat.max_completion_tokens ?? chat.max_tokens
  if (asked) return outputTokens > 0 ? Math.min(asked, outputTokens) : asked
  if (contextTokens === 0 || promptTokens === undefined) return most
  return Math.max(Math.min(most, contextTokens - promptTokens()), FALLBACK_MAX_TOKENS)
}

function toTool(tool: Tool, at: number, { jsonSchema }: Traits): JsonObject {
  if (tool.type === 'custom') throw unsupportedParameter(`tools[${at}]`)
  // Anthropic's own server tools are handed on.
  if (tool.function === undefined) return { ...tool }
  const { name, description, parameters, strict } = tool.function
  const schema = { ...(parameters ?? { properties: {} }), type: 'object' }
  const isStrict = strict === true && jsonSchema
  return {
    name,
    ...(description ? { description } : {}),
    input_schema: isStrict ? toStrictSchema(schema) : schema,
    ...(isStrict ? { strict: true } : {}),
    ...(tool.cache_control ? { cache_control: tool.cache_control } : {}),
  }
}

function setTools(body: Body, chat: Chat, traits: Traits, dropped: string[]): void {
  const tools = (chat.tools ?? []).map((tool, at) => toTool(tool, at, traits))
  if (isJsonObject(chat.web_search_options)) tools.push(webSearch(chat.web_search_options))
  if (tools.length === 0) {
    declareFormerTools(body)
    return
  }
  const choice = chat.tool_choice
  const allowed = allowedTools(choice)
  body.tools = allowed === undefined ? tools : tools.filter(({ name }) => allowed.names.has(name))
  if (Array.isArray(body.tools) && body.tools.length === 0) {
    throw new Failure('invalid-value', UNKNOWN_TOOL_MESSAGE, { param: 'tool_choice' })
  }
  let toolChoice = toolChoiceOf(allowed?.mode ?? choice)
  if (traits.noForcedTool === true && isForced(toolChoice)) {
    toolChoice = { type: 'auto' }
    dropped.push('tool_choice')
  }
  const single = chat.parallel_tool_calls === false && toolChoice?.type !== 'none'
  if (single) body.tool_choice = { ...(toolChoice ?? { type: 'auto' }), disable_parallel_tool_use: true }
  else if (toolChoice !== undefined) body.tool_choice = toolChoice
}

/**
 * Anthropic refuses calls in a conversation whose tools it is not told, and a client that has handed the conversation on, or
 * wants no further calls, tells none: then they are those that were called, and none may be called again.
 */
function declareFormerTools(body: Body): void {
  const blocks = (body.messages as readonly AnthropicTurn[]).flatMap(({ content }) => content)
  const names = new Set(blocks.flatMap(({ type, name }) => (type === 'tool_use' ? [name] : [])))
  if (names.size === 0) return
  body.tools = [...names].map((name) => ({ name, input_schema: { type: 'object', properties: {} } }))
  body.tool_choice = { type: 'none' }
}

function webSearch({ user_location: location }: JsonObject): JsonObject {
  const place = isJsonObject(location) && isJsonObject(location.approximate) ? location.approximate : undefined
  const at = place === undefined ? {} : { user_location: { ...place, type: 'approximate' } }
  return { type: 'web_search_20250305', name: 'web_search', ...at }
}

function isForced(choice: unknown): boolean {
  return isJsonObject(choice) && (choice.type === 'any' || choice.type === 'tool')
}

function toolChoiceOf(choice: Chat['tool_choice']): JsonObject | undefined {
  if (choice === 'none' || choice === 'auto') return { type: choice }
  if (choice === 'required') return { type: 'any' }
  if (!isJsonObject(choice) || !isJsonObject(choice.function)) return undefined
  return { type: 'tool', name: choice.function.name }
}

/** @returns the name of the tool that stands in for structured output, where the model has none. */
function setResponseFormat(body: Body, chat: Chat, { jsonSchema }: Traits): string | undefined {
  const format = chat.response_format
  if (format?.type === 'json_object') {
    addSystem(body, 'Answer with a single valid JSON object and nothing else: no prose, no code fence.')
    return undefined
  }
  const schema = format?.type === 'json_schema' ? format.json_schema?.schema : undefined
  if (!schema) return undefined
  if (jsonSchema) {
    body.output_config = {
      ...Object(body.output_config),
      format: { type: 'json_schema', schema: toStrictSchema(schema) },
    }
    return undefined
  }
  const tools: readonly JsonObject[] = Array.isArray(body.tools) ? body.tools : []
  const taken = new Set(tools.map((tool) => tool.name))
  let name = JSON_TOOL
  while (taken.has(name)) name += '_'
  const input_schema = { ...schema, type: 'object' }
  body.tools = [...tools, { name, description: 'Gives the answer.', input_schema }]
  const choice = isJsonObject(body.tool_choice) ? body.tool_choice : {}
  const others = tools.length > 0 && choice.type !== 'none'
  const single = choice.disable_parallel_tool_use === true ? { disable_parallel_tool_use: true } : {}
  body.tool_choice = others ? { type: 'any', ...single } : { type: 'tool', name, disable_parallel_tool_use: true }
  return name
}

function addSystem(body: Body, text: string): void {
  const before = body.system
  if (Array.isArray(before)) body.system = [...before, { type: 'text', text }]
  else body.system = typeof before === 'string' ? `${before}\n${text}` : text
}

/** Models that think as much as they see fit, steered by an effort, take `max` as one; before them a budget is set. */
function isAdaptive({ efforts }: Traits): boolean {
  return efforts?.includes('max') === true
}

function setThinking(body: Body, chat: Chat, traits: Traits, dropped: string[]): void {
  const asked = readReasoning(chat)
  if (asked === undefined || body.thinking !== undefined) return
  const name = chat.reasoning_effort ? 'reasoning_effort' : 'reasoning'
  if (!traits.reasoning) {
    if (asked.effort !== 'none') dropped.push(name)
    return
  }
  if (asked.effort === 'none') {
    // Models with neither budget nor switch think only where they are asked to, or always: there is nothing to say.
    if (!isAdaptive(traits) || traits.budget !== undefined || traits.toggle) body.thinking = { type: 'disabled' }
    return
  }
  const effort = nearestEffort(asked.effort ?? 'medium', traits)
  if (isAdaptive(traits)) {
    body.thinking = { type: 'adaptive', display: 'summarized' }
    if (effort !== undefined) setEffort(body, effort)
    return
  }
  // A tool that is forced and a thinking budget exclude each other; the tool decides what the answer is.
  const budget =
    isForced(body.tool_choice) || continuesWithoutThoughts(body)
      ? undefined
      : thinkingBudget(body, asked.tokens ?? BUDGET_TOKENS[asked.effort ?? 'medium'], chat, traits)
  if (budget === undefined) dropped.push(name)
  else body.thinking = { type: 'enabled', budget_tokens: budget }
}

/**
 * With a budget set, a turn that called tools and goes on with their results must begin with its thinking block. Clients
 * that keep only OpenAI's fields have lost it, and then the rest of the turn goes on without thinking.
 */
function continuesWithoutThoughts(body: Body): boolean {
  const [called, answered] = (body.messages as readonly AnthropicTurn[]).slice(-2)
  if (called?.role !== 'assistant' || answered?.content[0]?.type !== 'tool_result') return false
  return called.content[0]?.type !== 'thinking' && called.content[0]?.type !== 'redacted_thinking'
}

function setEffort(body: Body, effort: string): void {
  body.output_config = { ...Object(body.output_config), effort }
}

/** The budget comes on top of the answer that was asked for, within what the model can write at all. */
function thinkingBudget(body: Body, wanted: number, chat: Chat, { outputTokens, budget }: Traits): number | undefined {
  const least = Math.max(budget?.min ?? 0, MIN_BUDGET_TOKENS)
  const most = outputTokens || FALLBACK_MAX_TOKENS
  const answer = chat.max_completion_tokens ?? chat.max_tokens
  const room = answer ? Math.max(most - answer, 0) : most - least
  const tokens = Math.min(Math.max(wanted, least), budget?.max ?? wanted, Math.max(room, least))
  const total = answer ? Math.min(answer + tokens, most) : most
  if (tokens < least || tokens >= total) return undefined
  body.max_tokens = total
  return tokens
}

function setSampling(body: Body, chat: Chat, traits: Traits, dropped: string[]): void {
  const thinking = isJsonObject(body.thinking) && body.thinking.type !== 'disabled'
  const give = (name: string, value: unknown, takes: boolean) => {
    if (value === null || value === undefined) return
    if (takes) body[name] = value
    else dropped.push(name)
  }
  const free = traits.temperature && !thinking
  const { temperature, top_p } = chat
  // Anthropic's scale ends at 1; newer models refuse both at once.
  give('temperature', typeof temperature === 'number' ? Math.min(temperature, 1) : undefined, free)
  give('top_p', top_p, free && typeof temperature !== 'number')
  give('top_k', chat.top_k, free)
}

function setSmallThings(body: Body, chat: Chat, dropped: string[]): void {
  const stop = stopSequences(chat) ?? []
  const sequences = stop.filter((sequence) => sequence.trim() !== '')
  if (sequences.length > 0) body.stop_sequences = sequences
  if (sequences.length < stop.length) dropped.push('stop')
  const user = chat.safety_identifier ?? chat.user
  if (typeof user === 'string' && user !== '') body.metadata = { user_id: user }
  if (chat.service_tier === 'auto') body.service_tier = 'auto'
  else if (chat.service_tier === 'default') body.service_tier = 'standard_only'
  else if (chat.service_tier) dropped.push('service_tier')
}
