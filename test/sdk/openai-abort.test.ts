import OpenAI from 'openai'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type Router9, startRouter9 } from '../harness/router9.ts'
import type { RecordedRequest } from '../simulator/requests.ts'
import { openaiAt, PINNED, user } from './setting.ts'

const WITHIN_MS = 1000

let router9: Router9
let client: OpenAI
const unhandled: unknown[] = []
const note = (reason: unknown) => unhandled.push(reason)

beforeAll(async () => {
  process.on('unhandledRejection', note)
  router9 = await startRouter9()
  client = openaiAt(router9)
})

beforeEach(() => {
  router9.simulator.clearRequests()
  unhandled.length = 0
})

afterAll(async () => {
  process.off('unhandledRejection', note)
  await router9.stop()
})

function endless(model: string) {
  return { model, messages: [user('[[sim * tokendelay=20]] Write 5000 words')], stream: true as const }
}

async function upstreamToBeLeft(leftAtMs: number): Promise<void> {
  await vi.waitFor(() => expect(router9.simulator.requests()[0]?.aborted).toBe(true), { timeout: 3000, interval: 20 })
  const [asked, ...more] = router9.simulator.requests()
  expect((asked?.abortedAt ?? 0) - leftAtMs).toBeLessThan(WITHIN_MS)
  expect(more).toEqual([])
  expectQuiet()
}

function expectQuiet(): void {
  expect(unhandled).toEqual([])
  expect(router9.worker.log()).not.toMatch(/uncaught|unhandled|"event":"fault"/i)
}

test.each(PINNED)('aborting a stream of $model ends the loop, and the provider is left at once', async ({ model }) => {
  const stream = await client.chat.completions.create(endless(model))
  let chunks = 0
  let leftAtMs = 0
  for await (const _ of stream) {
    chunks++
    if (chunks !== 5) continue
    leftAtMs = Date.now()
    stream.controller.abort()
  }
  expect(leftAtMs).toBeGreaterThan(0)
  expect(chunks).toBeLessThan(50)
  await upstreamToBeLeft(leftAtMs)
})

test.each(PINNED)('breaking out of the loop over a stream of $model leaves the provider at once', async ({ model }) => {
  for await (const _ of await client.chat.completions.create(endless(model))) break
  await upstreamToBeLeft(Date.now())
})

test('aborting the stream helper is an APIUserAbortError, and nothing else', async () => {
  const stream = client.chat.completions.stream(endless('openai/gpt-4o'))
  let leftAtMs = 0
  stream.once('content', () => {
    leftAtMs = Date.now()
    stream.abort()
  })
  await expect(stream.finalChatCompletion()).rejects.toBeInstanceOf(OpenAI.APIUserAbortError)
  expect(stream.aborted).toBe(true)
  await upstreamToBeLeft(leftAtMs)
})

// That the provider is left too cannot be told from here: until something is written, workerd hears of a client that goes
// by a reset only, and Node's fetch goes without one.
test('aborting a whole answer that is not there yet is an APIUserAbortError, and nothing else', async () => {
  const controller = new AbortController()
  const content = '[[sim * latency=400]] Hello!'
  const asking = client.chat.completions.create(
    { model: 'openai/gpt-4o', messages: [user(content)] },
    { signal: controller.signal },
  )
  const outcome = asking.catch((error: unknown) => error)
  await vi.waitFor(() => expect(router9.simulator.requests()).toHaveLength(1), { timeout: 3000 })
  controller.abort()
  expect(await outcome).toBeInstanceOf(OpenAI.APIUserAbortError)
  await vi.waitFor(() => expect(ended(router9.simulator.requests()[0])).toBe(true), { timeout: 3000 })
  expect(router9.simulator.requests()).toHaveLength(1)
  expectQuiet()
})

function ended(request: RecordedRequest | undefined): boolean {
  return request?.aborted === true || request?.finished === true
}

test('after callers have left, the next one is served', async () => {
  const completion = await client.chat.completions.create({ model: 'openai/gpt-4o', messages: [user('Say: here')] })
  expect(completion.choices[0]?.message.content).toBe('here')
})
