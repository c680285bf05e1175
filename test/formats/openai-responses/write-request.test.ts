import { describe, expect, test } from 'vitest'
import { Failure } from '../../../src/chat/failure.ts'
import { parseChat } from '../../../src/chat/request.ts'
import { openaiResponses } from '../../../src/formats/openai-responses/provider.ts'
import { ABLE, createAsker, type Json, refusal } from '../asking.ts'

const ask = createAsker(openaiResponses, {})
const REASONING = { reasoning: true, temperature: false, efforts: ['low', 'high'] }

describe('a chat', () => {
  test('goes as items, which nobody stores', () => {
    const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '' } }
    const custom = { id: 'c2', type: 'custom', custom: { name: 'patch', input: 'x' } }
    const image = { type: 'image_url', image_url: { url: 'https://example.com/i.png' } }
    const { body, path } = ask({
      messages: [
        { role: 'developer', content: 'Be short.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Look' },
            image,
            { type: 'file', file: { file_data: 'data:application/pdf;base64,AA==', filename: 'a.pdf' } },
            { type: 'file', file: { file_data: 'https://example.com/b.pdf' } },
          ],
        },
        { role: 'assistant', content: 'Well', refusal: 'no', tool_calls: [call, custom] },
        { role: 'tool', tool_call_id: 'c1', content: 'r' },
        { role: 'tool', tool_call_id: 'c2', content: [image] },
      ],
      max_tokens: 1,
    })
    const input_image = { type: 'input_image', image_url: 'https://example.com/i.png', detail: 'auto' }
    expect(path).toBe('/responses')
    expect(body).toEqual({
      model: 'theirs',
      store: false,
      max_output_tokens: 16,
      input: [
        { role: 'developer', content: 'Be short.' },
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'Look' },
            input_image,
            { type: 'input_file', file_data: 'data:application/pdf;base64,AA==', filename: 'a.pdf' },
            { type: 'input_file', file_url: 'https://example.com/b.pdf' },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'output_text', text: 'Well' },
            { type: 'refusal', refusal: 'no' },
          ],
        },
        { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' },
        { type: 'custom_tool_call', call_id: 'c2', name: 'patch', input: 'x' },
        { type: 'function_call_output', call_id: 'c1', output: 'r' },
        { type: 'custom_tool_call_output', call_id: 'c2', output: [input_image] },
      ],
    })
  })

  test('brings back the reasoning that this provider encrypted, each before what followed it', () => {
    const detail = (index: number, further: Json = {}) => ({
      type: 'reasoning.encrypted',
      data: `e${index}`,
      id: `rs_${index}`,
      format: 'openai-responses-v1',
      index,
      ...further,
    })
    const summary = { type: 'reasoning.summary', summary: 'Hm', id: 'rs_0', format: 'openai-responses-v1', index: 0 }
    const call = (id: string) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } })
    const assistant = {
      role: 'assistant',
      content: 'Well',
      tool_calls: [call('a'), call('b')],
      reasoning_details: [detail(2), summary, detail(0), detail(9, { format: 'other' }), { type: 'reasoning.text' }],
    }
    const { body } = ask({ messages: [{ role: 'user', content: 'Go' }, assistant] }, REASONING)
    expect((body.input as Json[]).slice(1).map((item) => item.encrypted_content ?? item.call_id ?? item.role)).toEqual([
      'e0',
      'assistant',
      'e2',
      'a',
      'b',
    ])
    expect((body.input as Json[])[1]).toEqual({
      type: 'reasoning',
      summary: [{ type: 'summary_text', text: 'Hm' }],
      encrypted_content: 'e0',
    })
    expect(body.include).toEqual(['reasoning.encrypted_content'])
  })

  test('asks for effort in the model’s own levels, and for a summary where reasoning is to be shown', () => {
    expect(ask({ reasoning_effort: 'minimal' }, REASONING).body.reasoning).toEqual({ effort: 'low' })
    expect(ask({ reasoning: { effort: 'high' } }, REASONING).body.reasoning).toEqual({
      effort: 'high',
      summary: 'auto',
    })
    expect(ask({ reasoning: { effort: 'high', exclude: true } }, REASONING).body.reasoning).toEqual({ effort: 'high' })
    expect(ask({}, REASONING).body.reasoning).toBeUndefined()
    const { body, dropped } = ask({ temperature: 1, reasoning_effort: 'low' })
    expect([body.temperature, body.reasoning, dropped]).toEqual([1, undefined, ['reasoning_effort']])
    expect(ask({ temperature: 1, top_p: 1 }, REASONING).dropped).toEqual(['temperature', 'top_p'])
  })

  test('has its tools, its choice and its form of text in the words of this API', () => {
    const { body } = ask({
      tools: [
        { type: 'function', function: { name: 'f', description: 'd', strict: true, parameters: { type: 'object' } } },
        { type: 'function', function: { name: 'g' } },
        {
          type: 'custom',
          custom: { name: 'p', format: { type: 'grammar', grammar: { syntax: 'lark', definition: 'start: "a"' } } },
        },
      ],
      tool_choice: {
        type: 'allowed_tools',
        allowed_tools: { mode: 'required', tools: [{ type: 'function', function: { name: 'f' } }] },
      },
      parallel_tool_calls: false,
      web_search_options: {
        search_context_size: 'low',
        user_location: { type: 'approximate', approximate: { city: 'C' } },
      },
      response_format: { type: 'json_schema', json_schema: { name: 'n', strict: true, schema: { type: 'object' } } },
      verbosity: 'low',
      logprobs: true,
      top_logprobs: 2,
      user: 'u',
    })
    expect(body).toMatchObject({
      tools: [
        { type: 'function', name: 'f', description: 'd', strict: true, parameters: { type: 'object' } },
        { type: 'function', name: 'g', strict: false, parameters: { type: 'object', properties: {} } },
        { type: 'custom', name: 'p', format: { type: 'grammar', syntax: 'lark', definition: 'start: "a"' } },
        { type: 'web_search', search_context_size: 'low', user_location: { type: 'approximate', city: 'C' } },
      ],
      tool_choice: { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'f' }] },
      parallel_tool_calls: false,
      text: {
        format: { type: 'json_schema', name: 'n', strict: true, schema: { type: 'object' } },
        verbosity: 'low',
      },
      include: ['message.output_text.logprobs'],
      top_logprobs: 2,
      user: 'u',
    })
    const named = ask({
      tools: [{ type: 'custom', custom: { name: 'p' } }],
      tool_choice: { type: 'custom', custom: { name: 'p' } },
    })
    expect(named.body.tool_choice).toEqual({ type: 'custom', name: 'p' })
  })

  test('is refused where an answer would be wrong, and loses what it is right without', () => {
    expect(refusal(() => ask({ stop: ['x'] }))).toEqual({ code: 'unsupported_parameter', param: 'stop' })
    expect(refusal(() => ask({ n: 2 })).param).toBe('n')
    expect(refusal(() => ask({ logprobs: true }, REASONING)).param).toBe('logprobs')
    expect(refusal(() => ask({ tools: [{ type: 'mcp' }] })).param).toBe('tools[0]')
    const sound = { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } }
    expect(refusal(() => ask({ messages: [{ role: 'user', content: [sound] }] })).param).toBe('messages[0].content[0]')
    expect(ask({ seed: 1, top_k: 1, stop: [] }).dropped).toEqual(['seed', 'top_k'])
  })

  test('searches where a model answers only so', () => {
    const asked = ask({}, {}, { quirk: { searchingModels: /^theirs$/ } })
    expect(asked.body.tools).toEqual([{ type: 'web_search_preview' }])
  })
})

test('reasoning that this account cannot read is left out of a second request', () => {
  const encrypted = { type: 'reasoning.encrypted', data: 'e', format: 'openai-responses-v1' }
  const assistant = { role: 'assistant', content: 'Well', reasoning_details: [encrypted] }
  const user = { role: 'user', content: 'Go' }
  const refused = (code: string) => new Failure('rejected', 'No.', { code, upstreamStatus: 400 })
  const { body, prepared } = ask({ messages: [user, assistant, user] }, REASONING)
  const second = prepared.requestAfter?.(refused('invalid_encrypted_content'))
  const input = (body.input as Json[]).filter(({ type }) => type !== 'reasoning')
  expect(input).toHaveLength(3)
  expect(JSON.parse(second?.body ?? '')).toEqual({ ...body, input })
  expect(prepared.requestAfter?.(refused('invalid_value'))).toBeUndefined()
  expect(ask({}).prepared.requestAfter?.(refused('invalid_encrypted_content'))).toBeUndefined()
})

test('a call whose id is too long keeps its result', () => {
  const id = 'c'.repeat(65)
  const call = { id, type: 'function', function: { name: 'f', arguments: '{}' } }
  const { body } = ask({
    messages: [
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: id, content: 'r' },
    ],
  })
  const ids = (body.input as Json[]).map(({ call_id }) => String(call_id))
  expect(new Set(ids).size).toBe(1)
  expect(ids[0]?.length).toBeLessThanOrEqual(64)
})

describe('a request that came in another format', () => {
  const prepare = (source: object) =>
    openaiResponses.prepare({
      chat: parseChat({ model: 'public', messages: [{ role: 'user', content: 'Hi' }], seed: 1 }),
      source: { format: 'anthropic-messages', body: {}, ...source },
      model: 'theirs',
      stream: false,
      quirks: {},
      traits: ABLE,
      newId: () => 'made',
    })

  test('tells what it lost on both ways, and is refused where it needs its own format', () => {
    expect(prepare({ dropped: ['speed'] }).dropped).toEqual(['speed', 'seed'])
    const requires = new Failure('model-not-capable', 'No.')
    expect(() => prepare({ requires })).toThrow(requires)
  })

  test('is counted by its prompt alone', () => {
    const { path, body } = prepare({}).count?.request() ?? {}
    expect(path).toBe('/responses/input_tokens')
    expect(JSON.parse(body ?? '')).toEqual({ model: 'theirs', input: [{ role: 'user', content: 'Hi' }] })
  })
})

describe('a request that came in this format', () => {
  function prepared(body: Json, traits = {}, quirks = {}, sessionKey?: string) {
    const chat = parseChat({ model: 'public', messages: [{ role: 'user', content: 'Hi' }] })
    const source = { format: 'openai-responses', body }
    const call = { chat, source, model: 'theirs', stream: false, quirks, newId: () => 'made', sessionKey }
    return openaiResponses.prepare({ ...call, traits: { ...ABLE, ...traits } })
  }
  const pass = (...asked: Parameters<typeof prepared>) => JSON.parse(prepared(...asked).request.body) as Json

  test('goes as it came, but that its state is ours', () => {
    const sent = { input: 'Hi', tools: [{ type: 'mcp', server_url: 'x' }], anything: { new: 1 }, max_output_tokens: 1 }
    const body = { model: 'public', ...sent, store: true, previous_response_id: 'resp_1', models: ['b'], provider: {} }
    expect(pass(body)).toEqual({ model: 'theirs', ...sent, store: false })
    const item = { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' }
    const part = { type: 'output_text', text: '{}' }
    const parsed = [
      { ...item, parsed_arguments: {} },
      { role: 'assistant', content: [{ ...part, parsed: {} }] },
    ]
    expect(pass({ input: parsed }).input).toEqual([item, { role: 'assistant', content: [part] }])
    expect(pass(sent, {}, { lackedTools: new Set(['custom']) })).toMatchObject(sent)
    // Then the chat goes that was read from it.
    const custom = { input: 'Hi', tools: [{ type: 'custom', name: 'p' }] }
    expect(pass(custom, {}, { lackedTools: new Set(['custom']) })).toEqual({
      model: 'theirs',
      store: false,
      input: [{ role: 'user', content: 'Hi' }],
    })
    expect(pass({ ...sent, include: ['a'] }, REASONING).include).toEqual(['a', 'reasoning.encrypted_content'])
  })

  test('loses the ids that stored reasoning is looked up by where that is not found', () => {
    const call = { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' }
    const result = { type: 'function_call_output', id: 'fco_1', call_id: 'c', output: 'r' }
    const input = [{ type: 'reasoning', id: 'rs_1', summary: [] }, { ...call, id: 'fc_1' }, result]
    const missing = (upstreamStatus: number, message = "Item with id 'rs_1' not found.") =>
      prepared({ input }).requestAfter?.(new Failure('rejected', message, { upstreamStatus }))
    expect(JSON.parse(missing(404)?.body ?? '').input).toEqual([call, result])
    expect([missing(500), missing(404, "The model 'theirs' was not found.")]).toEqual([undefined, undefined])
  })

  test('gets a key for the cache of prompts from its session, unless it has one or names a user', () => {
    expect(pass({ input: 'Hi' }, {}, {}, 'session').prompt_cache_key).toBe('session')
    expect(pass({ input: 'Hi', prompt_cache_key: 'own' }, {}, {}, 'session').prompt_cache_key).toBe('own')
    expect(pass({ input: 'Hi', user: 'u' }, {}, {}, 'session')).not.toHaveProperty('prompt_cache_key')
  })
})
