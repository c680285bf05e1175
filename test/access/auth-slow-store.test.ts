import { describe, expect, test, vi } from 'vitest'
import { Failure } from '../../src/chat/failure.ts'
import {
  type Authenticate,
  authenticate,
  background,
  callsBy,
  newKey,
  pass,
  refusal,
  store,
  UNAVAILABLE,
  UNKNOWN,
  useFreshIsolate,
} from './fresh-isolate.ts'

useFreshIsolate()

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
    return authenticate(key, kept, (work) => background.push(work), asked)
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
