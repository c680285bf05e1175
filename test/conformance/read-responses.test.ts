import { expect, test } from 'vitest'
import { handMade, handMadeBody, namedSse, sse } from './hand-made.ts'
import { readRecording } from './reading.ts'

const api = 'responses'
const usage = {
  input_tokens: 9,
  input_tokens_details: { cached_tokens: 4 },
  output_tokens: 5,
  output_tokens_details: { reasoning_tokens: 2 },
}
const end = (output: object[], more: object = {}) => ({
  type: 'response.completed',
  response: { status: 'completed', output, usage, ...more },
})
const added = (output_index: number, item: object) => ({ type: 'response.output_item.added', output_index, item })
const done = (output_index: number, item: object) => ({ type: 'response.output_item.done', output_index, item })
const delta = (output_index: number, kind: string, text: string, more: object = {}) => ({
  type: `response.${kind}.delta`,
  output_index,
  content_index: 0,
  delta: text,
  ...more,
})
const message = (text: string) => ({ type: 'message', content: [{ type: 'output_text', text }] })
const call = { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'f', arguments: '' }
const read = (...events: { type: string }[]) => readRecording(handMade('openai', namedSse(...events), { api }))

test('items that overlap are told apart by their index, and ids may change', () => {
  const expected = read(
    added(0, { type: 'message', id: 'a' }),
    added(1, { ...call, id: 'b' }),
    delta(0, 'output_text', 'He', { item_id: 'c' }),
    delta(1, 'function_call_arguments', '{"x"', { item_id: 'd' }),
    delta(0, 'output_text', 'llo', { item_id: 'e' }),
    delta(1, 'function_call_arguments', ':1}', { item_id: 'f' }),
    done(0, message('Hello')),
    done(1, { ...call, id: 'g', arguments: '{"x":1}' }),
    end([]),
  )
  expect(expected.choices[0]).toMatchObject({
    text: 'Hello',
    toolCalls: [{ id: 'call_1', name: 'f', arguments: '{"x":1}' }],
    finishReason: 'tool_calls',
  })
  expect(expected.usage).toEqual({ prompt: 9, completion: 5, total: 14, cached: 4, reasoning: 2 })
})

test('what came without deltas counts once, from the first place that says it', () => {
  const whole = { ...call, arguments: '{}' }
  const say = { type: 'response.function_call_arguments.done', output_index: 0, arguments: '{}' }
  const expected = read(added(0, call), say, done(0, whole), done(1, message('Hi')), end([whole, message('Hi')]))
  expect(expected.choices[0]).toMatchObject({ text: 'Hi', toolCalls: [{ arguments: '{}' }] })
})

test('summaries and raw reasoning are reasoning, a custom tool is a call, a server tool is none', () => {
  const expected = read(
    added(0, { type: 'reasoning', summary: [] }),
    delta(0, 'reasoning_summary_text', 'so', { content_index: undefined, summary_index: 0 }),
    added(1, { type: 'reasoning', summary: [] }),
    delta(1, 'reasoning_text', 'be it'),
    added(2, { type: 'web_search_call', id: 'ws' }),
    added(3, { type: 'custom_tool_call', call_id: 'call_2', name: 'patch', input: '' }),
    delta(3, 'custom_tool_call_input', '*** Begin'),
    end([]),
  )
  expect(expected.choices[0]).toMatchObject({
    reasoning: 'so\n\nbe it',
    toolCalls: [{ name: 'patch', arguments: '*** Begin' }],
  })
})

test('an end is told by its type alone, and why it is incomplete by its reason', () => {
  const cut = { type: 'response.incomplete', response: { status: 'incomplete', incomplete_details: {}, usage } }
  expect(read(delta(0, 'output_text', 'a'), cut).choices[0]?.finishReason).toBe('length')
  const filtered = { status: 'incomplete', incomplete_details: { reason: 'content_filter' }, usage }
  expect(read(delta(0, 'refusal', 'No.'), { type: 'response.incomplete', response: filtered } as never)).toMatchObject({
    outcome: 'answer',
    choices: [{ refusal: 'No.', finishReason: 'content_filter' }],
  })
  const unnamed = handMade('openrouter', sse(delta(0, 'output_text', 'a'), end([]), '[DONE]'), { api })
  expect(readRecording(unnamed)).toMatchObject({ outcome: 'answer', choices: [{ text: 'a' }] })
})

test('an error event and a failed response are errors, and so is an end without either', () => {
  const error = { code: 'rate_limit_exceeded', message: 'Slow down' }
  const failed = { type: 'response.failed', response: { status: 'failed', error, usage: null } }
  expect(read(failed)).toMatchObject({ outcome: 'error-before-content', error: { status: 429 } })
  const nested = { type: 'error', error: { type: 'server_error', message: 'Oh' } }
  expect(read(delta(0, 'output_text', 'a'), nested, failed)).toMatchObject({
    outcome: 'error-after-content',
    choices: [{ text: 'a' }],
    error: { messageIncludes: 'Oh' },
  })
  expect(read(delta(0, 'output_text', 'a')).outcome).toBe('error-after-content')
})

test('a body gives what its stream would', () => {
  const reasoning = { type: 'reasoning', summary: [{ type: 'summary_text', text: 'so' }] }
  const output = [reasoning, message('Hi'), { ...call, arguments: '{}' }]
  const expected = readRecording(handMadeBody('openai', { status: 'completed', output, usage }, { api }))
  expect(expected.choices[0]).toMatchObject({ text: 'Hi', reasoning: 'so', toolCalls: [{ arguments: '{}' }] })
  const failed = handMadeBody('openai', { status: 'failed', output: [], error: {} }, { api })
  expect(readRecording(failed).outcome).toBe('error-before-content')
})
