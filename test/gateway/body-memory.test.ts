import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

type Memory = typeof import('../../src/gateway/body-memory.ts')

const MIB = 1024 * 1024
const ALL = 80 * MIB
const FULL = { kind: 'bodies-full', status: 503, details: { retryAfterMs: 1000 } }

let createBodyShare: Memory['createBodyShare']
beforeEach(async () => {
  // A fresh module holds nothing, as a fresh isolate does.
  vi.resetModules()
  ;({ createBodyShare } = await import('../../src/gateway/body-memory.ts'))
  vi.useFakeTimers()
})
afterEach(() => vi.useRealTimers())

/** A share for a body of so many MiB; undefined where there is no room now. */
function take(key: string, mib: number, all = ALL): ReturnType<Memory['createBodyShare']> | undefined {
  const share = createBodyShare(key, all)
  try {
    share.grow(mib * MIB)
    return share
  } catch (error) {
    expect(error).toMatchObject(FULL)
    return undefined
  }
}

test('there is room again when a call has ended, once', () => {
  const first = take('a', 20)
  expect(take('b', 20)).toBeDefined()
  expect(take('c', 20)).toBeUndefined()
  first?.release()
  first?.release()
  expect(take('c', 21)).toBeUndefined()
  expect(take('c', 20)).toBeDefined()
})

test('a share grows, and becomes smaller only when the answer begins: then it is half', () => {
  const share = take('a', 10)
  share?.grow(20 * MIB)
  share?.grow(5 * MIB)
  expect(take('a', 1)).toBeUndefined()
  share?.releaseCopy()
  expect(take('a', 11)).toBeUndefined()
  expect(take('a', 10)).toBeDefined()
  share?.release()
  share?.releaseCopy()
  expect(take('a', 10)).toBeDefined()
  expect(take('a', 1)).toBeUndefined()
})

test('a share that does not get more keeps what it has, and gives that back', () => {
  const share = take('a', 20)
  expect(() => share?.grow(21 * MIB)).toThrow('Try again')
  expect(take('a', 1)).toBeUndefined()
  share?.release()
  expect(take('a', 20)).toBeDefined()
})

test('a call that is over takes nothing more, whatever still goes on in it', () => {
  const share = take('a', 1)
  share?.release()
  share?.grow(20 * MIB)
  expect(share?.claim(20 * MIB)).toBeUndefined()
  expect(take('a', 20)).toBeDefined()
})

describe('one key alone', () => {
  test('leaves half to the others', () => {
    expect(take('a', 20, 100 * MIB)).toBeDefined()
    expect(take('a', 6, 100 * MIB)).toBeUndefined()
    expect(take('a', 5, 100 * MIB)).toBeDefined()
    expect(take('b', 20, 100 * MIB)).toBeDefined()
  })

  test('may send the largest body there is, however little there is', () => {
    expect(take('a', 20, 40 * MIB)).toBeDefined()
  })
})

test('a call whose end nobody noticed does not take its share for ever', () => {
  take('a', 20)
  vi.advanceTimersByTime(14 * 60_000)
  const young = take('b', 20)
  expect(take('c', 20)).toBeUndefined()
  vi.advanceTimersByTime(2 * 60_000)
  expect(take('c', 20)).toBeDefined()
  // One that lasts keeps its own.
  expect(take('d', 1)).toBeUndefined()
  young?.release()
  expect(take('d', 20)).toBeDefined()
})

describe('a body that there is no room for', () => {
  const claim = (key: string, mib: number) => {
    const share = createBodyShare(key, ALL)
    return { share, claimed: share.claim(mib * MIB) }
  }
  /** How it ended, as far as it has. */
  const outcomeOf = (claimed: Promise<void> | undefined) => {
    const outcome = { is: claimed === undefined ? 'in' : 'waiting' }
    claimed?.then(
      () => {
        outcome.is = 'in'
      },
      (error) => {
        outcome.is = error.kind
      },
    )
    return outcome
  }

  test('waits for five seconds, no longer', async () => {
    take('a', 20)
    const outcome = outcomeOf(claim('a', 1).claimed)
    await vi.advanceTimersByTimeAsync(4900)
    expect(outcome.is).toBe('waiting')
    await vi.advanceTimersByTimeAsync(200)
    expect(outcome.is).toBe('bodies-full')
  })

  test('is let in when there is', async () => {
    const first = take('a', 20)
    const outcomes = Array.from({ length: 6 }, () => outcomeOf(claim('a', 5).claimed))
    await vi.advanceTimersByTimeAsync(1000)
    first?.release()
    await vi.advanceTimersByTimeAsync(50)
    expect(outcomes.map(({ is }) => is)).toEqual([...Array(4).fill('in'), 'waiting', 'waiting'])
  })

  test('holds up nobody of another key', () => {
    take('a', 20)
    claim('a', 20)
    expect(claim('b', 20).claimed).toBeUndefined()
  })

  test('does not wait behind fifty others, but those whose clients have left count no more', async () => {
    take('a', 20)
    const waiting = Array.from({ length: 50 }, () => claim('a', 1))
    const all = waiting.map(({ claimed }) => outcomeOf(claimed))
    const refused = outcomeOf(claim('a', 1).claimed)
    await vi.advanceTimersByTimeAsync(0)
    expect(refused.is).toBe('bodies-full')
    waiting[0]?.share.release()
    const last = outcomeOf(claim('a', 1).claimed)
    await vi.advanceTimersByTimeAsync(100)
    expect(last.is).toBe('waiting')
    await vi.advanceTimersByTimeAsync(5000)
    expect(new Set(all.map(({ is }) => is))).toEqual(new Set(['bodies-full']))
    expect(outcomeOf(claim('b', 1).claimed).is).toBe('in')
  })
})

test('what is held beside the body is given back before the call ends, and only once', () => {
  const share = take('a', 10)
  share?.reserve(20 * MIB)
  expect(take('a', 1)).toBeUndefined()
  share?.reserve(-15 * MIB)
  expect(take('a', 8)).toBeUndefined()
  take('a', 7)?.release()
  share?.releaseCopy()
  expect(take('b', 12)).toBeDefined()
  share?.release()
  share?.reserve(-15 * MIB)
  // All but what `b` has.
  expect(take('a', 15)).toBeDefined()
  expect(take('c', 14)).toBeUndefined()
  expect(take('c', 13)).toBeDefined()
})
