import OpenAI from 'openai'
import { ContentFilterFinishReasonError, LengthFinishReasonError } from 'openai/core/error'
import { zodResponseFormat } from 'openai/helpers/zod'
import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { useRouter9 } from '../harness/router9.ts'
import { seeAll } from './chunks.ts'
import { beyond, MODELS, openaiAt, THINKERS, TWELVE, user } from './setting.ts'

const router9 = useRouter9()
let client: OpenAI

beforeAll(async () => {
  client = openaiAt(router9)
})

const recipe = z.object({
  title: z.string().min(3).max(40),
  difficulty: z.enum(['easy', 'hard']),
  minutes: z.number().int().min(1).max(600),
  source: z.string().nullable(),
  steps: z.array(z.object({ text: z.string(), tools: z.array(z.string()) })),
  nutrition: z.object({ kcal: z.number(), vegan: z.boolean() }),
})
const asRecipe = zodResponseFormat(recipe, 'recipe')
const cooking = [user('A recipe for "Ratatouille" in 45 minutes.')]

test.each(MODELS)('$model answers in the form of a zod schema, which parse reads', async ({ model }) => {
  const { choices } = await client.chat.completions.parse({ model, messages: cooking, response_format: asRecipe })
  const parsed = choices[0]?.message.parsed
  expect(recipe.parse(parsed)).toEqual(parsed)
  expect(parsed).toMatchObject({ title: 'Ratatouille', difficulty: 'easy' })
  expect(choices[0]?.finish_reason).toBe('stop')
})

test.each(MODELS)('$model streams the form of a zod schema, which the helper reads', async ({ model }) => {
  const whole = await client.chat.completions.parse({ model, messages: cooking, response_format: asRecipe })
  const stream = client.chat.completions.stream({ model, messages: cooking, response_format: asRecipe })
  const { choices } = await stream.finalChatCompletion()
  expect(choices[0]?.message.parsed).toEqual(whole.choices[0]?.message.parsed)
})

test.each(MODELS)('$model, cut short by max_tokens, is LengthFinishReasonError to parse', async ({ model }) => {
  const asked = { model, messages: cooking, response_format: asRecipe, max_tokens: 6 }
  await expect(client.chat.completions.parse(asked)).rejects.toBeInstanceOf(LengthFinishReasonError)
  const streaming = client.chat.completions.stream(asked).finalChatCompletion()
  await expect(streaming).rejects.toBeInstanceOf(LengthFinishReasonError)
})

test('an answer that a filter ended is ContentFilterFinishReasonError to parse', async () => {
  const messages = [user('Trip the content filter.')]
  for (const model of ['gpt-4o', 'claude-sonnet-4-5']) {
    const parsing = client.chat.completions.parse({ model, messages, response_format: asRecipe })
    await expect(parsing).rejects.toBeInstanceOf(ContentFilterFinishReasonError)
  }
})

test.each(MODELS)('$model answers with some JSON object where only that is asked', async ({ model }) => {
  const messages = [user('Say hello in JSON.')]
  const asked = { model, messages, response_format: { type: 'json_object' } } as const
  const { choices } = await client.chat.completions.create(asked)
  expect(choices[0]?.finish_reason).toBe('stop')
  const [asking] = router9.simulator.requests().slice(-1)
  // Anthropic has no such form: there it is an instruction, which the simulator does not follow.
  if (model.startsWith('claude')) expect(JSON.stringify(asking?.body)).toMatch(/"system":[^\]]*JSON/)
  else expect(JSON.parse(choices[0]?.message.content ?? '')).toBeTypeOf('object')
})

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const PIXEL_BYTES = Buffer.from(PIXEL, 'base64').length

test.each(MODELS)('$model gets the bytes of an image in a data URL', async ({ model }) => {
  const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}`, detail: 'low' } } as const
  const content = [{ type: 'text', text: 'What is in this picture?' } as const, image]
  const { choices } = await client.chat.completions.create({ model, messages: [{ role: 'user', content }] })
  expect(choices[0]?.message.content).toContain(`an image (image/png, ${PIXEL_BYTES} bytes)`)
})

test.each(MODELS)('$model gets the address of an image on the web', async ({ model }) => {
  const url = 'https://images.example.com/cat.png?size=large'
  const content = [{ type: 'image_url', image_url: { url } } as const, { type: 'text', text: 'Describe it.' } as const]
  const { choices } = await client.chat.completions.create({ model, messages: [{ role: 'user', content }] })
  expect(choices[0]?.message.content).toContain(url)
})

const PDF = Buffer.from('%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n')

test.each(MODELS)('$model gets the bytes of a PDF', async ({ model }) => {
  const file = { filename: 'invoice.pdf', file_data: `data:application/pdf;base64,${PDF.toString('base64')}` }
  const content = [{ type: 'text', text: 'Sum it up.' } as const, { type: 'file', file } as const]
  const { choices } = await client.chat.completions.create({ model, messages: [{ role: 'user', content }] })
  expect(choices[0]?.message.content).toMatch(/a document \(.*application\/pdf/)
  expect(choices[0]?.message.content).toContain(`${PDF.length} bytes`)
})

const thoughtful = { messages: [user('Count to 12')], reasoning_effort: 'medium' as const }

test.each(THINKERS)('$model shows what it thought in reasoning_content', async ({ model }) => {
  const { choices, usage } = await client.chat.completions.create({ model, ...thoughtful })
  const message = choices[0]?.message ?? {}
  expect(beyond(message, 'reasoning_content')).toMatch(/The user asks about/)
  expect(beyond(message, 'content')).toBe(TWELVE)
  expect(usage?.completion_tokens_details?.reasoning_tokens).toBeGreaterThan(0)
  expect(usage?.total_tokens).toBe((usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0))
})

test.each(THINKERS)('$model streams what it thinks before what it says', async ({ model }) => {
  const whole = await client.chat.completions.create({ model, ...thoughtful })
  const seen = await seeAll(await client.chat.completions.create({ model, ...thoughtful, stream: true }))
  expect(seen.reasoning).toBe(beyond(whole.choices[0]?.message ?? {}, 'reasoning_content'))
  expect(seen.text).toBe(TWELVE)
  const deltas = seen.chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta))
  const lastThought = deltas.findLastIndex((delta) => Boolean(beyond(delta, 'reasoning_content')))
  const firstWord = deltas.findIndex(({ content }) => Boolean(content))
  expect(lastThought).toBeLessThan(firstWord)
  expect(seen.usages).toEqual([whole.usage])
})

test.each(MODELS)('$model is asked for stop words and a limit, and keeps them', async ({ model }) => {
  const messages = [user('Count to 12')]
  const stopped = await client.chat.completions.create({ model, messages, stop: ['8'] })
  expect(stopped.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: TWELVE.split('8')[0] } })
  const limited = await client.chat.completions.create({ model, messages, max_completion_tokens: 4 })
  expect(limited.choices[0]?.finish_reason).toBe('length')
  expect(TWELVE.startsWith(limited.choices[0]?.message.content ?? 'nothing')).toBe(true)
})

const refused = [user('Refuse this.')]

test.each([
  { model: 'gpt-4o', reason: 'stop' },
  { model: 'claude-sonnet-4-5', reason: 'content_filter' },
  { model: 'claude-opus-4-8', reason: 'content_filter' },
])('$model refuses in a way the client knows', async ({ model, reason }) => {
  const whole = await client.chat.completions.create({ model, messages: refused })
  expect(whole.choices[0]?.finish_reason).toBe(reason)
  expect(whole.choices[0]?.message.refusal).toMatch(/\w+ \w+/)
  const streamed = await client.chat.completions.stream({ model, messages: refused }).finalChatCompletion()
  expect(streamed.choices[0]).toMatchObject({
    finish_reason: reason,
    message: { refusal: whole.choices[0]?.message.refusal },
  })
})

test.each(['gemini-2.5-flash', 'gemini-3.5-flash'])(
  '%s, which blocks a prompt, is a BadRequestError',
  async (model) => {
    for (const stream of [false, true]) {
      const error = await client.chat.completions
        .create({ model, messages: refused, stream })
        .catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(OpenAI.BadRequestError)
      expect(error).toMatchObject({ code: 'content_filter', param: null })
    }
  },
)
