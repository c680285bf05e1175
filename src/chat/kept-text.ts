/**
 * The text of large parts of a request body, beside what was parsed of it. A part that nobody changes is sent as it came: that
 * costs less than to write it again, and loses nothing.
 */

/** A shorter part is written anew as quickly. */
const KEPT_FROM_CHARACTERS = 1024
/** Only a text of this length is searched for such parts. */
const SEARCHED_FROM_CHARACTERS = 8 * KEPT_FROM_CHARACTERS
/** Of a longer body one more copy would take too much of the isolate's memory. */
const SEARCHED_TO_CHARACTERS = 6 * 1024 * 1024
/** What is nested deeper is left to the writer, which refuses it. */
const MAX_DEPTH = 500
/** The shortest number that a double may change (`exact-json.ts`). */
const LONG_NUMBER_CHARACTERS = 16

const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const COLON = 0x3a
const ARRAY = 0x5b
const BACKSLASH = 0x5c
const ARRAY_END = 0x5d
const OBJECT = 0x7b
const OBJECT_END = 0x7d

/** A list or an object, as it stands in a text. */
interface Part {
  readonly begin: number
  readonly end: number
  /** Of members of objects, all that are in it. */
  readonly names: number
}

/** A member of the outermost object that is a list or an object. */
interface Member extends Part {
  readonly nameBegin: number
  readonly nameEnd: number
  /** The long elements of a list, by their places. */
  readonly elements: ReadonlyMap<number, Part>
}

/** What a JSON text has outside of its strings. */
export interface JsonOutline {
  /** Whether a number may be longer than a double holds. */
  readonly hasLongNumber: boolean
  /** How many members the outermost object has in the text: two with the same name are two. */
  readonly memberCount: number
  readonly members: readonly Member[]
}

/** Looks at what is outside of the strings of a text, which is little of a long one. Whether it is JSON is for the parser to say. */
export function outlineOf(text: string): JsonOutline {
  const members: Member[] = []
  let hasLongNumber = false
  let memberCount = 0
  let names = 0
  let depth = 0
  let nameBegin = 0
  let nameEnd = 0
  let begin = 0
  let namesBefore = 0
  let place = 0
  let elements = new Map<number, Part>()
  let elementBegin = 0
  let namesBeforeElement = 0
  let isTooDeep = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    switch (code) {
      case QUOTE: {
        const end = endOfString(text, at + 1)
        if (depth === 1) {
          nameBegin = at
          nameEnd = end
        }
        at = end - 1
        break
      }
      case COLON:
        names++
        if (depth === 1) memberCount++
        break
      case COMMA:
        if (depth === 2) place++
        break
      case OBJECT:
      case ARRAY:
        depth++
        if (depth === 2) {
          begin = at
          namesBefore = names
          place = 0
          elements = new Map()
        } else if (depth === 3) {
          elementBegin = at
          namesBeforeElement = names
        } else if (depth > MAX_DEPTH) isTooDeep = true
        break
      case OBJECT_END:
      case ARRAY_END:
        if (depth === 3 && at - elementBegin >= KEPT_FROM_CHARACTERS) {
          elements.set(place, { begin: elementBegin, end: at + 1, names: names - namesBeforeElement })
        } else if (depth === 2 && at - begin >= KEPT_FROM_CHARACTERS) {
          members.push({ nameBegin, nameEnd, begin, end: at + 1, names: names - namesBefore, elements })
        }
        depth--
        break
      default:
        if (code === MINUS || (code >= ZERO && code <= NINE)) {
          const end = endOfDigits(text, at + 1)
          if (end - at >= LONG_NUMBER_CHARACTERS) hasLongNumber = true
          at = end - 1
        }
    }
  }
  return { hasLongNumber, memberCount, members: isTooDeep ? [] : members }
}

function endOfDigits(text: string, begin: number): number {
  let at = begin
  for (;;) {
    const code = text.charCodeAt(at)
    if (code !== POINT && !(code >= ZERO && code <= NINE)) return at
    at++
  }
}

/** Where the string ends that begins here, its quote behind it; where the text does, if it does not end. */
export function endOfString(text: string, begin: number): number {
  for (let at = text.indexOf('"', begin); at >= 0; at = text.indexOf('"', at + 1)) {
    let escapes = 0
    while (at - escapes > begin && text.charCodeAt(at - 1 - escapes) === BACKSLASH) escapes++
    if (escapes % 2 === 0) return at + 1
  }
  return text.length
}

/** The text of one body, until it is dropped. */
interface Body {
  text: string | undefined
}

interface Kept {
  readonly body: Body
  readonly begin: number
  readonly end: number
}

const keptTexts = new WeakMap<object, Kept>()

/** Whether the text of a body is worth a look at its outline. */
export function hasKeptLength({ length }: string): boolean {
  return length >= SEARCHED_FROM_CHARACTERS && length <= SEARCHED_TO_CHARACTERS
}

/**
 * Keeps the text of the large parts of a parsed body: of its members, and of their elements.
 * @returns what drops them, since they hold all of the body in memory; undefined where nothing was kept.
 */
export function keepTexts(parsed: unknown, text: string, outline: JsonOutline): (() => void) | undefined {
  const { members, memberCount } = outline
  // Of two members with one name the last one counts here, and maybe the first one for a provider.
  if (members.length === 0 || !isHolder(parsed) || Object.keys(parsed).length !== memberCount) return undefined
  const body: Body = { text }
  let isKept = false
  const keep = (value: unknown, part: Part): boolean => {
    if (!isHolder(value) || namesIn(value) !== part.names) return false
    keptTexts.set(value, { body, begin: part.begin, end: part.end })
    isKept = true
    return true
  }
  for (const member of members) {
    const value = parsed[JSON.parse(text.slice(member.nameBegin, member.nameEnd)) as string]
    keep(value, member)
    if (Array.isArray(value)) for (const [place, part] of member.elements) keep(value[place], part)
  }
  return isKept ? () => (body.text = undefined) : undefined
}

type Holder = Readonly<Record<string, unknown>>

function isHolder(value: unknown): value is Holder {
  return typeof value === 'object' && value !== null && !JSON.isRawJSON(value)
}

/** How many members the objects in a value have together. */
function namesIn(value: Holder): number {
  let count = 0
  const open: Holder[] = [value]
  for (let holder = open.pop(); holder !== undefined; holder = open.pop()) {
    const inside = Array.isArray(holder) ? holder : Object.values(holder)
    if (inside !== holder) count += inside.length
    for (const one of inside) if (isHolder(one)) open.push(one)
  }
  return count
}

/** As JSON.stringify, for an object of which large parts may be as they came: these are written as their text was. */
export function toJsonText(content: Readonly<Record<string, unknown>>): string {
  if (!Object.values(content).some(hasKept)) return JSON.stringify(content)
  const members: string[] = []
  for (const [name, value] of Object.entries(content)) {
    const text = hasKept(value) ? textOf(value) : JSON.stringify(value)
    if (text !== undefined) members.push(`${JSON.stringify(name)}:${text}`)
  }
  return `{${members.join(',')}}`
}

/** Whether the text of a value is kept, or that of an element of a list. */
function hasKept(value: unknown): value is object {
  if (!isHolder(value)) return false
  return keptText(value) !== undefined || (Array.isArray(value) && value.some((one) => isHolder(one) && keptText(one)))
}

function textOf(value: object): string {
  const own = keptText(value)
  if (own !== undefined || !Array.isArray(value)) return own ?? ''
  const elements = value.map((one) => (isHolder(one) ? keptText(one) : undefined) ?? JSON.stringify(one) ?? 'null')
  return `[${elements.join(',')}]`
}

function keptText(value: object): string | undefined {
  const kept = keptTexts.get(value)
  return kept?.body.text?.slice(kept.begin, kept.end)
}
