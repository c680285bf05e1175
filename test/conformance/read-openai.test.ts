import { expect, test } from 'vitest'
import { handMade, handMadeBody, sse } from './hand-made.ts'
import { usageOf } from './read-openai.ts'
import { readRecording } from './reading.ts'

const chunk = (delta: unknown, finish: unknown = null, more: object = {}) => ({
  choices: [{ index: 0, delta, finish_reason: finish }],
  ...more,
})
const read = (provider: string, ...events: unknown[]) => readRecording(handMade(provider, sse(...events)))

test('deltas join, and the usage chunk without choices is the usage', () => {
  const expected = read(
    'openai',
    chunk({ role: 'assistant', content: '' }),
    chunk({ content: 'Good ' }),
    chunk({ content: 'day' }),
    chunk({}, 'stop'),
    { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } },
    '[DONE]',
  )
  expect(expected.outcome).toBe('answer')
  expect(expected.choices[0]).toMatchObject({ text: 'Good day', finishReason: 'stop' })
  expect(expected.usage).toEqual({ prompt: 3, completion: 2, total: 5 })
})

test('a chunk without choices and without usage changes nothing', () => {
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
  const expected = read('openai', chunk({ content: 'a' }, 'stop', { usage }), { choices: [], extra: {} }, '[DONE]')
  expect(expected.usage?.total).toBe(2)
})

test('an end without finish and without [DONE] is an error, with [DONE] it is the end', () => {
  expect(read('openai', chunk({ content: 'a' })).outcome).toBe('error-after-content')
  expect(read('openai', chunk({ role: 'assistant', content: '' })).outcome).toBe('error-before-content')
  expect(read('openai', chunk({ content: 'a' }), '[DONE]').choices[0]?.finishReason).toBe('stop')
  const call = { tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] }
  expect(read('openai', chunk(call), '[DONE]').choices[0]?.finishReason).toBe('tool_calls')
  expect(read('gpustack', chunk({ content: 'a' }, 'stop')).outcome).toBe('answer')
})

test('one finished choice of two does not complete a stream', () => {
  const two = { choices: [{ index: 1, delta: { content: 'b' }, finish_reason: null }] }
  expect(read('openai', two, chunk({ content: 'a' }, 'stop')).outcome).toBe('error-after-content')
})

test('calls are counted from 0, names are taken once, and missing arguments are {}', () => {
  const part = (index: number, id: string, name: string, given: string) => ({
    tool_calls: [{ index, id, function: { name, arguments: given } }],
  })
  const expected = read(
    'openai',
    chunk(part(1, 'one', 'f', '')),
    chunk(part(1, '', 'f', '{"a"')),
    chunk(part(1, '', '', ':1}')),
    chunk(part(1, 'two', 'g', '')),
    chunk({}, 'stop'),
    '[DONE]',
  )
  expect(expected.choices[0]?.toolCalls).toEqual([
    { index: 0, id: 'one', name: 'f', arguments: '{"a":1}' },
    { index: 1, id: 'two', name: 'g', arguments: '{}' },
  ])
  expect(expected.choices[0]?.finishReason).toBe('tool_calls')
})

test('reasoning has one of two names, or comes as parts of the content', () => {
  expect(read('groq', chunk({ reasoning: 'so' }, 'stop')).choices[0]?.reasoning).toBe('so')
  expect(read('zai', chunk({ reasoning_content: 'so' }, 'stop')).choices[0]?.reasoning).toBe('so')
  const content = [
    { type: 'thinking', thinking: [{ type: 'text', text: 'so' }] },
    { type: 'text', text: 'yes' },
  ]
  expect(read('mistral', chunk({ content }, 'stop')).choices[0]).toMatchObject({ reasoning: 'so', text: 'yes' })
})

test('<think> is reasoning only where the provider is known to write it', () => {
  const text = '<think>\nso </think>\n\nyes, \n no '
  expect(read('groq', chunk({ content: text }, 'stop')).choices[0]).toMatchObject({
    text: 'yes, \n no ',
    reasoning: '\nso ',
  })
  const later = `Look: ${text}`
  expect(read('groq', chunk({ content: later }, 'stop')).choices[0]).toMatchObject({ text: later, reasoning: '' })
  expect(read('openai', chunk({ content: text }, 'stop')).choices[0]).toMatchObject({ text, reasoning: '' })
})

test('an error after words keeps the words and its message', () => {
  const expected = read('groq', chunk({ content: 'a' }), { error: { message: 'out of luck' } })
  expect(expected).toMatchObject({ outcome: 'error-after-content', error: { messageIncludes: 'out of luck' } })
  expect(expected.choices[0]?.text).toBe('a')
})

test('an event that is not JSON is an error, but leaves a finished answer in doubt only', () => {
  expect(read('openai', chunk({ content: 'a' }), '{"cho').outcome).toBe('error-after-content')
  const doubtful = read('openai', chunk({ content: 'a' }, 'stop'), '{"cho')
  expect([doubtful.outcome, doubtful.orElse?.outcome]).toEqual(['answer', 'error-after-content'])
})

test('what only the total counts is of the completion, and a total that is too small counts for nothing', () => {
  const details = { completion_tokens_details: { reasoning_tokens: 30 } }
  const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 45, ...details }
  expect(usageOf(usage)).toEqual({ prompt: 10, completion: 35, total: 45, reasoning: 30 })
  expect(usageOf({ ...usage, total_tokens: 15 })).toMatchObject({ completion: 5, total: 15 })
  expect(usageOf({ prompt_tokens: 10, completion_tokens: 5, total_tokens: 99 })).toMatchObject({ completion: 89 })
  expect(usageOf({ prompt_tokens: 10, completion_tokens: 5, total_tokens: 9 })).toMatchObject({
    completion: 5,
    total: 15,
  })
})

test('a body is read like its stream, and one with an error is an upstream error', () => {
  const choices = [{ index: 0, message: { role: 'assistant', content: null, refusal: 'no' }, finish_reason: '' }]
  const expected = readRecording(handMadeBody('snowflake', { choices }))
  expect(expected.choices[0]).toMatchObject({ text: '', refusal: 'no', finishReason: 'stop' })
  const refused = readRecording(handMadeBody('openrouter', { error: { message: 'no' } }))
  expect(refused).toMatchObject({ outcome: 'error-before-content', error: { status: 502, code: 'upstream_error' } })
})
