import { parseAnswer } from '../chat/exact-json.ts'

/**
 * Reads the JSON of a stream's messages. Most differ from the one before in their text only, so the last message is kept as a
 * template: the next one is compared with the text around the slots, and only the slots are filled anew. That takes a quarter
 * of the time of `JSON.parse` or less (`node test/bench/json-messages.ts` measures both).
 */
export interface JsonMessages {
  /**
   * Gives what `parseAnswer` gives. One thing differs: a text that fits the template gives the template's own object, with
   * other text in its slots.
   * @throws SyntaxError
   */
  readonly read: (text: string) => unknown
  /**
   * To be called for each message when it has been decoded. If only text came of it, nobody keeps a part of its object, and it
   * can be the next template. If anything else did, its object is not given out again.
   */
  readonly decoded: (isOnlyText: boolean) => void
}

/** The fields in which messages of one template differ: text, and the padding that hides how long it is. */
const SLOT = /"(?:content|text|reasoning_content|reasoning|thinking|arguments|partial_json|obfuscation|p)":\s?"/g
const MAX_SLOTS = 3
/** Longer messages are rare, and to look for their slots would make other calls wait. */
const MAX_CHARACTERS = 8192
/** Slots that lie deeper are not looked for. */
const MAX_DEPTH = 20
const PLAIN = /^[^"\\\p{Cc}]*$/u
const MARK = 'router9-slot-'
/** A stream whose messages never fit is not examined for ever. */
const MAX_MISSES = 8

/** The text around the slots, and the object that has them. */
interface Template {
  readonly texts: readonly string[]
  readonly json: unknown
  readonly fill: readonly ((text: string) => void)[]
}

export function createJsonMessages(): JsonMessages {
  let template: Template | undefined
  /** The last message, unless it fitted the template. */
  let last: string | undefined
  let misses = 0
  return {
    read(text) {
      last = undefined
      if (template !== undefined && fillTemplate(template, text)) {
        misses = 0
        return template.json
      }
      const json = parseAnswer(text)
      last = text
      return json
    },
    decoded(isOnlyText) {
      if (last === undefined) {
        if (!isOnlyText) template = undefined
      } else if (isOnlyText && misses < MAX_MISSES) {
        misses++
        template = createTemplate(last)
      }
    },
  }
}

/** Fills a template's slots from a text; false where the text does not fit. */
function fillTemplate({ texts, fill }: Template, text: string): boolean {
  const [head = ''] = texts
  // Slices are compared faster than by `startsWith`.
  if (text.slice(0, head.length) !== head) return false
  const values: string[] = []
  let at = head.length
  for (let next = 1; next < texts.length; next++) {
    const after = texts[next] ?? ''
    const end = next === texts.length - 1 ? text.length - after.length : text.indexOf('"', at)
    if (end < at || text.slice(end, end + after.length) !== after) return false
    const value = unescapeString(text.slice(at, end))
    if (value === undefined) return false
    values.push(value)
    at = end + after.length
  }
  for (let slot = 0; slot < values.length; slot++) fill[slot]?.(values[slot] ?? '')
  return true
}

/** The value between the quotes of a JSON string; undefined where that is not one string. */
function unescapeString(inside: string): string | undefined {
  if (PLAIN.test(inside)) return inside
  try {
    return JSON.parse(`"${inside}"`)
  } catch {
    return undefined
  }
}

function createTemplate(text: string): Template | undefined {
  if (text.length > MAX_CHARACTERS || text.includes(MARK)) return undefined
  const texts: string[] = []
  let from = 0
  for (const {
    index,
    0: { length },
  } of text.matchAll(SLOT)) {
    const begin = index + length
    const end = endOfString(text, begin)
    texts.push(text.slice(from, begin))
    from = end
  }
  const slots = texts.length
  if (slots === 0 || slots > MAX_SLOTS) return undefined
  texts.push(text.slice(from))
  // What is escaped outside the slots could be our mark.
  if (texts.some((piece) => piece.includes('\\'))) return undefined
  const json = parseAnswer(texts.map((piece, at) => (at < slots ? `${piece}${MARK}${at}` : piece)).join(''))
  const fill: ((text: string) => void)[] = []
  findSlots(json, fill, MAX_DEPTH)
  // Of a field that is there twice, only the last counts.
  return fill.filter(Boolean).length === slots ? { texts, json, fill } : undefined
}

function endOfString(text: string, begin: number): number {
  let at = begin
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at
}

function findSlots(value: unknown, fill: ((text: string) => void)[], depth: number): void {
  if (typeof value !== 'object' || value === null || depth === 0) return
  const fields = value as Record<string, unknown>
  for (const name of Object.keys(fields)) {
    const inner = fields[name]
    if (typeof inner === 'string' && inner.startsWith(MARK)) {
      fill[Number(inner.slice(MARK.length))] = (text) => {
        fields[name] = text
      }
    } else findSlots(inner, fill, depth - 1)
  }
}
