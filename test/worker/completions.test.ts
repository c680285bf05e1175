import { describe, expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import { chunksOf, type Json } from '../stream/fold.ts'

const router9 = useRouter9()

interface Choice {
  readonly index: number
  readonly text: string
  readonly finish_reason: string | null
  readonly logprobs: { readonly tokens: readonly string[]; readonly token_logprobs: readonly (number | null)[] } | null
}

async function post(body: Json, path = 'completions') {
  const response = await fetch(`${router9.url}/v1/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ max_tokens: 40, ...body }),
  })
  const { status, headers } = response
  const text = await response.text()
  const isStream = headers.get('content-type')?.includes('event-stream') === true
  return { status, text, isStream, provider: headers.get('x-router9-provider'), model: headers.get('x-router9-model') }
}

/** The choices of an answer, streamed or not, as a client puts them together. */
async function choicesOf(body: Json): Promise<{ choices: Choice[]; usage: unknown; provider: string | null }> {
  const { status, text, isStream, provider } = await post(body)
  expect(status, text).toBe(200)
  if (!isStream) return { ...(JSON.parse(text) as { choices: Choice[]; usage: unknown }), provider }
  const { chunks, done } = chunksOf(text)
  expect(done).toBe(true)
  const choices: Choice[] = []
  for (const piece of chunks.flatMap((chunk) => chunk.choices as Choice[])) {
    const { index, text: before = '' } = choices[piece.index] ?? piece
    const known = choices[index]
    choices[index] = {
      ...piece,
      text: (known === undefined ? '' : before) + piece.text,
      logprobs: joined(known, piece),
    }
  }
  return { choices, usage: chunks.at(-1)?.usage, provider }
}

function joined(known: Choice | undefined, { logprobs }: Choice): Choice['logprobs'] {
  const before = known?.logprobs
  if (!before || !logprobs) return logprobs ?? before ?? null
  return {
    tokens: [...before.tokens, ...logprobs.tokens],
    token_logprobs: [...before.token_logprobs, ...logprobs.token_logprobs],
  }
}

const FIM = { prompt: 'def f(', suffix: '):\n    return x' }
/** Every kind of endpoint for text completions, with a model of it. */
const ENDPOINTS = [
  ['openai', 'gpt-3.5-turbo-instruct'],
  ['mistral', 'codestral-latest'],
  ['deepseek', 'deepseek-v4-pro'],
  ['ollama', 'any'],
] as const

describe.each([false, true])('with stream: %s', (stream) => {
  test.each(ENDPOINTS)(
    '%s fills in the middle, and says the same as a whole and in pieces',
    async (provider, model) => {
      const body = { model: `${provider}/${model}`, ...FIM }
      const asked = await choicesOf({ ...body, stream })
      const other = await choicesOf({ ...body, stream: !stream })
      expect(asked.choices).toMatchObject([{ index: 0, text: expect.stringMatching(/\S/), finish_reason: /./ }])
      expect(asked.choices.map(({ text }) => text)).toEqual(other.choices.map(({ text }) => text))
      expect(asked.usage).toMatchObject({ total_tokens: expect.any(Number) })
    },
  )

  test('several prompts are answered each as often as asked, whether texts or tokens', async () => {
    for (const prompt of [
      ['One', 'Two'],
      [[1, 2, 3], [4]],
    ]) {
      const { choices, usage } = await choicesOf({ model: 'openai/gpt-3.5-turbo-instruct', prompt, n: 2, stream })
      expect(choices.map(({ index, finish_reason }) => [index, finish_reason !== null])).toEqual(
        [0, 1, 2, 3].map((index) => [index, true]),
      )
      expect(usage).toMatchObject({ prompt_tokens: Array.isArray(prompt[0]) ? 4 : 2 })
    }
  })

  test('a prompt is scored: its tokens come back with their log probabilities, and count as no answer', async () => {
    const body = { model: 'openai/davinci-002', prompt: 'The sky is', echo: true, max_tokens: 0, logprobs: 0, stream }
    const { choices, usage } = await choicesOf(body)
    expect(choices).toMatchObject([
      {
        text: 'The sky is',
        finish_reason: 'length',
        logprobs: { tokens: ['The', ' sky', ' is'], token_logprobs: [null, -0.5, -0.375] },
      },
    ])
    expect(usage).toEqual({ prompt_tokens: 3, completion_tokens: 0, total_tokens: 3 })
  })

  test('a deployment that fails is replaced by another with the endpoint', async () => {
    const body = { prompt: '[[sim openai status=503]] The sky is', suffix: '.', stream }
    const same = await choicesOf({ ...body, model: 'gpt-3.5-turbo-instruct' })
    expect(same).toMatchObject({ provider: 'azure', choices: [{ finish_reason: /./ }] })
    const prompt = '[[sim mistral status=503]] def f('
    const other = await choicesOf({ model: 'codestral-latest', models: ['deepseek-chat'], prompt, suffix: ')', stream })
    expect(other).toMatchObject({ provider: 'deepseek', choices: [{ finish_reason: /./ }] })
  })
})

test.each(
  ENDPOINTS.flatMap(([provider, model]) =>
    ['cut=2', 'cut=3', 'reset=2', 'errorAfter=2', 'noFinish'].map((fault) => [provider, model, fault] as const),
  ),
)('a stream of %s/%s that is broken by %s never looks finished', async (provider, model, fault) => {
  const prompt = `[[sim ${provider} ${fault}]] Say something long about the sky and the sea.`
  const { status, text, isStream } = await post({ model: `${provider}/${model}`, prompt, stream: true })
  if (!isStream) {
    expect(status, text).toBe(502)
    return
  }
  const { chunks, done } = chunksOf(text)
  expect(done).toBe(false)
  expect(chunks.at(-1)).toMatchObject({ error: { message: expect.any(String) }, choices: [{ finish_reason: 'error' }] })
  const finishes = chunks.slice(0, -1).flatMap((chunk) => (chunk.choices as Choice[]).map((one) => one.finish_reason))
  expect(finishes.filter((reason) => reason)).toEqual([])
})

test('each of several prompts has the window for itself: only the longest decides which model has room', async () => {
  const models = { model: 'openai/gpt-3.5-turbo-instruct', models: ['openai/davinci-002'] }
  const words = (count: number) => 'word '.repeat(count)
  const several = await post({ ...models, prompt: [words(1000), words(1000), words(1000), words(1000)] })
  expect([several.status, several.model]).toEqual([200, 'gpt-3.5-turbo-instruct'])
  const long = await post({ ...models, prompt: words(4000) })
  expect([long.status, long.model]).toEqual([200, 'davinci-002'])
  const tokens = await post({ ...models, prompt: Array.from({ length: 5000 }, () => 7) })
  expect([tokens.status, tokens.model]).toEqual([200, 'davinci-002'])
})

test('what the provider refuses in a prompt of tokens is told in its own words', async () => {
  const { status, text } = await post({ model: 'openai/gpt-3.5-turbo-instruct', prompt: [12_345, 123_456] })
  expect([status, JSON.parse(text).error.message]).toEqual([400, expect.stringContaining('Invalid token in prompt')])
})
