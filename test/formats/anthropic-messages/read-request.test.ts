import { describe, expect, test } from 'vitest'
import { Failure } from '../../../src/chat/failure.ts'
import { anthropicMessages } from '../../../src/formats/anthropic-messages/client.ts'
import { writeMessagesError } from '../../../src/formats/anthropic-messages/write-error.ts'
import { PLAIN_SEALER } from '../plain-sealer.ts'
import { read } from './messages.ts'

const QUESTION = { role: 'user', content: 'Hi' }
const IMAGE = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBO' } }
const IMAGE_PART = { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBO' } }
const TOOL = { name: 'f', description: 'Does f.', input_schema: { type: 'object', properties: {} } }
const FUNCTION = {
  type: 'function',
  function: { name: 'f', description: 'Does f.', parameters: { type: 'object', properties: {} } },
}

function failureOf(fields: Readonly<Record<string, unknown>>): Failure {
  try {
    read(fields)
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error('it was accepted')
}

/** The messages of the chat that this conversation becomes. */
function chatOf(...messages: object[]) {
  return read({ messages }).chat.messages
}

describe('the conversation', () => {
  test('has the system prompt first, without the line that Claude Code adds for Anthropic', () => {
    const system = [
      { type: 'text', text: 'x-anthropic-billing-header: cc_version=2; cch=1;' },
      { type: 'text', text: 'You are Claude Code.' },
      { type: 'text', text: 'Be brief.' },
    ]
    const { chat, source } = read({ system })
    expect(chat.messages).toEqual([{ role: 'system', content: 'You are Claude Code.\n\nBe brief.' }, QUESTION])
    expect(source?.body.system).toBe(system)
  })

  test('keeps cache marks', () => {
    const cache_control = { type: 'ephemeral' }
    const { chat } = read({
      system: [{ type: 'text', text: 'Long.', cache_control }],
      tools: [{ ...TOOL, cache_control }],
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'Hi', cache_control }] },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: {} }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: 'ok', cache_control }] },
      ],
    })
    expect(chat.messages).toMatchObject([
      { role: 'system', content: [{ type: 'text', text: 'Long.', cache_control }] },
      { role: 'user', content: [{ type: 'text', text: 'Hi', cache_control }] },
      { role: 'assistant' },
      { role: 'tool', content: 'ok', cache_control },
    ])
    expect(chat.tools).toEqual([{ ...FUNCTION, cache_control }])
  })

  test('has results right after their calls, whatever stands around them and in whatever form they come', () => {
    const use = (id: string) => ({ type: 'tool_use', id, name: 'f', input: { city: 'Paris' } })
    const messages = chatOf(
      QUESTION,
      { role: 'assistant', content: [{ type: 'text', text: 'I look.' }, use('a')] },
      { role: 'assistant', content: [use('b'), use('c'), use('d')] },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Go on.' },
          { type: 'tool_result', tool_use_id: 'a', content: '18' },
          { type: 'tool_result', tool_use_id: 'b', content: [{ type: 'text', text: 'See:' }, IMAGE] },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'c' },
          { type: 'tool_result', tool_use_id: 'd', is_error: true, content: 'no such city' },
        ],
      },
    )
    const called = (id: string) => ({ id, type: 'function', function: { name: 'f', arguments: '{"city":"Paris"}' } })
    expect(messages.slice(1)).toEqual([
      { role: 'assistant', content: 'I look.', tool_calls: ['a', 'b', 'c', 'd'].map(called) },
      { role: 'tool', tool_call_id: 'a', content: '18' },
      { role: 'tool', tool_call_id: 'b', content: 'See:' },
      { role: 'tool', tool_call_id: 'c', content: '' },
      { role: 'tool', tool_call_id: 'd', content: 'Error: no such city' },
      { role: 'user', content: [{ type: 'text', text: 'Go on.' }, IMAGE_PART] },
    ])
  })

  test('has pictures, documents and search results in the forms of a chat', () => {
    const content = [
      IMAGE,
      { type: 'image', source: { type: 'url', url: 'https://a.example/b.png' } },
      { type: 'document', title: 'a.pdf', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' } },
      { type: 'document', title: 'Notes', source: { type: 'text', media_type: 'text/plain', data: 'One.' } },
      { type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'Two.' }, IMAGE] } },
      { type: 'search_result', source: 'https://c.example', title: 'C', content: [{ type: 'text', text: 'Three.' }] },
    ]
    expect(chatOf({ role: 'user', content })[0]?.content).toEqual([
      IMAGE_PART,
      { type: 'image_url', image_url: { url: 'https://a.example/b.png' } },
      { type: 'file', file: { file_data: 'data:application/pdf;base64,JVBE', filename: 'a.pdf' } },
      { type: 'text', text: 'Notes\nOne.' },
      { type: 'text', text: 'Two.' },
      IMAGE_PART,
      { type: 'text', text: 'C\nhttps://c.example\nThree.' },
    ])
  })
})

describe('reasoning that comes back', () => {
  const detail = { type: 'reasoning.encrypted', data: 'd', format: 'google-gemini-v1' }
  const google = { google: { thought_signature: 's' } }
  const sealed = PLAIN_SEALER.seal({ reasoning_content: true, reasoning_details: [detail], calls: { a: google } })
  const use = { type: 'tool_use', id: 'a', name: 'f', input: {} }
  const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: 'ok' }] }
  const ours = { type: 'thinking', thinking: 'I look.', signature: sealed }

  test('is opened for its provider, and Anthropic never sees it', () => {
    const { chat, source } = read({ messages: [QUESTION, { role: 'assistant', content: [ours, use] }, result] })
    expect(chat.messages[1]).toMatchObject({
      reasoning_content: 'I look.',
      reasoning_details: [detail],
      tool_calls: [{ id: 'a', extra_content: google }],
    })
    expect(source?.body.messages).toEqual([QUESTION, { role: 'assistant', content: [use] }, result])
  })

  test('is no turn for Anthropic where there is nothing else', () => {
    const messages = [QUESTION, { role: 'assistant', content: [ours] }, QUESTION]
    expect(read({ messages }).source?.body.messages).toEqual([QUESTION, QUESTION])
  })

  test('of Claude’s own keeps its signature on both ways', () => {
    const content = [
      { type: 'thinking', thinking: 'Hm.', signature: 'EqQB' },
      { type: 'redacted_thinking', data: 'Emwx' },
      { type: 'text', text: 'So.' },
    ]
    const body = { messages: [QUESTION, { role: 'assistant', content }, QUESTION] }
    const { chat, source } = read(body)
    expect(chat.messages[1]?.reasoning_content).toBe('Hm.')
    expect(chat.messages[1]?.reasoning_details).toEqual([
      { type: 'reasoning.text', text: 'Hm.', signature: 'EqQB', format: 'anthropic-claude-v1' },
      { type: 'reasoning.encrypted', data: 'Emwx', format: 'anthropic-claude-v1' },
    ])
    expect(source?.body.messages).toBe(body.messages)
  })

  test.each([
    ['signature', { type: 'thinking', thinking: 'I look.', signature: 'ours:{' }],
    ['signature', { type: 'thinking', thinking: 'I look.', signature: 'ours:{"calls":3}' }],
    ['data', { type: 'redacted_thinking', data: 'ours:{' }],
  ])('is refused where its %s was changed', (field, block) => {
    const messages = [QUESTION, { role: 'assistant', content: [{ type: 'text', text: 'Hm.' }, block] }, QUESTION]
    expect(failureOf({ messages })).toMatchObject({
      kind: 'invalid-value',
      details: { param: `messages.1.content.1.${field}` },
    })
  })
})

describe('parameters', () => {
  test.each([
    [{ thinking: { type: 'enabled', budget_tokens: 2048 } }, { reasoning: { max_tokens: 2048 } }, true],
    [{ thinking: { type: 'adaptive' } }, { reasoning: { enabled: true } }, true],
    [{ thinking: { type: 'adaptive' }, output_config: { effort: 'xhigh' } }, { reasoning_effort: 'xhigh' }, true],
    [{ thinking: { type: 'disabled' } }, { reasoning_effort: 'none' }, undefined],
    [{}, {}, undefined],
  ])('%j', (fields, expected, carriesReasoning) => {
    const { chat, carriesReasoning: carries } = read(fields)
    const { reasoning, reasoning_effort } = chat
    expect({
      ...(reasoning === undefined ? {} : { reasoning }),
      ...(reasoning_effort && { reasoning_effort }),
    }).toEqual(expected)
    expect(carries).toBe(carriesReasoning)
  })

  test('mean in a chat what they mean here', () => {
    const schema = {
      type: 'object',
      properties: { a: { type: 'string' } },
      required: ['a'],
      additionalProperties: false,
    }
    const { chat } = read({
      stop_sequences: ['END'],
      metadata: { user_id: 'u' },
      service_tier: 'standard_only',
      output_config: { format: { type: 'json_schema', schema } },
      top_k: -1,
    })
    expect(chat).toMatchObject({
      stop: ['END'],
      user: 'u',
      service_tier: 'default',
      max_tokens: 1000,
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
    })
    expect(chat.top_k).toBeUndefined()
  })

  test('are strict in OpenAI’s sense only where a schema is', () => {
    const item = { type: 'object', properties: { a: { type: 'string' } }, additionalProperties: false }
    const schema = (required: string[]) => ({
      ...{ type: 'object', properties: { list: { type: 'array', items: { ...item, required } } } },
      ...{ required: ['list'], additionalProperties: false },
    })
    const strictness = (input_schema: object) => {
      const format = { type: 'json_schema', schema: input_schema }
      const { chat } = read({ output_config: { format }, tools: [{ name: 'f', strict: true, input_schema }] })
      return [chat.response_format?.json_schema?.strict, chat.tools?.[0]?.function?.strict === true]
    }
    expect(strictness(schema(['a']))).toEqual([true, true])
    expect(strictness(schema([]))).toEqual([false, false])
    expect(strictness({ anyOf: [schema(['a']), { type: 'object' }] })).toEqual([false, false])
  })

  test('leave out a user that other makers would refuse', () => {
    const { chat, source } = read({ metadata: { user_id: JSON.stringify({ device_id: 'd', session_id: 's' }) } })
    expect([chat.user, source?.dropped]).toEqual([undefined, ['metadata']])
  })

  test.each([
    [undefined, ['output_config.effort']],
    [{ type: 'disabled' }, ['output_config.effort']],
    [{ type: 'enabled', budget_tokens: 2000 }, ['output_config.effort']],
    [{ type: 'adaptive' }, []],
  ])('say where an effort is left out: beside thinking %j', (thinking, dropped) => {
    expect(read({ thinking, output_config: { effort: 'high' } }).source?.dropped).toEqual(dropped)
  })

  test('that only Anthropic has are named: dropped where an answer is right without them, required where not', () => {
    const { source } = read({ context_management: { edits: [] }, speed: 'fast', mcp_servers: [{ name: 'm' }] })
    expect(source?.dropped).toEqual(['context_management', 'speed', 'mcp_servers'])
    expect(source?.requires).toMatchObject({ kind: 'model-not-capable', details: { param: 'mcp_servers' } })
    expect(read({ mcp_servers: [] }).source?.requires).toBeUndefined()
    expect(read({ max_tokens: 0 }).source?.requires).toMatchObject({ details: { param: 'max_tokens' } })
    const document = { type: 'document', source: { type: 'text', data: 'One.' }, citations: { enabled: true } }
    const cited = read({ messages: [{ role: 'user', content: [document] }] })
    expect(cited.source?.dropped).toEqual(['citations'])
  })

  test('a thread that the server would hold is refused as the SDKs know it: they send the whole conversation then', () => {
    let failure: unknown
    try {
      read({ thread: { type: 'create' } })
    } catch (error) {
      failure = error
    }
    expect.assert(failure instanceof Failure)
    expect(writeMessagesError(failure, 'req_1')).toMatchObject({
      error: {
        type: 'invalid_request_error',
        details: { error_code: 'thread_unsupported_request', unsupported: ['thread'] },
      },
    })
    expect(() => read({ thread: null })).not.toThrow()
  })
})

describe('tools', () => {
  const search = {
    type: 'web_search_20250305',
    name: 'web_search',
    user_location: { type: 'approximate', city: 'Bern' },
  }
  const searches = { user_location: { type: 'approximate', approximate: { city: 'Bern' } } }

  test('of the client are functions', () => {
    const { chat, source } = read({
      tools: [{ ...TOOL, defer_loading: true, input_examples: [{ a: 1 }] }],
      tool_choice: { type: 'tool', name: 'f', disable_parallel_tool_use: true },
    })
    expect(chat).toMatchObject({
      tools: [{ ...FUNCTION, function: { ...FUNCTION.function, description: 'Does f.\nExamples:\n{"a":1}' } }],
      tool_choice: { type: 'function', function: { name: 'f' } },
      parallel_tool_calls: false,
    })
    expect(source).toMatchObject({ dropped: [] })
  })

  test('have a name in a chat that it takes, wherever they are named', () => {
    const name = 'n'.repeat(100)
    const { chat } = read({
      tools: [{ ...TOOL, name }],
      tool_choice: { type: 'tool', name },
      messages: [QUESTION, { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name, input: {} }] }],
    })
    const inChat = chat.tools?.[0]?.function?.name
    expect(inChat).toMatch(/^[\w-]{64}$/)
    expect(chat.tool_choice).toEqual({ type: 'function', function: { name: inChat } })
    expect(chat.messages[1]?.tool_calls?.[0]?.function?.name).toBe(inChat)
  })

  test.each([
    ['auto', 'auto'],
    ['any', 'required'],
    ['none', 'none'],
  ])('the choice %s is %s', (type, choice) => {
    expect(read({ tools: [TOOL], tool_choice: { type } }).chat.tool_choice).toBe(choice)
  })

  test('a search of the web is another model’s search where it is alone or forced, and dropped beside others', () => {
    const alone = read({ tools: [search] })
    expect(alone.chat).toMatchObject({ web_search_options: searches })
    expect(alone.source?.requiresSearch).toMatchObject({ kind: 'model-not-capable', details: { param: 'tools.0' } })
    const forced = read({ tools: [TOOL, search], tool_choice: { type: 'tool', name: 'web_search' } })
    expect(forced.chat).toMatchObject({ web_search_options: searches, tools: [FUNCTION] })
    expect(forced.chat.tool_choice).toBeUndefined()
    const beside = read({ tools: [TOOL, search] })
    expect(beside.chat.web_search_options).toBeUndefined()
    expect(beside.source?.dropped).toEqual(['tools.web_search'])
    expect(beside.source?.requiresSearch).toBeUndefined()
  })

  test.each(['code_execution_20260120', 'computer_20250124', 'web_fetch_20260209'])(
    '%s is for Anthropic alone',
    (type) => {
      const { source } = read({ tools: [TOOL, { type, name: 'x' }] })
      expect(source?.requires).toMatchObject({ kind: 'model-not-capable', details: { param: 'tools.1' } })
      expect(source?.requires?.message).toContain(type)
    },
  )
})

test.each([
  [{ max_tokens: undefined }, 'max_tokens'],
  [{ model: undefined }, 'model'],
  [{ messages: undefined }, 'messages'],
  [{ messages: [] }, 'messages'],
  [{ messages: [QUESTION, { role: 'tool', content: 'x' }] }, 'messages.1.role'],
  [{ messages: [{ role: 'user' }] }, 'messages.0.content'],
  [{ messages: [{ role: 'user', content: [{ type: 'text' }] }] }, 'messages.0.content.0.text'],
  [{ messages: [{ role: 'user', content: [{ text: 'x' }] }] }, 'messages.0.content.0.type'],
  [
    { messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'base64', data: 'x' } }] }] },
    'messages.0.content.0.source.media_type',
  ],
  [
    { messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'url' } }] }] },
    'messages.0.content.0.source.url',
  ],
  [{ messages: [{ role: 'user', content: Array(10_001).fill({ type: 'text', text: 'x' }) }] }, 'messages.0.content'],
  [
    {
      messages: [
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text', text: 1 }] }] },
      ],
    },
    'messages.0.content.0.content.0.text',
  ],
  [
    { messages: [{ role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f' }] }] },
    'messages.0.content.0.input',
  ],
  [
    { messages: [{ role: 'user', content: [{ type: 'tool_use', id: 'a', name: 'f', input: {} }] }] },
    'messages.0.content.0',
  ],
  [{ system: [{ type: 'text' }] }, 'system.0.text'],
  [{ tools: [TOOL, { name: 'g' }] }, 'tools.1.input_schema'],
  [{ tools: [TOOL], tool_choice: { type: 'tool' } }, 'tool_choice.name'],
  [{ thinking: { type: 'enabled' } }, 'thinking.budget_tokens'],
  [{ stop_sequences: ['a', 2] }, 'stop_sequences.1'],
  [{ output_config: { format: { type: 'json_schema' } } }, 'output_config.format.schema'],
  [{ metadata: { user_id: 7 } }, 'metadata.user_id'],
  [{ provider: { order: ['a', 2] } }, 'provider.order.1'],
])('a fault is named as this API names it: %j', (fields, param) => {
  const failure = failureOf(fields)
  expect(failure.details.param).toBe(param)
  expect(failure.message).toContain(`'${param}'`)
})

describe('an error', () => {
  test.each([
    ['invalid-value', 400, 'invalid_request_error'],
    ['invalid-key', 401, 'authentication_error'],
    ['model-not-allowed', 403, 'permission_error'],
    ['unknown-model', 404, 'not_found_error'],
    ['body-too-large', 413, 'request_too_large'],
    ['rate-limited', 429, 'rate_limit_error'],
    ['internal', 500, 'api_error'],
    ['provider-failed', 502, 'api_error'],
    ['overloaded', 529, 'overloaded_error'],
    ['provider-timeout', 504, 'timeout_error'],
  ] as const)('%s is %i %s', (kind, status, type) => {
    const failure = new Failure(kind, 'Why.')
    expect(anthropicMessages.statusOf?.(failure)).toBe(status)
    expect(anthropicMessages.writeError(failure, 'req_9')).toEqual({
      type: 'error',
      error: { type, message: 'Why.' },
      request_id: 'req_9',
    })
  })

  test('names fields of the chat in the words of this API', () => {
    const { pathOf } = read({
      system: 'Be brief.',
      tools: [{ type: 'web_search_20250305', name: 'web_search' }, TOOL],
      messages: [
        QUESTION,
        { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: {} }] },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'a', content: [IMAGE] },
            { type: 'text', text: '?' },
          ],
        },
      ],
    })
    const paths = [
      ['response_format', 'output_config.format'],
      ['reasoning_effort', 'thinking'],
      ['messages[0].content', 'system'],
      ['messages[2].tool_calls[0].function.arguments', 'messages.1'],
      ['messages[3].tool_call_id', 'messages.2.content.0'],
      ['messages[4].content[0].image_url.url', 'messages.2.content.0'],
      ['messages[4].content[1].text', 'messages.2.content.1'],
      ['tools[0].function.parameters', 'tools.1'],
      ['temperature', 'temperature'],
    ]
    expect(paths.map(([path = '']) => [path, pathOf?.(path)])).toEqual(paths)
  })

  test('says that a prompt is too long in the words that make Claude Code compact it', () => {
    const failure = new Failure('context-length', 'At most 8000 tokens.')
    expect(anthropicMessages.writeError(failure, '')).toMatchObject({
      error: { message: 'prompt is too long: At most 8000 tokens.' },
    })
  })
})
