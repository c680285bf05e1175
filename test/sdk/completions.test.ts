import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { OpenAI as LangchainOpenAI } from '@langchain/openai'
import { generateText, streamText } from 'ai'
import OpenAI from 'openai'
import { expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'

const router9 = useRouter9()
const INSTRUCT = 'gpt-3.5-turbo-instruct'

const langchain = (model?: string, fields: object = {}) =>
  new LangchainOpenAI({
    ...(model === undefined ? {} : { model }),
    apiKey: DEMO_KEY,
    maxRetries: 0,
    configuration: { baseURL: `${router9.url}/v1` },
    ...fields,
  })

test("LangChain's text models answer with their default model, one prompt or a batch, streamed or not", async () => {
  expect(langchain().model).toBe(INSTRUCT)
  expect(await langchain().invoke('Count to 5')).toContain('5')
  const { generations } = await langchain(undefined, { batchSize: 20 }).generate([
    'Count to 5',
    'Count to 7',
    'Count to 9',
  ])
  expect(generations.map(([first]) => first?.text)).toEqual([/5/, /7/, /9/].map((end) => expect.stringMatching(end)))
  let text = ''
  for await (const piece of await langchain().stream('Count to 5')) text += piece
  expect(text).toBe(await langchain().invoke('Count to 5'))
})

test.each(['codestral-latest', 'deepseek-chat', 'claude-sonnet-4-5'])('so do they with %s', async (model) => {
  expect(await langchain(model).invoke('Count to 5')).toContain('5')
})

test('the OpenAI client reads log probabilities, several answers, and usage at the end of a stream', async () => {
  const client = new OpenAI({ baseURL: `${router9.url}/v1`, apiKey: DEMO_KEY, maxRetries: 0 })
  const body = { model: INSTRUCT, prompt: 'Count to 5', n: 2, best_of: 2, logprobs: 1, max_tokens: 30 }
  const whole = await client.completions.create(body)
  expect(whole.choices).toHaveLength(2)
  const stream = await client.completions.create({ ...body, stream: true, stream_options: { include_usage: true } })
  const texts = ['', '']
  const tokens: string[][] = [[], []]
  let usage: unknown
  for await (const chunk of stream) {
    for (const { index, text, logprobs } of chunk.choices) {
      texts[index] += text
      tokens[index]?.push(...(logprobs?.tokens ?? []))
    }
    usage = chunk.usage ?? usage
  }
  expect(texts).toEqual(whole.choices.map(({ text }) => text))
  expect(tokens).toEqual(whole.choices.map(({ logprobs }) => logprobs?.tokens))
  expect(usage).toEqual(whole.usage)
})

test("the AI SDK's completion models generate and stream", async () => {
  const provider = createOpenAICompatible({ name: 'router9', baseURL: `${router9.url}/v1`, apiKey: DEMO_KEY })
  const model = provider.completionModel(INSTRUCT)
  const { text, finishReason } = await generateText({ model, prompt: 'Count to 5', maxOutputTokens: 60, maxRetries: 0 })
  expect([text, finishReason]).toEqual([expect.stringContaining('5'), 'stop'])
  const streamed = streamText({ model, prompt: 'Count to 5', maxOutputTokens: 60, maxRetries: 0 })
  expect(await streamed.text).toBe(text)
})
