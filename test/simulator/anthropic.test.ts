import { expect, test } from 'vitest'
import { ask, sayingToClaude, useSimulator, WEATHER_QUESTION, WEATHER_SCHEMA } from './asking.ts'
import { type Fields, fieldsOf, rowsOf } from './json.ts'

useSimulator()

const MESSAGES = '/anthropic/v1/messages'
const tools = [{ name: 'get_weather', input_schema: WEATHER_SCHEMA }]
const THINKING = { type: 'enabled', budget_tokens: 1024 }

test('the events come in their order and under their names', async () => {
  const said = await ask(MESSAGES, sayingToClaude('Say: one two', { stream: true }))
  const names = [...said.text.matchAll(/^event: (.*)$/gm)].map((match) => match[1])
  expect(names).toEqual([
    'message_start',
    'content_block_start',
    'ping',
    'content_block_delta',
    'content_block_delta',
    'content_block_stop',
    'message_delta',
    'message_stop',
  ])
  expect(names).toEqual(said.events.map(({ type }) => type))
})

test('a stream adds up to the whole answer', async () => {
  const ended = { stop_reason: 'end_turn', stop_sequence: null }
  const said = await ask(MESSAGES, sayingToClaude('Count to 12', { stream: true }))
  const whole = await ask(MESSAGES, sayingToClaude('Count to 12'))
  const text = said.events.map(({ delta }) => fieldsOf(delta)?.text ?? '').join('')
  expect(rowsOf(whole.json.content)[0]?.text).toBe(text)
  expect(whole.json).toMatchObject(ended)
  const last = said.events.at(-2)
  expect(last?.delta).toMatchObject(ended)
  expect(fieldsOf(last?.usage)?.output_tokens).toBe(fieldsOf(whole.json.usage)?.output_tokens)
})

test('a tool loop with thinking works when the signed thought comes back, and fails when it was changed', async () => {
  const first = await ask(MESSAGES, sayingToClaude(WEATHER_QUESTION, { tools, thinking: THINKING }))
  const content = rowsOf(first.json.content)
  expect(content.map(({ type }) => type)).toEqual(['thinking', 'text', 'tool_use', 'tool_use'])
  const results = content
    .filter(({ type }) => type === 'tool_use')
    .map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: '21 degrees' }))
  const next = (blocks: Fields[]): Fields => ({
    ...sayingToClaude('', { tools, thinking: THINKING }),
    messages: [
      { role: 'user', content: WEATHER_QUESTION },
      { role: 'assistant', content: blocks },
      { role: 'user', content: results },
    ],
  })
  const second = await ask(MESSAGES, next(content))
  expect(second.text).toContain('get_weather answered: 21 degrees')
  const forged = await ask(MESSAGES, next([{ ...content[0], thinking: 'Something else' }, ...content.slice(1)]))
  expect(fieldsOf(forged.json.error)?.message).toContain('Invalid `signature` in `thinking` block')
  const bare = await ask(MESSAGES, next(content.slice(1)))
  expect(fieldsOf(bare.json.error)?.message).toContain('Expected `thinking` or `redacted_thinking`')
})

test('streamed thinking ends with its signature', async () => {
  const said = await ask(MESSAGES, sayingToClaude('Say: x', { stream: true, thinking: THINKING }))
  const deltas = said.events.map(({ delta }) => fieldsOf(delta)?.type)
  expect(deltas.filter((type) => type === 'signature_delta')).toHaveLength(1)
  expect(deltas.indexOf('signature_delta')).toBe(deltas.lastIndexOf('thinking_delta') + 1)
})

test('a schema is kept to, and refused where it holds what Anthropic cannot keep', async () => {
  const schema = {
    type: 'object',
    properties: { name: { type: 'string' }, tags: { type: 'array', items: { enum: ['a', 'b'] } } },
    required: ['name', 'tags'],
    additionalProperties: false,
  }
  const format = (given: object): Fields => ({ output_config: { format: { type: 'json_schema', schema: given } } })
  const said = await ask(MESSAGES, sayingToClaude('Describe Ada', format(schema)))
  expect(JSON.parse(String(rowsOf(said.json.content)[0]?.text))).toEqual({ name: 'Ada', tags: ['a', 'a'] })
  const open = await ask(MESSAGES, sayingToClaude('x', format({ ...schema, additionalProperties: undefined })))
  expect(open.status).toBe(400)
  const limited = { ...schema, properties: { name: { type: 'string', minLength: 2 } } }
  expect((await ask(MESSAGES, sayingToClaude('x', format(limited)))).status).toBe(400)
  const node = { type: 'object', properties: { next: { $ref: '#/$defs/Node' } }, additionalProperties: false }
  const circle = await ask(MESSAGES, sayingToClaude('x', format({ ...node, $defs: { Node: node } })))
  expect(fieldsOf(circle.json.error)?.message).toContain(
    'Circular reference detected in schema definitions: Node -> Node',
  )
})

const pair = (id: string, reply: Fields[]): Fields => ({
  tools,
  messages: [
    { role: 'user', content: 'x' },
    { role: 'assistant', content: [{ type: 'tool_use', id, name: 'get_weather', input: {} }] },
    { role: 'user', content: reply },
  ],
})
const result = { type: 'tool_result', tool_use_id: 'toolu_1', content: 'x' }

test.each<[string, Fields, string]>([
  ['no max_tokens', { max_tokens: undefined }, 'max_tokens: Field required'],
  ['a limit over the model', { max_tokens: 999_999 }, 'max_tokens: 999999 > 64000'],
  ['an unknown field', { seed: 1 }, 'seed: Extra inputs are not permitted'],
  ['no messages', { messages: [] }, 'at least one message'],
  ['an empty text block', { messages: [{ role: 'user', content: [{ type: 'text', text: '' }] }] }, 'non-empty'],
  ['a system role', { messages: [{ role: 'system', content: 'x' }] }, "Input should be 'user' or 'assistant'"],
  ['a temperature over 1', { temperature: 1.2 }, 'less than or equal to 1'],
  ['temperature with top_p', { temperature: 1, top_p: 0.5 }, 'cannot both be specified'],
  ['a blank stop sequence', { stop_sequences: [' '] }, 'non-whitespace'],
  ['a small budget', { thinking: { type: 'enabled', budget_tokens: 500 } }, 'greater than or equal to 1024'],
  ['a budget over the limit', { thinking: { type: 'enabled', budget_tokens: 4000 } }, 'must be greater than'],
  ['a forced call with thinking', { tools, tool_choice: { type: 'any' }, thinking: THINKING }, 'forces tool use'],
  [
    'a forced call on a model that cannot be forced',
    { model: 'claude-fable-5', tools, tool_choice: { type: 'any' } },
    'forced tool use is not supported',
  ],
  ['a choice without tools', { tool_choice: { type: 'auto' } }, 'only be specified while providing tools'],
  ['an odd call id', pair('call:1', [{ ...result, tool_use_id: 'call:1' }]), 'String should match pattern'],
  ['a call without its result', pair('toolu_1', [{ type: 'text', text: 'x' }]), '`tool_use` ids were found without'],
  ['a result after text', pair('toolu_1', [{ type: 'text', text: 'x' }, result]), '`tool_use` ids were found without'],
  [
    'arguments as text',
    {
      tools,
      messages: [{ role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'b', input: '{}' }] }],
    },
    'Input should be a valid dictionary',
  ],
])('Anthropic refuses %s', async (_, more, message) => {
  const { status, json } = await ask(MESSAGES, sayingToClaude('Hi', more))
  expect([status, json.type]).toEqual([400, 'error'])
  expect(fieldsOf(json.error)?.message).toContain(message)
})

test('a request without version or with a bad key is refused', async () => {
  expect((await ask(MESSAGES, sayingToClaude('Hi'), { 'x-api-key': 'key' })).status).toBe(400)
  const bad = await ask(MESSAGES, sayingToClaude('Hi'), { 'x-api-key': 'bad-key', 'anthropic-version': '2023-06-01' })
  expect([bad.status, fieldsOf(bad.json.error)?.type]).toEqual([401, 'authentication_error'])
})

test('a refusal has no content and says why', async () => {
  const { json } = await ask(MESSAGES, sayingToClaude('Refuse this'))
  expect(json).toMatchObject({ content: [], stop_reason: 'refusal', stop_details: { category: 'cyber' } })
})

test('the newest models take a system role among the messages', async () => {
  const messages = [
    { role: 'user', content: 'What is your system prompt?' },
    { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] },
  ]
  const said = await ask(MESSAGES, { model: 'claude-opus-4-8', max_tokens: 100, messages })
  expect(said.text).toContain('My system prompt is: Be brief.')
})

test('what an agent sends beside the messages is taken, and told about where Anthropic tells', async () => {
  const beta = {
    'x-api-key': 'key',
    'anthropic-version': '2023-06-01',
    'anthropic-beta': 'context-management-2025-06-27',
  }
  const more = {
    model: 'claude-sonnet-4-6',
    system: [{ type: 'text', text: 'Help.', cache_control: { type: 'ephemeral', ttl: '1h' } }],
    thinking: { type: 'adaptive', display: 'omitted' },
    output_config: { effort: 'medium' },
    context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
    metadata: { user_id: '{"session_id":"x"}' },
    tools: [
      ...tools.map((tool) => ({ ...tool, defer_loading: true })),
      { type: 'tool_search_tool_bm25_20251119', name: 'find' },
    ],
  }
  const said = await ask(`${MESSAGES}?beta=true`, sayingToClaude('Say: x', more), beta)
  expect(said.json).toMatchObject({
    content: [{ type: 'thinking', thinking: '' }, { type: 'text' }],
    context_management: { applied_edits: [] },
  })
})

test('tokens are counted without a limit of the answer', async () => {
  const { max_tokens: _, ...body } = sayingToClaude('Tell me a joke.')
  expect((await ask(`${MESSAGES}/count_tokens`, body)).json).toEqual({ input_tokens: 4 })
  expect((await ask(`${MESSAGES}/count_tokens`, sayingToClaude('x'))).status).toBe(400)
})

test('redacted thinking must come back as it was', async () => {
  const question = 'ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING Say: x'
  const first = await ask(MESSAGES, sayingToClaude(question, { thinking: THINKING }))
  const [redacted, text] = rowsOf(first.json.content)
  expect(redacted?.type).toBe('redacted_thinking')
  const next = (block: Fields): Fields => ({
    ...sayingToClaude('', { thinking: THINKING }),
    messages: [
      { role: 'user', content: question },
      { role: 'assistant', content: [block, text] },
      { role: 'user', content: 'Hi' },
    ],
  })
  expect((await ask(MESSAGES, next(redacted ?? {}))).status).toBe(200)
  const forged = await ask(MESSAGES, next({ ...redacted, data: 'x' }))
  expect(fieldsOf(forged.json.error)?.message).toContain('Invalid `data` in `redacted_thinking` block')
})
