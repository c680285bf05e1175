import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createExcessFinder, findExcess } from '../../src/stream/json-bounds.ts'

const MAX_VALUES = 262_144
const MAX_LEVELS = 1000

/** Long enough to be searched, whatever else is in it. */
const filled = (text: string) => text.padEnd(MAX_VALUES + 1)

describe('how many values a body holds', () => {
  // The object itself, its members, the list, and its elements.
  const zeros = (count: number) => `{"model":"m","messages":[${'0,'.repeat(count - 4)}0]}`

  test.each<[string, (count: number) => string]>([
    ['numbers', zeros],
    ['empty objects', (count) => `{"model":"m","messages":[${'{},'.repeat((count - 4) / 2)}0]}`],
    ['members', (count) => `{"model":"m","messages":{${'"a":0,'.repeat(count - 4)}"a":0}}`],
  ])('is bounded: %s', (_, text) => {
    expect(findExcess(filled(text(MAX_VALUES)))).toBeUndefined()
    expect(findExcess(filled(text(MAX_VALUES + 2)))).toEqual({
      complaint: `holds more than ${MAX_VALUES} values`,
      field: 'messages',
    })
  })

  test.each([
    ['in a string', `{"text":"${',{['.repeat(MAX_VALUES)}"}`],
    ['in a string behind escaped quotes', `{"text":"${'\\",{['.repeat(MAX_VALUES)}"}`],
    ['in a string behind escaped backslashes', `{"text":"${'\\\\,{['.repeat(MAX_VALUES)}"}`],
    ['in a string of other letters', `{"text":"${'“,{['.repeat(MAX_VALUES)}"}`],
  ])('and what stands %s is none', (_, text) => {
    expect(findExcess(text)).toBeUndefined()
  })
})

test('numbers in lists count for as little as is said, and all else in full', () => {
  const SHARE = 0.25
  const lists = (element: string, count: number) => `{"input":[[1${`,${element}`.repeat(count)}]]}`
  for (const number of ['7', ' 7']) {
    expect(findExcess(filled(lists(number, 4 * (MAX_VALUES - 4))), undefined, SHARE)).toBeUndefined()
    expect(findExcess(filled(lists(number, 4 * MAX_VALUES)), undefined, SHARE)?.field).toBe('input')
  }
  for (const other of ['{}', '""', '[]']) {
    expect(findExcess(filled(lists(other, MAX_VALUES)), undefined, SHARE)?.field).toBe('input')
  }
})

describe('how deep a body is nested', () => {
  const lists = (levels: number) => `{"x":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)},"y":1}`
  const objects = (levels: number) => `{"y":1, "x" : ${'{"a":'.repeat(levels - 1)}0${'}'.repeat(levels - 1)}}`
  test.each([
    ['lists', lists],
    ['objects', objects],
  ])('is bounded: %s', (_, text) => {
    expect(findExcess(filled(text(MAX_LEVELS)))).toBeUndefined()
    expect(findExcess(filled(text(MAX_LEVELS + 1)))).toEqual({
      complaint: `is nested more than ${MAX_LEVELS} levels deep`,
      field: 'x',
    })
  })

  test('also where nothing is ever closed', () => {
    expect(findExcess(filled(`{"x":${'['.repeat(MAX_VALUES)}`))?.field).toBe('x')
  })

  test('also where it is no object', () => {
    expect(findExcess(filled('['.repeat(MAX_VALUES)))).toMatchObject({ field: undefined })
  })
})

test('strings end where JSON.parse has them end, however long and however escaped', () => {
  const pieces = fc.constantFrom('\\', '"', 'a', '\n', ',', '[', 'ä', 'a'.repeat(63), 'a'.repeat(64), '\\'.repeat(65))
  const text = fc.array(pieces, { maxLength: 40 }).map((all) => all.join(''))
  fc.assert(
    fc.property(text, fc.nat(70), (content, padding) => {
      const string = JSON.stringify('a'.repeat(padding) + content)
      // What follows the string is seen only if its end was found.
      const deep = `${'['.repeat(MAX_LEVELS)}${']'.repeat(MAX_LEVELS)}`
      expect(findExcess(filled(`{"s":${string},"x":${deep}}`))?.field).toBe('x')
      expect(findExcess(filled(`{"s":${string}}`))).toBeUndefined()
    }),
    { numRuns: 200 },
  )
})

test('a small body is not searched: it cannot hold much', () => {
  expect(findExcess('['.repeat(MAX_VALUES))).toBeUndefined()
})

test('counts the same however a text is cut', () => {
  const text = `{"a":"\\\\\\"[[{{","b":[1,2,{"c":"${'x'.repeat(100)}\\\\"}],"d":"\\\\"}`
  // 3 opened, and the commas between members.
  const values = 7
  for (let first = 0; first <= text.length; first++) {
    for (let second = first; second <= text.length; second += 7) {
      const pieces = [text.slice(0, first), text.slice(first, second), text.slice(second)]
      const within = createExcessFinder(values)
      expect(pieces.map(within)).toEqual([undefined, undefined, undefined])
      const over = createExcessFinder(values - 1)
      expect(pieces.map(over).some((excess) => excess !== undefined)).toBe(true)
    }
  }
})
