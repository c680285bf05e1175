import { expect, test } from 'vitest'
import { handMade, handMadeBody } from './hand-made.ts'
import { readRecording } from './reading.ts'

const NDJSON = { contentType: 'application/x-ndjson' }
const lines = (...events: object[]) => events.map((event) => `${JSON.stringify(event)}\n`).join('')

test('lines join up to the one that says done', () => {
  const text = lines({ message: { content: 'a' } }, { message: { content: 'b' } }, { done: true, eval_count: 2 })
  const expected = readRecording(handMade('ollama-native', text, NDJSON))
  expect(expected).toMatchObject({ outcome: 'answer', choices: [{ text: 'ab', finishReason: 'stop' }] })
  expect(expected.usage).toEqual({ prompt: null, completion: 2, total: null })
})

test('lines without a last one are an error', () => {
  const expected = readRecording(handMade('ollama-native', lines({ message: { content: 'a' } }), NDJSON))
  expect(expected.outcome).toBe('error-after-content')
})

test('the arguments of a call are an object on this wire', () => {
  const call = { function: { name: 'f', arguments: { a: 1 } } }
  const body = { message: { content: '', tool_calls: [call] }, done: true, prompt_eval_count: 1, eval_count: 2 }
  const expected = readRecording(handMadeBody('ollama-native', body))
  expect(expected.choices[0]?.toolCalls).toMatchObject([{ id: null, arguments: '{"a":1}', byValue: true }])
  expect(expected.choices[0]?.finishReason).toBe('tool_calls')
})
