import type { Tool } from '../../chat/request.ts'
import { findExcess } from '../../stream/json-bounds.ts'
import { isJsonObject, toText } from './fields.ts'

/** The member of a function's arguments that holds a custom tool's input. */
const CUSTOM_INPUT = 'input'

/** A custom tool as a function with one text. @param format its grammar, in the words of chats or of Responses. */
export function customFunction(name: string, description: string | undefined, format: unknown): Tool {
  const outer = isJsonObject(format) ? format : {}
  const { syntax, definition } = isJsonObject(outer.grammar) ? outer.grammar : outer
  const grammar = toText(definition)
  const texts = [
    description,
    `'${CUSTOM_INPUT}' is the whole input of this tool, as plain text.`,
    grammar && `It must match this grammar (${String(syntax)}):\n${grammar}`,
  ]
  const parameters = {
    type: 'object',
    properties: { [CUSTOM_INPUT]: { type: 'string' } },
    required: [CUSTOM_INPUT],
    additionalProperties: false,
  }
  return { type: 'function', function: { name, description: texts.filter(Boolean).join('\n\n'), parameters } }
}

/** A custom tool's input as the arguments of that function. */
export function customArguments(input: unknown): string {
  return JSON.stringify({ [CUSTOM_INPUT]: input })
}

/** Reads a custom tool's input from the arguments of the function that stands for it, while they arrive. */
export interface InputDecoder {
  /** @returns the text that has become readable. */
  readonly push: (piece: string) => string
  /** What is left at the end of the arguments. */
  readonly end: () => string
}

const OPENING = new RegExp(`^\\s*\\{\\s*"${CUSTOM_INPUT}"\\s*:\\s*"`)
/** Beyond so many characters no opening is looked for: the model has written something else. */
const MAX_OPENING = 100

export function createInputDecoder(): InputDecoder {
  /** What has come and is not decoded: everything until the opening, then the beginning of an escape. */
  let rest = ''
  let state: 'opening' | 'text' | 'over' = 'opening'

  const decode = (): string => {
    const { end, isClosed } = scan(rest)
    const text = decodeText(rest.slice(0, end))
    if (isClosed) state = 'over'
    rest = isClosed ? '' : rest.slice(end)
    return text
  }

  return {
    push: (piece) => {
      if (state === 'over') return ''
      rest += piece
      if (state === 'opening') {
        const opening = OPENING.exec(rest.slice(0, MAX_OPENING))
        if (opening === null) return ''
        rest = rest.slice(opening[0].length)
        state = 'text'
      }
      return state === 'text' ? decode() : ''
    },
    end: () => (state === 'opening' ? readOther(rest) : ''),
  }
}

const QUOTE = 34
const BACKSLASH = 92

/** How far a text can be decoded: to its closing quote, or to an escape that is not complete. */
function scan(text: string): { readonly end: number; readonly isClosed: boolean } {
  let at = 0
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) return { end: at, isClosed: true }
    if (code !== BACKSLASH) at++
    else {
      // The halves of a surrogate pair go out together.
      const isHalf = /^\\ud[89ab]/i.test(text.slice(at, at + 4)) && '\\u'.startsWith(text.slice(at + 6, at + 8))
      const length = text[at + 1] !== 'u' ? 2 : isHalf ? 12 : 6
      if (at + length > text.length) break
      at += length
    }
  }
  return { end: Math.min(at, text.length), isClosed: false }
}

function decodeText(escaped: string): string {
  try {
    // Models write line breaks as they are.
    return String(JSON.parse(`"${escaped.replace(/\p{Cc}/gu, (control) => JSON.stringify(control).slice(1, -1))}"`))
  } catch {
    return escaped
  }
}

/** Arguments of another form: an object with one text, or no JSON at all. */
function readOther(text: string): string {
  if (findExcess(text) !== undefined) return text
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'string') return value
    const [only = '', ...others] = Object.values(Object(value) as object)
    return typeof only === 'string' && others.length === 0 ? only : text
  } catch {
    return text
  }
}
