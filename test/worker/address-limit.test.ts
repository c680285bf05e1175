import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { createTestHarness, type TestHarness } from 'wrangler'
import { keyName } from '../../src/access/keys.ts'
import { callLines } from '../harness/log-lines.ts'
import { errorOf, expectRefusal } from './refusal.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const GOOD_KEY = 'sk-r9k-good-and-known'
const BUSY = { status: 429, type: 'requests', code: 'rate_limit_exceeded' }
const UNKNOWN = { status: 401, code: 'invalid_api_key' }
const LIMIT = 10

let directory: string
let local: TestHarness
let keysMade = 0
// What `wrangler dev` runs, with the lines in wrangler.toml uncommented and a limit that is met sooner.
beforeAll(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'router9-address-'))
  const configPath = path.join(directory, 'wrangler.toml')
  // The pages are not built: nothing here asks for them.
  await mkdir(path.join(directory, '.console'))
  const lines = (await readFile(path.join(ROOT, 'wrangler.toml'), 'utf8')).split('\n')
  const from = lines.indexOf('# [[ratelimits]]')
  const settings = lines.map((line, at) => (at >= from && at < from + 4 ? line.replace(/^# /, '') : line))
  await writeFile(
    configPath,
    settings.join('\n').replace('src/index.ts', inject('bundle')).replace('limit = 100', `limit = ${LIMIT}`),
  )
  local = createTestHarness({
    workers: [{ configPath, prebuiltWorkerDir: path.dirname(inject('bundle')), vars: { LOG_SAMPLE: '0' } }],
  })
  await local.listen()
  const { KEYS } = await local.getWorker<{ KEYS: KVNamespace }>().getEnv()
  const record = { id: 'key_good', name: 'good', created: '2026-01-01T00:00:00Z' }
  await KEYS.put(await keyName(GOOD_KEY), JSON.stringify(record))
}, 60_000)
afterAll(async () => {
  await local.close()
  await rm(directory, { recursive: true, force: true })
})

/** Lists the models, or calls for an answer. */
async function ask(key: string, address: string, call = false): Promise<Response> {
  const headers = { authorization: `Bearer ${key}`, 'cf-connecting-ip': address, 'content-type': 'application/json' }
  const body = JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'Hello!' }] })
  const response = call
    ? await local.fetch('/v1/chat/completions', { method: 'POST', headers, body })
    : await local.fetch('/v1/models', { headers })
  return new Response(await response.text(), { status: response.status, headers: [...response.headers] })
}

const unknownKey = () => `sk-r9k-nobody-${++keysMade}`

/** Calls with unknown keys from one address until it is refused; how many were not. */
async function untilBusy(address: () => string, call = false): Promise<number> {
  for (let n = 0; n <= LIMIT * 2; n++) {
    const response = await ask(unknownKey(), address(), call)
    if (response.status === 429) {
      await expectRefusal(response, BUSY)
      return n
    }
    await expectRefusal(response, UNKNOWN)
  }
  return Number.POSITIVE_INFINITY
}

test('an address that sends too many unknown keys is refused, and nobody else is', async () => {
  expect((await ask(GOOD_KEY, '192.0.2.1')).status).toBe(200)
  // A minute may begin in between.
  expect(await untilBusy(() => '192.0.2.1')).toBeLessThanOrEqual(2 * LIMIT)
  const refused = await ask(unknownKey(), '192.0.2.1')
  expect(refused.headers.get('retry-after')).toBe('60')
  expect((await errorOf(refused)).message).toContain('address')
  // A key in use goes on, also from there; so does everybody elsewhere.
  expect((await ask(GOOD_KEY, '192.0.2.1')).status).toBe(200)
  await expectRefusal(await ask(unknownKey(), '192.0.2.2'), UNKNOWN)
})

test('all addresses of one IPv6 network count as one', async () => {
  let host = 0
  const busyAfter = await untilBusy(() => `2001:db8:0:1::${(++host).toString(16)}`)
  expect(busyAfter).toBeLessThanOrEqual(2 * LIMIT)
  await expectRefusal(await ask(unknownKey(), '2001:db8:0:1:ffff:ffff:ffff:ffff'), BUSY)
  await expectRefusal(await ask(unknownKey(), '2001:db8:0:2::1'), UNKNOWN)
})

test('and what callers do wrong is logged by its share only, none of it here', async () => {
  await untilBusy(() => '192.0.2.3', true)
  const log = local.getLogs().map(({ message }) => message)
  expect(callLines(log.join('\n'))).toEqual([])
})
