import OpenAI from 'openai'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import type { Fault } from '../simulator/faults.ts'
import { askedDuring } from './asked.ts'
import { seeAll } from './chunks.ts'
import { openaiAt, PINNED, TWELVE, user } from './setting.ts'

const router9 = useRouter9()
let client: OpenAI

beforeAll(async () => {
  client = openaiAt(router9)
})

afterEach(() => {
  router9.simulator.clearFaults()
  router9.simulator.clearRequests()
})

const messages = [user('Count to 12')]

test.each(PINNED)('the client waits as long as a 429 of $model says, asks again, and has its answer', async (row) => {
  router9.simulator.setFault(row.provider, { status: 429, retryAfter: 1, times: 1 })
  const asked = await askedDuring(router9.url, async () => {
    const completion = await client.chat.completions.create({ model: row.model, messages })
    expect(completion.choices[0]?.message.content).toBe(TWELVE)
  })
  expect(asked.map(({ retry }) => retry)).toEqual(['0', '1'])
  expect(router9.simulator.requests(row.provider)).toHaveLength(2)
  const waitedMs = (asked[1]?.atMs ?? 0) - (asked[0]?.atMs ?? 0)
  expect(waitedMs).toBeGreaterThanOrEqual(900)
  expect(waitedMs).toBeLessThan(2500)
})

test('the client asks for a stream again after a 503', async () => {
  router9.simulator.setFault('openai', { status: 503, retryAfter: 1, times: 2 })
  let text = ''
  const asked = await askedDuring(router9.url, async () => {
    const stream = await client.chat.completions.create({ model: 'openai/gpt-4o', messages, stream: true })
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
  })
  expect(text).toBe(TWELVE)
  expect(asked.length).toBeGreaterThan(1)
  expect(asked.map(({ retry }) => retry)).toEqual(asked.map((_, at) => String(at)))
})

test('with another provider to go to, the client has no need to ask again', async () => {
  router9.simulator.setFault('openai', { status: 429, retryAfter: 30 })
  const asked = await askedDuring(router9.url, async () => {
    const { data, response } = await client.chat.completions.create({ model: 'gpt-4o', messages }).withResponse()
    expect(data.choices[0]?.message.content).toBe(TWELVE)
    expect(response.headers.get('x-router9-attempts')).toMatch(/^openai:429:\d+ms,\w+:200:\d+ms$/)
  })
  expect(asked).toHaveLength(1)
})

interface Hopeless {
  readonly what: string
  readonly fault: Fault
  readonly kind: new (...given: never[]) => Error
}
const hopeless: Hopeless[] = [
  { what: 'a used-up account', fault: { status: 429, reason: 'quota' }, kind: OpenAI.RateLimitError },
  { what: 'a wait of two minutes', fault: { status: 429, retryAfter: 120 }, kind: OpenAI.RateLimitError },
  { what: 'our refused key', fault: { status: 401 }, kind: OpenAI.InternalServerError },
  { what: "the caller's own fault", fault: { status: 400, reason: 'context' }, kind: OpenAI.BadRequestError },
]

test.each(hopeless)('for $what the client asks once and is told', async ({ fault, kind }) => {
  router9.simulator.setFault('openai', fault)
  const asked = await askedDuring(router9.url, async () => {
    const asking = client.chat.completions.create({ model: 'openai/gpt-4o', messages })
    await expect(asking).rejects.toBeInstanceOf(kind)
  })
  expect(asked).toHaveLength(1)
})

test('a stream that broke after its first words is not asked for again', async () => {
  router9.simulator.setFault('anthropic', { cut: 3 })
  const asked = await askedDuring(router9.url, async () => {
    const stream = await client.chat.completions.create({ model: 'claude-sonnet-4-5', messages, stream: true })
    await expect(seeAll(stream)).rejects.toBeInstanceOf(OpenAI.APIError)
  })
  expect(asked).toHaveLength(1)
  expect(router9.simulator.requests()).toHaveLength(1)
})
