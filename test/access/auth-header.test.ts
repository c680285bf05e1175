import { beforeEach, describe, expect, test } from 'vitest'
import { authenticate, readKey } from '../../src/access/auth.ts'
import { createMemoryStore, type MemoryStore } from './memory-store.ts'

let store: MemoryStore
let keysMade = 0
beforeEach(() => {
  store = createMemoryStore()
})

function newKey(): string {
  return `sk-r9k-header${++keysMade}`
}

async function callsWith(header: string | null) {
  const key = readKey((name) => (name === 'authorization' ? header : null))
  return authenticate(key, store as unknown as Parameters<typeof authenticate>[1], () => {})
}

/** How a call is refused, or nothing where it is let in. */
function refusal(call: Promise<unknown>): Promise<{ status: number; code: string | null } | undefined> {
  return call.then(
    () => undefined,
    (error) => ({ status: error.status, code: error.toError().code }),
  )
}

const UNKNOWN = { status: 401, code: 'invalid_api_key' }

describe('which header is a key', () => {
  test.each([
    ['none', null],
    ['empty', ''],
    ['blank', '   '],
    ['another scheme', 'Basic sk-r9k-abcd'],
    ['a scheme that begins like ours', 'Bearerish sk-r9k-abcd'],
    ['the key alone', 'sk-r9k-abcd'],
  ])('no bearer at all: %s', async (_, header) => {
    expect(await refusal(callsWith(header))).toEqual({ status: 401, code: null })
    expect(store.reads()).toBe(0)
  })

  test.each([
    ['the scheme alone', 'Bearer'],
    ['the scheme and a blank', 'Bearer '],
    ['two keys', 'Bearer sk-r9k-abcd sk-r9k-abcd'],
    ['two keys with a comma', 'Bearer sk-r9k-abcd, Bearer sk-r9k-abcd'],
    ['a key in quotes', 'Bearer "sk-r9k-abcd"'],
    ['a wrong prefix', 'Bearer sk-abcdefgh'],
    ['a prefix in capitals', 'Bearer SK-R9K-abcd'],
    ['three characters', 'Bearer sk-r9k-abc'],
    ['121 characters', `Bearer sk-r9k-${'a'.repeat(121)}`],
    ['a dot', 'Bearer sk-r9k-abcd.efgh'],
    ['a path', 'Bearer sk-r9k-../../x'],
    ['letters beyond ASCII', 'Bearer sk-r9k-ábcdé'],
  ])('a bearer that no key looks like is not looked up: %s', async (_, header) => {
    expect(await refusal(callsWith(header))).toEqual(UNKNOWN)
    expect(store.reads()).toBe(0)
  })

  test.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])(
    'the name of the scheme may be written in any case: %s',
    async (scheme) => {
      const key = newKey()
      await store.put(key, { name: 'mine' })
      expect(await callsWith(`${scheme} ${key}`)).toMatchObject({ name: 'mine' })
    },
  )

  test('two spaces, and one at the end, do no harm', async () => {
    const key = newKey()
    await store.put(key, {})
    expect(await refusal(callsWith(`Bearer  ${key} `))).toBeUndefined()
  })

  test.each([4, 120])('a key of %d characters after its prefix is looked up', async (length) => {
    const key = `sk-r9k-${'_'.repeat(length)}`
    await store.put(key, {})
    expect(await refusal(callsWith(`Bearer ${key}`))).toBeUndefined()
  })
})
