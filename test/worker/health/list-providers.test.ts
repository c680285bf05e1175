import { afterAll, beforeAll, expect, test } from 'vitest'
import { newKey } from '../../../src/access/keys.ts'
import { until } from '../../harness/until.ts'
import { DEMO_KEY } from '../../harness/worker.ts'
import { burst, DEPLOYMENTS, MODELS, startWatched, type Watched } from './setting.ts'

let router9: Watched
beforeAll(async () => {
  router9 = await startWatched({ more: ['ANTHROPIC'] })
})
afterAll(() => router9.stop())

test('GET /v1/providers lists every configured provider, and of those that were asked how they did', async () => {
  // Slowly enough for most of the time to go by waiting for the provider, also on a busy machine: only then a speed is known.
  const content = 'Count to 40 [[sim openai tokendelay=10]]'
  await burst(router9, 3, { model: MODELS.openai, stream: true, messages: [{ role: 'user', content }] })
  const entry = await until(
    () => router9.known(DEPLOYMENTS.openai),
    (seen) => seen?.tokens_per_second !== null && seen?.tokens_per_second !== undefined,
  )
  expect(entry).toEqual({
    id: 'openai/gpt-4o',
    model: 'gpt-4o',
    state: 'closed',
    success_rate: expect.closeTo(1, 1),
    ttft_ms: { p50: expect.any(Number), p95: expect.any(Number) },
    tokens_per_second: expect.any(Number),
    reason: null,
    until: null,
  })
  const providers = await router9.providers()
  expect(providers.map(({ id }) => id).sort()).toEqual(['anthropic', 'groq', 'mistral', 'openai'])
  // One that nobody asked is taken for well.
  expect(providers.find(({ id }) => id === 'anthropic')).toEqual({
    id: 'anthropic',
    object: 'provider',
    state: 'closed',
    deployments: [],
  })
})

interface Counted {
  readonly in_flight: number | null
  readonly last_hour: { readonly success_rate: (number | null)[]; requests?: number[]; failures?: number[] }
  readonly regions: { readonly region: string; readonly state: string; readonly in_flight: number | null }[]
}

async function counted(region: string, key: string) {
  const response = await fetch(`${router9.url}/v1/providers?region=${region}`, {
    headers: { authorization: `Bearer ${key}` },
  })
  const body = (await response.json()) as {
    data: { deployments: (Counted & { id: string })[] }[]
    regions: { region: string; is_here: boolean; answered: boolean }[]
  }
  const deployment = body.data?.flatMap(({ deployments }) => deployments).find(({ id }) => id === DEPLOYMENTS.mistral)
  return { status: response.status, regions: body.regions, deployment, body }
}

test('with a region it shows the attempts under way and the last hour, by minute; how many, to a management key alone', async () => {
  const manager = newKey()
  await router9.worker.keys.put(manager, { id: 'key_manager', role: 'management' })
  const toMistral = (content: string) =>
    router9.post('/v1/chat/completions', { model: MODELS.mistral, stream: true, messages: [{ role: 'user', content }] })
  await (await toMistral('[[sim mistral status=500]]')).text()
  await (await toMistral('Say: well')).text()
  const slow = await toMistral('Count to 500 [[sim mistral tokendelay=50]]')
  const going = await until(
    () => counted('all', manager),
    ({ deployment }) => deployment?.in_flight === 1,
  )
  expect(going.regions.map(({ region }) => region)).toEqual(['wnam', 'enam', 'weur', 'eeur', 'apac', 'oc'])
  expect(going.regions.every(({ answered }) => answered)).toBe(true)
  expect(going.deployment?.regions).toMatchObject([{ region: 'enam', in_flight: 1 }])
  const { requests = [], failures = [], success_rate: rates } = going.deployment?.last_hour ?? { success_rate: [] }
  const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0)
  expect([requests.length, sum(requests) - sum(failures), rates.length]).toEqual([60, 1, 60])
  // A failed attempt may have been repeated.
  expect(sum(failures)).toBeGreaterThanOrEqual(1)
  await slow.body?.cancel()
  await until(
    () => counted('enam', manager),
    ({ deployment }) => deployment?.in_flight === 0,
  )
  const asTenant = (await counted('all', DEMO_KEY)).deployment
  expect(asTenant).toMatchObject({ in_flight: null, regions: [{ in_flight: null }] })
  expect(Object.keys(asTenant?.last_hour ?? {})).toEqual(['success_rate'])
  expect((await counted('weur', manager)).deployment).toBeUndefined()
})

test('a region that does not exist is a 400 that names the field', async () => {
  const { status, body } = await counted('moon', DEMO_KEY)
  expect([status, body]).toMatchObject([400, { error: { param: 'region', code: 'invalid_value' } }])
})
