import { describe, expect, test } from 'vitest'
import { Failure } from '../../../src/chat/failure.ts'
import { readResponsesRequest } from '../../../src/formats/openai-responses/read-request.ts'
import { readToolNames } from '../../../src/formats/openai-responses/read-request-tools.ts'
import { createSealer } from '../../../src/gateway/sealer.ts'

const sealer = await createSealer('sk-r9k-tests')
const others = await createSealer('sk-r9k-others')

const read = (body: object) =>
  readResponsesRequest({ model: 'm', input: 'Hi', ...body }, { header: () => null, sealer })

/** The field and the sentence of the failure. */
function refusal(body: object): unknown[] {
  try {
    read(body)
    return []
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return [error.details.param, error.message]
  }
}

const weather = { type: 'function', name: 'weather', parameters: { type: 'object' } }
const patch = {
  type: 'custom',
  name: 'apply_patch',
  description: 'Edits files.',
  format: { type: 'grammar', syntax: 'lark', definition: 'start: "x"' },
}

describe('a fault is named by its path in this API', () => {
  test.each([
    [{ model: undefined }, 'model'],
    [{ input: undefined }, 'input'],
    [{ input: 5 }, 'input'],
    [{ input: [{ role: 'user', content: [{ type: 'input_text', text: 5 }] }] }, 'input[0].content[0].text'],
    [{ input: [{ role: 'user', content: [{ type: 'input_image' }] }] }, 'input[0].content[0].image_url'],
    [{ input: [{ role: 'tool', content: 'x' }] }, 'input[0].role'],
    [{ input: [{}] }, 'input[0].type'],
    [{ input: ['x'] }, 'input[0]'],
    [{ input: [{ type: 'function_call', call_id: 'c', name: 'f' }] }, 'input[0].arguments'],
    [{ input: [{ type: 'function_call_output', call_id: 'c', output: [{ text: 'x' }] }] }, 'input[0].output[0].type'],
    [{ input: [{ type: 'item_reference', id: 'msg_1' }] }, 'input[0].id'],
    [{ input: [{ type: 'reasoning', summary: [{ type: 'summary_text' }] }] }, 'input[0].summary[0].text'],
    [{ tools: [{ type: 'function' }] }, 'tools[0].name'],
    [{ tools: [{ type: 'namespace', name: 'n', tools: [{ type: 'function', name: 5 }] }] }, 'tools[0].tools[0].name'],
    [{ tool_choice: 'some' }, 'tool_choice'],
    [{ tool_choice: { type: 'function' } }, 'tool_choice.name'],
    [{ text: { format: { type: 'json_schema', name: 'n' } } }, 'text.format.schema'],
    [{ reasoning: { effort: 'huge' } }, 'reasoning.effort'],
    [{ max_output_tokens: 0 }, 'max_output_tokens'],
    [{ temperature: 3 }, 'temperature'],
    [{ background: true }, 'background'],
    [{ conversation: 'conv_1' }, 'conversation'],
    [{ prompt: { id: 'p' } }, 'prompt'],
    [{ input: [] }, 'input'],
  ])('%j', (body, param) => {
    const [named, message] = refusal(body)
    expect(named).toBe(param)
    expect(message).toContain(`'${param}'`)
  })
})

test('a prototype is no type of an item', () => {
  expect(refusal({ input: [{ type: 'constructor' }, { role: 'user', content: 'x' }] })).toEqual([])
})

test('what the assistant said in a row becomes one message, and parallel calls stay together', () => {
  const { chat } = read({
    instructions: 'Be brief.',
    input: [
      { role: 'developer', content: [{ type: 'input_text', text: 'Rules' }] },
      { type: 'message', role: 'user', content: 'Hi' },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'I look.' }] },
      { type: 'function_call', call_id: 'c1', name: 'weather', arguments: '{"a":1}' },
      { type: 'function_call', call_id: 'c2', name: 'weather', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c1', output: 'sun' },
      {
        type: 'function_call_output',
        call_id: 'c2',
        output: [{ type: 'input_image', image_url: 'https://x.test/a.png', detail: 'low' }],
      },
      { role: 'assistant', content: 'Sunny' },
    ],
  })
  const call = (id: string, args: string) => ({ id, type: 'function', function: { name: 'weather', arguments: args } })
  expect(chat.messages).toEqual([
    { role: 'system', content: 'Be brief.' },
    { role: 'developer', content: 'Rules' },
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'I look.', tool_calls: [call('c1', '{"a":1}'), call('c2', '{}')] },
    { role: 'tool', tool_call_id: 'c1', content: 'sun' },
    {
      role: 'tool',
      tool_call_id: 'c2',
      content: [{ type: 'image_url', image_url: { url: 'https://x.test/a.png', detail: 'low' } }],
    },
    { role: 'assistant', content: 'Sunny' },
  ])
})

test('parameters get their names in a chat, and what is about keeping answers stays here', () => {
  const { chat, source } = read({
    max_output_tokens: 50,
    reasoning: { effort: 'low', summary: 'auto' },
    text: { format: { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: true }, verbosity: 'low' },
    include: ['message.output_text.logprobs'],
    top_logprobs: 2,
    prompt_cache_key: 'k',
    metadata: { a: 'b' },
    store: true,
    truncation: 'auto',
    max_tool_calls: 3,
    client_metadata: {},
    nothing: null,
  })
  expect(chat).toEqual({
    model: 'm',
    messages: [{ role: 'user', content: 'Hi' }],
    max_completion_tokens: 50,
    reasoning_effort: 'low',
    verbosity: 'low',
    response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' }, strict: true } },
    logprobs: true,
    top_logprobs: 2,
    prompt_cache_key: 'k',
  })
  expect(source?.dropped).toEqual(['client_metadata', 'truncation', 'max_tool_calls'])
})

describe('tools', () => {
  test('a custom tool is a function with one text, which names its grammar', () => {
    const { chat } = read({
      tools: [patch],
      tool_choice: { type: 'custom', name: 'apply_patch' },
      input: [
        { type: 'custom_tool_call', call_id: 'c', name: 'apply_patch', input: 'a "b"' },
        { type: 'custom_tool_call_output', call_id: 'c', output: 'done' },
      ],
    })
    expect(chat.tools?.[0]?.function?.description).toMatch(/^Edits files\.[\s\S]*\(lark\):\nstart: "x"$/)
    expect(chat.tool_choice).toEqual({ type: 'function', function: { name: 'apply_patch' } })
    expect(chat.messages[0]?.tool_calls?.[0]?.function?.arguments).toBe('{"input":"a \\"b\\""}')
  })

  test('a namespace becomes part of the name, wherever the tool is named', () => {
    const long = 'n'.repeat(70)
    const { chat } = read({
      tools: [weather, { type: 'namespace', name: 'mcp', tools: [weather, { ...weather, name: long }, patch] }],
      tool_choice: {
        type: 'allowed_tools',
        mode: 'auto',
        tools: [{ type: 'function', name: 'weather', namespace: 'mcp' }],
      },
      input: [
        { type: 'function_call', call_id: 'c', namespace: 'mcp', name: 'weather', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c', output: 'sun' },
      ],
    })
    const names = chat.tools?.map((tool) => tool.function?.name) ?? []
    expect(names).toEqual(['weather', 'mcp__weather', expect.stringMatching(/^[\w-]{64}$/), 'mcp__apply_patch'])
    expect(chat.tool_choice).toMatchObject({ allowed_tools: { tools: [{ function: { name: 'mcp__weather' } }] } })
    expect(chat.messages[0]?.tool_calls?.[0]?.function?.name).toBe('mcp__weather')
  })

  test('two tools whose names become the same are told apart', () => {
    const tools = [
      { type: 'function', name: 'a__b' },
      { type: 'namespace', name: 'a', tools: [{ type: 'function', name: 'b' }] },
    ]
    const names = readToolNames({ tools })
    expect(names.toChat('a__b')).toBe('a__b')
    expect(names.toChat('b', 'a')).not.toBe('a__b')
    expect(names.toClient(names.toChat('b', 'a'))).toEqual({ name: 'b', namespace: 'a', kind: 'function' })
  })

  test("a search of the client's is a function, and what it finds is offered", () => {
    const { chat, source } = read({
      tools: [weather, { type: 'tool_search', execution: 'client', parameters: { type: 'object' } }],
      input: [
        { role: 'user', content: 'x' },
        { type: 'tool_search_call', call_id: 'c', execution: 'client', arguments: { query: 'q' } },
        { type: 'tool_search_output', call_id: 'c', execution: 'client', tools: [{ type: 'function', name: 'found' }] },
        { type: 'additional_tools', role: 'developer', tools: [{ type: 'function', name: 'more' }, weather] },
      ],
    })
    expect(chat.tools?.map((tool) => tool.function?.name)).toEqual(['weather', 'tool_search', 'found', 'more'])
    expect(chat.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool'])
    expect(chat.messages[1]?.tool_calls?.[0]?.function).toEqual({ name: 'tool_search', arguments: '{"query":"q"}' })
    expect(source?.requires).toBeUndefined()
  })

  test.each([
    ['the only tool', { tools: [{ type: 'web_search', external_web_access: true }] }, {}, []],
    [
      'forced',
      { tools: [weather, { type: 'web_search_preview' }], tool_choice: { type: 'web_search_preview' } },
      {},
      [],
    ],
  ])('a web search that is %s is what the request is for', (_, body, options, dropped) => {
    const { chat, source } = read(body)
    expect(chat.web_search_options).toEqual(options)
    expect(source?.dropped).toEqual(dropped)
    expect(source?.requires).toBeUndefined()
    expect(source?.offersSearch).toBeUndefined()
    expect(source?.requiresSearch?.message).toContain('web_search')
  })

  test('a web search beside other tools is an offer, unless it is kept to some pages, or a function has its name', () => {
    const search = { type: 'web_search', search_context_size: 'low' }
    const offered = (...tools: object[]) => read({ tools }).source
    expect(offered(weather, { ...search, external_web_access: true, filters: null })).toMatchObject({
      dropped: [],
      offersSearch: { web_search_options: { search_context_size: 'low' }, path: 'tools[1]' },
    })
    for (const tools of [
      [weather, { ...search, external_web_access: false }],
      [weather, { ...search, filters: { allowed_domains: ['a.example'] } }],
      [{ ...weather, name: 'web_search' }, search],
    ]) {
      const source = offered(...tools)
      expect(source?.dropped).toEqual(['tools[1]'])
      expect(source?.offersSearch).toBeUndefined()
      expect(source?.requiresSearch).toBeUndefined()
    }
    const { requires } = offered({ ...search, external_web_access: false }) ?? {}
    expect(requires).toMatchObject({ kind: 'model-not-capable', details: { param: 'tools[0].type' } })
  })

  test.each([
    [{ tools: [weather, { type: 'file_search' }] }, 'tools[1].type', 'file_search'],
    [{ input: [{ type: 'computer_call_output', call_id: 'c' }] }, 'input[0].type', 'computer_call_output'],
    [
      { input: [{ role: 'user', content: [{ type: 'input_image', file_id: 'f' }] }] },
      'input[0].content[0].type',
      'images by their id',
    ],
  ])('what only this format has is for its deployments: %j', (body, param, named) => {
    const { requires } = read(body).source ?? {}
    expect(requires).toMatchObject({ kind: 'model-not-capable', details: { param } })
    expect(requires?.message).toContain(named)
  })
})

describe('what a provider wants back', () => {
  const kept = {
    reasoning_content: true,
    reasoning_details: [{ type: 'reasoning.text', text: 'Hm', signature: 's' }],
    calls: { c: { google: { thought_signature: 'g' } } },
  }
  const sealed = { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Hm' }] }
  const call = { type: 'function_call', call_id: 'c', name: 'weather', arguments: '{}' }

  test('is restored where Router9 sealed it, and does not go to a provider', () => {
    const reasoning = { ...sealed, encrypted_content: sealer.seal(kept) }
    const { chat, source } = read({ input: [{ role: 'user', content: 'x' }, reasoning, call] })
    expect(chat.messages[1]).toMatchObject({
      reasoning_content: 'Hm',
      reasoning_details: kept.reasoning_details,
      tool_calls: [{ extra_content: kept.calls.c }],
    })
    expect(source?.body.input).toEqual([{ role: 'user', content: 'x' }, call])
    expect(JSON.stringify(source?.body)).not.toContain('r9s1.')
  })

  test('is OpenAI’s own where OpenAI encrypted it', () => {
    const input = [{ type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAAA' }, call]
    const { chat, source } = read({ input })
    expect(chat.messages[0]?.reasoning_details).toEqual([
      { type: 'reasoning.encrypted', data: 'gAAAA', id: 'rs_1', format: 'openai-responses-v1' },
    ])
    expect(source?.body.input).toBe(input)
  })

  test('does not go to OpenAI where a client has lost it, since OpenAI does not know the item', () => {
    const lost = { ...sealed, id: `rs_${'a'.repeat(28)}o0`, content: [{ type: 'reasoning_text', text: 'Hm' }] }
    const theirs = { ...sealed, id: `rs_${'a'.repeat(50)}` }
    const { chat, source } = read({ input: [theirs, lost, call] })
    expect(chat.messages[0]?.reasoning_content).toBe('Hm')
    expect(source?.body.input).toEqual([theirs, call])
  })

  test.each([
    ['of another key', others.seal(kept)],
    ['that was changed', `${sealer.seal(kept).slice(0, -4)}AAAA`],
    ['that is something else', sealer.seal('else')],
  ])('is refused where it is a text %s', (_, text) => {
    const [param] = refusal({ input: [{ ...sealed, encrypted_content: text }, call] })
    expect(param).toBe('input[0].encrypted_content')
  })
})

test('a field of the chat that a provider refuses is told in the words of this API', () => {
  const { pathOf } = read({
    instructions: 'x',
    tools: [{ type: 'namespace', name: 'n', tools: [weather] }, weather],
    input: [
      { type: 'reasoning', summary: [] },
      { type: 'function_call', call_id: 'c', name: 'weather', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c', output: [{ type: 'input_file', file_data: 'data:x' }] },
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'a' },
          { type: 'input_image', image_url: 'data:x' },
        ],
      },
    ],
  })
  const paths = {
    'messages[0].content': 'instructions',
    'messages[1].tool_calls[0].function.arguments': 'input[0]',
    'messages[2].content[0].file.file_data': 'input[2].output[0].file_data',
    'messages[3].content[1].image_url.url': 'input[3].content[1].image_url',
    'tools[0].function.parameters': 'tools[0].tools[0].parameters',
    'tools[1]': 'tools[1]',
    'tools[1].type': 'tools[1].type',
    max_completion_tokens: 'max_output_tokens',
    'response_format.json_schema': 'text.format',
    temperature: 'temperature',
  }
  expect(Object.fromEntries(Object.keys(paths).map((path) => [path, pathOf?.(path)]))).toEqual(paths)
})

test('a picture that a model made stands in a message of the user, where every model can see it', () => {
  const made = (result: unknown) => ({ type: 'image_generation_call', id: 'ig_1', status: 'completed', result })
  const input = [{ role: 'user', content: 'Draw.' }, made('/9j/x'), made(null), made('iVBOR')]
  const { chat, source } = read({ input })
  const picture = (url: string) => ({ role: 'user', content: [{ type: 'image_url', image_url: { url } }] })
  expect(chat.messages.slice(1)).toEqual([
    picture('data:image/jpeg;base64,/9j/x'),
    picture('data:image/png;base64,iVBOR'),
  ])
  expect(source?.requires).toBeUndefined()
})

test('what a search has here alone is told as left out', () => {
  const search = { type: 'web_search', search_context_size: 'low', filters: { allowed_domains: ['a.example'] } }
  expect(read({ tools: [search] }).source?.dropped).toEqual(['tools[0].filters'])
})

test('log probabilities may be asked for by `include` alone, and a picture as it is by the most that a chat has', () => {
  const picture = { type: 'input_image', image_url: 'https://x.test/a.png', detail: 'original' }
  const { chat } = read({
    include: ['message.output_text.logprobs'],
    input: [{ role: 'user', content: [picture] }],
  })
  expect(chat.logprobs).toBe(true)
  expect(chat.messages[0]?.content).toMatchObject([{ image_url: { detail: 'high' } }])
  expect(read({ include: ['reasoning.encrypted_content'] }).chat.logprobs).toBeUndefined()
})

test('no more than 2000 tools may be offered in all namespaces together', () => {
  const space = (name: string, size: number) => ({
    type: 'namespace',
    name,
    tools: Array.from({ length: size }, (_, at) => ({ type: 'function', name: `f${at}` })),
  })
  expect(refusal({ tools: [space('a', 1000), space('b', 1000)] })).toEqual([])
  const [param] = refusal({ tools: [space('a', 1000), space('b', 1000), space('c', 1)] })
  expect(param).toBe('tools')
})

test('too many tools are refused before each is looked at', () => {
  const tools = Array.from({ length: 5 }, () => ({ type: 'namespace', name: 'n', tools: Array(1000).fill({}) }))
  expect(refusal({ tools })).toEqual(['tools', "'tools' must hold at most 2000."])
})

test('a choice of no tool is none for the search too, and one of a tool that is not offered reaches OpenAI alone', () => {
  const none = read({ tools: [{ type: 'web_search' }], tool_choice: 'none' })
  expect([none.chat.web_search_options, none.source?.dropped]).toEqual([undefined, ['tools[0]']])
  const chosen = (name: string, tools: object[] = [weather]) =>
    read({ tools, tool_choice: { type: 'function', name } }).source?.requires?.details.param
  expect([chosen('weather'), chosen('other'), chosen('other', [])]).toEqual([undefined, 'tool_choice', 'tool_choice'])
})
