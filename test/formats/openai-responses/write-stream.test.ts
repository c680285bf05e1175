import { describe, expect, test } from 'vitest'
import { type OutputEvent, toUsage } from '../../../src/chat/event.ts'
import { Failure } from '../../../src/chat/failure.ts'
import type { AnswerInput } from '../../../src/formats/format.ts'
import { writeResponse } from '../../../src/formats/openai-responses/write-answer.ts'
import { createResponseWriter } from '../../../src/formats/openai-responses/write-stream.ts'
import { createInputDecoder } from '../../../src/formats/shared/custom-input.ts'
import { createSealer } from '../../../src/gateway/sealer.ts'
import { readResponsesAnswerStream } from '../../conformance/answer-responses.ts'
import { answerInput } from '../answer-input.ts'

type Json = Record<string, unknown> & { type: string }

const sealer = await createSealer('sk-r9k-tests')
const ID = 'resp_0123456789012345678901234567'
const usage = toUsage(10, 5, {
  prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 3 },
  completion_tokens_details: { reasoning_tokens: 2 },
})

function input(body: object = {}, parts: Partial<AnswerInput> = {}): AnswerInput {
  const source = { format: 'openai-responses', body: { model: 'base', input: 'Hi', ...body } }
  return answerInput({ envelope: { id: ID, created: 1_714_000_000, model: 'base' }, source, ...parts })
}

const text = (words: string): OutputEvent => ({ type: 'text', choice: 0, text: words })
const reasoning = (words: string): OutputEvent => ({ type: 'reasoning', choice: 0, text: words })
const start = (index: number, name: string, extra?: object): OutputEvent => ({
  type: 'tool-start',
  choice: 0,
  index,
  id: `call_${index}`,
  name,
  kind: 'function',
  ...(extra && { extra: { extra_content: extra } }),
})
const delta = (index: number, piece: string): OutputEvent => ({ type: 'tool-delta', choice: 0, index, text: piece })
const details = (...list: object[]): OutputEvent => ({
  type: 'extra',
  choice: 0,
  place: 'message',
  fields: { reasoning_details: list },
})
const end = (reason: 'stop' | 'length' | 'tool_calls' | 'content_filter' = 'stop'): OutputEvent => ({
  type: 'end',
  finishes: [{ choice: 0, reason }],
  usage,
})
const native = (message: object): OutputEvent => ({ type: 'native', message: message as Json })

/** The events of a stream, read strictly, and its response at the end. */
function written(events: readonly OutputEvent[], from = input(), isNative = false) {
  const write = createResponseWriter(from)
  const stream = events.map(write).join('')
  expect(readResponsesAnswerStream(stream, { native: isNative }).problems).toEqual([])
  const told = [...stream.matchAll(/^data: (.*)$/gm)].map(([, data]): Json => JSON.parse(data ?? ''))
  const { response } = told.at(-1) as unknown as { response: Json & { output: Json[] } }
  return { stream, told, response, types: told.map(({ type }) => type.replace('response.', '')) }
}

test('a text comes in the order of the reference, and the response at its end has every member', () => {
  const { told, types, response } = written([text('One '), text('two'), end()], input({ instructions: 'Be brief.' }))
  expect(types).toEqual([
    'created',
    'in_progress',
    'output_item.added',
    'content_part.added',
    'output_text.delta',
    'output_text.delta',
    'output_text.done',
    'content_part.done',
    'output_item.done',
    'completed',
  ])
  expect(told[0]?.response).toMatchObject({
    id: ID,
    status: 'in_progress',
    output: [],
    usage: null,
    completed_at: null,
  })
  expect(response).toMatchObject({
    id: ID,
    object: 'response',
    status: 'completed',
    completed_at: 1_714_000_005,
    instructions: 'Be brief.',
    store: false,
    usage: {
      input_tokens: 10,
      input_tokens_details: { cached_tokens: 4, cache_write_tokens: 3 },
      output_tokens: 5,
      output_tokens_details: { reasoning_tokens: 2 },
      total_tokens: 15,
    },
  })
  expect(response.output).toEqual([
    {
      id: expect.stringMatching(/^msg_/),
      type: 'message',
      status: 'completed',
      role: 'assistant',
      content: [{ type: 'output_text', text: 'One two', annotations: [], logprobs: [] }],
    },
  ])
})

test('a whole answer has the same response as the stream of the same content', () => {
  const events = [reasoning('Hm'), text('I look.'), start(0, 'f'), delta(0, '{"a":'), delta(0, '1}'), end('tool_calls')]
  const ids = () => {
    let count = 0
    return { newId: () => String(count++), sealer: { ...sealer, seal: () => 'sealed' } }
  }
  const { response } = written(events, input({}, ids()))
  expect(writeResponse(events, input({}, ids()))).toEqual(response)
})

test('annotations and log probabilities stand with their text', () => {
  const citation = {
    type: 'url_citation',
    url_citation: { url: 'https://x.test', title: 'X', start_index: 0, end_index: 2 },
  }
  const logprob = { token: 'Hi', logprob: -0.1, bytes: [72, 105], top_logprobs: [] }
  const { response, told } = written([
    { type: 'extra', choice: 0, place: 'choice', fields: { logprobs: { content: [logprob], refusal: null } } },
    text('Hi'),
    { type: 'extra', choice: 0, place: 'message', fields: { annotations: [citation] } },
    { type: 'extra', choice: 0, place: 'body', fields: { service_tier: 'priority' } },
    text(' there'),
    end(),
  ])
  const annotation = { type: 'url_citation', url: 'https://x.test', title: 'X', start_index: 0, end_index: 2 }
  const all = (kind: string) => told.filter(({ type }) => type === `response.output_text.${kind}`)
  expect(all('annotation.added')).toMatchObject([{ annotation }])
  expect(all('delta')).toMatchObject([{ logprobs: [logprob] }, { logprobs: [] }])
  expect(response.output[0]?.content).toMatchObject([{ annotations: [annotation], logprobs: [logprob] }])
  expect(response.service_tier).toBe('priority')
})

test('a refusal has its log probabilities, and a tier that the API has no word for is not told', () => {
  const logprob = { token: 'No', logprob: -0.1, bytes: [78, 111], top_logprobs: [] }
  const { response } = written([
    text('Hm. '),
    { type: 'extra', choice: 0, place: 'choice', fields: { logprobs: { content: null, refusal: [logprob] } } },
    { type: 'extra', choice: 0, place: 'body', fields: { service_tier: 'standard' } },
    text('No'),
    end(),
  ])
  expect(response.output[0]?.content).toMatchObject([{ logprobs: [logprob] }])
  expect(response.service_tier).toBe('auto')
})

test.each([
  ['length', 'max_output_tokens'],
  ['content_filter', 'content_filter'],
] as const)('an answer that ends with %s is incomplete, and says why', (reason, told) => {
  const { types, response } = written([text('One'), end(reason)])
  expect(types.at(-1)).toBe('incomplete')
  expect(response).toMatchObject({ status: 'incomplete', incomplete_details: { reason: told }, completed_at: null })
  expect(response.output[0]?.status).toBe('incomplete')
})

describe('an answer that breaks never looks finished', () => {
  const failure = new Failure('rate-limited', 'Too many requests.', { retryAfterMs: 1500 })

  test('its end holds the error and what had come', () => {
    const { types, response } = written([text('One'), { type: 'error', failure }])
    expect(types.slice(-2)).toEqual(['output_text.delta', 'failed'])
    const error = { code: 'rate_limit_exceeded', message: 'Too many requests. Please try again in 1.5s.' }
    expect(response).toMatchObject({ status: 'failed', error, output: [{ status: 'incomplete' }], usage: null })
  })

  test.each([
    ['context-length', 'context_length_exceeded'],
    ['budget', 'insufficient_quota'],
    ['content-filter', 'invalid_prompt'],
    ['provider-failed', 'server_error'],
  ] as const)('a client can read that it was %s, before the first word too', (kind, code) => {
    const { types, response } = written([{ type: 'error', failure: new Failure(kind, 'No.') }])
    expect(types).toEqual(['created', 'in_progress', 'failed'])
    expect(response.error).toEqual({ code, message: 'No.' })
  })
})

describe('calls', () => {
  test('keep their namespace, and a custom tool gets the bare text', () => {
    const tools = [
      { type: 'namespace', name: 'mcp', tools: [{ type: 'function', name: 'f' }] },
      { type: 'custom', name: 'patch' },
    ]
    const { response, told } = written(
      [start(0, 'mcp__f'), delta(0, '{}'), start(1, 'patch'), delta(1, '{"input": "a\\n'), delta(1, 'b"}'), end()],
      input({ tools }),
    )
    expect(response.output).toMatchObject([
      { type: 'function_call', call_id: 'call_0', namespace: 'mcp', name: 'f', arguments: '{}' },
      { type: 'custom_tool_call', call_id: 'call_1', name: 'patch', input: 'a\nb' },
    ])
    const pieces = told.filter(({ type }) => type === 'response.custom_tool_call_input.delta')
    expect(pieces.map((event) => event.delta)).toEqual(['a\n', 'b'])
  })

  test("the client's own search for tools gets an object", () => {
    const tools = [{ type: 'tool_search', execution: 'client', parameters: {} }]
    const { response } = written([start(0, 'tool_search'), delta(0, '{"query":"x"}'), end()], input({ tools }))
    expect(response.output).toMatchObject([
      { type: 'tool_search_call', call_id: 'call_0', execution: 'client', arguments: { query: 'x' } },
    ])
  })

  test.each([
    ['mixed', [start(0, 'f'), start(1, 'g'), delta(0, '{"a":'), delta(1, '{"b":'), delta(0, '1}'), delta(1, '2}')]],
    ['named first', [start(0, 'f'), start(1, 'g'), delta(0, '{"a":1}'), delta(1, '{"b":2}')]],
    ['one after the other', [start(0, 'f'), delta(0, '{"a":1}'), start(1, 'g'), delta(1, '{"b":2}')]],
  ])('come one after the other where a provider sends them %s', (_, events) => {
    const { response } = written([...events, end('tool_calls')])
    expect(response.output).toMatchObject([
      { name: 'f', arguments: '{"a":1}' },
      { name: 'g', arguments: '{"b":2}' },
    ])
  })

  test('of which the last was whole when the answer was cut are complete', () => {
    const { response } = written([text('Hi'), start(0, 'f'), delta(0, '{"a":1}'), end('length')])
    expect(response).toMatchObject({ status: 'incomplete', output: [{}, { status: 'completed' }] })
    const cut = written([start(0, 'f'), delta(0, '{"a":'), end('length')])
    expect(cut.response.output).toMatchObject([{ status: 'incomplete', arguments: '{"a":' }])
  })

  test('of a custom tool whose arguments have another form give their text at the end', () => {
    const tools = [{ type: 'custom', name: 'patch' }]
    const { response, types } = written([start(0, 'patch'), delta(0, '{"patch":"a"}'), end()], input({ tools }))
    expect(response.output).toMatchObject([{ type: 'custom_tool_call', input: 'a' }])
    expect(types).toContain('custom_tool_call_input.delta')
  })

  test('that take nothing have an object all the same, and text may follow', () => {
    const { response } = written([start(0, 'f'), start(1, 'g'), delta(1, '{"b":2}'), text('Done'), end()])
    expect(response.output).toMatchObject([{ arguments: '{}' }, { arguments: '{"b":2}' }, { type: 'message' }])
  })
})

describe('reasoning', () => {
  const signed = { type: 'reasoning.text', text: 'Hm', signature: 's', format: 'anthropic-claude-v1' }
  const kept = (item: Json | undefined) => {
    const opened = sealer.open(String(item?.encrypted_content))
    return opened.kind === 'ours' ? opened.value : opened.kind
  }

  test('is a summary where the request asks for one, else the text itself', () => {
    const events = [reasoning('Hm'), details(signed), text('Hi'), end()]
    const asked = written(events, input({ reasoning: { summary: 'auto' } }))
    expect(asked.response.output[0]).toMatchObject({ summary: [{ type: 'summary_text', text: 'Hm' }] })
    expect(asked.types).toContain('reasoning_summary_text.delta')
    const { response, types } = written(events)
    expect(response.output[0]).toMatchObject({ summary: [], content: [{ type: 'reasoning_text', text: 'Hm' }] })
    expect(types).toContain('reasoning_text.delta')
  })

  test('holds, sealed at its end only, what the provider wants back', () => {
    const { response, told } = written([reasoning('Hm'), details(signed), text('Hi'), end()])
    expect(kept(response.output[0])).toEqual({ reasoning_content: 'Hm', reasoning_details: [signed] })
    expect(told.find(({ type }) => type === 'response.output_item.added')?.item).not.toHaveProperty('encrypted_content')
  })

  test('has an item before the call whose signature came with it, and one after a text that was signed', () => {
    const google = { google: { thought_signature: 'g' } }
    const last = { type: 'reasoning.encrypted', data: 'd', format: 'google-gemini-v1' }
    const call = written([text('I look.'), start(0, 'f', google), delta(0, '{}'), end('tool_calls')])
    expect(call.response.output.map(({ type }) => type)).toEqual(['message', 'reasoning', 'function_call'])
    expect(kept(call.response.output[1])).toEqual({ calls: { call_0: google } })
    const answer = written([text('Hi'), details(last), end()])
    expect(answer.response.output.map(({ type }) => type)).toEqual(['message', 'reasoning'])
    expect(kept(answer.response.output[1])).toEqual({ reasoning_details: [last] })
  })

  test('is sealed also where the answer is kept and nobody asks: clients send items back whole', () => {
    const stored: unknown[] = []
    const onComplete = (response: unknown) => stored.push(response)
    const { response } = written([reasoning('Hm'), text('Hi'), end()], input({}, { onComplete }))
    expect(response).toMatchObject({ store: true, output: [{ encrypted_content: expect.stringMatching(/^r9s1/) }, {}] })
    expect(stored).toEqual([response])
  })
})

test('a picture of the model is an item of its own', () => {
  const images = [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }]
  const { response } = written([{ type: 'extra', choice: 0, place: 'message', fields: { images } }, end()])
  expect(response.output).toMatchObject([{ type: 'image_generation_call', status: 'completed', result: 'AAAA' }])
})

describe("a provider's own events", () => {
  const theirs = { id: 'theirs', object: 'response', created_at: 1_714_000_001, model: 'their-model' }
  const response = { ...theirs, status: 'in_progress', output: [], odd: 1 }
  const item = { id: 'msg_a', type: 'message', role: 'assistant', content: [] }
  const done = { ...item, content: [{ type: 'output_text', text: 'Hi', annotations: [] }] }
  const events = [
    { type: 'response.created', response, sequence_number: 5 },
    { type: 'response.output_item.added', output_index: 0, item },
    { type: 'response.content_part.added', output_index: 0, content_index: 0, item_id: 'msg_a', part: { text: '' } },
    {
      type: 'response.output_text.delta',
      output_index: 0,
      content_index: 0,
      item_id: 'msg_b',
      delta: 'Hi',
      obfuscation: 'x',
    },
    { type: 'response.odd', output_index: 0, odd: true },
    { type: 'response.content_part.done', output_index: 0, content_index: 0, item_id: 'msg_a', part: { text: 'Hi' } },
    { type: 'response.output_item.done', output_index: 0, item: { ...done, id: 'msg_c' } },
  ]
  const last = { ...response, status: 'completed', output: [{ ...done, id: 'msg_d' }], usage: { input_tokens: 1 } }

  test('pass with all that is in them, but for ids, the model and the numbers', () => {
    const { told } = written(
      [...events.map(native), text('Hi'), native({ type: 'response.completed', response: last }), end()],
      input(),
      true,
    )
    const named = { id: ID, model: 'base' }
    const stable = { ...done, id: 'msg_a' }
    const expected = [
      { ...events[0], response: { ...response, ...named } },
      events[1],
      events[2],
      { ...events[3], item_id: 'msg_a' },
      events[4],
      events[5],
      { ...events[6], item: stable },
      { type: 'response.completed', response: { ...last, ...named, output: [stable] } },
    ]
    expect(told).toEqual(expected.map((event, sequence_number) => ({ ...event, sequence_number })))
  })

  test('have one end, and no type of theirs becomes a line of the stream', () => {
    const completed = native({ type: 'response.completed', response: last })
    const after = [completed, completed, native({ type: 'response.odd' }), end()]
    const { types } = written([...events.map(native), ...after], input(), true)
    expect(types.filter((type) => /^(completed|odd)$/.test(type))).toEqual(['odd', 'completed'])
    const write = createResponseWriter(input())
    const posing = 'response.x\ndata: {"type":"response.completed"}\n\nevent: y'
    expect(write(native({ type: posing }))).toMatch(/^event: [\w.-]+\ndata: .*\n\n$/)
  })

  test('give an output and a usage where the end has none', () => {
    const bare = { ...response, status: 'completed', output: [], usage: null }
    const stream = [...events.map(native), native({ type: 'response.completed', response: bare }), end()]
    const { response: whole } = written(stream, input(), true)
    expect(whole).toMatchObject({ output: [{ id: 'msg_a' }], usage: { input_tokens: 10 } })
  })

  test('end in a failure of ours where they broke, whatever they said themselves', () => {
    const failure = new Failure('provider-failed', 'The connection was lost.')
    const error = native({ type: 'error', error: { message: 'secret' } })
    const { stream, response: whole } = written(
      [...events.map(native), error, { type: 'error', failure }],
      input(),
      true,
    )
    expect(stream).not.toContain('secret')
    expect(whole).toMatchObject({ id: ID, status: 'failed', odd: 1, error: { code: 'server_error' }, output: [{}] })
  })

  test('say that Router9 keeps the answer and what it continues, which the provider was not told', () => {
    const unkept = { ...last, store: false }
    const kept: unknown[] = []
    const original = { input: 'Hi', previous_response_id: 'resp_before' }
    const source = { format: 'openai-responses', body: { input: 'Hi' }, original }
    const onComplete = (whole: unknown) => kept.push(whole)
    const stored = writeResponse([native(unkept), end()], input({}, { source, onComplete }))
    expect(stored).toMatchObject({ store: true, previous_response_id: 'resp_before' })
    expect(kept).toEqual([stored])
    expect(writeResponse([native(unkept), end()], input())).toMatchObject({ store: false })
  })

  test('a whole answer passes too', () => {
    expect(writeResponse([native(last), text('Hi'), end()], input())).toEqual({ ...last, id: ID, model: 'base' })
  })
})

describe("a custom tool's input, from the arguments of a function", () => {
  const decode = (...pieces: string[]) => {
    const decoder = createInputDecoder()
    return [...pieces.map(decoder.push), decoder.end()].join('')
  }

  test('is the same wherever the arguments are cut', () => {
    const value = 'a "quoted" \\ line\nand é, 😀, \u2028 and \t'
    for (const json of [
      JSON.stringify({ input: value }),
      JSON.stringify({ input: value }, null, 2).replace('😀', '\\ud83d\\ude00'),
    ]) {
      for (let at = 0; at <= json.length; at++) expect(decode(json.slice(0, at), json.slice(at))).toBe(value)
      expect(decode(...json)).toBe(value)
    }
  })

  test.each([
    ['a raw line break', '{"input":"a\nb"}', 'a\nb'],
    ['a raw line break beside an escape', '{"input":"a\nb\\"c"}', 'a\nb"c'],
    ['another name', '{"patch":"a"}', 'a'],
    ['no JSON', '*** Begin Patch', '*** Begin Patch'],
    ['a text alone', '"a"', 'a'],
    ['nothing', '{}', ''],
    ['two members', '{"a":"x","b":"y"}', '{"a":"x","b":"y"}'],
  ])('is read from %s', (_, json, value) => {
    expect(decode(json)).toBe(value)
    expect(decode(...json)).toBe(value)
  })
})
