import Anthropic from '@anthropic-ai/sdk'
import { betaMemoryTool } from '@anthropic-ai/sdk/helpers/beta/memory'
import { beforeAll, describe, expect, test } from 'vitest'
import { toChatName } from '../../src/formats/shared/tool-names.ts'
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

/** They insist on their signatures or their reasoning, as the real ones do. */
const ROUNDS = [
  { model: 'gemini-3.5-flash', type: 'adaptive', rounds: 30 },
  { model: 'gpt-5.2', type: 'adaptive', rounds: 30 },
  { model: 'deepseek/deepseek-v4-pro', type: 'adaptive', rounds: 8 },
  { model: 'claude-opus-4-8', type: 'adaptive', rounds: 4 },
  { model: 'gemini-3.5-flash', type: undefined, rounds: 8 },
  { model: 'deepseek/deepseek-v4-pro', type: undefined, rounds: 8 },
] as const

test.each(ROUNDS)(
  '$model goes through $rounds rounds of tools with thinking $type',
  async ({ model, type, rounds }) => {
    const thinking = type && { thinking: { type } }
    const order = `[[sim * call=get_weather {"city":"City %round%"} repeat=${rounds} say="All done"]]`
    const messages: Anthropic.MessageParam[] = [{ role: 'user', content: order }]
    const cities: unknown[] = []
    for (;;) {
      const ask = { model, max_tokens: 4000, tools: [TOOL], messages, ...thinking }
      const { content, stop_reason } = await client.messages.stream(ask).finalMessage()
      if (stop_reason !== 'tool_use') {
        expect(content.at(-1)).toMatchObject({ type: 'text', text: 'All done' })
        break
      }
      messages.push({ role: 'assistant', content })
      const results = content.flatMap((block): Anthropic.ToolResultBlockParam[] => {
        if (block.type !== 'tool_use') return []
        cities.push((block.input as { city: string }).city)
        return [{ type: 'tool_result', tool_use_id: block.id, content: 'mild' }]
      })
      messages.push({ role: 'user', content: results })
    }
    expect(cities).toEqual(Array.from({ length: rounds }, (_, at) => `City ${at + 1}`))
    expect(JSON.stringify(messages).includes('thinking')).toBe(type !== undefined)
  },
)

test.each(['claude-sonnet-4-6', 'gemini-3.5-flash', 'gpt-5.2', 'gpt-4o'])(
  '%s is given the tools that Anthropic defines and the client’s own runner runs',
  async (model) => {
    const ran: unknown[] = []
    const memory = betaMemoryTool({
      view: async () => 'Nothing is there.',
      create: async ({ path, file_text }) => {
        ran.push([path, file_text])
        return 'created'
      },
      ...{ str_replace: never, insert: never, delete: never, rename: never },
    })
    const input = { command: 'create', path: '/memories/a.txt', file_text: 'Rome is mild.' }
    const content = `[[sim * call=memory ${JSON.stringify(input)} say="Noted"]]`
    const tools = [memory, { type: 'bash_20250124' as const, name: 'bash' as const }]
    const ask = { model, max_tokens: 1000, messages: [{ role: 'user' as const, content }], tools }
    const { content: last } = await client.beta.messages.toolRunner(ask).runUntilDone()
    expect([ran, last.at(-1)]).toMatchObject([[[input.path, input.file_text]], { type: 'text', text: 'Noted' }])
  },
)

async function never(): Promise<string> {
  throw new Error('not asked for')
}

test('a conversation goes from maker to maker within its rounds of tools, and back', async () => {
  const makers = ['claude-opus-4-8', 'gemini-3.5-flash', 'gpt-5.2', 'deepseek/deepseek-v4-pro', 'claude-sonnet-4-6']
  const models = [...makers, 'moonshot/kimi-k2-thinking', 'gemini-2.5-flash', 'claude-opus-4-8', 'gpt-4o']
  const order = `[[sim * call=get_weather {"city":"City %round%"} repeat=${models.length} say="Done"]]`
  const messages: Anthropic.MessageParam[] = [{ role: 'user', content: order }]
  for (const [at, model] of models.entries()) {
    const ask = { model, max_tokens: 4000, tools: [TOOL], messages, thinking: { type: 'adaptive' as const } }
    const { content } = await client.messages.stream(ask).finalMessage()
    const call = content.find((block) => block.type === 'tool_use')
    expect([model, call?.input]).toEqual([model, { city: `City ${at + 1}` }])
    messages.push({ role: 'assistant', content })
    messages.push({ role: 'user', content: [{ type: 'tool_result', tool_use_id: call?.id ?? '', content: 'mild' }] })
  }
})

test.each(['claude-sonnet-4-6', 'gemini-3.5-flash', 'gpt-5.2', 'gpt-4o'])(
  '%s calls a tool by a name that only Anthropic takes, in its length',
  async (model) => {
    const name = `mcp__${'a_server_of_some_company__'.repeat(3)}get_weather`
    const say = `[[sim * call=${model.startsWith('claude') ? name : toChatName(name)} {"city":"Rome"} say="Done"]]`
    const messages: Anthropic.MessageParam[] = [{ role: 'user', content: say }]
    const ask = { model, max_tokens: 1000, tools: [{ ...TOOL, name }], messages }
    const { content } = await client.messages.stream(ask).finalMessage()
    const call = content.find((block) => block.type === 'tool_use')
    expect(call).toMatchObject({ name, input: { city: 'Rome' } })
    messages.push({ role: 'assistant', content })
    messages.push({ role: 'user', content: [{ type: 'tool_result', tool_use_id: call?.id ?? '', content: 'mild' }] })
    const next = await client.messages.create(ask)
    expect(next.content.at(-1)).toMatchObject({ type: 'text', text: 'Done' })
  },
)

test.each(['claude-sonnet-4-5', 'gemini-3.5-flash', 'gpt-5.2'])(
  '%s answers by a schema, and reads a picture',
  async (model) => {
    const format = {
      type: 'json_schema' as const,
      schema: {
        type: 'object',
        properties: { city: { type: 'string' } },
        required: ['city'],
        additionalProperties: false,
      },
    }
    const data = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
    const source = { type: 'base64' as const, media_type: 'image/png' as const, data }
    const { content } = await client.messages.create({
      model,
      max_tokens: 500,
      output_config: { format },
      messages: [
        {
          role: 'user',
          content: [
            { type: 'image', source },
            { type: 'text', text: 'Which city is this?' },
          ],
        },
      ],
    })
    const [block] = content.filter(({ type }) => type === 'text')
    expect(JSON.parse(block?.type === 'text' ? block.text : '')).toEqual({ city: expect.any(String) })
  },
)

test('the client finds the id of its request, in answers, streams, errors and lists', async () => {
  const ask = { model: 'gpt-4o', max_tokens: 10, messages: [{ role: 'user' as const, content: 'Hi' }] }
  const ID = /^req_\w{24}$/
  expect((await client.messages.create(ask))._request_id).toMatch(ID)
  expect((await client.messages.stream(ask).withResponse()).request_id).toMatch(ID)
  expect((await client.messages.countTokens({ model: ask.model, messages: ask.messages }))._request_id).toMatch(ID)
  expect((await client.models.list().withResponse()).request_id).toMatch(ID)
  const refused = await client.messages.create({ ...ask, model: 'nope' }).catch((error) => error)
  expect(refused.requestID).toMatch(ID)
})

test.each([
  ['[[sim * status=429]]', Anthropic.RateLimitError, 429],
  ['[[sim * status=503]]', Anthropic.InternalServerError, 529],
  ['[[sim * status=500]]', Anthropic.InternalServerError, 502],
] as const)('the client throws its own error where every provider answers %s', async (order, type, status) => {
  const messages = [{ role: 'user' as const, content: `Hi ${order}` }]
  const refused = await client.messages.create({ model: 'gpt-4o', max_tokens: 10, messages }).catch((error) => error)
  expect(refused).toBeInstanceOf(type)
  expect(refused).toMatchObject({
    status,
    error: { type: 'error', error: { message: expect.stringContaining('openai') } },
  })
})

test.each(['gpt-4o', 'claude-sonnet-4-5'])('a stream of %s that breaks is an error to the client', async (model) => {
  const messages = [{ role: 'user' as const, content: 'Count to 12 [[sim * cut=3]]' }]
  const stream = client.messages.stream({ model, max_tokens: 100, messages })
  await expect(stream.finalMessage()).rejects.toBeInstanceOf(Anthropic.APIError)
})
