import { describe, expect, test } from 'vitest'
import { cohere } from '../../../src/formats/cohere/write-request.ts'
import type { Traits } from '../../../src/formats/format.ts'
import { createAsker, type Json, refusal } from '../asking.ts'
import { answerOf, readMessages, readWhole } from '../reading.ts'
import { cohereEvents } from '../streams.ts'

const ask = createAsker(cohere, {})
const bodyOf = (fields: Json, traits?: Partial<Traits>) => ask(fields, traits).body
/** The parameters that a request comes with, beside what every request has. */
const paramsOf = (fields: Json, traits?: Partial<Traits>) => {
  const { model, messages, stream, ...rest } = bodyOf(fields, traits)
  return rest
}
const messagesOf = (...messages: Json[]) => bodyOf({ messages }).messages

const hello = { role: 'user', content: 'Hello!' }
const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,QUJD', detail: 'low' } }
const call = (id: string, given = '{}', name = 'f') => ({ id, type: 'function', function: { name, arguments: given } })
const parameters = { type: 'object', properties: { city: { type: 'string' } } }
const weather = { type: 'function', function: { name: 'weather', description: 'Tells it.', parameters } }
const clock = { type: 'function', function: { name: 'clock', strict: true } }
const named = { type: 'function', function: { name: 'weather' } }
const format = { type: 'json_schema', json_schema: { name: 'a', schema: parameters } }

const THINKS: Partial<Traits> = { reasoning: true, toggle: true, budget: { min: 1 }, outputTokens: 32_000 }

test('a minimal request is asked of its model, whole or streamed', () => {
  const { body, path } = ask({})
  expect(path).toBe('/v2/chat')
  expect(body).toEqual({ model: 'theirs', messages: [hello], stream: false })
  const streamed = ask({ stream_options: { include_usage: true } }, {}, { stream: true })
  expect(streamed.path).toBe('/v2/chat')
  expect(streamed.body).toEqual({ model: 'theirs', messages: [hello], stream: true })
})

test('the answer to a request is read whole and streamed, with ids of our own where there are none', () => {
  const { prepared } = ask({})
  const calls = [{ type: 'function', function: { name: 'f', arguments: '{}' } }]
  const tool_calls = [{ id: 'made_1', type: 'function', function: { name: 'f', arguments: '{}' } }]
  const whole = prepared.readAnswer({ message: { role: 'assistant', tool_calls: calls }, finish_reason: 'TOOL_CALL' })
  expect(answerOf(readWhole(whole)).tool_calls).toEqual(tool_calls)
  const { start, grow, end } = cohereEvents
  for (const said of ['a', 'b']) {
    const streamed = readMessages(prepared.streamReader(), [start, grow(0, { text: said }), end('COMPLETE')])
    expect(answerOf(streamed).content).toBe(said)
  }
})

describe('messages', () => {
  test('of system and developer are system messages where they stood', () => {
    const content = [
      { type: 'text', text: 'b' },
      { type: 'text', text: 'c' },
    ]
    expect(messagesOf({ role: 'system', content: 'a' }, hello, { role: 'developer', content })).toEqual([
      { role: 'system', content: 'a' },
      hello,
      { role: 'system', content: 'bc' },
    ])
  })

  test('of a user keep text and images in their order, and nothing Cohere does not know', () => {
    const marked = { type: 'text', text: 'What is it?', cache_control: { type: 'ephemeral' } }
    expect(messagesOf({ role: 'user', content: [image, marked], name: 'Ann' })).toEqual([
      { role: 'user', content: [image, { type: 'text', text: 'What is it?' }] },
    ])
  })

  test('of an assistant are text, also where it refused', () => {
    const content = [
      { type: 'text', text: 'a' },
      { type: 'refusal', refusal: 'b' },
    ]
    expect(messagesOf(hello, { role: 'assistant', content, reasoning_content: 'Hm.' })).toEqual([
      hello,
      { role: 'assistant', content: 'ab' },
    ])
    expect(messagesOf(hello, { role: 'assistant', content: null, refusal: 'No.' })).toEqual([
      hello,
      { role: 'assistant', content: 'No.' },
    ])
  })

  test('of the system alone end with one that the user says', () => {
    const rules = [
      { role: 'system', content: 'a' },
      { role: 'system', content: 'b' },
    ]
    expect(messagesOf(...rules)).toEqual([
      { role: 'system', content: 'a' },
      { role: 'user', content: 'b' },
    ])
  })

  test('that are empty are dropped, and so are empty parts', () => {
    const empty = [
      { role: 'system', content: '' },
      { role: 'user', content: [] },
      { role: 'user', content: [{ type: 'text', text: '' }] },
      { role: 'assistant', content: null },
      { role: 'assistant', content: '', tool_calls: [] },
    ]
    expect(messagesOf(...empty, hello)).toEqual([hello])
    expect(messagesOf({ role: 'user', content: [{ type: 'text', text: '' }, image] })).toEqual([
      { role: 'user', content: [image] },
    ])
    expect(refusal(() => messagesOf(...empty))).toEqual({ code: 'invalid_value', param: 'messages' })
  })

  const audio = { type: 'input_audio', input_audio: { data: 'QUJD', format: 'wav' } }

  test.each<[string, Json, string]>([
    ['audio', { role: 'user', content: [audio] }, 'content'],
    ['a file', { role: 'user', content: [{ type: 'file', file: { file_id: 'a' } }] }, 'content'],
    ['an unknown kind of part', { role: 'user', content: [{ type: 'hologram' }] }, 'content'],
    ['an image from the system', { role: 'system', content: [image] }, 'content'],
    ['an image from the assistant', { role: 'assistant', content: [image] }, 'content'],
    ['an image from a tool', { role: 'tool', tool_call_id: '1', content: [image] }, 'content'],
  ])('with %s are refused', (_, message, member) => {
    const param = `messages[1].${member}[0]`
    expect(refusal(() => messagesOf(hello, message))).toEqual({ code: 'model_not_capable', param })
  })
})

describe('tool calls', () => {
  const assistant = (fields: Json) => (messagesOf(hello, { role: 'assistant', ...fields }) as Json[])[1]

  test('go with their results, each under its id', () => {
    const content = [
      { type: 'text', text: 'r' },
      { type: 'text', text: 's' },
    ]
    const messages = [
      hello,
      { role: 'assistant', content: null, tool_calls: [call('1', '{"x":1}'), call('2')] },
      { role: 'tool', tool_call_id: '1', content: '' },
      { role: 'tool', tool_call_id: '2', content },
    ]
    expect(messagesOf(...messages)).toEqual([
      hello,
      { role: 'assistant', tool_calls: [call('1', '{"x":1}'), call('2')] },
      { role: 'tool', tool_call_id: '1', content: '' },
      { role: 'tool', tool_call_id: '2', content: 'rs' },
    ])
  })

  test.each<[string, Json, string | undefined]>([
    ['the reasoning that Cohere gave it as', { content: null, reasoning_content: 'p' }, 'p'],
    ['reasoning by its other name', { content: null, reasoning: 'p' }, 'p'],
    ['the text beside the calls', { content: 'p' }, 'p'],
    ['the text where the reasoning is empty', { content: 'p', reasoning_content: '' }, 'p'],
    ['both, so that nothing said is lost', { content: 'q', reasoning_content: 'p' }, 'p\nq'],
    ['nothing where nothing was said', { content: '' }, undefined],
  ])('have for a plan %s, never content', (_, fields, tool_plan) => {
    const tool_calls = [call('1')]
    expect(assistant({ ...fields, tool_calls })).toEqual({
      role: 'assistant',
      tool_calls,
      ...(tool_plan !== undefined && { tool_plan }),
    })
  })

  test.each([[''], [' '], ['null']])('with the arguments %j have an object', (given) => {
    expect(assistant({ content: null, tool_calls: [call('1', given)] })).toMatchObject({
      tool_calls: [call('1', '{}')],
    })
  })

  test.each([['{'], ['[1]'], ['"a"']])('with the arguments %j are refused', (given) => {
    expect(refusal(() => assistant({ content: null, tool_calls: [call('1', given)] }))).toEqual({
      code: 'invalid_value',
      param: 'messages[1].tool_calls[0].function.arguments',
    })
  })
})

describe('a parameter is translated', () => {
  test.each<[string, Json, Json]>([
    ['max_tokens', { max_tokens: 10 }, { max_tokens: 10 }],
    ['max_completion_tokens first', { max_completion_tokens: 20, max_tokens: 10 }, { max_tokens: 20 }],
    ['more tokens than the model can write', { max_tokens: 100_000 }, { max_tokens: 64_000 }],
    ['temperature', { temperature: 0.7 }, { temperature: 0.7 }],
    ['temperature 0', { temperature: 0 }, { temperature: 0 }],
    ['a temperature beyond the scale', { temperature: 1.7 }, { temperature: 1 }],
    ['top_p', { top_p: 0.5 }, { p: 0.5 }],
    ['top_p at its ends', { top_p: 1 }, { p: 0.99 }],
    ['top_p 0', { top_p: 0 }, { p: 0.01 }],
    ['top_k', { top_k: 5 }, { k: 5 }],
    ['top_k beyond the scale', { top_k: 1000 }, { k: 500 }],
    ['stop as text', { stop: 'a' }, { stop_sequences: ['a'] }],
    ['stop as a list', { stop: ['a', 'b'] }, { stop_sequences: ['a', 'b'] }],
    ['no stop at all', { stop: [] }, {}],
    ['n 1', { n: 1 }, {}],
    ['seed', { seed: 7 }, { seed: 7 }],
    [
      'penalties',
      { presence_penalty: 0.5, frequency_penalty: 0.25 },
      { presence_penalty: 0.5, frequency_penalty: 0.25 },
    ],
    [
      'penalties beyond the scale',
      { presence_penalty: 2, frequency_penalty: -1 },
      { presence_penalty: 1, frequency_penalty: 0 },
    ],
    ['nulls', { temperature: null, top_p: null, stop: null, seed: null, max_tokens: null, tools: null }, {}],
    ['JSON', { response_format: { type: 'json_object' } }, { response_format: { type: 'json_object' } }],
    ['plain text', { response_format: { type: 'text' } }, {}],
    [
      'JSON by a schema',
      { response_format: format },
      { response_format: { type: 'json_object', json_schema: parameters } },
    ],
  ])('%s', (_, fields, expected) => {
    expect(paramsOf(fields)).toEqual(expected)
  })

  test('where the model’s limit is unknown, max_tokens as it is', () => {
    expect(paramsOf({ max_tokens: 100_000 }, { outputTokens: 0 })).toEqual({ max_tokens: 100_000 })
  })

  test.each<[string, unknown]>([
    ['documents', [{ id: 'd', data: { text: 'a' } }]],
    ['citation_options', { mode: 'FAST' }],
    ['safety_mode', 'STRICT'],
    ['thinking', { type: 'disabled' }],
    ['priority', 1],
  ])('not at all: %s is Cohere’s own', (name, value) => {
    const { body, dropped } = ask({ [name]: value, reasoning_effort: 'high' }, THINKS)
    expect(body[name]).toEqual(value)
    expect(dropped).toEqual([])
  })
})

test('what has no form in Cohere is dropped, and told', () => {
  const fields = {
    user: 'u',
    metadata: {},
    store: true,
    service_tier: 'auto',
    logit_bias: {},
    parallel_tool_calls: false,
  }
  const { body, dropped } = ask({ ...fields, brand_new: 1 })
  expect(Object.keys(body).sort()).toEqual(['messages', 'model', 'stream'])
  expect([...dropped].sort()).toEqual([...Object.keys(fields), 'brand_new'].sort())
})

test.each<[string, Json, string]>([
  ['n', { n: 2 }, 'n'],
  ['logprobs', { logprobs: true }, 'logprobs'],
  ['audio', { modalities: ['audio'] }, 'modalities'],
  ['web search', { web_search_options: {} }, 'web_search_options'],
  ['more than five stop sequences', { stop: ['1', '2', '3', '4', '5', '6'] }, 'stop'],
  ['JSON beside tools', { response_format: format, tools: [weather] }, 'response_format'],
])('%s is refused, for the answer would be wrong without', (_, fields, param) => {
  expect(refusal(() => ask(fields))).toEqual({ code: 'unsupported_parameter', param })
})

describe('tools', () => {
  test('are functions, each with a schema; one strict tool makes all strict', () => {
    expect(paramsOf({ tools: [weather, clock] })).toEqual({
      tools: [
        weather,
        { type: 'function', function: { name: 'clock', parameters: { type: 'object', properties: {} } } },
      ],
      strict_tools: true,
    })
    expect(paramsOf({ tools: [weather] })).toEqual({ tools: [weather] })
  })

  const allowed = (mode: string) => ({ type: 'allowed_tools', allowed_tools: { mode, tools: [named] } })
  const both = ['weather', 'clock']

  test.each<[string, unknown, string | undefined, string[]]>([
    ['nothing', undefined, undefined, both],
    ['auto', 'auto', undefined, both],
    ['none', 'none', 'NONE', both],
    ['required', 'required', 'REQUIRED', both],
    ['a name: it is the only one there, and required', named, 'REQUIRED', ['weather']],
    ['a list of which one may be called', allowed('auto'), undefined, ['weather']],
    ['a list of which one must be called', allowed('required'), 'REQUIRED', ['weather']],
  ])('are chosen by %s', (_, tool_choice, expected, names) => {
    const { tools, tool_choice: choice } = bodyOf({ tools: [weather, clock], tool_choice })
    expect(choice).toBe(expected)
    expect((tools as { function: Json }[]).map((tool) => tool.function.name)).toEqual(names)
  })

  test('that are left out make the others no stricter', () => {
    expect(paramsOf({ tools: [weather, clock], tool_choice: named })).not.toHaveProperty('strict_tools')
  })

  test('that are not there cannot be chosen', () => {
    const choice = { type: 'function', function: { name: 'calendar' } }
    expect(refusal(() => ask({ tools: [weather], tool_choice: choice }))).toEqual({
      code: 'invalid_value',
      param: 'tool_choice',
    })
    expect(paramsOf({ tools: [], tool_choice: 'required' })).toEqual({})
  })
})

describe('reasoning', () => {
  test.each([
    ['minimal', 1024],
    ['low', 2048],
    ['medium', 8192],
    ['high', 16_384],
    ['xhigh', 31_000],
    ['max', 31_000],
  ])('%s is a budget of %i tokens, with room left for the answer', (reasoning_effort, token_budget) => {
    expect(paramsOf({ reasoning_effort }, THINKS)).toEqual({ thinking: { type: 'enabled', token_budget } })
  })

  test.each<[string, Json, Partial<Traits>, number]>([
    ['as it is', { max_tokens: 500 }, THINKS, 500],
    ['up to the model’s own bound', { max_tokens: 9000 }, { ...THINKS, budget: { min: 1, max: 4000 } }, 4000],
    ['as it is where no limit is known', { max_tokens: 90_000 }, { ...THINKS, outputTokens: 0 }, 90_000],
  ])('by a number of tokens is taken %s', (_, reasoning, traits, token_budget) => {
    expect(paramsOf({ reasoning }, traits)).toEqual({ thinking: { type: 'enabled', token_budget } })
  })

  test('that nobody wants is switched off; that nobody asked for is left to the model', () => {
    expect(paramsOf({ reasoning_effort: 'none' }, THINKS)).toEqual({ thinking: { type: 'disabled' } })
    expect(paramsOf({}, THINKS)).toEqual({})
  })

  test.each<[string, Json]>([
    ['reasoning_effort', { reasoning_effort: 'high' }],
    ['reasoning', { reasoning: { max_tokens: 500 } }],
  ])('by %s is dropped, and told, on a model that does not reason', (name, fields) => {
    const { body, dropped } = ask(fields)
    expect(body).not.toHaveProperty('thinking')
    expect(dropped).toEqual([name])
  })

  test('that nobody wants is no parameter of a model that does not reason', () => {
    const { body, dropped } = ask({ reasoning_effort: 'none' })
    expect(body).not.toHaveProperty('thinking')
    expect(dropped).toEqual([])
  })
})
