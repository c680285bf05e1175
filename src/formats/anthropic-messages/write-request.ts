import { Failure } from '../../chat/failure.ts'
import { type Chat, GATEWAY_FIELDS, type Tool } from '../../chat/request.ts'
import type {
  PreparedCall,
  ProviderCall,
  ProviderFormat,
  ProviderRequest,
  RequestSource,
  TokenCount,
  Traits,
} from '../format.ts'
import { withCustomToolsAsFunctions } from '../shared/custom-tools.ts'
import { BUDGET_TOKENS, nearestEffort, readReasoning } from '../shared/effort.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn } from '../shared/fields.ts'
import { toStrictSchema } from '../shared/json-schema.ts'
import { withFunctionsAsTools } from '../shared/legacy-functions.ts'
import { checkParameters, nativeFields, stopSequences } from '../shared/parameters.ts'
import { unsupportedParameter } from '../shared/parts.ts'
import { pickFields, tokenCount } from '../shared/token-count.ts'
import { allowedTools, UNKNOWN_TOOL_MESSAGE } from '../shared/tool-choice.ts'
import { createAnthropicReader, withNative } from './read-answer.ts'
import { withoutSystemTurns } from './system-turns.ts'
import { ANTHROPIC_MESSAGES, type AnthropicTurn, toAnthropicMessages } from './write-messages.ts'

/** Models without structured output get a tool whose input is the answer. */
const JSON_TOOL = 'json'
/** For models without a limit in the catalogue: every Claude model can write this much. */
const FALLBACK_MAX_TOKENS = 4096
const MIN_BUDGET_TOKENS = 1024
const PATH = '/v1/messages'
const VERSION = '2023-06-01'

/** Anthropic's Messages API (translation 1). */
export const anthropic: ProviderFormat = withFunctionsAsTools(
  withCustomToolsAsFunctions({ name: ANTHROPIC_MESSAGES, framing: 'sse', prepare }),
)

type Body = Record<string, unknown>

const MAX_CACHE_MARKS = 4

/**
 * Removes all but the last cache marks: Anthropic takes four, and the last ones save the most, because each covers
 * everything before it. A mark on the whole request counts too.
 */
function limitCacheMarks(body: Body): void {
  const blocks = (body.messages as readonly AnthropicTurn[]).flatMap(({ content }) => content)
  const contents = blocks.flatMap((block) => [...jsonObjectsIn(block.content), block])
  const blocksAndTools = [body.tools, body.system, contents].flatMap((list) => jsonObjectsIn(list))
  const marked = blocksAndTools.filter((block) => block.cache_control !== undefined) as Body[]
  const maxMarks = body.cache_control === undefined ? MAX_CACHE_MARKS : MAX_CACHE_MARKS - 1
  for (const block of marked.slice(0, -maxMarks)) delete block.cache_control
}

function prepare(call: ProviderCall<object>): PreparedCall {
  return call.source === undefined ? prepareChat(call) : prepareSource(call, call.source)
}

/** A request that came in this format goes out as it came, but for what the model would refuse, and its answer comes back so. */
function prepareSource({ model, header }: ProviderCall<object>, { body: given }: RequestSource): PreparedCall {
  const body: Body = { ...given, model }
  for (const name of GATEWAY_FIELDS) delete body[name]
  body.messages = withoutSystemTurns(model, body.messages as readonly AnthropicTurn[])
  const dropped = Object(body.thinking).type === 'enabled' && continuesWithoutThinking(body) ? ['thinking'] : []
  for (const name of dropped) delete body[name]
  const betas = header?.('anthropic-beta')
  const request = {
    path: PATH,
    headers: {
      'anthropic-version': header?.('anthropic-version') ?? VERSION,
      ...(betas ? { 'anthropic-beta': betas } : {}),
    },
    body: JSON.stringify(body),
  }
  return {
    request,
    dropped,
    // What asks for no answer came without some fields, and goes on with all it has.
    count: countOf(request, () => body),
    streamReader: () => withNative(createAnthropicReader(undefined).readEvent),
    readAnswer: (answer) => withNative(createAnthropicReader(undefined).readBody)(answer, ''),
  }
}

function prepareChat({ chat, model, stream, traits, promptTokens, header }: ProviderCall<object>): PreparedCall {
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
  setOtherFields(body, chat, dropped)
  if (stream) body.stream = true
  limitCacheMarks(body)
  const request = {
    path: PATH,
    headers: { 'anthropic-version': VERSION, ...betaHeader(body, usesFiles, header?.('anthropic-beta')) },
    body: JSON.stringify(body),
  }
  return {
    request,
    dropped,
    count: countOf(request, () => pickFields(body, COUNTED_FIELDS)),
    streamReader: () => createAnthropicReader(jsonTool).readEvent,
    readAnswer: (answer) => createAnthropicReader(jsonTool).readBody(answer),
  }
}

/** What of a request for an answer belongs to the prompt (platform.claude.com, "Count tokens"). */
const COUNTED_FIELDS = [
  ...['model', 'messages', 'system', 'tools', 'tool_choice', 'thinking'],
  ...['cache_control', 'context_management', 'mcp_servers', 'output_config'],
]

function countOf(request: ProviderRequest, body: () => Body): TokenCount {
  return tokenCount(request, { path: `${PATH}/count_tokens`, body, member: 'input_tokens' })
}

/** Fields that Anthropic takes only together with a beta header (Anthropic docs, "Beta headers"). */
const BETAS: ReadonlyMap<string, string> = new Map([
  ['context_management', 'context-management-2025-06-27'],
  ['mcp_servers', 'mcp-client-2025-04-04'],
])

/** Models that think adaptively do not continue a last message of the assistant; another candidate may. */
function noPrefill({ messages }: Chat): Failure {
  const param = `messages[${messages.length - 1}]`
  const text = `The model that was chosen does not take a last message of the assistant ('${param}').`
  return new Failure('model-not-capable', text, { param })
}

/** The client's own betas come first: it may know more of them than we do. */
function betaHeader(body: Body, usesFiles: boolean, clientHeader: string | null | undefined): Record<string, string> {
  const clientBetas = (clientHeader ?? '').split(',').flatMap((beta) => beta.trim() || [])
  const needed = [...BETAS].flatMap(([field, beta]) => (field in body ? [beta] : []))
  const betas = new Set([...clientBetas, ...needed, ...(usesFiles ? ['files-api-2025-04-14'] : [])])
  return betas.size === 0 ? {} : { 'anthropic-beta': [...betas].join(',') }
}

/**
 * Anthropic requires `max_tokens`, and prompt and answer together must fit the context window. Where the caller sets none,
 * it is what the prompt leaves room for.
 */
function maxTokens(
  chat: Chat,
  { outputTokens, contextTokens }: Traits,
  promptTokens: (() => number) | undefined,
): number {
  const modelMaxTokens = outputTokens || FALLBACK_MAX_TOKENS
  const requested = chat.max_completion_tokens ?? chat.max_tokens
  if (requested) return outputTokens > 0 ? Math.min(requested, outputTokens) : requested
  if (contextTokens === 0 || promptTokens === undefined) return modelMaxTokens
  return Math.max(Math.min(modelMaxTokens, contextTokens - promptTokens()), FALLBACK_MAX_TOKENS)
}

function toTool(tool: Tool, at: number, { jsonSchema }: Traits): JsonObject {
  if (tool.type === 'custom') throw unsupportedParameter(`tools[${at}]`)
  // A server tool of Anthropic: the caller wrote it in Anthropic's format.
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
    declareCalledTools(body)
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
  const isSingleCall = chat.parallel_tool_calls === false && toolChoice?.type !== 'none'
  if (isSingleCall) body.tool_choice = { ...(toolChoice ?? { type: 'auto' }), disable_parallel_tool_use: true }
  else if (toolChoice !== undefined) body.tool_choice = toolChoice
}

/**
 * Anthropic refuses a conversation with calls of tools that the request does not declare. A client that wants no further
 * calls declares none: then we declare the tools that were called, and forbid calls.
 */
function declareCalledTools(body: Body): void {
  const blocks = (body.messages as readonly AnthropicTurn[]).flatMap(({ content }) => content)
  const names = new Set(blocks.flatMap(({ type, name }) => (type === 'tool_use' ? [name] : [])))
  if (names.size === 0) return
  body.tools = [...names].map((name) => ({ name, input_schema: { type: 'object', properties: {} } }))
  body.tool_choice = { type: 'none' }
}

function webSearch({ user_location: location }: JsonObject): JsonObject {
  const place = isJsonObject(location) && isJsonObject(location.approximate) ? location.approximate : undefined
  const userLocation = place === undefined ? {} : { user_location: { ...place, type: 'approximate' } }
  return { type: 'web_search_20250305', name: 'web_search', ...userLocation }
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
  return setJsonTool(body, schema)
}

/** Adds a tool whose input is the answer, and makes the model call it, or another tool. @returns the tool's name. */
function setJsonTool(body: Body, schema: JsonObject): string {
  const tools: readonly JsonObject[] = Array.isArray(body.tools) ? body.tools : []
  const taken = new Set(tools.map((tool) => tool.name))
  let name = JSON_TOOL
  while (taken.has(name)) name += '_'
  const input_schema = { ...schema, type: 'object' }
  body.tools = [...tools, { name, description: 'Gives the answer.', input_schema }]
  const choice = isJsonObject(body.tool_choice) ? body.tool_choice : {}
  const hasOtherTools = tools.length > 0 && choice.type !== 'none'
  const singleCall = choice.disable_parallel_tool_use === true ? { disable_parallel_tool_use: true } : {}
  body.tool_choice = hasOtherTools
    ? { type: 'any', ...singleCall }
    : { type: 'tool', name, disable_parallel_tool_use: true }
  return name
}

function addSystem(body: Body, text: string): void {
  const before = body.system
  if (Array.isArray(before)) body.system = [...before, { type: 'text', text }]
  else body.system = typeof before === 'string' ? `${before}\n${text}` : text
}

/** Models that decide themselves how much they think take an effort, `max` among them; older models take a budget. */
function isAdaptive({ efforts }: Traits): boolean {
  return efforts?.includes('max') === true
}

function setThinking(body: Body, chat: Chat, traits: Traits, dropped: string[]): void {
  const reasoning = readReasoning(chat)
  if (reasoning === undefined || body.thinking !== undefined) return
  const name = chat.reasoning_effort ? 'reasoning_effort' : 'reasoning'
  if (!traits.reasoning) {
    if (reasoning.effort !== 'none') dropped.push(name)
    return
  }
  if (reasoning.effort === 'none') {
    // A model with neither a budget nor a switch thinks only on request, or always: no field would change that.
    if (!isAdaptive(traits) || traits.budget !== undefined || traits.toggle) body.thinking = { type: 'disabled' }
    return
  }
  const effort = nearestEffort(reasoning.effort ?? 'medium', traits)
  if (isAdaptive(traits)) {
    body.thinking = { type: 'adaptive', display: 'summarized' }
    if (effort !== undefined) setEffort(body, effort)
    return
  }
  // A forced tool and a thinking budget exclude each other. The tool matters more: it decides what the answer is.
  const budget =
    isForced(body.tool_choice) || continuesWithoutThinking(body)
      ? undefined
      : thinkingBudget(body, reasoning.tokens ?? BUDGET_TOKENS[reasoning.effort ?? 'medium'], chat, traits)
  if (budget === undefined) dropped.push(name)
  else body.thinking = { type: 'enabled', budget_tokens: budget }
}

/**
 * With a thinking budget, a turn that called tools and continues with their results must begin with its thinking block.
 * A client that keeps only OpenAI's fields has lost the block, so the rest of the turn continues without thinking.
 */
function continuesWithoutThinking(body: Body): boolean {
  const [calls, results] = (body.messages as readonly AnthropicTurn[]).slice(-2)
  const [result] = jsonObjectsIn(results?.content)
  const [first] = jsonObjectsIn(calls?.content)
  if (calls?.role !== 'assistant' || result?.type !== 'tool_result') return false
  return first?.type !== 'thinking' && first?.type !== 'redacted_thinking'
}

function setEffort(body: Body, effort: string): void {
  body.output_config = { ...Object(body.output_config), effort }
}

/** The budget comes on top of the caller's `max_tokens`, within what the model can write at all. */
function thinkingBudget(body: Body, wanted: number, chat: Chat, { outputTokens, budget }: Traits): number | undefined {
  const minBudget = Math.max(budget?.min ?? 0, MIN_BUDGET_TOKENS)
  const modelMaxTokens = outputTokens || FALLBACK_MAX_TOKENS
  const answer = chat.max_completion_tokens ?? chat.max_tokens
  const room = answer ? Math.max(modelMaxTokens - answer, 0) : modelMaxTokens - minBudget
  const tokens = Math.min(Math.max(wanted, minBudget), budget?.max ?? wanted, Math.max(room, minBudget))
  const total = answer ? Math.min(answer + tokens, modelMaxTokens) : modelMaxTokens
  if (tokens < minBudget || tokens >= total) return undefined
  body.max_tokens = total
  return tokens
}

function setSampling(body: Body, chat: Chat, traits: Traits, dropped: string[]): void {
  const isThinking = isJsonObject(body.thinking) && body.thinking.type !== 'disabled'
  const setOrDrop = (name: string, value: unknown, isTaken: boolean) => {
    if (value === null || value === undefined) return
    if (isTaken) body[name] = value
    else dropped.push(name)
  }
  const isTaken = traits.temperature && !isThinking
  const { temperature, top_p } = chat
  // Anthropic's temperatures end at 1; newer models refuse temperature and top_p together.
  setOrDrop('temperature', typeof temperature === 'number' ? Math.min(temperature, 1) : undefined, isTaken)
  setOrDrop('top_p', top_p, isTaken && typeof temperature !== 'number')
  setOrDrop('top_k', chat.top_k, isTaken)
}

function setOtherFields(body: Body, chat: Chat, dropped: string[]): void {
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
