import type { OpenAICompatibleProvider } from '@ai-sdk/openai-compatible'
import { APICallError, generateObject, generateText, isStepCount, Output, streamObject, streamText, tool } from 'ai'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { useRouter9 } from '../harness/router9.ts'
import { askedDuring } from './asked.ts'
import { aiSdkAt, MODELS, PINNED, THINKERS, TWELVE } from './setting.ts'
import { CITIES, WEATHER_QUESTION, weatherOf } from './weather.ts'

const router9 = useRouter9()
let provider: OpenAICompatibleProvider

beforeAll(async () => {
  // Both forms of an object are in use out there, the deprecated one too.
  globalThis.AI_SDK_LOG_WARNINGS = false
  provider = aiSdkAt(router9)
})

afterEach(() => router9.simulator.clearFaults())

const prompt = 'Count to 12'
const tools = {
  get_weather: tool({
    description: 'Tells the weather of a city.',
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => weatherOf(city),
  }),
}

test.each([...MODELS, { model: 'auto' }])('generateText has the answer and the usage of $model', async ({ model }) => {
  const result = await generateText({ model: provider(model), prompt, system: 'Be brief.' })
  expect(result.text).toBe(TWELVE)
  expect(result.finishReason).toBe('stop')
  const { inputTokens = 0, outputTokens = 0, totalTokens } = result.usage
  expect(inputTokens).toBeGreaterThan(0)
  expect(outputTokens).toBeGreaterThan(0)
  expect(totalTokens).toBe(inputTokens + outputTokens)
  if (model !== 'auto') expect(result.response.modelId).toBe(model)
})

test.each(MODELS)('the parts of streamText are the words of $model and then the finish', async ({ model }) => {
  const result = streamText({ model: provider(model), prompt })
  const kinds: string[] = []
  let text = ''
  for await (const part of result.fullStream) {
    if (part.type === 'text-delta') text += part.text
    if (kinds.at(-1) !== part.type) kinds.push(part.type)
  }
  expect(text).toBe(TWELVE)
  expect(kinds).toEqual(['start', 'start-step', 'text-start', 'text-delta', 'text-end', 'finish-step', 'finish'])
  expect(await result.finishReason).toBe('stop')
  const whole = await generateText({ model: provider(model), prompt })
  expect((await result.usage).outputTokens).toBe(whole.usage.outputTokens)
  expect((await result.usage).inputTokens).toBe(whole.usage.inputTokens)
})

test.each(THINKERS)('streamText tells what $model thinks apart from what it says', async ({ model }) => {
  const result = streamText({
    model: provider(model),
    prompt,
    providerOptions: { router9: { reasoningEffort: 'medium' } },
  })
  const kinds: string[] = []
  for await (const { type } of result.fullStream) if (kinds.at(-1) !== type) kinds.push(type)
  expect(kinds.indexOf('reasoning-end')).toBeGreaterThan(kinds.indexOf('reasoning-delta'))
  expect(kinds.indexOf('text-start')).toBeGreaterThan(kinds.indexOf('reasoning-start'))
  expect(kinds).not.toContain('error')
  expect(await result.reasoningText).toMatch(/The user asks about/)
  expect(await result.text).toBe(TWELVE)
  expect((await result.usage).outputTokenDetails.reasoningTokens).toBeGreaterThan(0)
})

test.each([...MODELS, { model: 'auto' }])('generateText leads $model through its calls', async ({ model }) => {
  const result = await generateText({
    model: provider(model),
    prompt: WEATHER_QUESTION,
    tools,
    stopWhen: isStepCount(4),
  })
  expect(result.steps.map(({ finishReason }) => finishReason)).toEqual(['tool-calls', 'stop'])
  expect(result.steps[0]?.toolCalls.map(({ input }) => input)).toEqual(CITIES.map((city) => ({ city })))
  for (const city of CITIES) expect(result.text).toContain(weatherOf(city))
})

test.each(MODELS)('streamText leads $model through its calls', async ({ model }) => {
  const result = streamText({ model: provider(model), prompt: WEATHER_QUESTION, tools, stopWhen: isStepCount(4) })
  const inputs: unknown[] = []
  const outputs: unknown[] = []
  for await (const part of result.fullStream) {
    if (part.type === 'tool-call') inputs.push(part.input)
    if (part.type === 'tool-result') outputs.push(part.output)
  }
  expect(inputs).toEqual(CITIES.map((city) => ({ city })))
  expect(outputs).toEqual(CITIES.map(weatherOf))
  for (const city of CITIES) expect(await result.text).toContain(weatherOf(city))
  expect((await result.steps).map(({ finishReason }) => finishReason)).toEqual(['tool-calls', 'stop'])
})

test.each([
  { model: 'claude-opus-4-8' },
  { model: 'gemini-2.5-flash' },
  { model: 'gemini-3.5-flash' },
  { model: 'claude-sonnet-4-5' },
])('$model reasons between its calls while the AI SDK leads it', async ({ model }) => {
  const result = await generateText({
    model: provider(model),
    prompt: WEATHER_QUESTION,
    tools,
    stopWhen: isStepCount(4),
    providerOptions: { router9: { reasoningEffort: 'medium' } },
  })
  expect(result.steps.map(({ finishReason }) => finishReason)).toEqual(['tool-calls', 'stop'])
  for (const city of CITIES) expect(result.text).toContain(weatherOf(city))
})

test.each(['whole', 'streamed'])('Gemini 3 gets its signature back from the AI SDK (%s)', async (how) => {
  router9.simulator.clearRequests()
  const asked = { model: provider('gemini-3.5-flash'), prompt: WEATHER_QUESTION, tools, stopWhen: isStepCount(4) }
  const text = how === 'whole' ? (await generateText(asked)).text : await streamText(asked).text
  for (const city of CITIES) expect(text).toContain(weatherOf(city))
  const [, resumed] = router9.simulator.requests('google')
  expect(JSON.stringify(resumed?.body)).toMatch(/"thoughtSignature":"[A-Za-z0-9+/=]{100,}"/)
})

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

test.each(MODELS)('$model gets the picture and the PDF that the AI SDK sends', async ({ model }) => {
  const pdf = Buffer.from('%PDF-1.4\ntrailer\n%%EOF\n')
  const { text } = await generateText({
    model: provider(model),
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What are these?' },
          { type: 'file', data: Buffer.from(PIXEL, 'base64'), mediaType: 'image/png' },
          { type: 'file', data: pdf, mediaType: 'application/pdf', filename: 'invoice.pdf' },
        ],
      },
    ],
  })
  expect(text).toContain(`image/png, ${Buffer.from(PIXEL, 'base64').length} bytes`)
  expect(text).toContain(`application/pdf, ${pdf.length} bytes`)
})

const schema = z.object({
  title: z.string(),
  difficulty: z.enum(['easy', 'hard']),
  minutes: z.number().int(),
  steps: z.array(z.object({ text: z.string() })),
})
const cooking = 'A recipe for "Ratatouille" in 45 minutes.'

test.each(MODELS)('the AI SDK has an object from $model, whole, as output and streamed', async ({ model }) => {
  const { object } = await generateObject({ model: provider(model), schema, prompt: cooking })
  expect(object).toMatchObject({ title: 'Ratatouille', minutes: 45 })
  expect(schema.parse(object)).toEqual(object)
  const { output } = await generateText({
    model: provider(model),
    output: Output.object({ schema }),
    prompt: cooking,
  })
  expect(output).toEqual(object)
  const streamed = streamObject({ model: provider(model), schema, prompt: cooking })
  let last: unknown
  for await (const partial of streamed.partialObjectStream) last = partial
  expect(last).toEqual(object)
  expect(await streamed.object).toEqual(object)
})

const broken = PINNED.flatMap((pinned) => [
  { ...pinned, how: 'ends early', fault: { cut: 3 } },
  { ...pinned, how: 'turns into an error', fault: { errorAfter: 3 } },
])

test.each(broken)('a stream of $model that $how is an error part, never a good end', async ({ model, ...row }) => {
  router9.simulator.setFault(row.provider, row.fault)
  const told: unknown[] = []
  const result = streamText({
    model: provider(model),
    prompt,
    maxRetries: 0,
    onError: ({ error }) => void told.push(error),
  })
  const kinds: string[] = []
  const reasons: string[] = []
  let text = ''
  for await (const part of result.fullStream) {
    kinds.push(part.type)
    if (part.type === 'text-delta') text += part.text
    if (part.type === 'finish') reasons.push(part.finishReason)
  }
  expect(text).toMatch(/^1, /)
  expect(kinds).toContain('error')
  expect(reasons.filter((reason) => reason !== 'error')).toEqual([])
  expect(told).toHaveLength(1)
  expect(JSON.stringify(told[0], Object.getOwnPropertyNames(told[0] ?? {}))).toMatch(/provider/i)
})

test.each([
  { status: 429, told: 429, isRetryable: true },
  { status: 503, told: 503, isRetryable: true },
  { status: 500, told: 502, isRetryable: true },
  { status: 400, told: 400, isRetryable: false },
])('$status of a provider is an APICallError of $told', async ({ status, told, isRetryable }) => {
  router9.simulator.setFault('openai', { status })
  const error = await generateText({ model: provider('openai/gpt-4o'), prompt, maxRetries: 0 }).catch(
    (reason: unknown) => reason,
  )
  expect(APICallError.isInstance(error)).toBe(true)
  expect(error).toMatchObject({ statusCode: told, isRetryable, message: expect.stringMatching(/\w+ \w+/) })
})

test('the AI SDK retries a 429 by itself, as late as it was told to', async () => {
  router9.simulator.setFault('openai', { status: 429, retryAfter: 1, times: 1 })
  const asked = await askedDuring(router9.url, async () => {
    expect((await generateText({ model: provider('openai/gpt-4o'), prompt })).text).toBe(TWELVE)
  })
  expect(asked).toHaveLength(2)
  const waitedMs = (asked[1]?.atMs ?? 0) - (asked[0]?.atMs ?? 0)
  expect(waitedMs).toBeGreaterThanOrEqual(900)
  // Without being told it would wait for two seconds.
  expect(waitedMs).toBeLessThan(1900)
})
