import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../../harness/until.ts'
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
