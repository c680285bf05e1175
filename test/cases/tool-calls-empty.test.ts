import { describe, expect, test } from 'vitest'
import { call, openaiStream, TWO } from './calls.ts'
import { useCase } from './router.ts'
import type { Script } from './scripted.ts'
import {
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
  SAYING,
  stream,
  toolBlock,
  whole,
} from './wires.ts'

const router9 = useCase()

const withoutArguments: readonly { who: string; model: string; streamed: Script; body: Script }[] = [
  {
    who: 'Anthropic, no delta at all',
    model: FORMATS.anthropic.model,
    streamed: stream(named(MESSAGE_START, ...toolBlock(0, 'call_a', 'now'), ...messageEnd('tool_use'))),
    body: whole(message([{ type: 'tool_use', id: 'call_a', name: 'now', input: {} }], 'tool_use')),
  },
  {
    who: 'Anthropic, an empty delta',
    model: FORMATS.anthropic.model,
    streamed: stream(named(MESSAGE_START, ...toolBlock(0, 'call_a', 'now', ''), ...messageEnd('tool_use'))),
    body: whole(message([{ type: 'tool_use', id: 'call_a', name: 'now' }], 'tool_use')),
  },
  {
    who: 'Gemini, no args',
    model: FORMATS.gemini.model,
    streamed: stream(crlf(generated([{ functionCall: { id: 'call_a', name: 'now' } }], 'STOP'))),
    body: whole(generated([{ functionCall: { id: 'call_a', name: 'now' } }], 'STOP')),
  },
  {
    who: 'Cohere, null',
    model: FORMATS.cohere.model,
    streamed: stream(named(COHERE_START, ...cohereCall(0, 'call_a', 'now'), cohereEnd('TOOL_CALL'))),
    body: whole(
      cohereAnswer(
        { tool_calls: [{ id: 'call_a', type: 'function', function: { name: 'now', arguments: null } }] },
        'TOOL_CALL',
      ),
    ),
  },
  {
    who: "OpenAI's form, an empty text",
    model: FORMATS.custom.model,
    streamed: openaiStream('tool_calls', { tool_calls: [call(0, 'call_a', 'now', '')] }),
    body: whole(completion({ content: null, tool_calls: [call(undefined, 'call_a', 'now', '')] }, 'tool_calls')),
  },
  {
    who: "OpenAI's form, null",
    model: FORMATS.custom.model,
    streamed: openaiStream('tool_calls', { tool_calls: [call(0, 'call_a', 'now', 'null')] }),
    body: whole(completion({ content: null, tool_calls: [call(undefined, 'call_a', 'now', 'null')] }, 'tool_calls')),
  },
  {
    who: "OpenAI's form, no arguments",
    model: FORMATS.custom.model,
    streamed: openaiStream('tool_calls', { tool_calls: [{ index: 0, id: 'call_a', function: { name: 'now' } }] }),
    body: whole(completion({ content: null, tool_calls: [{ id: 'call_a', function: { name: 'now' } }] }, 'tool_calls')),
  },
]

describe.each(withoutArguments)('a call without arguments ($who)', ({ model, streamed, body }) => {
  const empty = [{ index: 0, id: 'call_a', name: 'now', arguments: '{}' }]

  test('has {} as its joined arguments in a stream', async () => {
    expect((await router9.streamed(model, streamed)).choice.toolCalls).toEqual(empty)
  })

  test('has {} as its arguments in a body', async () => {
    expect((await router9.whole(model, body)).choice.toolCalls).toEqual(empty)
  })
})

test.each([true, false])('arguments that come whole with the start of a block arrive (stop told: %s)', async (told) => {
  const content_block = { type: 'tool_use', id: 'call_a', name: 'get_weather', input: { city: 'Paris' } }
  const start = { type: 'content_block_start', index: 0, content_block }
  const stop = told ? [{ type: 'content_block_stop', index: 0 }] : []
  const streamed = stream(named(MESSAGE_START, start, ...stop, ...messageEnd('tool_use')))
  const { choice } = await router9.streamed(FORMATS.anthropic.model, streamed)
  expect(choice).toMatchObject({ toolCalls: TWO.slice(0, 1), finishReason: 'tool_calls' })
})

describe.each(['', ' ', '{}', 'null'])('a call that comes back with the arguments %j', (text) => {
  const calling = {
    role: 'assistant',
    content: null,
    tool_calls: [{ id: 'call_a', type: 'function', function: { name: 'now', arguments: text } }],
  }
  const tools = [{ type: 'function', function: { name: 'now' } }]
  const result = { role: 'tool', tool_call_id: 'call_a', content: 'noon' }
  const body = { messages: [{ role: 'user', content: 'What time is it?' }, calling, result], tools }

  test('goes to Anthropic as an empty object', async () => {
    const { model } = FORMATS.anthropic
    const { body: asked } = await router9.sent(model, whole(SAYING.anthropic.whole('Noon.')), body)
    expect(asked.messages).toContainEqual({
      role: 'assistant',
      content: [{ type: 'tool_use', id: 'call_a', name: 'now', input: {} }],
    })
  })

  test('goes to Gemini as an empty object', async () => {
    const { body: asked } = await router9.sent(FORMATS.gemini.model, whole(SAYING.gemini.whole('Noon.')), body)
    const part = { functionCall: expect.objectContaining({ name: 'now', args: {} }) }
    expect(asked.contents).toContainEqual({ role: 'model', parts: [expect.objectContaining(part)] })
  })

  test.each(['openai', 'cohere'] as const)('goes to %s as JSON', async (format) => {
    const { model } = FORMATS[format]
    const { body: asked } = await router9.sent(model, whole(SAYING[format].whole('Noon.')), body)
    const [, sent] = asked.messages as [unknown, { tool_calls: [{ function: { arguments: string } }] }]
    expect(JSON.parse(sent.tool_calls[0].function.arguments) ?? {}).toEqual({})
  })
})
