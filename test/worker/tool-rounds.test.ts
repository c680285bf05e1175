import { describe, expect, test } from 'vitest'
import { useCase } from '../cases/router.ts'
import type { Script } from '../cases/scripted.ts'
import {
  COHERE_START,
  chunk,
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
  sse,
  stream,
  toolBlock,
  whole,
} from '../cases/wires.ts'

// Ollama's own API, and not the one that it has in OpenAI's words.
const router = useCase((url) => ({ OLLAMA_BASE_URL: `${url}/api` }))

const KIMI = 'moonshot/kimi-k2-thinking'
const TOOLS = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }]
const ANSWER = whole(completion({ content: 'Done.' }, 'stop'))

type Fields = Readonly<Record<string, unknown>>

/** Some count their calls anew in each answer. */
function call(id: string, given = '{}'): Fields {
  return { id, type: 'function', function: { name: 'f', arguments: given } }
}

/** A turn that called, as a client sends it back that keeps OpenAI's fields only, and what came of it. */
function round(called: Fields, result: string): Fields[] {
  return [
    { role: 'assistant', content: null, tool_calls: [called] },
    { role: 'tool', tool_call_id: called.id, content: result },
  ]
}

/** The messages that the provider got last. */
function lastSent(): readonly Fields[] {
  return router.upstream.asked().at(-1)?.body.messages as readonly Fields[]
}

describe('what a model thought before it called', () => {
  test('reaches its provider in its own conversation only, though another of the same key looks alike', async () => {
    const talk = (customer: string): Fields[] => [
      { role: 'system', content: `The customer is ${customer}.` },
      { role: 'user', content: 'What do I owe?' },
    ]
    const thinks = (customer: string) =>
      completion({ reasoning_content: `So it is ${customer}.`, tool_calls: [call('f:0')] }, 'tool_calls')
    for (const customer of ['Ada', 'Bob']) {
      await router.whole(KIMI, whole(thinks(customer)), { tools: TOOLS, messages: talk(customer) })
    }
    for (const customer of ['Ada', 'Bob', 'Eve']) {
      const messages = [...talk(customer), ...round(call('f:0'), '3 EUR')]
      await router.whole(KIMI, ANSWER, { tools: TOOLS, messages })
      const thought = customer === 'Eve' ? undefined : `So it is ${customer}.`
      expect(lastSent()[2]?.reasoning_content).toBe(thought)
    }
  })

  test('goes back to its own choice where two were asked for', async () => {
    const messages = [{ role: 'user', content: 'Toss two coins.' }]
    const sides = ['heads', 'tails']
    const choices = sides.map((side, index) => ({
      index,
      message: {
        role: 'assistant',
        content: null,
        reasoning_content: `I see ${side}.`,
        tool_calls: [call('f:0', `{"side":"${side}"}`)],
      },
      finish_reason: 'tool_calls',
    }))
    await router.whole(KIMI, whole(completion({}, '', { choices })), { tools: TOOLS, messages, n: 2 })
    for (const side of sides) {
      const all = [...messages, ...round(call('f:0', `{ "side": "${side}" }`), 'ok')]
      await router.whole(KIMI, ANSWER, { tools: TOOLS, messages: all })
      expect(lastSent()[1]?.reasoning_content).toBe(`I see ${side}.`)
    }
  })

  test.each([
    ['whole', false],
    ['streamed', true],
  ])(
    'is reasoning_content, though its provider has it in details only, and goes back to it (%s)',
    async (_, isStream) => {
      const details = [{ type: 'reasoning.text', text: 'Let me see.', signature: 's', format: 'unknown', index: 0 }]
      const said = { reasoning_details: details, tool_calls: [{ index: 0, ...call('f:0') }] }
      const script = isStream
        ? stream(sse(chunk(said), chunk({}, 'tool_calls'), '[DONE]'))
        : whole(completion(said, 'tool_calls'))
      const messages = [{ role: 'user', content: `Go on, ${isStream}.` }]
      const model = 'openrouter/kimi-k2-thinking'
      const { choice } = await (isStream ? router.streamed : router.whole)(model, script, { tools: TOOLS, messages })
      expect(choice.reasoning).toBe('Let me see.')
      await router.whole(model, ANSWER, { tools: TOOLS, messages: [...messages, ...round(call('f:0'), 'ok')] })
      expect(lastSent()[1]?.reasoning_details).toEqual(details)
    },
  )
})

const LONG = '9007199254740993'
const DECIMAL = '0.12345678901234567891'
/** A number that a double would change, among others. */
const ARGUMENTS = { id: JSON.rawJSON(LONG), sum: JSON.rawJSON(DECIMAL), of: [1, JSON.rawJSON(`-${LONG}`)] }
const ARGUMENTS_TEXT = `{"id":${LONG},"sum":${DECIMAL},"of":[1,-${LONG}]}`
const SCHEMA = {
  type: 'object',
  properties: { id: { type: 'integer', maximum: JSON.rawJSON(LONG), enum: [1, JSON.rawJSON(LONG)] } },
}

const ollamaSays = (message: Fields) => ({
  model: 'llama3',
  message: { role: 'assistant', ...message },
  done: true,
  done_reason: 'stop',
  prompt_eval_count: 5,
  eval_count: 3,
})
const OLLAMA_CALL = ollamaSays({ tool_calls: [{ function: { name: 'f', arguments: ARGUMENTS } }] })

/** In each format: a plain answer, one that calls, and the same as a stream. */
const SAID: Readonly<Record<string, { model: string; plain: Script; calls: Script; streamed: Script }>> = {
  openai: {
    model: FORMATS.openai.model,
    plain: ANSWER,
    // As those send them that give an object in the place of its text.
    calls: whole(
      completion({ tool_calls: [{ ...call('a'), function: { name: 'f', arguments: ARGUMENTS } }] }, 'tool_calls'),
    ),
    streamed: stream(
      sse(
        chunk({ tool_calls: [{ index: 0, ...call('a'), function: { name: 'f', arguments: ARGUMENTS } }] }),
        chunk({}, 'tool_calls'),
        '[DONE]',
      ),
    ),
  },
  anthropic: {
    model: FORMATS.anthropic.model,
    plain: whole(message([{ type: 'text', text: 'Done.' }], 'end_turn')),
    calls: whole(message([{ type: 'tool_use', id: 'a', name: 'f', input: ARGUMENTS }], 'tool_use')),
    streamed: stream(
      named(
        MESSAGE_START,
        ...toolBlock(0, 'a', 'f', ARGUMENTS_TEXT.slice(0, 12), ARGUMENTS_TEXT.slice(12)),
        ...messageEnd('tool_use'),
      ),
    ),
  },
  gemini: {
    model: FORMATS.gemini.model,
    plain: whole(generated([{ text: 'Done.' }], 'STOP')),
    calls: whole(generated([{ functionCall: { name: 'f', args: ARGUMENTS } }], 'STOP')),
    streamed: stream(crlf(generated([{ functionCall: { name: 'f', args: ARGUMENTS } }], 'STOP'))),
  },
  cohere: {
    model: FORMATS.cohere.model,
    plain: whole(cohereAnswer({ content: [{ type: 'text', text: 'Done.' }] }, 'COMPLETE')),
    calls: whole(cohereAnswer({ tool_calls: [call('a', ARGUMENTS_TEXT)] }, 'TOOL_CALL')),
    streamed: stream(named(COHERE_START, ...cohereCall(0, 'a', 'f', ARGUMENTS_TEXT), cohereEnd('TOOL_CALL'))),
  },
  ollama: {
    model: 'ollama/llama3',
    plain: whole(ollamaSays({ content: 'Done.' })),
    calls: whole(OLLAMA_CALL),
    streamed: { headers: { 'content-type': 'application/x-ndjson' }, pieces: [`${JSON.stringify(OLLAMA_CALL)}\n`] },
  },
}

describe.each(Object.entries(SAID))(
  'numbers that a double would change, with %s',
  (_, { model, plain, calls, streamed }) => {
    test('arrive in the arguments and the schema as they were sent', async () => {
      const tools = [{ type: 'function', function: { name: 'f', parameters: SCHEMA } }]
      const messages = [{ role: 'user', content: 'Go on.' }, ...round(call('a', ARGUMENTS_TEXT), ARGUMENTS_TEXT)]
      await router.whole(model, plain, { tools, messages })
      const text = router.upstream.asked()[0]?.text ?? ''
      expect(text).toContain(JSON.stringify(SCHEMA.properties.id.enum))
      expect(text).toContain(`"maximum":${LONG}`)
      // Either as an object or as its text.
      expect(text.replaceAll('\\"', '"')).toContain(ARGUMENTS_TEXT)
      expect(text).not.toMatch(/9007199254740992|0\.1234567890123456[^7]|rawJSON/)
    })

    test('arrive in a result that is nothing but one', async () => {
      await router.whole(model, plain, {
        tools: TOOLS,
        messages: [{ role: 'user', content: 'Go on.' }, ...round(call('a', '{}'), LONG)],
      })
      const text = router.upstream.asked()[0]?.text ?? ''
      expect(text).toContain(LONG)
      expect(text).not.toMatch(/9007199254740992|rawJSON/)
    })

    test.each([
      ['whole', calls, false],
      ['streamed', streamed, true],
    ])('arrive in a call as the provider sent them (%s)', async (_how, script, isStream) => {
      const { choice, raw } = await (isStream ? router.streamed : router.whole)(model, script, { tools: TOOLS })
      expect(choice.toolCalls).toMatchObject([{ name: 'f', arguments: ARGUMENTS_TEXT }])
      expect(raw).not.toContain('rawJSON')
    })
  },
)

test('a number that Router9 reads itself may be as long as it likes', async () => {
  const body = {
    messages: [{ role: 'user', content: 'Hi' }],
    temperature: JSON.rawJSON('0.50000000000000000001'),
    provider: { max_price: { prompt: JSON.rawJSON('99.00000000000000000001') } },
    guided_json: { const: JSON.rawJSON(LONG) },
  }
  const asked = await router.sent('together/deepseek-v3', ANSWER, body)
  expect(asked.body.temperature).toBe(0.5)
  expect(asked.text).toContain(`"guided_json":{"const":${LONG}}`)
})

test('a long number in the place of a schema is refused as any number is', async () => {
  const tools = [{ type: 'function', function: { name: 'f', parameters: JSON.rawJSON(LONG) } }]
  const { status, error } = await router.refused(FORMATS.anthropic.model, ANSWER, { tools })
  expect([status, error.param]).toEqual([400, 'tools[0].function.parameters'])
})

test('more long numbers than anybody has are refused, in a schema and in arguments', async () => {
  const many = Array.from({ length: 30_000 }, () => JSON.rawJSON(LONG))
  const tools = [{ type: 'function', function: { name: 'f', parameters: { enum: many } } }]
  const inSchema = await router.refused(FORMATS.anthropic.model, ANSWER, { tools })
  expect([inSchema.status, inSchema.error.code, inSchema.error.message]).toEqual([
    400,
    'invalid_value',
    expect.stringMatching(/more than 25000 numbers/),
  ])
  const messages = [{ role: 'user', content: 'Hi' }, ...round(call('a', JSON.stringify({ many })), 'ok')]
  const inArguments = await router.refused(FORMATS.anthropic.model, ANSWER, { tools: TOOLS, messages })
  expect([inArguments.status, inArguments.error.param]).toEqual([400, 'messages[1].tool_calls[0].function.arguments'])
})
