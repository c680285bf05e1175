import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseAnswer, parseJson } from '../../src/chat/exact-json.ts'

/** What comes out where a text is read and written again. */
function again(text: string, keepsDigits?: (member: string) => boolean): string {
  return JSON.stringify(parseJson(text, keepsDigits))
}

const LONG = '9007199254740993'

test.each([
  ['an integer beyond 2^53', LONG],
  ['a negative one', `-${LONG}`],
  ['the largest of 64 bits', '18446744073709551615'],
  ['a power of two', '9223372036854775808'],
  ['a larger one', '1180591620717411303424'],
  ['one of 1,000 digits', '7'.repeat(1000)],
  ['a long decimal', '0.12345678901234567891'],
  ['one whose digits stand on both sides of the point', '123456789.123456789'],
  ['one with an exponent', '1.2345678901234567891e-7'],
  ['a number beyond all doubles', '1234567890123456e400'],
])('%s is written as it was read', (_, number) => {
  for (const text of [`{"a":${number}}`, `[${number}]`, `{"a":[1,{"b":[[],{},"x",${number}]}],"c":2}`]) {
    expect(again(text)).toBe(text)
  }
  expect(again(`{ "a" :\n[ 1 , ${number} ] }`)).toBe(`{"a":[1,${number}]}`)
})

test.each([
  ['a whole number that a double holds', '9007199254740991'],
  ['a larger one that a double holds', '9007199254740992'],
  ['zeros behind the point', '1.00000000000000000000'],
  ['a double in other words', '1.7976931348623157e+308'],
  ['a double of many digits', '-0.6931471805599453'],
])('%s is a number', (_, number) => {
  expect(parseJson(`{"a":[${number}]}`)).toStrictEqual({ a: [Number(number)] })
})

test('texts that look like numbers stay as they are', () => {
  const json = {
    [`${LONG}`]: `${LONG}`,
    text: `, ${LONG} "quoted": ${LONG} \\`,
    args: `{"id": ${LONG}, "say": "\\"${LONG}\\""}`,
    after: 1,
  }
  expect(parseJson(JSON.stringify(json))).toStrictEqual(json)
  const beside = `${JSON.stringify(json).slice(0, -1)},"n":${LONG}}`
  expect(again(beside)).toBe(beside)
})

test('of a name that is there twice, the last one counts', () => {
  expect(again(`{"a":${LONG},"a":1}`)).toBe('{"a":1}')
  expect(again(`{"a":[${LONG}],"a":{"b":${LONG}}}`)).toBe(`{"a":{"b":${LONG}}}`)
  expect(again(`{"a":{"b":${LONG}},"a":5}`)).toBe('{"a":5}')
  expect(again(`{"a":1,"a":${LONG}}`)).toBe(`{"a":${LONG}}`)
})

test('names that are odd are names', () => {
  for (const text of [`{"__proto__":{"a":${LONG}}}`, `{"a\\"b":${LONG},"":[${LONG}]}`, `{"\\u00e9":${LONG}}`]) {
    expect(again(text)).toBe(JSON.stringify(JSON.parse(text)).replaceAll('9007199254740992', LONG))
  }
})

test('members that are to be reckoned with have numbers', () => {
  expect(again(`{"a":[${LONG}],"b":{"c":${LONG}},"d":${LONG}}`, (member) => member === 'a')).toBe(
    `{"a":[${LONG}],"b":{"c":9007199254740992},"d":9007199254740992}`,
  )
  expect(JSON.stringify(parseAnswer(`{"usage":{"cost":0.12345678901234567891},"choices":[{"n":${LONG}}]}`))).toBe(
    `{"usage":{"cost":0.12345678901234568},"choices":[{"n":${LONG}}]}`,
  )
})

test('more of them than anybody has are refused; of an answer, the last ones are what doubles make of them', () => {
  const some = `[${`${LONG},`.repeat(20_000)}1]`
  expect(again(some)).toBe(some)
  const many = `[${`${LONG},`.repeat(30_000)}1]`
  expect(() => parseJson(many)).toThrow(/more than 25000 numbers/)
  const answer = JSON.stringify(parseAnswer(many))
  expect(answer.split(',').filter((number) => number.includes(LONG))).toHaveLength(25_001)
  expect(JSON.parse(answer)).toEqual(JSON.parse(many))
})

test.each(['', '{', `{"a":${LONG}`, `{"a":0${LONG}}`, `{${LONG}:1}`, `{"a":${LONG}.}`, `[${LONG} ${LONG}]`])(
  '%j is refused as JSON.parse refuses it',
  (text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError)
  },
)

/** A number's value, however it is written, in units of 10^-40. */
function amountOf(number: string): bigint {
  const [mantissa = '', exponent = '0'] = number.toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  return BigInt(whole + fraction) * 10n ** BigInt(40 + Number(exponent) - fraction.length)
}

test('any JSON is read as JSON.parse reads it, and no number in it changes', () => {
  const number = fc.oneof(
    fc.bigInt({ min: -(2n ** 75n), max: 2n ** 75n }).map(String),
    fc.tuple(fc.nat(), fc.bigInt({ min: 0n, max: 2n ** 80n })).map(([a, b]) => `${a}.${b}`),
  )
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), fc.array(number, { minLength: 1, maxLength: 3 }), (text, numbers) => {
      const plain = JSON.stringify(JSON.parse(text))
      const written = again(`{"before":${text},"numbers":[${numbers.join(',')}],"after":${text}}`)
      const [before, after] = [`{"before":${plain},"numbers":[`, `],"after":${plain}}`]
      expect(written.startsWith(before) && written.endsWith(after), written).toBe(true)
      const between = written.slice(before.length, written.length - after.length)
      expect(between.split(',').map(amountOf)).toEqual(numbers.map(amountOf))
    }),
  )
})

test('the work is linear in the text, however it is made', () => {
  const shapes: ((size: number) => string)[] = [
    (size) => `[${`${LONG},`.repeat(size / 20)}1]`,
    (size) => `${'['.repeat(size / 2)}${LONG}${']'.repeat(size / 2)}`,
    (size) => `{"a":"${'\\\\'.repeat(size / 2)}","b":${LONG}}`,
    (size) => `{"a":"${'\\"'.repeat(size / 2)}","b":${LONG}}`,
    (size) => `{"a":${'9'.repeat(size)}}`,
    (size) => `{"a":1.${'0'.repeat(size)}1}`,
    (size) => `[1,${' '.repeat(size)}${LONG}]`,
    (size) => `[${`1,${' '.repeat(99)}`.repeat(size / 100)}${LONG}]`,
  ]
  for (const shape of shapes) {
    const took = (size: number) => {
      const text = shape(size)
      const runs = Array.from({ length: 4 }, () => {
        const before = process.cpuUsage()
        parseJson(text)
        const { user, system } = process.cpuUsage(before)
        return user + system
      })
      return Math.min(...runs)
    }
    const some = Math.max(took(25_000), 300)
    // Of a text 16 times as long, 256 times as much where the work is quadratic.
    expect(took(400_000) / some, shape(10)).toBeLessThan(150)
  }
})
