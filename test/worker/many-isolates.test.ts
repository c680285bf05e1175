import { describe, expect, test } from 'vitest'
import { callLines } from '../harness/log-lines.ts'
import { startPlatformWorker } from '../harness/platform-worker.ts'
import { startRouter9On } from '../harness/router9.ts'
import { useStarted } from '../harness/use-started.ts'

const ISOLATES = 6
/** Each copy of the bundle has a memory of its own, and all have the same ledgers. The minute lasts longer than this file. */
const MANY = `${Array.from({ length: ISOLATES }, (_, at) => `import router9_${at} from './router9-${at + 1}.js'`).join('\n')}
export * from './router9.js'
const isolates = [${Array.from({ length: ISOLATES }, (_, at) => `router9_${at}`).join(', ')}]
let next = 0
export default {
  fetch: (request, env, ctx) => isolates[next++ % isolates.length].fetch(request, env, ctx),
}
const now = Date.now
const startedAt = now()
Date.now = () => startedAt - (startedAt % 60_000) + 5000 + Math.floor((now() - startedAt) / 20)
`

const router9 = useStarted(() =>
  startRouter9On((options) => startPlatformWorker({ ...options, copies: ISOLATES }), {}, MANY),
)
const HELLO = { model: 'openai/gpt-4o', messages: [{ role: 'user', content: 'Explain quantum computing.' }] }

async function burst(key: string, calls: number, body: object): Promise<number[]> {
  const ask = async () => {
    const response = await router9.chat({ ...HELLO, ...body }, { authorization: `Bearer ${key}` })
    await response.text()
    return response.status
  }
  return Promise.all(Array.from({ length: calls }, ask))
}

describe('over many isolates at once', () => {
  test.each([1, 10, 100])(
    'of as many requests a minute as %i none is let in too much, and none is lost',
    async (rpm) => {
      const key = `sk-r9k-spread-${rpm}`
      await router9.worker.keys.put(key, { limits: { rpm } })
      const admitted = async (calls: number) => (await burst(key, calls, {})).filter((status) => status === 200).length
      let sum = await admitted(150)
      expect(sum).toBeLessThanOrEqual(rpm)
      // What an isolate holds and does not need is free again within seconds.
      const comeBack = async () => {
        sum += await admitted(12)
        return sum
      }
      await expect.poll(comeBack, { timeout: 15_000, interval: 500 }).toBeGreaterThanOrEqual(rpm)
      expect(sum).toBe(rpm)
      expect(await admitted(24)).toBe(0)
    },
  )

  test.each([
    [0.01, 500],
    [0.05, 200],
  ])('calls spend no more than a budget of %d, and what they spend is counted once', async (budget, tokens) => {
    const [key, id] = [`sk-r9k-spread-of-${tokens}`, `key_spread_of_${tokens}`]
    await router9.worker.keys.put(key, { id, limits: { budget } })
    for (let round = 0; round < 3; round++) await burst(key, 30, { max_tokens: tokens })
    const costs = () => callLines(router9.worker.log()).flatMap((line) => (line.key === id ? (line.cost_usd ?? 0) : []))
    const spent = () => costs().reduce((sum, dollars) => sum + dollars, 0)
    await expect.poll(() => costs().length).toBe(90)
    expect(spent()).toBeGreaterThan(0)
    expect(spent()).toBeLessThanOrEqual(budget)
    await expect.poll(() => router9.worker.spentBy(id), { timeout: 30_000 }).toBeCloseTo(spent(), 9)
  })

  test('tokens a minute are bounded too', async () => {
    const [key, id] = ['sk-r9k-spread-tokens', 'key_spread_tokens']
    await router9.worker.keys.put(key, { id, limits: { tpm: 2000 } })
    for (let round = 0; round < 3; round++) await burst(key, 30, { max_tokens: 100 })
    const used = callLines(router9.worker.log()).flatMap((line) =>
      line.key === id ? (line.prompt_tokens ?? 0) + (line.completion_tokens ?? 0) : [],
    )
    const sum = used.reduce((total, tokens) => total + tokens, 0)
    expect(sum).toBeGreaterThan(500)
    expect(sum).toBeLessThanOrEqual(2000)
  })
})
