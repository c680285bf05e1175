import { describe, expect, test } from 'vitest'
import { parseJson } from '../../src/chat/exact-json.ts'
import { keepTexts, outlineOf, toJsonText } from '../../src/chat/kept-text.ts'

type Json = Record<string, unknown>

/** Parses a body and keeps its texts, as it comes in. */
function read(text: string): { readonly body: Json; readonly drop: (() => void) | undefined } {
  const outline = outlineOf(text)
  const body = parseJson(text, undefined, outline) as Json
  return { body, drop: keepTexts(body, text, outline) }
}

const LONG = 'He said "no", and wrote C:\\temp\\.\n'.repeat(60)
/** As Python's clients write it, with spaces, and with an escape that JSON.stringify would not write. */
const SPACED = `{ "role" : "user", "content": "\\u0041${JSON.stringify(LONG).slice(1)} }`
const TOOL = `{"type":"function","function":{"name":"f","parameters":{"const":12345678901234567890.0,"description":${JSON.stringify(LONG)}}}}`

describe('what nobody changes is sent as it came', () => {
  test('a list of messages, spaces, escapes and digits with it', () => {
    const { body } = read(`{"model":"a","messages":[${SPACED}],"tools":[${TOOL}],"seed":1}`)
    expect(toJsonText({ ...body, model: 'b' })).toBe(`{"model":"b","messages":[${SPACED}],"tools":[${TOOL}],"seed":1}`)
  })

  test('each element of a list of which others changed', () => {
    const { body } = read(`{"messages":[{"role":"user","content":"short"},${SPACED},${TOOL}]}`)
    const [first, ...others] = body.messages as Json[]
    expect(toJsonText({ messages: [{ ...first, name: 'x' }, ...others, undefined] })).toBe(
      `{"messages":[{"role":"user","content":"short","name":"x"},${SPACED},${TOOL},null]}`,
    )
  })

  test('not a copy of it, which may have been changed', () => {
    const { body } = read(`{"messages":[${SPACED}]}`)
    const [message] = body.messages as Json[]
    expect(toJsonText({ messages: [{ ...message }] })).toBe(JSON.stringify(body))
  })

  test('members that are undefined are left out, as JSON.stringify does', () => {
    const { body } = read(`{"messages":[${SPACED}],"stop":null}`)
    expect(toJsonText({ before: undefined, ...body, stop: undefined })).toBe(`{"messages":[${SPACED}]}`)
  })
})

describe('nothing is kept', () => {
  test.each([
    ['of a body with two members of one name', `{"messages":[${SPACED}],"messages":[${SPACED}]}`],
    ['where one hides behind an escape', `{"messages":[${SPACED}],"mess\\u0061ges":[${SPACED}]}`],
    ['of a list instead of an object', `[[${SPACED}]]`],
    ['of what is nested very deeply', `{"messages":[${SPACED}],"deep":${'['.repeat(600)}${']'.repeat(600)}}`],
    ['of short parts', '{"messages":[{"role":"user","content":"short"}]}'],
  ])('%s', (_, text) => expect(read(text).drop).toBeUndefined())

  test('of a part with two members of one name, of which a provider may read the other one', () => {
    const twice = `{"type":"web_search","type":"function","text":${JSON.stringify(LONG)}}`
    const { body } = read(`{"tools":[${twice}],"messages":[${SPACED}]}`)
    expect(toJsonText(body)).toBe(`{"tools":${JSON.stringify(body.tools)},"messages":[${SPACED}]}`)
  })

  test('any more when it was dropped', () => {
    const { body, drop } = read(`{"messages":[${SPACED}]}`)
    drop?.()
    expect(toJsonText(body)).toBe(JSON.stringify(body))
  })
})

describe('the outline of a text', () => {
  test.each([
    ['{"a":[1234567890123456]}', true],
    ['{"a":-0.12345678901234}', true],
    ['{"a":"1234567890123456789"}', false],
    ['{"a\\":1234567890123456":1}', false],
    ['{"a":1.5e300,"b":[123456789012345]}', false],
  ])('%s: a long number outside of strings is %s', (text, expected) => {
    expect(outlineOf(text).hasLongNumber).toBe(expected)
  })

  test.each(['{"a":"never ends', '{"a":"\\', '[{', '}}}]]]', '"', ''])(
    'ends with the text, whatever that is: %s',
    (text) => {
      expect(outlineOf(text).members).toEqual([])
    },
  )
})

/** Numbers that are the same in each run. */
function createDice(seed: number): (sides: number) => number {
  let state = seed
  return (sides) => {
    state = (state * 1103515245 + 12345) % 2147483648
    return Math.floor((state / 2147483648) * sides)
  }
}

test('whatever a body holds, it says the same when it is written again', () => {
  const roll = createDice(7)
  const words = ['"', '\\', '\\"', '{', '}', '[', ']', ',', ':', 'é', '😀', '\n', ' ', 'word', '\u2028']
  const text = () => Array.from({ length: roll(400) }, () => words[roll(words.length)]).join('')
  const value = (depth: number): unknown => {
    const kind = roll(depth > 4 ? 4 : 6)
    if (kind === 0) return text()
    if (kind === 1) return roll(1000) / 7
    if (kind === 2) return [null, true, false][roll(3)]
    if (kind === 3) return JSON.rawJSON(`${roll(1e9)}${roll(1e9)}${roll(1e9)}`)
    if (kind === 4) return Array.from({ length: roll(6) }, () => value(depth + 1))
    return Object.fromEntries(Array.from({ length: roll(6) }, () => [text().slice(0, 9), value(depth + 1)]))
  }
  let kept = 0
  for (let turn = 0; turn < 300; turn++) {
    const given = { messages: Array.from({ length: 1 + roll(5) }, () => value(1)), tools: value(1), more: value(0) }
    const written = JSON.stringify(given, null, roll(2))
    const { body, drop } = read(written)
    if (drop !== undefined) kept++
    expect(JSON.stringify(JSON.parse(toJsonText(body)))).toBe(JSON.stringify(JSON.parse(written)))
    expect(JSON.stringify(parseJson(toJsonText(body)))).toBe(JSON.stringify(body))
  }
  expect(kept).toBeGreaterThan(100)
})
