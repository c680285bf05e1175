import { beforeEach, expect, test } from 'vitest'
import type { Found, SealedRecord, Wanted } from '../../src/conversations/records.ts'
import { openaiResponses } from '../../src/formats/openai-responses/client.ts'
import type { RequestContext } from '../../src/gateway/context.ts'
import { answersOf, findAnswer, resolveConversation } from '../../src/gateway/conversation.ts'
import { openConversationStore, type StoreOwner } from '../../src/gateway/conversation-store.ts'

/** All that is kept, by id. The object gives all of it, as far as that fits. */
const records = new Map<string, SealedRecord>()
/** How many of the next calls fail. */
let failing = 0
let isOverloaded = false
let claimed: number[] = []
beforeEach(() => {
  records.clear()
  claimed = []
})

function failNow(): void {
  if (failing === 0) return
  failing--
  throw Object.assign(new Error('The object moves.'), { overloaded: isOverloaded })
}

const object = {
  put: async (given: readonly SealedRecord[]) => {
    failNow()
    return given.map((record) => records.set(record.id, record) !== undefined)
  },
  find: async (wanted: readonly Wanted[], maxBytes: number): Promise<Found> => {
    failNow()
    const all = [...records.values()]
    const size = all.reduce((sum, { parts }) => sum + (parts.input?.byteLength ?? 0), 0)
    if (size > maxBytes) return { ids: [], records: [], excess: size }
    const ownerOf = ({ id }: Wanted) => all.find((one) => one.id === id || one.aliases?.includes(id))?.id ?? null
    return { ids: wanted.map(ownerOf), records: all }
  },
}
const objects = (() => ({
  Conversations: { idFromName: (name: string) => name, get: () => object },
})) as unknown as StoreOwner['objects']
const CONTEXT = {
  objects,
  key: 'sk-r9k-one',
  caller: { id: 'key_1' },
  rights: { builtinTools: true, accountFields: true },
  settings: { retentionMs: 1000 },
  format: openaiResponses,
  share: { extend: (bytes: number) => claimed.push(bytes) },
} as unknown as RequestContext
const answers = { store: answersOf(CONTEXT), claim: CONTEXT.share.extend }

async function keep(id: string, parent?: string, text = id): Promise<void> {
  const item = (from: string) => [{ type: 'message', id: `msg_${from}_${id}`, text: `${from} ${text}` }]
  const parts = {
    input: JSON.stringify(item('asked')),
    output: JSON.stringify(item('said')),
    response: JSON.stringify({ id }),
  }
  const record = { id, ...(parent ? { parent } : {}), aliases: [`msg_said_${id}`], expires: Infinity, parts }
  await answers.store.put([record], 1000)
}

function resolve(given: Readonly<Record<string, unknown>>) {
  const { references } = openaiResponses
  if (references === undefined) throw new TypeError('no references')
  return resolveConversation(CONTEXT, references, given)
}

const textsOf = (items: unknown) => (items as { text?: string }[]).map(({ text }) => text)
const TURNS = ['asked a', 'said a', 'asked b', 'said b', 'asked c', 'said c']

test('a conversation of several turns comes in its order, and takes memory', async () => {
  await keep('a')
  await keep('b', 'a')
  await keep('c', 'b')
  const { body, parent } = await resolve({ input: [{ text: 'now' }], previous_response_id: 'c' })
  expect(textsOf(body.input)).toEqual([...TURNS, 'now'])
  expect(parent).toBe('c')
  const { input } = await findAnswer(answers, 'c', ['input', 'output', 'response'])
  expect(textsOf(input)).toEqual(TURNS.slice(0, 5))
  expect(claimed).toEqual([expect.any(Number), expect.any(Number)])
  expect(Math.min(...claimed)).toBeGreaterThan(300)
})

test('an item that was referred to is kept as what it is, since its answer may go first', async () => {
  await keep('a')
  const { ownItems } = await resolve({ input: [{ type: 'item_reference', id: 'msg_said_a' }] })
  expect(textsOf(ownItems(() => 'x'))).toEqual(['said a'])
})

test('a large conversation takes its memory before it is read', async () => {
  await keep('a', undefined, 'x'.repeat(1_500_000))
  expect(textsOf((await findAnswer(answers, 'a', ['input'])).input)[0]).toHaveLength(1_500_006)
  expect(claimed).toEqual([expect.any(Number)])
  expect(claimed[0]).toBeGreaterThan(1_500_000)
})

test('many small values of kept answers are too many, as those of a body are', async () => {
  const input = `[${'{},'.repeat(1_000_000)}{}]`
  await answers.store.put([{ id: 'a', expires: Infinity, parts: { input, output: '[]', response: '{}' } }], 1000)
  await expect(findAnswer(answers, 'a', ['input'])).rejects.toMatchObject({ kind: 'body-too-large' })
})

test('an object that fails is asked once more, but not where it has too much to do', async () => {
  failing = 1
  await keep('a')
  failing = 1
  expect((await findAnswer(answers, 'a', ['response'])).response).toMatchObject({ id: 'a' })
  failing = 2
  await expect(findAnswer(answers, 'a', ['response'])).rejects.toMatchObject({ kind: 'answers-unavailable' })
  expect(failing).toBe(0)
  failing = 1
  isOverloaded = true
  await expect(findAnswer(answers, 'a', ['response'])).rejects.toMatchObject({ kind: 'answers-unavailable' })
  isOverloaded = false
})

test('what was moved to another id, another part or another use opens for nobody', async () => {
  await keep('a')
  const { parts, ...others } = records.get('a') as SealedRecord
  const isFound = (id: string) => findAnswer(answers, id, ['output', 'response']).then(Boolean, () => false)
  expect(await isFound('a')).toBe(true)
  records.set('b', { ...others, id: 'b', parts })
  expect(await isFound('b')).toBe(false)
  records.set('a', { ...others, parts: { ...parts, output: parts.input as ArrayBuffer } })
  expect(await isFound('a')).toBe(false)
  records.set('a', { ...others, parts })
  const asReasoning = openConversationStore({ objects, keyId: 'key_1', key: CONTEXT.key }, 'reasoning')
  const found = await asReasoning.find([{ id: 'a', parts: ['output'] }], 1000)
  expect(found?.records.size).toBe(0)
})
