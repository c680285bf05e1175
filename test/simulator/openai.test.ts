import { expect, test } from 'vitest'
import { ask, deltasOf, saying, useSimulator, WEATHER_QUESTION, WEATHER_SCHEMA } from './asking.ts'
import { fieldsOf, rowsOf } from './json.ts'

useSimulator()

const OPENAI = '/openai/v1/chat/completions'
const tools = [{ type: 'function', function: { name: 'get_weather', parameters: WEATHER_SCHEMA } }]

test('a stream opens with the role, says the text exactly, finishes once and ends with [DONE]', async () => {
  const said = await ask(OPENAI, saying('Say: Grüße, 你好 👩‍👩‍👧 🙂!', { stream: true }))
  const deltas = deltasOf(said)
  expect(deltas[0]).toMatchObject({ role: 'assistant', content: '' })
  expect(deltas.map(({ content }) => content ?? '').join('')).toBe('Grüße, 你好 👩‍👩‍👧 🙂!')
  const finishes = said.events.flatMap(({ choices }) => rowsOf(choices).map((choice) => choice.finish_reason))
  expect(finishes.filter((reason) => reason !== null)).toEqual(['stop'])
  expect(said.text.endsWith('data: [DONE]\n\n')).toBe(true)
  expect(said.events.some((event) => 'usage' in event)).toBe(false)
})

test('usage comes in a chunk of its own, and only when asked for', async () => {
  const said = await ask(OPENAI, saying('Count to 5', { stream: true, stream_options: { include_usage: true } }))
  const last = said.events.at(-1)
  expect(last?.choices).toEqual([])
  const whole = await ask(OPENAI, saying('Count to 5'))
  expect(last?.usage).toEqual(whole.json.usage)
  expect(said.events.slice(0, -1).every(({ usage }) => usage === null)).toBe(true)
})

test('a question about weather calls the weather function for each city, and the results are quoted afterwards', async () => {
  const stream = await ask(OPENAI, saying(WEATHER_QUESTION, { tools, stream: true }))
  const pieces = deltasOf(stream).flatMap((delta) => rowsOf(delta.tool_calls))
  const argumentsOf = (index: number): string =>
    pieces
      .filter((piece) => piece.index === index)
      .map((piece) => String(fieldsOf(piece.function)?.arguments))
      .join('')
  expect([argumentsOf(0), argumentsOf(1)]).toEqual(['{"city":"Paris"}', '{"city":"Rome"}'])
  expect(pieces.length).toBeGreaterThan(4)

  const calls = pieces.filter(({ id }) => id !== undefined).map(({ index, ...call }) => call)
  const answers = calls.map(({ id }, at) => ({ role: 'tool', tool_call_id: id, content: `${18 + at} degrees` }))
  const messages = [...rowsOf(saying(WEATHER_QUESTION).messages), { role: 'assistant', tool_calls: calls }, ...answers]
  const second = await ask(OPENAI, { model: 'gpt-4o', messages, tools })
  expect(second.text).toContain('get_weather answered: 18 degrees\\nget_weather answered: 19 degrees')
})

test('without parallel calls there is one call, with tool_choice none there is none, and a forced one always comes', async () => {
  const callsOf = async (text: string, more: object): Promise<number> => {
    const { json } = await ask(OPENAI, saying(text, { tools, ...more }))
    return rowsOf(fieldsOf(rowsOf(json.choices)[0]?.message)?.tool_calls).length
  }
  expect(await callsOf(WEATHER_QUESTION, { parallel_tool_calls: false })).toBe(1)
  expect(await callsOf(WEATHER_QUESTION, { tool_choice: 'none' })).toBe(0)
  expect(await callsOf('Hello', {})).toBe(0)
  expect(await callsOf('Hello', { tool_choice: { type: 'function', function: { name: 'get_weather' } } })).toBe(1)
})

test('limits, stop sequences, several choices and log probabilities are honoured', async () => {
  const short = await ask(OPENAI, saying('Write 50 words', { max_tokens: 3 }))
  expect(rowsOf(short.json.choices)[0]?.finish_reason).toBe('length')
  expect(fieldsOf(short.json.usage)?.completion_tokens).toBe(3)
  const stopped = await ask(OPENAI, saying('Count to 9', { stop: ', 5' }))
  expect(stopped.text).toContain('"1, 2, 3, 4"')
  const many = await ask(OPENAI, saying('Say: yes', { n: 3, stream: true }))
  const indices = many.events.flatMap(({ choices }) => rowsOf(choices).map(({ index }) => index))
  expect(indices.slice(0, 6)).toEqual([0, 1, 2, 0, 1, 2])
  const likely = await ask(OPENAI, saying('Say: Hi', { logprobs: true, top_logprobs: 2 }))
  expect(rowsOf(fieldsOf(rowsOf(likely.json.choices)[0]?.logprobs)?.content)[0]).toMatchObject({
    token: 'Hi',
    bytes: [72, 105],
  })
})

test('attachments are described, so that a lost one shows', async () => {
  const content = [
    { type: 'text', text: 'What are these?' },
    { type: 'image_url', image_url: { url: `data:image/png;base64,${Buffer.alloc(68).toString('base64')}` } },
    { type: 'image_url', image_url: { url: 'https://example.com/cat.jpg' } },
  ]
  const said = await ask(OPENAI, { model: 'gpt-4o', messages: [{ role: 'user', content }] })
  expect(said.text).toContain('an image (image/png, 68 bytes) and an image (https://example.com/cat.jpg)')
})

test('a refusal has its own field, a filtered answer its own finish', async () => {
  const refused = await ask(OPENAI, saying('Refuse this'))
  const message = fieldsOf(rowsOf(refused.json.choices)[0]?.message)
  expect(message).toMatchObject({ content: null, refusal: expect.stringContaining('sorry') })
  const filtered = await ask(OPENAI, saying('content filter. Say: half of it'))
  expect(rowsOf(filtered.json.choices)[0]).toMatchObject({
    finish_reason: 'content_filter',
    message: { content: 'half of it' },
  })
})

test.each([
  ['an unknown field', { top_k: 4 }, 'Unrecognized request argument supplied: top_k'],
  ['a temperature over 2', { temperature: 2.5 }, "Invalid 'temperature'"],
  ['max_tokens on a reasoning model', { model: 'o3', max_tokens: 5 }, "Unsupported parameter: 'max_tokens'"],
  ['an unknown role', { messages: [{ role: 'bot', content: 'x' }] }, "Invalid value: 'bot'"],
  [
    'a tool message that answers nothing',
    { messages: [{ role: 'tool', tool_call_id: 'call_1', content: 'x' }] },
    "messages with role 'tool' must be a response",
  ],
  [
    'a call without its answer',
    {
      messages: [
        {
          role: 'assistant',
          tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
        { role: 'user', content: 'x' },
      ],
    },
    'did not have response messages: call_1',
  ],
])('OpenAI refuses %s', async (_, more, message) => {
  const { status, json } = await ask(OPENAI, saying('Hi', more))
  expect(status).toBe(400)
  expect(fieldsOf(json.error)).toMatchObject({
    type: 'invalid_request_error',
    message: expect.stringContaining(message),
  })
})

test('a missing key and a bad key are 401, a missing model is 404', async () => {
  expect((await ask(OPENAI, saying('Hi'), {})).status).toBe(401)
  const bad = await ask(OPENAI, saying('Hi'), { authorization: 'Bearer bad-key' })
  expect([bad.status, fieldsOf(bad.json.error)?.code]).toEqual([401, 'invalid_api_key'])
  expect((await ask(OPENAI, saying('Hi', { model: 'missing-model' }))).status).toBe(404)
})
