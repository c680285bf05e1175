import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { keyName } from '../../src/access/keys.ts'
import { callLines } from '../harness/log-lines.ts'
import { startPlatformWorker } from '../harness/platform-worker.ts'
import { startRouter9On } from '../harness/router9.ts'
import { until } from '../harness/until.ts'
import { COMPATIBILITY } from '../harness/worker.ts'

const HELLO = { model: 'gpt-4o', max_tokens: 60, messages: [{ role: 'user', content: 'Hello!' }] }
/** Enough for an answer or two, in dollars. */
const BUDGET = 0.001
const ROOT = path.resolve(import.meta.dirname, '../..')

test('the Workers of the tests run as wrangler.toml says, on the workerd that wrangler brings', async () => {
  const toml = await readFile(path.join(ROOT, 'wrangler.toml'), 'utf8')
  expect(/^compatibility_date = "(.*)"$/m.exec(toml)?.[1]).toBe(COMPATIBILITY.date)
  expect(JSON.parse(/^compatibility_flags = (.*)$/m.exec(toml)?.[1] ?? '')).toEqual(COMPATIBILITY.flags)
  const wrangler = createRequire(import.meta.resolve('wrangler/package.json'))
  for (const name of ['miniflare', 'workerd']) {
    expect(wrangler.resolve(name)).toBe(createRequire(import.meta.url).resolve(name))
  }
})

test('what a key has used is there for the next Worker, and its limits with it', { timeout: 60_000 }, async () => {
  const state = await mkdtemp(path.join(os.tmpdir(), 'router9-platform-'))
  onTestFinished(() => rm(state, { recursive: true, force: true }))
  const start = async () => {
    const router9 = await startRouter9On((options) => startPlatformWorker({ ...options, state }), {})
    onTestFinished(() => router9.stop())
    const ask = async () => {
      const response = await router9.chat(HELLO, { authorization: 'Bearer sk-r9k-of-two-workers' })
      await response.text()
      return response.status
    }
    return { ...router9, ask }
  }
  const first = await start()
  await first.worker.keys.put('sk-r9k-of-two-workers', { id: 'key_of_two', limits: { budget: BUDGET } })
  expect(await first.ask()).toBe(200)
  await until(first.ask, (status) => status === 429)
  const costs = () => callLines(first.worker.log()).map(({ cost_usd: dollars = 0 }) => dollars)
  expect(callLines(first.worker.log())[0]).toMatchObject({ status: 200, key: 'key_of_two' })
  // The ledger is told a moment later, and writes it down.
  await until(
    () => first.worker.spentBy('key_of_two'),
    (dollars) => dollars > 0 && Math.abs(dollars - costs().reduce((sum, one) => sum + one, 0)) < 1e-9,
  )
  await first.stop()

  const second = await start()
  // Nobody has put it here: it is in KV.
  expect(await second.worker.namespace.get(await keyName('sk-r9k-of-two-workers'))).toContain('key_of_two')
  // Nothing here costs anything: what refuses it was spent before.
  second.simulator.setFault('*', { status: 500 })
  await until(second.ask, (status) => status === 429)
})
