import { parseJson } from '../../chat/exact-json.ts'
import { Failure } from '../../chat/failure.ts'
import type { Message, Part } from '../../chat/request.ts'

/** The parts of a `data:` URL. */
export interface DataUrl {
  /** Lower case, without parameters. */
  readonly mediaType: string
  /** Base64 without white space. */
  readonly data: string
}

/**
 * Reads a base64 `data:` URL.
 * @returns undefined for any other URL.
 * @throws Failure `invalid-value` for a `data:` URL that is not base64.
 */
export function readDataUrl(url: string, param: string): DataUrl | undefined {
  if (!/^data:/i.test(url)) return undefined
  const comma = url.indexOf(',')
  const head = url.slice(5, Math.max(comma, 5)).toLowerCase()
  if (comma < 0 || !/;\s*base64$/.test(head)) {
    throw new Failure('invalid-value', `'${param}' must be an https URL or a base64 data URL.`, { param })
  }
  const data = url.slice(comma + 1)
  return { mediaType: (head.split(';')[0] ?? '').trim(), data: /\s/.test(data) ? data.replace(/\s+/g, '') : data }
}

/** Base64 of UTF-8 as text. @throws Failure `invalid-value` where it is not base64. */
export function decodeBase64Text(data: string, param: string): string {
  try {
    const binary = atob(data)
    const bytes = new Uint8Array(binary.length)
    // `Uint8Array.from` takes twenty times as long.
    for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at)
    return new TextDecoder().decode(bytes)
  } catch {
    throw new Failure('invalid-value', `'${param}' is not valid base64.`, { param })
  }
}

/** The first message where a provider wants the user to begin, but the assistant did. */
export const PLACEHOLDER_USER_TEXT = 'Hello.'

/** For a conversation in which no message is left to answer. */
export function emptyConversation(): Failure {
  const text = "'messages' needs at least one message that is not empty beside the system messages."
  return new Failure('invalid-value', text, { param: 'messages' })
}

/**
 * Makes sure that a conversation has a message beside the system's: where it has none, the last system message becomes the
 * user's. Most APIs refuse to answer system messages alone.
 */
export function withUserTurn(messages: readonly Message[]): readonly Message[] {
  if (messages.some((message) => !isSystem(message) && hasContent(message))) return messages
  const at = messages.findLastIndex((message) => isSystem(message) && hasContent(message))
  return messages.map((message, index) => (index === at ? { ...message, role: 'user' } : message))
}

function isSystem({ role }: Message): boolean {
  return role === 'system' || role === 'developer'
}

function hasContent({ role, content, tool_calls, function_call, refusal }: Message): boolean {
  if (role === 'tool' || role === 'function' || tool_calls?.length || function_call) return true
  const isFilled = (text: string | null | undefined) => typeof text === 'string' && /\S/.test(text)
  return (
    isFilled(refusal) ||
    (Array.isArray(content) ? content.some(({ text }) => text === undefined || isFilled(text)) : isFilled(content))
  )
}

/** For a part that this model or format has no form for. To drop it would change the question. */
export function unsupportedContent(param: string, what: string): Failure {
  return new Failure('model-not-capable', `The model that was chosen does not take ${what} ('${param}').`, { param })
}

/** A message's content as a list of parts; null and empty text are an empty list. */
export function partsOf(content: Message['content']): readonly Part[] {
  if (content === null || content === undefined || content === '') return []
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content
}

/** The content of a message as one text. @throws Failure `model-not-capable` for parts of other kinds. */
export function textContent(content: Message['content'], param: string): string {
  if (typeof content === 'string') return content
  return partsOf(content)
    .map((part, at) => {
      const text = part.text ?? part.refusal
      if (typeof text !== 'string') throw unsupportedContent(`${param}[${at}]`, `parts of type '${part.type}' here`)
      return text
    })
    .join('')
}

/**
 * A tool call's arguments as an object. An empty text and `null` are no arguments.
 * @param fits of all the arguments of a request.
 * @throws Failure `invalid-value` where they are not a JSON object, or all of them together hold too much.
 */
export function readArguments(
  text: string,
  param: string,
  fits: (text: string) => boolean,
): Readonly<Record<string, unknown>> {
  if (text.trim() === '') return {}
  if (!fits(text)) {
    throw new Failure('invalid-value', `'${param}' has too many values, with those of the calls before.`, { param })
  }
  let value: unknown
  try {
    value = parseJson(text)
  } catch (error) {
    if (error instanceof Failure) throw new Failure(error.kind, error.message, { param })
    throw new Failure('invalid-value', `'${param}' must be a JSON object in a string.`, { param })
  }
  if (value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new Failure('invalid-value', `'${param}' must be a JSON object in a string.`, { param })
  }
  return value as Record<string, unknown>
}

/** For a parameter that this model or provider does not have, and that an answer would be wrong without. */
export function unsupportedParameter(param: string): Failure {
  return new Failure('unsupported-parameter', `'${param}' is not supported by the model that was chosen.`, { param })
}
