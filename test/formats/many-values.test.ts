import { expect, test } from 'vitest'
import { anthropicMessages } from '../../src/formats/anthropic-messages/client.ts'
import { anthropic } from '../../src/formats/anthropic-messages/write-request.ts'
import { cohere } from '../../src/formats/cohere/write-request.ts'
import { gemini } from '../../src/formats/gemini/write-request.ts'
import { ollama } from '../../src/formats/ollama/write-request.ts'
import { createInputDecoder } from '../../src/formats/shared/custom-input.ts'
import { createJsonBudget } from '../../src/stream/json-bounds.ts'
import { answerInput } from './answer-input.ts'
import { createAsker, refusal } from './asking.ts'

/** As JSON within a string, each value takes three bytes of a body and a hundred of memory. */
const valuesOf = (count: number) => `{"a":[${'{},'.repeat(count)}{}]}`
const CALLS = 10
const called = (count: number) => ({
  messages: [
    { role: 'user', content: 'Look.' },
    {
      role: 'assistant',
      content: null,
      tool_calls: Array.from({ length: CALLS }, (_, at) => ({
        id: `c${at}`,
        type: 'function',
        function: { name: 'look', arguments: valuesOf(count) },
      })),
    },
    ...Array.from({ length: CALLS }, (_, at) => ({ role: 'tool' as const, tool_call_id: `c${at}`, content: 'seen' })),
  ],
})

test.each([
  ['Anthropic', createAsker(anthropic, {})],
  ['Gemini', createAsker(gemini, {})],
  ['Cohere', createAsker(cohere, {})],
  ['Ollama', createAsker(ollama, {})],
])('the arguments of all calls may hold as many values together as a body (%s)', (_, ask) => {
  expect(() => ask(called(20_000))).not.toThrow()
  expect(refusal(() => ask(called(80_000)))).toMatchObject({
    code: 'invalid_value',
    param: expect.stringMatching(/^messages\[1\]\.tool_calls\[\d\]\.function\.arguments$/),
  })
})

test('a budget is for all texts together', () => {
  const fits = createJsonBudget()
  expect([fits(valuesOf(80_000)), fits(valuesOf(80_000)), fits(valuesOf(200_000))]).toEqual([true, true, false])
})

test('the arguments of an answer that hold too much stay a text', () => {
  const text = valuesOf(500_000)
  const events = [
    { type: 'tool-start', choice: 0, index: 0, id: 'c', name: 'look', kind: 'function' } as const,
    { type: 'tool-delta', choice: 0, index: 0, text } as const,
    {
      type: 'end',
      finishes: [{ choice: 0, reason: 'tool_calls' }],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    } as const,
  ]
  expect(anthropicMessages.writeAnswer(events, answerInput())).toMatchObject({
    content: [{ type: 'tool_use', input: { INVALID_JSON: text } }],
  })
  const decoder = createInputDecoder()
  expect(decoder.push(text) + decoder.end()).toBe(text)
})

test('an input with half a pair of surrogates ends at its quote', () => {
  const decoder = createInputDecoder()
  expect(decoder.push('{"input":"a\\ud83d\\n"}') + decoder.end()).toBe('a\ud83d\n')
})
