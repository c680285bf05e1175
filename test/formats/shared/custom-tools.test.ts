import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anthropic } from '../../../src/formats/anthropic-messages/write-request.ts'
import { cohere } from '../../../src/formats/cohere/write-request.ts'
import { gemini } from '../../../src/formats/gemini/write-request.ts'
import { ollama } from '../../../src/formats/ollama/write-request.ts'
import { type OpenAIQuirks, openai } from '../../../src/formats/openai-chat/write-request.ts'
import { createAsker, type Json } from '../asking.ts'
import { answerOf, readMessages, readWhole } from '../reading.ts'
import { chunk } from '../streams.ts'

const ask = createAsker<OpenAIQuirks>(openai, {})
const grammar = { type: 'grammar', grammar: { syntax: 'lark', definition: 'start: "SELECT" /.+/' } }
const tools = [
  { type: 'custom', custom: { name: 'sql', description: 'Asks it.', format: grammar } },
  { type: 'function', function: { name: 'clock' } },
]
const hello = { role: 'user', content: 'Hello!' }
const customCall = { id: 'c', type: 'custom', custom: { name: 'sql', input: 'SELECT "a"\n' } }
const round = [
  hello,
  { role: 'assistant', content: null, tool_calls: [customCall] },
  { role: 'tool', tool_call_id: 'c', content: 'r' },
]

/** A stream of calls whose arguments come in these pieces. */
function streamOf(name: string, pieces: readonly string[]): Json[] {
  const call = { index: 0, id: 'c', type: 'function', function: { name, arguments: '' } }
  return [
    chunk({ tool_calls: [call] }),
    ...pieces.map((text) => chunk({ tool_calls: [{ index: 0, function: { arguments: text } }] })),
    chunk({}, 'tool_calls'),
  ]
}

test('a custom tool is a function with one text to who does not know it, and so are its calls and its choice', () => {
  const { body } = ask({ tools, messages: round, tool_choice: { type: 'custom', custom: { name: 'sql' } } })
  const [sql, clock] = body.tools as Json[]
  expect(sql).toMatchObject({
    type: 'function',
    function: {
      name: 'sql',
      description: expect.stringMatching(/^Asks it\.[\s\S]*lark[\s\S]*start: "SELECT"/),
      parameters: { properties: { input: { type: 'string' } }, required: ['input'] },
    },
  })
  expect(clock).toEqual(tools[1])
  expect(body.tool_choice).toEqual({ type: 'function', function: { name: 'sql' } })
  expect((body.messages as Json[])[1]).toMatchObject({
    tool_calls: [{ id: 'c', type: 'function', function: { name: 'sql', arguments: '{"input":"SELECT \\"a\\"\\n"}' } }],
  })
  const allowed = (type: string) => ({
    type: 'allowed_tools',
    allowed_tools: { mode: 'auto', tools: [{ type, [type]: { name: 'sql' } }] },
  })
  expect(ask({ tools, tool_choice: allowed('custom') }).body.tool_choice).toEqual(allowed('function'))
})

test('a name that a function has too means the function, and a choice that ends leaves the calls of others open', () => {
  const both = [...tools, { type: 'function', function: { name: 'sql' } }]
  const said = readMessages(ask({ tools: both, messages: [hello] }).prepared.streamReader(), streamOf('sql', ['{}']))
  expect(answerOf(said).tool_calls).toMatchObject([{ type: 'function', function: { name: 'sql', arguments: '{}' } }])
  const at = (index: number, delta: Json, finish: string | null = null): Json => ({
    ...chunk({}),
    choices: [{ index, delta, finish_reason: finish }],
  })
  const piece = (text: string, begin = {}) => ({ tool_calls: [{ index: 0, function: { arguments: text }, ...begin }] })
  const events = readMessages(ask({ tools, messages: [hello], n: 2 }).prepared.streamReader(), [
    at(0, { content: 'Hi' }),
    at(1, piece('', { id: 'c', type: 'function', function: { name: 'sql', arguments: '{"input":"a' } })),
    at(0, {}, 'stop'),
    at(1, piece('b"}')),
    at(1, {}, 'tool_calls'),
  ])
  expect(events.flatMap((event) => (event.type === 'tool-delta' ? event.text : [])).join('')).toBe('ab')
})

test('it stays as it is with who knows it', () => {
  const fields = { tools, messages: round }
  expect(ask(fields, {}, { quirk: { customTools: true } }).body).toMatchObject(fields)
})

test.each([
  ['anthropic', createAsker(anthropic, {})],
  ['gemini', createAsker(gemini, {})],
  ['cohere', createAsker(cohere, {})],
  ['ollama', createAsker(ollama, {})],
])('%s takes custom tools as functions', (_, asker) => {
  expect(JSON.stringify(asker({ tools, messages: round }).body)).toContain('SELECT')
})

describe('a call of it comes back as a custom call', () => {
  const { prepared } = ask({ tools })
  const callOf = (said: ReturnType<typeof readWhole>) => (answerOf(said).tool_calls as Json[])[0]

  test('with its bare text, wherever its pieces end', () => {
    const input = fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed())
    fc.assert(
      fc.property(input, fc.array(fc.nat(60), { maxLength: 6 }), fc.boolean(), (text, cuts, isEscaped) => {
        const json = JSON.stringify({ input: text })
        const given = isEscaped
          ? json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
          : json
        const ends = [0, ...cuts, given.length].sort((a, b) => a - b)
        const pieces = ends.slice(1).map((end, at) => given.slice(ends[at], end))
        const said = readMessages(prepared.streamReader(), streamOf('sql', pieces))
        expect(callOf(said)).toEqual({ id: 'c', type: 'custom', custom: { name: 'sql', input: text } })
      }),
    )
  })

  test('whole, and also where the model wrote something else than that one text', () => {
    const whole = (given: string) => {
      const call = { id: 'c', type: 'function', function: { name: 'sql', arguments: given } }
      const choices = [{ index: 0, message: { role: 'assistant', tool_calls: [call] }, finish_reason: 'tool_calls' }]
      return callOf(readWhole(prepared.readAnswer({ choices })))?.custom
    }
    expect(whole('{"input":"a"}')).toEqual({ name: 'sql', input: 'a' })
    expect(whole('{"query":"a"}')).toEqual({ name: 'sql', input: 'a' })
    expect(whole('SELECT 1')).toEqual({ name: 'sql', input: 'SELECT 1' })
  })

  test('and other calls stay what they are', () => {
    expect(callOf(readMessages(prepared.streamReader(), streamOf('clock', ['{"input":"a"}'])))).toMatchObject({
      type: 'function',
      function: { name: 'clock', arguments: '{"input":"a"}' },
    })
  })
})
