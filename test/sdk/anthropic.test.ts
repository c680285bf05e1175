import Anthropic from '@anthropic-ai/sdk'
import { beforeAll, describe, expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import { TWELVE } from './setting.ts'
import { CITIES, WEATHER_QUESTION, weatherOf, weatherTool } from './weather.ts'

const router9 = useRouter9()
let client: Anthropic

beforeAll(() => {
  client = new Anthropic({ baseURL: router9.url, apiKey: DEMO_KEY, maxRetries: 0 })
})

/** Anthropic's own model; makers that sign their calls, that show their reasoning, and that hide it. */
const MODELS = ['claude-sonnet-4-5', 'gemini-3.5-flash', 'deepseek/deepseek-v4-pro', 'gpt-5.2', 'gpt-4o']

const TOOL: Anthropic.Tool = {
  name: 'get_weather',
  description: 'Gets the weather of a city.',
  input_schema: weatherTool.function.parameters as Anthropic.Tool.InputSchema,
}

describe.each(MODELS)('%s', (model) => {
  test('answers whole', async () => {
    const messages = [{ role: 'user' as const, content: 'Count to 12' }]
    const { content, stop_reason, usage, id } = await client.messages.create({ model, max_tokens: 1000, messages })
    expect(content.map((block) => (block.type === 'text' ? block.text : ''))).toEqual([TWELVE])
    expect(stop_reason).toBe('end_turn')
    expect(id).toMatch(/^msg_/)
    expect(usage.output_tokens).toBeGreaterThan(0)
  })

  test('answers in a stream', async () => {
    const messages = [{ role: 'user' as const, content: 'Count to 12' }]
    const stream = client.messages.stream({ model, max_tokens: 1000, messages })
    expect(await stream.finalText()).toBe(TWELVE)
    const { stop_reason, usage } = await stream.finalMessage()
    expect(stop_reason).toBe('end_turn')
    expect(usage.input_tokens).toBeGreaterThan(0)
  })

  test.each([undefined, { type: 'enabled', budget_tokens: 2000 }] as const)(
    'calls tools and uses their results, with thinking %j',
    async (thinking) => {
      const ask = { model, max_tokens: 4000, tools: [TOOL], ...(thinking && { thinking }) }
      const messages: Anthropic.MessageParam[] = [{ role: 'user', content: WEATHER_QUESTION }]
      const first = await client.messages.stream({ ...ask, messages }).finalMessage()
      expect(first.stop_reason).toBe('tool_use')
      const calls = first.content.filter((block) => block.type === 'tool_use')
      expect(calls.map(({ input }) => Object.values(input as object)[0])).toEqual(CITIES)
      messages.push({ role: 'assistant', content: first.content })
      messages.push({
        role: 'user',
        content: calls.map(({ id }, at) => ({
          type: 'tool_result',
          tool_use_id: id,
          content: weatherOf(CITIES[at] ?? ''),
        })),
      })
      const second = await client.messages.create({ ...ask, messages })
      expect(second.stop_reason).toBe('end_turn')
      const text = second.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
      for (const city of CITIES) expect(text).toContain(weatherOf(city))
    },
  )
})
