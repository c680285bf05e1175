import { describe, expect, test } from 'vitest'
import { useCase } from '../cases/router.ts'
import {
  broken,
  chunk,
  completion,
  generated,
  MESSAGE_START,
  message,
  messageEnd,
  named,
  SAYING,
  sse,
  stream,
  textBlock,
  USAGE_CHUNK,
  whole,
} from '../cases/wires.ts'
import { eventsOf } from '../formats/anthropic-messages/messages.ts'
import { DEMO_KEY } from '../harness/worker.ts'

const router = useCase({ COMMIT_AFTER_MS: '300', COMMENT_EVERY_MS: '100', REFUSED_BETAS: 'c-2026-03-03, d-2026-04-04' })

const CLAUDE = 'anthropic/claude-sonnet-4-5'
const GEMINI = 'google/gemini-3.5-flash'
const KIMI = 'moonshot/kimi-k2-thinking'
const TOOLS = [{ name: 'f', input_schema: { type: 'object', properties: {} } }]
const QUESTION = { role: 'user', content: 'Hi' }

type Fields = Readonly<Record<string, unknown>>

async function ask(fields: Fields, headers: Readonly<Record<string, string>> = {}, path = '/v1/messages') {
  const response = await fetch(router.url + path, {
    method: 'POST',
    headers: { 'x-api-key': DEMO_KEY, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ max_tokens: 2000, messages: [QUESTION], ...fields }),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

async function answered(fields: Fields) {
  const { status, text } = await ask(fields)
  expect([status, text]).toEqual([200, text])
  return JSON.parse(text)
}

/** What the provider was asked last. */
function lastSent() {
  const asked = router.upstream.asked().at(-1)
  if (asked === undefined) throw new Error('nobody was asked')
  return asked
}

describe('a request to Anthropic', () => {
  const REQUEST = {
    system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral', ttl: '1h' } }],
    messages: [
      QUESTION,
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'Hm.', signature: 'EqQB' },
          { type: 'text', text: 'Yes?' },
        ],
      },
      { role: 'user', content: [{ type: 'text', text: '9007199254740993?', unknown: null }] },
    ],
    tools: [
      { type: 'code_execution_20260120', name: 'code_execution' },
      { ...TOOLS[0], defer_loading: true },
    ],
    thinking: { type: 'enabled', budget_tokens: 1024 },
    context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
    temperature: 1,
    unknown: { field: [1] },
  }
  const CONTENT = [
    { type: 'thinking', thinking: '', signature: 'EqQC' },
    {
      type: 'server_tool_use',
      id: 'srvtoolu_1',
      name: 'code_execution',
      input: { code: '1' },
      caller: { type: 'direct' },
    },
    {
      type: 'code_execution_tool_result',
      tool_use_id: 'srvtoolu_1',
      content: { type: 'code_execution_result', stdout: '1' },
    },
    { type: 'text', text: 'One.', citations: null },
  ]

  test('is the client’s own but for the model and what is for Router9, and so is its answer', async () => {
    const upstream = message(CONTENT, 'pause_turn', {
      container: { id: 'c' },
      usage: { input_tokens: 3, output_tokens: 5, speed: 'fast' },
    })
    router.upstream.play(whole(upstream))
    const betas = { 'anthropic-beta': 'a-2026-01-01,b-2026-02-02', 'anthropic-version': '2024-01-01' }
    const headers = { ...betas, 'anthropic-beta': `c-2026-03-03,${betas['anthropic-beta']}, d-2026-04-04` }
    const { status, text } = await ask({ model: CLAUDE, ...REQUEST, provider: { allow_fallbacks: false } }, headers)
    expect(status).toBe(200)
    expect(lastSent().body).toEqual({ model: 'claude-sonnet-4-5', max_tokens: 2000, ...REQUEST })
    expect(lastSent().headers).toMatchObject(betas)
    const { id, model, ...rest } = JSON.parse(text)
    expect(rest).toEqual({ ...upstream, id: undefined, model: undefined })
    expect([id, model]).toEqual([expect.stringMatching(/^msg_\w{28}$/), 'claude-sonnet-4-5'])
  })

  test('has system messages within the conversation where the model takes them, and else the user’s reminders', async () => {
    const messages = [QUESTION, { role: 'system', content: 'Be brief.' }]
    router.upstream.play(whole(message([{ type: 'text', text: 'Yes' }], 'end_turn')))
    await ask({ model: 'anthropic/claude-opus-4-8', messages })
    expect(lastSent().body).toMatchObject({ messages })
    router.upstream.play(whole(message([{ type: 'text', text: 'Yes' }], 'end_turn')))
    await ask({ model: CLAUDE, messages })
    const reminder = '<system-reminder>\nBe brief.\n</system-reminder>'
    const content = ['Hi', reminder].map((text) => ({ type: 'text', text }))
    expect(lastSent().body).toMatchObject({ messages: [{ role: 'user', content }] })
  })

  test('is counted with the features that the operator allows', async () => {
    router.upstream.play(whole({ input_tokens: 3 }))
    const headers = { 'anthropic-beta': 'a-2026-01-01,c-2026-03-03' }
    const { text } = await ask({ model: CLAUDE }, headers, '/v1/messages/count_tokens')
    expect(text).toBe('{"input_tokens":3}')
    expect(lastSent().headers['anthropic-beta']).toBe('a-2026-01-01')
  })

  test('has its stream event by event', async () => {
    const events = [
      MESSAGE_START,
      { type: 'ping' },
      { type: 'content_block_start', index: 0, content_block: CONTENT[1] },
      { type: 'content_block_stop', index: 0 },
      { type: 'content_block_start', index: 1, content_block: CONTENT[2] },
      { type: 'content_block_stop', index: 1 },
      ...textBlock(2, 'On', 'e.'),
      { type: 'event_of_the_future', data: 1 },
      ...messageEnd('stop_sequence', { stop_sequence: '###', stop_details: null }),
    ]
    router.upstream.play(stream(named(...events)))
    const { text } = await ask({ model: CLAUDE, ...REQUEST, stream: true })
    const [first, ...others] = eventsOf(text)
    expect(first).toMatchObject({
      message: { ...MESSAGE_START.message, id: expect.stringMatching(/^msg_/), model: 'claude-sonnet-4-5' },
    })
    expect(others).toEqual(events.slice(1))
  })

  test.each([
    ['in a text', [MESSAGE_START, ...textBlock(0, 'One').slice(0, 2)]],
    ['after a tool of its own', [MESSAGE_START, { type: 'content_block_start', index: 0, content_block: CONTENT[1] }]],
  ])('that breaks %s ends with an error', async (_, events) => {
    router.upstream.play(broken('cut', named(...events)))
    const { status, text } = await ask({ model: CLAUDE, stream: true })
    expect(status).toBe(200)
    const types = eventsOf(text).map(({ type }) => type)
    expect(types.at(-1)).toBe('error')
    expect(types).not.toContain('message_stop')
    expect(types).not.toContain('message_delta')
  })

  test('that overloads Anthropic is answered so', async () => {
    router.upstream.play(whole({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 529))
    const { status, text, headers } = await ask({ model: CLAUDE, provider: { allow_fallbacks: false } })
    expect(status).toBe(529)
    expect(JSON.parse(text)).toMatchObject({
      type: 'error',
      error: { type: 'overloaded_error' },
      request_id: headers.get('x-request-id'),
    })
  })
})

test('a request of nothing but what Anthropic alone can read reaches Anthropic, and no one else', async () => {
  const content = [{ type: 'document', source: { type: 'file', file_id: 'file_1' } }]
  const messages = [{ role: 'user', content }]
  router.upstream.play(whole(SAYING.anthropic.whole('Read.')))
  expect((await ask({ model: CLAUDE, messages })).status).toBe(200)
  expect(lastSent().body.messages).toEqual(messages)
  const { status, text } = await ask({ model: 'openai/gpt-4o', messages })
  expect([status, JSON.parse(text).error.message]).toEqual([
    400,
    expect.stringContaining("'messages.0.content.0.source'"),
  ])
})

test('a request that only fills Anthropic’s cache asks for no tokens, and goes to no one else', async () => {
  const none = message([], 'max_tokens', {
    usage: { input_tokens: 3, cache_creation_input_tokens: 9, output_tokens: 0 },
  })
  router.upstream.play(whole(none))
  const filled = await answered({ model: CLAUDE, max_tokens: 0 })
  expect(lastSent().body.max_tokens).toBe(0)
  expect(filled).toMatchObject({ content: [], stop_reason: 'max_tokens', usage: { cache_creation_input_tokens: 9 } })
  const { status, text } = await ask({ model: 'openai/gpt-4o', max_tokens: 0 })
  expect([status, JSON.parse(text).error.message]).toEqual([400, expect.stringContaining("'max_tokens'")])
})

test('an answer that is long in coming is kept alive by pings', async () => {
  router.upstream.play(stream({ pauseMs: 700 }, SAYING.openai.streamed('Hello')))
  const { text } = await ask({ model: 'openai/gpt-4o', stream: true })
  const types = eventsOf(text).map(({ type }) => type)
  expect(types[0]).toBe('ping')
  expect(types.filter((type) => type !== 'ping')).toEqual([
    'message_start',
    'content_block_start',
    'content_block_delta',
    'content_block_stop',
    'message_delta',
    'message_stop',
  ])
})

test('a stream of another maker’s that breaks ends with an error', async () => {
  router.upstream.play(broken('cut', sse(chunk({ content: 'One' }))))
  const { text } = await ask({ model: 'openai/gpt-4o', stream: true })
  const events = eventsOf(text)
  expect(events.at(-1)).toMatchObject({ type: 'error', error: { type: 'api_error' } })
  expect(events.map(({ type }) => type)).not.toContain('message_stop')
})

test.each([
  [{}, { 'x-api-key': '' }, 401, 'authentication_error'],
  [{ model: 'nope' }, {}, 404, 'not_found_error'],
  [{ model: CLAUDE, max_tokens: 'many' }, {}, 400, 'invalid_request_error'],
])('what is refused is refused in the words of the API: %j', async (fields, headers, status, type) => {
  const refused = await ask(fields, headers as Record<string, string>)
  expect(refused.status).toBe(status)
  expect(JSON.parse(refused.text)).toEqual({
    type: 'error',
    error: { type, message: expect.any(String) },
    request_id: refused.headers.get('x-request-id'),
  })
})

describe('what another maker wants back', () => {
  const thinking = { type: 'enabled', budget_tokens: 1024 }
  const call = (signature: string) => ({ functionCall: { name: 'f', args: { n: 1 } }, thoughtSignature: signature })
  const result = (content: readonly { id?: string; type: string }[]) => ({
    role: 'user',
    content: content.flatMap(({ type, id }) =>
      type === 'tool_use' ? { type: 'tool_result', tool_use_id: id, content: 'ok' } : [],
    ),
  })

  test('goes back in its place, and Claude never sees it', async () => {
    router.upstream.play(
      whole(generated([{ text: 'I look.', thought: true }, call('signed-1'), call('signed-2')], 'STOP')),
    )
    const { content } = await answered({ model: GEMINI, tools: TOOLS, thinking })
    const messages = [QUESTION, { role: 'assistant', content }, result(content)]

    router.upstream.play(whole(SAYING.gemini.whole('Done.')))
    await answered({ model: GEMINI, tools: TOOLS, thinking, messages })
    const turn = (lastSent().body.contents as { parts: Fields[] }[])[1]
    expect(turn?.parts).toEqual([call('signed-1'), call('signed-2')])

    router.upstream.play(whole(SAYING.anthropic.whole('Done.')))
    const moved = await ask({ model: CLAUDE, tools: TOOLS, thinking, messages })
    // Claude would insist on its own thinking before a call that it is to go on from.
    expect(moved.headers.get('x-router9-dropped-params')).toBe('thinking')
    const { messages: sent, thinking: asked } = lastSent().body as {
      messages: { content: Fields[] }[]
      thinking?: unknown
    }
    expect(sent[1]?.content.map(({ type }) => type)).toEqual(['tool_use', 'tool_use'])
    expect(asked).toBeUndefined()
  })

  test('is refused where it was changed or is another key’s', async () => {
    router.upstream.play(whole(generated([{ text: 'I look.', thought: true }, call('s')], 'STOP')))
    const { content } = await answered({ model: GEMINI, tools: TOOLS, thinking })
    const [block, ...others] = content
    const changed = { ...block, signature: `${block.signature.slice(0, -6)}AAAAA=` }
    const messages = [QUESTION, { role: 'assistant', content: [changed, ...others] }, result(content)]
    const refused = await ask({ model: GEMINI, tools: TOOLS, thinking, messages })
    expect(refused.status).toBe(400)
    expect(JSON.parse(refused.text).error.message).toContain("'messages.1.content.0.signature'")
  })

  test('is kept for clients that asked for no thinking, whatever ids its maker gives to calls', async () => {
    const called = { id: 'functions.f:0', type: 'function', function: { name: 'f', arguments: '{"n": 1}' } }
    router.upstream.play(
      stream(
        sse(
          chunk({ reasoning_content: 'I look.' }),
          chunk({ tool_calls: [{ index: 0, ...called }] }, 'tool_calls'),
          USAGE_CHUNK,
          '[DONE]',
        ),
      ),
    )
    const { text } = await ask({ model: KIMI, tools: TOOLS, stream: true })
    const start = eventsOf(text).filter(({ type }) => type === 'content_block_start')
    const [block] = start.map(({ content_block }) => content_block as { id: string; type: string })
    expect(start).toHaveLength(1)
    expect(block?.id).toMatch(/^[\w-]+$/)

    router.upstream.play(whole(completion({ content: 'Done.' }, 'stop')))
    const content = [{ ...block, type: 'tool_use', input: { n: 1 } }]
    await answered({ model: KIMI, tools: TOOLS, messages: [QUESTION, { role: 'assistant', content }, result(content)] })
    const sent = lastSent().body.messages as Fields[]
    expect(sent[1]).toMatchObject({ reasoning_content: 'I look.', tool_calls: [{ id: 'functions.f:0' }] })
    expect(sent[2]).toMatchObject({ role: 'tool', tool_call_id: 'functions.f:0', content: 'ok' })
  })
})

test('a tool of Anthropic’s passes over other makers to a Claude that may answer too', async () => {
  router.upstream.play(whole(message([{ type: 'text', text: 'Hi' }], 'end_turn')))
  const tools = [{ type: 'code_execution_20260120', name: 'code_execution' }]
  const { status, headers } = await ask({ model: 'openai/gpt-4o', models: [CLAUDE], tools })
  expect([status, headers.get('x-router9-provider')]).toEqual([200, 'anthropic'])
})
