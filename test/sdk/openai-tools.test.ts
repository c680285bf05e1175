import type OpenAI from 'openai'
import { zodFunction } from 'openai/helpers/zod'
import type { RunnableToolFunctionWithParse } from 'openai/lib/RunnableFunction'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { useRouter9 } from '../harness/router9.ts'
import { seeAll } from './chunks.ts'
import { MODELS, openaiAt, PINNED, user } from './setting.ts'
import { argumentsOf, CITIES, cityOf, resultsOf, WEATHER_QUESTION, weatherOf, weatherTool } from './weather.ts'

const router9 = useRouter9()
let client: OpenAI

beforeAll(async () => {
  client = openaiAt(router9)
})

afterEach(() => router9.simulator.clearFaults())

const ALL = [...MODELS, { model: 'auto' }]
const question = [user(WEATHER_QUESTION)]
const tools = [weatherTool]

test.each(ALL)('$model calls a function twice at once and uses both results', async ({ model }) => {
  const first = await client.chat.completions.create({ model, messages: question, tools })
  const [choice] = first.choices
  expect(choice?.finish_reason).toBe('tool_calls')
  const calls = choice?.message.tool_calls ?? []
  expect(calls.map(cityOf)).toEqual(CITIES)
  expect(calls.every(({ id, type }) => id !== '' && type === 'function')).toBe(true)
  expect(new Set(calls.map(({ id }) => id)).size).toBe(2)
  if (choice === undefined) return

  const messages = [...question, choice.message, ...resultsOf(choice.message)]
  const second = await client.chat.completions.create({ model, messages, tools })
  expect(second.choices[0]?.finish_reason).toBe('stop')
  for (const city of CITIES) expect(second.choices[0]?.message.content).toContain(weatherOf(city))
})

test.each(ALL)(
  '$model streams two calls at once to the helper, and an answer from their results',
  async ({ model }) => {
    const stream = client.chat.completions.stream({ model, messages: question, tools })
    const done: string[] = []
    const deltas = new Map<number, string>()
    stream.on('tool_calls.function.arguments.delta', ({ index, arguments_delta }) =>
      deltas.set(index, (deltas.get(index) ?? '') + arguments_delta),
    )
    stream.on('tool_calls.function.arguments.done', (call) => done.push(`${call.index} ${call.name} ${call.arguments}`))
    const [choice] = (await stream.finalChatCompletion()).choices
    expect(choice?.finish_reason).toBe('tool_calls')
    const calls = choice?.message.tool_calls ?? []
    expect(calls.map(cityOf)).toEqual(CITIES)
    expect(done).toEqual(calls.map((call, at) => `${at} get_weather ${argumentsOf(call)}`))
    expect([...deltas]).toEqual(calls.map((call, at) => [at, argumentsOf(call)]))
    if (choice === undefined) return

    const messages = [...question, choice.message, ...resultsOf(choice.message)]
    const { text, finishes } = await seeAll(
      await client.chat.completions.create({ model, messages, tools, stream: true }),
    )
    expect(finishes).toEqual(['stop'])
    for (const city of CITIES) expect(text).toContain(weatherOf(city))
  },
)

test.each(MODELS)('$model streams each call with its id and name once, and its arguments after', async ({ model }) => {
  const { chunks, finishes } = await seeAll(
    await client.chat.completions.create({ model, messages: question, tools, stream: true }),
  )
  const pieces = chunks.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta.tool_calls ?? []))
  for (const at of [0, 1]) {
    const own = pieces.filter(({ index }) => index === at)
    expect(own[0]).toMatchObject({
      id: expect.stringMatching(/./),
      type: 'function',
      function: { name: 'get_weather' },
    })
    expect(own.slice(1).every(({ id, function: called }) => id === undefined && called?.name === undefined)).toBe(true)
    expect(JSON.parse(own.map((piece) => piece.function?.arguments ?? '').join(''))).toEqual({ city: CITIES[at] })
  }
  expect(pieces.every(({ index }) => index === 0 || index === 1)).toBe(true)
  expect(finishes).toEqual(['tool_calls'])
})

const runnable: RunnableToolFunctionWithParse<{ city: string }> = {
  type: 'function',
  function: {
    ...weatherTool.function,
    function: ({ city }: { city: string }) => weatherOf(city),
    parse: (given: string): { city: string } => JSON.parse(given),
  },
}

test.each(ALL)('$model is led through its calls by runTools', async ({ model }) => {
  const runner = client.chat.completions.runTools({ model, messages: question, tools: [runnable] })
  const content = await runner.finalContent()
  for (const city of CITIES) expect(content).toContain(weatherOf(city))
  expect(runner.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'tool', 'assistant'])
  expect(runner.allChatCompletions()).toHaveLength(2)
})

test.each(ALL)('$model is led through its calls by runTools while it streams', async ({ model }) => {
  const runner = client.chat.completions.runTools({ model, messages: question, tools: [runnable], stream: true })
  let streamed = ''
  runner.on('content', (delta) => {
    streamed += delta
  })
  const content = await runner.finalContent()
  for (const city of CITIES) expect(content).toContain(weatherOf(city))
  expect(streamed.endsWith(content ?? 'nothing')).toBe(true)
  expect(runner.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'tool', 'assistant'])
})

test.each(PINNED)('a call of $model that breaks off half way is never carried out', async ({ model, provider }) => {
  router9.simulator.setFault(provider, { cut: 3 })
  const carriedOut: string[] = []
  const noting = (city: string) => carriedOut.push(city)
  const tool = {
    ...runnable,
    function: { ...runnable.function, function: ({ city }: { city: string }) => noting(city) },
  }
  const messages = [user('[[sim google cut=1]] What is the weather in Paris, Rome, Oslo, Cairo, Lima and Delhi?')]
  const runner = client.chat.completions.runTools({ model, messages, tools: [tool], stream: true })
  await expect(runner.finalContent()).rejects.toThrow(/provider/)
  expect(carriedOut).toEqual([])
})

test.each(MODELS)('$model obeys a choice of tool: none, required, by name, one at a time', async ({ model }) => {
  const ask = async (more: Partial<OpenAI.Chat.ChatCompletionCreateParamsNonStreaming>) => {
    const { choices } = await client.chat.completions.create({ model, messages: question, tools, ...more })
    return choices[0]?.message.tool_calls?.length ?? 0
  }
  expect(await ask({ tool_choice: 'none' })).toBe(0)
  expect(await ask({ tool_choice: 'required', messages: [user('Hello!')] })).toBe(1)
  const named = { type: 'function', function: { name: 'get_weather' } } as const
  expect(await ask({ tool_choice: named, messages: [user('Hello!')] })).toBe(1)
  // Gemini has no word for it (translation 2.2).
  if (!model.startsWith('gemini')) expect(await ask({ parallel_tool_calls: false })).toBe(1)
})

test.each(MODELS)('$model fills the arguments of a zod function that parse checks', async ({ model }) => {
  const parameters = z.object({ city: z.string(), unit: z.enum(['celsius', 'fahrenheit']), days: z.number() })
  const { choices } = await client.chat.completions.parse({
    model,
    messages: [user('Show the forecast of 3 days for "Oslo".')],
    tools: [zodFunction({ name: 'show_forecast', parameters })],
  })
  const [call] = choices[0]?.message.tool_calls ?? []
  const parsed_arguments = { city: 'Oslo', unit: 'celsius', days: 3 }
  expect(call).toMatchObject({ type: 'function', function: { name: 'show_forecast', parsed_arguments } })
})
