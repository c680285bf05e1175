import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { callLines } from '../../harness/log-lines.ts'
import { until } from '../../harness/until.ts'
import { openRawClient } from '../raw-client.ts'
import { DEPLOYMENTS, MODELS, say, type Watched, watchedHere } from './setting.ts'

const CLIENTS = 6

type Provider = 'openai' | 'groq'

/** Router9 for which the first word of a provider of which nothing is known usually takes so long. */
function watchedWith(usualMs: number, finished: Parameters<typeof watchedHere>[1], more = {}): Promise<Watched> {
  const vars = { FIRST_BYTE_TIMEOUT_MS: String(usualMs), TOTAL_TIMEOUT_MS: '60000', ...more }
  return watchedHere({ vars }, finished)
}

/** Several clients, which leave so long after the last of them was heard by the provider; resolves when it knows. */
async function leaveAfter({ url, simulator }: Watched, ms: number, provider: Provider = 'openai'): Promise<void> {
  simulator.setFault(provider, { hangBeforeHeaders: true })
  const body = { model: `${provider}/${MODELS[provider]}`, stream: true, messages: say('nothing') }
  const clients = Array.from({ length: CLIENTS }, () => openRawClient(url, body))
  const asked = await until(
    () => simulator.requests(provider),
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

  test.for([
    // So long that even on a busy machine all of them leave in time.
    ['', 'openai', 10_000, {}],
    // It goes on for more than twice as long as usual.
    [
      ', though its provider is read on',
      'groq',
      1200,
      { READ_ABANDONED_STREAMS: 'on', ABANDONED_STREAM_TIMEOUT_MS: '2800' },
    ],
  ] as const)(
    'counts for nothing, if it left sooner%s',
    async ([, provider, usualMs, vars], { expect, onTestFinished }) => {
      const router9 = await watchedWith(usualMs, onTestFinished, vars)
      await leaveAfter(router9, 100, provider)
      await until(() => callLines(router9.worker.log()).filter(({ left }) => left).length === CLIENTS)
      // Its first success is known after all that went before it.
      router9.simulator.clearFaults()
      expect(await router9.ask({ model: `${provider}/${MODELS[provider]}` })).toMatchObject({ status: 200 })
      const entry = await until(() => router9.known(DEPLOYMENTS[provider]))
      expect(entry).toMatchObject({ state: 'closed', reason: null })
      expect(entry?.success_rate).toBeGreaterThan(0.9)
    },
  )
})
