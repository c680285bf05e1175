import { describe, test } from 'vitest'
import { openRawClient, type RawClient } from '../worker/raw-client.ts'
import { askedOf, burst, DEPLOYMENTS, MODELS, say, until, type Watched, watchedHere } from './setting.ts'

const MANY = 20
const UPSTREAM_ENDS_MS = 1000

/** What is known of the first provider, its times aside. */
async function standing({ known }: Watched) {
  const entry = await known(DEPLOYMENTS.openai)
  return entry && { state: entry.state, reason: entry.reason, until: entry.until, p: entry.success_rate }
}

/** A few good answers, so that there is something to lose. */
async function warmed(onTestFinished: Parameters<typeof watchedHere>[1]): Promise<Watched> {
  const router9 = await watchedHere({ vars: { COMMIT_AFTER_MS: '500' } }, onTestFinished)
  await burst(router9, 5, { model: MODELS.openai, stream: true })
  return router9
}

describe('health is not moved', { concurrent: true }, () => {
  test.for([
    ['prompts that are too long (case C01)', { status: 400, reason: 'context' }],
    ['a storm of bad requests', { status: 400 }],
    ['requests that cannot be processed', { status: 422 }],
  ] as const)('by %s', async ([_, fault], { expect, onTestFinished }) => {
    const router9 = await warmed(onTestFinished)
    router9.simulator.setFault('openai', fault)
    router9.simulator.clearRequests()
    const answers = await burst(router9, MANY, { model: MODELS.openai })
    for (const { status } of answers) expect(status).toBe(400)
    expect(router9.simulator.requests('openai')).toHaveLength(MANY)
    const after = await standing(router9)
    expect(after).toMatchObject({ state: 'closed', reason: null, until: null })
    expect(after?.p).toBeGreaterThan(0.97)
    router9.simulator.clearFaults()
    expect(await router9.ask()).toMatchObject({ status: 200, reason: 'first' })
  })
})

// One after the other: a second has to be enough for each.
describe('health is not moved', () => {
  test.for([
    ['before the first word', 'hangafterheaders'],
    ['in mid-stream', 'tokendelay=40'],
  ] as const)(
    'by clients that leave %s, and each ends its upstream (cases C03, D01)',
    async ([when, order], context) => {
      const { expect, onTestFinished } = context
      const router9 = await warmed(onTestFinished)
      router9.simulator.clearRequests()
      const clients = Array.from({ length: MANY }, () =>
        openRawClient(router9.url, {
          model: 'auto',
          stream: true,
          messages: [{ role: 'user', content: `Count to 500 [[sim openai ${order}]]` }],
        }),
      )
      const asked = () => router9.simulator.requests()
      await until(asked, ({ length }) => length === MANY)
      const words = ({ received }: RawClient) => received().split('"content":"').length - 1
      const isTime = (client: RawClient) => when === 'before the first word' || words(client) > 2
      await until(() => clients.every(isTime), Boolean)
      const leftAt = Date.now()
      for (const client of clients) client.leave('rst')
      await until(() => asked().every(({ aborted }) => aborted), Boolean)
      const slowestMs = Math.max(...asked().map(({ abortedAt = Number.POSITIVE_INFINITY }) => abortedAt - leftAt))
      expect(slowestMs).toBeLessThan(UPSTREAM_ENDS_MS)
      const after = await standing(router9)
      expect(after).toMatchObject({ state: 'closed', reason: null, until: null })
      expect(after?.p).toBeGreaterThan(0.97)
      expect(await router9.ask()).toMatchObject({ status: 200, reason: 'first' })
      // Nobody was asked in place of those whose client had gone.
      expect(asked()).toHaveLength(MANY + 1)
      for (const { slot } of asked()) expect(slot).toBe('openai')
    },
  )

  test('by clients that leave between two attempts, and no second one is made', async ({ expect, onTestFinished }) => {
    const router9 = await warmed(onTestFinished)
    router9.simulator.setFault('openai', { status: 500, latencyMs: 400 })
    router9.simulator.clearRequests()
    const clients = Array.from({ length: 3 }, () =>
      openRawClient(router9.url, { model: 'auto', stream: true, messages: say('gone') }),
    )
    await until(
      () => router9.simulator.requests(),
      ({ length }) => length === 3,
    )
    for (const client of clients) client.leave('rst')
    await until(() => router9.simulator.requests().every(({ aborted }) => aborted), Boolean)
    router9.simulator.clearFaults()
    const answer = await router9.ask()
    expect(askedOf(answer)).toEqual(['openai'])
    expect(router9.simulator.requests('mistral')).toEqual([])
    expect(await standing(router9)).toMatchObject({ state: 'closed' })
  })
})
