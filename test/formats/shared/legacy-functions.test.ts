import { describe, expect, test } from 'vitest'
import { anthropic } from '../../../src/formats/anthropic-messages/write-request.ts'
import { cohere } from '../../../src/formats/cohere/write-request.ts'
import { gemini } from '../../../src/formats/gemini/write-request.ts'
import { ollama } from '../../../src/formats/ollama/write-request.ts'
import { type OpenAIQuirks, openai } from '../../../src/formats/openai-chat/write-request.ts'
import { type Asked, createAsker, type Json, refusal } from '../asking.ts'
import { answerOf, readMessages, readWhole } from '../reading.ts'
import { chunk } from '../streams.ts'

const ask = createAsker<OpenAIQuirks>(openai, {})
const parameters = { type: 'object', properties: { city: { type: 'string' } } }
const functions = [{ name: 'weather', description: 'Tells it.', parameters }, { name: 'clock' }]
const tools = [
  { type: 'function', function: { name: 'weather', description: 'Tells it.', parameters } },
  { type: 'function', function: { name: 'clock' } },
]
const hello = { role: 'user', content: 'Hello!' }
const called = (name: string, given = '{}') => ({
  role: 'assistant',
  content: null,
  function_call: { name, arguments: given },
})
const result = (name: string, content = 'r') => ({ role: 'function', name, content })

test('functions are tools to who does not know them', () => {
  const { body, dropped } = ask({ functions })
  expect(body.tools).toEqual(tools)
  expect(body).not.toHaveProperty('functions')
  expect(dropped).toEqual([])
})

test('functions stay as they are with who knows them', () => {
  const fields = { functions, function_call: 'auto', messages: [hello, called('clock'), result('clock')] }
  expect(ask(fields, {}, { quirk: { legacyFunctions: true } }).body).toMatchObject(fields)
})

test.each<[string, unknown, unknown]>([
  ['auto', 'auto', 'auto'],
  ['none', 'none', 'none'],
  ['a certain one', { name: 'clock' }, { type: 'function', function: { name: 'clock' } }],
  ['nothing that is known', 'sometimes', undefined],
])('the choice of %s is the same among tools', (_, function_call, expected) => {
  const { body } = ask({ functions, function_call })
  expect(body.tool_choice).toEqual(expected)
  expect(body).not.toHaveProperty('function_call')
})

test('what could not be kept of the choice is told by the name that the caller knows', () => {
  const fields = { functions, function_call: { name: 'clock' } }
  expect(createAsker(anthropic, {})(fields, { noForcedTool: true }).dropped).toEqual(['function_call'])
})

test('calls and results become those of tools, each result with the id of the last call of its name', () => {
  const round = [called('clock'), result('clock', 'noon'), called('weather'), result('weather'), called('clock')]
  const { body } = ask({ messages: [hello, ...round, result('clock', 'one')] })
  const made = body.messages as { tool_calls?: { id: string }[]; tool_call_id?: string; role: string }[]
  const ids = made.flatMap(({ tool_calls }) => tool_calls?.map(({ id }) => id) ?? [])
  expect(new Set(ids).size).toBe(3)
  expect(made.filter(({ role }) => role === 'tool').map(({ tool_call_id }) => tool_call_id)).toEqual(ids)
  expect(JSON.stringify(made)).not.toMatch(/function_call|"role":"function"/)
})

test('a result that no call was made for is refused', () => {
  expect(refusal(() => ask({ messages: [hello, called('clock'), result('weather')] }))).toEqual({
    code: 'invalid_value',
    param: 'messages[2].name',
  })
})

describe('each format without them gets them as tools', () => {
  const fields = { functions, function_call: { name: 'clock' }, messages: [hello, called('clock'), result('clock')] }

  test.each<[string, (given: Json) => Asked, string[]]>([
    ['anthropic', createAsker(anthropic, {}), ['"tool_use"', '"tool_result"', '"tool_use_id":"call_1"']],
    ['gemini', createAsker(gemini, {}), ['functionDeclarations', '"functionCall"', '"functionResponse"']],
    ['cohere', createAsker(cohere, {}), ['"REQUIRED"', '"tool_calls"', '"tool_call_id":"call_1"']],
  ])('%s', (_, askIt, words) => {
    const { prepared, dropped } = askIt(fields)
    for (const word of words) expect(prepared.request.body).toContain(word)
    expect(dropped).toEqual([])
  })

  test('ollama, which cannot be told what to call', () => {
    const { body } = createAsker(ollama, {})({ ...fields, function_call: 'auto' })
    expect(body).toMatchObject({ tools, messages: [hello, {}, { role: 'tool', tool_name: 'clock' }] })
  })
})

describe('a call that is answered', () => {
  const call = (index: number, name: string) => ({
    index,
    id: `id_${index}`,
    type: 'function',
    function: { name, arguments: '{"x":1}' },
  })
  const expected = { content: null, function_call: { name: 'weather', arguments: '{"x":1}' } }
  const message = { role: 'assistant', content: null, tool_calls: [call(0, 'weather'), call(1, 'clock')] }
  const whole = { choices: [{ index: 0, message, finish_reason: 'tool_calls' }] }

  test.each(['tool_calls', 'stop'])('comes back as the one function call (the provider ends with %s)', (word) => {
    const { prepared } = ask({ functions })
    const said = readMessages(prepared.streamReader(), [
      chunk({ tool_calls: [call(0, 'weather')] }),
      chunk({ tool_calls: [call(1, 'clock')] }),
      chunk({}, word),
      '[DONE]',
    ])
    expect(answerOf(said)).toMatchObject({ ...expected, finish_reason: 'function_call' })
    expect(answerOf(said)).not.toHaveProperty('tool_calls')
  })

  test('comes back so in a whole body too', () => {
    const said = readWhole(ask({ functions }).prepared.readAnswer(whole))
    expect(answerOf(said)).toMatchObject({ ...expected, finish_reason: 'function_call' })
    expect(answerOf(said)).not.toHaveProperty('tool_calls')
  })

  test('stays a tool call for who offered tools, whatever was called before', () => {
    const asked = ask({ tools, messages: [hello, called('clock'), result('clock')] })
    expect(answerOf(readWhole(asked.prepared.readAnswer(whole)))).toMatchObject({
      finish_reason: 'tool_calls',
      tool_calls: [{ id: 'id_0' }, { id: 'id_1' }],
    })
  })

  test('and cut by the length says so', () => {
    const cut = { choices: [{ index: 0, message, finish_reason: 'length' }] }
    expect(answerOf(readWhole(ask({ functions }).prepared.readAnswer(cut))).finish_reason).toBe('length')
  })
})
