import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Failure } from '../../src/chat/failure.ts'
import { parseChat, ROUTING_FIELDS } from '../../src/chat/request.ts'

type Json = Record<string, unknown>

const user = { role: 'user', content: 'Hello!' }
const minimal = { model: 'gpt-4o', messages: [user] }
const schema = { type: 'object', properties: {} }

/** The error that a body gives, or `undefined` where it is fine. */
function faultOf(body: Json): { code: string | null; param: string | null } | undefined {
  try {
    parseChat(body)
    return undefined
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    expect(error.status).toBe(400)
    const { code, param } = error.toError()
    return { code, param }
  }
}

const invalid = (param: string) => ({ code: 'invalid_value', param })
const missing = (param: string) => ({ code: 'missing_required_parameter', param })

test('a minimal request passes as the same object', () => {
  expect(parseChat(minimal)).toBe(minimal)
})

test('a field that nobody knows survives, at every depth', () => {
  const body = {
    ...minimal,
    brand_new: { a: [1] },
    messages: [{ ...user, brand_new: 1, content: [{ type: 'text', text: 'a', brand_new: 2 }] }],
    tools: [{ type: 'brand_new', anything: 3 }],
  }
  const before = structuredClone(body)
  expect(parseChat(body)).toEqual(before)
})

/** Field, values that are right, values that are not. */
const FIELDS: [string, unknown[], unknown[]][] = [
  ['model', ['a', 'auto', 'openai/gpt-4o'], ['', 7, null, ['a'], {}]],
  ['messages', [[user]], [[], 'Hello!', {}, null]],
  ['stream', [true, false], ['true', 1]],
  ['stream_options', [{}, { include_usage: true }, { include_usage: null }], [true, []]],
  ['temperature', [0, 1.5, 2], [-0.1, 2.1, '1', Number.NaN]],
  ['top_p', [0, 1], [-0.1, 1.1, '1']],
  ['max_tokens', [1, 1_000_000], [0, -1, 1.5, '10', true]],
  ['max_completion_tokens', [1], [0, 1.5, '10']],
  ['n', [1, 128], [0, 129, 1.5, '1']],
  ['stop', ['a', '', [], ['a', 'b']], [1, {}]],
  ['seed', [0, -7], [1.5, '1']],
  ['presence_penalty', [-2, 0, 2], [-2.1, 2.1, '0']],
  ['frequency_penalty', [-2, 0, 2], [-2.1, 2.1, '0']],
  ['logit_bias', [{}, { 50256: -100 }], [[], 'a']],
  ['logprobs', [true, false], ['true', 1]],
  ['top_logprobs', [0, 20], [-1, 21, 1.5, '5']],
  ['tools', [[], [{ type: 'function', function: { name: 'f' } }]], [{}, 'f']],
  ['tool_choice', ['none', 'auto', 'required', { type: 'function', function: { name: 'f' } }], ['any', 1, []]],
  ['parallel_tool_calls', [true, false], ['no', 0]],
  ['response_format', [{ type: 'text' }, { type: 'json_object' }], ['json', []]],
  ['reasoning_effort', ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'], ['extreme', 1]],
  ['modalities', [['text'], ['text', 'audio']], ['text', 1]],
  ['user', ['u-1'], [1, {}]],
  ['metadata', [{}, { a: 'b' }], ['a', []]],
  ['service_tier', ['auto', 'flex'], [1]],
  ['models', [['a', 'b']], ['a', {}]],
  ['provider', [{}, { order: ['openai'], sort: 'price', allow_fallbacks: false }], ['openai', []]],
]

describe('a field takes what is documented', () => {
  test.each(FIELDS)('%s', (name, right) => {
    for (const value of right) expect(faultOf({ ...minimal, [name]: value }), JSON.stringify(value)).toBeUndefined()
  })
})

describe('a field of another type or out of its range is refused by its name', () => {
  test.each(FIELDS)('%s', (name, _, wrong) => {
    for (const value of wrong)
      expect(faultOf({ ...minimal, [name]: value }), JSON.stringify(value)).toEqual(invalid(name))
  })
})

describe('a list of names may hold twenty', () => {
  const names = (count: number) => Array.from({ length: count }, (_, at) => `name-${at}`)
  test.each<[string, (list: string[]) => Json]>([
    ['models', (list) => ({ models: list })],
    ['provider.order', (list) => ({ provider: { order: list } })],
    ['provider.only', (list) => ({ provider: { only: list } })],
    ['provider.ignore', (list) => ({ provider: { ignore: list } })],
  ])('%s, and one more is refused by its name', (param, fields) => {
    expect(faultOf({ ...minimal, ...fields(names(20)) })).toBeUndefined()
    expect(faultOf({ ...minimal, ...fields(names(21)) })).toEqual(invalid(param))
    expect(() => parseChat({ ...minimal, ...fields(names(21)) })).toThrow(/at most 20/)
    // The same name again makes it no shorter: each would be looked up.
    expect(faultOf({ ...minimal, ...fields(Array(21).fill('openai')) })).toEqual(invalid(param))
  })
})

describe('a list that no honest client sends is refused by the name of its field', () => {
  const many = (count: number, item: unknown) => Array(count).fill(item)
  const answer = (given: Json) => ({ messages: [user, { role: 'assistant', ...given }] })
  const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }
  const tool = { type: 'function', function: { name: 'f' } }
  test.each<[string, number, (count: number) => Json]>([
    ['messages', 10_000, (count) => ({ messages: many(count, user) })],
    ['messages[1].content', 10_000, (count) => answer({ content: many(count, { type: 'text', text: 'a' }) })],
    ['messages[1].tool_calls', 1000, (count) => answer({ tool_calls: many(count, call) })],
    ['messages[1].reasoning_details', 10_000, (count) => answer({ reasoning_details: many(count, { type: 'a' }) })],
    ['tools', 2000, (count) => ({ tools: many(count, tool) })],
    ['functions', 2000, (count) => ({ functions: many(count, { name: 'f' }) })],
    ['stop', 1000, (count) => ({ stop: many(count, 'a') })],
    ['modalities', 1000, (count) => ({ modalities: many(count, 'text') })],
  ])('%s: %i and no more', (param, most, fields) => {
    expect(faultOf({ ...minimal, ...fields(most) })).toBeUndefined()
    expect(faultOf({ ...minimal, ...fields(most + 1) })).toEqual(invalid(param))
    expect(() => parseChat({ ...minimal, ...fields(most + 1) })).toThrow(`at most ${most}`)
  })
})

describe('nothing is looked at behind the first fault', () => {
  /** A value that nobody may read stands behind one that is wrong. */
  function trapped<Whole extends object>(whole: Whole, step: PropertyKey): Whole {
    return Object.defineProperty(whole, step, {
      enumerable: true,
      get: () => {
        throw new Error('It was looked at.')
      },
    })
  }
  const list = () => trapped([0, 0], 1)
  const answer = (given: Json) => ({ messages: [user, { role: 'assistant', ...given }] })
  test.each<[string, Json]>([
    ['messages[0]', { messages: list() }],
    ['messages[1].content[0]', answer({ content: list() })],
    ['messages[1].tool_calls[0]', answer({ tool_calls: list() })],
    ['messages[1].reasoning_details[0]', answer({ reasoning_details: list() })],
    ['tools[0]', { tools: list() }],
    ['functions[0]', { functions: list() }],
    ['stop[0]', { stop: list() }],
    ['modalities[0]', { modalities: list() }],
    ['models[0]', { models: list() }],
    ['logit_bias.a', { logit_bias: trapped({ a: 'x', b: 0 }, 'b') }],
  ])('%s', (param, fields) => {
    expect(faultOf({ ...minimal, ...fields })).toEqual(invalid(param))
  })

  test('and further members are not looked at at all', () => {
    const message = trapped({ ...user, further: 1 }, 'further')
    const metadata = trapped({ a: 1 }, 'a')
    expect(faultOf({ ...minimal, messages: [message], metadata })).toBeUndefined()
  })
})

test.each(FIELDS.map(([name]) => name).filter((name) => name !== 'model' && name !== 'messages'))(
  'null for %s means that it is absent',
  (name) => {
    expect(faultOf({ ...minimal, [name]: null })).toBeUndefined()
  },
)

describe('a fault within a field is named by its path', () => {
  const message = (given: Json) => ({ messages: [user, given] })
  const parts = (...given: unknown[]) => message({ role: 'user', content: given })
  const call = (given: Json) => message({ role: 'assistant', tool_calls: [given] })
  test.each<[string, Json, ReturnType<typeof invalid>]>([
    ['no model', { model: undefined }, missing('model')],
    ['no messages', { messages: undefined }, missing('messages')],
    ['a message that is text', { messages: ['Hello!'] }, invalid('messages[0]')],
    ['no role', message({ content: 'a' }), missing('messages[1].role')],
    ['an unknown role', message({ role: 'robot', content: 'a' }), invalid('messages[1].role')],
    ['content that is a number', message({ role: 'user', content: 5 }), invalid('messages[1].content')],
    ['content that is an object', message({ role: 'user', content: {} }), invalid('messages[1].content')],
    ['no content', message({ role: 'user' }), missing('messages[1].content')],
    ['null content of a user', message({ role: 'user', content: null }), invalid('messages[1].content')],
    ['null content of a system', message({ role: 'system', content: null }), invalid('messages[1].content')],
    ['a part that is text', parts('a'), invalid('messages[1].content[0]')],
    ['a part without type', parts({ text: 'a' }), missing('messages[1].content[0].type')],
    ['a text part without text', parts({ type: 'text' }), missing('messages[1].content[0].text')],
    ['a text that is a number', parts({ type: 'text', text: 1 }), invalid('messages[1].content[0].text')],
    [
      'an image without URL',
      parts({ type: 'text', text: '' }, { type: 'image_url', image_url: {} }),
      missing('messages[1].content[1].image_url.url'),
    ],
    ['an image as text', parts({ type: 'image_url', image_url: 'a' }), invalid('messages[1].content[0].image_url')],
    [
      'audio without format',
      parts({ type: 'input_audio', input_audio: { data: '' } }),
      missing('messages[1].content[0].input_audio.format'),
    ],
    ['a tool result without its call', message({ role: 'tool', content: 'a' }), missing('messages[1].tool_call_id')],
    ['a function result without name', message({ role: 'function', content: 'a' }), missing('messages[1].name')],
    ['a call without id', call({ function: { name: 'f', arguments: '' } }), missing('messages[1].tool_calls[0].id')],
    ['a call without function', call({ id: 'a', type: 'function' }), missing('messages[1].tool_calls[0].function')],
    [
      'arguments that are an object',
      call({ id: 'a', type: 'function', function: { name: 'f', arguments: {} } }),
      invalid('messages[1].tool_calls[0].function.arguments'),
    ],
    ['a tool without function', { tools: [{ type: 'function' }] }, missing('tools[0].function')],
    ['a tool without name', { tools: [{ type: 'function', function: {} }] }, missing('tools[0].function.name')],
    ['a stop sequence that is a number', { stop: ['a', 1] }, invalid('stop[1]')],
    ['a bias that is text', { logit_bias: { 5: 'a' } }, invalid('logit_bias.5')],
    ['include_usage as text', { stream_options: { include_usage: 'yes' } }, invalid('stream_options.include_usage')],
    ['a schema that is missing', { response_format: { type: 'json_schema' } }, missing('response_format.json_schema')],
    ['an unknown sort', { provider: { sort: 'size' } }, invalid('provider.sort')],
    ['a negative price', { provider: { max_price: { prompt: -1 } } }, invalid('provider.max_price.prompt')],
  ])('%s', (_, fields, expected) => {
    expect(faultOf({ ...minimal, ...fields })).toEqual(expected)
  })
})

test('an assistant may have nothing to say beside its tool calls', () => {
  const tool_calls = [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }]
  for (const content of [undefined, null, '', []]) {
    const messages = [
      user,
      { role: 'assistant', content, tool_calls },
      { role: 'tool', tool_call_id: 'a', content: '' },
    ]
    expect(faultOf({ ...minimal, messages })).toBeUndefined()
  }
})

test('a whole request of all kinds of messages passes', () => {
  const messages = [
    { role: 'developer', content: [{ type: 'text', text: 'Be brief.' }] },
    { role: 'user', name: 'ann', content: [{ type: 'video_url', video_url: { url: 'https://a.example/b.mp4' } }] },
    { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
    { role: 'function', name: 'f', content: '1' },
    { role: 'assistant', content: 'a', refusal: null, reasoning_content: 'b', reasoning_details: [{ type: 'x' }] },
    {
      role: 'user',
      content: [{ type: 'file', file: { file_data: 'data:application/pdf;base64,AA==', filename: 'a' } }],
    },
  ]
  const response_format = { type: 'json_schema', json_schema: { name: 'a', schema, strict: true } }
  expect(faultOf({ ...minimal, messages, response_format })).toBeUndefined()
})

test('routing fields are those of contract 8', () => {
  expect([...ROUTING_FIELDS].sort()).toEqual(['models', 'provider'])
})

test('any JSON either passes or is refused as a 400 that names a path and says why', () => {
  const value = fc.jsonValue({ maxDepth: 4 })
  const body = fc.oneof(
    fc.record({ model: value, messages: value }, { requiredKeys: [] }),
    value.map((messages) => ({ model: 'a', messages: [messages] })),
    fc
      .dictionary(fc.constantFrom(...FIELDS.map(([name]) => name), '__proto__', 'constructor'), value)
      .map((fields) => ({
        ...minimal,
        ...fields,
      })),
  )
  fc.assert(
    fc.property(body, (given) => {
      const fault = faultOf(given as Json)
      if (fault === undefined) expect(parseChat(given as Json)).toBe(given)
      else
        expect(fault).toEqual({
          code: expect.stringMatching(/^(invalid_value|missing_required_parameter)$/),
          param: expect.stringMatching(/./),
        })
    }),
    { numRuns: 300 },
  )
})
