import { describe, expect, test } from 'vitest'
import { findProvider, providerForBaseUrl } from '../../../src/catalog/providers.ts'
import { ollama } from '../../../src/formats/ollama/write-request.ts'
import { createAsker, type Json, refusal } from '../asking.ts'

const ask = createAsker(ollama, {})
const bodyOf = (fields: Json) => ask(fields, { reasoning: true }).body
const messagesOf = (...messages: Json[]) => bodyOf({ messages }).messages
const hello = { role: 'user', content: 'Hello!' }
const clock = { type: 'function', function: { name: 'clock' } }
const call = (id: string, given: string) => ({ id, type: 'function', function: { name: 'clock', arguments: given } })
const calls = (...tool_calls: Json[]) => ({ role: 'assistant', content: null, tool_calls })

test('is spoken at an address that ends in /api, and nowhere else', () => {
  const row = findProvider('ollama')
  if (row === undefined) throw new TypeError('no row')
  expect(providerForBaseUrl(row, 'http://127.0.0.1:11434/api')).toMatchObject({
    id: 'ollama',
    format: { name: 'ollama', framing: 'ndjson' },
  })
  for (const address of ['http://127.0.0.1:11434/v1', 'http://127.0.0.1:11434/api/v1', 'http://api']) {
    expect(providerForBaseUrl(row, address)).toMatchObject({
      id: 'ollama',
      format: { name: 'openai-chat', framing: 'sse' },
    })
  }
})

test('a minimal request has model and messages, and says whether it is a stream', () => {
  expect(ask({})).toMatchObject({ path: '/chat', body: { model: 'theirs', messages: [hello], stream: false } })
  expect(Object.keys(ask({}).body)).toHaveLength(3)
  expect(ask({}, {}, { stream: true }).body.stream).toBe(true)
})

describe('a parameter is translated', () => {
  test.each<[string, Json, Json]>([
    ['max_tokens', { max_tokens: 5 }, { options: { num_predict: 5 } }],
    ['max_completion_tokens', { max_completion_tokens: 5, max_tokens: 6 }, { options: { num_predict: 5 } }],
    [
      'sampling',
      { temperature: 0, top_p: 0.5, top_k: 3, seed: 7, presence_penalty: 1, frequency_penalty: -1 },
      { options: { temperature: 0, top_p: 0.5, top_k: 3, seed: 7, presence_penalty: 1, frequency_penalty: -1 } },
    ],
    ['stop', { stop: 'a' }, { options: { stop: ['a'] } }],
    ['JSON', { response_format: { type: 'json_object' } }, { format: 'json' }],
    [
      'JSON by a schema',
      { response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'array' } } } },
      { format: { type: 'array' } },
    ],
    ['effort', { reasoning_effort: 'xhigh' }, { think: 'high' }],
    ['no effort', { reasoning_effort: 'none' }, { think: false }],
    [
      'options in its own words, which go before',
      { options: { num_ctx: 4096, seed: 1 }, seed: 7, temperature: 0.5 },
      { options: { num_ctx: 4096, seed: 1, temperature: 0.5 } },
    ],
    ['effort in its own words', { think: true, keep_alive: '1m' }, { think: true, keep_alive: '1m' }],
  ])('%s', (_, fields, expected) => {
    const { model, messages, stream, ...rest } = bodyOf(fields)
    expect(rest).toEqual(expected)
    expect(ask(fields).dropped).toEqual([])
  })

  test('or dropped, which is told', () => {
    expect(ask({ user: 'u', logit_bias: {}, brand_new: 1 }).dropped).toEqual(['user', 'logit_bias', 'brand_new'])
  })

  test.each([['n', 2] as const, ['logprobs', true] as const])('or refused: %s', (name, value) => {
    expect(refusal(() => ask({ [name]: value }))).toEqual({ code: 'unsupported_parameter', param: name })
  })
})

describe('tools', () => {
  test('are offered, but not where none may be called', () => {
    expect(bodyOf({ tools: [clock], tool_choice: 'auto' }).tools).toMatchObject([clock])
    expect(bodyOf({ tools: [clock], tool_choice: 'none' })).not.toHaveProperty('tools')
  })

  test.each([['required'], [{ type: 'function', function: { name: 'clock' } }]])(
    'cannot be forced (%j), so that another candidate is asked',
    (tool_choice) => {
      expect(refusal(() => ask({ tools: [clock], tool_choice }))).toEqual({
        code: 'unsupported_parameter',
        param: 'tool_choice',
      })
    },
  )

  test('are called with an object, and answered by name', () => {
    const round = [hello, calls(call('a', '{"x":1}')), { role: 'tool', tool_call_id: 'a', content: 'noon' }]
    expect(messagesOf(...round)).toEqual([
      hello,
      { role: 'assistant', content: '', tool_calls: [{ function: { name: 'clock', arguments: { x: 1 } } }] },
      { role: 'tool', content: 'noon', tool_name: 'clock' },
    ])
  })
})

describe('messages', () => {
  test('have their text in one piece and their images beside it', () => {
    const content = [
      { type: 'text', text: 'a' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,QUJD' } },
      { type: 'text', text: 'b' },
    ]
    expect(messagesOf({ role: 'user', content })).toEqual([{ role: 'user', content: 'ab', images: ['QUJD'] }])
  })

  test('of the developer are system messages, and reasoning goes back with its answer', () => {
    const answered = { role: 'assistant', content: 'a', reasoning_content: 'Hm.' }
    expect(messagesOf({ role: 'developer', content: 'd' }, hello, answered)).toEqual([
      { role: 'system', content: 'd' },
      hello,
      { role: 'assistant', content: 'a', thinking: 'Hm.' },
    ])
  })

  test.each<[string, Json]>([
    ['an image that would have to be fetched', { type: 'image_url', image_url: { url: 'https://a.example/b.png' } }],
    ['sound', { type: 'input_audio', input_audio: { data: 'QUJD', format: 'wav' } }],
    ['a file', { type: 'file', file: { file_data: 'data:application/pdf;base64,QUJD' } }],
  ])('with %s are for another candidate', (_, part) => {
    expect(refusal(() => ask({ messages: [{ role: 'user', content: [part] }] }))).toEqual({
      code: 'model_not_capable',
      param: 'messages[0].content[0]',
    })
  })
})
