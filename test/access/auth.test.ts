import { setTimeout as realTime } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import {
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

describe('what the record says', () => {
  test.each([
    ['nothing is there', undefined, UNKNOWN],
    ['it is disabled', { disabled: true }, UNKNOWN],
    ['it expired a second ago', { expires: '2026-05-31T23:59:59Z' }, { status: 401, code: 'api_key_expired' }],
    ['it expires this very moment', { expires: '2026-06-01T00:00:00Z' }, { status: 401, code: 'api_key_expired' }],
    ['it expires in a second', { expires: '2026-06-01T00:00:01Z' }, undefined],
    ['it is not disabled', { disabled: false }, undefined],
    ['it is not JSON', '{"id":', UNAVAILABLE],
    ['it is empty', '', UNAVAILABLE],
    ['it is no object', '[]', UNAVAILABLE],
    ['it lacks its id', '{"name":"a","created":"2026-01-01T00:00:00Z"}', UNAVAILABLE],
    ['its allow-list is no list', { models: 'gpt-4o' }, UNAVAILABLE],
    ['its end is no time', { expires: 'tomorrow' }, UNAVAILABLE],
    ['its switch is no switch', { disabled: 'yes' }, UNAVAILABLE],
  ])('%s', async (_, record, expected) => {
    const key = newKey()
    if (record !== undefined) await store.put(key, record)
    expect(await refusal(callsBy(key))).toEqual(expected)
  })

  test('a key that is known expires on time, not with the cache', async () => {
    const key = newKey()
    await store.put(key, { expires: '2026-06-01T00:00:05Z' })
    expect(await refusal(callsBy(key))).toBeUndefined()
    pass(5000)
    expect(await refusal(callsBy(key))).toEqual({ status: 401, code: 'api_key_expired' })
  })

  test('no refusal repeats the key', async () => {
    const keys = ['sk-r9k-!!secret!!', 'sk-r9k-secretunknown', 'sk-r9k-secretexpired', 'sk-r9k-secretbroken']
    await store.put('sk-r9k-secretexpired', { expires: '2020-01-01T00:00:00Z' })
    await store.put('sk-r9k-secretbroken', '{')
    for (const key of keys) {
      const error = await callsBy(key).catch((thrown) => thrown)
      expect(JSON.stringify([error.message, error.details, error.toError()])).not.toContain('secret')
    }
  })
})

describe('a key that is known is believed for a while', () => {
  test('for twenty seconds without another look', async () => {
    const key = newKey()
    await store.put(key, {})
    await callsBy(key)
    pass(19_999)
    await callsBy(key)
    expect(store.reads()).toBe(1)
  })

  test('after that it is served at once, and looked up once more in the background', async () => {
    const key = newKey()
    await store.put(key, { name: 'before' })
    await callsBy(key)
    await store.put(key, { name: 'after' })
    pass(20_000)
    background.length = 0
    store.behave('hang')
    const calls = await Promise.all([callsBy(key), callsBy(key), callsBy(key)])
    expect(calls.map(({ name }) => name)).toEqual(['before', 'before', 'before'])
    expect(store.reads()).toBe(2)
    expect(background).toHaveLength(1)
    store.release()
    await Promise.all(background)
    expect(await callsBy(key)).toMatchObject({ name: 'after' })
    expect(store.reads()).toBe(2)
  })

  test('thirty seconds, and a call waits for the new word', async () => {
    const key = newKey()
    await store.put(key, {})
    await callsBy(key)
    await store.put(key, { disabled: true })
    pass(30_000)
    expect(await refusal(callsBy(key))).toEqual(UNKNOWN)
  })

  test('a key that is gone when it is looked up again is refused', async () => {
    const key = newKey()
    await store.put(key, {})
    await callsBy(key)
    await store.remove(key)
    pass(20_000)
    expect(await refusal(callsBy(key))).toBeUndefined()
    await Promise.all(background)
    expect(await refusal(callsBy(key))).toEqual(UNKNOWN)
  })

  test('a refresh that fails is nobody’s trouble', async () => {
    const key = newKey()
    await store.put(key, {})
    await callsBy(key)
    store.behave('fail')
    pass(25_000)
    expect(await refusal(callsBy(key))).toBeUndefined()
    await Promise.all(background)
  })
})

describe('a key that is not there is believed not to be for ten seconds', () => {
  test('and then seen', async () => {
    const key = newKey()
    expect(await refusal(callsBy(key))).toEqual(UNKNOWN)
    await store.put(key, {})
    pass(9999)
    expect(await refusal(callsBy(key))).toEqual(UNKNOWN)
    expect(store.reads()).toBe(1)
    pass(1)
    expect(await refusal(callsBy(key))).toBeUndefined()
    expect(store.reads()).toBe(2)
  })

  test('guesses do not push out keys in use', async () => {
    const key = newKey()
    await store.put(key, {})
    await callsBy(key)
    await Promise.all(Array.from({ length: 6000 }, (_, at) => refusal(callsBy(`sk-r9k-guess${at}`))))
    const before = store.reads()
    expect(await refusal(callsBy(key))).toBeUndefined()
    expect(store.reads()).toBe(before)
  })

  test('guesses do not fill the memory: the oldest is forgotten', async () => {
    for (let at = 0; at <= 2000; at++) await refusal(callsBy(`sk-r9k-guess${at}`))
    const before = store.reads()
    await refusal(callsBy('sk-r9k-guess2000'))
    expect(store.reads()).toBe(before)
    await refusal(callsBy('sk-r9k-guess0'))
    expect(store.reads()).toBe(before + 1)
  })
})

describe('while KV fails', () => {
  test('a key known before serves on for ten minutes', async () => {
    const key = newKey()
    await store.put(key, {})
    await callsBy(key)
    store.behave('fail')
    pass(599_999)
    expect(await refusal(callsBy(key))).toBeUndefined()
    pass(1)
    expect(await refusal(callsBy(key))).toEqual(UNAVAILABLE)
  })

  test('a key that was disabled stays so', async () => {
    const key = newKey()
    await store.put(key, { disabled: true })
    await refusal(callsBy(key))
    store.behave('fail')
    pass(60_000)
    expect(await refusal(callsBy(key))).toEqual(UNKNOWN)
  })

  test('a key that was unknown before may be known by now: 503, not 401', async () => {
    const key = newKey()
    await refusal(callsBy(key))
    store.behave('fail')
    pass(10_000)
    expect(await refusal(callsBy(key))).toEqual(UNAVAILABLE)
  })

  test('a failure is not remembered', async () => {
    const key = newKey()
    await store.put(key, {})
    store.behave('fail')
    expect(await refusal(callsBy(key))).toEqual(UNAVAILABLE)
    store.behave('well')
    expect(await refusal(callsBy(key))).toBeUndefined()
  })

  test('a store that never answers is given a second, no more', async () => {
    const key = newKey()
    store.behave('hang')
    const call = refusal(callsBy(key))
    await store.untilRead(1)
    await vi.advanceTimersByTimeAsync(999)
    expect(await Promise.race([call, 'waiting'])).toBe('waiting')
    await vi.advanceTimersByTimeAsync(1)
    expect(await call).toEqual(UNAVAILABLE)
  })
})

describe('many calls with one key', () => {
  test('a hundred at once are one look-up', async () => {
    const key = newKey()
    await store.put(key, {})
    const refusals = await Promise.all(Array.from({ length: 100 }, () => refusal(callsBy(key))))
    expect(refusals.every((each) => each === undefined)).toBe(true)
    expect(store.reads()).toBe(1)
  })

  test('a hundred with an unknown key are one look-up too', async () => {
    const key = newKey()
    await Promise.all(Array.from({ length: 100 }, () => refusal(callsBy(key))))
    expect(store.reads()).toBe(1)
  })

  test('one that waits for another’s look-up in vain does its own', async () => {
    const key = newKey()
    await store.put(key, {})
    store.behave('hang')
    const first = refusal(callsBy(key))
    await store.untilRead(1)
    store.behave('well')
    const second = refusal(callsBy(key))
    // The key is hashed outside of fake time.
    await realTime(50)
    await vi.advanceTimersByTimeAsync(600)
    expect(await second).toBeUndefined()
    store.release()
    expect(await first).toBeUndefined()
  })

  test('one that waits for another’s look-up, and then for its own, is told after a second too', async () => {
    const key = newKey()
    store.behave('hang')
    const first = refusal(callsBy(key))
    await store.untilRead(1)
    const second = refusal(callsBy(key))
    await realTime(50)
    await vi.advanceTimersByTimeAsync(1000)
    expect(await Promise.race([first, 'waiting'])).toEqual(UNAVAILABLE)
    expect(await Promise.race([second, 'waiting'])).toEqual(UNAVAILABLE)
    expect(store.reads()).toBe(2)
  })

  test('two keys do not wait for one another', async () => {
    const [slow, quick] = [newKey(), newKey()]
    await store.put(quick, {})
    store.behave('hang')
    const first = refusal(callsBy(slow))
    await store.untilRead(1)
    store.behave('well')
    expect(await refusal(callsBy(quick))).toBeUndefined()
    store.release()
    expect(await first).toEqual(UNKNOWN)
  })
})
