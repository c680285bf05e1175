import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { callLines } from '../../harness/log-lines.ts'
import { until } from '../../harness/until.ts'
import { openRawClient } from '../raw-client.ts'
import { DEPLOYMENTS, MODELS, say, type Watched, watchedHere } from './setting.ts'

const CLIENTS = 6

/** Router9 for which the first word of a provider of which nothing is known usually takes so long. */
function watchedWith(usualMs: number, finished: Parameters<typeof watchedHere>[1]): Promise<Watched> {
  const vars = { FIRST_BYTE_TIMEOUT_MS: String(usualMs), TOTAL_TIMEOUT_MS: '60000' }
  return watchedHere({ vars }, finished)
}

/** Several clients, which leave so long after the last of them was heard by the provider; resolves when it knows. */
async function leaveAfter({ url, simulator }: Watched, ms: number): Promise<void> {
  simulator.setFault('openai', { hangBeforeHeaders: true })
  const body = { model: `openai/${MODELS.openai}`, stream: true, messages: say('nothing') }
  const clients = Array.from({ length: CLIENTS }, () => openRawClient(url, body))
  const asked = await until(
    () => simulator.requests('openai'),
    ({ length }) => length === CLIENTS,
  )
  await sleep(ms)
  expect(asked.filter(({ aborted }) => aborted)).toEqual([])
  for (const client of clients) client.leave('rst')
  await until(() => asked.every(({ aborted }) => aborted))
}

describe('a client that disconnects before the first token', { concurrent: true }, () => {
  test('counts against its provider, if it waited more than twice as long as usual', async ({
    expect,
    onTestFinished,
  }) => {
    // Who asks one provider alone may wait for all of the rest.
    const router9 = await watchedWith(300, onTestFinished)
    await leaveAfter(router9, 2 * 300 + 400)
    const entry = await until(
      () => router9.known(DEPLOYMENTS.openai),
      (known) => known?.state === 'open',
    )
    expect(entry?.success_rate).toBeLessThan(0.7)
  })

  test('counts for nothing, if it left sooner', async ({ expect, onTestFinished }) => {
    // So long that even on a busy machine all of them leave in time.
    const router9 = await watchedWith(10_000, onTestFinished)
    await leaveAfter(router9, 100)
    await until(() => callLines(router9.worker.log()).filter(({ left }) => left).length === CLIENTS)
    // Its first success is known after all that went before it.
    router9.simulator.clearFaults()
    expect(await router9.ask({ model: MODELS.openai })).toMatchObject({ status: 200 })
    const entry = await until(() => router9.known(DEPLOYMENTS.openai))
    expect(entry).toMatchObject({ state: 'closed', reason: null })
    expect(entry?.success_rate).toBeGreaterThan(0.9)
  })
})
