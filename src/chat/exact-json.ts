import { Failure } from './failure.ts'

declare global {
  interface JSON {
    /** A number as it was written: `JSON.stringify` writes it digit for digit. */
    rawJSON(text: string): RawNumber
    isRawJSON(value: unknown): value is RawNumber
  }
}

/** A number that a double would change, such as 9007199254740993. */
export interface RawNumber {
  readonly rawJSON: string
}

/** Finds what may be a number that a double would change, also within a string. For most texts this test is all that it costs. */
const LONG_NUMBER = /[:,[]\s*-?\d[\d.]{15}/
const LONG_NUMBERS = /[:,[]\s*(-?\d[\d.]{15,}(?:[eE][+-]?\d+)?)/g
const SHORTEST_LONG = 16
/** No double is written with so many digits. */
const MANY_DIGITS = 800
/** Each costs a microsecond, during which other requests wait. No honest text comes near. */
const MAX_RAW_NUMBERS = 25_000

/**
 * As JSON.parse, but numbers that a double would change become raw numbers.
 * @param keepsDigits whether a member of the outermost object may hold raw numbers; by default all may.
 * @throws SyntaxError
 * @throws Failure where there are more than `MAX_RAW_NUMBERS` of them.
 */
export function parseJson(text: string, keepsDigits?: (member: string) => boolean): unknown {
  const json: unknown = JSON.parse(text)
  if (keepDigits(text, json, keepsDigits)) return json
  const complaint = `There are more than ${MAX_RAW_NUMBERS} numbers with more digits than a double holds.`
  throw new Failure('invalid-value', complaint)
}

const USAGE: ReadonlySet<string> = new Set(['usage', 'usageMetadata', 'x_groq'])

/**
 * As `parseJson`, for a provider's answer or one message of it. Usage has plain numbers, since Router9 calculates with them.
 * Beyond `MAX_RAW_NUMBERS` the further numbers stay doubles.
 * @throws SyntaxError
 */
export function parseAnswer(text: string): unknown {
  const json: unknown = JSON.parse(text)
  keepDigits(text, json, (member) => !USAGE.has(member))
  return json
}

/** @returns false where there are too many numbers that a double would change. */
function keepDigits(text: string, json: unknown, keepsDigits?: (member: string) => boolean): boolean {
  return !LONG_NUMBER.test(text) || !mayChange(text) || setRawNumbers(text, json, keepsDigits)
}

/** Whether a double would change a number of the text. It keeps 9007199254740991, which many schemas have. */
function mayChange(text: string): boolean {
  LONG_NUMBERS.lastIndex = 0
  for (let match = LONG_NUMBERS.exec(text); match !== null; match = LONG_NUMBERS.exec(text)) {
    if (changes(match[1] ?? '')) return true
  }
  return false
}

function changes(number: string): boolean {
  if (number.length > MANY_DIGITS) return true
  // Compares what would be written: a double holds 2^63 exactly, but writes 9223372036854776000.
  const written = String(Number(number))
  if (written === number) return false
  return (isPlain(written) && isPlain(number)) || decimal(written) !== decimal(number)
}

/** A whole number without an exponent can be written in one way only. */
function isPlain(number: string): boolean {
  return /^-?\d+$/.test(number)
}

/** The same text for the same number, in whatever way it is written. */
function decimal(number: string): string | undefined {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number)
  if (parts === null) return undefined
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = parts
  const digits = (whole + fraction).replace(/^0+/, '')
  let end = digits.length
  while (digits[end - 1] === '0') end--
  if (end === 0) return '0'
  return `${sign}${digits.slice(0, end)}e${Number(exponent) - fraction.length + digits.length - end}`
}

type Holder = Record<string | number, unknown>

/** A list or object that has begun and not ended at this place of the text. */
interface Open {
  readonly holder: Holder
  readonly isList: boolean
  readonly isExact: boolean
  /** In a list: the place of the current member. */
  place: number
  /** In an object: where the name of the current member stands, with its quotes. */
  nameBegin: number
  nameEnd: number
}

/** Stands for a value that is in the text but not in the result: of two members with one name the last one counts. */
const NOT_THERE: Holder = Object.freeze({})

/**
 * Goes through the text and the parsed result together. The reviver of JSON.parse also gives a number's digits, but takes six
 * times as long as parsing, and ten times in a text of many small values.
 */
function setRawNumbers(text: string, json: unknown, keepsDigits = (_: string) => true): boolean {
  const outer: Open[] = []
  let open: Open | undefined
  let stringBegin = 0
  let changed = 0

  const nameOf = ({ isList, place, nameBegin, nameEnd }: Open): string | number =>
    isList ? place : JSON.parse(text.slice(nameBegin, nameEnd))

  /** Whether the current member may hold raw numbers. */
  const isExact = (name: string | number, { isList, isExact: inherited }: Open): boolean =>
    outer.length === 0 && !isList ? keepsDigits(String(name)) : inherited

  const enter = (isList: boolean) => {
    let holder = json
    let exact = true
    if (open !== undefined) {
      const name = nameOf(open)
      holder = open.holder[name]
      exact = isExact(name, open)
      outer.push(open)
    }
    const isThere = typeof holder === 'object' && holder !== null && Array.isArray(holder) === isList
    const there = isThere ? (holder as Holder) : NOT_THERE
    open = { holder: there, isList, isExact: exact, place: 0, nameBegin: 0, nameEnd: 0 }
  }

  const readNumber = (begin: number): number => {
    let end = begin + 1
    while (isInNumber(text.charCodeAt(end))) end++
    if (end - begin < SHORTEST_LONG || open === undefined) return end
    const number = text.slice(begin, end)
    if (!changes(number)) return end
    changed++
    const name = nameOf(open)
    if (open.holder[name] === Number(number) && isExact(name, open)) open.holder[name] = JSON.rawJSON(number)
    return end
  }

  for (let at = 0; at < text.length && changed <= MAX_RAW_NUMBERS; at++) {
    const character = text[at]
    switch (character) {
      case '"':
        stringBegin = at
        at = endOfString(text, at) - 1
        break
      case ':':
        if (open !== undefined) {
          open.nameBegin = stringBegin
          open.nameEnd = at
        }
        break
      case ',':
        if (open !== undefined) open.place++
        break
      case '[':
      case '{':
        enter(character === '[')
        break
      case ']':
      case '}':
        open = outer.pop()
        break
      default:
        if (isInNumber(text.charCodeAt(at)) && character !== 'e') at = readNumber(at) - 1
    }
  }
  return changed <= MAX_RAW_NUMBERS
}

/** A digit, a sign, a point, or the letter of an exponent. */
function isInNumber(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x2e || code === 0x2b || code === 0x65 || code === 0x45
  )
}

/** Where the string ends that begins with this quote. */
function endOfString(text: string, begin: number): number {
  for (let at = text.indexOf('"', begin + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let escapes = 0
    while (text[at - 1 - escapes] === '\\') escapes++
    if (escapes % 2 === 0) return at + 1
  }
  return text.length
}
