import { Failure } from '../../chat/failure.ts'
import type { Chat, Tool } from '../../chat/request.ts'
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
import { BUDGET_TOKENS, nearestEffort, readReasoning, weakestEffort } from '../shared/effort.ts'
import { isJsonObject, type JsonObject, omitNull } from '../shared/fields.ts'
import { withFunctionsAsTools } from '../shared/legacy-functions.ts'
import { checkParameters, stopSequences } from '../shared/parameters.ts'
import { unsupportedParameter } from '../shared/parts.ts'
import { tokenCount } from '../shared/token-count.ts'
import { allowedTools, UNKNOWN_TOOL_MESSAGE } from '../shared/tool-choice.ts'
import { createGeminiReader } from './read-answer.ts'
import { toGeminiJsonSchema } from './schema.ts'
import { withSignatures } from './signatures.ts'
import { GEMINI, isGemini3OrLater, toGeminiContents } from './write-contents.ts'

const MAX_STOP_SEQUENCES = 5
const MAX_CANDIDATES = 8

/** The budgets that Google itself uses for OpenAI's levels (translation 2.2); each model bounds `max`. */
const THINKING_TOKENS: typeof BUDGET_TOKENS = { ...BUDGET_TOKENS, low: 1024, high: 24_576 }

/** Gemini's generateContent (translation 2). */
export const gemini: ProviderFormat = withFunctionsAsTools(
  withCustomToolsAsFunctions({ name: GEMINI, framing: 'sse', prepare }),
)

function prepare(call: ProviderCall<object>): PreparedCall {
  return call.source === undefined ? prepareChat(call) : prepareSource(call, call.source)
}

/** A request that came in this format goes out as it came, and its answer comes back so. */
function prepareSource(
  { model, stream, traits, newId }: ProviderCall<object>,
  { body: given }: RequestSource,
): PreparedCall {
  const body = isGemini3OrLater(traits) ? withSignatures(given) : given
  const request = requestOf(model, stream, body)
  return {
    request,
    dropped: [],
    count: countOf(request, model, () => toCountedBody(body, model)),
    streamReader: () => createGeminiReader(newId, true).readEvent,
    readAnswer: (answer) => createGeminiReader(newId, true).readBody(answer),
  }
}

/** What asks for a count came as contents, or as a whole request for an answer. */
function toCountedBody(body: JsonObject, model: string): JsonObject {
  const name = `models/${model}`
  for (const inner of ['generateContentRequest', 'generate_content_request']) {
    if (isJsonObject(body[inner])) return { ...body, [inner]: { ...body[inner], model: name } }
  }
  return Object.keys(body).every((field) => field === 'contents')
    ? body
    : { generateContentRequest: { model: name, ...body } }
}

function requestOf(model: string, stream: boolean, body: JsonObject): ProviderRequest {
  const method = stream ? 'streamGenerateContent?alt=sse' : 'generateContent'
  return { path: pathOf(model) + method, headers: {}, body: JSON.stringify(body) }
}

function pathOf(model: string): string {
  return `/v1beta/models/${encodeURIComponent(model)}:`
}

function countOf(request: ProviderRequest, model: string, body: () => JsonObject): TokenCount {
  return tokenCount(request, { path: `${pathOf(model)}countTokens`, body, member: 'totalTokens' })
}

function prepareChat({ chat, model, stream, traits, newId }: ProviderCall<object>): PreparedCall {
  const dropped = checkParameters(chat, 'gemini')
  refuseUnsupported(chat)
  const { system, contents } = toGeminiContents(chat.messages, traits)
  // Before Gemini 3 JSON output excludes tools, even those that the model must not call.
  const omitsTools = chat.tool_choice === 'none' && !isGemini3OrLater(traits) && wantsJson(chat)
  const tools = omitsTools ? [] : toTools(chat)
  const body = {
    contents,
    ...(system.length > 0 ? { systemInstruction: { parts: system } } : {}),
    ...(tools.length > 0 ? { tools } : {}),
    ...(tools.length > 0 && chat.tools?.length ? toToolConfig(chat.tool_choice, chat.tools) : {}),
    ...(chat.safety_settings ? { safetySettings: chat.safety_settings } : {}),
    generationConfig: toGenerationConfig(chat, traits, dropped),
  }
  const request = requestOf(model, stream, body)
  return {
    request,
    dropped,
    count: countOf(request, model, () => ({ generateContentRequest: { model: `models/${model}`, ...body } })),
    streamReader: () => createGeminiReader(newId).readEvent,
    readAnswer: (answer) => createGeminiReader(newId).readBody(answer),
  }
}

function refuseUnsupported(chat: Chat): void {
  if (chat.modalities?.includes('audio')) throw unsupportedParameter('modalities')
  if (Array.isArray(chat.stop) && chat.stop.length > MAX_STOP_SEQUENCES) throw unsupportedParameter('stop')
}

function wantsJson({ response_format: format }: Chat): boolean {
  return format?.type === 'json_schema' || format?.type === 'json_object'
}

function toTools(chat: Chat): JsonObject[] {
  const declarations = (chat.tools ?? []).map(toDeclaration)
  return [
    ...(declarations.length > 0 ? [{ functionDeclarations: declarations }] : []),
    ...(isJsonObject(chat.web_search_options) ? [{ googleSearch: {} }] : []),
  ]
}

function toDeclaration(tool: Tool, at: number): JsonObject {
  if (tool.function === undefined) throw unsupportedParameter(`tools[${at}]`)
  const { name, description, parameters } = tool.function
  return {
    name,
    ...(description ? { description } : {}),
    ...(parameters ? { parametersJsonSchema: toParameters(parameters) } : {}),
  }
}

/** Gemini requires the type that OpenAI implies: parameters are an object. */
function toParameters(schema: JsonObject): JsonObject {
  const mapped = toGeminiJsonSchema(schema)
  return mapped.type === undefined && mapped.$ref === undefined ? { type: 'object', ...mapped } : mapped
}

function toToolConfig(choice: Chat['tool_choice'], tools: readonly Tool[]): JsonObject {
  const withConfig = (functionCallingConfig: JsonObject) => ({ toolConfig: { functionCallingConfig } })
  if (choice === 'none') return withConfig({ mode: 'NONE' })
  // VALIDATED is AUTO, but calls fit their schema: what OpenAI's strict tools promise.
  const strict = tools.some((tool) => tool.function?.strict === true)
  if (choice === 'auto') return withConfig({ mode: strict ? 'VALIDATED' : 'AUTO' })
  if (choice === 'required') return withConfig({ mode: 'ANY' })
  if (!isJsonObject(choice)) return strict ? withConfig({ mode: 'VALIDATED' }) : {}
  if (isJsonObject(choice.function)) return withConfig({ mode: 'ANY', allowedFunctionNames: [choice.function.name] })
  const allowed = allowedTools(choice)
  if (allowed === undefined) return {}
  const names = new Set<unknown>(tools.map((tool) => tool.function?.name))
  const allowedFunctionNames = [...allowed.names].filter((name) => names.has(name))
  if (allowedFunctionNames.length === 0)
    throw new Failure('invalid-value', UNKNOWN_TOOL_MESSAGE, { param: 'tool_choice' })
  // AUTO ignores the list of allowed functions; VALIDATED keeps to it and leaves the choice to the model.
  return withConfig({ mode: allowed.mode === 'required' ? 'ANY' : 'VALIDATED', allowedFunctionNames })
}

function toGenerationConfig(chat: Chat, traits: Traits, dropped: string[]): JsonObject {
  const maxTokens = chat.max_completion_tokens ?? chat.max_tokens ?? undefined
  const modelMaxTokens = traits.outputTokens || Number.POSITIVE_INFINITY
  const format = chat.response_format
  const isJson = wantsJson(chat)
  const schema = format?.type === 'json_schema' ? format.json_schema?.schema : undefined
  // Before Gemini 3 JSON output and functions exclude each other.
  const canHaveJson = isGemini3OrLater(traits) || !chat.tools?.length || chat.tool_choice === 'none'
  if (isJson && !canHaveJson) throw unsupportedParameter('response_format')
  if ((chat.n ?? 1) > MAX_CANDIDATES) throw unsupportedParameter('n')
  const images = chat.modalities?.includes('image') ? { responseModalities: ['TEXT', 'IMAGE'] } : {}
  const config = {
    maxOutputTokens: maxTokens === undefined ? undefined : Math.min(maxTokens, modelMaxTokens),
    temperature: traits.temperature ? chat.temperature : drop('temperature', chat.temperature, dropped),
    topP: chat.top_p,
    topK: chat.top_k,
    candidateCount: chat.n && chat.n > 1 ? chat.n : undefined,
    seed: chat.seed,
    presencePenalty: chat.presence_penalty,
    frequencyPenalty: chat.frequency_penalty,
    stopSequences: stopSequences(chat),
    responseLogprobs: chat.logprobs || undefined,
    logprobs: chat.logprobs ? chat.top_logprobs || undefined : drop('top_logprobs', chat.top_logprobs, dropped),
    responseMimeType: isJson ? 'application/json' : undefined,
    responseJsonSchema: schema ? toGeminiJsonSchema(schema) : undefined,
    thinkingConfig: toThinking(chat, traits, dropped),
    ...images,
  }
  return omitNull(config)
}

function drop(name: string, value: unknown, dropped: string[]): undefined {
  if (value !== null && value !== undefined) dropped.push(name)
}

/** Gemini 3 and later take a level, Gemini 2.5 takes a budget, no model takes both (translation 2.2). */
function toThinking(chat: Chat, traits: Traits, dropped: string[]): JsonObject | undefined {
  const reasoning = readReasoning(chat)
  if (reasoning === undefined) return undefined
  if (!traits.reasoning || (traits.efforts === undefined && traits.budget === undefined)) {
    if (reasoning.effort !== 'none') dropped.push(chat.reasoning_effort ? 'reasoning_effort' : 'reasoning')
    return undefined
  }
  const includeThoughts = reasoning.effort !== 'none'
  if (traits.efforts !== undefined) {
    // Thinking cannot be switched off here; a caller who wants none gets the lowest level.
    const level = nearestEffort(reasoning.effort ?? 'medium', traits) ?? weakestEffort(traits)
    return { thinkingLevel: level, includeThoughts }
  }
  const { min, max = Number.POSITIVE_INFINITY } = traits.budget ?? { min: 0 }
  const wanted = reasoning.tokens ?? THINKING_TOKENS[reasoning.effort ?? 'medium']
  const isOff = wanted === 0 && traits.toggle
  return { thinkingBudget: isOff ? 0 : Math.min(Math.max(wanted, min), max), includeThoughts }
}
