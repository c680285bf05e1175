import { expect, test } from 'vitest'
import { readMessagesAnswerBody, readMessagesAnswerStream } from './answer-messages.ts'
import { namedSse } from './hand-made.ts'

const MESSAGE = { id: `msg_${'a'.repeat(24)}`, type: 'message', role: 'assistant', model: 'some', stop_sequence: null }
const start = {
  type: 'message_start',
  message: { ...MESSAGE, content: [], stop_reason: null, usage: { input_tokens: 5, output_tokens: 1 } },
}
const block = (index: number, content_block: object) => ({ type: 'content_block_start', index, content_block })
const delta = (index: number, given: object) => ({ type: 'content_block_delta', index, delta: given })
const stop = (index: number) => ({ type: 'content_block_stop', index })
const ending = (stop_reason: string, more: object = {}) => ({
  type: 'message_delta',
  delta: { stop_reason, stop_sequence: null, ...more },
  usage: { output_tokens: 7, cache_read_input_tokens: 2 },
})
const end = { type: 'message_stop' }
const thought = [
  block(0, { type: 'thinking', thinking: '', signature: '' }),
  delta(0, { type: 'thinking_delta', thinking: 'so' }),
  delta(0, { type: 'signature_delta', signature: 'x' }),
  stop(0),
]
const calling = [
  block(1, { type: 'tool_use', id: 'toolu_1', name: 'f', input: {} }),
  delta(1, { type: 'input_json_delta', partial_json: '{"a"' }),
  delta(1, { type: 'input_json_delta', partial_json: ':1}' }),
  stop(1),
]
const whole = [start, ...thought, ...calling, ending('tool_use'), end]
const read = (events: { type: string }[]) => readMessagesAnswerStream(namedSse(...events))

test('a stream as the reference has it is read without a problem', () => {
  const answer = read([start, { type: 'ping' }, ...thought, ...calling, ending('tool_use'), end])
  expect([answer.problems, answer.roleProblems, answer.usageProblems]).toEqual([[], [], []])
  expect(answer).toMatchObject({
    done: true,
    choices: [{ reasoning: 'so', toolCalls: [{ id: 'toolu_1', arguments: '{"a":1}' }], finishReason: 'tool_calls' }],
    usage: { prompt_tokens: 7, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 2 } },
  })
})

test.each([
  ['a block that is never stopped', whole.toSpliced(4, 1), 'starts in an open one'],
  ['an index that is left out', [start, ...calling, ending('tool_use'), end], 'block 1 starts after 0 blocks'],
  [
    'a delta of another kind',
    whole.toSpliced(2, 1, delta(0, { type: 'text_delta', text: 'a' })),
    'text_delta in thinking',
  ],
  ['arguments that are no JSON', whole.toSpliced(7, 1), 'input is no JSON'],
  ['no reason for the stop', whole.toSpliced(9, 1), 'message_stop without a stop_reason'],
  ['a word for it that nobody knows', whole.toSpliced(9, 1, ending('done')), 'stop_reason is done'],
  ['a stop at a sequence that is not told', whole.toSpliced(9, 1, ending('stop_sequence')), 'stop_sequence null'],
  ['something after the end', [...whole, stop(1)], 'follows the end'],
  ['no beginning', whole.slice(1), 'is event 0'],
])('%s is a problem', (_, events, problem) => {
  expect(read(events).problems.join('; ')).toContain(problem)
})

test('an error event is an error and no end, and keeps what was said before', () => {
  const error = { type: 'error', error: { type: 'api_error', message: 'Oh' } }
  const answer = read([start, block(0, { type: 'text', text: '' }), delta(0, { type: 'text_delta', text: 'a' }), error])
  expect(answer).toMatchObject({ done: false, error: { message: 'Oh' }, choices: [{ text: 'a' }], problems: [] })
  expect(read([...whole.slice(0, 1), error, end]).problems).toContain('message_stop follows the end')
})

test('a whole message is read as its stream', () => {
  const content = [
    { type: 'thinking', thinking: 'so', signature: 'x' },
    { type: 'text', text: 'Hi' },
    { type: 'tool_use', id: 'toolu_1', name: 'f', input: { a: 1 } },
  ]
  const usage = { input_tokens: 3, output_tokens: 2 }
  const answer = readMessagesAnswerBody({ ...MESSAGE, content, stop_reason: 'tool_use', usage })
  expect(answer).toMatchObject({ done: true, problems: [], choices: [{ text: 'Hi', reasoning: 'so' }] })
  expect(answer.choices[0]?.toolCalls[0]?.arguments).toBe('{"a":1}')
})
