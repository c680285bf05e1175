import { describe, expect, test } from 'vitest'
import { Failure } from '../../src/chat/failure.ts'
import { createVectorList, divide, limitsOf, vectorBytes } from '../../src/gateway/embedding-parts.ts'

const MIB = 1024 * 1024
const ALL = () => true
const spans = (parts: readonly { start: number; end: number }[]) => parts.map(({ start, end }) => [start, end])

function failureOf(act: () => unknown): Failure {
  try {
    act()
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error('nothing failed')
}

describe('inputs are divided', () => {
  test('by their number and by their tokens, and one that is too long alone goes alone', () => {
    expect(spans(divide([1, 1, 1, 1, 1], ALL, { maxInputs: 2, maxTokens: 100 }))).toEqual([
      [0, 2],
      [2, 4],
      [4, 5],
    ])
    expect(divide([60, 40, 1, 500, 1], ALL, { maxInputs: 9, maxTokens: 100 })).toEqual([
      { start: 0, end: 2, tokens: 100 },
      { start: 2, end: 3, tokens: 1 },
      { start: 3, end: 4, tokens: 500 },
      { start: 4, end: 5, tokens: 1 },
    ])
  })

  test('without those that are there: no part goes over a gap', () => {
    const left = [true, false, true, true, false, true]
    expect(spans(divide([1, 1, 1, 1, 1, 1], (at) => left[at] === true, { maxInputs: 9, maxTokens: 9 }))).toEqual([
      [0, 1],
      [2, 4],
      [5, 6],
    ])
    expect(divide([1, 1], () => false, { maxInputs: 9, maxTokens: 9 })).toEqual([])
  })

  test('so that one answer has about two or three megabytes, and never into nothing', () => {
    const limits = (dimensions: number | undefined, isPacked: boolean, maxInputs = 2048) =>
      limitsOf({ maxInputs, dimensions, encoding: isPacked ? 'base64' : 'float', isPacked }).maxInputs
    expect(limits(3072, true)).toBe(128)
    expect(limits(3072, false)).toBe(46)
    expect(limits(256, true, 100)).toBe(100)
    expect(limits(undefined, false)).toBe(34)
    expect(limits(1_000_000, false)).toBe(1)
  })
})

describe('the memory of vectors', () => {
  test('is known beforehand: 2,048 of 3,072 dimensions fit in base64, and as numbers two thirds of them', () => {
    expect(vectorBytes(2048, 3072, 'base64', 0)).toBe(32 * MIB)
    expect(vectorBytes(1365, 3072, 'float', 0)).toBeLessThanOrEqual(32 * MIB)
    const { message, details, status } = failureOf(() => vectorBytes(2048, 3072, 'float', 0))
    expect([status, details.param]).toEqual([400, 'input'])
    expect(message).toContain('at most 1365')
    expect(message).toContain('"base64"')
    expect(failureOf(() => vectorBytes(2049, 3072, 'base64', 0)).message).toContain('at most 2048')
  })

  test('is less where the texts are large themselves', () => {
    expect(vectorBytes(2048, 1920, 'base64', 20 * MIB)).toBe(20 * MIB)
    expect(failureOf(() => vectorBytes(2048, 1921, 'base64', 20 * MIB)).kind).toBe('invalid-value')
  })
})

describe('vectors are put together', () => {
  test('in the order of the inputs, whichever part comes first', () => {
    const list = createVectorList(3, (vector) => vector)
    list.put({ start: 2, end: 3, tokens: 1 }, [[5, 6]])
    expect([list.isMissing(0), list.isMissing(2), list.whole()]).toEqual([true, false, undefined])
    list.put({ start: 0, end: 2, tokens: 1 }, [
      [1, 2],
      [3, 4],
    ])
    expect(list.whole()).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ])
  })

  test('only where they are as many as the inputs, and as long as the others', () => {
    const list = createVectorList(4, (vector) => vector)
    list.put({ start: 0, end: 1, tokens: 1 }, [[1, 2]])
    const part = { start: 1, end: 3, tokens: 1 }
    for (const wrong of [
      [[1, 2]],
      [
        [1, 2],
        [1, 2],
        [1, 2],
      ],
      [[1, 2], [1]],
      [[1], [1]],
      [[], []],
    ]) {
      expect(failureOf(() => list.put(part, wrong)).kind).toBe('provider-failed')
      expect(list.isMissing(1)).toBe(true)
    }
    expect(
      failureOf(() => createVectorList(1, (vector) => vector).put({ start: 0, end: 1, tokens: 1 }, [[]])).kind,
    ).toBe('provider-failed')
  })
})
