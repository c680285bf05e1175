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

/** What may be a number that a double would change, also within a string; the usual text costs no more than this. */
const LONG_NUMBER = /[:,[]\s*-?\d[\d.]{15}/
const LONG_NUMBERS = /[:,[]\s*(-?\d[\d.]{15,}(?:[eE][+-]?\d+)?)/g
const SHORTEST_LONG = 16
/** No double has so many digits, whatever they are. */
const MANY_DIGITS = 800
/** Each costs a microsecond, and others wait meanwhile. No honest text has nearly so many. */
const MAX_RAW_NUMBERS = 25_000

/**
 * What JSON.parse gives, but for numbers that a double would change: they are raw numbers.
 * @param keepsDigits of the outermost object's members, whether they are to have raw numbers; all are, where it is left out.
 * @throws SyntaxError
 * @throws Failure where there are more such numbers than anybody has.
 */
export function parseJson(text: string, keepsDigits?: (member: string) => boolean): unknown {
  const json: unknown = JSON.parse(text)
  if (keepDigits(text, json, keepsDigits)) return json
  const complaint = `There are more than ${MAX_RAW_NUMBERS} numbers with more digits than a double holds.`
  throw new Failure('invalid-value', complaint)
}

const USAGE: ReadonlySet<string> = new Set(['usage', 'usageMetadata', 'x_groq'])

/**
 * Reads what a provider sent, whole or one of its messages. What it counts is to be reckoned with. Where there are more such
 * numbers than anybody has, the last ones are what doubles make of them.
 * @throws SyntaxError
 */
export function parseAnswer(text: string): unknown {
  const json: unknown = JSON.parse(text)
  keepDigits(text, json, (member) => !USAGE.has(member))
  return json
}

/** @returns whether all numbers that a double would change are raw numbers now. */
function keepDigits(text: string, json: unknown, keepsDigits?: (member: string) => boolean): boolean {
  return !LONG_NUMBER.test(text) || !mayChange(text) || setRawNumbers(text, json, keepsDigits)
}

/** Whether a double would change a number of the text. Many schemas have 9007199254740991, which is none. */
function mayChange(text: string): boolean {
  LONG_NUMBERS.lastIndex = 0
  for (let match = LONG_NUMBERS.exec(text); match !== null; match = LONG_NUMBERS.exec(text)) {
    if (changes(match[1] ?? '')) return true
  }
  return false
}

function changes(number: string): boolean {
  if (number.length > MANY_DIGITS) return true
  // What counts is what would be written: of 2^63 a double has all the bits, and yet writes 9223372036854776000.
  const written = String(Number(number))
  if (written === number) return false
  return (isPlain(written) && isPlain(number)) || decimal(written) !== decimal(number)
}

/** Whole, and written without an exponent: there is one way to do that. */
function isPlain(number: string): boolean {
  return /^-?\d+$/.test(number)
}

/** One text for one number, however it is written. */
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

/** A list or an object that is open where the text is being read. */
interface Open {
  readonly holder: Holder
  readonly isList: boolean
  readonly isExact: boolean
  /** In a list the place of the member in hand. */
  place: number
  /** In an object the name of the member in hand, from quote to quote. */
  nameBegin: number
  nameEnd: number
}

/** What a text says otherwise than what was read of it: of a name that is there twice, the last one counts. */
const NOT_THERE: Holder = Object.freeze({})

/**
 * Goes through a text and what was read of it side by side. JSON.parse's own way to a number's digits, the third argument of
 * its reviver, takes six times as long as to parse, and ten in a text of many small things.
 */
function setRawNumbers(text: string, json: unknown, keepsDigits = (_: string) => true): boolean {
  const outer: Open[] = []
  let open: Open | undefined
  let stringBegin = 0
  let changed = 0

  const nameOf = ({ isList, place, nameBegin, nameEnd }: Open): string | number =>
    isList ? place : JSON.parse(text.slice(nameBegin, nameEnd))

  /** Whether the member in hand of what is open is to be exact. */
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

/** A digit, a sign, a point or an exponent's letter. */
function isInNumber(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x2e || code === 0x2b || code === 0x65 || code === 0x45
  )
}

/** Where a string ends that begins with the quote there. */
function endOfString(text: string, begin: number): number {
  for (let at = text.indexOf('"', begin + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let escapes = 0
    while (text[at - 1 - escapes] === '\\') escapes++
    if (escapes % 2 === 0) return at + 1
  }
  return text.length
}
