import { parseAnswer } from '../chat/exact-json.ts'

/** Reads the JSON of a stream's messages, which mostly differ from the one before in their words only. */
export interface JsonMessages {
  /**
   * What `parseAnswer` gives, but for one thing: where the form of the text is a known one, it is the object of that form, with
   * other words in it.
   * @throws SyntaxError
   */
  readonly read: (text: string) => unknown
  /**
   * To be called for each message when it has been decoded. Where nothing but words came of it, nobody keeps a part of it, and
   * its form is worth knowing; where anything else did, its object is not given again.
   */
  readonly decoded: (onlyWords: boolean) => void
}

/** The fields in which messages of one form differ: words, and the padding that hides how long they are. */
const HOLE = /"(?:content|text|reasoning_content|reasoning|thinking|arguments|partial_json|obfuscation|p)":\s?"/g
const MAX_HOLES = 3
/** What is longer comes seldom, and to look for its holes would make everybody else wait. */
const MAX_CHARACTERS = 8192
/** Holes that lie deeper are not looked for. */
const MAX_DEPTH = 20
const PLAIN = /^[^"\\\p{Cc}]*$/u
const MARK = 'router9-hole-'
/** A stream whose messages never come in the same form again is not examined for ever. */
const MAX_IN_VAIN = 8

/** The text around the holes, and the object that has them. */
interface Form {
  readonly texts: readonly string[]
  readonly json: unknown
  readonly fill: readonly ((words: string) => void)[]
}

export function createJsonMessages(): JsonMessages {
  let form: Form | undefined
  /** The last message, unless it was of the known form. */
  let last: string | undefined
  let inVain = 0
  return {
    read(text) {
      last = undefined
      if (form !== undefined && filled(form, text)) {
        inVain = 0
        return form.json
      }
      const json = parseAnswer(text)
      last = text
      return json
    },
    decoded(onlyWords) {
      if (last === undefined) {
        if (!onlyWords) form = undefined
      } else if (onlyWords && inVain < MAX_IN_VAIN) {
        inVain++
        form = formOf(last)
      }
    },
  }
}

/** Fills a form with the words of a text; false where the text has another form. */
function filled({ texts, fill }: Form, text: string): boolean {
  const [head = ''] = texts
  // Slices are compared faster than `startsWith` does it.
  if (text.slice(0, head.length) !== head) return false
  const words: string[] = []
  let at = head.length
  for (let next = 1; next < texts.length; next++) {
    const after = texts[next] ?? ''
    const end = next === texts.length - 1 ? text.length - after.length : text.indexOf('"', at)
    if (end < at || text.slice(end, end + after.length) !== after) return false
    const inside = unescaped(text.slice(at, end))
    if (inside === undefined) return false
    words.push(inside)
    at = end + after.length
  }
  for (let hole = 0; hole < words.length; hole++) fill[hole]?.(words[hole] ?? '')
  return true
}

/** What stands between the quotes of a JSON string; undefined where that is not one string. */
function unescaped(inside: string): string | undefined {
  if (PLAIN.test(inside)) return inside
  try {
    return JSON.parse(`"${inside}"`)
  } catch {
    return undefined
  }
}

function formOf(text: string): Form | undefined {
  if (text.length > MAX_CHARACTERS || text.includes(MARK)) return undefined
  const texts: string[] = []
  let from = 0
  for (const {
    index,
    0: { length },
  } of text.matchAll(HOLE)) {
    const begin = index + length
    const end = endOfString(text, begin)
    texts.push(text.slice(from, begin))
    from = end
  }
  const holes = texts.length
  if (holes === 0 || holes > MAX_HOLES) return undefined
  texts.push(text.slice(from))
  // What is escaped outside the holes could be our mark.
  if (texts.some((piece) => piece.includes('\\'))) return undefined
  const json = parseAnswer(texts.map((piece, at) => (at < holes ? `${piece}${MARK}${at}` : piece)).join(''))
  const fill: ((words: string) => void)[] = []
  findHoles(json, fill, MAX_DEPTH)
  // Of a field that is there twice, only the last counts.
  return fill.filter(Boolean).length === holes ? { texts, json, fill } : undefined
}

function endOfString(text: string, begin: number): number {
  let at = begin
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at
}

function findHoles(value: unknown, fill: ((words: string) => void)[], depth: number): void {
  if (typeof value !== 'object' || value === null || depth === 0) return
  const fields = value as Record<string, unknown>
  for (const name of Object.keys(fields)) {
    const inner = fields[name]
    if (typeof inner === 'string' && inner.startsWith(MARK)) {
      fill[Number(inner.slice(MARK.length))] = (words) => {
        fields[name] = words
      }
    } else findHoles(inner, fill, depth - 1)
  }
}
