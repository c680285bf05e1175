import { beforeAll, describe, expect, test } from 'vitest'
import type { Limits } from '../../../src/access/budget.ts'
import { useCase } from '../../cases/router.ts'
import type { Asked, Script } from '../../cases/scripted.ts'
import { chunk, completion, sse, stream, whole } from '../../cases/wires.ts'
import { readRouter9Stream } from '../../conformance/answer.ts'
import { callLines } from '../../harness/log-lines.ts'
import { until } from '../../harness/until.ts'
import { DEMO_KEY } from '../../harness/worker.ts'
import { openRawClient } from '../raw-client.ts'
import { LEDGER_PATH, WRAPPED_LEDGER } from '../wrapped-ledger.ts'

const router9 = useCase({ HEALTH: 'on' }, WRAPPED_LEDGER)

const USAGE = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 }
const quick = (text: string) =>
  stream(sse(chunk({ role: 'assistant', content: text }), chunk({}, 'stop', { usage: USAGE }), '[DONE]'))
const QUICK = quick('Quick')
const KEYLESS = whole({ error: { message: 'Invalid API Key', code: 'invalid_api_key' } }, 401)
const BROKEN = whole({ error: { message: 'broken' } }, 500)
/** In US dollars a token, of gpt-4o at both providers. */
const PRICE = { input: 2.5e-6, output: 10e-6 }
const ANSWER_DOLLARS = 11 * PRICE.input + 7 * PRICE.output
const ORDER = ['openai', 'azure']
const ASKED = {
  model: 'gpt-4o',
  stream: true,
  max_tokens: 50,
  messages: [{ role: 'user', content: 'Hello!' }],
  provider: { order: ORDER, only: ORDER, hedge: true },
}
/** By then the first one is late, which it is after 200 ms at least. */
const LATE_MS = 400

let made = 0
/** A key of its own, for one request a minute: a second attempt is none. */
async function newKey(limits: Limits = { budget: 100, rpm: 1 }) {
  const id = `key_hedge_${++made}`
  const key = `sk-r9k-hedge-${made}`
  await router9.worker.keys.put(key, { id, limits: { ...limits } })
  const line = () => callLines(router9.worker.log()).find((one) => one.key === id)
  const spent = async (): Promise<Record<'requests' | 'dollars', number>> =>
    (await fetch(`${router9.url}${LEDGER_PATH}?key=${id}`)).json()
  return {
    key,
    line: async () => (await until(line, Boolean)) ?? expect.unreachable('no line'),
    /** What its ledger has counted, when all is. */
    counted: async () => {
      const { cost_usd: dollars } = (await until(line, Boolean)) ?? {}
      await expect.poll(async () => (await spent()).dollars, { timeout: 5000 }).toBeCloseTo(dollars ?? 0, 9)
      return spent()
    },
  }
}

const ask = (key: string, body = {}) => router9.post({ ...ASKED, ...body }, { authorization: `Bearer ${key}` })

function play(how: Readonly<Record<'openai' | 'azure', Script>>): void {
  router9.upstream.play(({ path }: Asked) => how[path.startsWith('/azure') ? 'azure' : 'openai'])
}

/** Says nothing until it is let go, and tells whether its connection was closed before. */
function silent(then: Script = QUICK, first: Script['pieces'] = []) {
  const gate = Promise.withResolvers<void>()
  let closedEarly = false
  let isOpen = true
  const script: Script = {
    ...then,
    pieces: [...first, { until: gate.promise }, ...then.pieces],
    closed: () => {
      closedEarly = isOpen
    },
  }
  const goOn = () => {
    isOpen = false
    gate.resolve()
  }
  return { script, goOn, isClosed: () => closedEarly }
}

const providersAsked = () => router9.upstream.asked().map(({ path }) => path.split('/')[1])

const WHOLE = whole(completion({ content: 'Quick' }, 'stop'))
const ASKED_WHOLE = { stream: false }
/** To be read on: this provider bills an answer to its end. */
const ASKED_GROQ = {
  model: 'groq/llama-3.3-70b-instruct',
  models: ['openai/gpt-4o'],
  provider: { hedge: true },
}
/** As long as an answer usually takes to begin, so that a late one is not too different. */
const USUAL_MS = 60
const slowedDown = (script: Script, pauseMs: number): Script => ({ ...script, pieces: [{ pauseMs }, ...script.pieces] })

/** So many answers, four at a time: a hedge has to be earned by twenty. */
async function earn(many = 24, body = {}): Promise<void> {
  router9.upstream.play((asked) => slowedDown(asked.body.stream === true ? QUICK : WHOLE, USUAL_MS))
  const lane = async () => {
    for (let left = many / 4; left > 0; left--) expect(await (await ask(DEMO_KEY, body)).text()).toContain('Quick')
  }
  await Promise.all([lane(), lane(), lane(), lane()])
}

// Times that come close together are one to the region, and some are needed to know what is usual.
beforeAll(async () => {
  router9.worker.keys.values.set('provider:all', JSON.stringify({ providers: { mistral: { budget: 1e-6 } } }))
  // A new Worker has to look up its key first.
  router9.upstream.play(QUICK)
  await until(
    async () => (await ask(DEMO_KEY)).status,
    (status) => status === 200,
  )
  await Promise.all([earn(120), earn(100, ASKED_WHOLE), earn(100, ASKED_GROQ)])
}, 60_000)

test('a first token that is late is waited for at a second deployment too; the loser is cut off, and both are paid', async () => {
  const slow = silent()
  play({ openai: slow.script, azure: quick('From azure') })
  const { key, line, counted } = await newKey()
  const response = await ask(key)
  const { headers } = response
  const answer = readRouter9Stream(await response.text(), {})
  expect(answer).toMatchObject({ done: true, choices: [{ text: 'From azure', finishReason: 'stop' }] })
  expect(answer.problems).toEqual([])
  expect(headers.get('x-router9-attempts')).toMatch(/^openai:lost:[2-9]\d\dms,azure:200:\d+ms$/)
  expect([headers.get('x-router9-provider'), headers.get('x-router9-reason')]).toEqual(['azure', 'hedge'])
  await until(slow.isClosed)
  const { attempts, cost_usd, prompt_tokens, completion_tokens, provider, ttft_ms, level } = await line()
  const [lost, won] = attempts
  expect(lost).toMatchObject({ provider: 'openai', outcome: 'lost' })
  expect(won).toMatchObject({ provider: 'azure', outcome: '200' })
  expect({ prompt_tokens, completion_tokens, provider, level }).toEqual({
    prompt_tokens: 11,
    completion_tokens: 7,
    provider: 'azure',
    level: 'info',
  })
  expect(ttft_ms).toBeLessThan(5000)
  // The prompt at least has been read, by our estimate.
  expect(lost?.cost_usd).toBeGreaterThan(0)
  expect(cost_usd).toBeCloseTo(ANSWER_DOLLARS + Number(lost?.cost_usd), 12)
  expect(await counted()).toMatchObject({ requests: 1 })
})

test('where the first one begins after all, its answer goes out and the second is cut off', async () => {
  await earn()
  const [slow, second] = [silent(quick('From openai')), silent()]
  play({ openai: slow.script, azure: second.script })
  const { key, line, counted } = await newKey()
  const asked = ask(key)
  await expect.poll(providersAsked, { interval: 5, timeout: 5000 }).toEqual(ORDER)
  slow.goOn()
  const response = await asked
  expect(readRouter9Stream(await response.text(), {})).toMatchObject({ choices: [{ text: 'From openai' }] })
  expect(response.headers.get('x-router9-attempts')).toMatch(/^azure:lost:\d+ms,openai:200:\d+ms$/)
  // It is the first of the order, which says nothing new.
  expect(response.headers.get('x-router9-reason')).toBeNull()
  await until(second.isClosed)
  expect((await line()).cost_usd).toBeGreaterThan(ANSWER_DOLLARS)
  expect(await counted()).toMatchObject({ requests: 1 })
})

test('a whole answer that is late is asked for twice too', async () => {
  await earn(24, ASKED_WHOLE)
  const slow = silent(WHOLE)
  play({ openai: slow.script, azure: whole(completion({ content: 'From azure' }, 'stop')) })
  const { key, line } = await newKey()
  const response = await ask(key, ASKED_WHOLE)
  expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'From azure' } }], usage: USAGE })
  expect(response.headers.get('x-router9-attempts')).toMatch(/^openai:lost:/)
  await until(slow.isClosed)
  expect((await line()).cost_usd).toBeGreaterThan(ANSWER_DOLLARS)
})

test('a loser that bills what it does not show is read on for its usage, and counted by that', async () => {
  await earn(24, ASKED_GROQ)
  const slow = silent(
    stream(sse(chunk({ content: 'x' }), chunk({}, 'stop', { usage: { ...USAGE, completion_tokens: 400 } }), '[DONE]')),
  )
  router9.upstream.play(({ path }) => (path.startsWith('/groq') ? slow.script : quick('From openai')))
  const { key, line, counted } = await newKey()
  expect(await (await ask(key, ASKED_GROQ)).text()).toContain('From openai')
  slow.goOn()
  const { attempts, cost_usd } = await line()
  const lost = (11 * 0.59 + 400 * 0.79) / 1e6
  expect(attempts[0]?.cost_usd).toBeCloseTo(lost, 12)
  expect(cost_usd).toBeCloseTo(lost + ANSWER_DOLLARS, 12)
  await counted()
})

test('a client that leaves ends both, and pays for both prompts', async () => {
  await earn()
  const [slow, second] = [silent(), silent()]
  play({ openai: slow.script, azure: second.script })
  const { key, line, counted } = await newKey()
  const client = openRawClient(router9.url, ASKED, true, key)
  await expect.poll(providersAsked, { interval: 5, timeout: 5000 }).toEqual(ORDER)
  client.leave('rst')
  await until(() => slow.isClosed() && second.isClosed())
  const { attempts, cost_usd, left } = await line()
  expect(left).toBe(true)
  expect(attempts.map(({ outcome }) => outcome).sort()).toEqual(['client-left', 'lost'])
  const [lost] = attempts
  expect(cost_usd).toBeCloseTo(2 * Number(lost?.cost_usd), 12)
  expect(await counted()).toMatchObject({ requests: 1 })
})

/** Asks what is late at its first deployment: that is hedged, so what came before would be by now. */
async function expectHedged(body = {}): Promise<void> {
  const { key } = await newKey()
  const response = await ask(key, body)
  expect(response.headers.get('x-router9-attempts')).toMatch(/^\w+:lost:\d+ms,\w+:200:/)
  await response.text()
}

test('where the budget of a key or a provider has no room for a second answer, there is none, and it takes no hedge from others', async () => {
  // As many as are kept.
  await earn(100)
  const only = ['openai', 'mistral']
  const atMistral = { models: ['mistral-large-2512'], provider: { order: only, only, hedge: true } }
  const poor = await Promise.all(Array.from({ length: 5 }, () => newKey({ budget: 0.0006 })))
  const asked = [...poor.map(({ key }) => ({ key, body: {} })), { key: (await newKey()).key, body: atMistral }]
  const slow = silent(quick('From openai'))
  play({ openai: slow.script, azure: QUICK })
  const answers = Promise.all(asked.map(async ({ key, body }) => (await ask(key, body)).text()))
  await expect.poll(providersAsked, { interval: 5 }).toHaveLength(asked.length)
  await expectHedged()
  slow.goOn()
  for (const text of await answers) expect(text).toContain('From openai')
  expect(providersAsked().filter((name) => name !== 'openai')).toEqual(['azure'])
})

test('a request is never asked twice that says nothing of it, or makes something happen at the provider', async () => {
  await earn()
  const slow = silent(quick('From openai'))
  play({ openai: slow.script, azure: QUICK })
  const bodies = [{ provider: { order: ORDER, only: ORDER } }, { web_search_options: {} }, { store: true }]
  const answers = Promise.all(bodies.map(async (body) => (await ask((await newKey()).key, body)).text()))
  await expect.poll(providersAsked, { interval: 5 }).toHaveLength(bodies.length)
  await expectHedged()
  slow.goOn()
  for (const text of await answers) expect(text).toContain('From openai')
  expect(providersAsked().filter((name) => name !== 'openai')).toEqual(['azure'])
})

test('memory for a second request is free again when one of the two has ended, though the answer goes on', async () => {
  await earn()
  const slow = silent()
  const second = silent(QUICK, [sse(chunk({ role: 'assistant', content: 'From azure' }))])
  play({ openai: slow.script, azure: second.script })
  const { key } = await newKey({})
  // Three of these, two of them for a request before its answer, are more than a key gets.
  const url = `data:image/png;base64,${'A'.repeat(13 * 1024 * 1024)}`
  const messages = [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }]
  const response = await ask(key, { messages })
  expect(response.headers.get('x-router9-attempts')).toMatch(/^openai:lost:/)
  router9.upstream.play(QUICK)
  expect((await ask(key, { messages })).status).toBe(200)
  second.goOn()
  expect(await response.text()).toContain('Quick')
})

test('`hedge` must be true or false', async () => {
  const { key } = await newKey({})
  const response = await ask(key, { provider: { hedge: 'yes' } })
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ error: { param: 'provider.hedge', code: 'invalid_value' } })
})

test('while a deployment is out, nobody is asked twice', async () => {
  await earn()
  const models = ['openai/gpt-4o', 'azure/gpt-4o']
  const body = { ...ASKED_GROQ, models }
  const { key } = await newKey({})
  router9.upstream.play(({ path }) => (path.startsWith('/groq') ? KEYLESS : QUICK))
  const isOut = async () => (await ask(key, body)).headers.get('x-router9-skipped')?.includes(':open')
  await until(isOut, Boolean)
  const slow = silent(quick('From openai'))
  play({ openai: slow.script, azure: QUICK })
  const response = ask(key, body)
  await expect.poll(providersAsked, { interval: 5 }).toEqual(['openai'])
  // For this one, nobody is out.
  await expectHedged()
  slow.goOn()
  expect(await (await response).text()).toContain('From openai')
  expect(providersAsked()).toEqual(['openai', ...ORDER])
})

test('of 400 requests no more than one in twenty is asked twice, and hardly any when all are late at once', async () => {
  const { key } = await newKey({})
  const lost = async (openai: Script, many: number) => {
    play({ openai, azure: slowedDown(QUICK, 8 * LATE_MS) })
    const answers = await Promise.all(Array.from({ length: many }, () => ask(key)))
    await Promise.all(answers.map((one) => one.text()))
    return answers.filter((one) => one.headers.get('x-router9-attempts')?.includes('lost')).length
  }
  await earn(100)
  // What was saved, and what they earn themselves.
  expect(await lost(slowedDown(QUICK, 2 * LATE_MS), 150)).toBeLessThanOrEqual(5 + 150 / 20)
  expect(await lost(slowedDown(QUICK, 2 * LATE_MS), 150)).toBe(0)
  // Of all calls of this file.
  const lines = callLines(router9.worker.log())
  const twice = lines.filter(({ attempts }) => attempts.some(({ outcome }) => outcome === 'lost'))
  expect(twice.length).toBeGreaterThan(3)
  expect(twice.length).toBeLessThanOrEqual(lines.length / 20)
}, 60_000)

describe('what fails while two are asked', () => {
  test('is made up for by the other one, and by no third', async () => {
    await earn()
    const second = silent(quick('From azure'))
    const slow = silent(BROKEN)
    play({ openai: slow.script, azure: second.script })
    const { key } = await newKey()
    const asked = ask(key)
    await expect.poll(providersAsked, { interval: 5, timeout: 5000 }).toEqual(ORDER)
    slow.goOn()
    // That is over before the other one begins.
    await new Promise((resolve) => setTimeout(resolve, USUAL_MS))
    second.goOn()
    const response = await asked
    expect(await response.text()).toContain('From azure')
    expect(providersAsked()).toEqual(ORDER)
  })

  test('ends in an error that names both', async () => {
    await earn()
    const late = (ms: number): Script => ({ ...stream(), pieces: [{ pauseMs: ms }], ending: 'reset' })
    play({ openai: late(2 * LATE_MS), azure: late(LATE_MS) })
    const { key, line } = await newKey()
    const response = await ask(key)
    expect(response.status).toBe(502)
    expect(await response.text()).toMatch(/openai: .*azure: |azure: .*openai: /)
    expect(providersAsked()).toEqual(ORDER)
    const { attempts, cost_usd } = await line()
    expect(attempts).toHaveLength(2)
    expect(cost_usd).toBeUndefined()
  })
})
