import { parseJson } from '../../chat/exact-json.ts'
import { Failure } from '../../chat/failure.ts'
import type { Message, Part, ToolCall } from '../../chat/request.ts'
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

export interface GeminiContent {
  readonly role: 'user' | 'model'
  readonly parts: readonly JsonObject[]
}

/** The conversation in Gemini's form. */
export interface GeminiConversation {
  readonly system: readonly JsonObject[]
  readonly contents: readonly GeminiContent[]
}

/** Gemini 3 and later: those that are steered by a level, and those that say so because they take none. */
export function isGemini3OrLater({ efforts, signsCalls }: Traits): boolean {
  return efforts !== undefined || signsCalls === true
}

/** Reasoning details carry this, so that a signature goes back only to those who made it. */
export const GEMINI_REASONING_FORMAT = 'google-gemini-v1'

/** Google's own word for "the signature was lost on the way": the call is taken without it. */
const NO_SIGNATURE = 'skip_thought_signature_validator'

interface OpenCall {
  readonly name: string
  /** Its place among the turn's calls: ids may be empty or come twice. */
  readonly at: number
}

/** The calls of one id, in their order. Results go to one after the other, and all that are left over to the first. */
interface Namesakes {
  readonly calls: OpenCall[]
  answered: number
}

/**
 * Translates messages (translation 2.1). Each turn's tool results go back together, in the order of its calls.
 * @throws Failure for parts that Gemini has no form for, and for results of calls that nobody made.
 */
export function toGeminiContents(messages: readonly Message[], traits: Traits): GeminiConversation {
  const system: JsonObject[] = []
  const turns: { role: 'user' | 'model'; parts: JsonObject[]; answers?: Map<number, JsonObject[]> }[] = []
  let open: ReadonlyMap<string, Namesakes> = new Map()

  const push = (role: 'user' | 'model', parts: readonly JsonObject[]) => {
    if (parts.length === 0) return
    const last = turns.at(-1)
    if (last?.role === role && last.answers === undefined) for (const part of parts) last.parts.push(part)
    else turns.push({ role, parts: [...parts] })
  }

  const answer = (message: Message, path: string) => {
    const namesakes = open.get(message.tool_call_id ?? '')
    const call = namesakes?.calls[namesakes.answered++] ?? namesakes?.calls[0]
    if (call === undefined) {
      const param = `${path}.tool_call_id`
      throw new Failure('invalid-value', `'${param}' names no tool call of the assistant before it.`, { param })
    }
    const last = turns.at(-1)
    const answers = last?.answers ?? new Map<number, JsonObject[]>()
    if (last?.answers === undefined) turns.push({ role: 'user', parts: [], answers })
    const response = functionResponse(message, call, path, traits)
    const before = answers.get(call.at)
    if (before === undefined) answers.set(call.at, response)
    else for (const part of response) before.push(part)
  }

  withUserTurn(messages).forEach((message, at) => {
    const path = `messages[${at}]`
    switch (message.role) {
      case 'system':
      case 'developer': {
        const text = textContent(message.content, `${path}.content`)
        if (text !== '') system.push({ text })
        break
      }
      case 'user':
        push(
          'user',
          partsOf(message.content).flatMap((part, index) => toPart(part, `${path}.content[${index}]`)),
        )
        break
      case 'assistant': {
        const own = message.tool_calls ?? []
        if (own.length > 0) open = openCalls(own)
        push('model', [...modelText(message), ...functionCalls(own, path, traits)])
        break
      }
      case 'tool':
      // Functions have become tools.
      case 'function':
        answer(message, path)
        break
      default:
        message.role satisfies never
    }
  })
  if (turns.length === 0) throw emptyConversation()
  if (turns[0]?.role === 'model') turns.unshift({ role: 'user', parts: [{ text: PLACEHOLDER_USER_TEXT }] })
  if (traits.noSystem === true && system.length > 0) {
    const [first] = turns
    if (first !== undefined) {
      first.parts = [...system.splice(0).map(({ text }) => ({ text: `${text}\n\n` })), ...first.parts]
    }
  }
  return {
    system,
    contents: turns.map(({ role, parts, answers }) => ({
      role,
      parts: answers === undefined ? parts : inOrder(answers),
    })),
  }
}

function openCalls(calls: readonly ToolCall[]): ReadonlyMap<string, Namesakes> {
  const open = new Map<string, Namesakes>()
  calls.forEach(({ id, function: called }, at) => {
    const call = { name: called?.name ?? '', at }
    const namesakes = open.get(id)
    if (namesakes === undefined) open.set(id, { calls: [call], answered: 0 })
    else namesakes.calls.push(call)
  })
  return open
}

/** A turn's answers, in the order of the calls. */
function inOrder(answers: ReadonlyMap<number, readonly JsonObject[]>): readonly JsonObject[] {
  return [...answers].sort(([one], [other]) => one - other).flatMap(([, parts]) => parts)
}

function modelText(message: Message): JsonObject[] {
  const text = partsOf(message.content)
    .map((part) => part.text ?? part.refusal ?? '')
    .join('')
  const whole = text || (message.refusal ?? '')
  const signature = jsonObjectsIn(message.reasoning_details)
    .filter(({ format, type }) => format === GEMINI_REASONING_FORMAT && type === 'reasoning.encrypted')
    .map(({ data }) => toText(data))
    .findLast((data) => data !== undefined)
  if (whole === '' && signature === undefined) return []
  return [{ text: whole, ...(signature === undefined ? {} : { thoughtSignature: signature }) }]
}

function functionCalls(calls: readonly ToolCall[], path: string, traits: Traits): JsonObject[] {
  return calls.map((call, at) => {
    if (call.function === undefined) throw unsupportedContent(`${path}.tool_calls[${at}]`, 'custom tool calls')
    const args = readArguments(call.function.arguments, `${path}.tool_calls[${at}].function.arguments`)
    const google = isJsonObject(call.extra_content) ? call.extra_content.google : undefined
    const own = isJsonObject(google) ? toText(google.thought_signature) : undefined
    // Gemini 3 and later insist on a signature at the first call of a turn.
    const signature = own ?? (at === 0 && isGemini3OrLater(traits) ? NO_SIGNATURE : undefined)
    return {
      functionCall: { name: call.function.name, args },
      ...(signature === undefined ? {} : { thoughtSignature: signature }),
    }
  })
}

function functionResponse(message: Message, { name }: OpenCall, path: string, traits: Traits): JsonObject[] {
  const parts = partsOf(message.content)
  const text = parts
    .filter((part) => part.type === 'text')
    .map((part) => part.text ?? '')
    .join('')
  const media = parts.flatMap((part, at) => (part.type === 'text' ? [] : toPart(part, `${path}.content[${at}]`)))
  const response = { name, response: responseObject(text) }
  // Gemini 3 takes data within a response; what it fetches, and all that older models get, stands beside it.
  const isInside = (part: JsonObject) => isGemini3OrLater(traits) && 'inlineData' in part
  const inside = media.filter(isInside)
  return [
    { functionResponse: { ...response, ...(inside.length === 0 ? {} : { parts: inside }) } },
    ...media.filter((part) => !isInside(part)),
  ]
}

/** Gemini wants an object; a tool may answer with anything. */
function responseObject(text: string): JsonObject {
  try {
    const value = parseJson(text)
    if (isJsonObject(value)) return value
    // Only what stands in something can be a raw number.
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

const TYPES: ReadonlyMap<string, string> = new Map(
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

/** Data goes in the request; the Gemini API fetches addresses itself (its docs, "File input methods"). */
function media(url: string, path: string): JsonObject {
  const inline = readDataUrl(url, path)
  if (inline !== undefined) return { inlineData: { mimeType: inline.mediaType, data: inline.data } }
  if (!/^(https|gs):\/\//i.test(url)) {
    throw new Failure('invalid-value', `'${path}' must be an https URL or a base64 data URL.`, { param: path })
  }
  const ending = /\.([a-z0-9]+)(?:[?#]|$)/i.exec(url)?.[1]?.toLowerCase() ?? ''
  const mimeType = TYPES.get(ending)
  return { fileData: { fileUri: url, ...(mimeType === undefined ? {} : { mimeType }) } }
}
