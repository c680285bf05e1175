import { expect, test } from 'vitest'
import { toOpenAIMessages } from '../../src/dialects/openai-messages.ts'

const call = { id: 'call_a', type: 'function', function: { name: 'now', arguments: '{}' } }

test("what the official client's helpers add to an answer does not go back to a provider", () => {
  const made = {
    role: 'assistant' as const,
    content: null,
    refusal: null,
    parsed: { answer: 42 },
    tool_calls: [{ ...call, function: { ...call.function, parsed_arguments: null } }],
  }
  expect(toOpenAIMessages([made], {})).toEqual([{ role: 'assistant', content: null, tool_calls: [call] }])
})

test('what is null or empty in an answer of OpenAI says nothing to others', () => {
  const answered = {
    role: 'assistant' as const,
    content: 'Noon.',
    refusal: null,
    annotations: [],
    audio: null,
    function_call: null,
    tool_calls: [],
  }
  expect(toOpenAIMessages([answered], {})).toEqual([{ role: 'assistant', content: 'Noon.' }])
})

test('what says something goes back as it is, but for what only our answers have', () => {
  const answered = {
    role: 'assistant' as const,
    content: '',
    name: 'clock',
    refusal: 'No.',
    annotations: [{ type: 'url_citation' }],
    function_call: { name: 'now', arguments: '{}' },
  }
  const { annotations, ...kept } = answered
  expect(toOpenAIMessages([answered], {})).toEqual([kept])
})
