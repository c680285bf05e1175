import { expect, test } from 'vitest'
import { ask, deltasOf, saying, useSimulator, WEATHER_QUESTION, WEATHER_SCHEMA } from './asking.ts'
import { type Fields, fieldsOf, rowsOf } from './json.ts'

useSimulator()

const tools = [{ type: 'function', function: { name: 'get_weather', parameters: WEATHER_SCHEMA } }]

function path(slot: string): string {
  return `/${slot}/v1/chat/completions`
}

function finishChunk(events: Fields[]): Fields | undefined {
  return events.find(({ choices }) => rowsOf(choices).some((choice) => Boolean(choice.finish_reason)))
}

test('Azure begins with an empty chunk about the prompt and takes the key in its own header', async () => {
  const said = await ask(path('azure'), saying('Hi', { stream: true }), { 'api-key': 'key' })
  expect(said.events[0]).toMatchObject({ id: '', model: '', choices: [], prompt_filter_results: [{ prompt_index: 0 }] })
  const refused = await ask(path('azure'), saying('Hi'), {})
  expect(refused.json.error).toMatchObject({ code: '401' })
})

test('Perplexity sends CRLF, usage on every chunk and no [DONE]', async () => {
  const said = await ask(path('perplexity'), saying('Hi', { stream: true }))
  expect(said.text).toContain('\r\n\r\n')
  expect(said.text).not.toContain('[DONE]')
  expect(said.events.every(({ usage }) => usage !== undefined)).toBe(true)
})

test('Mistral sends a call whole, with finish and usage in the same chunk', async () => {
  const said = await ask(path('mistral'), saying(WEATHER_QUESTION, { tools, stream: true, parallel_tool_calls: false }))
  const last = finishChunk(said.events)
  expect(last).toMatchObject({ usage: { prompt_tokens: 10 }, p: expect.any(String) })
  const [call] = rowsOf(fieldsOf(rowsOf(last?.choices)[0]?.delta)?.tool_calls)
  expect(fieldsOf(call?.function)?.arguments).toBe('{"city":"Paris"}')
  expect(call?.id).toMatch(/^[a-zA-Z0-9]{9}$/)
  expect((await ask(path('mistral'), saying('Hi', { seed: 1 }))).status).toBe(422)
})

test.each([
  ['deepseek', 'reasoning_content'],
  ['groq', 'reasoning'],
  ['openrouter', 'reasoning'],
])('%s shows its reasoning as %s', async (slot, field) => {
  const said = await ask(path(slot), saying('Say: x', { stream: true, reasoning_effort: 'low' }))
  expect(
    deltasOf(said)
      .map((delta) => delta[field] ?? '')
      .join(''),
  ).toContain('The user asks')
  const whole = await ask(path(slot), saying('Say: x', { reasoning_effort: 'low' }))
  expect(fieldsOf(rowsOf(whole.json.choices)[0]?.message)?.[field]).toContain('The user asks')
})

test('xAI does not count its reasoning as completion tokens, and leaves finish_reason out', async () => {
  const said = await ask(path('xai'), saying('Say: x', { stream: true, reasoning_effort: 'low' }))
  const usage = fieldsOf(said.events.at(-1)?.usage)
  const reasoned = Number(fieldsOf(usage?.completion_tokens_details)?.reasoning_tokens)
  expect(reasoned).toBeGreaterThan(0)
  expect(usage?.total_tokens).toBe(Number(usage?.prompt_tokens) + Number(usage?.completion_tokens) + reasoned)
  expect(rowsOf(said.events[0]?.choices)[0]).not.toHaveProperty('finish_reason')
})

test('Groq repeats the usage under x_groq and refuses what it does not know', async () => {
  const said = await ask(path('groq'), saying('Hi', { stream: true }))
  const last = finishChunk(said.events)
  expect(fieldsOf(last?.x_groq)?.usage).toEqual(last?.usage)
  const refused = await ask(path('groq'), { model: 'x', messages: [{ role: 'user', name: 'ada', content: 'Hi' }] })
  expect(refused.status).toBe(400)
})

test.each([
  ['groq', 400, "property 'plugins' is unsupported"],
  ['mistral', 422, 'Extra inputs are not permitted'],
  ['cerebras', 400, "property 'body.plugins' is unsupported"],
  ['fireworks', 400, "field: 'plugins'"],
  ['openai', 400, 'Unrecognized request argument supplied: plugins'],
])('%s answers %i to a field that it does not know', async (slot, status, words) => {
  const refused = await ask(path(slot), saying('Hi', { plugins: [] }))
  expect([refused.status, refused.text]).toEqual([status, expect.stringContaining(words)])
})

const call = (id: string) => ({ id, type: 'function', function: { name: 'get_weather', arguments: '{}' } })
const result = (id: string) => ({ role: 'tool', tool_call_id: id, content: 'r' })

test.each<[string, Fields[], number]>([
  ['a name', [{ role: 'user', name: 'ada', content: 'Hi' }], 422],
  [
    'earlier reasoning',
    [
      { role: 'assistant', content: 'a', reasoning_content: 'b' },
      { role: 'user', content: 'Hi' },
    ],
    422,
  ],
  [
    'a developer',
    [
      { role: 'developer', content: 'a' },
      { role: 'user', content: 'Hi' },
    ],
    422,
  ],
  [
    'a call with a long id',
    [{ role: 'assistant', content: '', tool_calls: [call('call_1234567')] }, result('call_1234567')],
    400,
  ],
  [
    'a call without a result',
    [
      { role: 'assistant', content: '', tool_calls: [call('abcdefghi')] },
      { role: 'user', content: 'Hi' },
    ],
    400,
  ],
  ['system messages alone', [{ role: 'system', content: 'a' }], 400],
  [
    'a call and its result',
    [{ role: 'assistant', content: '', tool_calls: [call('abcdefghi')] }, result('abcdefghi')],
    200,
  ],
])('Mistral does not take just any message: %s', async (_, messages, status) => {
  expect((await ask(path('mistral'), { model: 'x', messages })).status).toBe(status)
})

test.each<[string, Fields, number]>([
  ['groq', { response_format: { type: 'json_object' }, stream: true }, 400],
  ['groq', { response_format: { type: 'json_object' }, tools }, 400],
  ['groq', { response_format: { type: 'json_object' } }, 200],
  ['cerebras', { response_format: { type: 'json_schema' }, tools, stream: true }, 400],
  ['cerebras', { response_format: { type: 'json_schema' }, tools }, 200],
])('%s has its own bounds for JSON: %j is %i', async (slot, fields, status) => {
  expect((await ask(path(slot), saying('Hi', fields))).status).toBe(status)
})

test('OpenRouter comments before it answers', async () => {
  const said = await ask(path('openrouter'), saying('Hi', { stream: true }))
  expect(said.text.startsWith(': OPENROUTER PROCESSING\n\n')).toBe(true)
})

test('a slot of any other name is a plain compatible provider', async () => {
  const said = await ask(path('newcomer'), saying('Say: works'))
  expect(said.text).toContain('"works"')
})
