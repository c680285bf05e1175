import { expect, test } from 'vitest'
import { handMade, handMadeBody, namedSse } from './hand-made.ts'
import { readRecording } from './reading.ts'

const start = { type: 'message_start', message: { usage: { input_tokens: 5, cache_read_input_tokens: 7 } } }
const stop = { type: 'message_stop' }
const ending = (reason: string, usage: object = { output_tokens: 4 }) => ({
  type: 'message_delta',
  delta: { stop_reason: reason },
  usage,
})
const block = (index: number, content: object) => ({ type: 'content_block_start', index, content_block: content })
const delta = (index: number, content: object) => ({ type: 'content_block_delta', index, delta: content })
const read = (...events: { type: string }[]) => readRecording(handMade('anthropic', namedSse(...events)))

test('cache counts are part of the prompt, and the last numbers stand', () => {
  const expected = read(start, ending('end_turn', { input_tokens: 6, output_tokens: 4 }), stop)
  expect(expected.usage).toEqual({ prompt: 13, completion: 4, total: 17, cached: 7 })
})

test('client tools are counted from 0, and server tools are not tools', () => {
  const expected = read(
    start,
    block(0, { type: 'text', text: '' }),
    delta(0, { type: 'text_delta', text: 'Look' }),
    block(1, { type: 'server_tool_use', id: 's', name: 'web_search', input: {} }),
    delta(1, { type: 'input_json_delta', partial_json: '{"q":1}' }),
    block(2, { type: 'tool_use', id: 't', name: 'f', input: {} }),
    delta(2, { type: 'input_json_delta', partial_json: '' }),
    block(3, { type: 'tool_use', id: 'u', name: 'g', input: { a: 1 } }),
    ending('tool_use'),
    stop,
  )
  expect(expected.choices[0]).toMatchObject({ text: 'Look', finishReason: 'tool_calls' })
  expect(expected.choices[0]?.toolCalls.map((call) => [call.index, call.id, call.arguments])).toEqual([
    [0, 't', '{}'],
    [1, 'u', '{"a":1}'],
  ])
})

test('arguments that were cut off stay as they are', () => {
  const tool = block(0, { type: 'tool_use', id: 't', name: 'f', input: {} })
  const part = delta(0, { type: 'input_json_delta', partial_json: '{"a": "b' })
  const expected = read(start, tool, part, ending('max_tokens'), stop)
  expect(expected.choices[0]).toMatchObject({ finishReason: 'length', toolCalls: [{ arguments: '{"a": "b' }] })
})

test('a refusal tells its reason and filters the content', () => {
  const details = { stop_reason: 'refusal', stop_details: { explanation: 'I must not.' } }
  const expected = read(start, { type: 'message_delta', delta: details } as { type: string }, stop)
  expect(expected.choices[0]).toMatchObject({ refusal: 'I must not.', finishReason: 'content_filter', text: '' })
})

test('a repeated message_start is nothing before words and an error after them', () => {
  const words = delta(0, { type: 'text_delta', text: 'a' })
  expect(read(start, start, words, ending('end_turn'), stop).outcome).toBe('answer')
  expect(read(start, words, start, words, ending('end_turn'), stop).outcome).toBe('error-after-content')
})

test('overload as the first word is unavailability, after words an error in the stream', () => {
  const overload = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }
  expect(read(overload)).toMatchObject({ outcome: 'error-before-content', error: { status: 503 } })
  const broken = read(start, delta(0, { type: 'text_delta', text: 'a' }), overload)
  expect(broken).toMatchObject({ outcome: 'error-after-content', error: { messageIncludes: 'Overloaded' } })
})

test('an end after stop_reason but before message_stop may be either', () => {
  const expected = read(start, delta(0, { type: 'text_delta', text: 'a' }), ending('end_turn'))
  expect([expected.outcome, expected.orElse?.outcome]).toEqual(['answer', 'error-after-content'])
})

test('a body gives what its stream would', () => {
  const content = [
    { type: 'thinking', thinking: 'so', signature: 'x' },
    { type: 'redacted_thinking', data: 'x' },
    { type: 'text', text: 'one ' },
    { type: 'compaction', content: 'hidden' },
    { type: 'text', text: 'two' },
    { type: 'tool_use', id: 't', name: 'f', input: {} },
  ]
  const usage = { input_tokens: 2, output_tokens: 3, cache_creation_input_tokens: 4, cache_read_input_tokens: null }
  const expected = readRecording(handMadeBody('anthropic', { content, stop_reason: 'pause_turn', usage }))
  expect(expected.choices[0]).toMatchObject({ text: 'one two', reasoning: 'so', finishReason: 'tool_calls' })
  expect(expected.usage).toEqual({ prompt: 6, completion: 3, total: 9, cached: 0 })
})
