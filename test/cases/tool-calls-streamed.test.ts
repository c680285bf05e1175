import { describe, expect, test } from 'vitest'
import { call, PARIS, TWO } from './calls.ts'
import { chunksOf, useCase } from './router.ts'
import {
  chunk,
  FORMAT_NAMES,
  FORMATS,
  MESSAGE_START,
  message,
  messageEnd,
  named,
  SAYING,
  sse,
  stream,
  toolBlock,
  USAGE_CHUNK,
  whole,
} from './wires.ts'

const router9 = useCase()

test.each(FORMAT_NAMES)('the first chunk of a stream of %s says the role, and no later one', async (format) => {
  const streamed = stream(SAYING[format].streamed('One', ' two', ' three'))
  const { raw } = await router9.streamed(FORMATS[format].model, streamed)
  const roles = chunksOf(raw).flatMap(({ choices }) => choices.map(({ delta }) => delta.role))
  expect(roles[0]).toBe('assistant')
  expect(roles.slice(1).every((role) => role === undefined)).toBe(true)
  expect(roles.length).toBeGreaterThan(3)
})

test('a provider that says the role in every delta, or in none, makes no difference', async () => {
  for (const role of [{ role: 'assistant' }, {}]) {
    const deltas = ['One', ' two'].map((content) => chunk({ ...role, content }))
    const streamed = stream(sse(...deltas, chunk(role, 'stop'), '[DONE]'))
    const { raw, choice } = await router9.streamed(FORMATS.custom.model, streamed)
    const roles = chunksOf(raw).flatMap(({ choices }) => choices.flatMap(({ delta }) => delta.role ?? []))
    expect([choice.text, roles]).toEqual(['One two', ['assistant']])
  }
})

test('arguments reach the client while they are still being written', async () => {
  let goOn = () => {}
  const until = new Promise<void>((resolve) => {
    goOn = resolve
  })
  const fragments = Array.from({ length: 50 }, (_, at) => (at === 0 ? '{"n":[0' : at === 49 ? ',49]}' : `,${at}`))
  const events = toolBlock(0, 'call_a', 'count', ...fragments)
  const pieces = events.slice(0, -1).map((event) => named(event as { type: string }))
  const end = named(...(events.slice(-1) as { type: string }[]), ...messageEnd('tool_use'))
  router9.upstream.play(stream(named(MESSAGE_START), ...pieces, { until }, end))
  const messages = [{ role: 'user', content: 'Count.' }]
  const response = await router9.post({ model: FORMATS.anthropic.model, messages, stream: true })
  let raw = ''
  let seenBeforeTheEnd = 0
  const decoder = new TextDecoder()
  for await (const bytes of response.body ?? []) {
    raw += decoder.decode(bytes as Uint8Array, { stream: true })
    const whole = chunksOf(raw.slice(0, raw.lastIndexOf('\n\n') + 2))
    const said = whole.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta.tool_calls ?? []))
    const pieces = said.flatMap((call) => call.function?.arguments || [])
    if (pieces.join('') === fragments.join('')) goOn()
    else seenBeforeTheEnd = pieces.length
  }
  expect(seenBeforeTheEnd).toBeGreaterThanOrEqual(2)
  expect(raw.endsWith('data: [DONE]\n\n')).toBe(true)
})

describe('Claude without structured output, asked for a schema beside tools', () => {
  const model = 'anthropic/claude-sonnet-4-0'
  const schema = { type: 'object', properties: { answer: { type: 'number' } }, required: ['answer'] }
  const body = {
    response_format: { type: 'json_schema', json_schema: { name: 'result', schema } },
    tools: [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object', properties: {} } } }],
  }
  const jsonName = async () => {
    const { body: asked } = await router9.sent(model, whole(SAYING.anthropic.whole('x')), body)
    const tools = asked.tools as readonly { name: string; input_schema: unknown }[]
    const added = tools.filter(({ name }) => name !== 'get_weather')
    expect(added).toEqual([expect.objectContaining({ input_schema: schema })])
    expect(asked.tool_choice).toMatchObject({ type: 'any' })
    return added[0]?.name ?? ''
  }

  test('gives the input of the stand-in tool as content, and stop', async () => {
    const name = await jsonName()
    const streamed = stream(
      named(MESSAGE_START, ...toolBlock(0, 'toolu_1', name, '{"answer"', ':42}'), ...messageEnd('tool_use')),
    )
    const told = { text: '{"answer":42}', toolCalls: [], finishReason: 'stop' }
    expect((await router9.streamed(model, streamed, body)).choice).toMatchObject(told)
    const content = [{ type: 'tool_use', id: 'toolu_1', name, input: { answer: 42 } }]
    expect((await router9.whole(model, whole(message(content, 'tool_use')), body)).choice).toMatchObject(told)
  })

  test("gives the caller's own tool as a call, and tool_calls", async () => {
    const streamed = stream(
      named(MESSAGE_START, ...toolBlock(0, 'call_a', 'get_weather', PARIS), ...messageEnd('tool_use')),
    )
    const told = { text: '', toolCalls: TWO.slice(0, 1), finishReason: 'tool_calls' }
    expect((await router9.streamed(model, streamed, body)).choice).toMatchObject(told)
    const content = [{ type: 'tool_use', id: 'call_a', name: 'get_weather', input: { city: 'Paris' } }]
    expect((await router9.whole(model, whole(message(content, 'tool_use')), body)).choice).toMatchObject(told)
  })
})

const lastDeltas = [
  { what: 'a fragment', deltas: [{ tool_calls: [call(0, 'call_a', 'get_weather', '{"city":')] }], last: '"Paris"}' },
  { what: 'the whole call', deltas: [], last: PARIS },
]

test.each(lastDeltas)('$what in the chunk that finishes is not lost', async ({ deltas, last }) => {
  const head = deltas.length === 0 ? call(0, 'call_a', 'get_weather', last) : call(0, undefined, undefined, last)
  const finishing = chunk({ tool_calls: [head] }, 'tool_calls', { usage: USAGE_CHUNK.usage })
  const streamed = stream(sse(...deltas.map((delta) => chunk(delta)), finishing, '[DONE]'))
  const { choice } = await router9.streamed('mistral/mistral-small-latest', streamed)
  expect(choice).toMatchObject({ toolCalls: TWO.slice(0, 1), finishReason: 'tool_calls' })
})

test('calls, then [DONE] without a finish_reason, are a whole answer', async () => {
  const deltas = [
    { role: 'assistant', tool_calls: [call(0, 'call_a', 'get_weather', '{"city":')] },
    { tool_calls: [call(0, undefined, undefined, '"Paris"}')] },
  ].map((delta) => chunk(delta))
  const { choice, answer } = await router9.streamed(FORMATS.custom.model, stream(sse(...deltas, '[DONE]')))
  expect(choice).toMatchObject({ toolCalls: TWO.slice(0, 1), finishReason: 'tool_calls' })
  expect([answer.done, answer.error]).toEqual([true, undefined])
})
