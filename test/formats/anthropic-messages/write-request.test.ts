import { describe, expect, test } from 'vitest'
import { parseChat } from '../../../src/chat/request.ts'
import { anthropic } from '../../../src/formats/anthropic-messages/write-request.ts'
import type { Traits } from '../../../src/formats/format.ts'
import { ABLE, createAsker, type Json, refusal } from '../asking.ts'

const ask = createAsker(anthropic, {})
const bodyOf = (fields: Json, traits?: Partial<Traits>) => ask(fields, traits).body

const parameters = { type: 'object', properties: { city: { type: 'string' } } }
const weather = { type: 'function', function: { name: 'weather', description: 'Tells it.', parameters } }
const clock = { type: 'function', function: { name: 'clock' } }
const named = { type: 'function', function: { name: 'weather' } }
const format = { type: 'json_schema', json_schema: { name: 'a', schema: parameters } }

/** How Claude models of three ages reason. */
const BUDGETED: Partial<Traits> = { reasoning: true, budget: { min: 1024 } }
const ADAPTIVE: Partial<Traits> = { reasoning: true, efforts: ['low', 'medium', 'high', 'max'], budget: { min: 1024 } }
const NEWEST: Partial<Traits> = {
  reasoning: true,
  efforts: ['low', 'medium', 'high', 'xhigh', 'max'],
  temperature: false,
}

test('a minimal request has model, max_tokens and messages, and names its version', () => {
  const { body, path, headers } = ask({})
  expect(path).toBe('/v1/messages')
  expect(headers).toEqual({ 'anthropic-version': '2023-06-01' })
  expect(body).toEqual({
    model: 'theirs',
    max_tokens: 64_000,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello!' }] }],
  })
})

test('a file of the Files API brings its beta header', () => {
  const messages = [{ role: 'user', content: [{ type: 'file', file: { file_id: 'a' } }] }]
  expect(ask({ messages }).headers['anthropic-beta']).toBe('files-api-2025-04-14')
})

describe('max_tokens', () => {
  test.each<[string, Json, number, number]>([
    ['is what the model can write where the caller sets none', {}, 64_000, 64_000],
    ['is max_tokens', { max_tokens: 10 }, 64_000, 10],
    ['is max_completion_tokens before max_tokens', { max_completion_tokens: 20, max_tokens: 10 }, 64_000, 20],
    ['is cut to what the model can write', { max_tokens: 100_000 }, 64_000, 64_000],
    ['is as the caller set it where no limit is known', { max_tokens: 100_000 }, 0, 100_000],
  ])('%s', (_, fields, outputTokens, expected) => {
    expect(bodyOf(fields, { outputTokens }).max_tokens).toBe(expected)
  })

  test('is there also where nothing is known and nothing was asked', () => {
    expect(bodyOf({}, { outputTokens: 0 }).max_tokens).toBe(4096)
  })

  test.each([
    ['is what a long prompt leaves of the window', 150_000, {}, 50_000],
    ['is what the model can write where a short prompt leaves more', 100, {}, 64_000],
    ['is never less than any model can write, for our count may be wrong', 199_999, {}, 4096],
    ['is what the caller set, whatever the prompt leaves', 199_999, { max_tokens: 9000 }, 9000],
  ])('%s', (_, promptTokens, fields, expected) => {
    const { request } = anthropic.prepare({
      chat: parseChat({ model: 'm', messages: [{ role: 'user', content: 'a' }], ...fields }),
      model: 'theirs',
      stream: false,
      traits: { ...ABLE, contextTokens: 200_000, outputTokens: 64_000 },
      quirks: {},
      promptTokens: () => promptTokens,
      newId: () => 'id',
    })
    expect(JSON.parse(request.body)).toMatchObject({ max_tokens: expected })
  })
})

describe('a parameter is translated', () => {
  test.each<[string, Json, Json]>([
    ['temperature', { temperature: 0.3 }, { temperature: 0.3 }],
    ['temperature over 1 to 1', { temperature: 1.7 }, { temperature: 1 }],
    ['top_p', { top_p: 0.5 }, { top_p: 0.5 }],
    ['temperature before top_p', { temperature: 0, top_p: 0.5 }, { temperature: 0, top_p: undefined }],
    ['top_k', { top_k: 5 }, { top_k: 5 }],
    ['stop as text', { stop: 'a' }, { stop_sequences: ['a'] }],
    ['stop as a list, without the blank ones', { stop: ['a', '', ' \n'] }, { stop_sequences: ['a'] }],
    ['nothing but blank stops', { stop: ' ' }, { stop_sequences: undefined }],
    ['user', { user: 'u' }, { metadata: { user_id: 'u' } }],
    ['safety_identifier', { safety_identifier: 's', user: 'u' }, { metadata: { user_id: 's' } }],
    ['metadata, which is something else', { metadata: { a: 'b' } }, { metadata: undefined }],
    ['service_tier auto', { service_tier: 'auto' }, { service_tier: 'auto' }],
    ['service_tier default', { service_tier: 'default' }, { service_tier: 'standard_only' }],
    ['service_tier flex', { service_tier: 'flex' }, { service_tier: undefined }],
    ['web search', { web_search_options: {} }, { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }],
    ["Anthropic's own fields", { context_management: { a: 1 } }, { context_management: { a: 1 } }],
    [
      'nothing of the routing',
      { models: ['a'], provider: { only: ['b'] } },
      { models: undefined, provider: undefined },
    ],
    ['n 1 and no logprobs', { n: 1, logprobs: false }, { n: undefined, logprobs: undefined }],
  ])('%s', (_, fields, expected) => {
    const body = bodyOf(fields)
    expect(Object.fromEntries(Object.keys(expected).map((name) => [name, body[name]]))).toEqual(expected)
  })

  test('only streams say so, and stream_options stay here', () => {
    const streamed = ask({ stream_options: { include_usage: true } }, {}, { stream: true }).body
    expect(streamed.stream).toBe(true)
    expect(streamed).not.toHaveProperty('stream_options')
  })
})

test('parameters that change nothing essential are dropped, and told', () => {
  const fields = { seed: 1, logit_bias: {}, presence_penalty: 1, frequency_penalty: 1, store: true, verbosity: 'low' }
  const { body, dropped } = ask({ ...fields, metadata: null })
  for (const name of Object.keys(fields)) expect(body).not.toHaveProperty(name)
  expect([...dropped].sort()).toEqual(Object.keys(fields).sort())
})

test('sampling is dropped, and told, where the model takes none', () => {
  const { body, dropped } = ask({ temperature: 0.5, top_p: 0.5, top_k: 5 }, { temperature: false })
  for (const name of ['temperature', 'top_p', 'top_k']) expect(body).not.toHaveProperty(name)
  expect([...dropped].sort()).toEqual(['temperature', 'top_k', 'top_p'])
})

test.each<[Json, string]>([
  [{ n: 2 }, 'n'],
  [{ logprobs: true }, 'logprobs'],
  [{ modalities: ['text', 'audio'] }, 'modalities'],
  [{ audio: { voice: 'a' } }, 'audio'],
])('%j is refused, for the answer would be wrong without', (fields, param) => {
  expect(refusal(() => ask(fields))).toEqual({ code: 'unsupported_parameter', param })
})

describe('tools', () => {
  test('have an input_schema, an empty object where they take nothing', () => {
    expect(bodyOf({ tools: [weather, clock] }).tools).toEqual([
      { name: 'weather', description: 'Tells it.', input_schema: parameters },
      { name: 'clock', input_schema: { type: 'object', properties: {} } },
    ])
  })

  test.each([[{}], [{ type: 'string' }], [{ type: ['object', 'null'] }]])(
    'have an object for a schema, also where %j was given',
    (given) => {
      const tools = [{ type: 'function', function: { name: 'f', parameters: given } }]
      expect(bodyOf({ tools }).tools).toMatchObject([{ input_schema: { type: 'object' } }])
    },
  )

  test('are strict where they were and the model knows how', () => {
    const tools = [{ type: 'function', function: { ...weather.function, strict: true } }]
    expect(bodyOf({ tools }).tools).toMatchObject([{ strict: true, input_schema: { additionalProperties: false } }])
    expect(bodyOf({ tools }, { jsonSchema: false }).tools).toEqual([
      { name: 'weather', description: 'Tells it.', input_schema: parameters },
    ])
  })

  test('keep their cache marks', () => {
    const tools = [{ ...weather, cache_control: { type: 'ephemeral' } }]
    expect(bodyOf({ tools }).tools).toMatchObject([{ cache_control: { type: 'ephemeral' } }])
  })

  test('of free text take it as their only input', () => {
    const custom = { type: 'custom', custom: { name: 'c' } }
    expect(bodyOf({ tools: [weather, custom] }).tools).toMatchObject([
      { name: 'weather' },
      { name: 'c', input_schema: { properties: { input: { type: 'string' } }, required: ['input'] } },
    ])
  })

  test.each<[string, Json, Json | undefined]>([
    ['nothing', {}, undefined],
    ['auto', { tool_choice: 'auto' }, { type: 'auto' }],
    ['none', { tool_choice: 'none' }, { type: 'none' }],
    ['required', { tool_choice: 'required' }, { type: 'any' }],
    ['a name', { tool_choice: named }, { type: 'tool', name: 'weather' }],
    ['one at a time', { parallel_tool_calls: false }, { type: 'auto', disable_parallel_tool_use: true }],
    [
      'required, one at a time',
      { tool_choice: 'required', parallel_tool_calls: false },
      { type: 'any', disable_parallel_tool_use: true },
    ],
    ['none, one at a time', { tool_choice: 'none', parallel_tool_calls: false }, { type: 'none' }],
    ['several at a time', { parallel_tool_calls: true }, undefined],
  ])('are chosen by %s', (_, fields, expected) => {
    const body = bodyOf({ tools: [weather, clock], ...fields })
    expect(body.tool_choice).toEqual(expected)
    expect(body.tools).toHaveLength(2)
  })

  test('that are not there need no choice', () => {
    for (const tools of [undefined, null, []]) {
      const body = bodyOf({ tools, tool_choice: 'required', parallel_tool_calls: false })
      expect(body).not.toHaveProperty('tools')
      expect(body).not.toHaveProperty('tool_choice')
    }
  })

  test('that the conversation has called are declared where the client offers none, and none is called again', () => {
    const call = (id: string, name: string) => ({ id, type: 'function', function: { name, arguments: '{}' } })
    const tool_calls = [call('a', 'weather'), call('b', 'clock'), call('c', 'weather')]
    const results = tool_calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: 'r' }))
    const question = { role: 'user', content: 'Hello!' }
    const messages = [question, { role: 'assistant', content: null, tool_calls }, ...results]
    for (const fields of [{ messages }, { messages, tools: [] }, { messages, tool_choice: 'auto' }]) {
      const body = bodyOf(fields)
      expect(body.tools).toEqual([
        { name: 'weather', input_schema: { type: 'object', properties: {} } },
        { name: 'clock', input_schema: { type: 'object', properties: {} } },
      ])
      expect(body.tool_choice).toEqual({ type: 'none' })
    }
    const response_format = { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' } } }
    const { tools, tool_choice } = bodyOf({ messages, response_format }, { jsonSchema: false })
    expect(tools).toMatchObject([{ name: 'weather' }, { name: 'clock' }, { name: 'json' }])
    expect(tool_choice).toMatchObject({ type: 'tool', name: 'json' })
    expect(bodyOf({ messages, tools: [weather] }).tools).toMatchObject([{ name: 'weather' }])
  })

  test.each(['auto', 'required'])('that are not allowed are left out (%s)', (mode) => {
    const allowed = { type: 'allowed_tools', allowed_tools: { mode, tools: [named] } }
    expect(bodyOf({ tools: [weather, clock], tool_choice: allowed })).toMatchObject({
      tools: [{ name: 'weather' }],
      tool_choice: { type: mode === 'auto' ? 'auto' : 'any' },
    })
  })

  test('of which none is allowed are refused: the choice names nothing that there is', () => {
    const tools = [{ type: 'function', function: { name: 'other' } }]
    const allowed = { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools } }
    expect(refusal(() => ask({ tools: [weather], tool_choice: allowed }))).toEqual({
      code: 'invalid_value',
      param: 'tool_choice',
    })
  })

  test.each([['required'], [named]])(
    'cannot be forced on some models (%j): they choose, and tool_choice is reported as dropped',
    (tool_choice) => {
      const fields = { tools: [weather], tool_choice, parallel_tool_calls: false }
      const { body, dropped } = ask(fields, { noForcedTool: true })
      expect(body.tool_choice).toEqual({ type: 'auto', disable_parallel_tool_use: true })
      expect(dropped).toEqual(['tool_choice'])
    },
  )

  test.each(['auto', 'none'])('are chosen by %s as ever on a model that cannot be forced', (tool_choice) => {
    const { body, dropped } = ask({ tools: [weather], tool_choice }, { noForcedTool: true })
    expect(body.tool_choice).toEqual({ type: tool_choice })
    expect(dropped).toEqual([])
  })
})

describe('cache marks', () => {
  const mark = { cache_control: { type: 'ephemeral' } }
  const markedText = (text: string) => ({ type: 'text', text, ...mark })
  const marked = (body: Json) => [...JSON.stringify(body).matchAll(/"(\w+)","cache_control"/g)].map(([, name]) => name)
  const messages = [
    { role: 'system', content: [markedText('one')] },
    { role: 'user', content: [markedText('two'), markedText('three')] },
    { role: 'assistant', content: [markedText('four')] },
    { role: 'user', content: [markedText('five')] },
  ]

  test('are four at most, the last ones', () => {
    const body = bodyOf({ tools: [{ ...weather, ...mark }], messages })
    expect(marked(body)).toEqual(['two', 'three', 'four', 'five'])
    expect(body).toMatchObject({ system: [{ text: 'one' }], tools: [{ name: 'weather' }] })
    expect(JSON.stringify([body.system, body.tools])).not.toContain('cache_control')
  })

  test('are all kept where they are four', () => {
    expect(marked(bodyOf({ messages: messages.slice(0, 3) }))).toHaveLength(4)
    expect(marked(bodyOf({ messages: messages.slice(1) }))).toHaveLength(4)
  })

  test('are three beside one for the whole request', () => {
    const body = bodyOf({ messages, ...mark })
    expect(body.cache_control).toEqual({ type: 'ephemeral' })
    expect(marked({ ...body, cache_control: undefined })).toEqual(['three', 'four', 'five'])
  })

  test('within the results of tools count like the others', () => {
    const call = { id: 'a', type: 'function', function: { name: 'clock', arguments: '{}' } }
    const round = [
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'a', content: [markedText('six'), markedText('seven')] },
    ]
    expect(marked(bodyOf({ messages: [...messages, ...round] }))).toEqual(['four', 'five', 'six', 'seven'])
  })
})

describe('structured output', () => {
  test('is native where the model has it, its schema closed', () => {
    expect(bodyOf({ response_format: format })).toMatchObject({
      output_config: { format: { type: 'json_schema', schema: { ...parameters, additionalProperties: false } } },
    })
  })

  test('is a forced tool on older models', () => {
    const body = bodyOf({ response_format: format }, { jsonSchema: false })
    expect(body.tools).toMatchObject([{ name: 'json', input_schema: parameters }])
    expect(body.tool_choice).toEqual({ type: 'tool', name: 'json', disable_parallel_tool_use: true })
  })

  test('is one tool of several beside the tools of the caller', () => {
    const body = bodyOf({ response_format: format, tools: [weather] }, { jsonSchema: false })
    expect((body.tools as Json[]).map(({ name }) => name)).toEqual(['weather', 'json'])
    expect(body.tool_choice).toMatchObject({ type: 'any' })
  })

  test('is the only tool where the caller forbids their own', () => {
    const fields = { response_format: format, tools: [weather], tool_choice: 'none' }
    expect(bodyOf(fields, { jsonSchema: false }).tool_choice).toMatchObject({ type: 'tool', name: 'json' })
  })

  test('beside tools still calls them one at a time where so asked', () => {
    const fields = { response_format: format, tools: [weather], parallel_tool_calls: false }
    expect(bodyOf(fields, { jsonSchema: false }).tool_choice).toEqual({ type: 'any', disable_parallel_tool_use: true })
  })

  test("does not share its name with a caller's tool", () => {
    const tools = [{ type: 'function', function: { name: 'json' } }]
    const names = (bodyOf({ response_format: format, tools }, { jsonSchema: false }).tools as Json[]).map(
      ({ name }) => name,
    )
    expect(new Set(names).size).toBe(2)
  })

  test('without a schema is asked for in words', () => {
    expect(bodyOf({ response_format: { type: 'json_object' } }).system).toMatch(/JSON/)
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'a' },
    ]
    expect(bodyOf({ messages, response_format: { type: 'json_object' } }).system).toMatch(/^Be brief\.\n.*JSON/)
  })
})

describe('reasoning', () => {
  test.each([
    ['minimal', 'low'],
    ['low', 'low'],
    ['medium', 'medium'],
    ['high', 'high'],
    ['xhigh', 'max'],
    ['max', 'max'],
  ])('of an adaptive model: %s is effort %s', (reasoning_effort, effort) => {
    expect(bodyOf({ reasoning_effort }, ADAPTIVE)).toMatchObject({
      thinking: { type: 'adaptive' },
      output_config: { effort },
    })
  })

  test('of the newest models has xhigh by its name, and its text is asked for', () => {
    expect(bodyOf({ reasoning_effort: 'xhigh' }, NEWEST)).toMatchObject({
      thinking: { type: 'adaptive', display: 'summarized' },
      output_config: { effort: 'xhigh' },
    })
  })

  test.each([
    ['minimal', 1024],
    ['low', 2048],
    ['high', 16_384],
    ['xhigh', 32_768],
  ])('of an older model: %s is %i tokens', (reasoning_effort, budget_tokens) => {
    expect(bodyOf({ reasoning_effort }, BUDGETED).thinking).toEqual({ type: 'enabled', budget_tokens })
  })

  test('comes on top of the answer that was asked for', () => {
    const { thinking, max_tokens } = bodyOf({ reasoning_effort: 'high', max_tokens: 500 }, BUDGETED)
    expect(thinking).toEqual({ type: 'enabled', budget_tokens: 16_384 })
    expect(max_tokens).toBe(16_884)
  })

  test('stays below max_tokens where the model can write no more', () => {
    const { thinking, max_tokens } = bodyOf(
      { reasoning_effort: 'high', max_tokens: 6000 },
      { ...BUDGETED, outputTokens: 8192 },
    )
    expect(max_tokens).toBe(8192)
    expect((thinking as Json).budget_tokens).toBe(2192)
  })

  test('is dropped, and told, where no room is left for it', () => {
    const { body, dropped } = ask({ reasoning_effort: 'high', max_tokens: 1024 }, { ...BUDGETED, outputTokens: 1024 })
    expect(body).not.toHaveProperty('thinking')
    expect(dropped).toContain('reasoning_effort')
  })

  test('none is switched off', () => {
    expect(bodyOf({ reasoning_effort: 'none' }, BUDGETED).thinking).toEqual({ type: 'disabled' })
  })

  test('that is switched off has no effort, of which some models then take no more than high', () => {
    const body = bodyOf({ reasoning_effort: 'none' }, { ...NEWEST, toggle: true })
    expect(body.thinking).toEqual({ type: 'disabled' })
    expect(body).not.toHaveProperty('output_config')
  })

  test('takes sampling away, which is told', () => {
    const { body, dropped } = ask({ reasoning_effort: 'low', temperature: 1, top_p: 0.9, top_k: 5 }, BUDGETED)
    for (const name of ['temperature', 'top_p', 'top_k']) expect(body).not.toHaveProperty(name)
    expect([...dropped].sort()).toEqual(['temperature', 'top_k', 'top_p'])
  })

  test('by budget gives way to a tool that is forced', () => {
    const { body, dropped } = ask({ reasoning_effort: 'low', tools: [weather], tool_choice: 'required' }, BUDGETED)
    expect(body).not.toHaveProperty('thinking')
    expect(body.tool_choice).toEqual({ type: 'any' })
    expect(dropped).toContain('reasoning_effort')
  })

  test('that adapts goes with a tool that is forced', () => {
    expect(bodyOf({ reasoning_effort: 'low', tools: [weather], tool_choice: named }, ADAPTIVE)).toMatchObject({
      thinking: { type: 'adaptive' },
      tool_choice: { type: 'tool', name: 'weather' },
    })
  })

  test('is dropped, and told, on a model that does not reason', () => {
    const { body, dropped } = ask({ reasoning_effort: 'low' })
    expect(body).not.toHaveProperty('thinking')
    expect(dropped).toEqual(['reasoning_effort'])
  })

  test("in Anthropic's own words is handed on", () => {
    const thinking = { type: 'enabled', budget_tokens: 2000 }
    expect(bodyOf({ thinking, temperature: 1 }, BUDGETED)).toMatchObject({ thinking })
    expect(bodyOf({ thinking, temperature: 1 }, BUDGETED)).not.toHaveProperty('temperature')
  })
})
