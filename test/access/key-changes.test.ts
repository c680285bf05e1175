import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { catchUp, createChangeLog, createKeyNews, type KeyChange, MAX_TOLD } from '../../src/access/key-changes.ts'

const change = (number: number, name = `key:${number}`): KeyChange => ({ number, name, text: `text ${number}` })
const told = (...changes: KeyChange[]) => ({
  count: changes.at(-1)?.number ?? 0,
  changes,
  hasMore: false,
  isPartial: false,
})

describe('the changes of the last minutes', () => {
  test('are told in order, the last one of each record, and no longer than KV may take', () => {
    const log = createChangeLog()
    log.absorb(told(change(1), change(2), change(3, 'key:1')), 1000)
    expect(log.since(0, 2000)).toMatchObject({ count: 3, changes: [change(2), change(3, 'key:1')], hasMore: false })
    expect(log.since(2, 2000).changes).toEqual([change(3, 'key:1')])
    expect(log.textOf('key:1', 2000)).toBe('text 3')
    expect(log.textOf('key:1', 200_000)).toBeNull()
    expect(log.since(0, 200_000)).toMatchObject({ count: 3, changes: [], isPartial: false })
  })

  test('a change that comes late, twice or before another one changes nothing of what is known', () => {
    const log = createChangeLog()
    expect(log.hasGap(told(change(1)))).toBe(true)
    log.absorb(told(), 0)
    expect(log.hasGap(told(change(1)))).toBe(false)
    expect(log.absorb(told(change(1)), 0)).toEqual([change(1)])
    expect(log.absorb(told(change(1)), 0)).toEqual([])
    expect(log.hasGap(told(change(3)))).toBe(true)
    expect(log.absorb({ count: 'many', changes: [change(4)] }, 0)).toEqual([])
    expect(log.absorb(told({ number: 2, name: 'key:2' } as KeyChange), 0)).toEqual([])
  })

  test('more than one answer holds are asked for in several', async () => {
    const [known, log] = [createChangeLog(), createChangeLog()]
    const many = Array.from({ length: 2 * MAX_TOLD + 1 }, (_, at) => change(at + 1))
    known.absorb(told(...many), Date.now())
    const asked: number[] = []
    const learned: KeyChange[] = []
    const ask = async (since: number) => {
      asked.push(since)
      return known.since(since, Date.now())
    }
    await catchUp(log, ask, (changes) => learned.push(...changes))
    expect(asked).toEqual([0, MAX_TOLD, 2 * MAX_TOLD])
    expect(learned).toEqual(many)
  })

  test('what came before a question failed is learned', async () => {
    const learned: KeyChange[] = []
    const ask = async (since: number) => {
      if (since > 0) throw new Error('cut')
      return { ...told(change(1)), hasMore: true }
    }
    await expect(catchUp(createChangeLog(), ask, (changes) => learned.push(...changes))).rejects.toThrow('cut')
    expect(learned).toEqual([change(1)])
  })

  test('who asks for more than is kept is told that some are missing', () => {
    const log = createChangeLog()
    for (let number = 1; number <= 2500; number++) log.absorb(told(change(number)), 0)
    expect(log.since(10, 0).isPartial).toBe(true)
    expect(log.since(2000, 0).isPartial).toBe(false)
  })
})

describe('what an isolate hears', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_000 })
  })
  afterEach(() => {
    vi.useRealTimers()
  })
  const run = (work: Promise<unknown>) => {
    void work
  }

  test('while an object tells it each second, it asks for nothing and nobody waits', async () => {
    const learned: KeyChange[] = []
    const news = createKeyNews((changes) => learned.push(...changes))
    const ask = vi.fn(async () => told(change(1)))
    await news.listen(ask, run)
    for (let second = 0; second < 10; second++) {
      vi.setSystemTime(Date.now() + 1000)
      news.hearCount(1, Date.now(), ask, run)
      expect(news.listen(ask, run)).toBeUndefined()
    }
    expect(ask).toHaveBeenCalledTimes(1)
    expect(learned).toEqual([change(1)])
  })

  test('a count that has risen makes it ask once for what it does not know', async () => {
    const learned: KeyChange[] = []
    const news = createKeyNews((changes) => learned.push(...changes))
    await news.listen(async () => told(change(1)), run)
    const ask = vi.fn(async () => told(change(2)))
    news.hearCount(2, Date.now(), ask, run)
    news.hearCount(2, Date.now(), ask, run)
    await vi.advanceTimersByTimeAsync(0)
    expect(ask.mock.calls).toEqual([[1]])
    expect(learned).toEqual([change(1), change(2)])
    expect(news.textOf('key:2')).toBe('text 2')
  })

  test('after three seconds of silence it asks beside the call; after four the call waits; a region that hangs holds up only those that came first', async () => {
    const news = createKeyNews(() => {})
    const ask = vi.fn(async () => told())
    await news.listen(ask, run)
    vi.setSystemTime(Date.now() + 3500)
    expect(news.listen(ask, run)).toBeUndefined()
    await vi.advanceTimersByTimeAsync(0)
    expect(ask).toHaveBeenCalledTimes(2)
    vi.setSystemTime(Date.now() + 4500)
    const waiting = news.listen(() => new Promise(() => {}), run)
    expect(waiting).toBeInstanceOf(Promise)
    await vi.advanceTimersByTimeAsync(200)
    await waiting
    expect(news.listen(ask, run)).toBeUndefined()
  })
})
