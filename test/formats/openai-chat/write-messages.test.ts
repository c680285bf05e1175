import { describe, expect, test } from 'vitest'
import { Failure } from '../../../src/chat/failure.ts'
import type { Message } from '../../../src/chat/request.ts'
import { toOpenAIMessages } from '../../../src/formats/openai-chat/write-messages.ts'

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

describe('where user and assistant must take turns (Perplexity)', () => {
  const say = (role: Message['role'], content: Message['content']): Message => ({ role, content })
  const alternating = (...messages: Message[]) => toOpenAIMessages(messages, { alternatingRoles: true })

  test('system messages go to the top, whoever they are between', () => {
    const talk = [say('user', 'a'), say('system', 'b'), say('assistant', 'c'), say('developer', 'd'), say('user', 'e')]
    expect(alternating(say('system', 's'), ...talk)).toEqual([
      say('system', 's'),
      say('system', 'b'),
      say('system', 'd'),
      say('user', 'a'),
      say('assistant', 'c'),
      say('user', 'e'),
    ])
  })

  test('neighbours of one role are one message, also those that a system message stood between', () => {
    const parts = [{ type: 'text', text: 'd' }]
    const talk = [
      say('user', 'a'),
      say('system', 's'),
      say('user', 'b'),
      say('assistant', 'c'),
      say('assistant', parts),
    ]
    expect(alternating(...talk, say('user', 'e'))).toEqual([
      say('system', 's'),
      say('user', 'a\n\nb'),
      say('assistant', [{ type: 'text', text: 'c' }, ...parts]),
      say('user', 'e'),
    ])
  })

  test('a conversation that the assistant begins gets a first word of the user', () => {
    const [first, ...rest] = alternating(say('system', 's'), say('assistant', 'a'), say('user', 'b')).slice(
      1,
    ) as Message[]
    expect(first).toEqual(say('user', expect.stringMatching(/\S/) as unknown as string))
    expect(rest).toEqual([say('assistant', 'a'), say('user', 'b')])
  })

  test('empty messages are left out, so that those around them are neighbours', () => {
    expect(alternating(say('user', 'a'), say('assistant', null), say('assistant', ''), say('user', 'b'))).toEqual([
      say('user', 'a\n\nb'),
    ])
  })

  test('of system messages alone the last is said by the user', () => {
    expect(alternating(say('system', 's'), say('system', 't'), say('user', ''))).toEqual([
      say('system', 's'),
      say('user', 't'),
    ])
  })

  test('nothing but empty messages is no conversation', () => {
    expect(() => alternating(say('system', ' '), say('user', ''))).toThrow(
      expect.objectContaining({ kind: 'invalid-value', details: { param: 'messages' } }),
    )
  })

  test('there is no place for calls: another candidate is asked', () => {
    const called: Message = { role: 'assistant', content: null, tool_calls: [call] }
    const result: Message = { role: 'tool', tool_call_id: 'call_a', content: 'noon' }
    for (const message of [called, result]) {
      expect(() => alternating(say('user', 'a'), message)).toThrow(Failure)
      expect(() => alternating(say('user', 'a'), message)).toThrow(
        expect.objectContaining({ kind: 'model-not-capable', details: { param: 'messages[1]' } }),
      )
    }
  })
})
