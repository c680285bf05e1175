import { Failure } from '../../chat/failure.ts'
import type { Chat, Tool } from '../../chat/request.ts'
import type { PreparedCall, ProviderCall, ProviderFormat, Traits } from '../format.ts'
import { BUDGET_TOKENS, nearestEffort, readReasoning, weakestEffort } from '../shared/effort.ts'
import { isJsonObject, type JsonObject, omitNull } from '../shared/fields.ts'
import { withFunctionsAsTools } from '../shared/legacy-functions.ts'
import { checkParameters, stopSequences } from '../shared/parameters.ts'
import { unsupportedParameter } from '../shared/parts.ts'
import { allowedTools, UNKNOWN_TOOL_MESSAGE } from '../shared/tool-choice.ts'
import { createGeminiReader } from './read-answer.ts'
import { toGeminiJsonSchema } from './schema.ts'
import { isGemini3OrLater, toGeminiContents } from './write-contents.ts'

const MAX_STOP_SEQUENCES = 5
const MAX_CANDIDATES = 8

/** Google's own reading of OpenAI's levels (translation 2.2); `max` is bounded by each model. */
const THINKING_TOKENS: typeof BUDGET_TOKENS = { ...BUDGET_TOKENS, low: 1024, high: 24_576 }

/** Gemini's generateContent (translation 2). */
export const gemini: ProviderFormat = withFunctionsAsTools({ name: 'gemini', framing: 'sse', prepare })

function prepare({ chat, model, stream, traits, newId }: ProviderCall<object>): PreparedCall {
  const dropped = checkParameters(chat, 'gemini')
  refuseWhatItLacks(chat)
  const { system, contents } = toGeminiContents(chat.messages, traits)
  const noneWithJson = chat.tool_choice === 'none' && !isGemini3OrLater(traits) && isJson(chat)
  const tools = noneWithJson ? [] : toTools(chat)
  const body = {
    contents,
    ...(system.length > 0 ? { systemInstruction: { parts: system } } : {}),
    ...(tools.length > 0 ? { tools } : {}),
    ...(tools.length > 0 && chat.tools?.length ? toToolConfig(chat.tool_choice, chat.tools) : {}),
    ...(chat.safety_settings ? { safetySettings: chat.safety_settings } : {}),
    generationConfig: toGenerationConfig(chat, traits, dropped),
  }
  const method = stream ? 'streamGenerateContent?alt=sse' : 'generateContent'
  return {
    request: {
      path: `/v1beta/models/${encodeURIComponent(model)}:${method}`,
      headers: {},
      body: JSON.stringify(body),
    },
    dropped,
    streamReader: () => createGeminiReader(newId).readEvent,
    readAnswer: (answer) => createGeminiReader(newId).readBody(answer),
  }
}

function refuseWhatItLacks(chat: Chat): void {
  if (chat.modalities?.includes('audio')) throw unsupportedParameter('modalities')
  if (Array.isArray(chat.stop) && chat.stop.length > MAX_STOP_SEQUENCES) throw unsupportedParameter('stop')
}

/** Before Gemini 3 it excludes tools, even those that must not be called. */
function isJson({ response_format: format }: Chat): boolean {
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

/** Parameters are an object, whether their schema says so or not; Gemini wants it said. */
function toParameters(schema: JsonObject): JsonObject {
  const mapped = toGeminiJsonSchema(schema)
  return mapped.type === undefined && mapped.$ref === undefined ? { type: 'object', ...mapped } : mapped
}

function toToolConfig(choice: Chat['tool_choice'], offered: readonly Tool[]): JsonObject {
  const mode = (functionCallingConfig: JsonObject) => ({ toolConfig: { functionCallingConfig } })
  if (choice === 'none') return mode({ mode: 'NONE' })
  // VALIDATED is AUTO with calls that fit their schema, as strict tools ask for.
  const strict = offered.some((tool) => tool.function?.strict === true)
  if (choice === 'auto') return mode({ mode: strict ? 'VALIDATED' : 'AUTO' })
  if (choice === 'required') return mode({ mode: 'ANY' })
  if (!isJsonObject(choice)) return strict ? mode({ mode: 'VALIDATED' }) : {}
  if (isJsonObject(choice.function)) return mode({ mode: 'ANY', allowedFunctionNames: [choice.function.name] })
  const allowed = allowedTools(choice)
  if (allowed === undefined) return {}
  const known = new Set<unknown>(offered.map((tool) => tool.function?.name))
  const allowedFunctionNames = [...allowed.names].filter((name) => known.has(name))
  if (allowedFunctionNames.length === 0)
    throw new Failure('invalid-value', UNKNOWN_TOOL_MESSAGE, { param: 'tool_choice' })
  // Only ANY narrows the list; leaving the choice to the model is done by VALIDATED.
  return mode({ mode: allowed.mode === 'required' ? 'ANY' : 'VALIDATED', allowedFunctionNames })
}

function toGenerationConfig(chat: Chat, traits: Traits, dropped: string[]): JsonObject {
  const asked = chat.max_completion_tokens ?? chat.max_tokens ?? undefined
  const most = traits.outputTokens || Number.POSITIVE_INFINITY
  const format = chat.response_format
  const json = isJson(chat)
  const schema = format?.type === 'json_schema' ? format.json_schema?.schema : undefined
  // Before Gemini 3 JSON output and functions exclude each other.
  const jsonAllowed = isGemini3OrLater(traits) || !chat.tools?.length || chat.tool_choice === 'none'
  if (json && !jsonAllowed) throw unsupportedParameter('response_format')
  if ((chat.n ?? 1) > MAX_CANDIDATES) throw unsupportedParameter('n')
  const images = chat.modalities?.includes('image') ? { responseModalities: ['TEXT', 'IMAGE'] } : {}
  const given = {
    maxOutputTokens: asked === undefined ? undefined : Math.min(asked, most),
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
    responseMimeType: json ? 'application/json' : undefined,
    responseJsonSchema: schema ? toGeminiJsonSchema(schema) : undefined,
    thinkingConfig: toThinking(chat, traits, dropped),
    ...images,
  }
  return omitNull(given)
}

function drop(name: string, value: unknown, dropped: string[]): undefined {
  if (value !== null && value !== undefined) dropped.push(name)
}

/** Gemini 3 and later take a level, 2.5 takes a budget; never both (translation 2.2). */
function toThinking(chat: Chat, traits: Traits, dropped: string[]): JsonObject | undefined {
  const asked = readReasoning(chat)
  if (asked === undefined) return undefined
  if (!traits.reasoning || (traits.efforts === undefined && traits.budget === undefined)) {
    if (asked.effort !== 'none') dropped.push(chat.reasoning_effort ? 'reasoning_effort' : 'reasoning')
    return undefined
  }
  const includeThoughts = asked.effort !== 'none'
  if (traits.efforts !== undefined) {
    // It cannot be off: who wants none gets the least.
    const level = nearestEffort(asked.effort ?? 'medium', traits) ?? weakestEffort(traits)
    return { thinkingLevel: level, includeThoughts }
  }
  const { min, max = Number.POSITIVE_INFINITY } = traits.budget ?? { min: 0 }
  const wanted = asked.tokens ?? THINKING_TOKENS[asked.effort ?? 'medium']
  const off = wanted === 0 && traits.toggle
  return { thinkingBudget: off ? 0 : Math.min(Math.max(wanted, min), max), includeThoughts }
}
