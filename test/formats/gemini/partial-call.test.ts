import { expect, test } from 'vitest'
import { Failure } from '../../../src/chat/failure.ts'
import { createPartialCall } from '../../../src/formats/gemini/partial-call.ts'
import type { Json } from '../asking.ts'

function argsOf(...pieces: Json[]): string {
  const call = createPartialCall('f', undefined, undefined)
  for (const piece of pieces) call.add([piece])
  return JSON.stringify(call.args())
}

test.each<[string, Json[], unknown]>([
  ['nothing', [], {}],
  [
    'values of every kind',
    [
      { jsonPath: '$.a', stringValue: 'x' },
      { jsonPath: '$.b', numberValue: 0 },
      { jsonPath: '$.c', boolValue: false },
      { jsonPath: '$.d', nullValue: null },
    ],
    { a: 'x', b: 0, c: false, d: null },
  ],
  [
    'a string in pieces',
    [
      { jsonPath: '$.a', stringValue: 'New ', willContinue: true },
      { jsonPath: '$.a', stringValue: 'York' },
    ],
    { a: 'New York' },
  ],
  [
    'objects and lists',
    [
      { jsonPath: '$.a.b[0].c', numberValue: 1 },
      { jsonPath: '$.a.b[1].c', numberValue: 2 },
    ],
    { a: { b: [{ c: 1 }, { c: 2 }] } },
  ],
  ['lists of lists', [{ jsonPath: '$.a[0][1]', numberValue: 1 }], { a: [[null, 1]] }],
  [
    'numbers that a double would change, and what replaces them,',
    [
      { jsonPath: '$.a', numberValue: JSON.rawJSON('9007199254740993') },
      { jsonPath: '$.b', numberValue: JSON.rawJSON('9007199254740993') },
      { jsonPath: '$.b.c', numberValue: 1 },
    ],
    { a: JSON.rawJSON('9007199254740993'), b: { c: 1 } },
  ],
  ['quoted names', [{ jsonPath: "$['a b'].c", numberValue: 1 }], { 'a b': { c: 1 } }],
  [
    'pieces without a path or value',
    [{ stringValue: 'x' }, { jsonPath: '$', stringValue: 'x' }, { jsonPath: '$.a' }],
    {},
  ],
])('%s add up to the arguments', (_, pieces, expected) => {
  expect(argsOf(...pieces)).toBe(JSON.stringify(expected))
})

test('names that objects and lists inherit reach nobody else', () => {
  const before = [Object.keys(Object.prototype), Object.keys(Array.prototype)]
  argsOf(
    { jsonPath: '$.__proto__.polluted', stringValue: 'x' },
    { jsonPath: '$.constructor.prototype.polluted', stringValue: 'x' },
  )
  argsOf({ jsonPath: '$.a[0]', stringValue: 'x' }, { jsonPath: '$.a.__proto__.polluted', stringValue: 'x' })
  expect([Object.keys(Object.prototype), Object.keys(Array.prototype)]).toEqual(before)
  expect('polluted' in {} || 'polluted' in []).toBe(false)
})

test('an index far beyond the end makes no huge list', () => {
  expect(argsOf({ jsonPath: '$.a[4000000000]', numberValue: 1 }).length).toBeLessThan(100)
})

test('many indexes beyond the end make no huge list together', () => {
  const pieces = Array.from({ length: 200 }, (_, at) => ({ jsonPath: `$.a${at}[9000][9000]`, numberValue: 1 }))
  expect(argsOf(...pieces).length).toBeLessThan(200_000)
})

test('a path that is deeper than any value is malformed', () => {
  expect(() => argsOf({ jsonPath: `$.a${'[0]'.repeat(200_000)}`, numberValue: 1 })).toThrow(Failure)
})
