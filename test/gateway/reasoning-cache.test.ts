import { beforeEach, expect, test, vi } from 'vitest'
import type { OutputEvent } from '../../src/chat/event.ts'
import { parseChat } from '../../src/chat/request.ts'
import { openConversationStore } from '../../src/gateway/conversation-store.ts'
import { createReasoningCollector } from '../../src/gateway/reasoning-collector.ts'
import { createMemoryConversations } from './memory-conversations.ts'

type Module = typeof import('../../src/gateway/reasoning-cache.ts')

const conversations = createMemoryConversations()
const storeOf = (key: string) =>
  openConversationStore({ objects: conversations.objects, keyId: 'key', key }, 'reasoning')
const store = storeOf('sk-r9k-mine')
const mine = { store, key: 'sk-r9k-mine', claim: () => {} }

beforeEach(() => conversations.records.clear())

/** A module of its own has the memory of an isolate of its own. */
async function isolate(): Promise<Module> {
  vi.resetModules()
  return import('../../src/gateway/reasoning-cache.ts')
}

const QUESTION = { role: 'user', content: 'weather in Paris?' }
const CALL = {
  id: 'functions.weather:0',
  type: 'function',
  function: { name: 'weather', arguments: '{"city":"Paris"}' },
}
const EVENTS: OutputEvent[] = [
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
  { type: 'tool-delta', choice: 0, index: 0, text: '{"city":' },
  { type: 'tool-delta', choice: 0, index: 0, text: '"Paris"}' },
]

function chat(...messages: object[]) {
  return parseChat({ model: 'm', messages })
}

async function remember(
  { saveReasoning: save }: Module,
  before: readonly object[] = [QUESTION],
  events: readonly OutputEvent[] = EVENTS,
): Promise<void> {
  const collector = createReasoningCollector()
  for (const event of events) collector.push(event)
  await save(collector, chat(...before), mine)
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
  expect((await first.restoreReasoning(BARE, mine)).messages[1]).toMatchObject(WHOLE)
  const other = await isolate()
  expect((await other.restoreReasoning(BARE, mine)).messages[1]).toMatchObject(WHOLE)
})

test('nobody else gets them, and nobody can read the store', async () => {
  await remember(await isolate())
  const other = await isolate()
  expect(await other.restoreReasoning(BARE, { ...mine, key: 'sk-r9k-yours' })).toBe(BARE)
  expect(conversations.records.size).toBe(1)
  for (const { id, parts } of conversations.records.values()) {
    expect(new TextDecoder('latin1').decode(parts.output)).not.toContain('look it up')
    const wanted = [{ id, parts: ['output'] as const }]
    expect((await store.find(wanted, 1000))?.records.size).toBe(1)
    expect((await storeOf('sk-r9k-yours').find(wanted, 1000))?.records.size).toBe(0)
  }
})

test('calls that are numbered anew in each answer are told apart by what the user events', async () => {
  const own = await isolate()
  await remember(own, [{ role: 'user', content: 'something else' }])
  expect(await own.restoreReasoning(BARE, mine)).toBe(BARE)
})

const called = (call: object = CALL) => ({ role: 'assistant', content: null, tool_calls: [call] })
const result = (content: string) => ({ role: 'tool', tool_call_id: CALL.id, content })

test.each([
  ['the system message', [{ role: 'system', content: 'The customer is A.' }], [{ role: 'system', content: 'Or B.' }]],
  ['an earlier turn', [QUESTION, { role: 'assistant', content: 'A' }], [QUESTION, { role: 'assistant', content: 'B' }]],
  ['an earlier result', [QUESTION, called(), result('A')], [QUESTION, called(), result('B')]],
  ['an earlier call', [QUESTION, called(), result('')], [QUESTION, called({ ...CALL, id: 'other' }), result('')]],
  [
    'a picture',
    [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://a.test/' } }] }],
    [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://b.test/' } }] }],
  ],
  [
    'half a character far behind',
    [{ role: 'user', content: `${'x'.repeat(50_000)}\ud83d` }],
    [{ role: 'user', content: `${'x'.repeat(50_000)}\ud83e` }],
  ],
  ['the last of 100,000 characters', [result('x'.repeat(100_000))], [result(`${'x'.repeat(99_999)}y`)]],
])('two conversations that differ in %s never meet, though the rest is equal', async (_, one, other) => {
  const own = await isolate()
  const rest = [QUESTION].filter(() => !one.includes(QUESTION as never))
  await remember(own, [...one, ...rest])
  const sent = (before: readonly object[]) => chat(...before, ...rest, called(), result('20 C'))
  const at = one.length + rest.length
  expect((await own.restoreReasoning(sent(one), mine)).messages[at]).toMatchObject(WHOLE)
  expect((await own.restoreReasoning(sent(other), mine)).messages[at]).not.toHaveProperty('reasoning_content')
})

test.each([0, 1])('characters at the border of what is digested at once count whole (%d)', async (pad) => {
  const { createConversationDigest } = await import('../../src/gateway/conversation-digest.ts')
  const digestOf = (at: number | undefined) => {
    // They differ in their first half only.
    const faces = Array.from({ length: 4200 }, (_, index) => (index === at ? '\u{1f200}' : '\u{1f600}'))
    return createConversationDigest(chat({ role: 'user', content: 'x'.repeat(pad) + faces.join('') }).messages).upTo(1)
  }
  const all = await Promise.all(Array.from({ length: 40 }, (_, index) => digestOf(4060 + index)))
  expect(new Set([...all, await digestOf(undefined)]).size).toBe(41)
})

test('a conversation stays the same one when a mark for the prompt cache moves on', async () => {
  const own = await isolate()
  const marked = [{ type: 'text', text: QUESTION.content, cache_control: { type: 'ephemeral' } }]
  await remember(own, [{ role: 'user', content: marked }])
  expect((await own.restoreReasoning(BARE, mine)).messages[1]).toMatchObject(WHOLE)
})

test('arguments that a client has read and written anew are the same arguments', async () => {
  const own = await isolate()
  const text = '{"city":"\\u00d6rebro","days":[1, 2],"at":{"x":1.0,"y":2}}'
  const start = EVENTS.slice(0, 4)
  await remember(own, [QUESTION], [...start, { type: 'tool-delta', choice: 0, index: 0, text }])
  const sent = (given: string) =>
    chat(QUESTION, called({ ...CALL, function: { name: 'weather', arguments: given } }), result('20 C'))
  const anew = sent('{ "at": { "y": 2, "x": 1 }, "city": "Örebro", "days": [1,2] }')
  expect((await own.restoreReasoning(anew, mine)).messages[1]).toHaveProperty('reasoning_content')
  const others = sent('{"city":"Oslo","days":[1,2],"at":{"x":1,"y":2}}')
  expect(await own.restoreReasoning(others, mine)).toBe(others)
})

test('each of several choices gets its own thoughts back, though their calls have the same id', async () => {
  const own = await isolate()
  const choices = ['Paris', 'Rome'].flatMap((city, choice): OutputEvent[] => [
    { type: 'reasoning', choice, text: `It is ${city}.` },
    { type: 'tool-start', choice, index: 0, id: CALL.id, name: 'weather', kind: 'function' },
    { type: 'tool-delta', choice, index: 0, text: JSON.stringify({ city }) },
  ])
  // Choices come piece by piece, in turns.
  const inTurns = [0, 3, 1, 4, 2, 5].flatMap((at) => choices[at] ?? [])
  await remember(own, [QUESTION], inTurns)
  for (const city of ['Paris', 'Rome']) {
    const call = { ...CALL, function: { name: 'weather', arguments: JSON.stringify({ city }) } }
    const { messages } = await own.restoreReasoning(chat(QUESTION, called(call), result('20 C')), mine)
    expect(messages[1]).toMatchObject({ reasoning_content: `It is ${city}.` })
  }
})

/** So many rounds of one call each, as a client sends them that keeps OpenAI's fields only. */
function rounds(count: number): object[] {
  return Array.from({ length: count }, (_, at) => [called(), result(`result ${at} ${'x'.repeat(100)}`)]).flat()
}

test('of thousands of tool rounds the last 32 are looked up, in one call and one pass over the conversation', async () => {
  const own = await isolate()
  const sent = chat(QUESTION, ...rounds(4000))
  const reads = vi.spyOn(store, 'find')
  const digested = vi.spyOn(crypto.subtle, 'digest')
  try {
    expect(await own.restoreReasoning(sent, mine)).toBe(sent)
    expect(reads.mock.calls).toHaveLength(1)
    expect(new Set(reads.mock.calls[0]?.[0].map(({ id }) => id)).size).toBe(32)
    const bytes = digested.mock.calls.reduce((sum, [, data]) => sum + data.byteLength, 0)
    // A name holds no more of a conversation than has not been digested yet.
    expect(bytes).toBeLessThan(1.1 * JSON.stringify(sent.messages).length + 32 * 10_000)
    digested.mockClear()
    await remember(own, [...sent.messages])
    const { messages } = await own.restoreReasoning(chat(...sent.messages, called(), result('20 C')), mine)
    expect(messages.at(-2)).toMatchObject(WHOLE)
  } finally {
    reads.mockRestore()
    digested.mockRestore()
  }
})

test('the beginning that was read to look thoughts up is not read again to keep the next ones', async () => {
  const own = await isolate()
  const sent = chat(QUESTION, ...rounds(4000))
  const answered = await own.restoreReasoning(sent, mine)
  const digested = vi.spyOn(crypto.subtle, 'digest')
  const collector = createReasoningCollector()
  for (const event of EVENTS) collector.push(event)
  await own.saveReasoning(collector, answered, mine)
  expect(digested.mock.calls.length).toBeLessThan(6)
  digested.mockRestore()
})

test('what nobody has lost costs nothing: no digest, no read', async () => {
  const own = await isolate()
  const whole = { ...called(), reasoning_content: 'mine' }
  const sent = chat({ role: 'system', content: 'x' }, QUESTION, whole, result('20 C'))
  const reads = vi.spyOn(store, 'find')
  const digested = vi.spyOn(crypto.subtle, 'digest')
  expect(await own.restoreReasoning(sent, mine)).toBe(sent)
  expect(await own.restoreReasoning(chat(QUESTION), mine)).toEqual(chat(QUESTION))
  expect(reads).not.toHaveBeenCalled()
  expect(digested).not.toHaveBeenCalled()
  reads.mockRestore()
  digested.mockRestore()
})

test.each([
  ['reasoning', (text: string): OutputEvent => ({ type: 'reasoning', choice: 0, text })],
  ['arguments', (text: string): OutputEvent => ({ type: 'tool-delta', choice: 0, index: 0, text })],
  [
    'details',
    (text: string): OutputEvent => ({
      type: 'extra',
      choice: 0,
      place: 'message',
      fields: { reasoning_details: [{ type: 'reasoning.text', text }] },
    }),
  ],
])('an answer with endless %s is not kept', async (_, piece) => {
  const own = await isolate()
  await remember(own, [QUESTION], [...EVENTS, ...Array.from({ length: 300 }, () => piece('x'.repeat(4000)))])
  expect(conversations.records.size).toBe(0)
})

test('an event of endless many details is not kept, and harms nobody', async () => {
  const fields = { reasoning_details: Array.from({ length: 500_000 }, () => ({ type: '' })) }
  await remember(await isolate(), [QUESTION], [{ type: 'extra', choice: 0, place: 'message', fields }, ...EVENTS])
  expect(conversations.records.size).toBe(0)
})

test('details that are nested too deeply for JSON are not kept, and harm nobody', async () => {
  const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)
  const fields = { reasoning_details: [{ type: 'reasoning.text', deep }] }
  await remember(await isolate(), [QUESTION], [{ type: 'extra', choice: 0, place: 'message', fields }, ...EVENTS])
  expect(conversations.records.size).toBe(0)
})

test('an isolate remembers the latest answers, in bounded memory', async () => {
  const own = await isolate()
  const long = { type: 'reasoning', choice: 0, text: 'x'.repeat(200_000) } as const
  const question = (at: number) => ({ role: 'user', content: `question ${at}` })
  for (let at = 0; at < 30; at++) await remember(own, [question(at)], [...EVENTS, long])
  conversations.records.clear()
  const recalled = async (at: number) => {
    const { messages } = await own.restoreReasoning(chat(question(at), called(), result('20 C')), mine)
    return messages[1]?.reasoning_content !== undefined
  }
  expect(await recalled(29)).toBe(true)
  expect(await recalled(0)).toBe(false)
})

test('a client that sends them itself is not second-guessed, and earlier turns are left alone', async () => {
  const own = await isolate()
  await remember(own)
  const sent = chat(
    QUESTION,
    { role: 'assistant', tool_calls: [CALL], reasoning_content: 'mine' },
    { role: 'tool', tool_call_id: CALL.id, content: 'x' },
  )
  expect(await own.restoreReasoning(sent, mine)).toBe(sent)
  const over = chat(...BARE.messages, { role: 'assistant', content: '20 C' }, { role: 'user', content: 'thanks' })
  expect(await own.restoreReasoning(over, mine)).toBe(over)
})

test('an answer without calls, or without thoughts, leaves nothing behind', async () => {
  const { saveReasoning: save } = await isolate()
  for (const events of [EVENTS.slice(0, 2), [{ ...EVENTS[3], extra: undefined } as unknown as OutputEvent]]) {
    const collector = createReasoningCollector()
    for (const event of events) collector.push(event)
    await save(collector, chat(QUESTION), mine)
  }
  expect(conversations.records.size).toBe(0)
})

test('a store that hangs, fails or holds nonsense costs little and breaks nothing', async () => {
  await remember(await isolate())
  const other = await isolate()
  const began = Date.now()
  conversations.answerAfter(60_000)
  const slow = await other.restoreReasoning(BARE, mine)
  conversations.answerAfter(0)
  expect(slow).toBe(BARE)
  expect(Date.now() - began).toBeLessThan(5000)
  const failing = { ...mine, store: { ...store, find: () => Promise.reject(new Error('no')) } }
  expect(await other.restoreReasoning(BARE, failing)).toBe(BARE)
  for (const [id, record] of conversations.records) {
    conversations.records.set(id, { ...record, parts: { output: new Uint8Array(40).buffer } })
  }
  expect(await other.restoreReasoning(BARE, mine)).toBe(BARE)
})

test('what is found takes memory of the call, and where there is none the call goes on without it', async () => {
  await remember(await isolate())
  const claims: number[] = []
  const claim = (bytes: number) => void claims.push(bytes)
  expect(await (await isolate()).restoreReasoning(BARE, { ...mine, claim })).not.toBe(BARE)
  expect(claims).toEqual([expect.any(Number)])
  expect(claims[0]).toBeGreaterThan(100)
  const full = () => {
    throw new Error('full')
  }
  expect(await (await isolate()).restoreReasoning(BARE, { ...mine, claim: full })).toBe(BARE)
})
