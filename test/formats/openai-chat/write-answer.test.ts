import { describe, expect, test } from 'vitest'
import { type FinishReason, type OutputEvent, toUsage } from '../../../src/chat/event.ts'
import { Failure } from '../../../src/chat/failure.ts'
import { writeCompletion } from '../../../src/formats/openai-chat/write-answer.ts'

const ENVELOPE = { id: 'chatcmpl-1', created: 1_714_000_000, model: 'gpt-4o' }
const usage = toUsage(15, 28)
const say = (text: string, choice = 0): OutputEvent => ({ type: 'text', choice, text })
const end = (...reasons: FinishReason[]): OutputEvent => ({
  type: 'end',
  finishes: reasons.map((reason, choice) => ({ choice, reason })),
  usage,
})
const start = (index: number, kind: 'function' | 'custom' | 'function_call' = 'function'): OutputEvent => {
  return { type: 'tool-start', choice: 0, index, id: `call_${index}`, name: `f${index}`, kind }
}
const grow = (index: number, text: string): OutputEvent => ({ type: 'tool-delta', choice: 0, index, text })

function messageOf(...said: OutputEvent[]): unknown {
  const whole = writeCompletion([...said, end('stop')], ENVELOPE, 'text_completion')
  return whole.choices[0]?.message
}

test("a text has exactly the reference's shape", () => {
  expect(writeCompletion([say('Hel'), say('lo'), end('stop')], ENVELOPE, 'text_completion')).toEqual({
    id: 'chatcmpl-1',
    object: 'text_completion',
    created: 1_714_000_000,
    model: 'gpt-4o',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 15, completion_tokens: 28, total_tokens: 43 },
  })
})

test("OpenAI's own word for the object changes nothing else", () => {
  const said = [say('a'), end('stop')]
  expect({ ...writeCompletion(said, ENVELOPE, 'chat.completion'), object: 'text_completion' }).toEqual(
    writeCompletion(said, ENVELOPE, 'text_completion'),
  )
})

test('an answer with no content has one choice with empty content', () => {
  expect(writeCompletion([end('length')], ENVELOPE, 'text_completion')).toMatchObject({
    choices: [{ index: 0, message: { role: 'assistant', content: '' }, finish_reason: 'length' }],
  })
})

test('the choices of n > 1 are told apart and in order', () => {
  expect(
    writeCompletion([say('b', 1), say('a', 0), say('!', 1), end('stop', 'length')], ENVELOPE, 'text_completion'),
  ).toMatchObject({
    choices: [
      { index: 0, message: { content: 'a' }, finish_reason: 'stop' },
      { index: 1, message: { content: 'b!' }, finish_reason: 'length' },
    ],
  })
})

describe('a message', () => {
  test('that only calls tools has null content', () => {
    expect(messageOf(start(0), grow(0, '{"a":'), start(1), grow(0, '1}'), grow(1, '{}'))).toEqual({
      role: 'assistant',
      content: null,
      tool_calls: [
        { id: 'call_0', type: 'function', function: { name: 'f0', arguments: '{"a":1}' } },
        { id: 'call_1', type: 'function', function: { name: 'f1', arguments: '{}' } },
      ],
    })
  })

  test('that speaks and calls has both', () => {
    expect(messageOf(say('Wait.'), start(0))).toMatchObject({ content: 'Wait.', tool_calls: [{ id: 'call_0' }] })
  })

  test('that calls a custom tool has its input', () => {
    expect(messageOf(start(0, 'custom'), grow(0, 'x'))).toMatchObject({
      tool_calls: [{ id: 'call_0', type: 'custom', custom: { name: 'f0', input: 'x' } }],
    })
  })

  test('with the function call from before tools has no tool_calls', () => {
    const message = messageOf(start(0, 'function_call'), grow(0, '{}'))
    expect(message).toMatchObject({ function_call: { name: 'f0', arguments: '{}' } })
    expect(message).not.toHaveProperty('tool_calls')
  })

  test('keeps reasoning and refusal beside its text', () => {
    const said: OutputEvent[] = [
      { type: 'reasoning', choice: 0, text: 'Hm' },
      { type: 'reasoning', choice: 0, text: 'm.' },
      { type: 'refusal', choice: 0, text: 'No.' },
    ]
    expect(messageOf(...said)).toEqual({ role: 'assistant', content: null, refusal: 'No.', reasoning_content: 'Hmm.' })
  })
})

test('fields we do not name are kept in their place; in a choice lists grow and objects merge, of the body the last holds', () => {
  const extra = (place: 'body' | 'choice' | 'message', fields: Record<string, unknown>): OutputEvent => {
    return { type: 'extra', choice: 0, place, fields }
  }
  const said = [
    extra('choice', { logprobs: { content: ['a'], refusal: null } }),
    extra('message', { annotations: [1] }),
    say('x'),
    extra('choice', { logprobs: { content: ['b'] } }),
    extra('message', { annotations: [2] }),
    extra('body', { service_tier: 'auto', system_fingerprint: 'f', citations: ['a'] }),
    extra('body', { service_tier: 'default', citations: ['a', 'b'] }),
    end('stop'),
  ]
  expect(writeCompletion(said, ENVELOPE, 'text_completion')).toMatchObject({
    service_tier: 'default',
    system_fingerprint: 'f',
    citations: ['a', 'b'],
    choices: [{ logprobs: { content: ['a', 'b'], refusal: null }, message: { annotations: [1, 2] } }],
  })
})

test('of a number that a double would change, told anew, the later one stands', () => {
  const stamp = (digits: string): OutputEvent => {
    return { type: 'extra', choice: 0, place: 'choice', fields: { stamp: JSON.rawJSON(digits) } }
  }
  const said = [stamp('9007199254740993'), say('x'), stamp('9007199254740995'), end('stop')]
  expect(JSON.stringify(writeCompletion(said, ENVELOPE, 'text_completion'))).toContain('"stamp":9007199254740995')
})

test('an answer that broke throws the failure it broke with', () => {
  const failure = new Failure('provider-failed', 'It broke.')
  expect(() => writeCompletion([say('a'), { type: 'error', failure }], ENVELOPE, 'text_completion')).toThrow(failure)
})
