import { expect, test } from 'vitest'
import { createJsonMessages } from '../../src/stream/json-messages.ts'

/** Reads texts as a stream does that learns each form, beside JSON.parse. */
function readAll(texts: readonly string[]): void {
  const messages = createJsonMessages()
  for (const text of texts) {
    const outcome = (read: () => unknown) => {
      try {
        return { json: JSON.stringify(read()) }
      } catch (error) {
        return { error: (error as Error).name }
      }
    }
    expect(
      outcome(() => messages.read(text)),
      text,
    ).toEqual(outcome(() => JSON.parse(text)))
    messages.decoded(true)
  }
}

const chunk = (content: string, rest = '') => `{"id":"a","choices":[{"index":0,"delta":{"content":${content}}}]${rest}}`

test('words of one form are read as JSON.parse reads them', () => {
  readAll(
    ['" a"', '"b"', '""', '"grüße 你好 🎉"', '"\\n\\t\\\\"', '"say \\"hi\\""', '"\\u00e9\\ud83d\\ude00"'].map((word) =>
      chunk(word),
    ),
  )
})

test('a form is parsed once and given again', () => {
  const messages = createJsonMessages()
  messages.read(chunk('"a"'))
  messages.decoded(true)
  const first = messages.read(chunk('"b"'))
  expect(messages.read(chunk('"c"'))).toBe(first)
  expect(first).toEqual(JSON.parse(chunk('"c"')))
})

test('a form that was not learned is never given again', () => {
  const messages = createJsonMessages()
  const first = messages.read(chunk('"a"'))
  expect(messages.read(chunk('"b"'))).not.toBe(first)
  expect(first).toEqual(JSON.parse(chunk('"a"')))
})

test('an object that somebody may keep a part of is not given again', () => {
  const messages = createJsonMessages()
  messages.read(chunk('"a"'))
  messages.decoded(true)
  const kept = messages.read(chunk('"b"'))
  messages.decoded(false)
  expect(messages.read(chunk('"c"'))).not.toBe(kept)
  expect(kept).toEqual(JSON.parse(chunk('"b"')))
})

test('a long message is not searched for its form: everybody else would wait', () => {
  const messages = createJsonMessages()
  const long = (word: string) => chunk(JSON.stringify(word.repeat(10_000)))
  messages.read(long('a'))
  messages.decoded(true)
  const first = messages.read(long('b'))
  messages.decoded(true)
  expect(messages.read(long('c'))).not.toBe(first)
})

test('padding beside the words differs freely', () => {
  readAll(['"x"', '"yy"', '""', '"\\"z"'].map((padding) => chunk('"word"', `,"obfuscation":${padding}`)))
})

test.each([
  ['a quote that ends the string early', chunk('"a","b":"c"')],
  ['a backslash before the last quote', chunk('"a\\"')],
  ['a control character', chunk('"a\tb"')],
  ['an escape that there is not', chunk('"\\x"')],
  ['no string', chunk('null')],
  ['an object', chunk('{"content":"a"}')],
  ['another field', chunk('"a"', ',"usage":{"content":"b"}')],
  ['nothing between', '{"id":"a","choices":[{"index":0,"delta":{"content":"}}]}'],
  ['an end of text', '{"id":"a","choices":[{"index":0,"delta":{"content":"'],
])('%s in the place of words is what JSON.parse says it is', (_, text) => {
  readAll([chunk('"a"'), chunk('"b"'), text, chunk('"c"'), text])
})

test('of a field that is there twice the last counts', () => {
  const twice = (word: string) => `{"content":"${word}","content":"${word}!"}`
  readAll([twice('a'), twice('b'), twice('c')])
})

test('words that look like a form, or like our own mark, are words', () => {
  const odd = ['"content"', '"\\"content\\":\\""', '"router9-hole-0"', '"}}]}"', '"content\\":\\"x"']
  readAll(odd.flatMap((word) => [chunk('"a"'), chunk(word), chunk(word, ',"p":"x"')]))
})

test('what is nested deeply, or is our mark in disguise, is read all the same', () => {
  const deep = '['.repeat(20_000) + ']'.repeat(20_000)
  const messages = createJsonMessages()
  for (const word of ['"a"', '"b"']) {
    expect(messages.read(chunk(word, `,"seed":${deep}`))).toMatchObject({ id: 'a' })
    messages.decoded(true)
  }
  const masked = (at: string) => `,"seed":"router9\\u002dhole-${at}"`
  readAll(['0', '1', '99999999'].flatMap((at) => [chunk('"a"', masked(at)), chunk('"b"', masked(at))]))
})

test('whatever a stream brings is read as JSON.parse reads it', () => {
  let seed = 1
  const next = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return seed % below
  }
  const pieces = [
    'a',
    ' b',
    '"',
    '\\',
    '\\"',
    '\\n',
    '{',
    '}',
    '":"',
    '"content":"',
    'ü',
    '你',
    '\\u0041',
    ',',
    'null',
    '\u0001',
    '',
  ]
  const word = () => `"${Array.from({ length: next(4) }, () => pieces[next(pieces.length)]).join('')}"`
  for (let round = 0; round < 2000; round++) {
    const fields = ['content', 'text', 'thinking', 'arguments', 'p', 'other'].slice(next(6))
    readAll(
      Array.from({ length: 6 }, () => {
        const members = fields.slice(0, 1 + next(4)).map((name) => `"${name}":${next(8) === 0 ? next(9) : word()}`)
        return `{"type":"delta","n":[{${members.join(',')}}]${next(5) === 0 ? word() : ''}}`
      }),
    )
  }
})

test('a form whose numbers a double would change keeps their digits', () => {
  const messages = createJsonMessages()
  const text = (word: string) => `{"content":"${word}","arguments":{"id":9007199254740993}}`
  for (const word of ['a', 'b', 'c']) {
    expect(JSON.stringify(messages.read(text(word)))).toBe(text(word))
    messages.decoded(true)
  }
})
