import { afterEach, describe, expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { expectRefusal } from './refusal.ts'

const CHAT = { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hello!' }] }

const router9 = useRouter9()
let keysMade = 0
afterEach(() => router9.worker.keys.behave('well'))

async function newKey(): Promise<string> {
  const key = `sk-r9k-worker-key-${++keysMade}`
  await router9.worker.keys.put(key, {})
  return key
}

function chatAs(key: string): Promise<Response> {
  return router9.chat(CHAT, { authorization: `Bearer ${key}` })
}

describe('while the store of keys is in trouble', () => {
  test('a key that was known serves on', async () => {
    const key = await newKey()
    expect((await chatAs(key)).status).toBe(200)
    router9.worker.keys.behave('fail')
    expect((await chatAs(key)).status).toBe(200)
  })

  test('an unknown key is told to come again, not that it is wrong', async () => {
    router9.worker.keys.behave('fail')
    const response = await chatAs('sk-r9k-not-seen-yet')
    await expectRefusal(response, { status: 503, type: 'server_error', code: 'key_store_unavailable' })
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(response.headers.get('x-should-retry')).toBe('true')
  })

  test('and the next call finds out', async () => {
    const key = await newKey()
    router9.worker.keys.behave('fail')
    expect((await chatAs(key)).status).toBe(503)
    router9.worker.keys.behave('well')
    expect((await chatAs(key)).status).toBe(200)
  })

  test('a store that never answers is given up after a second', async () => {
    router9.worker.keys.behave('hang')
    const started = performance.now()
    const response = await chatAs('sk-r9k-hanging-key')
    const ms = performance.now() - started
    await expectRefusal(response, { status: 503, type: 'server_error', code: 'key_store_unavailable' })
    expect(ms).toBeGreaterThan(950)
    expect(ms).toBeLessThan(2500)
  })

  test.each(['{', '"key"', '{"id":1}', '{"id":"a","name":"b","created":"c","models":"gpt-4o"}'])(
    'a broken record is our fault, not the key’s: %s',
    async (text) => {
      const key = `sk-r9k-broken-${++keysMade}`
      await router9.worker.keys.putText(key, text)
      await expectRefusal(await chatAs(key), { status: 503, type: 'server_error', code: 'key_store_unavailable' })
    },
  )
})

test('a hundred calls at once with a key that is new here read it once', async () => {
  const key = await newKey()
  const before = router9.worker.keys.reads()
  const responses = await Promise.all(Array.from({ length: 100 }, () => chatAs(key)))
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
  await Promise.all(responses.map((response) => response.arrayBuffer()))
  expect(router9.worker.keys.reads() - before).toBe(1)
})
