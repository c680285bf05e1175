import { expect, test } from 'vitest'
import { ask, saying, sayingToClaude, sayingToGemini, useSimulator } from './asking.ts'
import { type Fields, fieldsOf, rowsOf } from './json.ts'
import { readOrders } from './orders.ts'

useSimulator()

const OPENAI = '/openai/v1/chat/completions'
const READ = { name: 'read_file', parameters: { type: 'object', properties: { path: { type: 'string' } } } }
const tools = [
  { type: 'function', function: READ },
  { type: 'custom', custom: { name: 'apply_patch' } },
]
const AGENT_TOOLS = Array.from({ length: 12 }, (_, at) => ({
  type: 'function',
  function: { ...READ, name: at === 0 ? 'read_file' : `tool_${at}` },
}))
const ENVELOPES =
  '<system-reminder>\nYou may read_file.\n</system-reminder># AGENTS.md instructions for /read_file\n<INSTRUCTIONS>read_file</INSTRUCTIONS><permissions instructions>read_file</permissions instructions>'

/** Plays a client that runs each call, until the model answers with text. */
async function loop(content: unknown, more: Fields = { tools }): Promise<{ rounds: unknown[][]; text: string }> {
  const messages: Fields[] = [{ role: 'user', content }]
  const rounds: unknown[][] = []
  for (;;) {
    const { json } = await ask(OPENAI, { model: 'gpt-4o', messages, ...more })
    const message = fieldsOf(rowsOf(json.choices)[0]?.message) ?? {}
    const calls = rowsOf(message.tool_calls)
    if (calls.length === 0) return { rounds, text: String(message.content) }
    rounds.push(calls.map((call) => Object.values(fieldsOf(call.function ?? call.custom) ?? {})))
    const results = calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: `result ${rounds.length}` }))
    messages.push(message, ...results)
  }
}

test('an instruction calls its tools once, round by round, and then the last results are quoted', async () => {
  const said = await loop(
    'Go [[sim * call=read_file {"path":"a]]b.txt"} & call=read_file {"path":"b"} call=apply_patch "*** Begin\\n]]" ]] on',
  )
  expect(said.rounds).toEqual([
    [
      ['read_file', '{"path":"a]]b.txt"}'],
      ['read_file', '{"path":"b"}'],
    ],
    [['apply_patch', '*** Begin\n]]']],
  ])
  expect(said.text).toBe('apply_patch answered: result 2')
})

test('a round can be repeated, knows its number, and be followed by a given text', async () => {
  const said = await loop('[[sim openai call=read_file {"path":"%round%.txt"} repeat=30 say="All \\"done\\""]]')
  expect(said.rounds).toHaveLength(30)
  expect(said.rounds[29]).toEqual([['read_file', '{"path":"30.txt"}']])
  expect(said.text).toBe('All "done"')
})

test('where parallel calls are off, those of one round come one after the other', async () => {
  const text = '[[sim * call=read_file {"path":"a"} & call=read_file {"path":"b"}]]'
  const said = await loop(text, { tools, parallel_tool_calls: false })
  expect(said.rounds).toEqual([[['read_file', '{"path":"a"}']], [['read_file', '{"path":"b"}']]])
})

test('a tool that is not offered is not called, and the answer says so', async () => {
  const said = await loop('[[sim * call=write_file {}]]')
  expect(said.rounds).toEqual([])
  expect(said.text).toContain('I cannot call write_file: no tool of this name is offered. Offered: read_file')
  expect((await loop('[[sim * call=read_file {}]]', { tools, tool_choice: 'none' })).text).toContain('switched off')
  expect((await loop('[[sim * call=read_file {"a":"]]')).text).toContain('are no JSON: {"a":"')
  expect((await loop('[[sim * call=read_file {a:1}]]')).text).toContain('are no JSON: {a:1}')
})

test('a given text stands where a schema or a call is wanted too', async () => {
  const format = { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object' } } }
  expect((await loop('[[sim * say="{\\"a\\":1}"]]', { response_format: format })).text).toBe('{"a":1}')
  const forced = await loop('[[sim * call=write_file]]', { tools, tool_choice: 'required' })
  expect([forced.rounds, forced.text]).toEqual([[], expect.stringContaining('I cannot call write_file')])
})

test('a tool behind a prefix is found, and a function with one text takes bare text', async () => {
  const named = { ...READ, name: 'mcp__files__read_file' }
  const said = await loop('[[sim * call=read_file "a.txt"]]', { tools: [{ type: 'function', function: named }] })
  expect(said.rounds).toEqual([[['mcp__files__read_file', '{"path":"a.txt"}']]])
})

test('words of reminders and surroundings call nothing, and leave the instruction of the user in force', async () => {
  expect((await loop(`${ENVELOPES}\nHello`)).text).toContain('Hello!')
  const call = (text: string): Fields[] => [{ role: 'user', content: text }]
  const done: Fields[] = [
    ...call('[[sim * call=read_file {}]]'),
    {
      role: 'assistant',
      tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'read_file', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: 'call_1', content: 'seen' },
  ]
  const after = async (messages: Fields[]): Promise<Fields> => {
    const { json } = await ask(OPENAI, { model: 'gpt-4o', tools, messages })
    return fieldsOf(rowsOf(json.choices)[0]?.message) ?? {}
  }
  const reminded = await after([...done, ...call('<system-reminder>read_file again</system-reminder>')])
  expect(reminded.content).toBe('read_file answered: seen')
  // New words of the user end the old instruction and bring their own.
  const next = [...done, { role: 'assistant', content: 'seen' }]
  expect((await after([...next, ...call('Hello')])).content).toContain('Hello!')
  expect(rowsOf((await after([...next, ...call('[[sim * call=read_file]]')])).tool_calls)).toHaveLength(1)
})

test('with as many tools as an agent has, words alone call nothing', async () => {
  const text = 'Use read_file to read the file a.txt'
  expect((await loop(text, { tools: AGENT_TOOLS.slice(0, 1) })).rounds).toHaveLength(1)
  expect((await loop(text, { tools: AGENT_TOOLS })).rounds).toHaveLength(0)
  expect((await loop(`${text} [[sim * call=read_file]]`, { tools: AGENT_TOOLS })).rounds).toHaveLength(1)
})

test('instructions work in every format', async () => {
  const text = '[[sim * call=read_file {"path":"a"}]]'
  const schema = READ.parameters
  const claude = await ask(
    '/anthropic/v1/messages',
    sayingToClaude(text, { tools: [{ name: 'read_file', input_schema: schema }] }),
  )
  expect(rowsOf(claude.json.content).at(-1)).toMatchObject({ type: 'tool_use', input: { path: 'a' } })
  const gemini = await ask(
    '/gemini/v1beta/models/gemini-3-pro:generateContent',
    sayingToGemini(text, { tools: [{ functionDeclarations: [READ] }] }),
  )
  expect(gemini.text).toContain('"functionCall"')
  const streamed = await ask(OPENAI, saying('[[sim * call=apply_patch "*** Begin"]]', { tools, stream: true }))
  const pieces = streamed.events.flatMap(({ choices }) =>
    rowsOf(choices).flatMap(({ delta }) => rowsOf(fieldsOf(delta)?.tool_calls)),
  )
  expect(pieces.map(({ custom }) => fieldsOf(custom)?.input ?? '').join('')).toBe('*** Begin')
})

test('a model that insists refuses a loop whose reasoning is lost, in each format', async () => {
  const text = '[[sim * call=read_file {} insist]]'
  const schema = READ.parameters
  const lost: [string, Fields][] = []

  const claude: Fields = {
    ...sayingToClaude(text, { model: 'claude-sonnet-4-6', thinking: { type: 'adaptive' } }),
    tools: [{ name: 'read_file', input_schema: schema }],
  }
  const blocks = rowsOf((await ask('/anthropic/v1/messages', claude)).json.content)
  const back = (content: Fields[]): Fields => {
    const answers = [{ type: 'tool_result', tool_use_id: blocks.at(-1)?.id, content: 'x' }]
    return {
      ...claude,
      messages: [...rowsOf(claude.messages), { role: 'assistant', content }, { role: 'user', content: answers }],
    }
  }
  expect((await ask('/anthropic/v1/messages', back(blocks))).text).toContain('read_file answered: x')
  lost.push(['/anthropic/v1/messages', back(blocks.filter(({ type }) => type !== 'thinking'))])

  const codex = {
    model: 'gpt-5.3-codex',
    store: false,
    include: ['reasoning.encrypted_content'],
    tools: [{ type: 'function', ...READ }],
  }
  const question = { role: 'user', content: text }
  const items = rowsOf((await ask('/openai/v1/responses', { ...codex, input: [question] })).json.output)
  const output = { type: 'function_call_output', call_id: items.at(-1)?.call_id, output: 'x' }
  // Without ids, as many clients send them.
  const [thought, call] = items.map(({ id: _, ...item }) => item)
  expect((await ask('/openai/v1/responses', { ...codex, input: [question, thought, call, output] })).status).toBe(200)
  lost.push(['/openai/v1/responses', { ...codex, input: [question, call, output] }])

  const kimi = { model: 'kimi-k2-thinking', messages: [question], tools }
  const said = fieldsOf(rowsOf((await ask('/moonshot/v1/chat/completions', kimi)).json.choices)[0]?.message) ?? {}
  const result = { role: 'tool', tool_call_id: rowsOf(said.tool_calls)[0]?.id, content: 'x' }
  const { reasoning_content: _, ...bare } = said
  expect((await ask('/moonshot/v1/chat/completions', { ...kimi, messages: [question, said, result] })).status).toBe(200)
  lost.push(['/moonshot/v1/chat/completions', { ...kimi, messages: [question, bare, result] }])

  for (const [path, body] of lost) expect((await ask(path, body)).status, path).toBe(400)
})

test.each(['deepseek', 'moonshot'])('%s wants its reasoning back in a tool loop without being told', async (slot) => {
  const messages = [
    { role: 'user', content: 'x' },
    { role: 'assistant', tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }] },
    { role: 'tool', tool_call_id: 'call_1', content: 'x' },
  ]
  const path = `/${slot}/v1/chat/completions`
  const said = await ask(path, { model: 'thinker', messages, thinking: { type: 'enabled' } })
  expect([said.status, said.text]).toEqual([400, expect.stringContaining('reasoning_content')])
  expect((await ask(path, { model: 'm', messages, thinking: { type: 'disabled' } })).status).toBe(200)
})

test('orders of other slots are taken out, those that never end stay text', () => {
  expect(readOrders('a [[sim groq status=503 call=x]] b', 'openai')).toEqual({
    fault: {},
    script: undefined,
    text: 'a b',
  })
  expect(readOrders('a [[sim groq status=503 message="no, no" cut=3]]', 'groq').fault).toEqual({
    status: 503,
    message: 'no, no',
    cut: 3,
  })
  expect(readOrders('[[sim * call=x {', 'groq')).toEqual({ fault: {}, script: undefined, text: '[[sim * call=x {' })
})
