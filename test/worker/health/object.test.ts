import { describe, test } from 'vitest'
import { until } from '../../harness/until.ts'
import { askedOf, askUntil, burst, DEPLOYMENTS, MODELS, say, watchedHere } from './setting.ts'

/** Far less than a request would take that waits for an object that hangs, far more than a busy machine makes of 50 ms. */
const COLD_MOST_MS = 2000
const BROKEN = ['throw', 'hang', 'garbage', 'older', 'newer', 'reset'] as const

describe('a health object', { concurrent: true }, () => {
  test.for(BROKEN)('that does this changes nothing for callers: %s', async (mode, { expect, onTestFinished }) => {
    const router9 = await watchedHere({ health: { mode } }, onTestFinished)
    const cold = await router9.ask({ stream: true })
    expect(cold).toMatchObject({ status: 200, reason: 'usual' })
    expect(cold.routeMs).toBeLessThan(COLD_MOST_MS)
    // Where every request waited, none would be quick, on whatever machine.
    const warm = []
    for (let asked = 0; asked < 10; asked++) warm.push(await router9.ask({ stream: true }))
    for (const answer of warm) expect(answer).toMatchObject({ status: 200, reason: 'usual' })
    expect(Math.min(...warm.map(({ routeMs }) => routeMs))).toBeLessThan(25)
    // What an isolate sees itself is enough to leave a provider.
    router9.simulator.setFault('openai', { status: 500 })
    const [left, ...met] = await askUntil(router9, ({ reason }) => reason === 'healthier')
    expect(askedOf(left)).toEqual(['mistral'])
    expect(met.length).toBeLessThanOrEqual(6)
    expect((await router9.behave({})).reports).toBeGreaterThan(0)
    expect(router9.worker.log()).not.toMatch(/uncaught exception|unhandled/i)
  })

  test.for(['throw', 'hang', 'garbage', 'newer'] as const)(
    'whose hub does this goes on by itself: %s',
    async (hub, { expect, onTestFinished }) => {
      const router9 = await watchedHere({ health: { hub } }, onTestFinished)
      expect(await router9.ask()).toMatchObject({ status: 200, reason: 'usual' })
      await router9.ask({ model: MODELS.mistral })
      expect(await router9.known(DEPLOYMENTS.openai)).toMatchObject({ state: 'closed' })
      router9.simulator.setFault('openai', { status: 500 })
      await burst(router9, 4, { model: MODELS.openai })
      await until(
        () => router9.known(DEPLOYMENTS.openai),
        (seen) => seen?.state === 'open',
      )
      expect(askedOf(await router9.ask())).toEqual(['mistral'])
      expect((await router9.behave({})).consultations).toBeGreaterThan(0)
    },
  )

  test('that breaks and is well again is told what it missed', async ({ expect, onTestFinished }) => {
    const router9 = await watchedHere({ health: { mode: 'throw' } }, onTestFinished)
    await router9.ask({ model: MODELS.mistral })
    router9.simulator.setFault('openai', { status: 500 })
    await burst(router9, 4, { model: MODELS.openai })
    await router9.behave({ mode: 'well' })
    // A probe that the isolate starts without a lease may come in between; the object has only what it is told.
    const entry = await until(
      async () => {
        await router9.ask()
        return router9.known(DEPLOYMENTS.openai)
      },
      (seen) => seen?.state === 'open',
    )
    expect(entry).toMatchObject({ reason: 'failed-before-first-token' })
    await router9.behave({ mode: 'reset' })
    expect(await router9.ask()).toMatchObject({ status: 200, attempts: [{ provider: 'mistral' }] })
    await router9.behave({ mode: 'well' })
    expect(await router9.known(DEPLOYMENTS.openai)).toMatchObject({ reason: 'failed-before-first-token' })
  })

  test.for([3_600_000, -3_600_000])(
    'whose clock is off by %i ms comes to the same verdicts',
    async (shiftMs, { expect, onTestFinished }) => {
      const router9 = await watchedHere({ health: { shiftMs } }, onTestFinished)
      await router9.ask({ model: MODELS.mistral })
      router9.simulator.setFault('openai', { status: 500 })
      router9.simulator.setFault('groq', { status: 429, retryAfter: 30 })
      await burst(router9, 4, { model: MODELS.openai })
      await router9.ask({ model: MODELS.groq })
      const entry = await until(
        () => router9.known(DEPLOYMENTS.openai),
        (seen) => seen?.state === 'open',
      )
      const leftMs = (text: string | null | undefined) => Date.parse(text ?? '') - Date.now()
      expect(leftMs(entry?.until)).toBeGreaterThan(-1000)
      expect(leftMs(entry?.until)).toBeLessThan(15_000)
      const limited = await router9.known(DEPLOYMENTS.groq)
      expect(limited).toMatchObject({ state: 'limited' })
      expect(leftMs(limited?.until)).toBeGreaterThan(15_000)
      expect(leftMs(limited?.until)).toBeLessThan(34_000)
      expect(askedOf(await router9.ask())).toEqual(['mistral'])
      router9.simulator.clearFaults()
      // By the object's leases, which are by its clock.
      await askUntil(router9, ({ reason }) => reason === 'trial')
    },
  )

  test('answers reports of other versions as its own, and believes nothing of them', async ({
    expect,
    onTestFinished,
  }) => {
    const router9 = await watchedHere({ health: {} }, onTestFinished)
    await router9.ask()
    const refused = { deployment: DEPLOYMENTS.openai, class: 'config', bucket: 0, ageMs: 0 }
    const report = (v: unknown) => ({ v, isolate: 'other', events: [refused] })
    const odd: unknown[] = [
      null,
      7,
      'report',
      [],
      {},
      report(0),
      report(2),
      report('1'),
      { v: 1 },
      { v: 1, events: {} },
    ]
    odd.push({ v: 1, isolate: 9, events: [null, 3, {}, { deployment: 'a/b' }, { ...refused, class: 'worse' }] })
    for (const one of odd) {
      expect(await router9.report(one), JSON.stringify(one)).toMatchObject({ v: 1, leases: expect.any(Array) })
    }
    expect(await router9.known(DEPLOYMENTS.openai)).toMatchObject({ state: 'closed' })
    expect(await router9.report(report(1))).toMatchObject({ v: 1 })
    expect(await router9.known(DEPLOYMENTS.openai)).toMatchObject({ state: 'open', reason: 'config' })
  })

  test('that fails while many ask how things are is told in the end what was seen meanwhile', async ({
    expect,
    onTestFinished,
  }) => {
    const router9 = await watchedHere({ health: {} }, onTestFinished)
    await router9.ask({ model: MODELS.mistral })
    await router9.behave({ mode: 'throw-late' })
    router9.simulator.setFault('openai', { status: 401 })
    await router9.ask({ model: MODELS.openai })
    await Promise.all(Array.from({ length: 4 }, router9.providers))
    await router9.behave({ mode: 'well' })
    await router9.providers()
    const { deployments } = (await router9.report({ v: 1, isolate: 'another', events: [] })) as Record<string, object>
    expect(deployments).toMatchObject({ [DEPLOYMENTS.openai]: { open: true, reason: 'config' } })
  })

  test('is told about once a second in good times, at once of the first failure, always in its version', async ({
    expect,
    onTestFinished,
  }) => {
    const router9 = await watchedHere({ health: {} }, onTestFinished)
    await router9.ask({ stream: true })
    await router9.behave({})
    const seconds = await under50PerSecond(() => router9.ask({ stream: true, messages: say('a few words') }), 3000)
    const good = await router9.behave({})
    expect(good.reports).toBeGreaterThan(0)
    expect(good.reports).toBeLessThanOrEqual(2 * seconds + 1)
    router9.simulator.setFault('openai', { status: 500 })
    await router9.ask()
    // No request is needed to bring it there, and no second of waiting.
    const told = await until(
      () => router9.behave({}),
      ({ reports }) => reports > 0,
      800,
    )
    expect([...good.versions, ...told.versions].every((version) => version === 1)).toBe(true)
    expect(new Set([...good.isolates, ...told.isolates]).size).toBe(1)
    expect(good.regions).toEqual(['enam'])
  })
})

/** Asks 50 times a second for a while; for how many seconds it was in the end. */
async function under50PerSecond(ask: () => Promise<unknown>, ms: number): Promise<number> {
  const startedAt = Date.now()
  const asked: Promise<unknown>[] = []
  await until(
    () => {
      const due = Math.floor((Math.min(Date.now() - startedAt, ms) * 50) / 1000)
      while (asked.length < due) asked.push(ask())
      return Date.now() - startedAt
    },
    (passed) => passed >= ms,
  )
  await Promise.all(asked)
  return (Date.now() - startedAt) / 1000
}
