import { expect, test } from 'vitest'
import { readResponsesAnswerBody, readResponsesAnswerStream } from './answer-responses.ts'

const RESPONSE = {
  id: `resp_${'a'.repeat(24)}`,
  object: 'response',
  created_at: 1_800_000_000,
  model: 'some',
  error: null,
}
const USAGE = { input_tokens: 3, output_tokens: 2, total_tokens: 5 }
const part = (text: string) => ({ type: 'output_text', text, annotations: [] })
const message = (...content: object[]) => ({ type: 'message', id: 'msg_1', role: 'assistant', content })
const call = (given: string) => ({ type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'f', arguments: given })
const inPart = { item_id: 'msg_1', output_index: 0, content_index: 0 }
const inCall = { item_id: 'fc_1', output_index: 1 }
const begin = [
  { type: 'response.created', response: { ...RESPONSE, status: 'in_progress', output: [] } },
  { type: 'response.in_progress', response: { ...RESPONSE, status: 'in_progress', output: [] } },
]
const words = [
  { type: 'response.output_item.added', output_index: 0, item: message() },
  { type: 'response.content_part.added', ...inPart, part: part('') },
  { type: 'response.output_text.delta', ...inPart, delta: 'He' },
  { type: 'response.output_text.delta', ...inPart, delta: 'llo' },
  { type: 'response.output_text.done', ...inPart, text: 'Hello' },
  { type: 'response.content_part.done', ...inPart, part: part('Hello') },
  { type: 'response.output_item.done', output_index: 0, item: message(part('Hello')) },
]
const calling = [
  { type: 'response.output_item.added', output_index: 1, item: call('') },
  { type: 'response.function_call_arguments.delta', ...inCall, delta: '{}' },
  { type: 'response.function_call_arguments.done', ...inCall, arguments: '{}' },
  { type: 'response.output_item.done', output_index: 1, item: call('{}') },
]
const completed = (...output: object[]) => ({
  type: 'response.completed',
  response: { ...RESPONSE, status: 'completed', output, usage: USAGE },
})
const whole = [...begin, ...words, ...calling, completed(message(part('Hello')), call('{}'))]

function read(events: readonly { type: string }[]) {
  const text = events
    .map((event, at) => `event: ${event.type}\ndata: ${JSON.stringify({ ...event, sequence_number: at })}\n\n`)
    .join('')
  return readResponsesAnswerStream(text)
}

test('a stream as the reference has it is read without a problem', () => {
  const answer = read(whole)
  expect([answer.problems, answer.roleProblems, answer.usageProblems]).toEqual([[], [], []])
  expect(answer).toMatchObject({
    done: true,
    choices: [{ text: 'Hello', toolCalls: [{ id: 'call_1', name: 'f', arguments: '{}' }], finishReason: 'tool_calls' }],
    usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  })
})

test.each([
  ['a delta that is lost', whole.toSpliced(4, 1), 'other words than its deltas'],
  ['a part that is never added', whole.toSpliced(3, 1), 'in no part'],
  ['a part that is never done', whole.toSpliced(7, 1), 'done with a part open'],
  ['an item that is never done', whole.toSpliced(8, 1), 'never done'],
  [
    'an item that is missing at the end',
    [...whole.slice(0, -1), completed(message(part('Hello')))],
    '1 items at the end',
  ],
  ['other words at the end', [...whole.slice(0, -1), completed(message(part('Hi')), call('{}'))], 'not as it was done'],
  ['no beginning', whole.slice(1), 'response.in_progress is event 0'],
  ['something after the end', [...whole, ...words.slice(0, 1)], 'follows the end'],
])('%s is a problem', (_, events, problem) => {
  expect(read(events).problems.join('; ')).toContain(problem)
})

test('a stream that ends without an end is not done, and a failed one tells its error', () => {
  expect(read(whole.slice(0, -1))).toMatchObject({ done: false, choices: [{ finishReason: null }] })
  const error = { code: 'server_error', message: 'Oh' }
  const failed = {
    type: 'response.failed',
    response: { ...RESPONSE, status: 'failed', output: [], error, usage: null },
  }
  expect(read([...begin, failed])).toMatchObject({ done: false, error, problems: [] })
})

test('a gap in the numbers, an event under another name and [DONE] are problems', () => {
  const event = JSON.stringify({ ...begin[0], sequence_number: 1 })
  const answer = readResponsesAnswerStream(`event: response.queued\ndata: ${event}\n\ndata: [DONE]\n\n`)
  expect(answer.problems.join('; ')).toMatch(
    /not an event.*\[DONE\].*event response.queued holds.*sequence_number 1|holds.*not an event/,
  )
  expect(answer.problems.join('; ')).toContain('sequence_number 1 of response.created, not 0')
})

test('a whole response is read as its stream', () => {
  const body = { ...RESPONSE, status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' }, usage: USAGE }
  const answer = readResponsesAnswerBody({ ...body, output: [message(part('Hel'))] })
  expect(answer).toMatchObject({ done: true, choices: [{ text: 'Hel', finishReason: 'length' }], problems: [] })
})
