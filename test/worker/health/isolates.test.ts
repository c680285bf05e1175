import { describe, inject, test } from 'vitest'
import { until } from '../../harness/until.ts'
import { watchWorker } from '../../harness/whole-run.ts'
import { DEMO_KEY, everyProviderAt } from '../../harness/worker.ts'
import { type Simulator, startSimulator } from '../../simulator/server.ts'
import { PLACE_HEADER, startIsolates } from './isolates.ts'
import { type Answered, answered, DEPLOYMENTS, MODELS, type ProviderEntry, say } from './setting.ts'

const PLACES = {
  america: { continent: 'NA', longitude: '-74' },
  europe: { continent: 'EU', longitude: '2' },
} as const

interface Place {
  readonly ask: (body?: Readonly<Record<string, unknown>>) => Promise<Answered>
  readonly stateOf: (deployment: string) => Promise<string | undefined>
}

/** Two isolates, in the same place or an ocean apart. */
async function startTwo(
  places: readonly [keyof typeof PLACES, keyof typeof PLACES],
  finished: (end: () => void) => void,
) {
  const simulator: Simulator = await startSimulator()
  const all = Object.entries(everyProviderAt(simulator.url))
  const isolates = await startIsolates(inject('bundle'), 2, {
    ...Object.fromEntries(all.filter(([name]) => /^(OPENAI|MISTRAL|GROQ)_/.test(name))),
    AUTO_MODELS: Object.values(MODELS).join(','),
  })
  const secrets = all.flatMap(([name, value]) => (name.endsWith('_API_KEY') ? value : []))
  for (const url of isolates.urls) watchWorker({ url, secrets: () => secrets, log: isolates.log })
  finished(async () => {
    await isolates.stop()
    await simulator.close()
  })
  const [one, other] = isolates.urls.map((url, index): Place => {
    const headers = {
      authorization: `Bearer ${DEMO_KEY}`,
      'content-type': 'application/json',
      [PLACE_HEADER]: JSON.stringify(PLACES[places[index] ?? 'america']),
    }
    return {
      ask: async (body = {}) =>
        answered(
          await fetch(`${url}/v1/chat/completions`, {
            method: 'POST',
            headers,
            body: JSON.stringify({ model: 'auto', messages: say('well'), ...body }),
          }),
        ),
      stateOf: async (deployment) => {
        const { data } = (await (await fetch(`${url}/v1/providers`, { headers })).json()) as { data: ProviderEntry[] }
        return data.flatMap(({ deployments }) => deployments).find(({ id }) => id === deployment)?.state
      },
    }
  })
  if (one === undefined || other === undefined) throw new Error('there are two')
  return { simulator, one, other }
}

/** Has a place fail at the first provider until it leaves it. */
async function takeOut({ ask, stateOf }: Place): Promise<void> {
  await ask({ model: MODELS.mistral })
  await Promise.all(Array.from({ length: 4 }, () => ask({ model: MODELS.openai })))
  await until(
    () => stateOf(DEPLOYMENTS.openai),
    (state) => state === 'open',
  )
}

describe('two isolates', { concurrent: true }, () => {
  test('of one region: what one has met, the other need not meet', async ({ expect, onTestFinished }) => {
    const { simulator, one, other } = await startTwo(['america', 'america'], onTestFinished)
    expect((await other.ask()).reason).toBe('usual')
    simulator.setFault('openai', { status: 500 })
    await takeOut(one)
    expect(await other.stateOf(DEPLOYMENTS.openai)).toMatch(/^(open|half-open)$/)
    expect((await other.ask()).attempts).toEqual([{ provider: 'mistral', outcome: '200' }])
  })

  test('of one region share its probes: one at a time, seconds apart', async ({ expect, onTestFinished }) => {
    const { simulator, one, other } = await startTwo(['america', 'america'], onTestFinished)
    await other.ask()
    simulator.setFault('openai', { status: 500 })
    await takeOut(one)
    simulator.clearRequests()
    const startedAt = Date.now()
    const answers: Answered[] = []
    const probes = () => simulator.requests('openai')
    await until(
      async () => {
        answers.push(...(await Promise.all([one.ask(), other.ask()])))
        return probes().length
      },
      (made) => made >= 2,
    )
    const seconds = (Date.now() - startedAt) / 1000
    for (const { status } of answers) expect(status).toBe(200)
    // Twenty times as many requests would have gone there by themselves.
    expect(probes().length).toBeLessThanOrEqual(2 + seconds / 1.5)
    expect(answers.length).toBeGreaterThan(3 * probes().length)
  })

  test('of two regions: a fault in one is no verdict in the other', async ({ expect, onTestFinished }) => {
    const { simulator, one, other } = await startTwo(['america', 'europe'], onTestFinished)
    for (let asked = 0; asked < 3; asked++) expect((await other.ask()).reason).toBe('usual')
    simulator.setFault('openai', { status: 500 })
    await takeOut(one)
    simulator.clearFaults()
    expect(await other.stateOf(DEPLOYMENTS.openai)).toBe('closed')
    expect((await other.ask()).attempts).toEqual([{ provider: 'openai', outcome: '200' }])
  })

  test('of two regions share a rate limit at once: it is of the account', async ({ expect, onTestFinished }) => {
    const { simulator, one, other } = await startTwo(['america', 'europe'], onTestFinished)
    expect((await other.ask()).reason).toBe('usual')
    simulator.setFault('openai', { status: 429, retryAfter: 60 })
    expect((await one.ask()).attempts.map(({ outcome }) => outcome)).toEqual(['429', '200'])
    simulator.clearRequests()
    // All is well there; by itself it would ask the hub in a minute.
    await until(
      () => other.stateOf(DEPLOYMENTS.openai),
      (state) => state === 'limited',
    )
    expect((await other.ask()).attempts).toEqual([{ provider: 'mistral', outcome: '200' }])
    expect(simulator.requests('openai')).toEqual([])
  })

  test('of two regions: one that is new hears what the other is limited by', async ({ expect, onTestFinished }) => {
    const { simulator, one, other } = await startTwo(['america', 'europe'], onTestFinished)
    simulator.setFault('openai', { status: 429, retryAfter: 60 })
    expect((await one.ask()).attempts.map(({ outcome }) => outcome)).toEqual(['429', '200'])
    await until(
      () => one.stateOf(DEPLOYMENTS.openai),
      (state) => state === 'limited',
    )
    await until(
      () => other.stateOf(DEPLOYMENTS.openai),
      (state) => state === 'limited',
    )
    expect((await other.ask()).attempts).toEqual([{ provider: 'mistral', outcome: '200' }])
  })
})
