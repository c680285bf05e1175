import {
  type AIMessageChunk,
  HumanMessage,
  SystemMessage,
  ToolMessage,
  type UsageMetadata,
} from '@langchain/core/messages'
import { tool } from '@langchain/core/tools'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { useRouter9 } from '../harness/router9.ts'
import { langchainAt, MODELS, PINNED, TWELVE } from './setting.ts'
import { CITIES, WEATHER_QUESTION, weatherOf } from './weather.ts'

const router9 = useRouter9()

afterEach(() => router9.simulator.clearFaults())

const chat = (model: string, maxRetries = 0) => langchainAt(router9, model, { maxRetries })
const prompt = [new SystemMessage('Be brief.'), new HumanMessage('Count to 12')]
// Its own types lose this member under some settings of the compiler.
function usageOf(message: { usage_metadata?: unknown }): UsageMetadata | undefined {
  return message.usage_metadata as UsageMetadata | undefined
}

const ALL = [...MODELS, { model: 'auto' }]

test.each(ALL)('LangChain invokes $model', async ({ model }) => {
  const answer = await chat(model).invoke(prompt)
  expect(answer.text).toBe(TWELVE)
  expect(answer.response_metadata).toMatchObject({ finish_reason: 'stop' })
  const usage = usageOf(answer)
  expect(usage?.input_tokens).toBeGreaterThan(0)
  expect(usage?.output_tokens).toBeGreaterThan(0)
  expect(usage?.total_tokens).toBe((usage?.input_tokens ?? 0) + (usage?.output_tokens ?? 0))
})

test.each([
  { model: 'claude-sonnet-4-5' },
  { model: 'claude-opus-4-8' },
  { model: 'gemini-2.5-flash' },
  { model: 'gemini-3.5-flash' },
])('LangChain keeps what $model thought beside its answer', async ({ model }) => {
  const thinker = langchainAt(router9, model, { modelKwargs: { reasoning_effort: 'medium' } })
  const answer = await thinker.invoke(prompt)
  expect(answer.text).toBe(TWELVE)
  expect(answer.additional_kwargs.reasoning_content).toMatch(/The user asks about/)
  const { whole } = await join(await thinker.stream(prompt))
  expect(whole.text).toBe(TWELVE)
  expect(whole.additional_kwargs.reasoning_content).toBe(answer.additional_kwargs.reasoning_content)
  expect(usageOf(whole)?.output_token_details?.reasoning).toBeGreaterThan(0)
})

async function join(stream: AsyncIterable<AIMessageChunk>): Promise<{ whole: AIMessageChunk; pieces: number }> {
  let whole: AIMessageChunk | undefined
  let pieces = 0
  for await (const chunk of stream) {
    whole = whole === undefined ? chunk : whole.concat(chunk)
    pieces++
  }
  if (whole === undefined) throw new TypeError('an empty stream')
  return { whole, pieces }
}

test.each(ALL)('LangChain streams $model, its usage once', async ({ model }) => {
  const { whole, pieces } = await join(await chat(model).stream(prompt))
  expect(whole.text).toBe(TWELVE)
  expect(pieces).toBeGreaterThan(3)
  expect(whole.response_metadata).toMatchObject({ finish_reason: 'stop' })
  const usage = usageOf(await chat(model).invoke(prompt))
  for (const count of ['input_tokens', 'output_tokens', 'total_tokens'] as const) {
    expect(usageOf(whole)?.[count]).toBe(usage?.[count] ?? 'told')
  }
})

const getWeather = tool(({ city }: { city: string }) => weatherOf(city), {
  name: 'get_weather',
  description: 'Tells the weather of a city.',
  schema: z.object({ city: z.string() }),
})

test.each(ALL)('$model bound to a tool calls it twice, and answers from the ToolMessages', async ({ model }) => {
  const bound = chat(model).bindTools([getWeather])
  const question = new HumanMessage(WEATHER_QUESTION)
  const calling = await bound.invoke([question])
  expect(calling.tool_calls?.map(({ name, args }) => ({ name, args }))).toEqual(
    CITIES.map((city) => ({ name: 'get_weather', args: { city } })),
  )
  const results = (calling.tool_calls ?? []).map(
    ({ id = '', args }) => new ToolMessage({ tool_call_id: id, content: weatherOf(args.city) }),
  )
  const answer = await bound.invoke([question, calling, ...results])
  for (const city of CITIES) expect(answer.text).toContain(weatherOf(city))
})

test.each(MODELS)('$model streams calls that LangChain joins and answers', async ({ model }) => {
  const bound = chat(model).bindTools([getWeather])
  const question = new HumanMessage(WEATHER_QUESTION)
  const { whole: calling } = await join(await bound.stream([question]))
  expect(calling.tool_calls?.map(({ args }) => args)).toEqual(CITIES.map((city) => ({ city })))
  expect(calling.invalid_tool_calls ?? []).toEqual([])
  const results = await Promise.all(
    (calling.tool_calls ?? []).map((call) => getWeather.invoke({ ...call, type: 'tool_call' })),
  )
  const { whole: answer } = await join(await bound.stream([question, calling, ...results]))
  for (const city of CITIES) expect(answer.text).toContain(weatherOf(city))
})

const recipe = z.object({
  title: z.string().describe('What it is called.'),
  difficulty: z.enum(['easy', 'hard']),
  minutes: z.number(),
})

test.each(MODELS.flatMap((row) => (['jsonSchema', 'functionCalling'] as const).map((method) => ({ ...row, method }))))(
  '$model answers in structure by $method',
  async ({ model, method }) => {
    const structured = chat(model).withStructuredOutput(recipe, { method, name: 'recipe' })
    const answer = await structured.invoke('A recipe for "Ratatouille" in 45 minutes.')
    expect(answer).toEqual({ title: 'Ratatouille', difficulty: 'easy', minutes: 45 })
  },
)

test.each(PINNED)(
  'a stream of $model that breaks off throws out of the LangChain loop',
  async ({ model, provider }) => {
    router9.simulator.setFault(provider, { cut: 3 })
    let text = ''
    const work = async () => {
      for await (const chunk of await chat(model).stream(prompt)) text += chunk.text
    }
    await expect(work()).rejects.toThrow(/provider/i)
    expect(text).toMatch(/^1, /)
  },
)

test('LangChain asks again after a 429 and has its answer', async () => {
  router9.simulator.setFault('openai', { status: 429, retryAfter: 1, times: 1 })
  const answer = await chat('openai/gpt-4o', 2).invoke(prompt)
  expect(answer.text).toBe(TWELVE)
})
