/**
 * What a body may hold is counted in its text, before `JSON.parse` makes objects of it: a million empty ones come in three
 * megabytes and take a hundred.
 */

/** More than a conversation of thousands of messages has, tool calls and all. */
const MAX_VALUES = 262_144
/** Of an answer: log probabilities alone come to 200 values a token. */
export const MAX_ANSWER_VALUES = 786_432
/** Schemas of tools come to a few dozen. */
const MAX_DEPTH = 1000
/**
 * A shorter text cannot contain more values than that, and how deep they lie costs little: it is not searched. No
 * text has more characters than bytes.
 */
export const SEARCHED_FROM_BYTES = MAX_VALUES
/** Short strings are walked through, since a search costs as much as that; in longer ones the end is searched for. */
const WALKED_CHARACTERS = 32
const MAX_NAME_CHARACTERS = 200

const SPACE = 0x20
const QUOTE = 0x22
const COMMA = 0x2c
const DIGITS = { first: 0x30, last: 0x39 }
const ARRAY = 0x5b
const BACKSLASH = 0x5c
const ARRAY_END = 0x5d
const OBJECT = 0x7b
const OBJECT_END = 0x7d

export interface Excess {
  readonly complaint: string
  /** The field of the body that it is in. */
  readonly field: string | undefined
}

/** Finds what a JSON text has too much of, as soon as it has. Whether it is JSON at all is for the parser to say. */
export function findExcess(text: string, maxValues = MAX_VALUES, numberShare = 1): Excess | undefined {
  return text.length <= SEARCHED_FROM_BYTES ? undefined : createExcessFinder(maxValues, numberShare)(text)
}

/** A number in a list takes a fourth at most of what other values take, where a body is one of many numbers. */
export const LISTED_NUMBER_SHARE = 0.25

/**
 * For texts within a body that are read as JSON themselves: together they may hold as many values as a body.
 * @returns what tells of the next text whether it may be read.
 */
export function createJsonBudget(): (text: string) => boolean {
  const findMore = createExcessFinder()
  let characters = 0
  return (text) => {
    characters += text.length
    return characters <= SEARCHED_FROM_BYTES || findMore(text) === undefined
  }
}

/**
 * The same for a text that comes in pieces, cut anywhere: to be called with each.
 * @param numberShare as so much of a value counts what follows a comma and begins with a digit.
 */
export function createExcessFinder(maxValues = MAX_VALUES, numberShare = 1): (text: string) => Excess | undefined {
  let values = 0
  let depth = 0
  /** Whether the piece before ended within a string, and there with a backslash that the next character belongs to. */
  let isInString = false
  let isEscaped = false

  /** Where a string ends, its quote behind it; where the piece does, if the string goes on. */
  const passString = (text: string, start: number): number => {
    const from = isEscaped ? start + 1 : start
    const end = endOfString(text, from)
    isInString = end < 0
    isEscaped = isInString && backslashesBefore(text, from, text.length) % 2 === 1
    return isInString ? text.length : end
  }

  return (text) => {
    if (text.length === 0) return undefined
    let memberAt = -1
    for (let at = isInString ? passString(text, 0) : 0; at < text.length; ) {
      const code = text.charCodeAt(at++)
      switch (code) {
        case QUOTE:
          at = passString(text, at)
          break
        case OBJECT:
        case ARRAY:
          depth += 1
          values += 1
          break
        case OBJECT_END:
        case ARRAY_END:
          depth -= 1
          break
        case COMMA:
          values += numberShare < 1 && isNumberAt(text, at) ? numberShare : 1
          break
        default:
          continue
      }
      if (depth === 1 && code !== QUOTE) memberAt = at
      if (values > maxValues) {
        return { complaint: `holds more than ${maxValues} values`, field: nameAt(text, memberAt) }
      }
      if (depth > MAX_DEPTH) {
        return { complaint: `is nested more than ${MAX_DEPTH} levels deep`, field: nameAt(text, memberAt) }
      }
    }
    return undefined
  }
}

/**
 * The same bound for a text of long lists of numbers. What may begin a value is counted wherever it stands, also in strings,
 * where such a text has none: that is a search for three characters, ten times as fast as a walk through all of them.
 */
export function createValueCounter(maxValues: number): (text: string) => Excess | undefined {
  let values = 0
  return (text) => {
    for (const begin of [',', '[', '{']) {
      for (let at = text.indexOf(begin); at >= 0; at = text.indexOf(begin, at + 1)) values += 1
    }
    return values > maxValues ? { complaint: `holds more than ${maxValues} values`, field: undefined } : undefined
  }
}

/** Some clients write a space behind each comma. */
function isNumberAt(text: string, at: number): boolean {
  const code = text.charCodeAt(text.charCodeAt(at) === SPACE ? at + 1 : at)
  return code >= DIGITS.first && code <= DIGITS.last
}

/** Where a string ends that begins here, its quote behind it; -1 where it does not end. */
function endOfString(text: string, start: number): number {
  for (let at = start; at < text.length; ) {
    const walkedTo = Math.min(at + WALKED_CHARACTERS, text.length)
    while (at < walkedTo) {
      const code = text.charCodeAt(at++)
      if (code === QUOTE) return at
      if (code === BACKSLASH) at += 1
    }
    const quoteAt = text.indexOf('"', at)
    if (quoteAt < 0) return -1
    const escapes = backslashesBefore(text, at, quoteAt)
    at = quoteAt + 1
    if (escapes % 2 === 0) return at
  }
  return -1
}

function backslashesBefore(text: string, start: number, end: number): number {
  let at = end
  while (at > start && text.charCodeAt(at - 1) === BACKSLASH) at -= 1
  return end - at
}

/** The name of the member that begins here; undefined for one that began before. */
function nameAt(text: string, at: number): string | undefined {
  if (at < 0) return undefined
  return /^\s*"((?:[^"\\]|\\.)*)"\s*:/.exec(text.slice(at, at + MAX_NAME_CHARACTERS))?.[1]
}
