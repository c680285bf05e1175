import { parseJson } from '../../chat/exact-json.ts'
import { Failure } from '../../chat/failure.ts'
import type { Message, Part } from '../../chat/request.ts'

/** A `data:` URL, taken apart. */
export interface DataUrl {
  /** Lower case, without parameters. */
  readonly mediaType: string
  /** Base64 without white space. */
  readonly data: string
}

/**
 * Takes a base64 `data:` URL apart; undefined where the text is none.
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
    return new TextDecoder().decode(Uint8Array.from(atob(data), (character) => character.charCodeAt(0)))
  } catch {
    throw new Failure('invalid-value', `'${param}' is not valid base64.`, { param })
  }
}

/** What opens a conversation where a provider wants the user to begin and the assistant did. */
export const PLACEHOLDER_USER_TEXT = 'Hello.'

/** Nothing is left of a conversation to answer. */
export function emptyConversation(): Failure {
  const text = "'messages' needs at least one message that is not empty beside the system messages."
  return new Failure('invalid-value', text, { param: 'messages' })
}

/**
 * A conversation in which somebody speaks: where nobody but the system says anything, the last of its messages is said by
 * the user, as most APIs refuse to answer instructions alone.
 */
export function withUserTurn(messages: readonly Message[]): readonly Message[] {
  if (messages.some((message) => !isSystem(message) && saysSomething(message))) return messages
  const at = messages.findLastIndex((message) => isSystem(message) && saysSomething(message))
  return messages.map((message, index) => (index === at ? { ...message, role: 'user' } : message))
}

function isSystem({ role }: Message): boolean {
  return role === 'system' || role === 'developer'
}

function saysSomething({ role, content, tool_calls, function_call, refusal }: Message): boolean {
  if (role === 'tool' || role === 'function' || tool_calls?.length || function_call) return true
  const says = (text: string | null | undefined) => typeof text === 'string' && /\S/.test(text)
  return (
    says(refusal) ||
    (Array.isArray(content) ? content.some(({ text }) => text === undefined || says(text)) : says(content))
  )
}

/** A part that this model or dialect has no form for: dropping it would change the question. */
export function unsupportedContent(param: string, what: string): Failure {
  return new Failure('model-not-capable', `The model that was chosen does not take ${what} ('${param}').`, { param })
}

/** A message's content as parts, whichever form it came in. */
export function partsOf(content: Message['content']): readonly Part[] {
  if (content === null || content === undefined || content === '') return []
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content
}

/** The text of a message that can only be text; parts of other kinds are refused. */
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
 * A tool call's arguments as an object; nothing at all stands for no arguments.
 * @throws Failure `invalid-value` where they are not a JSON object.
 */
export function readArguments(text: string, param: string): Readonly<Record<string, unknown>> {
  if (text.trim() === '') return {}
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

/** The answer would be wrong without a parameter that this model or provider does not have. */
export function unsupportedParameter(param: string): Failure {
  return new Failure('unsupported-parameter', `'${param}' is not supported by the model that was chosen.`, { param })
}
