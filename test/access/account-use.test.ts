import { describe, expect, test } from 'vitest'
import { forProvider, permit, permittedHeader } from '../../src/access/account-use.ts'
import type { Failure } from '../../src/chat/failure.ts'

const NONE = { builtinTools: false, accountFields: false }
const ALL = { builtinTools: true, accountFields: true }
type Fields = Readonly<Record<string, unknown>>

const CHAT = 'openai-chat'
const MESSAGES = 'anthropic-messages'
const RESPONSES = 'openai-responses'
const GEMINI = 'gemini'

const f = { type: 'function', function: { name: 'f' } }
const user = (...content: Fields[]) => [{ role: 'user', content }]

function refusalOf(format: string, body: Fields): unknown {
  try {
    permit(body, NONE, format)
  } catch (error) {
    const { status, details } = error as Failure
    return [status, details.param]
  }
  return 'permitted'
}

describe('what an answer would be wrong without is refused, and named where it stands', () => {
  test.each<[string, Fields, string]>([
    [CHAT, { messages: user({ type: 'file', file: { file_id: 'file-1' } }) }, 'messages[0].content[0].file.file_id'],
    [
      CHAT,
      { messages: user({ type: 'image_url', image_url: { url: 'gs://b/i.png' } }) },
      'messages[0].content[0].image_url.url',
    ],
    [CHAT, { data_sources: [{ type: 'azure_search' }] }, 'data_sources'],
    [CHAT, { mcp_servers: [{ url: 'https://mcp.example.com' }] }, 'mcp_servers'],
    [CHAT, { web_search_options: {} }, 'web_search_options'],
    [CHAT, { model: 'gpt-4o:online' }, 'model'],
    [CHAT, { model: 'gpt-4o', models: ['a', 'b:online'] }, 'models[1]'],
    [CHAT, { tools: [{ type: 'openrouter:web_search' }] }, 'tools[0]'],
    [MESSAGES, { container: { skills: [] } }, 'container'],
    [
      MESSAGES,
      { messages: user({ type: 'document', source: { type: 'file', file_id: 'file_1' } }) },
      'messages[0].content[0].source.file_id',
    ],
    [
      MESSAGES,
      { messages: user({ type: 'tool_result', content: [{ type: 'image', source: { file_id: 'file_1' } }] }) },
      'messages[0].content[0].content[0].source.file_id',
    ],
    [MESSAGES, { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, 'tools[0]'],
    [
      MESSAGES,
      {
        tools: [
          { name: 'f', input_schema: {} },
          { type: 'web_fetch_20250910', name: 'web_fetch' },
        ],
        tool_choice: { type: 'tool', name: 'web_fetch' },
      },
      'tool_choice',
    ],
    [
      RESPONSES,
      { input: [{ role: 'user', content: [{ type: 'input_image', file_id: 'f' }] }] },
      'input[0].content[0].file_id',
    ],
    [
      RESPONSES,
      { input: [{ type: 'function_call_output', output: [{ type: 'input_file', file_url: 's3://b/f' }] }] },
      'input[0].output[0].file_url',
    ],
    [
      RESPONSES,
      { tools: [f, { type: 'web_search' }], tool_choice: { type: 'allowed_tools', tools: [{ type: 'web_search' }] } },
      'tool_choice',
    ],
    [RESPONSES, { tools: [{ type: 'shell', environment: { type: 'container_auto' } }] }, 'tools[0]'],
    [GEMINI, { cachedContent: 'cachedContents/1' }, 'cachedContent'],
    [GEMINI, { cached_content: 'cachedContents/1' }, 'cached_content'],
    [
      GEMINI,
      { contents: [{ parts: [{ fileData: { fileUri: 'gs://b/f' } }] }] },
      'contents[0].parts[0].fileData.fileUri',
    ],
    [
      GEMINI,
      {
        contents: [
          { parts: [{ file_data: { file_uri: 'https://generativelanguage.googleapis.com/v1beta/files/1' } }] },
        ],
      },
      'contents[0].parts[0].file_data.file_uri',
    ],
    [GEMINI, { tools: [{ googleSearch: {} }] }, 'tools[0].googleSearch'],
    [
      GEMINI,
      { generateContentRequest: { contents: [{ parts: [{ fileData: { fileUri: 'files/1' } }] }] } },
      'generateContentRequest.contents[0].parts[0].fileData.fileUri',
    ],
    [
      GEMINI,
      { requests: [{ content: { parts: [{ fileData: { fileUri: 'files/1' } }] } }] },
      'requests[0].content.parts[0].fileData.fileUri',
    ],
  ])('%s: %o', (format, body, param) => {
    expect(refusalOf(format, body)).toEqual([400, param])
    expect(permit(body, ALL, format)).toEqual({ body, dropped: [] })
  })
})

describe('what an answer is right without is left out and listed', () => {
  test.each<[string, Fields, Fields, string[]]>([
    [CHAT, { store: true, metadata: { a: 'b' } }, { metadata: { a: 'b' } }, ['store', 'metadata']],
    [CHAT, { service_tier: 'priority', plugins: [{ id: 'web' }] }, {}, ['service_tier', 'plugins']],
    [
      CHAT,
      { tools: [{ type: 'web_search' }, f], tool_choice: 'auto' },
      { tools: [f], tool_choice: 'auto' },
      ['tools[0]'],
    ],
    [MESSAGES, { speed: 'fast', metadata: { user_id: 'u' } }, { metadata: { user_id: 'u' } }, ['speed']],
    [
      RESPONSES,
      { input: [{ type: 'additional_tools', tools: [f, { type: 'mcp' }] }] },
      { input: [{ type: 'additional_tools', tools: [f] }] },
      ['input[0].tools[1]'],
    ],
    [
      GEMINI,
      {
        tools: [{ functionDeclarations: [{ name: 'f' }], googleSearch: {} }, { codeExecution: {} }],
        labels: { a: 'b' },
      },
      { tools: [{ functionDeclarations: [{ name: 'f' }] }] },
      ['labels', 'tools[0].googleSearch', 'tools[1].codeExecution'],
    ],
  ])('%s: %o', (format, body, kept, dropped) => {
    expect(permit(body, NONE, format)).toEqual({ body: kept, dropped })
    expect(() => permit({ ...body, provider: { require_parameters: true } }, NONE, format)).toThrow(dropped[0] ?? '')
  })
})

test.each<[string, Fields]>([
  [CHAT, { store: false, metadata: {}, service_tier: 'flex', mcp_servers: [], container: null, tools: [f] }],
  [CHAT, { messages: [{ role: 'user', content: 'gs://bucket/file and file_id' }] }],
  [CHAT, { messages: user({ type: 'image_url', image_url: { url: 'https://example.com/files/a.png' } }) }],
  [CHAT, { tools: [{ type: 'custom', custom: { name: 'c' } }], search_parameters: { mode: 'off' } }],
  [MESSAGES, { messages: [{ role: 'assistant', content: [{ type: 'tool_use', input: { file_id: 'mine' } }] }] }],
  [MESSAGES, { tools: [{ type: 'bash_20250124' }, { type: 'text_editor_20250728' }, { name: 'f', input_schema: {} }] }],
  [RESPONSES, { store: true, metadata: { a: 'b' }, tools: [{ type: 'local_shell' }, { type: 'tool_search' }] }],
  [RESPONSES, { tools: [{ type: 'namespace', name: 'n', tools: [f] }, { type: 'shell' }] }],
  [
    GEMINI,
    { contents: [{ parts: [{ functionCall: { args: { fileUri: 'gs://b' } } }] }], tools: [{ computerUse: {} }] },
  ],
  [GEMINI, { contents: [{ parts: [{ fileData: { fileUri: 'https://www.youtube.com/watch?v=1' } }] }] }],
])('what uses nothing of the operator’s goes as it came: %s %o', (format, body) => {
  expect(permit(body, NONE, format)).toEqual({ body, dropped: [] })
})

test('each right is for itself', () => {
  const body = { store: true, tools: [f, { type: 'web_search' }] }
  expect(permit(body, { ...NONE, builtinTools: true }, CHAT).dropped).toEqual(['store'])
  expect(permit(body, { ...NONE, accountFields: true }, CHAT).dropped).toEqual(['tools[1]'])
})

test('betas that open the account are taken out of the header, and no others', () => {
  const sent = 'claude-code-20250219, files-api-2025-04-14,interleaved-thinking-2025-05-14,web-fetch-2025-09-10,mine'
  const header = (name: string) => (name === 'anthropic-beta' ? sent : null)
  const read = (rights: typeof NONE) => permittedHeader(header, rights, new Set(['mine']))('anthropic-beta')
  expect(read(NONE)).toBe('claude-code-20250219,interleaved-thinking-2025-05-14')
  expect(read(ALL)).toBe(
    'claude-code-20250219, files-api-2025-04-14,interleaved-thinking-2025-05-14,web-fetch-2025-09-10',
  )
})

test('metadata stays here when it has been read, and the answer of a response repeats it', () => {
  const chat = { model: 'm', messages: [], metadata: { a: 'b' } }
  const source = { format: RESPONSES, body: { input: 'Hi', metadata: { a: 'b' } } }
  expect(forProvider({ chat, source }, NONE)).toEqual({
    chat: { model: 'm', messages: [] },
    source: { format: RESPONSES, body: { input: 'Hi' }, original: source.body },
  })
  const request = { chat, source }
  expect(forProvider(request, ALL)).toBe(request)
  const claude = { chat: { model: 'm', messages: [] }, source: { ...source, format: MESSAGES } }
  expect(forProvider(claude, NONE)).toBe(claude)
})

test('a long request is read in linear time', () => {
  const messages = Array.from({ length: 20_000 }, () => ({ role: 'user', content: [{ type: 'text', text: 'a' }] }))
  const startedAt = performance.now()
  permit({ messages }, NONE, CHAT)
  expect(performance.now() - startedAt).toBeLessThan(500)
})
