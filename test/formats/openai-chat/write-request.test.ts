import { describe, expect, test } from 'vitest'
import type { Traits } from '../../../src/formats/format.ts'
import { type OpenAIQuirks, openai } from '../../../src/formats/openai-chat/write-request.ts'
import { createAsker, type Json, refusal } from '../asking.ts'

const ask = createAsker<OpenAIQuirks>(openai, {})
const bodyOf = (fields: Json, quirk: OpenAIQuirks = {}, traits: Partial<Traits> = {}) =>
  ask(fields, traits, { quirk }).body

const clock = { type: 'function', function: { name: 'clock' } }

test('a request goes as it came, but for the model and what is for Router9', () => {
  const messages = [{ role: 'user', name: 'ann', content: [{ type: 'text', text: 'a', odd: 1 }] }]
  const fields = { messages, temperature: 0.5, brand_new: { a: [1] }, stop: ['a'], tools: [clock], tool_choice: 'auto' }
  const asked = ask({ ...fields, models: ['b'], provider: { only: ['c'] }, stream_options: { include_usage: true } })
  expect(asked.body).toEqual({ ...fields, model: 'theirs' })
  expect(asked.path).toBe('/chat/completions')
  expect(asked.dropped).toEqual([])
})

test('null means absent', () => {
  expect(bodyOf({ temperature: null, stop: null, tools: null, brand_new: null })).toEqual({
    model: 'theirs',
    messages: [{ role: 'user', content: 'Hello!' }],
  })
})

describe('a stream', () => {
  test('is asked for its usage, always, and keeps its other options', () => {
    const fields = { stream: true, stream_options: { include_usage: false, include_obfuscation: false } }
    expect(ask(fields, {}, { stream: true }).body).toMatchObject({
      stream: true,
      stream_options: { include_usage: true, include_obfuscation: false },
    })
  })

  test('of a provider that does not know stream_options is not sent them', () => {
    const quirk = { noStreamOptions: true }
    expect(ask({ stream_options: {} }, {}, { stream: true, quirk }).body).not.toHaveProperty('stream_options')
  })
})

describe('a quirk', () => {
  test.each<[string, OpenAIQuirks, Json, Json]>([
    ['max_tokens renamed', { maxTokens: 'max_completion_tokens' }, { max_tokens: 5 }, { max_completion_tokens: 5 }],
    ['the other way round', { maxTokens: 'max_tokens' }, { max_completion_tokens: 5 }, { max_tokens: 5 }],
    ['one of both kept', { maxTokens: 'max_tokens' }, { max_completion_tokens: 5, max_tokens: 6 }, { max_tokens: 5 }],
    ['a parameter renamed', { rename: { seed: 'random_seed' } }, { seed: 7 }, { random_seed: 7 }],
    ['a harmless value of a refused one', { refuse: ['n', 'logprobs'] }, { n: 1, logprobs: false }, {}],
    [
      'reasoning as an object',
      { reasoningObject: true },
      { reasoning_effort: 'low' },
      { reasoning: { effort: 'low' } },
    ],
  ])('%s', (_, quirk, fields, expected) => {
    const { model, messages, ...rest } = bodyOf(fields, quirk, { reasoning: true })
    expect(rest).toEqual(expected)
  })

  test('that drops a parameter tells so; one that was null was not there', () => {
    const quirk = { drop: ['user', 'seed', 'logit_bias'] }
    const { body, dropped } = ask({ user: 'a', seed: null }, {}, { quirk })
    expect(body).not.toHaveProperty('user')
    expect(dropped).toEqual(['user'])
  })

  test.each([[{ n: 2 }], [{ logprobs: true }]])('that refuses a parameter refuses %j', (fields) => {
    const quirk = { refuse: ['n', 'logprobs'] }
    const [param = ''] = Object.keys(fields)
    expect(refusal(() => ask(fields, {}, { quirk }))).toEqual({ code: 'unsupported_parameter', param })
  })
})

describe('JSON output that excludes other things', () => {
  const json = { response_format: { type: 'json_object' } }
  const schema = {
    response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { title: 'the schema' } } },
  }
  const tools = { tools: [clock] }

  test.each<[string, 'mode' | 'schema', Json, boolean]>([
    ['JSON in a stream (Groq)', 'mode', json, true],
    ['JSON beside tools (Groq)', 'mode', { ...json, ...tools }, false],
    ['a schema beside tools in a stream (Cerebras)', 'schema', { ...schema, ...tools }, true],
  ])('%s is asked for by the prompt, which is told', (_, exclusiveJson, fields, stream) => {
    const { body, dropped } = ask(fields, {}, { stream, quirk: { exclusiveJson } })
    expect(body).not.toHaveProperty('response_format')
    expect(dropped).toEqual(['response_format'])
    const [first, ...rest] = body.messages as Json[]
    expect(first).toMatchObject({ role: 'system', content: expect.stringContaining('JSON object') })
    expect(String(first?.content).includes('the schema')).toBe('json_schema' in (fields.response_format as Json))
    expect(rest).toEqual([{ role: 'user', content: 'Hello!' }])
  })

  test.each<[string, 'mode' | 'schema', Json, boolean]>([
    ['alone', 'mode', json, false],
    ['by a schema, which is another thing than JSON mode', 'mode', { ...schema, ...tools }, true],
    ['in a stream where only tools are too much', 'schema', schema, true],
    ['beside tools where only streams are too much', 'schema', { ...schema, ...tools }, false],
    ['without a schema, beside tools in a stream', 'schema', { ...json, ...tools }, true],
  ])('is asked for as ever %s', (_, exclusiveJson, fields, stream) => {
    const { body, dropped } = ask(fields, {}, { stream, quirk: { exclusiveJson } })
    expect(body.response_format).toEqual(fields.response_format)
    expect(body.messages).toHaveLength(1)
    expect(dropped).toEqual([])
  })
})

describe('a reasoning model', () => {
  test('is sent no sampling, which is told', () => {
    const fields = { temperature: 1, top_p: 1, presence_penalty: 0, frequency_penalty: 0, logit_bias: {} }
    const { body, dropped } = ask(fields, { temperature: false })
    for (const name of Object.keys(fields)) expect(body).not.toHaveProperty(name)
    expect([...dropped].sort()).toEqual(Object.keys(fields).sort())
  })

  test('cannot give logprobs: without them the answer would be wrong (contract 5)', () => {
    expect(refusal(() => ask({ logprobs: true }, { temperature: false }))).toEqual({
      code: 'unsupported_parameter',
      param: 'logprobs',
    })
    expect(bodyOf({ logprobs: false, top_logprobs: 0 }, {}, { temperature: false })).not.toHaveProperty('logprobs')
  })

  test.each([
    ['an effort it takes', 'high', ['low', 'high'], 'high'],
    ['the nearest it takes', 'medium', ['low', 'high'], 'low'],
    ['nothing where it takes no levels', 'xhigh', undefined, undefined],
    ['never to stop thinking for who wants some', 'low', ['none'], undefined],
    ['what it calls default where that is all it knows', 'high', ['none', 'default'], 'default'],
  ])('is asked for %s', (_, reasoning_effort, efforts, expected) => {
    const traits = { reasoning: true, ...(efforts && { efforts }) }
    expect(bodyOf({ reasoning_effort }, {}, traits).reasoning_effort).toBe(expected)
  })

  test('is asked in OpenAI words for what was asked in OpenRouter words', () => {
    const body = bodyOf({ reasoning: { effort: 'high' } }, {}, { reasoning: true, efforts: ['low', 'high'] })
    expect(body.reasoning_effort).toBe('high')
    expect(body).not.toHaveProperty('reasoning')
  })
})

test('a model that does not reason is not asked to, which is told', () => {
  const { body, dropped } = ask({ reasoning_effort: 'low' })
  expect(body).not.toHaveProperty('reasoning_effort')
  expect(dropped).toEqual(['reasoning_effort'])
})

test('without tools, what chooses between them is left out', () => {
  const body = bodyOf({ tools: [], tool_choice: 'auto', parallel_tool_calls: true })
  expect(Object.keys(body).sort()).toEqual(['messages', 'model'])
})

describe('messages', () => {
  const messageOf = (message: Json, quirk: OpenAIQuirks = {}) =>
    (bodyOf({ messages: [message] }, quirk).messages as Json[])[0]

  test('of the developer are system messages where that role is unknown', () => {
    const message = { role: 'developer', content: 'a' }
    expect(messageOf(message)).toEqual({ role: 'system', content: 'a' })
    expect(messageOf(message, { developerRole: true })).toEqual(message)
  })

  test.each(['system', 'developer'])('of the %s are the user’s where a model has neither role (o1-mini)', (role) => {
    const messages = [{ role, content: 'a' }]
    expect(bodyOf({ messages }, { developerRole: true }, { noSystem: true }).messages).toEqual([
      { role: 'user', content: 'a' },
    ])
  })

  test.each<[string, OpenAIQuirks, Json]>([
    ['nobody', {}, {}],
    ['who takes reasoning_content', { returnedReasoning: 'reasoning_content' }, { reasoning_content: 'Hm.' }],
    ['who takes reasoning', { returnedReasoning: 'reasoning' }, { reasoning: 'Hm.' }],
    ['who takes its details', { returnedReasoning: 'reasoning_details' }, { reasoning_details: [{ type: 'a' }] }],
  ])('give their reasoning back to %s', (_, quirk, expected) => {
    const message = { role: 'assistant', content: 'a', reasoning_content: 'Hm.', reasoning_details: [{ type: 'a' }] }
    expect(messageOf(message, quirk)).toEqual({ role: 'assistant', content: 'a', ...expected })
  })

  test("send no other maker's signatures with their calls", () => {
    const call = { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }
    const tool_calls = [{ ...call, extra_content: { google: { thought_signature: 's' } } }]
    expect(messageOf({ role: 'assistant', content: null, tool_calls })).toMatchObject({ tool_calls: [call] })
    expect(JSON.stringify(messageOf({ role: 'assistant', content: null, tool_calls }))).not.toContain('signature')
  })

  test('lose their cache marks where nobody knows them', () => {
    const content = [{ type: 'text', text: 'a', cache_control: { type: 'ephemeral' } }]
    expect(messageOf({ role: 'user', content })).toEqual({ role: 'user', content: [{ type: 'text', text: 'a' }] })
    expect(messageOf({ role: 'user', content }, { cacheControl: true })).toEqual({ role: 'user', content })
  })
})
