import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EVENT_MAX_BYTES, EventTooLong } from '../../src/stream/lines.ts'
import { createSseParser, type StreamMessage } from '../../src/stream/sse.ts'

const utf8 = new TextEncoder()

function parse(...pieces: (string | Uint8Array)[]): StreamMessage[] {
  const parser = createSseParser()
  const messages = pieces.flatMap((piece) => [...parser.push(typeof piece === 'string' ? utf8.encode(piece) : piece)])
  return [...messages, ...parser.end()]
}

const data = (...texts: string[]) => texts.map((text) => ({ event: '', data: text }))

const FIXTURES: [string, string, StreamMessage[]][] = [
  ['lines end in LF', 'data: a\n\ndata: b\n\n', data('a', 'b')],
  ['lines end in CRLF', 'data: a\r\n\r\ndata: b\r\n\r\n', data('a', 'b')],
  ['lines end in CR', 'data: a\r\rdata: b\r\r', data('a', 'b')],
  ['line ends are mixed', 'data: a\r\n\ndata: b\r\n\rdata: c\n\r\n', data('a', 'b', 'c')],
  ['a BOM opens the stream', '\uFEFFdata: a\n\n', data('a')],
  ['comments come before and between events', ': hi\n\n: again\ndata: a\n: in\ndata: b\n\n:\n\n', data('a\nb')],
  ['no space follows the colon', 'data:{"a":1}\n\n', data('{"a":1}')],
  ['only the first space is taken away', 'data:  a \n\n', data(' a ')],
  ['data runs over several lines', 'data: a\ndata:\ndata: b\n\n', data('a\n\nb')],
  ['the last event has no blank line', 'data: a\n\ndata: b\n', data('a', 'b')],
  ['the last line has no end at all', 'data: a\n\ndata: b', data('a', 'b')],
  ['events have names', 'event: ping\ndata: {}\n\ndata: a\n\n', [{ event: 'ping', data: '{}' }, ...data('a')]],
  ['a name without data is no event', 'event: ping\n\ndata: a\n\n', data('a')],
  ['unknown fields are there', 'id: 7\nretry: 10\nfoo: bar\nwhat\ndata: a\n\n', data('a')],
  ['many blank lines stand between events', '\n\n\ndata: a\n\n\n\n\ndata: b\n\n', data('a', 'b')],
  ['characters take up to four bytes', 'data: 你好🙂é\r\n\r\ndata: 🇨🇭\n\n', data('你好🙂é', '🇨🇭')],
  ['data holds a colon, a BOM and spaces', 'data: a: \uFEFF b\n\n', data('a: \uFEFF b')],
  ['[DONE] is data', 'data: [DONE]\n\n', data('[DONE]')],
  [
    'a bare JSON error breaks in',
    'data: a\r\n\r\n{\r\n  "error": {\r\n    "code": 503\r\n  }\r\n}\r\n',
    data('a', '{\n  "error": {\n    "code": 503\n  }\n}'),
  ],
  ['a bare JSON error is all there is', '{"error":{"code":400}}', data('{"error":{"code":400}}')],
  ['there is nothing', '', []],
]

describe('a stream is read where', () => {
  test.each(FIXTURES)('%s', (_, text, expected) => {
    expect(parse(text)).toEqual(expected)
  })
})

describe('a stream cut in two at any byte gives the same messages where', () => {
  test.each(FIXTURES)('%s', (_, text, expected) => {
    const bytes = utf8.encode(text)
    for (let at = 0; at <= bytes.length; at++) {
      expect(parse(bytes.subarray(0, at), bytes.subarray(at)), `cut at ${at}`).toEqual(expected)
    }
    expect(parse(...[...bytes].map((byte) => Uint8Array.of(byte))), 'byte by byte').toEqual(expected)
  })
})

test('any data comes through any cuts and any line ends unharmed', () => {
  const line = fc.string({ unit: 'binary' }).map((text) => text.replace(/[\r\n\uFEFF]/g, '').toWellFormed())
  fc.assert(
    fc.property(
      fc.array(fc.array(line, { minLength: 1, maxLength: 3 }), { maxLength: 5 }),
      fc.constantFrom('\n', '\r\n', '\r'),
      fc.array(fc.nat({ max: 200 })),
      (events, lineEnd, cuts) => {
        const text = events
          .map((lines) => `${lines.map((part) => `data: ${part}${lineEnd}`).join('')}${lineEnd}`)
          .join('')
        const bytes = utf8.encode(text)
        const edges = [0, ...cuts.filter((at) => at < bytes.length).sort((a, b) => a - b), bytes.length]
        const pieces = edges.slice(1).map((edge, at) => bytes.subarray(edges[at], edge))
        expect(parse(...pieces)).toEqual(data(...events.map((lines) => lines.join('\n'))))
      },
    ),
  )
})

test('a message is there as soon as its blank line is', () => {
  const parser = createSseParser()
  expect(parser.push(utf8.encode('data: a\n'))).toEqual([])
  expect(parser.push(utf8.encode('\nda'))).toEqual(data('a'))
  expect(parser.push(utf8.encode('ta: b\r'))).toEqual([])
  expect(parser.push(utf8.encode('\n\r'))).toEqual(data('b'))
  expect(parser.push(utf8.encode('\n'))).toEqual([])
  expect(parser.end()).toEqual([])
})

describe('a long event', () => {
  const piece = utf8.encode('x'.repeat(16 * 1024))
  const repeated = (bytes: Uint8Array, times: number) => Array.from({ length: times }, () => bytes)
  const MEBI = 64

  test('of 4 MiB passes, in pieces of 16 KiB', () => {
    const [message, ...more] = parse('data: ', ...repeated(piece, 4 * MEBI), '\n\n')
    expect(message?.data.length).toBe(4 * 1024 * 1024)
    expect(more).toEqual([])
  })

  test('of 4 MiB costs four times what one of 1 MiB does, not sixteen times: each character is looked at once', () => {
    const searched = (mebi: number) => {
      const original = String.prototype.indexOf
      let characters = 0
      String.prototype.indexOf = function (this: string, what: string, from = 0) {
        characters += this.length - from
        return original.call(this, what, from)
      }
      try {
        parse('data: ', ...repeated(piece, mebi * MEBI), '\n\n')
      } finally {
        String.prototype.indexOf = original
      }
      return characters
    }
    expect(searched(4) / searched(1)).toBeLessThan(4.5)
  })

  test('over 8 MiB is refused while it comes, not when it ends', () => {
    const parser = createSseParser()
    parser.push(utf8.encode('data: '))
    const fed = () => {
      for (let pieces = 0; pieces <= 8 * MEBI; pieces++) parser.push(piece)
    }
    expect(fed).toThrow(EventTooLong)
  })

  test('over 8 MiB is refused also when it is made of many lines', () => {
    const line = utf8.encode(`data: ${'x'.repeat(16 * 1024)}\n`)
    expect(() => parse(...repeated(line, 8 * MEBI + 1))).toThrow(EventTooLong)
  })

  test('may follow another: only one event counts at a time', () => {
    const five = repeated(piece, 5 * MEBI)
    const lengths = parse('data: ', ...five, '\n\ndata: ', ...five, '\n\n').map((message) => message.data.length)
    expect(lengths).toEqual([5 * 1024 * 1024, 5 * 1024 * 1024])
  })

  test('of exactly the longest length passes', () => {
    const whole = `data: ${'x'.repeat(EVENT_MAX_BYTES - 100)}\n\n`
    expect(parse(whole)[0]?.data.length).toBe(EVENT_MAX_BYTES - 100)
  })
})
