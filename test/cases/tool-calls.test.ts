import { describe, expect, test } from 'vitest'
import { call, openaiStream, PARIS, ROME, TWO } from './calls.ts'
import { chunksOf, useCase } from './router.ts'
import type { Script } from './scripted.ts'
import {
  block,
  COHERE_START,
  cohereAnswer,
  cohereCall,
  cohereEnd,
  completion,
  crlf,
  FORMATS,
  generated,
  MESSAGE_START,
  message,
  messageEnd,
  named,
  stream,
  textBlock,
  toolBlock,
  whole,
} from './wires.ts'

const router9 = useCase()

const GEMINI_TWO = [
  { functionCall: { id: 'call_a', name: 'get_weather', args: { city: 'Paris' } } },
  { functionCall: { id: 'call_b', name: 'get_weather', args: { city: 'Rome' } } },
]

const whole2 = completion(
  { content: null, tool_calls: [call(0, 'call_a', 'get_weather', PARIS), call(0, 'call_b', 'get_weather', ROME)] },
  'tool_calls',
)
const parallel: readonly { who: string; model: string; streamed: Script; body: Script }[] = [
  {
    who: 'Anthropic',
    model: FORMATS.anthropic.model,
    streamed: stream(
      named(
        MESSAGE_START,
        ...toolBlock(0, 'call_a', 'get_weather', '', '{"city":', '"Paris"}'),
        ...toolBlock(1, 'call_b', 'get_weather', '{"city":"Rome"}'),
        ...messageEnd('tool_use'),
      ),
    ),
    body: whole(
      message(
        [
          { type: 'tool_use', id: 'call_a', name: 'get_weather', input: { city: 'Paris' } },
          { type: 'tool_use', id: 'call_b', name: 'get_weather', input: { city: 'Rome' } },
        ],
        'tool_use',
      ),
    ),
  },
  {
    who: 'Gemini, both in one event',
    model: FORMATS.gemini.model,
    streamed: stream(crlf(generated(GEMINI_TWO, 'STOP'))),
    body: whole(generated(GEMINI_TWO, 'STOP')),
  },
  {
    who: 'Gemini, each in its own event',
    model: FORMATS.gemini.model,
    streamed: stream(crlf(...GEMINI_TWO.map((part) => generated([part])), generated([], 'STOP'))),
    body: whole(generated(GEMINI_TWO, 'STOP')),
  },
  {
    who: 'Cohere, which counts from 1',
    model: FORMATS.cohere.model,
    streamed: stream(
      named(
        COHERE_START,
        ...cohereCall(1, 'call_a', 'get_weather', '{"city":', '"Paris"}'),
        ...cohereCall(2, 'call_b', 'get_weather', ROME),
        cohereEnd('TOOL_CALL'),
      ),
    ),
    body: whole(
      cohereAnswer(
        {
          tool_calls: [call(undefined, 'call_a', 'get_weather', PARIS), call(undefined, 'call_b', 'get_weather', ROME)],
        },
        'TOOL_CALL',
      ),
    ),
  },
  {
    who: 'a provider that numbers both 0',
    model: FORMATS.custom.model,
    streamed: openaiStream(
      'tool_calls',
      { tool_calls: [call(0, 'call_a', 'get_weather', PARIS)] },
      { tool_calls: [call(0, 'call_b', 'get_weather', ROME)] },
    ),
    body: whole(whole2),
  },
  {
    who: 'a provider that counts from 1',
    model: FORMATS.custom.model,
    streamed: openaiStream(
      'tool_calls',
      { tool_calls: [call(1, 'call_a', 'get_weather', PARIS)] },
      { tool_calls: [call(2, 'call_b', 'get_weather', '')] },
      { tool_calls: [call(2, undefined, undefined, ROME)] },
    ),
    body: whole(whole2),
  },
]

describe.each(parallel)('two parallel calls of $who', ({ model, streamed, body }) => {
  test('have the indices 0 and 1 in a stream', async () => {
    const { choice } = await router9.streamed(model, streamed)
    expect(choice).toMatchObject({ toolCalls: TWO, finishReason: 'tool_calls', text: '' })
  })

  test('are both in a body, in order', async () => {
    const { choice, raw } = await router9.whole(model, body)
    expect(choice).toMatchObject({ toolCalls: TWO, finishReason: 'tool_calls' })
    expect(JSON.parse(raw).choices[0].message.content).toBeNull()
  })
})

const cities = (calls: readonly { readonly name: string; readonly arguments: string }[]) =>
  calls.map(({ name, arguments: text }) => `${name} ${text}`)
const PARIS_AND_ROME = [`get_weather ${PARIS}`, `get_weather ${ROME}`]

test.each([
  ['in one chunk', [[call(0, '', 'get_weather', PARIS), call(0, '', 'get_weather', ROME)]]],
  ['in two, whole', [[call(0, '', 'get_weather', PARIS)], [call(0, '', 'get_weather', ROME)]]],
  ['in two, the second without a name', [[call(0, 'call_a', 'get_weather', PARIS)], [call(0, '', '', ROME)]]],
])('two parallel calls that both say index 0 and have no id are told apart %s', async (_, lists) => {
  const deltas = lists.map((tool_calls) => ({ tool_calls }))
  const { choice } = await router9.streamed(FORMATS.custom.model, openaiStream('tool_calls', ...deltas))
  expect(cities(choice.toolCalls)).toEqual(PARIS_AND_ROME)
  expect(choice.toolCalls.map(({ index }) => index)).toEqual([0, 1])
  expect(new Set(choice.toolCalls.map(({ id }) => id)).size).toBe(2)
})

test('two calls of a body that both say index 0 and have no id are two', async () => {
  const tool_calls = [call(0, '', 'get_weather', PARIS), call(0, '', 'get_weather', ROME)]
  const body = whole(completion({ content: null, tool_calls }, 'tool_calls'))
  const { choice } = await router9.whole(FORMATS.custom.model, body)
  expect(cities(choice.toolCalls)).toEqual(PARIS_AND_ROME)
})

test('a function call with an empty custom member beside it is a function call (Snowflake)', async () => {
  const made = { ...call(0, 'call_a', 'get_weather', PARIS), custom: {} }
  const { choice } = await router9.streamed(FORMATS.custom.model, openaiStream('tool_calls', { tool_calls: [made] }))
  expect(choice).toMatchObject({ toolCalls: TWO.slice(0, 1), finishReason: 'tool_calls' })
  const body = whole(completion({ content: null, tool_calls: [made] }, 'tool_calls'))
  expect((await router9.whole(FORMATS.custom.model, body)).choice.toolCalls).toEqual(TWO.slice(0, 1))
})

describe.each(parallel)(
  'to who offers functions instead of tools, the first call of $who',
  ({ model, streamed, body }) => {
    const functions = [{ name: 'get_weather', parameters: { type: 'object', properties: {} } }]
    const expected = {
      functionCall: { name: 'get_weather', arguments: PARIS },
      toolCalls: [],
      finishReason: 'function_call',
    }

    test('is the function call of a stream', async () => {
      const { choice } = await router9.streamed(model, streamed, { functions })
      expect(choice).toMatchObject(expected)
    })

    test('is the function call of a body, asked for as a tool', async () => {
      const { choice, headers } = await router9.whole(model, body, { functions, function_call: 'auto' })
      expect(choice).toMatchObject(expected)
      expect(headers.get('x-router9-dropped-params')).toBeNull()
      const [asked] = router9.upstream.asked()
      expect(JSON.stringify(asked?.body)).toContain('get_weather')
      expect(asked?.body).toHaveProperty('tools')
      expect(asked?.body).not.toHaveProperty('functions')
    })
  },
)

const before = [
  { what: 'a text block', blocks: textBlock(0, 'Let me see.'), count: 1, text: 'Let me see.', reasoning: '' },
  {
    what: 'a thinking block',
    blocks: block(0, { type: 'thinking', thinking: '' }, { type: 'thinking_delta', thinking: 'Weather?' }),
    count: 1,
    text: '',
    reasoning: 'Weather?',
  },
  {
    what: "a search of Anthropic's own and a text",
    blocks: [
      ...block(
        0,
        { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} },
        { type: 'input_json_delta', partial_json: '{"query":"weather"}' },
      ),
      ...block(1, { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] }),
      ...textBlock(2, 'Found.'),
    ],
    count: 3,
    text: 'Found.',
    reasoning: '',
  },
]

test.each(before)('a call that comes after $what has the tool index 0', async (row) => {
  const call = toolBlock(row.count, 'call_a', 'get_weather', PARIS)
  const streamed = stream(named(MESSAGE_START, ...row.blocks, ...call, ...messageEnd('tool_use')))
  const { choice } = await router9.streamed(FORMATS.anthropic.model, streamed)
  expect(choice.toolCalls).toEqual(TWO.slice(0, 1))
  expect(choice).toMatchObject({ text: row.text, reasoning: row.reasoning, finishReason: 'tool_calls' })
})

test('a call after text and thought stands alone in a body, too', async () => {
  const content = [
    { type: 'thinking', thinking: 'Weather?', signature: 'c2lnbmF0dXJl' },
    { type: 'text', text: 'Let me see.' },
    { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'weather' } },
    { type: 'tool_use', id: 'call_a', name: 'get_weather', input: { city: 'Paris' } },
  ]
  const { choice } = await router9.whole(FORMATS.anthropic.model, whole(message(content, 'tool_use')))
  expect(choice).toMatchObject({ text: 'Let me see.', reasoning: 'Weather?', toolCalls: TWO.slice(0, 1) })
})

const bare = [
  { what: 'with its index but no id', at: 0 },
  { what: 'with neither index nor id', at: undefined },
]

test.each(bare)('a fragment $what goes on with the current call', async ({ at }) => {
  const streamed = openaiStream(
    'tool_calls',
    { tool_calls: [call(at, 'call_a', 'get_weather', '')] },
    { tool_calls: [call(at, undefined, undefined, '{"city":')] },
    { tool_calls: [call(at, undefined, undefined, '"Paris"}')] },
    { tool_calls: [call(at === undefined ? at : 1, 'call_b', 'get_weather', '')] },
    { tool_calls: [call(at === undefined ? at : 1, undefined, undefined, ROME)] },
  )
  const { choice } = await router9.streamed(FORMATS.custom.model, streamed)
  expect(choice.toolCalls).toEqual(TWO)
})

test('id and name, repeated or empty in later fragments, are told once', async () => {
  const streamed = openaiStream(
    'tool_calls',
    { tool_calls: [call(0, 'call_a', 'get_weather', '{"city":')] },
    { tool_calls: [call(0, 'call_a', 'get_weather', '"Par')] },
    { tool_calls: [{ index: 0, id: '', type: 'function', function: { name: '', arguments: 'is"}' } }] },
  )
  const { choice } = await router9.streamed(FORMATS.custom.model, streamed)
  expect(choice.toolCalls).toEqual(TWO.slice(0, 1))
})

test('what came in one upstream event goes out as one event for each delta, never joined', async () => {
  const both = { content: 'Wait.', tool_calls: [call(0, 'call_a', 'get_weather', PARIS)] }
  const { choice, raw } = await router9.streamed(FORMATS.openai.model, openaiStream('tool_calls', both))
  expect(choice).toMatchObject({ text: 'Wait.', toolCalls: TWO.slice(0, 1) })
  const events = raw.split('\n\n').filter((event) => event !== '')
  expect(events.every((event) => event === 'data: [DONE]' || JSON.parse(event.slice(6)))).toBe(true)
  const deltas = chunksOf(raw).flatMap(({ choices }) => choices.map(({ delta }) => delta))
  expect(deltas.filter(({ content, tool_calls }) => content && tool_calls)).toEqual([])
})
