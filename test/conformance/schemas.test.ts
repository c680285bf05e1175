import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { anthropicProblems } from './anthropic-schemas.ts'
import { jsonDifferences } from './json-differences.ts'
import { openResponsesProblems } from './open-responses.ts'
import { readOpenAiSpec } from './openai-spec.ts'

const folder = mkdtempSync(join(tmpdir(), 'spec-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A document with the forms of OpenAI's: references, unions by type, events by name. */
function small(exceptions: Parameters<typeof readOpenAiSpec>[1] = []) {
  const typed = (type: string, properties: object) => ({
    type: 'object',
    properties: { type: { type: 'string', enum: [type] }, ...properties },
    required: ['type', ...Object.keys(properties)],
  })
  const schemas = {
    Word: typed('word', { text: { type: 'string' } }),
    Number: typed('number', { value: { type: 'integer' } }),
    Item: { oneOf: [{ $ref: '#/components/schemas/Word' }, { $ref: '#/components/schemas/Number' }] },
    ItemEvent: typed('item.done', { item: { $ref: '#/components/schemas/Item' } }),
    ResponseStreamEvent: { anyOf: [{ $ref: '#/components/schemas/ItemEvent' }] },
  }
  const file = join(folder, 'spec.json')
  writeFileSync(file, JSON.stringify({ components: { schemas } }))
  return readOpenAiSpec(file, exceptions)
}

test("a fault in an event is told by its place in the branch that has the value's type", () => {
  const spec = small()
  expect(spec?.eventProblems({ type: 'item.done', item: { type: 'word', text: 'a' } })).toEqual([])
  expect(spec?.eventProblems({ type: 'item.done', item: { type: 'number', value: 'one' } })).toEqual([
    expect.stringMatching(/^ItemEvent item\.value: /),
  ])
  expect(spec?.eventProblems({ type: 'not.in.the.document' })).toEqual([])
})

test('what the wire itself breaks is no fault, and without a document nothing is checked', () => {
  const spec = small([{ schema: /^ItemEvent$/, path: /^item\.value$/, why: 'the server sends a text' }])
  expect(spec?.eventProblems({ type: 'item.done', item: { type: 'number', value: 'one' } })).toEqual([])
  expect(spec?.eventProblems({ type: 'item.done', item: { type: 'word', text: 1 } })).toHaveLength(1)
  expect(readOpenAiSpec(undefined, [])).toBeUndefined()
})

test("the types of Anthropic's client tell what is missing or of another type", () => {
  const usage = { input_tokens: 1, output_tokens: 1 }
  const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [], usage }
  const ended = { ...message, stop_reason: 'end_turn', stop_sequence: null }
  expect(anthropicProblems('message', ended)).toEqual([])
  expect(anthropicProblems('message', { ...ended, content: [{ type: 'thinking', thinking: 'so' }] })).toHaveLength(1)
  expect(anthropicProblems('message', { ...ended, stop_reason: 'stop' })).toHaveLength(1)
  expect(anthropicProblems('event', { type: 'message_start', message })).toHaveLength(2)
  expect(anthropicProblems('event', { type: 'message_delta', delta: {}, usage: {} })).toHaveLength(3)
  expect(anthropicProblems('error', { error: { type: 'api_error', message: '' } })).toHaveLength(1)
})

test('Open Responses requires every member of a response', () => {
  const members = openResponsesProblems({}).map((problem) => problem.split(':')[0])
  expect(members).toEqual(
    expect.arrayContaining(['completed_at', 'store', 'usage', 'safety_identifier', 'service_tier']),
  )
  expect(members).toHaveLength(31)
})

test('JSON differs in what is missing, added or other, and not in the order of keys', () => {
  expect(jsonDifferences({ a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1 })).toEqual([])
  expect(jsonDifferences({ a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 3 }, 4], d: null })).toEqual([
    { path: 'a', expected: 1, actual: undefined },
    { path: 'b.1.c', expected: 2, actual: 3 },
    { path: 'b.2', expected: undefined, actual: 4 },
    { path: 'd', expected: undefined, actual: null },
  ])
})
