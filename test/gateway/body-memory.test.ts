import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

type Memory = typeof import('../../src/gateway/body-memory.ts')

const MIB = 1024 * 1024
const ALL = 32 * MIB

let createBodyShare: Memory['createBodyShare']
beforeEach(async () => {
  // A fresh module holds nothing, as a fresh isolate does.
  vi.resetModules()
  ;({ createBodyShare } = await import('../../src/gateway/body-memory.ts'))
  vi.useFakeTimers()
})
afterEach(() => vi.useRealTimers())

/** A share of so many MiB; undefined where there is no room. */
function take(key: string, mib: number, all = ALL): ReturnType<Memory['createBodyShare']> | undefined {
  const share = createBodyShare(key, all)
  try {
    share.raiseTo(mib * MIB)
    return share
  } catch (error) {
    expect(error).toMatchObject({ kind: 'bodies-full', status: 503, details: { retryAfterMs: 1000 } })
    return undefined
  }
}

test('there is room again when a call has ended, once', () => {
  const first = take('a', 20)
  expect(take('b', 20)).toBeUndefined()
  first?.release()
  first?.release()
  expect(take('b', 20)).toBeDefined()
  expect(take('c', 13)).toBeUndefined()
  expect(take('c', 12)).toBeDefined()
})

test('a share grows, and never shrinks', () => {
  const share = take('a', 10)
  share?.raiseTo(20 * MIB)
  share?.raiseTo(5 * MIB)
  expect(take('b', 13)).toBeUndefined()
  expect(take('b', 12)).toBeDefined()
})

test('a share that does not get more keeps what it has, and gives that back', () => {
  const share = take('a', 20)
  expect(() => share?.raiseTo(33 * MIB)).toThrow('Try again')
  expect(take('b', 13)).toBeUndefined()
  share?.release()
  expect(take('b', 20)).toBeDefined()
})

describe('one key alone', () => {
  test('leaves a quarter to the others', () => {
    expect(take('a', 20)).toBeDefined()
    expect(take('a', 5)).toBeUndefined()
    expect(take('a', 4)).toBeDefined()
    expect(take('b', 8)).toBeDefined()
  })

  test('may send the largest body there is, however little there is', () => {
    expect(take('a', 20, 20 * MIB)).toBeDefined()
  })
})

test('a call whose end nobody noticed does not take its share for ever', () => {
  take('a', 20)
  vi.advanceTimersByTime(14 * 60_000)
  const young = take('b', 12)
  expect(take('c', 20)).toBeUndefined()
  vi.advanceTimersByTime(2 * 60_000)
  expect(take('c', 20)).toBeDefined()
  // One that lasts keeps its own.
  expect(take('d', 1)).toBeUndefined()
  young?.release()
  expect(take('d', 12)).toBeDefined()
})
