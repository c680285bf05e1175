import { expect, test } from 'vitest'
import { parseChat } from '../../src/chat/request.ts'
import { type Env, readSettings } from '../../src/env.ts'
import { planInputOf, routeOf } from '../../src/gateway/route.ts'
import { createIsolateHealth } from '../../src/health/isolate.ts'
import { needsOf } from '../../src/routing/needs.ts'
import { plan } from '../../src/routing/plan.ts'
import { everyProviderAt } from '../harness/worker.ts'

const NOW = 1_800_000_000_000
const settings = readSettings(everyProviderAt('http://127.0.0.1:1') as unknown as Env)

/** Whom a request would go to, with an isolate's health in which `fails` has just failed until its next probe is due. */
function routed(fields: Record<string, unknown>, fails?: string) {
  const chat = parseChat({ messages: [{ role: 'user', content: 'Hello!' }], ...fields })
  const needs = needsOf(chat)
  const caller = { id: 'key_1', name: 'one', created: '2026-01-01T00:00:00Z' }
  const planned = plan(planInputOf({ settings, caller }, chat, needs))
  const health = createIsolateHealth('one', 0.5)
  if (fails !== undefined) {
    for (let n = 0; n < 8; n++)
      health.record({ deployment: fails, class: 'failed-before-first-token', at: NOW, bucket: 3 }, NOW)
  }
  const { ranking } = routeOf({
    plan: planned,
    request: chat,
    needs,
    settings,
    view: health.view(NOW + 9000),
    requestId: 'req_1',
  })
  return { ranking, planned }
}

test('a probe is only sent where another candidate can take its place', () => {
  const model = 'gpt-4o'
  const free = routed({ model }, 'openai/gpt-4o').ranking.ranked[0]
  expect(free).toMatchObject({ candidate: { name: 'openai/gpt-4o' }, probe: expect.any(String) })
  const { ranked } = routed({ model, provider: { allow_fallbacks: false } }, 'openai/gpt-4o').ranking
  expect(ranked.map(({ candidate, probe }) => [candidate.name, probe])).toEqual([['azure/gpt-4o', undefined]])
})

test('of the many that auto has only the first are ranked, but all of them where some may refuse what is asked', () => {
  const { ranking, planned } = routed({ model: 'auto' })
  expect(planned.candidates.length).toBeGreaterThan(20)
  expect(ranking.ranked.length).toBeGreaterThan(1)
  expect(ranking.ranked.length).toBeLessThan(planned.candidates.length / 2)
  for (const picky of [{ n: 2 }, { logprobs: true }, { provider: { require_parameters: true } }]) {
    const { ranking, planned } = routed({ model: 'auto', ...picky })
    expect(ranking.ranked).toHaveLength(planned.candidates.length)
  }
})
