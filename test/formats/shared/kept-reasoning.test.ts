import { expect, test } from 'vitest'
import type { OutputEvent } from '../../../src/chat/event.ts'
import { createReasoningKeeper, readKept, restoreReasoning } from '../../../src/formats/shared/kept-reasoning.ts'

const DETAIL = { type: 'reasoning.encrypted', data: 'd', format: 'google-gemini-v1' }
const SIGNED = { google: { thought_signature: 's' } }
const EVENTS: OutputEvent[] = [
  { type: 'reasoning', choice: 0, text: 'I look ' },
  { type: 'reasoning', choice: 0, text: 'it up.' },
  { type: 'extra', choice: 0, place: 'message', fields: { reasoning_details: [DETAIL] } },
  {
    type: 'tool-start',
    choice: 0,
    index: 0,
    id: 'a',
    name: 'f',
    kind: 'function',
    extra: { extra_content: SIGNED },
  },
]

function keptOf(events: readonly OutputEvent[], visible?: string) {
  const keeper = createReasoningKeeper()
  for (const event of events) keeper.push(event)
  return { keeper, kept: keeper.take(visible) }
}

test('all that a provider wants back of a turn comes back into its message, after it was JSON', () => {
  const { kept } = keptOf(EVENTS)
  const read = readKept(JSON.parse(JSON.stringify(kept)))
  const call = { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }
  const message = { role: 'assistant' as const, content: null, tool_calls: [call, { ...call, id: 'b' }] }
  expect(restoreReasoning(message, read ? [read] : [])).toEqual({
    ...message,
    reasoning_content: 'I look it up.',
    reasoning_details: [DETAIL],
    tool_calls: [
      { ...call, extra_content: SIGNED },
      { ...call, id: 'b' },
    ],
  })
})

test('what several parts of a turn kept comes back in their order', () => {
  const kept = ['One.', undefined, 'Two.'].map((reasoning_content) => ({
    ...(reasoning_content && { reasoning_content }),
    reasoning_details: [{ ...DETAIL, data: reasoning_content ?? 'd' }],
  }))
  expect(restoreReasoning({ role: 'assistant', content: 'Hi' }, kept)).toMatchObject({
    reasoning_content: 'One.Two.',
    reasoning_details: [{ data: 'One.' }, { data: 'd' }, { data: 'Two.' }],
  })
})

test('a text that the client shows is not kept twice', () => {
  const { kept } = keptOf(EVENTS.slice(0, 2), 'I look it up.')
  expect(kept).toEqual({ reasoning_content: true })
  expect(readKept(kept, 'I look it up.')).toMatchObject({ reasoning_content: 'I look it up.' })
})

test('nothing is given twice, and nothing where nothing came', () => {
  const { keeper } = keptOf(EVENTS)
  expect(keeper.take()).toBeUndefined()
  keeper.push({ type: 'text', choice: 0, text: 'Hello' })
  expect(keeper.take()).toBeUndefined()
})

test('of a turn that is larger than any honest one nothing is kept, and of the next one everything', () => {
  const keeper = createReasoningKeeper()
  keeper.push({ type: 'reasoning', choice: 0, text: 'x'.repeat(1024 * 1024) })
  keeper.push({ type: 'reasoning', choice: 0, text: 'y' })
  expect(keeper.take()).toBeUndefined()
  keeper.push({ type: 'reasoning', choice: 0, text: 'z' })
  expect(keeper.take()).toEqual({ reasoning_content: 'z' })
})

test.each([
  null,
  'text',
  [],
  { reasoning_details: 'x' },
  { reasoning_details: [1] },
  { calls: { a: 1 } },
  { reasoning_content: 5 },
])('what is something else is not read: %j', (value) => {
  expect(readKept(value)).toBeUndefined()
})

test('a call may have any id', () => {
  const id = '__proto__'
  const { kept } = keptOf([
    { type: 'tool-start', choice: 0, index: 0, id, name: 'f', kind: 'function', extra: { extra_content: SIGNED } },
  ])
  const read = readKept(JSON.parse(JSON.stringify(kept)))
  const call = { id, type: 'function', function: { name: 'f', arguments: '{}' } }
  const restored = restoreReasoning({ role: 'assistant', content: null, tool_calls: [call] }, read ? [read] : [])
  expect(restored.tool_calls?.[0]?.extra_content).toEqual(SIGNED)
})
