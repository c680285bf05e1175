import type { OutputEvent } from '../../chat/event.ts'
import type { Chat } from '../../chat/request.ts'
import type { JsonObject } from '../shared/fields.ts'
import { isStrictSchema } from '../shared/json-schema.ts'

/**
 * Gemini answers with a list, or with one of some words, where a schema says so. Others answer only with an object: there such
 * an answer is the only member of one, and is taken out of it again.
 */

/** The names of the schemas in a chat say what the answer is. */
const NAMES = { object: 'answer', wrapped: 'answer_in_an_object', word: 'word_in_an_object' }
const MEMBER = 'answer'
const ROOT_KEYWORDS = ['anyOf', 'oneOf', 'allOf', '$ref', 'enum', 'const', 'items', 'prefixItems']

/** @param isWord the answer is bare text, and no JSON. */
export function toAnswerFormat(schema: JsonObject, isWord = false): Pick<Chat, 'response_format'> {
  const isWrapped = isWord || !isObject(schema)
  const whole = isWrapped ? wrapped(schema) : schema
  const name = isWord ? NAMES.word : isWrapped ? NAMES.wrapped : NAMES.object
  const json_schema = { name, schema: whole, strict: isStrictSchema(whole) }
  return { response_format: { type: 'json_schema', json_schema } }
}

function isObject(schema: JsonObject): boolean {
  if (schema.type !== undefined) return [schema.type].flat().includes('object')
  return 'properties' in schema || !ROOT_KEYWORDS.some((name) => name in schema)
}

/** References begin at the root, so what they lead to stays there. */
function wrapped({ $defs, definitions, $schema, ...schema }: JsonObject): Record<string, unknown> {
  return {
    type: 'object',
    properties: { [MEMBER]: schema },
    required: [MEMBER],
    additionalProperties: false,
    ...($defs === undefined ? {} : { $defs }),
    ...(definitions === undefined ? {} : { definitions }),
  }
}

/** The text of one choice, while it comes. */
interface Text {
  /** What has come of the beginning; undefined when the member's value has begun. */
  head: string | undefined
  /** What may be the end of the object. */
  tail: string
  /** The model did not keep to the schema: its text stays as it is. */
  isOther: boolean
}

const HEAD = new RegExp(`^\\s*\\{\\s*"${MEMBER}"\\s*:\\s*(?=\\S)`)
/** More is no white space that a model writes. */
const MAX_HEAD_CHARACTERS = 200
/** Of a word, or of what may be an end. */
const MAX_TAIL_CHARACTERS = 10_000

/** Takes the answer out of the object that it came in; undefined where it came in none. */
export function createUnwrapper({
  response_format: format,
}: Pick<Chat, 'response_format'>): ((event: OutputEvent) => readonly OutputEvent[]) | undefined {
  const name = format?.json_schema?.name
  if (name !== NAMES.wrapped && name !== NAMES.word) return undefined
  const isWord = name === NAMES.word
  const texts = new Map<number, Text>()
  const say = (choice: number, text: string): OutputEvent[] => (text === '' ? [] : [{ type: 'text', choice, text }])
  return (event) => {
    if (event.type === 'text') {
      const { choice } = event
      const text = texts.get(choice) ?? { head: '', tail: '', isOther: false }
      texts.set(choice, text)
      return say(choice, grow(text, event.text, isWord))
    }
    if (event.type !== 'end') return [event]
    return [...[...texts].flatMap(([choice, text]) => say(choice, rest(text, isWord))), event]
  }
}

/** @returns what of the value can go out. */
function grow(text: Text, piece: string, isWord: boolean): string {
  if (text.isOther) return piece
  let value = piece
  if (text.head !== undefined) {
    text.head += piece
    const [found] = HEAD.exec(text.head) ?? []
    if (found === undefined) {
      if (text.head.length <= MAX_HEAD_CHARACTERS && /^\s*(?:\{|$)/.test(text.head)) return ''
      return asOther(text, text.head)
    }
    value = text.head.slice(found.length)
    text.head = undefined
  }
  if (isWord) {
    text.tail += value
    return text.tail.length > MAX_TAIL_CHARACTERS ? asOther(text, text.tail) : ''
  }
  const end = endOf(value)
  if (end === 0) {
    text.tail += value
    return text.tail.length > MAX_TAIL_CHARACTERS ? asOther(text, text.tail) : ''
  }
  const whole = text.tail + value.slice(0, end)
  text.tail = value.slice(end)
  return whole
}

function asOther(text: Text, whole: string): string {
  text.isOther = true
  text.tail = ''
  return whole
}

/** Where nothing but white space and ends of objects follows. */
function endOf(value: string): number {
  let end = value.length
  while (end > 0 && /[\s}]/.test(value[end - 1] ?? '')) end -= 1
  return end
}

/** What is left when the answer is complete. */
function rest({ head, tail, isOther }: Text, isWord: boolean): string {
  if (isOther) return ''
  if (head !== undefined) return head
  const value = tail.slice(0, Math.max(tail.lastIndexOf('}'), 0)).trimEnd()
  if (!isWord) return value
  try {
    const word: unknown = JSON.parse(value)
    return typeof word === 'object' ? value : String(word)
  } catch {
    return tail
  }
}
