import { describe, expect, test } from 'vitest'
import type { Limits } from '../../src/access/budget.ts'
import { type Body, useCase } from '../cases/router.ts'
import type { Script } from '../cases/scripted.ts'
import {
  broken,
  chunk,
  completion,
  crlf,
  generated,
  MESSAGE_START,
  message,
  named,
  sse,
  stream,
  textBlock,
  USAGE_CHUNK,
  whole,
} from '../cases/wires.ts'
import { type CallLine, callLines } from '../harness/log-lines.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import { openRawClient } from './raw-client.ts'
import { LEDGER_PATH, WRAPPED_LEDGER } from './wrapped-ledger.ts'

const MAX_TOKENS = 1_000_000
const HELLO = [{ role: 'user', content: 'Hello!' }]
/** Two hundred words that a client has read. */
const WORDS = 'word '.repeat(200)
const NEVER = { until: new Promise<void>(() => {}) }

const router9 = useCase(
  {
    MODEL_PRICES: 'custom/priced=1:2, ollama/*=0:0',
    FIRST_BYTE_TIMEOUT_MS: '800',
    TOTAL_TIMEOUT_MS: '800',
    ABANDONED_STREAM_TIMEOUT_MS: '500',
  },
  WRAPPED_LEDGER,
)
let made = 0

/** A key of its own. */
async function keyWith(limits: Limits, kind = 'money') {
  const key = `sk-r9k-${kind}-${++made}`
  const id = `key_${kind}_${made}`
  await router9.worker.keys.put(key, { id, limits: { ...limits } })
  const authorization = `Bearer ${key}`
  const ask = async (body: Body) => {
    const response = await router9.post({ messages: HELLO, ...body }, { authorization })
    const { status, headers } = response
    const text = await response.text()
    return { status, headers, error: status === 200 ? undefined : JSON.parse(text).error }
  }
  const spent = async (): Promise<Record<'requests' | 'tokens' | 'dollars' | 'unanswered' | 'calls', number>> =>
    (await fetch(`${router9.url}${LEDGER_PATH}?key=${id}`)).json()
  /** The line of its one call, when it is there. */
  const line = async (): Promise<CallLine> => {
    const find = () => callLines(router9.worker.log()).find((one) => one.key === id)
    await expect.poll(find, { interval: 10, timeout: 5000 }).toBeDefined()
    const found = find()
    expect.assert(found !== undefined)
    return found
  }
  /** Opens a call, and leaves as soon as the client has read so much. */
  const leaveAfter = async (body: Body, isEnough: (received: string) => boolean) => {
    const client = openRawClient(router9.url, { messages: HELLO, ...body }, true, key)
    await expect.poll(() => router9.upstream.asked().length, { interval: 10 }).toBeGreaterThan(0)
    await expect.poll(() => isEnough(client.received()), { interval: 10 }).toBe(true)
    client.leave('rst')
    return line()
  }
  return { key, ask, spent, leaveAfter, line }
}

const hello = () => whole(completion({ content: 'Hello!' }, 'stop'))
/** Answers when the function that it returns is called. */
function playGated(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>()
  router9.upstream.play({ ...hello(), pieces: [{ until: promise }, ...hello().pieces] })
  return resolve
}

/** Half a cent at most. */
const GPT_4O = { model: 'openai/gpt-4o', max_tokens: 500 }

describe('what calls under way may cost', () => {
  test('is held: of forty at once on a budget of a cent one is let in, and others when it has cost less', async () => {
    const end = playGated()
    const { ask, spent } = await keyWith({ budget: 0.01 })
    const refused: Awaited<ReturnType<typeof ask>>[] = []
    const asking = Array.from({ length: 40 }, async () => {
      const answer = await ask(GPT_4O)
      if (answer.status !== 200) refused.push(answer)
      return answer
    })
    // While the one is under way.
    await expect.poll(() => refused.length, { timeout: 5000 }).toBe(39)
    expect(router9.upstream.asked()).toHaveLength(1)
    end()
    const answers = await Promise.all(asking)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    for (const { error, headers } of refused) {
      expect(error).toMatchObject({ type: 'insufficient_quota', code: 'insufficient_quota' })
      expect(error.message).toContain('under way')
      expect(headers.get('retry-after')).toBe('1')
      expect(headers.get('x-should-retry')).toBe('true')
    }
    expect((await ask(GPT_4O)).status).toBe(200)
    await expect.poll(async () => (await spent()).requests, { timeout: 5000 }).toBe(2)
    expect((await spent()).dollars).toBeCloseTo((2 * (11 * 2.5 + 7 * 10)) / 1e6, 9)
  })

  test('is held of the tokens of a minute too, by max_tokens and as often as there are choices', async () => {
    const { ask } = await keyWith({ tpm: 1000 })
    for (const [body, most] of [
      [{ max_tokens: 300 }, 3],
      [{ max_tokens: 200, n: 4 }, 1],
    ] as const) {
      const end = playGated()
      const refused: unknown[] = []
      const asking = Array.from({ length: 6 }, async () => {
        const { status, error } = await ask({ ...GPT_4O, ...body })
        if (status !== 200) refused.push([status, error.type])
      })
      await expect.poll(() => refused.length, { timeout: 5000 }).toBe(6 - most)
      end()
      await Promise.all(asking)
      expect(refused).toEqual(Array(6 - most).fill([429, 'tokens']))
    }
  })

  const begun = sse(chunk({ role: 'assistant', content: 'One' }))
  const said = (received: string) => received.includes('One')
  const nothing = () => true
  const ENDINGS: readonly [string, Script, Body, leave?: (received: string) => boolean][] = [
    ['with an answer', hello(), {}],
    [
      'with a stream',
      stream(sse(chunk({ content: 'One' }), chunk({}, 'stop'), USAGE_CHUNK, '[DONE]')),
      { stream: true },
    ],
    ['as the provider fails', whole({ error: { message: 'Broken.' } }, 500), {}],
    ['as the provider refuses the request', whole({ error: { message: 'No.' } }, 400), {}],
    ['as the provider refuses a stream', whole({ error: { message: 'No.' } }, 400), { stream: true }],
    ['with nonsense', whole([]), {}],
    ['with a stream of nonsense', stream(sse('{')), { stream: true }],
    ['in the middle of a stream', broken('reset', begun), { stream: true }],
    ['without a word in time', { pieces: [NEVER] }, { stream: true }],
    ['as the client leaves a whole answer', { pieces: [NEVER] }, {}, nothing],
    ['as the client leaves before the first word', { pieces: [NEVER] }, { stream: true }, nothing],
    ['as the client leaves in the middle', stream(begun, NEVER), { stream: true }, said],
  ]

  test.each(ENDINGS)('is let go when the call ends %s', async (_, script, body, leave) => {
    router9.upstream.play(script, hello())
    const { ask, leaveAfter } = await keyWith({ budget: 0.01 })
    if (leave === undefined) await ask({ ...GPT_4O, ...body })
    else await leaveAfter({ ...GPT_4O, ...body }, leave)
    await expect.poll(async () => (await ask(GPT_4O)).status, { timeout: 3000 }).toBe(200)
  })
})

describe('a client that leaves a stream before its usage', () => {
  const PROMPT = 11
  const beginnings = [
    ['Claude', 'anthropic/claude-sonnet-4-5', named(MESSAGE_START, ...textBlock(0, WORDS).slice(0, -1))],
    [
      'Gemini',
      'google/gemini-2.5-flash',
      crlf(generated([{ text: WORDS }], undefined, { usageMetadata: { promptTokenCount: PROMPT } })),
    ],
    [
      'one that counts as it goes',
      'openai/gpt-4o',
      sse(
        chunk({ content: 'word' }, null, { usage: { prompt_tokens: PROMPT, completion_tokens: 1 } }),
        chunk({ content: WORDS }),
      ),
    ],
    [
      'one that has counted the first of the words that it sends',
      'openai/gpt-4o',
      sse(chunk({ content: WORDS }, null, { usage: { prompt_tokens: PROMPT, completion_tokens: 1 } })),
    ],
  ] as const

  test.each(beginnings)(
    'pays for what it has read, whatever was counted at the beginning: %s',
    async (_, model, text) => {
      router9.upstream.play(stream(text, NEVER))
      const { spent, leaveAfter } = await keyWith({ rpm: 100 })
      const body = { model, stream: true, reasoning_effort: model.startsWith('google') ? 'none' : undefined }
      const line = await leaveAfter(body, (received) => received.includes('word word'))
      expect(line).toMatchObject({ left: true, prompt_tokens: PROMPT, estimated: true })
      expect(line.completion_tokens).toBeGreaterThanOrEqual(250)
      expect(line.completion_tokens).toBeLessThan(300)
      const { completion_tokens = 0, cost_usd = 0 } = line
      await expect.poll(async () => (await spent()).tokens, { timeout: 5000 }).toBe(PROMPT + completion_tokens)
      expect((await spent()).dollars).toBeCloseTo(cost_usd, 9)
    },
  )

  test('pays what was held for it where the model thinks unseen: as much as it may write', async () => {
    router9.upstream.play(stream(sse(chunk({ content: WORDS })), NEVER))
    const { spent, leaveAfter } = await keyWith({ budget: 100 })
    const line = await leaveAfter({ model: 'openai/gpt-5', stream: true, max_tokens: 50_000 }, (received) =>
      received.includes('word word'),
    )
    expect(line).toMatchObject({ left: true, estimated: true })
    expect(line.cost_usd).toBeGreaterThanOrEqual((50_000 * 10) / 1e6)
    await expect.poll(async () => (await spent()).tokens, { timeout: 5000 }).toBeGreaterThanOrEqual(50_000)
    expect((await spent()).dollars).toBeCloseTo(line.cost_usd ?? 0, 9)
  })
})

describe('answers that only `best_of` compares', () => {
  const choices = [{ index: 0, text: 'Hello!', finish_reason: 'stop' }]
  test.each([
    ['what the provider counted', { usage: { prompt_tokens: 3, completion_tokens: 40 } }, (3 + 40 * 2) / 1e6],
    ['what was held for them where nobody counted them', {}, (3 + 5 * 100 * 2) / 1e6],
  ])('cost %s', async (_, counted, dollars) => {
    router9.upstream.play(whole({ object: 'text_completion', choices, ...counted }))
    const { key, line, spent } = await keyWith({ budget: 100 })
    const response = await fetch(`${router9.url}/v1/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'custom/priced', prompt: [[1, 2, 3]], best_of: 5, max_tokens: 100 }),
    })
    expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('Hello!')])
    expect((await line()).cost_usd).toBeCloseTo(dollars, 12)
    await expect.poll(async () => (await spent()).dollars, { timeout: 5000 }).toBeCloseTo(dollars, 9)
  })
})

describe('what a cache gave and took', () => {
  const counts = {
    input_tokens: 3,
    cache_read_input_tokens: 10_000,
    cache_creation_input_tokens: 2070,
    output_tokens: 7,
  }
  const cache_creation = { ephemeral_5m_input_tokens: 14, ephemeral_1h_input_tokens: 2056 }
  const claude = (3 * 3 + 10_000 * 0.3 + 14 * 3.75 + 2056 * 6 + 7 * 15) / 1e6
  const written = { ...message([{ type: 'text', text: 'Hello!' }], 'end_turn'), usage: { ...counts, cache_creation } }
  const answer = {
    id: 'resp_1',
    object: 'response',
    status: 'completed',
    output: [
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Hello!', annotations: [] }] },
    ],
    usage: { input_tokens: 5000, input_tokens_details: { cached_tokens: 4000 }, output_tokens: 7, total_tokens: 5007 },
  }

  test.each([
    ['Claude in a chat', '/v1/chat/completions', 'claude-sonnet-4-5', { messages: HELLO }, written, claude],
    ['Claude in messages', '/v1/messages', 'claude-sonnet-4-5', { messages: HELLO, max_tokens: 50 }, written, claude],
    [
      'Responses',
      '/v1/responses',
      'openai/gpt-5',
      { input: 'Hi', store: false },
      answer,
      (1000 * 1.25 + 4000 * 0.125 + 7 * 10) / 1e6,
    ],
  ])('has prices of its own: %s', async (_, path, model, body, upstream, dollars) => {
    router9.upstream.play(whole(upstream))
    const { key, line, spent } = await keyWith({ budget: 100 })
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const response = await fetch(router9.url + path, {
      method: 'POST',
      headers,
      body: JSON.stringify({ model, ...body }),
    })
    expect(response.status).toBe(200)
    await response.text()
    expect((await line()).cost_usd).toBeCloseTo(dollars, 12)
    await expect.poll(async () => (await spent()).dollars, { timeout: 5000 }).toBeCloseTo(dollars, 9)
  })
})

describe('a model without a price', () => {
  test('is refused to a key with a budget, and to no other', async () => {
    const usage = { prompt_tokens: 11, completion_tokens: 7 }
    router9.upstream.play(whole(completion({ content: 'Hello!' }, 'stop', { usage })))
    const rich = await keyWith({ budget: 100 })
    for (const body of [{}, { stream: true }]) {
      const { status, error } = await rich.ask({ model: 'custom/unknown', ...body })
      expect(status).toBe(403)
      expect(error).toMatchObject({ type: 'invalid_request_error', param: 'model', code: 'unpriced_model' })
      expect(error.message).toContain('MODEL_PRICES')
    }
    expect(router9.upstream.asked()).toEqual([])
    expect((await (await keyWith({ rpm: 10, tpm: MAX_TOKENS })).ask({ model: 'custom/unknown' })).status).toBe(200)
    expect((await rich.ask({ model: 'custom/unknown', models: ['openai/gpt-4o'] })).status).toBe(200)
    expect(router9.upstream.asked().at(-1)?.body.model).toBe('gpt-4o')
  })

  test('has the one that the operator set', async () => {
    router9.upstream.play(hello())
    const { ask, line } = await keyWith({ budget: 100 })
    expect((await ask({ model: 'custom/priced' })).status).toBe(200)
    expect((await line()).cost_usd).toBeCloseTo((11 * 1 + 7 * 2) / 1e6, 12)
    const described = await fetch(`${router9.url}/v1/models/custom/priced`, {
      headers: { authorization: `Bearer ${DEMO_KEY}` },
    })
    expect(await described.json()).toMatchObject({ pricing: { input: 1, output: 2 } })
    const free = await keyWith({ budget: 100 })
    expect((await free.ask({ model: 'ollama/whatever' })).status).toBe(200)
    expect((await free.line()).cost_usd).toBe(0)
  })

  test.each([
    ['what its provider says that the answer cost', 0.0123, 0.0123],
    ['nothing that cannot be', 1e12, (11 * 15 + 7 * 75) / 1e6],
    ['nothing below zero', -3, (11 * 15 + 7 * 75) / 1e6],
  ])('costs %s', async (_, cost, expected) => {
    const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18, cost }
    router9.upstream.play(whole(completion({ content: 'Hello!' }, 'stop', { usage })))
    const { ask, line, spent } = await keyWith({ budget: 100 })
    expect((await ask({ model: 'openrouter/openrouter/auto', max_tokens: 500 })).status).toBe(200)
    expect((await line()).cost_usd).toBeCloseTo(expected, 9)
    await expect.poll(async () => (await spent()).dollars, { timeout: 5000 }).toBeCloseTo(expected, 9)
  })
})

describe('a ledger', { concurrent: true, timeout: 30_000 }, () => {
  test('whose answers are lost has counted every call once', async ({ expect }) => {
    const { ask, spent } = await keyWith({ rpm: 1000, budget: 100 }, 'lossy')
    for (let at = 1; at <= 3; at++) {
      expect((await ask(GPT_4O)).status).toBe(200)
      await expect.poll(spent, { timeout: 10_000 }).toMatchObject({ requests: at, tokens: at * 18, unanswered: 0 })
    }
    // Each of them was lost at least once.
    expect((await spent()).calls).toBeGreaterThanOrEqual(6)
  })

  test('that answers garbage, or not at all, switches no limit off', async ({ expect }) => {
    for (const kind of ['garbage', 'hanging']) {
      const { ask } = await keyWith({ budget: 1 }, kind)
      const { status, error, headers } = await ask(GPT_4O)
      expect(status).toBe(503)
      expect(error).toMatchObject({ type: 'server_error', code: 'ledger_unavailable' })
      expect(headers.get('retry-after')).toBe('1')
      const rated = await keyWith({ rpm: 2 }, kind)
      const statuses = [await rated.ask(GPT_4O), await rated.ask(GPT_4O), await rated.ask(GPT_4O)].map(
        (one) => one.status,
      )
      expect(statuses).toEqual([200, 200, 429])
    }
  })
})
