import { expect, test } from 'vitest'
import { ask, saying, useSimulator, WEATHER_QUESTION, WEATHER_SCHEMA } from './asking.ts'
import { fieldsOf, rowsOf } from './json.ts'

useSimulator()

const CHAT = '/cohere/v2/chat'
const tools = [{ type: 'function', function: { name: 'get_weather', parameters: WEATHER_SCHEMA } }]

test('a stream starts, speaks, ends with its usage and [DONE]', async () => {
  const said = await ask(CHAT, saying('Say: one two', { stream: true }))
  expect(said.events.map(({ type }) => type)).toEqual([
    'message-start',
    'content-start',
    'content-delta',
    'content-delta',
    'content-end',
    'message-end',
  ])
  expect(said.events.at(-1)?.delta).toMatchObject({
    finish_reason: 'COMPLETE',
    usage: { tokens: { output_tokens: 2 } },
  })
  expect(said.text.endsWith('data: [DONE]\n\n')).toBe(true)
})

test('it tells its plan, calls, and quotes the results', async () => {
  const first = await ask(CHAT, saying(WEATHER_QUESTION, { tools }))
  const message = fieldsOf(first.json.message)
  expect(message).toMatchObject({ tool_plan: 'I will use get_weather.' })
  const calls = rowsOf(message?.tool_calls)
  expect(calls).toHaveLength(2)
  const answers = calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: 'rainy' }))
  const messages = [...rowsOf(saying(WEATHER_QUESTION).messages), { role: 'assistant', tool_calls: calls }, ...answers]
  expect((await ask(CHAT, { model: 'command-a', messages, tools })).text).toContain('get_weather answered: rainy')
})

test('what it does not know it refuses', async () => {
  expect((await ask(CHAT, saying('Hi', { top_p: 1 }))).json.message).toContain("'top_p'")
  expect((await ask(CHAT, saying('Hi', { temperature: 1.4 }))).status).toBe(400)
  expect((await ask(CHAT, saying('Hi'), { authorization: 'Bearer bad-key' })).status).toBe(401)
})
