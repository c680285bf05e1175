import { describe, expect, test } from 'vitest'
import { createAnthropicReader } from '../../../src/formats/anthropic-messages/read-answer.ts'
import type { Json } from '../asking.ts'
import { answerOf, failureOf, readMessages, readWhole } from '../reading.ts'
import { anthropicEvents } from '../streams.ts'

const { start, open, grow, close, delta, stop, ping } = anthropicEvents
const stream = (events: Json[], jsonTool?: string) => readMessages(createAnthropicReader(jsonTool).readEvent, events)
const body = (given: unknown, jsonTool?: string) => readWhole(createAnthropicReader(jsonTool).readBody(given))
const message = (content: Json[], stop_reason = 'end_turn', further: Json = {}) => {
  return {
    type: 'message',
    role: 'assistant',
    content,
    stop_reason,
    usage: { input_tokens: 3, output_tokens: 2 },
    ...further,
  }
}
const text = (content: string) => ({ type: 'text', text: content })
const use = (id: string, input: Json = {}, name = 'f') => ({ type: 'tool_use', id, name, input })
const json = (index: number, partial_json: string) => grow(index, { type: 'input_json_delta', partial_json })
const words = (index: number, piece: string) => [
  open(index, text('')),
  grow(index, { type: 'text_delta', text: piece }),
  close(index),
]
const callsOf = (answer: Json) =>
  (answer.tool_calls as { id: string; function: Json }[]).map((call) => [call.id, call.function.arguments])

describe('the stop reason', () => {
  test.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['refusal', 'content_filter'],
    ['pause_turn', 'stop'],
    ['compaction', 'stop'],
    ['something_new', 'stop'],
  ])('%s is %s', (word, reason) => {
    expect(answerOf(body(message([text('a')], word))).finish_reason).toBe(reason)
    expect(answerOf(stream([start(), ...words(0, 'a'), delta(word), stop])).finish_reason).toBe(reason)
  })

  test('null in a body is stop, or tool_calls after a call', () => {
    expect(answerOf(body({ ...message([text('a')]), stop_reason: null })).finish_reason).toBe('stop')
    expect(answerOf(body({ ...message([use('a')]), stop_reason: null })).finish_reason).toBe('tool_calls')
  })

  test('is enough of an end where message_stop is missing', () => {
    expect(answerOf(stream([start(), ...words(0, 'a'), delta('end_turn')])).finish_reason).toBe('stop')
  })
})

describe('tool calls', () => {
  test('are counted from 0 over tools only, whatever stands before them', () => {
    const output = stream([
      start(),
      ...words(0, 'Wait.'),
      open(1, { type: 'server_tool_use', id: 'srv_1', name: 'web_search', input: {} }),
      json(1, '{"query":"a"}'),
      close(1),
      open(2, { type: 'web_search_tool_result', tool_use_id: 'srv_1', content: [] }),
      close(2),
      open(3, use('a')),
      open(4, use('b')),
      json(4, '{"y":'),
      json(3, '{"x":1}'),
      json(4, '2}'),
      close(3),
      close(4),
      delta('tool_use'),
      stop,
    ])
    expect(output.filter((item) => item.type === 'tool-start').map(({ index }) => index)).toEqual([0, 1])
    expect(answerOf(output)).toMatchObject({ content: 'Wait.', finish_reason: 'tool_calls' })
    expect(callsOf(answerOf(output))).toEqual([
      ['a', '{"x":1}'],
      ['b', '{"y":2}'],
    ])
  })

  test('are streamed piece by piece', () => {
    const pieces = Array.from({ length: 50 }, (_, at) => json(0, at === 0 ? '{"x":"' : at === 49 ? '"}' : 'a'))
    const output = stream([start(), open(0, use('a')), ...pieces, close(0), delta('tool_use'), stop])
    expect(output.filter(({ type }) => type === 'tool-delta')).toHaveLength(50)
  })

  test.each<[string, Json[], string]>([
    ['no deltas', [open(0, use('a')), close(0)], '{}'],
    ['empty deltas only', [open(0, use('a')), json(0, ''), close(0)], '{}'],
    ['their input at the start', [open(0, use('a', { x: 1 })), close(0)], '{"x":1}'],
    ['input that was cut', [open(0, use('a')), json(0, '{"x":'), close(0)], '{"x":'],
  ])('with %s', (_, events, expected) => {
    expect(callsOf(answerOf(stream([start(), ...events, delta('max_tokens'), stop])))).toEqual([['a', expected]])
  })

  test('in a body have their input as text', () => {
    const answer = answerOf(body(message([text('a'), use('x', { y: [1] }), use('z')], 'tool_use')))
    expect(callsOf(answer)).toEqual([
      ['x', '{"y":[1]}'],
      ['z', '{}'],
    ])
  })

  test('of servers and MCP are not the client’s', () => {
    const content = [
      'server_tool_use',
      'mcp_tool_use',
      'mcp_tool_result',
      'container_upload',
      'compaction',
      'fallback',
      'new',
    ].map((type) => ({ type, id: 'a', name: 'b', input: {} }))
    expect(answerOf(body(message([...content, text('a')])))).toMatchObject({ content: 'a' })
    expect(answerOf(body(message([...content, text('a')])))).not.toHaveProperty('tool_calls')
  })
})

describe('the tool that stands in for structured output', () => {
  test('becomes content, and its end is stop', () => {
    const events = [
      start(),
      open(0, use('a', {}, 'json')),
      json(0, '{"x"'),
      json(0, ':1}'),
      close(0),
      delta('tool_use'),
      stop,
    ]
    for (const output of [stream(events, 'json'), body(message([use('a', { x: 1 }, 'json')], 'tool_use'), 'json')]) {
      expect(answerOf(output)).toMatchObject({ content: '{"x":1}', finish_reason: 'stop' })
      expect(answerOf(output)).not.toHaveProperty('tool_calls')
    }
  })

  test('is an object also where it is empty', () => {
    expect(answerOf(body(message([use('a', {}, 'json')], 'tool_use'), 'json')).content).toBe('{}')
    expect(
      answerOf(stream([start(), open(0, use('a', {}, 'json')), close(0), delta('tool_use'), stop], 'json')).content,
    ).toBe('{}')
  })

  test('leaves real tools what they are', () => {
    expect(answerOf(body(message([use('a', { x: 1 })], 'tool_use'), 'json'))).toMatchObject({
      finish_reason: 'tool_calls',
      tool_calls: [{ id: 'a' }],
    })
  })
})

describe('thinking', () => {
  const thinkingBlocks = [
    { type: 'thinking', thinking: 'Hm.', signature: 's' },
    { type: 'redacted_thinking', data: 'd' },
    { type: 'thinking', thinking: '', signature: 't' },
  ]
  const reasoning_details = [
    { type: 'reasoning.text', text: 'Hm.', signature: 's', index: 0 },
    { type: 'reasoning.encrypted', data: 'd', index: 1 },
    { type: 'reasoning.text', text: '', signature: 't', index: 2 },
  ]

  test('is reasoning, and its signatures come along', () => {
    expect(answerOf(body(message([...thinkingBlocks, text('So.')])))).toMatchObject({
      reasoning_content: 'Hm.',
      content: 'So.',
      reasoning_details,
    })
  })

  test('streams alike, each signature once', () => {
    const output = stream([
      start(),
      open(0, { type: 'thinking', thinking: '', signature: '' }),
      grow(0, { type: 'thinking_delta', thinking: 'Hm.' }),
      grow(0, { type: 'signature_delta', signature: 's' }),
      close(0),
      open(1, { type: 'redacted_thinking', data: 'd' }),
      close(1),
      open(2, { type: 'thinking', thinking: '', signature: '' }),
      grow(2, { type: 'signature_delta', signature: 't' }),
      close(2),
      ...words(3, 'So.'),
      delta('end_turn'),
      stop,
    ])
    expect(answerOf(output)).toMatchObject({ reasoning_content: 'Hm.', content: 'So.', reasoning_details })
  })
})

describe('a refusal', () => {
  const stop_details = { category: 'a', explanation: 'No.' }
  test.each<[string, Json[], unknown, Json]>([
    ['without any block', [], null, { content: '', finish_reason: 'content_filter' }],
    ['with its reason', [], stop_details, { content: null, refusal: 'No.', finish_reason: 'content_filter' }],
    ['after some text', [text('a')], stop_details, { content: 'a', refusal: 'No.', finish_reason: 'content_filter' }],
  ])('%s', (_, content, details, expected) => {
    expect(answerOf(body(message(content, 'refusal', { stop_details: details })))).toMatchObject(expected)
  })
})

describe('usage', () => {
  test('adds what the cache gave and took to the prompt', () => {
    const usage = { input_tokens: 3, cache_read_input_tokens: 10, cache_creation_input_tokens: 20, output_tokens: 2 }
    expect(answerOf(body(message([text('a')], 'end_turn', { usage }))).usage).toMatchObject({
      prompt_tokens: 33,
      completion_tokens: 2,
      total_tokens: 35,
      prompt_tokens_details: { cached_tokens: 10 },
    })
  })

  test('tells what is cached for an hour, also where only the start of a stream does', () => {
    const cache_creation = { ephemeral_5m_input_tokens: 5, ephemeral_1h_input_tokens: 15 }
    const usage = { input_tokens: 3, cache_creation_input_tokens: 20, cache_creation, output_tokens: 2 }
    const details = { cached_tokens: 0, cache_write_tokens: 20, cache_write_1h_tokens: 15 }
    expect(answerOf(body(message([text('a')], 'end_turn', { usage }))).usage).toMatchObject({
      prompt_tokens_details: details,
    })
    const begin = { type: 'message_start', message: message([], '', { usage }) }
    const { cache_creation: _, ...counts } = usage
    const streamed = answerOf(stream([begin, ...words(0, 'a'), delta('end_turn', { usage: counts }), stop]))
    expect(streamed.usage).toMatchObject({ prompt_tokens_details: details })
  })

  test('tells thinking where it was counted', () => {
    const usage = { input_tokens: 3, output_tokens: 9, output_tokens_details: { thinking_tokens: 5 } }
    expect(answerOf(body(message([text('a')], 'end_turn', { usage }))).usage).toMatchObject({
      completion_tokens: 9,
      completion_tokens_details: { reasoning_tokens: 5 },
    })
  })

  const usageOf = (usage: Json) =>
    answerOf(stream([start(43), ...words(0, 'a'), delta('end_turn', { usage }), stop])).usage

  test('of a stream is replaced by later numbers, never added', () => {
    expect(usageOf({ input_tokens: 61, output_tokens: 7 })).toMatchObject({
      prompt_tokens: 61,
      completion_tokens: 7,
      total_tokens: 68,
    })
  })

  test('of an old stream keeps the prompt of its start', () => {
    expect(usageOf({ output_tokens: 7 })).toMatchObject({ prompt_tokens: 43, completion_tokens: 7 })
    const zeros = { input_tokens: 0, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 }
    expect(usageOf({ ...zeros, output_tokens: 7 })).toMatchObject({ prompt_tokens: 43, completion_tokens: 7 })
    expect(usageOf({ input_tokens: null, cache_read_input_tokens: null, output_tokens: 7 })).toMatchObject({
      prompt_tokens: 43,
    })
  })
})

describe('a stream', () => {
  test('takes pings anywhere, and unknown events, blocks and deltas for nothing', () => {
    const odd = [
      ping,
      { type: 'new_event' },
      open(9, { type: 'new_block' }),
      grow(9, { type: 'new_delta' }),
      close(9),
      grow(7, { type: 'text_delta', text: 'lost' }),
    ]
    expect(
      answerOf(stream([...odd, start(), ...odd, ...words(0, 'a'), ...odd, delta('end_turn'), ...odd, stop])).content,
    ).toBe('a')
  })

  test('may start twice before it has content', () => {
    expect(answerOf(stream([start(), start(), ...words(0, 'a'), delta('end_turn'), stop])).content).toBe('a')
  })

  test.each<[string, Json[]]>([
    ['text', words(0, 'a')],
    ['a tool call', [open(0, use('a'))]],
    ['thinking', [open(0, { type: 'thinking', thinking: '' }), grow(0, { type: 'thinking_delta', thinking: 'Hm.' })]],
  ])('that begins again after %s has broken', (_, events) => {
    expect(failureOf(stream([start(), ...events, start(), ...words(0, 'b'), delta('end_turn'), stop])).kind).toBe(
      'provider-failed',
    )
  })

  test('that ends in an error tells its words', () => {
    const error = { type: 'error', error: { type: 'overloaded_error', message: 'Busy.' } }
    expect(failureOf(stream([error])).kind).toBe('overloaded')
    expect(failureOf(stream([start(), ...words(0, 'a'), error])).message).toMatch(/Busy\..*overloaded_error/)
  })

  test('emits text that came with the start of its block', () => {
    expect(answerOf(stream([start(), open(0, text('a')), close(0), delta('end_turn'), stop])).content).toBe('a')
  })
})

test('citations of web pages are annotations of their block', () => {
  const citations = [
    { type: 'web_search_result_location', url: 'https://a.example/', title: 'A' },
    { type: 'char_location', cited_text: 'b' },
  ]
  expect(answerOf(body(message([text('12345'), { ...text('678'), citations }])))).toMatchObject({
    content: '12345678',
    annotations: [
      { type: 'url_citation', url_citation: { url: 'https://a.example/', title: 'A', start_index: 5, end_index: 8 } },
    ],
  })
})

test.each<[string, unknown]>([
  ['an error', { type: 'error', error: { type: 'api_error', message: 'a' } }],
  ['text', 'a'],
  ['null', null],
  ['no content', { type: 'message' }],
])('a body that is %s is an error', (_, given) => {
  expect(failureOf(body(given)).kind).toBe('provider-failed')
})

describe('words that stand elsewhere', () => {
  test('are read where the content is a plain text, and where the input of a call is the text of one', () => {
    expect(answerOf(body({ content: 'a', stop_reason: 'end_turn' })).content).toBe('a')
    const used = { type: 'tool_use', id: 'a', name: 'f', input: '{"x":1}' }
    expect(answerOf(body({ content: [used], stop_reason: 'tool_use' })).tool_calls).toMatchObject([
      { function: { arguments: '{"x":1}' } },
    ])
  })

  test.each<[string, Json[]]>([
    ['a text that is none', [open(0, { type: 'text', text: { value: 'a' } })]],
    ['a delta that is none', [open(0, { type: 'text', text: '' }), grow(0, { type: 'text_delta', text: 5 })]],
    ['a delta of no block', [grow(0, { type: 'text_delta', text: 'a' })]],
    ['a text in a block of another type', [open(0, { type: 'output_text', text: 'a' })]],
  ])('and cannot be read are a failure, never an empty success: %s', (_, events) => {
    expect(failureOf(stream([start(), ...events, delta('end_turn'), stop])).kind).toBe('provider-failed')
  })
})

test('content that is no block is a failure where there is nothing else', () => {
  expect(failureOf(body({ content: ['a'], stop_reason: 'end_turn' })).kind).toBe('provider-failed')
  expect(answerOf(body({ content: ['a', { type: 'text', text: 'b' }], stop_reason: 'end_turn' })).content).toBe('b')
})

test('arguments of a block that never began are refused, not lost', () => {
  const words = [open(0, { type: 'text', text: '' }), grow(0, { type: 'text_delta', text: 'a' })]
  const withInput = (text: string) => [start(), ...words, grow(3, { type: 'input_json_delta', partial_json: text })]
  expect(failureOf(stream([...withInput('{"x":1}'), delta('tool_use'), stop])).message).toMatch(/arguments of no call/)
  expect(answerOf(stream([...withInput('{}'), delta('end_turn'), stop])).content).toBe('a')
})
