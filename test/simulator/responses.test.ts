import { expect, test } from 'vitest'
import {
  type Answer,
  ask,
  saying,
  sayingToResponses,
  useSimulator,
  WEATHER_QUESTION,
  WEATHER_SCHEMA,
} from './asking.ts'
import { type Fields, fieldsOf, rowsOf } from './json.ts'

useSimulator()

const RESPONSES = '/openai/v1/responses'
const WEATHER = { type: 'function', name: 'get_weather', parameters: WEATHER_SCHEMA }
const PATCH = {
  type: 'custom',
  name: 'apply_patch',
  format: { type: 'grammar', syntax: 'lark', definition: 'start: "x"' },
}
const SECRET = { store: false, include: ['reasoning.encrypted_content'] }
const THINKER = { model: 'gpt-5.3-codex', reasoning: { effort: 'medium', summary: 'auto' } }

function errorOf({ json }: Answer): Fields {
  return fieldsOf(json.error) ?? {}
}

function result(call: Fields | undefined, output: unknown): Fields {
  return { type: `${String(call?.type)}_output`, call_id: call?.call_id, output }
}

/** The text and calls that the deltas of a stream add up to, by the item. */
function deltasByItem(answer: Answer): Map<unknown, string> {
  const texts = new Map<unknown, string>()
  for (const { type, item_id: id, delta } of answer.events) {
    if (String(type).endsWith('.delta')) texts.set(id, (texts.get(id) ?? '') + String(delta))
  }
  return texts
}

test('a stream numbers its events, names them, and adds up to the whole answer', async () => {
  const said = await ask(RESPONSES, sayingToResponses('Say: Grüße 🙂!', { stream: true }))
  const types = said.events.map(({ type }) => type)
  expect([...said.text.matchAll(/^event: (.*)$/gm)].map((match) => match[1])).toEqual(types)
  expect(said.events.map(({ sequence_number: number }) => number)).toEqual([...types.keys()])
  expect(types.filter((type) => type !== 'response.output_text.delta')).toEqual([
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.content_part.added',
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.completed',
  ])
  expect(said.text).not.toContain('[DONE]')
  const response = fieldsOf(said.events.at(-1)?.response)
  const [message] = rowsOf(response?.output)
  expect(rowsOf(message?.content)[0]?.text).toBe('Grüße 🙂!')
  expect([...deltasByItem(said)]).toEqual([[message?.id, 'Grüße 🙂!']])
  expect(said.events.filter((event) => 'delta' in event).every((event) => 'obfuscation' in event)).toBe(true)
  const whole = await ask(RESPONSES, sayingToResponses('Say: Grüße 🙂!'))
  expect(Object.keys(whole.json).sort()).toEqual(Object.keys(response ?? {}).sort())
  expect(whole.json.usage).toEqual(response?.usage)
})

test('functions are called, streamed in pieces, and their results are quoted afterwards', async () => {
  const said = await ask(RESPONSES, sayingToResponses(WEATHER_QUESTION, { tools: [WEATHER], stream: true }))
  const calls = rowsOf(fieldsOf(said.events.at(-1)?.response)?.output)
  expect(calls.map((call) => [call.type, call.name, call.arguments])).toEqual([
    ['function_call', 'get_weather', '{"city":"Paris"}'],
    ['function_call', 'get_weather', '{"city":"Rome"}'],
  ])
  expect([...deltasByItem(said).values()]).toEqual(['{"city":"Paris"}', '{"city":"Rome"}'])
  const question = { role: 'user', content: [{ type: 'input_text', text: WEATHER_QUESTION }] }
  const results = [result(calls[0], '18 degrees'), result(calls[1], [{ type: 'input_text', text: '19 degrees' }])]
  const second = await ask(RESPONSES, { model: 'gpt-4o', tools: [WEATHER], input: [question, ...calls, ...results] })
  expect(second.text).toContain('get_weather answered: 18 degrees\\nget_weather answered: 19 degrees')
})

test('a custom tool gets bare text, a tool of a namespace tells its namespace', async () => {
  const shell = { type: 'namespace', name: 'shell', description: 'Runs', tools: [{ ...WEATHER, name: 'run' }] }
  const text = '[[sim * call=apply_patch "*** Begin Patch\\n" & call=run {"city":"x"}]]'
  const said = await ask(RESPONSES, sayingToResponses(text, { tools: [PATCH, shell], stream: true }))
  expect(rowsOf(fieldsOf(said.events.at(-1)?.response)?.output)).toMatchObject([
    { type: 'custom_tool_call', name: 'apply_patch', input: '*** Begin Patch\n' },
    { type: 'function_call', name: 'run', namespace: 'shell', arguments: '{"city":"x"}' },
  ])
  expect(said.events.map(({ type }) => type)).toContain('response.custom_tool_call_input.delta')
})

test('sealed reasoning of the end of an item must come back unchanged, that of its beginning is worth nothing', async () => {
  const request = sayingToResponses(WEATHER_QUESTION, { ...SECRET, ...THINKER, tools: [WEATHER] })
  const said = await ask(RESPONSES, { ...request, stream: true })
  const [thought, ...calls] = rowsOf(fieldsOf(said.events.at(-1)?.response)?.output)
  expect(said.events.map(({ type }) => type)).toContain('response.reasoning_summary_text.delta')
  const added = fieldsOf(said.events.find(({ type }) => type === 'response.output_item.added')?.item)
  expect(added?.encrypted_content).not.toBe(thought?.encrypted_content)
  const results = calls.map((call) => result(call, 'sunny'))
  const next = (items: (Fields | undefined)[]): Promise<Answer> =>
    ask(RESPONSES, { ...request, input: [{ role: 'user', content: WEATHER_QUESTION }, ...items, ...results] })

  expect((await next([thought, ...calls])).status).toBe(200)
  // As clients without ids send it.
  const { id: _, ...bare } = thought ?? {}
  expect((await next([bare, ...calls])).status).toBe(200)
  const changed = { ...thought, encrypted_content: `${String(thought?.encrypted_content)}A` }
  for (const wrong of [changed, { ...thought, encrypted_content: added?.encrypted_content }]) {
    const refused = await next([wrong, ...calls])
    expect([refused.status, errorOf(refused).code]).toEqual([400, 'invalid_encrypted_content'])
  }
  expect(errorOf(await next(calls)).message).toBe(
    `Item '${String(calls[0]?.id)}' of type 'function_call' was provided without its required 'reasoning' item: '${String(thought?.id)}'.`,
  )
  const { encrypted_content: __, ...referred } = thought ?? {}
  const lost = await next([referred, ...calls])
  expect([lost.status, errorOf(lost).message]).toEqual([404, expect.stringContaining('Items are not persisted')])
  const alone = await ask(RESPONSES, { ...request, input: [thought, { role: 'user', content: 'x' }] })
  expect(errorOf(alone).message).toContain('without its required following item')
})

test('what is stored can be continued and referred to, what is not stored cannot', async () => {
  const first = await ask(RESPONSES, sayingToResponses('My name is Ada'))
  const more = { previous_response_id: first.json.id }
  expect((await ask(RESPONSES, sayingToResponses("What's my name?", more))).text).toContain('Your name is Ada.')
  const [message] = rowsOf(first.json.output)
  const input = [
    { type: 'item_reference', id: message?.id },
    { role: 'user', content: 'Hi' },
  ]
  expect((await ask(RESPONSES, { model: 'gpt-4o', input })).status).toBe(200)
  const unknown = await ask(RESPONSES, sayingToResponses('x', { previous_response_id: 'resp_x' }))
  expect([unknown.status, errorOf(unknown).code]).toEqual([400, 'previous_response_not_found'])
  const lost = await ask(RESPONSES, sayingToResponses('x', { store: false }))
  const item = rowsOf(lost.json.output)[0]
  const reference = await ask(RESPONSES, { model: 'gpt-4o', input: [{ type: 'item_reference', id: item?.id }] })
  expect(reference.status).toBe(404)
})

test('a web search is an item of its own, and the text cites what it found', async () => {
  const said = await ask(RESPONSES, sayingToResponses('Search for cats', { tools: [{ type: 'web_search' }] }))
  const [search, message] = rowsOf(said.json.output)
  expect(search).toMatchObject({ type: 'web_search_call', status: 'completed', action: { query: 'Search for cats' } })
  const part = rowsOf(message?.content)[0]
  const [cited] = rowsOf(part?.annotations)
  expect(String(part?.text).slice(Number(cited?.start_index), Number(cited?.end_index))).toContain(String(cited?.url))
})

test('limits, refusals, filters, schemas and log probabilities have their shapes', async () => {
  const short = await ask(RESPONSES, sayingToResponses('Write 50 words', { max_output_tokens: 16, stream: true }))
  expect(short.events.at(-1)).toMatchObject({
    type: 'response.incomplete',
    response: {
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      usage: { output_tokens: 16 },
    },
  })
  const refused = await ask(RESPONSES, sayingToResponses('Refuse this', { stream: true }))
  expect(refused.events.map(({ type }) => type)).toContain('response.refusal.delta')
  const filtered = await ask(RESPONSES, sayingToResponses('content filter. Say: half of it'))
  expect(filtered.json.incomplete_details).toEqual({ reason: 'content_filter' })
  const schema = { ...WEATHER_SCHEMA, required: ['city', 'unit'], additionalProperties: false }
  const text = { format: { type: 'json_schema', name: 'weather', schema, strict: true } }
  const formed = await ask(RESPONSES, sayingToResponses('The weather in Rome', { text }))
  expect(JSON.parse(String(rowsOf(rowsOf(formed.json.output)[0]?.content)[0]?.text))).toMatchObject({ city: 'Rome' })
  const include = ['message.output_text.logprobs']
  const likely = await ask(RESPONSES, sayingToResponses('Say: Hi', { include, top_logprobs: 2 }))
  expect(rowsOf(rowsOf(rowsOf(likely.json.output)[0]?.content)[0]?.logprobs)[0]?.top_logprobs).toHaveLength(2)
})

test.each<[string, Fields, string, string | null, string | null]>([
  ['an unknown parameter', { max_tokens: 5 }, "Unknown parameter: 'max_tokens'.", 'max_tokens', 'unknown_parameter'],
  ['a wrong type', { temperature: 'hot' }, 'expected a decimal, but got a string', 'temperature', 'invalid_type'],
  ['no input', { input: undefined }, 'must be provided', 'input', 'missing_required_parameter'],
  ['no model', { model: undefined }, "Missing required parameter: 'model'.", 'model', 'missing_required_parameter'],
  ['a small limit', { max_output_tokens: 5 }, 'Expected a value >= 16', 'max_output_tokens', 'integer_below_min_value'],
  [
    'a tool as chat has it',
    { tools: [{ type: 'function', function: WEATHER }] },
    "'tools[0].name'",
    'tools[0].name',
    'missing_required_parameter',
  ],
  [
    'an open strict schema',
    { tools: [{ ...WEATHER, strict: true }] },
    "'additionalProperties' is required",
    'tools[0].parameters',
    'invalid_function_parameters',
  ],
  [
    'effort on another model',
    { reasoning: { effort: 'low' } },
    "'reasoning.effort' is not supported",
    'reasoning.effort',
    'unsupported_parameter',
  ],
  [
    'sealed reasoning of another model',
    { include: ['reasoning.encrypted_content'] },
    'Encrypted content is not supported',
    'include',
    null,
  ],
  [
    'an unknown role',
    { input: [{ role: 'tool', content: 'x' }] },
    "Invalid value: 'tool'",
    'input[0]',
    'invalid_value',
  ],
  [
    'a part of the other side',
    { input: [{ role: 'assistant', content: [{ type: 'input_text', text: 'x' }] }] },
    "Supported values are: 'output_text' and 'refusal'",
    'input[0].content[0]',
    'invalid_value',
  ],
  [
    'an id of another kind',
    { input: [{ type: 'reasoning', id: 'x_1', summary: [] }] },
    "begins with 'rs'",
    'input[0].id',
    'invalid_value',
  ],
  [
    'an unknown member of an item',
    { input: [{ role: 'user', content: 'x', name: 'y' }] },
    "'input[0].name'",
    'input[0].name',
    'unknown_parameter',
  ],
  [
    'a call without its output',
    { input: [{ type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' }] },
    'No tool output found for function call a.',
    'input',
    null,
  ],
  [
    'an output without its call',
    { input: [{ type: 'function_call_output', call_id: 'a', output: 'x' }] },
    'No tool call found for function call output with call_id a.',
    'input',
    null,
  ],
  [
    'a forced call of nothing',
    { tool_choice: { type: 'function', name: 'f' } },
    "Tool choice 'f' not found",
    'tool_choice',
    null,
  ],
  [
    'json without the word',
    { text: { format: { type: 'json_object' } } },
    "must contain the word 'json'",
    'input',
    null,
  ],
])('OpenAI refuses %s', async (_, more, message, param, code) => {
  const said = await ask(RESPONSES, sayingToResponses('Hi', more))
  expect(said.status).toBe(400)
  expect(errorOf(said)).toEqual({
    type: 'invalid_request_error',
    message: expect.stringContaining(message),
    param,
    code,
  })
})

test('tokens are counted, and a conversation is made short with a sealed item', async () => {
  const counted = await ask(`${RESPONSES}/input_tokens`, sayingToResponses('Tell me a joke.'))
  expect(counted.json).toEqual({ object: 'response.input_tokens', input_tokens: 4 })
  const input = [
    { role: 'user', content: 'Hello' },
    { role: 'assistant', content: 'Hi' },
  ]
  const compact = await ask(`${RESPONSES}/compact`, { model: 'gpt-4o', input })
  expect(compact.json).toMatchObject({
    object: 'response.compaction',
    output: [{ role: 'user' }, { type: 'compaction' }],
  })
  const output = rowsOf(compact.json.output)
  const next = (items: Fields[]): Promise<Answer> =>
    ask(RESPONSES, { model: 'gpt-4o', input: [...items, { role: 'user', content: 'Hi' }] })
  expect((await next(output)).status).toBe(200)
  expect((await next([{ ...output[1], encrypted_content: 'gAAAAABx' }])).status).toBe(400)
})

test('models that exist only here are refused as chat', async () => {
  for (const model of ['gpt-5-codex', 'o3-pro', 'gpt-5-pro', 'codex-mini-latest']) {
    const said = await ask('/openai/v1/chat/completions', saying('Hi', { model }))
    expect([said.status, errorOf(said).message]).toEqual([
      404,
      'This model is only supported in v1/responses and not in v1/chat/completions.',
    ])
  }
})

test('a stream that breaks off never completes, and an error in it is nested and followed by the failed response', async () => {
  const cut = await ask(RESPONSES, sayingToResponses('Count to 20 [[sim * cut=3]]', { stream: true }))
  expect(cut.failure).toBeDefined()
  expect(cut.text).not.toContain('response.completed')
  const failed = await ask(RESPONSES, sayingToResponses('Count to 20 [[sim * errorAfter=3]]', { stream: true }))
  const [error, end] = failed.events.slice(-2)
  expect(error).toMatchObject({ type: 'error', error: { code: 'server_error', param: null } })
  expect(end).toMatchObject({
    type: 'response.failed',
    response: { status: 'failed', error: { code: 'server_error' } },
  })
  expect(end?.sequence_number).toBe(failed.events.length - 1)
  const status = await ask(RESPONSES, sayingToResponses('[[sim * status=429]]'))
  expect([status.status, errorOf(status).code]).toEqual([429, 'rate_limit_exceeded'])
})

test('others have their own manners', async () => {
  const azure = await ask('/azure/openai/v1/responses', sayingToResponses('Say: x'), { 'api-key': 'key' })
  expect(azure.json.status).toBe('completed')
  const bad = await ask('/xai/v1/responses', sayingToResponses('x'), { authorization: 'Bearer bad-key' })
  expect([bad.status, typeof bad.json.error]).toEqual([400, 'string'])
  const grok = await ask(
    '/xai/v1/responses',
    sayingToResponses('x', { ...SECRET, model: 'grok-4', reasoning: { effort: 'low' }, stream: true }),
  )
  const items = grok.events.filter(({ type }) => String(type).startsWith('response.output_item'))
  expect(items.map(({ item }) => 'encrypted_content' in (fieldsOf(item) ?? {}))).toEqual([false, true, false, false])
  const router = await ask(
    '/openrouter/api/v1/responses',
    sayingToResponses('x', { reasoning: { effort: 'low' }, stream: true }),
  )
  expect(router.text).not.toContain('event:')
  expect(router.text.endsWith('data: [DONE]\n\n')).toBe(true)
  expect(router.text).toContain('response.reasoning_text.delta')
})
