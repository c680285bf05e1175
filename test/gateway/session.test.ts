import { expect, test } from 'vitest'
import type { KeyRecord } from '../../src/access/keys.ts'
import { parseChat } from '../../src/chat/request.ts'
import { cacheKeyOf, rememberSession, sessionInHeader, sessionOf } from '../../src/gateway/session.ts'

const CALLER: KeyRecord = { id: 'key_1', name: 'one', created: '2026-01-01T00:00:00Z' }
const BEGUN = [
  { role: 'user', content: 'Hello!' },
  { role: 'assistant', content: 'Hello.' },
  { role: 'user', content: 'Go on.' },
]

function session(fields: Record<string, unknown>, headers: Record<string, string> = {}, caller = CALLER) {
  const body = { model: 'auto', messages: BEGUN, ...fields }
  const header = (name: string) => headers[name] ?? null
  return sessionOf({ named: sessionInHeader(header), body, chat: parseChat(body), caller, hasChoice: true })
}

test('a session is known by the first of its headers, then of its fields, then by its first user message', () => {
  const claude = JSON.stringify({ device_id: 'd', account_uuid: '', session_id: 's-1' })
  expect(session({ user: 'u' }, { 'x-session-id': 'a', 'x-opencode-session': 'b' })?.id).toBe('a')
  expect(session({ user: 'u' }, { 'x-claude-code-session-id': 'b' })?.id).toBe('b')
  expect(session({ session_id: 'c', prompt_cache_key: 'd' })?.id).toBe('c')
  expect(session({ prompt_cache_key: 'd', metadata: { user_id: claude } })?.id).toBe('d')
  expect(session({ metadata: { user_id: claude }, user: 'u' })?.id).toBe('s-1')
  expect(session({ metadata: { user_id: '{"session_id":' }, user: 'u' })?.id).toBe('{"session_id":')
  expect(session({ user: 'u', safety_identifier: 'x' })?.id).toBe('u')
  expect(session({ safety_identifier: 'x', user: null })?.id).toBe('x')
  const [first, ...others] = BEGUN
  const asParts = [{ role: 'user', content: [{ type: 'text', text: first?.content }] }, ...others]
  expect(session({})).toMatchObject({ id: undefined, hash: session({ messages: asParts })?.hash })
  expect(session({ messages: [first] })).toBeUndefined()
})

test('the sessions of two accounts are two, however alike; a rotated key goes on with those of the old one', () => {
  const other = { ...CALLER, id: 'key_2' }
  const one = session({ user: 'u' })
  if (one === undefined) throw new TypeError('no session')
  rememberSession(one, 'openai/gpt-4o', 5)
  expect(session({ user: 'u' })?.last).toEqual({ name: 'openai/gpt-4o', since: 5, at: 5 })
  expect(session({ user: 'u' }, {}, other)).toMatchObject({ account: 'key_2' })
  expect(session({ user: 'u' }, {}, other)?.hash).not.toBe(one.hash)
  expect(session({ user: 'u' }, {}, other)?.last).toBeUndefined()
  expect(session({ user: 'u' }, {}, { ...other, account: 'key_1' })?.last).toBeDefined()
})

test('long texts are told apart by both ends and by their length', () => {
  const hash = (text: string) => session({ user: text })?.hash
  const middle = 'm'.repeat(100_000)
  expect(hash(`a${middle}`)).not.toBe(hash(`b${middle}`))
  expect(hash(`${middle}a`)).not.toBe(hash(`${middle}b`))
  expect(hash(middle)).not.toBe(hash(`${middle}m`))
})

test('a provider gets a name that says nothing of the client’s, and is another one for each key', async () => {
  const named = session({}, { 'x-session-id': 'the client’s own' })
  if (named?.id === undefined) throw new TypeError('no session with a name')
  const name = await cacheKeyOf(named.id, 'sk-r9k-one')
  expect(name).toMatch(/^[0-9a-f]{32}$/)
  expect(await cacheKeyOf(named.id, 'sk-r9k-one')).toBe(name)
  expect(await cacheKeyOf(named.id, 'sk-r9k-two')).not.toBe(name)
  expect(session({})).toMatchObject({ id: undefined })
})
