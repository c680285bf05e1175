import { expect, test } from 'vitest'
import { type CallLine, callLines } from '../harness/log-lines.ts'
import { usePlatformRouter9 } from '../harness/platform-router9.ts'
import { until } from '../harness/until.ts'
import { expectRefusal } from './refusal.ts'

const MANAGER = 'sk-r9k-manager-of-providers'
const PRICE = { input: 2.5, output: 10 }
const ASKED = { messages: [{ role: 'user', content: 'Say: well' }], max_tokens: 100 }
const GPT_4O = { ...ASKED, model: 'gpt-4o', provider: { only: ['openai', 'azure'] } }

const router9 = usePlatformRouter9({ AUTO_MODELS: 'gpt-4o, claude-sonnet-4-5' })
let keys = 0

interface Entry {
  readonly [member: string]: unknown
  readonly limit_remaining: number
  readonly usage: number
}

async function manage(method: string, path: string, body?: unknown, key = MANAGER): Promise<Response> {
  await router9.worker.keys.put(MANAGER, { id: 'key_manager', role: 'management' })
  return fetch(`${router9.url}/v1/providers/${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

async function entryOf(provider: string): Promise<Entry> {
  return ((await (await manage('GET', provider)).json()) as { data: Entry }).data
}

/** Asks with a key of its own, which has no limits if none are given. */
async function ask(body: Readonly<Record<string, unknown>>, limits = {}) {
  const id = `key_provider_${++keys}`
  const key = `sk-r9k-provider-${keys}`
  await router9.worker.keys.put(key, { id, ...(Object.keys(limits).length > 0 ? { limits } : {}) })
  const response = await router9.chat(body, { authorization: `Bearer ${key}` })
  const copy = response.clone()
  await response.text()
  const line = (): CallLine | undefined => callLines(router9.worker.log()).find((one) => one.key === id)
  await until(line)
  const dollars = line()?.cost_usd ?? 0
  return { response: copy, status: copy.status, provider: copy.headers.get('x-router9-provider'), dollars }
}

/** What a budget holds: so many calls by what they cost, and one more by what it may. */
function budgetFor(calls: number, dollars: number): number {
  return calls * dollars + (ASKED.max_tokens * PRICE.output) / 1e6
}

test('a provider whose budget is used up is no candidate any more; where no other is left, the refusal says whose it was and when it ends', async () => {
  const { dollars } = await ask(GPT_4O)
  expect(dollars).toBeGreaterThan(0)
  const limit = budgetFor(3, dollars)
  const changed = await manage('PATCH', 'openai', { limit, limit_reset: 'monthly' })
  expect(changed.status).toBe(200)
  expect(await changed.json()).toMatchObject({ data: { id: 'openai', limit, limit_reset: 'monthly', usage: 0 } })
  const isAudit = (line: string) => line.includes('"event":"audit"') && line.includes('"target":"openai"')
  const audit = () => router9.worker.log().split('\n').find(isAudit)
  expect(JSON.parse((await until(audit)) ?? '')).toMatchObject({
    action: 'provider.change',
    key: 'key_manager',
    before: {},
    after: { limits: { budget: limit, window: 'month' } },
  })
  // Known within five seconds.
  await until(async () => {
    await ask(GPT_4O)
    return (await entryOf('openai')).usage > 0
  }, Boolean)

  // All keys together, many at once: never more than the budget, and nobody is refused.
  const answers = await Promise.all(Array.from({ length: 30 }, () => ask(GPT_4O)))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  expect(answers.filter(({ provider }) => provider === 'azure').length).toBeGreaterThan(25)
  const last = await ask(GPT_4O)
  expect([last.provider, last.response.headers.get('x-router9-reason')]).toEqual(['azure', 'fallback'])
  // What is left is too little for what one more may cost. Each call has cost the same.
  const counted = async () => (await entryOf('openai')).usage
  await until(counted, (usage) => usage > limit - budgetFor(1, dollars))
  const { usage, limit_remaining: left } = await entryOf('openai')
  expect(usage).toBeLessThanOrEqual(limit)
  expect(usage / dollars).toBeCloseTo(Math.round(usage / dollars), 6)
  expect(left).toBeCloseTo(limit - usage, 9)

  const auto = await ask({ ...ASKED, model: 'auto', provider: { only: ['openai', 'anthropic'] } })
  expect([auto.status, auto.provider]).toEqual([200, 'anthropic'])

  const askedBefore = router9.simulator.requests('openai').length
  const { response } = await ask({ ...GPT_4O, provider: { only: ['openai'] }, stream: true })
  const error = await expectRefusal(response, { status: 429, code: 'insufficient_quota', type: 'insufficient_quota' })
  expect(error.message).toMatch(/the provider openai's budget of \$[\d.]+ a month/i)
  const now = new Date()
  const monthEnds = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1) - now.getTime()
  expect(Math.abs(Number(response.headers.get('retry-after')) * 1000 - monthEnds)).toBeLessThan(60_000)
  expect(router9.simulator.requests('openai')).toHaveLength(askedBefore)

  // Without a budget it is asked again.
  expect((await manage('PATCH', 'openai', { limit: null })).status).toBe(200)
  await until(async () => (await ask(GPT_4O)).provider === 'openai', Boolean)
  expect(await entryOf('openai')).toMatchObject({ limit: null, limit_reset: null, limit_remaining: null })
})

test('its limits and those of the key must both allow a call, and a model that has no price is not asked within a budget', async () => {
  await manage('PATCH', 'mistralai', { limit: 100, rpm: 1 })
  await manage('PATCH', 'custom', { limit: 100 })
  const small = { ...ASKED, model: 'mistral/mistral-large-2512' }
  await until(async () => (await ask(small)).status === 429, Boolean)
  expect(await entryOf('mistral')).toMatchObject({ id: 'mistral', rpm: 1, limit: 100 })
  const { response: limited } = await ask(small)
  const error = await expectRefusal(limited, { status: 429, code: 'rate_limit_exceeded', type: 'requests' })
  expect(error.message).toContain('The provider mistral is limited to 1 requests a minute.')
  expect((await ask({ ...small, models: ['gpt-4o'] })).provider).toBe('openai')
  const { response: poor } = await ask({ ...small, models: ['gpt-4o'] }, { budget: 0.000_01 })
  expect(
    (await expectRefusal(poor, { status: 429, code: 'insufficient_quota', type: 'insufficient_quota' })).message,
  ).toContain('this key')
  const { response: unpriced } = await ask({ ...ASKED, model: 'custom/unknown' })
  expect((await expectRefusal(unpriced, { status: 403, code: 'unpriced_model', param: 'model' })).message).toContain(
    'The provider custom has a budget',
  )
})

test('only a management key may read or change them', async () => {
  await router9.worker.keys.put('sk-r9k-no-manager', { id: 'key_no_manager' })
  const own = await manage('GET', 'openai', undefined, 'sk-r9k-no-manager')
  await expectRefusal(own, { status: 403, code: 'wrong_key_role' })
  await expectRefusal(await manage('GET', 'nobody'), { status: 404, code: null })
  await expectRefusal(await manage('DELETE', 'openai'), { status: 405, code: 'method_not_allowed' })
  await expectRefusal(await manage('PATCH', 'openai', { limit: -1 }), {
    status: 400,
    code: 'invalid_value',
    param: 'limit',
  })
  const misspelt = { status: 400, code: 'unsupported_parameter', param: 'budget' }
  await expectRefusal(await manage('PATCH', 'openai', { budget: 5 }), misspelt)
})
