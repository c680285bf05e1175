import { setTimeout as sleep } from 'node:timers/promises'
import { describe, test } from 'vitest'
import { until } from '../../harness/until.ts'
import { openRawClient } from '../raw-client.ts'
import { DEPLOYMENTS, MODELS, say, type Watched, watchedHere } from './setting.ts'

// With nothing measured a first word may take as long as is set; who asks one provider alone may wait for all of the rest.
const USUAL_MS = 300
const vars = { FIRST_BYTE_TIMEOUT_MS: String(USUAL_MS), TOTAL_TIMEOUT_MS: '10000' }

const CLIENTS = 6

/** Several clients, which leave so long after the last of them was heard by the provider. */
async function leaveAfter({ url, simulator }: Watched, ms: number): Promise<void> {
  const body = { model: `openai/${MODELS.openai}`, stream: true, messages: say('nothing') }
  const clients = Array.from({ length: CLIENTS }, () => openRawClient(url, body))
  await until(
    () => simulator.requests('openai'),
    ({ length }) => length === CLIENTS,
  )
  await sleep(ms)
  for (const client of clients) client.leave('rst')
}

describe('a client that leaves before the first word', { concurrent: true }, () => {
  test('counts against its provider, if it waited more than twice as long as usual', async ({
    expect,
    onTestFinished,
  }) => {
    const router9 = await watchedHere({ vars }, onTestFinished)
    router9.simulator.setFault('openai', { hangBeforeHeaders: true })
    await leaveAfter(router9, 2 * USUAL_MS + 400)
    const entry = await until(
      () => router9.known(DEPLOYMENTS.openai),
      (known) => known?.state === 'open',
    )
    expect(entry?.success_rate).toBeLessThan(0.7)
  })

  test('counts for nothing, if it left sooner', async ({ expect, onTestFinished }) => {
    const router9 = await watchedHere({ vars }, onTestFinished)
    router9.simulator.setFault('openai', { hangBeforeHeaders: true })
    await leaveAfter(router9, USUAL_MS / 3)
    // Long enough for a report to be told and read again.
    await sleep(1500)
    const entry = await router9.known(DEPLOYMENTS.openai)
    expect(entry?.state ?? 'closed').toBe('closed')
  })
})
