import { expect, test } from 'vitest'
import { handMade, handMadeBody, namedSse } from './hand-made.ts'
import { readRecording } from './reading.ts'

const message = (type: string, content: object) => ({ type, delta: { message: content } })
const end = (reason: string) => ({
  type: 'message-end',
  delta: {
    finish_reason: reason,
    usage: { billed_units: { input_tokens: 1 }, tokens: { input_tokens: 8, output_tokens: 2 } },
  },
})
const read = (...events: { type: string }[]) => readRecording(handMade('cohere', namedSse(...events)))

test('plan and thinking are reasoning, text is text, and tokens are counted unbilled', () => {
  const expected = read(
    message('tool-plan-delta', { tool_plan: 'first ' }),
    message('content-delta', { content: { thinking: 'then' } }),
    message('content-delta', { content: { text: 'yes' } }),
    end('COMPLETE'),
  )
  expect(expected.choices[0]).toMatchObject({ reasoning: 'first then', text: 'yes', finishReason: 'stop' })
  expect(expected.usage).toEqual({ prompt: 8, completion: 2, total: 10 })
})

test('a call whose arguments are null or empty has {}', () => {
  const call = { id: 'a', function: { name: 'f', arguments: null } }
  const expected = read(message('tool-call-start', { tool_calls: call }), end('TOOL_CALL'))
  expect(expected.choices[0]?.toolCalls).toEqual([{ index: 0, id: 'a', name: 'f', arguments: '{}' }])
})

test('finish ERROR is an error', () => {
  expect(read(message('content-delta', { content: { text: 'a' } }), end('ERROR')).outcome).toBe('error-after-content')
})

test('a body gives what its stream would', () => {
  const content = [
    { type: 'thinking', thinking: 'so' },
    { type: 'text', text: 'yes' },
  ]
  const expected = readRecording(handMadeBody('cohere', { message: { content }, finish_reason: 'MAX_TOKENS' }))
  expect(expected.choices[0]).toMatchObject({ reasoning: 'so', text: 'yes', finishReason: 'length' })
})
