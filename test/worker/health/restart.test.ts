import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { until } from '../../harness/until.ts'
import { askedOf, askUntil, burst, DEPLOYMENTS, MODELS, startWatched, watchedHere } from './setting.ts'

let state: string
beforeEach(async () => {
  state = await mkdtemp(path.join(os.tmpdir(), 'router9-state-'))
})
afterEach(() => rm(state, { recursive: true, force: true }))

test('a region that is killed in mid-fault remembers it: who was out is out, nobody has to meet it again', async () => {
  const before = await startWatched({ state })
  await before.ask({ model: MODELS.mistral })
  before.simulator.setFault('openai', { status: 401 })
  before.simulator.setFault('groq', { status: 429, retryAfter: 60 })
  await burst(before, 2, { model: MODELS.openai })
  await before.ask({ model: MODELS.groq })
  const known = await until(
    () => before.providers(),
    (seen) => seen.some((entry) => entry.state === 'open') && seen.some((entry) => entry.state === 'limited'),
  )
  // What changed is written within a tenth of a second.
  await new Promise((resolve) => setTimeout(resolve, 500))
  process.kill(before.worker.pid, 'SIGKILL')
  await before.stop()

  const after = await watchedHere({ state })
  after.simulator.setFault('openai', { status: 401 })
  const stillKnown = await after.providers()
  expect(stillKnown.map(({ id, state }) => [id, state])).toEqual(known.map(({ id, state }) => [id, state]))
  for (const [index, { deployments }] of stillKnown.entries()) {
    for (const { id, until: comesBack } of deployments) {
      const asBefore = known[index]?.deployments.find((entry) => entry.id === id)
      const secondsApart = Math.abs(Date.parse(comesBack ?? '') - Date.parse(asBefore?.until ?? '')) / 1000
      // Without an end in both there is nothing to compare.
      if (comesBack !== null || asBefore?.until !== null) expect(secondsApart).toBeLessThan(1)
    }
  }
  const answer = await after.ask()
  expect(answer).toMatchObject({ status: 200, reason: 'healthier' })
  expect(askedOf(answer)).toEqual(['mistral'])
  expect(after.simulator.requests('openai')).toEqual([])
})

test('a region that loses all it knows is taught again by the isolates', async () => {
  const router9 = await watchedHere({ state, health: {} })
  await router9.ask({ model: MODELS.mistral })
  router9.simulator.setFault('openai', { status: 500 })
  await burst(router9, 4, { model: MODELS.openai })
  await until(
    () => router9.known(DEPLOYMENTS.openai),
    (seen) => seen?.state === 'open',
  )
  await router9.behave({ mode: 'reset' })
  // The object dies with this call; the isolate that made it goes on with what it knows.
  expect(askedOf(await router9.ask())).toEqual(['mistral'])
  expect(await router9.known(DEPLOYMENTS.openai)).toMatchObject({ reason: 'failed-before-first-token' })
  await router9.behave({ mode: 'well' })
  router9.simulator.clearFaults()
  await askUntil(router9, ({ reason }) => reason === 'trial')
})

test('with the key store gone those whose key is known are served as before, by who is well', async () => {
  const router9 = await watchedHere()
  await router9.ask()
  router9.worker.keys.behave('fail')
  router9.simulator.setFault('openai', { status: 500 })
  const [left] = await askUntil(router9, ({ reason }) => reason === 'healthier')
  expect(askedOf(left)).toEqual(['mistral'])
  const stranger = await router9.ask({}, 'sk-r9k-stranger')
  expect(stranger.status).toBe(503)
  expect(stranger.attempts).toEqual([])
})
