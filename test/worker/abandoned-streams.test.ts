import { beforeAll, describe, expect, test } from 'vitest'
import type { Limits } from '../../src/access/budget.ts'
import { type Body, useCase } from '../cases/router.ts'
import type { Piece, Script } from '../cases/scripted.ts'
import { chunk, completion, sse, stream, whole } from '../cases/wires.ts'
import { callLines } from '../harness/log-lines.ts'
import { until } from '../harness/until.ts'
import { openRawClient } from './raw-client.ts'
import { LEDGER_PATH, WRAPPED_LEDGER } from './wrapped-ledger.ts'

const LIMIT_MS = 2000
/** Before that, with time to spare, and after what an abort takes on a busy machine. */
const SOON_MS = 1500
const WORD = sse(chunk({ role: 'assistant', content: 'One' }))
const USAGE = { prompt_tokens: 11, completion_tokens: 4000, total_tokens: 4011 }
const REST = sse(chunk({ content: ' two' }), chunk({}, 'stop', { usage: USAGE }), '[DONE]')
/** By the prices of gpt-5. */
const SERVED_DOLLARS = (11 * 1.25 + 4000 * 10) / 1e6
const RESERVED_DOLLARS = (50_000 * 10) / 1e6
const GPT_5 = { model: 'openai/gpt-5', max_tokens: 50_000 }

const router9 = useCase(
  { ABANDONED_STREAM_TIMEOUT_MS: String(LIMIT_MS), FIRST_BYTE_TIMEOUT_MS: '1000', MODEL_PRICES: 'groq/*=1:2' },
  WRAPPED_LEDGER,
)
let made = 0
const MANAGER = 'sk-r9k-manager-of-budgets'
beforeAll(async () => {
  const { keys } = router9.worker
  keys.values.set('provider:all', JSON.stringify({ providers: { mistral: { budget: 100 } } }))
  await keys.put(MANAGER, { id: 'key_manager', role: 'management' })
})

/** A key of its own. */
async function keyWith(limits: Limits) {
  const key = `sk-r9k-abandoned-${++made}`
  const id = `key_abandoned_${made}`
  await router9.worker.keys.put(key, { id, limits: { ...limits } })
  const lines = () => callLines(router9.worker.log()).filter((line) => line.key === id)
  const spent = async (): Promise<Record<'requests' | 'dollars', number>> =>
    (await fetch(`${router9.url}${LEDGER_PATH}?key=${id}`)).json()
  /** Opens a stream and leaves it once `isTime` is true of what came, and the provider has been asked. */
  const leave = async (body: Body, isTime = (received: string) => received.includes('One')) => {
    const before = router9.upstream.asked().length
    const body_ = { messages: [{ role: 'user', content: 'Hello!' }], stream: true, ...body }
    const client = openRawClient(router9.url, body_, true, key)
    await expect.poll(() => router9.upstream.asked().length, { interval: 5 }).toBe(before + 1)
    await expect.poll(() => isTime(client.received()), { interval: 5 }).toBe(true)
    client.leave('rst')
    return Date.now()
  }
  /** The only line of its only call, and what its ledger has counted by then. */
  const counted = async () => {
    await expect.poll(() => lines().length, { interval: 10, timeout: 2 * LIMIT_MS }).toBeGreaterThan(0)
    await expect.poll(async () => (await spent()).requests, { timeout: 5000 }).toBe(1)
    const [line] = lines()
    expect.assert(line !== undefined)
    await expect.poll(async () => (await spent()).dollars, { timeout: 5000 }).toBeCloseTo(line.cost_usd ?? 0, 9)
    expect(lines()).toHaveLength(1)
    return line
  }
  return { leave, counted, lines, spent }
}

/** A provider that goes on when it is told to, and says when its connection was closed. */
function played(first: readonly Piece[], rest: readonly Piece[], ending?: Script['ending']) {
  const gate = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<number>()
  const script = stream(...first, { until: gate.promise }, ...rest)
  router9.upstream.play({ ...script, ...(ending && { ending }), closed: () => closed.resolve(Date.now()) })
  return { goOn: gate.resolve, closedAt: closed.promise }
}

const pause = (pauseMs: number) => ({ pauseMs })
const atOnce = () => true

describe('a stream that its client has left is read on', () => {
  test.each([
    ['in the middle', [WORD], undefined, { status: 200 }],
    [
      'before the first word, while the model thinks unseen',
      [sse(chunk({ role: 'assistant' }))],
      atOnce,
      { status: 499 },
    ],
    // Longer than the first word may take while somebody waits for it.
    ['before anything came', [pause(1500)], atOnce, { status: 499 }],
  ] as const)(
    '%s: a key with a budget pays what the provider says that it served',
    async (_, first, isTime, expected) => {
      const { goOn } = played(first, [REST])
      const { leave, counted, lines } = await keyWith({ budget: 100 })
      await leave({ ...GPT_5, models: ['openai/gpt-5-mini'] }, isTime)
      expect(lines()).toHaveLength(0)
      goOn()
      const line = await counted()
      expect(line).toMatchObject({ ...expected, left: true, kind: 'client-left', level: 'info' })
      expect(line).toMatchObject({ prompt_tokens: 11, completion_tokens: 4000 })
      expect(line.estimated).toBeUndefined()
      expect(line.cost_usd).toBeCloseTo(SERVED_DOLLARS, 9)
      expect(router9.upstream.asked()).toHaveLength(1)
    },
  )

  test('for so long and no longer: then its key pays what was held for it', async () => {
    let isOpen = true
    const { goOn, closedAt } = played([WORD], [{ repeat: sse(chunk({ content: ' on' })), while: () => isOpen }])
    const { leave, counted } = await keyWith({ budget: 100 })
    goOn()
    const leftAt = await leave({ ...GPT_5, models: ['openai/gpt-5-pro'] })
    expect((await closedAt) - leftAt).toBeGreaterThan(SOON_MS)
    isOpen = false
    const line = await counted()
    expect(line).toMatchObject({ left: true, estimated: true })
    expect(line.cost_usd).toBeGreaterThanOrEqual(RESERVED_DOLLARS)
    // Not at the twelvefold price of a model that was reserved for and not asked.
    expect(line.cost_usd).toBeLessThan(2 * RESERVED_DOLLARS)
  })

  test('of a provider that goes on writing, and bills it, whatever its model shows', async () => {
    const { goOn } = played([WORD], [REST])
    const { leave, counted } = await keyWith({ budget: 100 })
    await leave({ model: 'groq/llama-3.3-70b-versatile', max_tokens: 5000 })
    goOn()
    expect(await counted()).toMatchObject({ prompt_tokens: 11, completion_tokens: 4000 })
  })

  test('where only its provider has a budget: that pays what the provider says that it served', async () => {
    const { goOn } = played([WORD], [REST])
    const { leave, lines } = await keyWith({ rpm: 10 })
    await leave({ model: 'mistral/mistral-large-2512', max_tokens: 5000 })
    goOn()
    await until(() => lines().length)
    expect(lines()[0]).toMatchObject({ left: true, prompt_tokens: 11, completion_tokens: 4000 })
    const authorization = `Bearer ${MANAGER}`
    const usage = async () => {
      const response = await fetch(`${router9.url}/v1/providers/mistral`, { headers: { authorization } })
      return ((await response.json()) as { data: { usage: number } }).data.usage
    }
    const dollars = lines()[0]?.cost_usd ?? 0
    expect(dollars).toBeGreaterThan(0)
    expect(await until(usage)).toBeCloseTo(dollars, 9)
  })

  test('and nobody pays for what a provider breaks off meanwhile', async () => {
    const { goOn } = played([WORD], [sse(chunk({ content: ' two' }))], 'reset')
    const { leave, counted } = await keyWith({ budget: 100 })
    await leave(GPT_5)
    goOn()
    expect((await counted()).cost_usd).toBeLessThan(RESERVED_DOLLARS / 10)
  })
})

describe('the provider is closed at once for a client that leaves', () => {
  test.each([
    ['whose key has no budget', GPT_5, { rpm: 10 }],
    [
      'where it stops writing then, and has shown all that it bills',
      { model: 'openai/gpt-4o', max_tokens: 500 },
      { budget: 1 },
    ],
  ])('%s', async (_, body, limits) => {
    const { closedAt } = played([WORD], [])
    const { leave, counted } = await keyWith(limits)
    const leftAt = await leave(body)
    expect((await closedAt) - leftAt).toBeLessThan(SOON_MS)
    expect(await counted()).toMatchObject({ left: true, estimated: true })
  })

  test('who has left four others just now: nobody piles them up', async () => {
    const { leave, lines } = await keyWith({ budget: 100 })
    const closings: Promise<number>[] = []
    for (let at = 1; at <= 5; at++) {
      const { closedAt } = played([WORD], [])
      closings.push(closedAt)
      const leftAt = await leave(GPT_5)
      if (at === 5) expect((await closedAt) - leftAt).toBeLessThan(SOON_MS)
    }
    expect(lines()).toHaveLength(1)
    await Promise.all(closings)
    await expect.poll(() => lines().length).toBe(5)
    // Their places are free again.
    const { goOn } = played([WORD], [REST])
    await leave(GPT_5)
    goOn()
    await expect.poll(() => lines().at(-1)).toMatchObject({ completion_tokens: 4000 })
  })

  test('of a whole answer', async () => {
    const closed = Promise.withResolvers<void>()
    const answer = whole(completion({ content: 'One' }, 'stop'))
    router9.upstream.play({ ...answer, pieces: [pause(20_000)], closed: closed.resolve })
    const { leave, lines } = await keyWith({ budget: 100 })
    await leave({ ...GPT_5, stream: false }, atOnce)
    await closed.promise
    await expect.poll(() => lines()[0]).toMatchObject({ status: 499, estimated: true })
  })
})
