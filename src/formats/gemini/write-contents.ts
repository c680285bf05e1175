import { parseJson } from '../../chat/exact-json.ts'
import { Failure } from '../../chat/failure.ts'
import type { Message, Part, ToolCall } from '../../chat/request.ts'
import { createJsonBudget } from '../../stream/json-bounds.ts'
import type { Traits } from '../format.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, toText } from '../shared/fields.ts'
import {
  emptyConversation,
  PLACEHOLDER_USER_TEXT,
  partsOf,
  readArguments,
  readDataUrl,
  textContent,
  unsupportedContent,
  withUserTurn,
} from '../shared/parts.ts'
import { NO_SIGNATURE } from './signatures.ts'

/** The name of this format, on both sides. */
export const GEMINI = 'gemini'

export interface GeminiContent {
  readonly role: 'user' | 'model'
  readonly parts: readonly JsonObject[]
}

/** The conversation in Gemini's form. */
export interface GeminiConversation {
  readonly system: readonly JsonObject[]
  readonly contents: readonly GeminiContent[]
}

/** Gemini 3 and later: models that take a thinking level, and those that require signatures because they take none. */
export function isGemini3OrLater({ efforts, signsCalls }: Traits): boolean {
  return efforts !== undefined || signsCalls === true
}

/** The `format` of Gemini's reasoning details, so that a signature goes back only to the provider that made it. */
export const GEMINI_REASONING_FORMAT = 'google-gemini-v1'

/** The conversation while it is written. */
interface ContentsState {
  readonly traits: Traits
  /** Whether the arguments of a call may be read as JSON, and the result of one. */
  readonly fits: (text: string) => boolean
  readonly resultFits: (text: string) => boolean
  readonly system: JsonObject[]
  readonly turns: Turn[]
  /** The calls of the last assistant message with calls, by their id. */
  calls: ReadonlyMap<string, CallsOfOneId>
}

interface Turn {
  readonly role: 'user' | 'model'
  parts: JsonObject[]
  /** The parts of a turn of tool results, by the place of their call. */
  readonly results?: Map<number, JsonObject[]>
}

interface ToolCallPlace {
  readonly name: string
  /** Its place among the calls of its message: ids may be empty or come twice. */
  readonly place: number
}

/** Results go to the calls of one id in their order; all further results go to the first of them. */
interface CallsOfOneId {
  readonly calls: ToolCallPlace[]
  answered: number
}

/**
 * Translates messages (translation 2.1). The results of a turn's calls go back together, in the order of the calls.
 * @throws Failure for parts that Gemini has no form for, and for results that belong to no call.
 */
export function toGeminiContents(messages: readonly Message[], traits: Traits): GeminiConversation {
  const state: ContentsState = {
    traits,
    fits: createJsonBudget(),
    resultFits: createJsonBudget(),
    system: [],
    turns: [],
    calls: new Map(),
  }
  withUserTurn(messages).forEach((message, at) => {
    addMessage(state, message, `messages[${at}]`)
  })
  const { system, turns } = state
  if (turns.length === 0) throw emptyConversation()
  if (turns[0]?.role === 'model') turns.unshift({ role: 'user', parts: [{ text: PLACEHOLDER_USER_TEXT }] })
  const [first] = turns
  if (traits.noSystem === true && first !== undefined) {
    first.parts = [...system.splice(0).map(({ text }) => ({ text: `${text}\n\n` })), ...first.parts]
  }
  return {
    system,
    contents: turns.map(({ role, parts, results }) => ({
      role,
      parts: results === undefined ? parts : inOrderOfCalls(results),
    })),
  }
}

function addMessage(state: ContentsState, message: Message, path: string): void {
  switch (message.role) {
    case 'system':
    case 'developer': {
      const text = textContent(message.content, `${path}.content`)
      if (text !== '') state.system.push({ text })
      return
    }
    case 'user':
      addParts(
        state,
        'user',
        partsOf(message.content).flatMap((part, at) => toPart(part, `${path}.content[${at}]`)),
      )
      return
    case 'assistant': {
      const calls = message.tool_calls ?? []
      if (calls.length > 0) state.calls = callsById(calls)
      addParts(state, 'model', [...modelText(message), ...functionCalls(calls, path, state)])
      return
    }
    case 'tool':
    // withFunctionsAsTools has made tools of functions.
    case 'function':
      addResult(state, message, path)
      return
    default:
      message.role satisfies never
  }
}

function addParts({ turns }: ContentsState, role: Turn['role'], parts: readonly JsonObject[]): void {
  if (parts.length === 0) return
  const last = turns.at(-1)
  if (last?.role === role && last.results === undefined) for (const part of parts) last.parts.push(part)
  else turns.push({ role, parts: [...parts] })
}

function addResult(state: ContentsState, message: Message, path: string): void {
  const { turns, calls } = state
  const sameId = calls.get(message.tool_call_id ?? '')
  const call = sameId?.calls[sameId.answered++] ?? sameId?.calls[0]
  if (call === undefined) {
    const param = `${path}.tool_call_id`
    throw new Failure('invalid-value', `'${param}' names no tool call of the assistant before it.`, { param })
  }
  const last = turns.at(-1)
  const results = last?.results ?? new Map<number, JsonObject[]>()
  if (last?.results === undefined) turns.push({ role: 'user', parts: [], results })
  const parts = functionResponse(message, call.name, path, state)
  const before = results.get(call.place)
  if (before === undefined) results.set(call.place, parts)
  else for (const part of parts) before.push(part)
}

function callsById(calls: readonly ToolCall[]): ReadonlyMap<string, CallsOfOneId> {
  const byId = new Map<string, CallsOfOneId>()
  calls.forEach(({ id, function: called }, place) => {
    const call = { name: called?.name ?? '', place }
    const sameId = byId.get(id)
    if (sameId === undefined) byId.set(id, { calls: [call], answered: 0 })
    else sameId.calls.push(call)
  })
  return byId
}

function inOrderOfCalls(results: ReadonlyMap<number, readonly JsonObject[]>): readonly JsonObject[] {
  return [...results].sort(([one], [other]) => one - other).flatMap(([, parts]) => parts)
}

function modelText(message: Message): JsonObject[] {
  const text = partsOf(message.content)
    .map((part) => part.text ?? part.refusal ?? '')
    .join('')
  const textOrRefusal = text || (message.refusal ?? '')
  const signature = jsonObjectsIn(message.reasoning_details)
    .filter(({ format, type }) => format === GEMINI_REASONING_FORMAT && type === 'reasoning.encrypted')
    .map(({ data }) => toText(data))
    .findLast((data) => data !== undefined)
  if (textOrRefusal === '' && signature === undefined) return []
  return [{ text: textOrRefusal, ...(signature === undefined ? {} : { thoughtSignature: signature }) }]
}

function functionCalls(calls: readonly ToolCall[], path: string, { traits, fits }: ContentsState): JsonObject[] {
  return calls.map((call, at) => {
    if (call.function === undefined) throw unsupportedContent(`${path}.tool_calls[${at}]`, 'custom tool calls')
    const args = readArguments(call.function.arguments, `${path}.tool_calls[${at}].function.arguments`, fits)
    const google = isJsonObject(call.extra_content) ? call.extra_content.google : undefined
    const returned = isJsonObject(google) ? toText(google.thought_signature) : undefined
    // Gemini 3 and later require a signature at the first call of a turn.
    const signature = returned ?? (at === 0 && isGemini3OrLater(traits) ? NO_SIGNATURE : undefined)
    return {
      functionCall: { name: call.function.name, args },
      ...(signature === undefined ? {} : { thoughtSignature: signature }),
    }
  })
}

function functionResponse(
  message: Message,
  name: string,
  path: string,
  { traits, resultFits }: ContentsState,
): JsonObject[] {
  const parts = partsOf(message.content)
  const text = parts
    .filter((part) => part.type === 'text')
    .map((part) => part.text ?? '')
    .join('')
  const media = parts.flatMap((part, at) => (part.type === 'text' ? [] : toPart(part, `${path}.content[${at}]`)))
  const response = { name, response: responseObject(text, resultFits) }
  // Gemini 3 takes data within a response. Addresses, and all media for older models, stand beside the response.
  const isWithin = (part: JsonObject) => isGemini3OrLater(traits) && 'inlineData' in part
  const within = media.filter(isWithin)
  return [
    { functionResponse: { ...response, ...(within.length === 0 ? {} : { parts: within }) } },
    ...media.filter((part) => !isWithin(part)),
  ]
}

/** How JSON begins. Most results of tools are no JSON, and an exception for each would take long. */
const JSON_START = /^\s*(?:[[{"\d-]|(?:true|false|null)\s*$)/

/** Gemini takes only an object; a tool may return anything. */
function responseObject(text: string, fits: ContentsState['fits']): JsonObject {
  if (!JSON_START.test(text)) return { result: text }
  if (/^\s*[[{]/.test(text) && !fits(text)) return { result: text }
  try {
    const value = parseJson(text)
    if (isJsonObject(value)) return value
    // parseJson keeps the exact digits only of a number within a list or an object.
    return { result: typeof value === 'number' ? (parseJson(`[${text}]`) as unknown[])[0] : value }
  } catch {
    return { result: text }
  }
}

function toPart(part: Part, path: string): JsonObject[] {
  switch (part.type) {
    case 'text':
      return part.text ? [{ text: part.text }] : []
    case 'refusal':
      return part.refusal ? [{ text: part.refusal }] : []
    case 'image_url':
      return [media(part.image_url?.url ?? '', `${path}.image_url.url`)]
    case 'input_audio': {
      const { data = '', format = '' } = part.input_audio ?? {}
      return [{ inlineData: { mimeType: `audio/${format}`, data } }]
    }
    case 'video_url': {
      const url = isJsonObject(part.video_url) ? toText(part.video_url.url) : undefined
      return [media(url ?? '', `${path}.video_url.url`)]
    }
    case 'file':
      if (part.file?.file_id) return [{ fileData: { fileUri: part.file.file_id } }]
      return [media(part.file?.file_data ?? '', `${path}.file.file_data`)]
    default:
      throw unsupportedContent(path, `parts of type '${part.type}'`)
  }
}

const MEDIA_TYPES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    jpg: 'image/jpeg',
    jpeg: 'image/jpeg',
    png: 'image/png',
    gif: 'image/gif',
    webp: 'image/webp',
    heic: 'image/heic',
    pdf: 'application/pdf',
    mp4: 'video/mp4',
    webm: 'video/webm',
    mov: 'video/quicktime',
    mp3: 'audio/mp3',
    wav: 'audio/wav',
  }),
)

/** Data goes into the request; the Gemini API fetches addresses itself (Gemini API docs, "File input methods"). */
function media(url: string, path: string): JsonObject {
  const inline = readDataUrl(url, path)
  if (inline !== undefined) return { inlineData: { mimeType: inline.mediaType, data: inline.data } }
  if (!/^(https|gs):\/\//i.test(url)) {
    throw new Failure('invalid-value', `'${path}' must be an https URL or a base64 data URL.`, { param: path })
  }
  const extension = /\.([a-z0-9]+)(?:[?#]|$)/i.exec(url)?.[1]?.toLowerCase() ?? ''
  const mimeType = MEDIA_TYPES.get(extension)
  return { fileData: { fileUri: url, ...(mimeType === undefined ? {} : { mimeType }) } }
}
