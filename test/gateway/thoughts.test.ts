import { beforeEach, expect, test, vi } from 'vitest'
import type { Said } from '../../src/chat/event.ts'
import { parseChat } from '../../src/chat/request.ts'

type Module = typeof import('../../src/gateway/thoughts.ts')

const values = new Map<string, ArrayBuffer>()
const store = {
  get: async (name: string) => values.get(name) ?? null,
  put: async (name: string, value: ArrayBuffer) => {
    values.set(name, value)
  },
} as unknown as KVNamespace
const mine = { store, authorization: 'Bearer sk-r9k-mine' }

beforeEach(() => values.clear())

/** A module of its own has the memory of an isolate of its own. */
async function isolate(): Promise<Module> {
  vi.resetModules()
  return import('../../src/gateway/thoughts.ts')
}

const QUESTION = { role: 'user', content: 'weather in Paris?' }
const CALL = { id: 'functions.weather:0', type: 'function', function: { name: 'weather', arguments: '{}' } }
const SAID: Said[] = [
  { type: 'reasoning', choice: 0, text: 'I should ' },
  { type: 'reasoning', choice: 0, text: 'look it up.' },
  {
    type: 'extra',
    choice: 0,
    place: 'message',
    fields: { reasoning_details: [{ type: 'reasoning.text', signature: 's' }] },
  },
  {
    type: 'tool-start',
    choice: 0,
    index: 0,
    id: CALL.id,
    name: 'weather',
    kind: 'function',
    extra: { extra_content: { google: { thought_signature: 't' } } },
  },
]

function chat(...messages: object[]) {
  return parseChat({ model: 'm', messages })
}

async function remember({ createObserver, keep }: Module, question = QUESTION): Promise<void> {
  const observer = createObserver()
  for (const said of SAID) observer.see(said)
  await keep(observer, chat(question), mine)
}

const BARE = chat(
  QUESTION,
  { role: 'assistant', content: null, tool_calls: [CALL] },
  { role: 'tool', tool_call_id: CALL.id, content: '20 C' },
)
const WHOLE = {
  reasoning_content: 'I should look it up.',
  reasoning_details: [{ type: 'reasoning.text', signature: 's' }],
  tool_calls: [{ ...CALL, extra_content: { google: { thought_signature: 't' } } }],
}

test('thoughts come back to the turn that they belong to, in the same isolate and in another', async () => {
  const first = await isolate()
  await remember(first)
  expect((await first.recall(BARE, mine)).messages[1]).toMatchObject(WHOLE)
  const other = await isolate()
  expect((await other.recall(BARE, mine)).messages[1]).toMatchObject(WHOLE)
})

test('nobody else gets them, and nobody can read the store', async () => {
  await remember(await isolate())
  const other = await isolate()
  expect(await other.recall(BARE, { store, authorization: 'Bearer sk-r9k-yours' })).toBe(BARE)
  expect(values.size).toBe(1)
  for (const value of values.values()) expect(new TextDecoder('latin1').decode(value)).not.toContain('look it up')
})

test('calls that are numbered anew in each answer are told apart by what the user said', async () => {
  const own = await isolate()
  await remember(own, { role: 'user', content: 'something else' })
  expect(await own.recall(BARE, mine)).toBe(BARE)
})

test('a client that sends them itself is not second-guessed, and earlier turns are left alone', async () => {
  const own = await isolate()
  await remember(own)
  const sent = chat(
    QUESTION,
    { role: 'assistant', tool_calls: [CALL], reasoning_content: 'mine' },
    { role: 'tool', tool_call_id: CALL.id, content: 'x' },
  )
  expect(await own.recall(sent, mine)).toBe(sent)
  const over = chat(...BARE.messages, { role: 'assistant', content: '20 C' }, { role: 'user', content: 'thanks' })
  expect(await own.recall(over, mine)).toBe(over)
})

test('an answer without calls, or without thoughts, leaves nothing behind', async () => {
  const { createObserver, keep } = await isolate()
  for (const said of [SAID.slice(0, 2), [{ ...SAID[3], extra: undefined } as unknown as Said]]) {
    const observer = createObserver()
    for (const one of said) observer.see(one)
    await keep(observer, chat(QUESTION), mine)
  }
  expect(values.size).toBe(0)
})

test('a store that hangs, fails or holds nonsense costs little and breaks nothing', async () => {
  await remember(await isolate())
  const other = await isolate()
  const hanging = { ...mine, store: { ...store, get: () => new Promise(() => {}) } as unknown as KVNamespace }
  const began = Date.now()
  expect(await other.recall(BARE, hanging)).toBe(BARE)
  expect(Date.now() - began).toBeLessThan(2000)
  const failing = { ...mine, store: { ...store, get: () => Promise.reject(new Error('no')) } as unknown as KVNamespace }
  expect(await other.recall(BARE, failing)).toBe(BARE)
  for (const name of values.keys()) values.set(name, new Uint8Array(40).buffer)
  expect(await other.recall(BARE, mine)).toBe(BARE)
})
