import OpenAI, { APIError } from 'openai'
import { zodResponseFormat } from 'openai/helpers/zod'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { PROVIDERS } from '../../src/catalog/providers.ts'
import { useRouter9 } from '../harness/router9.ts'
import { seeAll } from './chunks.ts'
import { beyond, openaiAt, TWELVE, user } from './setting.ts'
import { argumentsOf, CITIES, cityOf, resultsOf, WEATHER_QUESTION, weatherOf, weatherTool } from './weather.ts'

interface Row {
  readonly provider: string
  /** Asked as `provider/model`. */
  readonly model: string
  /** A model of this provider that shows its reasoning; `hidden` where it is only counted. */
  readonly thinker?: string
  readonly hidden?: true
  /** A model of this provider that answers by a schema. */
  readonly schema?: string
  readonly tools?: false
}

const ROWS: readonly Row[] = [
  { provider: 'openai', model: 'gpt-4o', thinker: 'gpt-5-mini', hidden: true, schema: 'gpt-4o' },
  { provider: 'anthropic', model: 'claude-sonnet-4-5', thinker: 'claude-sonnet-4-5', schema: 'claude-sonnet-4-0' },
  { provider: 'google', model: 'gemini-2.5-flash', thinker: 'gemini-2.5-flash', schema: 'gemini-2.5-flash' },
  {
    provider: 'mistral',
    model: 'mistral-large-2512',
    thinker: 'mistral-small-2603',
    schema: 'mistral-large-2512',
  },
  // It has no json_schema (translation 3).
  { provider: 'deepseek', model: 'deepseek-chat', thinker: 'deepseek-reasoner' },
  { provider: 'xai', model: 'grok-4.3', thinker: 'grok-4.3', schema: 'grok-4.3' },
  { provider: 'groq', model: 'llama-3.3-70b-versatile', thinker: 'gpt-oss-120b', schema: 'gpt-oss-120b' },
  { provider: 'cerebras', model: 'gpt-oss-120b', thinker: 'gpt-oss-120b', schema: 'gpt-oss-120b' },
  {
    provider: 'together',
    model: 'meta-llama/Llama-3.3-70B-Instruct-Turbo',
    thinker: 'deepseek-ai/DeepSeek-V4-Pro',
    schema: 'deepseek-ai/DeepSeek-V4-Pro',
  },
  { provider: 'fireworks', model: 'kimi-k2.6', thinker: 'deepseek-v4-pro', schema: 'deepseek-v4-pro' },
  { provider: 'openrouter', model: 'openai/gpt-4o', thinker: 'openai/gpt-oss-120b', schema: 'openai/gpt-4o' },
  {
    provider: 'workers-ai',
    model: '@cf/meta/llama-3.3-70b-instruct-fp8-fast',
    thinker: 'gpt-oss-120b',
    schema: 'gpt-oss-120b',
  },
  { provider: 'perplexity', model: 'sonar', thinker: 'sonar-reasoning-pro', schema: 'sonar', tools: false },
  { provider: 'moonshot', model: 'kimi-k2-turbo-preview', thinker: 'kimi-k2-thinking', schema: 'kimi-k2.6' },
  { provider: 'azure', model: 'gpt-4o', thinker: 'gpt-5-mini', hidden: true, schema: 'gpt-4o' },
  {
    provider: 'cohere',
    model: 'command-a-03-2025',
    thinker: 'command-a-reasoning-08-2025',
    schema: 'command-a-03-2025',
  },
  { provider: 'ollama', model: 'x', thinker: 'qwen3', schema: 'x' },
  { provider: 'custom', model: 'x', thinker: 'x', schema: 'x' },
]

const router9 = useRouter9()
let client: OpenAI

beforeAll(async () => {
  client = openaiAt(router9, { maxRetries: 0 })
})

afterEach(() => router9.simulator.clearFaults())

const messages = [{ role: 'system', content: 'Be brief.' } as const, user('Count to 12')]
const sample = z.object({
  title: z.string(),
  minutes: z.number(),
  level: z.enum(['easy', 'hard']),
  steps: z.array(z.string()),
})

/** What OpenRouter's, vLLM's and Ollama's clients send beside OpenAI's parameters. */
const FOREIGN = {
  usage: { include: true },
  include_reasoning: true,
  plugins: [{ id: 'response-healing' }],
  transforms: ['middle-out'],
  route: 'fallback',
  session_id: 'talk-1',
  thinking: { type: 'disabled' },
  chat_template_kwargs: { enable_thinking: false },
  enable_thinking: false,
  min_p: 0.1,
  repetition_penalty: 1.1,
  think: false,
  options: { num_ctx: 4096 },
  extra_body: { a: 1 },
}

/** Those that refuse what they do not know, with what they do know of it; all others get it as it is. */
const STRICT: Readonly<Record<string, readonly string[]>> = {
  openai: [],
  azure: [],
  mistral: [],
  cerebras: [],
  groq: ['include_reasoning'],
  fireworks: ['thinking', 'min_p', 'repetition_penalty'],
  anthropic: ['thinking'],
  cohere: ['thinking'],
  google: [],
}

test('every provider of chats has its row here', () => {
  const ids = PROVIDERS.map(({ id }) => id).filter((id) => id !== 'bedrock')
  expect(ROWS.map(({ provider }) => provider).sort()).toEqual(ids.sort())
})

test('deepseek, which has no schemas, is told the schema in words and asked for JSON', async () => {
  const asked = { model: 'deepseek/deepseek-chat', messages, response_format: zodResponseFormat(sample, 'recipe') }
  const { choices } = await client.chat.completions.create(asked)
  const { text } = await seeAll(await client.chat.completions.create({ ...asked, stream: true }))
  expect(JSON.parse(text)).toEqual(JSON.parse(choices[0]?.message.content ?? ''))
  const requests = router9.simulator.requests('deepseek').slice(-2)
  expect(requests).toHaveLength(2)
  for (const { body } of requests) {
    expect(body).toMatchObject({ response_format: { type: 'json_object' } })
    expect(JSON.stringify(body)).toContain('minutes')
  }
})

test('auto answers instructions alone', async () => {
  const instructions = [{ role: 'system', content: 'Count to 12' } as const]
  const { choices } = await client.chat.completions.create({ model: 'auto', messages: instructions })
  expect(choices[0]?.message.content).toBe(TWELVE)
})

describe.each(ROWS)('$provider', (row) => {
  const model = `${row.provider}/${row.model}`

  test('answers whole', async () => {
    const { data, response } = await client.chat.completions.create({ model, messages }).withResponse()
    expect(data.choices).toMatchObject([
      { index: 0, finish_reason: 'stop', message: { role: 'assistant', content: TWELVE } },
    ])
    const { prompt_tokens = 0, completion_tokens = 0, total_tokens } = data.usage ?? {}
    expect(prompt_tokens).toBeGreaterThan(0)
    expect(completion_tokens).toBeGreaterThan(0)
    expect(total_tokens).toBe(prompt_tokens + completion_tokens)
    expect(response.headers.get('x-router9-provider')).toBe(row.provider)
  })

  test('streams, its usage in the chunk that finishes', async () => {
    const whole = await client.chat.completions.create({ model, messages })
    const seen = await seeAll(await client.chat.completions.create({ model, messages, stream: true }))
    expect([seen.text, seen.roles, seen.finishes]).toEqual([TWELVE, ['assistant'], ['stop']])
    expect(seen.chunks.length).toBeGreaterThan(3)
    expect(seen.chunks.every(({ choices }) => choices.length === 1)).toBe(true)
    expect(seen.usages).toEqual([whole.usage])
    expect(seen.chunks.at(-1)?.usage).toEqual(whole.usage)
    expect(new Set(seen.chunks.map(({ id, model: name }) => `${id} ${name}`)).size).toBe(1)
    expect(seen.chunks[0]?.model).toBe(whole.model)
  })

  test('streams its usage in a chunk of its own where include_usage asks for it', async () => {
    const whole = await client.chat.completions.create({ model, messages })
    const asked = { model, messages, stream: true, stream_options: { include_usage: true } } as const
    const { chunks, text, finishes } = await seeAll(await client.chat.completions.create(asked))
    expect([text, finishes]).toEqual([TWELVE, ['stop']])
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage })
    expect(chunks.slice(0, -1).every(({ usage, choices }) => usage === null && choices.length === 1)).toBe(true)
  })

  test.skipIf(row.tools === false)('calls a function twice at once and uses both results, whole', async () => {
    const asked = { model, messages: [user(WEATHER_QUESTION)], tools: [weatherTool] }
    const [choice] = (await client.chat.completions.create(asked)).choices
    expect.assert(choice !== undefined)
    await expectRound(asked.messages, choice)
  })

  test.skipIf(row.tools === false)('calls a function twice at once and uses both results, streamed', async () => {
    const asked = { model, messages: [user(WEATHER_QUESTION)], tools: [weatherTool] }
    const [choice] = (await client.chat.completions.stream(asked).finalChatCompletion()).choices
    expect.assert(choice !== undefined)
    await expectRound(asked.messages, choice)
  })

  type Choice = Pick<OpenAI.Chat.ChatCompletion.Choice, 'finish_reason' | 'message'>

  async function expectRound(question: OpenAI.Chat.ChatCompletionMessageParam[], choice: Choice): Promise<void> {
    const calls = choice.message.tool_calls ?? []
    expect(choice.finish_reason).toBe('tool_calls')
    expect(calls.map(cityOf)).toEqual(CITIES)
    expect(calls.map(argumentsOf).every((text) => text.startsWith('{'))).toBe(true)
    expect(new Set(calls.map(({ id }) => id).filter(Boolean)).size).toBe(2)
    const talk = [...question, choice.message, ...resultsOf(choice.message)]
    const second = await client.chat.completions.create({ model, messages: talk, tools: [weatherTool] })
    expect(second.choices[0]?.finish_reason).toBe('stop')
    for (const city of CITIES) expect(second.choices[0]?.message.content).toContain(weatherOf(city))
  }

  test.skipIf(row.tools === false)('goes on after calls whose tools it is no longer offered', async () => {
    const asked = { model, messages: [user(WEATHER_QUESTION)], tools: [weatherTool] }
    const [choice] = (await client.chat.completions.create(asked)).choices
    expect.assert(choice !== undefined)
    const talk = [...asked.messages, choice.message, ...resultsOf(choice.message)]
    for (const fields of [{}, { tools: [] }]) {
      const { choices } = await client.chat.completions.create({ model, messages: talk, ...fields })
      expect(choices[0]?.finish_reason).toBe('stop')
      for (const city of CITIES) expect(choices[0]?.message.content).toContain(weatherOf(city))
    }
  })

  test.skipIf(row.tools === false)('takes a function whose schema has every keyword', async () => {
    const { function: weather } = weatherTool
    const city = { anyOf: [{ type: 'string' }, { $ref: '#/$defs/city' }], oneOf: [{ minLength: 1 }, { const: 'Oslo' }] }
    const parameters = {
      ...weather.parameters,
      properties: { city, days: { type: 'array', contains: { const: 1 }, items: { $ref: '#/$defs/day', default: 1 } } },
      patternProperties: { '^x-': { type: 'string' } },
      allOf: [{ if: { required: ['days'] }, else: { properties: { city: { minLength: 2 } } } }],
      not: { required: ['town'] },
      $defs: { city: { type: 'string', pattern: '^[A-Z]' }, day: { type: 'integer', exclusiveMinimum: 0 } },
    }
    const tool = { ...weatherTool, function: { ...weather, parameters } }
    const asked = { model, messages: [user(WEATHER_QUESTION)], tools: [tool] }
    const [choice] = (await client.chat.completions.create(asked)).choices
    expect(choice?.finish_reason).toBe('tool_calls')
  })

  test('answers though fields of other APIs are sent, and says which it did without', async () => {
    const asked = { model, messages: [user('Count to 12')], ...FOREIGN }
    for (const stream of [false, true] as const) {
      const { data, response } = await client.chat.completions.create({ ...asked, stream }).withResponse()
      if ('choices' in data) expect(data.choices[0]?.message.content).toBe(TWELVE)
      else expect((await seeAll(data)).text).toBe(TWELVE)
      const known = STRICT[row.provider]
      const lost = known === undefined ? [] : Object.keys(FOREIGN).filter((name) => !known.includes(name))
      const told = response.headers.get('x-router9-dropped-params')
      expect(told?.split(',').sort() ?? []).toEqual([...lost].sort())
      const body = router9.simulator.requests(row.provider).at(-1)?.body as Record<string, unknown>
      for (const [name, value] of Object.entries(FOREIGN)) {
        if (lost.includes(name)) expect(body).not.toHaveProperty(name)
        else expect(body[name]).toEqual(value)
      }
    }
  })

  test('answers instructions alone', async () => {
    const instructions = ['Be brief.', 'Count to 12'].map((content) => ({ role: 'system', content }) as const)
    const { choices } = await client.chat.completions.create({ model, messages: instructions })
    expect(choices[0]?.finish_reason).toBe('stop')
    expect(choices[0]?.message.content).toMatch(/./)
  })

  test.runIf(row.tools === false)('says that it has no functions', async () => {
    const asked = { model, messages: [user(WEATHER_QUESTION)], tools: [weatherTool] }
    for (const stream of [false, true]) {
      const error = await client.chat.completions.create({ ...asked, stream }).catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(OpenAI.BadRequestError)
      expect(error).toMatchObject({ param: 'tools', code: 'model_not_capable' })
    }
  })

  test.runIf(row.schema)('answers by a schema, which the helper reads, whole and streamed', async () => {
    const asked = {
      model: `${row.provider}/${row.schema}`,
      messages: [user('A recipe for "Ratatouille" in 45 minutes.')],
      response_format: zodResponseFormat(sample, 'recipe'),
    }
    const whole = await client.chat.completions.parse(asked)
    const parsed = whole.choices[0]?.message.parsed
    expect(sample.parse(parsed)).toEqual(parsed)
    expect(parsed).toMatchObject({ title: 'Ratatouille', level: 'easy' })
    expect(whole.choices[0]?.finish_reason).toBe('stop')
    const streamed = await client.chat.completions.stream(asked).finalChatCompletion()
    expect(streamed.choices[0]?.message.parsed).toEqual(parsed)
  })

  test.runIf(row.thinker)('thinks, visibly where it lets one see it, whole and streamed', async () => {
    const asked = { model: `${row.provider}/${row.thinker}`, messages, reasoning_effort: 'medium' as const }
    const whole = await client.chat.completions.create(asked)
    const message = whole.choices[0]?.message
    expect.assert(message !== undefined)
    expect(message.content).toBe(TWELVE)
    const reasoning = String(beyond(message, 'reasoning_content') ?? '')
    const counted = whole.usage?.completion_tokens_details?.reasoning_tokens ?? 0
    if (row.hidden) expect([reasoning, counted > 0]).toEqual(['', true])
    else expect(reasoning).toMatch(/The user asks about/)
    const seen = await seeAll(await client.chat.completions.create({ ...asked, stream: true }))
    expect([seen.reasoning, seen.text]).toEqual([reasoning, TWELVE])
    expect(seen.usages).toEqual([whole.usage])
  })

  test.each([
    { how: 'ends early', fault: { cut: 2 } },
    { how: 'is reset', fault: { reset: 2 } },
    { how: 'turns into an error', fault: { errorAfter: 2 } },
  ])('that $how throws APIError out of the iterator', async ({ fault }) => {
    router9.simulator.setFault(row.provider, fault)
    let text = ''
    const finishes: unknown[] = []
    const reading = (async () => {
      const asked = { model, messages: [user('Count to 60')], stream: true as const }
      for await (const { choices } of await client.chat.completions.create(asked)) {
        text += choices[0]?.delta.content ?? ''
        finishes.push(...choices.flatMap(({ finish_reason }) => finish_reason ?? []))
      }
    })()
    const error = await reading.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(APIError)
    expect(error).toMatchObject({ type: 'upstream_error', param: null, code: expect.stringMatching(/^upstream_/) })
    expect(text).toMatch(/^1/)
    expect(finishes.filter((finish) => finish !== 'error')).toEqual([])
  })

  test('that limits us is a RateLimitError, whole and streamed', async () => {
    router9.simulator.setFault(row.provider, { status: 429, retryAfter: 7 })
    for (const stream of [false, true]) {
      const error = await client.chat.completions.create({ model, messages, stream }).catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(OpenAI.RateLimitError)
      expect(error).toMatchObject({ type: 'rate_limit_error', param: null, code: 'upstream_rate_limited' })
      expect(Number((error as APIError).headers?.get('retry-after'))).toBeGreaterThanOrEqual(1)
    }
  })
})
