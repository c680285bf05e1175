import { describe, expect, test } from 'vitest'
import { type Body, useCase } from './router.ts'
import { FORMATS, SAYING, stream, whole } from './wires.ts'

const router9 = useCase()

type Format = keyof typeof FORMATS

/** What is sent upstream for a whole answer. */
async function sent(format: Format, body: Body, model: string = FORMATS[format].model) {
  return (await router9.sent(model, whole(SAYING[format].whole('Yes.')), body)).body
}

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

function showing(url: string): Body {
  const content = [
    { type: 'text', text: 'What is this?' },
    { type: 'image_url', image_url: { url, detail: 'low' } },
  ]
  return { messages: [{ role: 'user', content }] }
}

const images = [
  {
    what: 'an https image as its address',
    url: 'https://images.example.com/a.png?size=large',
    source: { type: 'url', url: 'https://images.example.com/a.png?size=large' },
  },
  {
    what: 'a data image as its bytes',
    url: `data:image/png;base64,${PIXEL}`,
    source: { type: 'base64', media_type: 'image/png', data: PIXEL },
  },
]

test.each(images)('Anthropic is sent $what, streamed and whole', async ({ url, source }) => {
  const content = [
    { type: 'text', text: 'What is this?' },
    { type: 'image', source },
  ]
  const { messages } = await sent('anthropic', showing(url))
  expect(messages).toEqual([{ role: 'user', content }])
  await router9.streamed(FORMATS.anthropic.model, stream(SAYING.anthropic.streamed('Yes.')), showing(url))
  expect(router9.upstream.asked()[0]?.body.messages).toEqual([{ role: 'user', content }])
})

const limits = [
  { model: 'claude-sonnet-4-5', most: 64_000 },
  { model: 'claude-opus-4-1', most: 32_000 },
  { model: 'claude-opus-4-8', most: 128_000 },
]

test.each(limits)('$model, asked without max_tokens, may write $most', async ({ model, most }) => {
  expect((await sent('anthropic', {}, `anthropic/${model}`)).max_tokens).toBe(most)
})

test.each(limits)('$model is asked for no more than $most, and for less where less is asked', async (row) => {
  const model = `anthropic/${row.model}`
  expect((await sent('anthropic', { max_tokens: 1_000_000 }, model)).max_tokens).toBe(row.most)
  expect((await sent('anthropic', { max_tokens: 17 }, model)).max_tokens).toBe(17)
  expect((await sent('anthropic', { max_completion_tokens: 18, max_tokens: 17 }, model)).max_tokens).toBe(18)
})

test.each(['openai', 'custom', 'gemini', 'cohere'] as const)(
  '%s is sent no limit where none was asked',
  async (format) => {
    expect(JSON.stringify(await sent(format, {}))).not.toMatch(/max_?(completion_|output)?tokens/i)
  },
)

const tools = [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object', properties: {} } } }]
const named = { type: 'function', function: { name: 'get_weather' } }
const single: readonly { choice: unknown; told: unknown }[] = [
  { choice: undefined, told: { type: 'auto', disable_parallel_tool_use: true } },
  { choice: 'auto', told: { type: 'auto', disable_parallel_tool_use: true } },
  { choice: 'required', told: { type: 'any', disable_parallel_tool_use: true } },
  { choice: named, told: { type: 'tool', name: 'get_weather', disable_parallel_tool_use: true } },
  { choice: 'none', told: { type: 'none' } },
]

test.each(single)('parallel_tool_calls: false with the tool_choice $choice is $told to Anthropic', async (row) => {
  const body = { tools, parallel_tool_calls: false, ...(row.choice === undefined ? {} : { tool_choice: row.choice }) }
  expect((await sent('anthropic', body)).tool_choice).toEqual(row.told)
})

test('without tools, and where parallel calls are allowed, nothing is disabled', async () => {
  expect(await sent('anthropic', { parallel_tool_calls: false })).not.toHaveProperty('tool_choice')
  const body = { tools, parallel_tool_calls: true, tool_choice: 'required' }
  expect((await sent('anthropic', body)).tool_choice).toEqual({ type: 'any' })
})

test('to OpenAI it goes as it is', async () => {
  expect((await sent('openai', { tools, parallel_tool_calls: false })).parallel_tool_calls).toBe(false)
})

const stops: readonly { format: Format; read: (body: Body) => unknown }[] = [
  { format: 'openai', read: ({ stop }) => stop },
  { format: 'custom', read: ({ stop }) => stop },
  { format: 'anthropic', read: ({ stop_sequences }) => stop_sequences },
  { format: 'gemini', read: ({ generationConfig }) => (generationConfig as Body).stopSequences },
  { format: 'cohere', read: ({ stop_sequences }) => stop_sequences },
]

describe.each(stops)('stop goes to $format', ({ format, read }) => {
  test('as a text', async () => {
    expect([read(await sent(format, { stop: 'END' }))].flat()).toEqual(['END'])
  })

  test('as a list', async () => {
    expect(read(await sent(format, { stop: ['END', '\n\nHuman:'] }))).toEqual(['END', '\n\nHuman:'])
  })

  test('not at all where it is null', async () => {
    expect(read(await sent(format, { stop: null }))).toBeUndefined()
  })
})

test('stop words of white space, which Anthropic refuses, are left out and told', async () => {
  const script = whole(SAYING.anthropic.whole('Yes.'))
  const { headers } = await router9.whole(FORMATS.anthropic.model, script, { stop: ['\n', 'END', ''] })
  expect(router9.upstream.asked()[0]?.body.stop_sequences).toEqual(['END'])
  expect(headers.get('x-router9-dropped-params')).toBe('stop')
})

const harmless = { seed: 7, logit_bias: { 50256: -100 }, store: true, tomorrow: 1 }
const dropping: readonly { model: string; format: Format; dropped: readonly string[] }[] = [
  { model: FORMATS.anthropic.model, format: 'anthropic', dropped: ['seed', 'logit_bias', 'store', 'tomorrow'] },
  { model: FORMATS.gemini.model, format: 'gemini', dropped: ['logit_bias', 'store', 'tomorrow'] },
  { model: FORMATS.cohere.model, format: 'cohere', dropped: ['logit_bias', 'store', 'tomorrow'] },
  { model: 'groq/llama-3.3-70b-versatile', format: 'custom', dropped: ['logit_bias', 'store', 'tomorrow'] },
  { model: 'perplexity/sonar', format: 'custom', dropped: ['seed', 'logit_bias'] },
]

describe.each(dropping)('what $model cannot take', ({ model, format, dropped }) => {
  test('is left out, and the header says so, streamed and whole', async () => {
    const body = { ...harmless, temperature: 0.5 }
    const answers = [
      await router9.whole(model, whole(SAYING[format].whole('Yes.')), body),
      await router9.streamed(model, stream(SAYING[format].streamed('Yes.')), body),
    ]
    for (const { headers } of answers) {
      expect(headers.get('x-router9-dropped-params')?.split(',').sort()).toEqual([...dropped].sort())
    }
    const [asked] = router9.upstream.asked()
    for (const name of dropped) expect(asked?.body).not.toHaveProperty(name)
    expect(JSON.stringify(asked?.body)).toContain('"temperature":0.5')
  })

  test('makes it unfit where require_parameters is asked for', async () => {
    const body = { ...harmless, provider: { require_parameters: true } }
    const { status, error } = await router9.refused(model, whole(SAYING[format].whole('Yes.')), body)
    expect([status, error.code]).toEqual([400, 'unsupported_parameter'])
    expect(dropped).toContain(error.param)
    expect(router9.upstream.asked()).toEqual([])
  })
})

test('an unknown parameter goes to a provider of its form untouched', async () => {
  const script = whole(SAYING.custom.whole('Yes.'))
  const { headers } = await router9.whole(FORMATS.custom.model, script, { tomorrow: { is: [1] } })
  expect(router9.upstream.asked()[0]?.body.tomorrow).toEqual({ is: [1] })
  expect(headers.get('x-router9-dropped-params')).toBeNull()
})

test('with require_parameters another model that takes them answers', async () => {
  const body = { seed: 7, models: [FORMATS.openai.model], provider: { require_parameters: true } }
  const { answer } = await router9.whole(FORMATS.anthropic.model, whole(SAYING.openai.whole('Yes.')), body)
  expect(answer.model).toBe('gpt-4o')
  expect(router9.upstream.asked().map(({ body: asked }) => asked.seed)).toEqual([7])
})

const wrongWithout: readonly { param: string; body: Body; model: string }[] = [
  { param: 'n', body: { n: 2 }, model: FORMATS.anthropic.model },
  { param: 'n', body: { n: 2 }, model: FORMATS.cohere.model },
  { param: 'n', body: { n: 2 }, model: 'groq/llama-3.3-70b-versatile' },
  { param: 'logprobs', body: { logprobs: true }, model: FORMATS.anthropic.model },
  { param: 'audio', body: { modalities: ['text', 'audio'], audio: { voice: 'alloy' } }, model: FORMATS.gemini.model },
]

test.each(wrongWithout)('$param, without which the answer would be wrong, is refused for $model', async (row) => {
  const { status, error } = await router9.refused(row.model, whole({}), row.body)
  expect([status, error.type, error.param, error.code]).toEqual([
    400,
    'invalid_request_error',
    row.param,
    'unsupported_parameter',
  ])
  expect(router9.upstream.asked()).toEqual([])
})

const NO_LOGPROBS = {
  ...whole({
    error: { code: 400, message: 'Logprobs is not enabled for models/gemini-2.5-flash', status: 'INVALID_ARGUMENT' },
  }),
  status: 400,
}

test('logprobs that a model of Gemini’s turns out to lack are refused by name, and its provider asked once', async () => {
  const { status, error } = await router9.refused(FORMATS.gemini.model, NO_LOGPROBS, { logprobs: true })
  expect([status, error.type, error.param, error.code]).toEqual([
    400,
    'invalid_request_error',
    'logprobs',
    'unsupported_parameter',
  ])
  expect(router9.upstream.asked()).toHaveLength(1)
})

test('another model that has logprobs answers in the place of one of Gemini’s that lacks them', async () => {
  const scripts = [NO_LOGPROBS, whole(SAYING.openai.whole('Yes.'))]
  const body = { logprobs: true, top_logprobs: 2, models: [FORMATS.openai.model] }
  const { answer } = await router9.whole(FORMATS.gemini.model, scripts, body)
  expect(answer.model).toBe('gpt-4o')
  const [first, second] = router9.upstream.asked()
  expect(first?.body.generationConfig).toEqual({ responseLogprobs: true, logprobs: 2 })
  expect(second?.body).toMatchObject({ logprobs: true, top_logprobs: 2 })
})

test('Gemini’s logprobs come in OpenAI’s form', async () => {
  const likely = SAYING.gemini.whole('Yes.')
  const [candidate] = likely.candidates as Body[]
  const logprobsResult = { chosenCandidates: [{ token: 'Yes.', tokenId: 1, logProbability: -0.5 }] }
  const script = whole({ ...likely, candidates: [{ ...candidate, logprobsResult }] })
  const { raw } = await router9.whole(FORMATS.gemini.model, script, { logprobs: true })
  const content = [{ token: 'Yes.', logprob: -0.5, bytes: null, top_logprobs: [] }]
  expect(JSON.parse(raw).choices[0].logprobs).toEqual({ content, refusal: null })
})
