import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Failure } from '../../src/chat/failure.ts'
import { createMemoryStore, type MemoryStore } from './memory-store.ts'

type Authenticate = typeof import('../../src/access/auth.ts')['authenticate']

const UNKNOWN = { status: 401, code: 'invalid_api_key' }
const UNAVAILABLE = { status: 503, code: 'key_store_unavailable' }

let authenticate: Authenticate
let store: MemoryStore
let background: Promise<unknown>[]
let keysMade = 0

beforeEach(async () => {
  // A fresh module has empty caches, as a fresh isolate has.
  vi.resetModules()
  ;({ authenticate } = await import('../../src/access/auth.ts'))
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: new Date('2026-06-01T00:00:00Z') })
  store = createMemoryStore()
  background = []
})
afterEach(() => {
  store.release()
  vi.useRealTimers()
})

function newKey(): string {
  return `sk-r9k-slow${++keysMade}`
}

function callsBy(key: string) {
  const kept = store as unknown as Parameters<Authenticate>[1]
  return authenticate(`Bearer ${key}`, kept, (work) => background.push(work))
}

/** How a call is refused, or nothing where it is let in. */
function refusal(call: Promise<unknown>): Promise<{ status: number; code: string | null } | undefined> {
  return call.then(
    () => undefined,
    (error) => ({ status: error.status, code: error.toError().code }),
  )
}

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms)
}

test.each([
  ['thirty seconds', 30_000],
  ['ten minutes all but a moment', 599_999],
])('a key known before is made to wait for a quarter of a second, no longer: known for %s', async (_, ms) => {
  const key = newKey()
  await store.put(key, { name: 'known' })
  await callsBy(key)
  pass(ms)
  store.behave('hang')
  const call = callsBy(key)
  await store.untilRead(2)
  await vi.advanceTimersByTimeAsync(249)
  expect(await Promise.race([call, 'waiting'])).toBe('waiting')
  await vi.advanceTimersByTimeAsync(1)
  expect(await Promise.race([call, 'waiting'])).toMatchObject({ name: 'known' })
})

test('a key known before takes the new word where it comes within that time', async () => {
  const key = newKey()
  await store.put(key, {})
  await callsBy(key)
  await store.put(key, { disabled: true })
  pass(30_000)
  store.behave('hang')
  const call = refusal(callsBy(key))
  await store.untilRead(2)
  await vi.advanceTimersByTimeAsync(200)
  store.release()
  expect(await call).toEqual(UNKNOWN)
})

test('the word that comes too late for one call is there for the next', async () => {
  const key = newKey()
  await store.put(key, { name: 'before' })
  await callsBy(key)
  await store.put(key, { name: 'after' })
  pass(30_000)
  store.behave('hang')
  const call = callsBy(key)
  await store.untilRead(2)
  await vi.advanceTimersByTimeAsync(250)
  expect(await Promise.race([call, 'waiting'])).toMatchObject({ name: 'before' })
  store.release()
  await Promise.all(background)
  expect(await callsBy(key)).toMatchObject({ name: 'after' })
  expect(store.reads()).toBe(2)
})

test('a look-up that ends in nothing after its call was served breaks nothing', async () => {
  const key = newKey()
  await store.put(key, {})
  await callsBy(key)
  pass(30_000)
  store.behave('hang')
  const call = refusal(callsBy(key))
  await store.untilRead(2)
  await vi.advanceTimersByTimeAsync(4000)
  expect(await call).toBeUndefined()
  await expect(Promise.all(background)).resolves.toBeDefined()
})

test('a key known more than ten minutes ago makes its caller wait for a second, as an unknown one does', async () => {
  const key = newKey()
  await store.put(key, {})
  await callsBy(key)
  pass(600_000)
  store.behave('hang')
  const call = refusal(callsBy(key))
  await store.untilRead(2)
  await vi.advanceTimersByTimeAsync(999)
  expect(await Promise.race([call, 'waiting'])).toBe('waiting')
  await vi.advanceTimersByTimeAsync(1)
  expect(await Promise.race([call, 'waiting'])).toEqual(UNAVAILABLE)
})

test('the word that comes too late for a key that was never seen is there for its next call', async () => {
  const key = newKey()
  await store.put(key, { name: 'found' })
  store.behave('hang')
  const call = refusal(callsBy(key))
  await store.untilRead(1)
  await vi.advanceTimersByTimeAsync(1000)
  expect(await Promise.race([call, 'waiting'])).toEqual(UNAVAILABLE)
  store.release()
  await Promise.all(background)
  expect(await callsBy(key)).toMatchObject({ name: 'found' })
  expect(store.reads()).toBe(1)
})

describe('before a key that is not known here is looked up, the call may be refused', () => {
  const busy = new Failure('address-rate', 'Too many calls come from this address.')
  const guarded = (key: string, asked: () => Promise<void>) => {
    const kept = store as unknown as Parameters<Authenticate>[1]
    return authenticate(`Bearer ${key}`, kept, (work) => background.push(work), asked)
  }
  const refusing = () => Promise.reject(busy)

  test('then the store is not read', async () => {
    expect(await refusal(guarded(newKey(), refusing))).toEqual({ status: 429, code: 'rate_limit_exceeded' })
    expect(store.reads()).toBe(0)
  })

  test('but neither where it is known, nor where it was refused a moment ago', async () => {
    const [good, bad] = [newKey(), newKey()]
    await store.put(good, {})
    await callsBy(good)
    await refusal(callsBy(bad))
    expect(await refusal(guarded(good, refusing))).toBeUndefined()
    expect(await refusal(guarded(bad, refusing))).toEqual(UNKNOWN)
    pass(60_000)
    expect(await refusal(guarded(good, refusing))).toBeUndefined()
  })
})
