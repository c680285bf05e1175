import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { AttemptTimer } from '../../src/gateway/attempt-timer.ts'
import { watchClientDisconnect } from '../../src/gateway/client-disconnect.ts'

const DEADLINE_MS = 1000
const IDLE_MS = 500
const WORDLESS_MS = 4 * IDLE_MS

let gone: AbortController
let watch: AttemptTimer
beforeEach(() => {
  vi.useFakeTimers()
  gone = new AbortController()
  watch = new AttemptTimer(watchClientDisconnect(gone.signal), DEADLINE_MS)
})
afterEach(() => {
  watch.end()
  vi.useRealTimers()
})

const kind = () => watch.reason()?.kind
const pass = (ms: number) => vi.advanceTimersByTime(ms)

/** One read of the provider that took so long, and brought an event or only something like a comment. */
function read(ms: number, heard: boolean): void {
  watch.wait()
  pass(ms)
  watch.arrived(heard)
}

describe('until the first word', () => {
  test('the deadline holds, and ends the fetch', () => {
    pass(DEADLINE_MS - 1)
    expect(watch.signal.aborted).toBe(false)
    pass(1)
    expect(watch.signal.aborted).toBe(true)
    expect(kind()).toBe('provider-timeout')
  })

  test.each([
    ['comments', false],
    ['events that say nothing', true],
  ])('%s do not put it off', (_, heard) => {
    for (let at = 0; at < 9; at++) read(100, heard)
    expect(kind()).toBeUndefined()
    read(100, heard)
    expect(kind()).toBe('provider-timeout')
  })

  test('it holds also while nobody waits', () => {
    read(100, true)
    pass(DEADLINE_MS - 100)
    expect(kind()).toBe('provider-timeout')
  })
})

describe('from the first word on', () => {
  beforeEach(() => {
    read(900, true)
    watch.begin(() => IDLE_MS, WORDLESS_MS)
  })

  test('the deadline is over: an answer may take as long as it goes on', () => {
    for (let at = 0; at < 50; at++) {
      read(IDLE_MS - 10, true)
      watch.gotContent()
    }
    expect(kind()).toBeUndefined()
  })

  test('silence ends it, exactly when it has lasted long enough', () => {
    read(300, true)
    watch.wait()
    pass(IDLE_MS - 1)
    expect(kind()).toBeUndefined()
    pass(1)
    expect(kind()).toBe('provider-timeout')
    expect(watch.signal.aborted).toBe(true)
  })

  test('comments do not put the end off', () => {
    for (let at = 0; at < 4; at++) read(100, false)
    expect(kind()).toBeUndefined()
    watch.wait()
    pass(100)
    expect(kind()).toBe('provider-timeout')
  })

  test('an event after comments does', () => {
    for (let at = 0; at < 4; at++) read(100, false)
    read(90, true)
    watch.wait()
    pass(IDLE_MS - 1)
    expect(kind()).toBeUndefined()
    pass(1)
    expect(kind()).toBe('provider-timeout')
  })

  test('events without words put it off, but not for ever', () => {
    for (let at = 0; at < 4; at++) read(IDLE_MS - 100, true)
    expect(kind()).toBeUndefined()
    watch.wait()
    pass(399)
    expect(kind()).toBeUndefined()
    pass(1)
    expect(kind()).toBe('provider-timeout')
  })

  test('the time that a slow client takes does not count', () => {
    read(400, false)
    pass(60 * IDLE_MS)
    expect(kind()).toBeUndefined()
    watch.wait()
    pass(IDLE_MS - 401)
    expect(kind()).toBeUndefined()
    pass(1)
    expect(kind()).toBe('provider-timeout')
  })
})

test('a limit that has become shorter counts from the silence that there is already', () => {
  let limitMs = IDLE_MS
  watch.begin(() => limitMs, WORDLESS_MS)
  watch.wait()
  pass(150)
  limitMs = 200
  watch.rearm()
  pass(49)
  expect(kind()).toBeUndefined()
  pass(1)
  expect(kind()).toBe('provider-timeout')
})

describe('a client that disconnects', () => {
  test('ends the attempt, and that is the reason', () => {
    gone.abort()
    expect(watch.signal.aborted).toBe(true)
    expect(kind()).toBe('client-left')
    pass(10 * DEADLINE_MS)
    expect(kind()).toBe('client-left')
  })

  test('ends it also where it had left before', () => {
    const late = new AttemptTimer(watchClientDisconnect(AbortSignal.abort()), DEADLINE_MS)
    expect(late.signal.aborted).toBe(true)
    expect(late.reason()?.kind).toBe('client-left')
  })

  test('changes nothing where the provider was given up before', () => {
    pass(DEADLINE_MS)
    gone.abort()
    expect(kind()).toBe('provider-timeout')
  })
})

test('an attempt that is over leaves no clock running, gives no reason and hears of no client', () => {
  watch.begin(() => IDLE_MS, WORDLESS_MS)
  watch.end()
  expect(watch.signal.aborted).toBe(true)
  expect(vi.getTimerCount()).toBe(0)
  gone.abort()
  pass(10 * DEADLINE_MS)
  expect(watch.reason()).toBeUndefined()
})
