import { expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { until } from '../harness/until.ts'
import { expectRefusal } from './refusal.ts'

const CHAT = {
  model: 'gpt-4o',
  messages: [{ role: 'user', content: 'Hello!' }],
  max_tokens: 10,
  provider: { only: ['openai'] },
}

const router9 = useRouter9()

test('while nobody knows the limits of providers, who has a budget is told to come again, and all others are served', async () => {
  const { keys } = router9.worker
  const ask = (key: string) => router9.chat(CHAT, { authorization: `Bearer ${key}` })
  keys.values.set('provider:all', '{')
  await keys.put('sk-r9k-free-of-budgets', {})
  await keys.put('sk-r9k-within-a-budget', { limits: { budget: 5 } })
  const before = keys.reads()
  const responses = await Promise.all(Array.from({ length: 50 }, () => ask('sk-r9k-free-of-budgets')))
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
  await Promise.all(responses.map((response) => response.arrayBuffer()))
  // The key and the limits, each once or twice; not once for each call.
  expect(keys.reads() - before).toBeLessThan(10)

  const refusal = await ask('sk-r9k-within-a-budget')
  await expectRefusal(refusal, { status: 503, type: 'server_error', code: 'key_store_unavailable' })
  keys.values.set('provider:all', '{"providers":{"openai":{"rpm":1}}}')
  await until(async () => (await ask('sk-r9k-within-a-budget')).status === 429, Boolean)
})
