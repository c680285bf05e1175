import { expect, test } from 'vitest'
import { handMade, handMadeBody, sse } from './hand-made.ts'
import { readRecording } from './reading.ts'

const says = (parts: unknown[], finishReason?: string, more: object = {}) => ({
  candidates: [{ content: { role: 'model', parts }, ...(finishReason ? { finishReason } : {}) }],
  ...more,
})
const read = (...events: unknown[]) => readRecording(handMade('gemini', sse(...events)))

test('thoughts, words and calls are told apart, and STOP after a call is tool_calls', () => {
  const expected = read(
    says([{ text: 'so', thought: true }, { functionCall: { name: 'f' } }], 'STOP'),
    says([{ text: 'yes' }, { functionCall: { name: 'f', args: { a: 1 }, id: 'own' } }], 'STOP'),
  )
  expect(expected.choices[0]).toMatchObject({ reasoning: 'so', text: 'yes', finishReason: 'tool_calls' })
  expect(expected.choices[0]?.toolCalls.map((call) => [call.index, call.id, call.arguments])).toEqual([
    [0, null, '{}'],
    [1, 'own', '{"a":1}'],
  ])
})

test('tool prompts belong to the prompt and thoughts to the completion', () => {
  const usageMetadata = {
    promptTokenCount: 2,
    toolUsePromptTokenCount: 3,
    candidatesTokenCount: 5,
    thoughtsTokenCount: 7,
  }
  const expected = read(says([{ text: 'a' }], 'STOP', { usageMetadata }))
  expect(expected.usage).toEqual({ prompt: 5, completion: 12, total: 17, cached: 0, reasoning: 7 })
})

test('an end without finishReason is an error, and so is a bare JSON error in the middle', () => {
  expect(read(says([{ text: 'a' }])).outcome).toBe('error-after-content')
  const bare = `${sse(says([{ text: 'a' }], 'STOP'))}{\n  "error": {\n    "message": "gone"\n  }\n}\n`
  const expected = readRecording(handMade('vertex', bare))
  expect(expected).toMatchObject({ outcome: 'error-after-content', error: { messageIncludes: 'gone' } })
})

test('a blocked prompt is 400, or an answer that says content_filter', () => {
  const expected = readRecording(handMadeBody('gemini', { promptFeedback: { blockReason: 'SAFETY' } }))
  expect(expected).toMatchObject({ outcome: 'error-before-content', error: { status: 400, code: 'content_filter' } })
  expect(expected.orElse).toMatchObject({ outcome: 'answer', choices: [{ finishReason: 'content_filter' }] })
})

test('a filtered candidate without content is an empty answer', () => {
  const expected = readRecording(handMadeBody('gemini', { candidates: [{ content: {}, finishReason: 'SAFETY' }] }))
  expect(expected).toMatchObject({ outcome: 'answer', choices: [{ text: '', finishReason: 'content_filter' }] })
})

const UPSTREAM_ERROR = { status: 502, type: 'upstream_error', param: null, code: 'upstream_error' }

test('an unknown finish is stop with words, and an upstream error without any', () => {
  expect(read(says([{ text: 'a' }], 'NEW_WORD')).choices[0]?.finishReason).toBe('stop')
  const silent = read(says([], 'MALFORMED_FUNCTION_CALL'))
  expect(silent).toMatchObject({ outcome: 'error-before-content', error: UPSTREAM_ERROR })
  expect(silent.orElse).toBeUndefined()
})

test('a call that an unknown finish ends is none, in a stream as in a body', () => {
  const call = says([{ functionCall: { name: 'f' } }], 'UNEXPECTED_TOOL_CALL')
  const error = { outcome: 'error-before-content', error: UPSTREAM_ERROR }
  expect(read(call)).toMatchObject(error)
  expect(readRecording(handMadeBody('gemini', call))).toMatchObject(error)
  const spoken = read(says([{ text: 'a' }, { functionCall: { name: 'f' } }], 'UNEXPECTED_TOOL_CALL'))
  expect(spoken.choices).toMatchObject([{ text: 'a', toolCalls: [], finishReason: 'stop' }])
  const earlier = read(says([{ text: 'a' }, { functionCall: { name: 'f' } }]), says([], 'OTHER'))
  expect(earlier.choices).toMatchObject([{ toolCalls: [{ name: 'f' }], finishReason: 'stop' }])
})

test('a list of responses is one answer', () => {
  const list = [says([{ text: 'a' }]), says([{ text: 'b' }], 'STOP', { usageMetadata: { promptTokenCount: 2 } })]
  const expected = readRecording(handMadeBody('gemini', list))
  expect(expected).toMatchObject({ outcome: 'answer', choices: [{ text: 'ab' }], usage: { prompt: 2 } })
  expect(expected.orElse).toBeUndefined()
})

test('arguments that come in pieces are one call', () => {
  const part = (call: object) => says([{ functionCall: call }])
  const expected = read(
    part({ name: 'f', willContinue: true }),
    part({ partialArgs: [{ jsonPath: '$.city', stringValue: 'Bre', willContinue: true }], willContinue: true }),
    part({ partialArgs: [{ jsonPath: '$.city', stringValue: 'men' }], willContinue: true }),
    part({}),
    says([], 'STOP'),
  )
  expect(expected.choices[0]?.toolCalls).toMatchObject([{ name: 'f', arguments: '{"city":"Bremen"}' }])
})

test('code between words may be shown or dropped', () => {
  const expected = read(says([{ text: 'a' }, { executableCode: { code: '1' } }, { text: 'b' }], 'STOP'))
  expect(expected.choices[0]).toMatchObject({ text: 'ab', pieces: ['a', 'b'] })
})
