import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { KeyRecord } from '../../../src/access/keys.ts'
import { keys } from '../../../src/cli/keys/main.ts'
import type { KeyStore } from '../../../src/cli/shared/key-store.ts'
import { openLocalStore } from '../../../src/cli/shared/local-store.ts'
import { wranglerProgram } from '../../../src/cli/shared/wrangler.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')
const NOW = Date.parse('2026-06-01T00:00:00Z')
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

const states: string[] = []
let state: string
beforeEach(async () => {
  state = await mkdtemp(path.join(os.tmpdir(), 'router9-keys-state-'))
  states.push(state)
})
// One test's commands share a store: each opening of it takes a second.
let store: Promise<KeyStore> | undefined
afterEach(closeStore)
afterAll(() => Promise.all(states.map((directory) => rm(directory, { recursive: true, force: true }))))

type Made = KeyRecord & { readonly key: string }

async function closeStore(): Promise<void> {
  await (await store)?.close()
  store = undefined
}

function run(args: readonly string[], now = NOW): Promise<string> {
  store ??= openLocalStore(state)
  const shared = store
  return keys(args, now, async () => ({ ...(await shared), close: async () => {} }))
}

async function make(args: readonly string[], now = NOW): Promise<Made> {
  return JSON.parse(await run([...args, '--json'], now))
}

async function all(): Promise<KeyRecord[]> {
  return JSON.parse(await run(['list', '--json']))
}

async function recordOf({ id }: KeyRecord): Promise<KeyRecord | undefined> {
  return (await all()).find((record) => record.id === id)
}

const iso = (ms: number) => new Date(ms).toISOString()

describe('rotating', { timeout: 60_000 }, () => {
  test('a key that is revoked is refused, and nothing is made', async () => {
    const made = await make(['create', '--name', 'mine'])
    await run(['revoke', made.id])
    await expect(run(['rotate', made.id, '--grace', '1h'])).rejects.toThrow(/revoked/)
    await expect(run(['rotate', made.key])).rejects.toThrow(/revoked/)
    expect(await all()).toMatchObject([{ id: made.id, disabled: true }])
    expect((await recordOf(made))?.expires).toBeUndefined()
  })

  test('a key that has expired is refused, and gets no second life', async () => {
    const made = await make(['create', '--name', 'mine', '--expires', '1h'])
    await expect(run(['rotate', made.id, '--grace', '1h'], NOW + HOUR_MS)).rejects.toThrow(/expired/)
    expect(await all()).toMatchObject([{ id: made.id, expires: iso(NOW + HOUR_MS) }])
    expect(await run(['rotate', made.id], NOW + HOUR_MS - 1)).toContain('sk-r9k-')
  })

  test('with a grace does not prolong what ends before it', async () => {
    const made = await make(['create', '--name', 'mine', '--expires', '1h'])
    await run(['rotate', made.id, '--grace', '2d'])
    expect(await recordOf(made)).toMatchObject({ expires: iso(NOW + HOUR_MS) })
  })

  test('with a grace ends the old key after it, and the new one when the old one would have ended', async () => {
    const made = await make(['create', '--name', 'mine', '--expires', '30d'])
    const next = await make(['rotate', made.id, '--grace', '2d'])
    expect(await recordOf(made)).toMatchObject({ expires: iso(NOW + 2 * DAY_MS) })
    expect(await recordOf(next)).toMatchObject({ expires: iso(NOW + 30 * DAY_MS) })
  })

  test('with a grace ends a key that had no end', async () => {
    const made = await make(['create', '--name', 'mine'])
    const next = await make(['rotate', made.id, '--grace', '90s'])
    expect(await recordOf(made)).toMatchObject({ expires: iso(NOW + 90_000) })
    expect(next.expires).toBeUndefined()
  })

  test('keeps the rights and the limits, and whose limits they are, however often', async () => {
    const first = await make(['create', '--name', 'mine', '--rpm', '5', '--budget', '2.5', '--models', 'auto,gpt-4o'])
    const second = await make(['rotate', first.id])
    const third = await make(['rotate', second.key, '--grace', '1h'])
    for (const made of [second, third]) {
      expect(await recordOf(made)).toMatchObject({
        name: 'mine',
        account: first.id,
        limits: { rpm: 5, budget: 2.5 },
        models: ['auto', 'gpt-4o'],
      })
    }
    expect(new Set([first, second, third].flatMap(({ id, key }) => [id, key])).size).toBe(6)
    expect(await recordOf(first)).toMatchObject({ disabled: true })
  })
})

test('a key can be made for clients that check OpenAI’s object, and for no other word', async () => {
  const made = await make(['create', '--name', 'mine', '--object', 'openai'])
  expect(await recordOf(made)).toMatchObject({ object: 'openai' })
  expect(await recordOf(await make(['rotate', made.id]))).toMatchObject({ object: 'openai' })
  await expect(run(['create', '--name', 'mine', '--object', 'openrouter'])).rejects.toThrow('--object')
})

test('a management key, a team and its keys are made and changed, in the words and with the checks of the HTTP API', async () => {
  const manager = await make(['create', '--name', 'mine', '--role', 'management'])
  expect(await recordOf(manager)).toMatchObject({ role: 'management' })
  expect(await run(['list'])).toMatch(/mine \(management\) +active/)
  await expect(run(['create', '--name', 'mine', '--role', 'root'])).rejects.toThrow('--role')

  const [team] = JSON.parse(
    await run(['teams', 'create', '--name', 'ours', '--budget', '9', '--reset', 'weekly', '--json']),
  )
  const made = await make(['create', '--name', 'hers', '--team', team.id, '--budget', '5', '--expires', '1d'])
  await run(['change', made.id, '--budget', '7', '--reset', 'daily', '--expires', 'none', '--concurrent', '2'])
  const changed = await recordOf(made)
  expect(changed).toMatchObject({ team: team.id, limits: { budget: 7, window: 'day', concurrent: 2 } })
  expect(changed?.expires).toBeUndefined()
  await run(['teams', 'revoke', team.id])
  expect(await run(['teams', 'list'])).toMatch(/ours +revoked .* budget 9, window week/)
  for (const wrong of [
    ['create', '--name', 'late', '--team', team.id],
    ['create', '--name', 'x', '--reset', 'daily'],
    ['change', made.id, '--rpm', '0.5'],
    ['create', '--name', 'x', '--providers', 'nobody'],
  ]) {
    await expect(run(wrong), wrong.join(' ')).rejects.toThrow(/team|limit|rpm|providers/)
  }
}, 60_000)

describe('a limit that is none', { timeout: 60_000 }, () => {
  /** The program itself, for its exit status. */
  async function program(...args: string[]): Promise<{ status: number; error: string }> {
    const all = ['src/cli/keys/main.ts', ...args, '--persist-to', state]
    return promisify(execFile)(process.execPath, all, { cwd: ROOT }).then(
      () => ({ status: 0, error: '' }),
      ({ code, stderr }: { code: number; stderr: string }) => ({ status: code, error: stderr }),
    )
  }

  test('ends the program with status 2, says which it is, and makes nothing', async () => {
    const values = ['Infinity', 'NaN', '0', '-1']
    const ended = await Promise.all(values.map((value) => program('create', '--name', 'mine', '--rpm', value)))
    expect(ended.map(({ status }) => status)).toEqual([2, 2, 2, 2])
    for (const { error } of ended) {
      expect(error.split('\n')[0]).toContain('rpm')
      expect(error).not.toMatch(/\bat \S+ \(/)
    }
    expect(await all()).toEqual([])
  })

  test.each(['rpm', 'tpm', 'budget'])('is refused for --%s, and nothing is made', async (name) => {
    for (const value of ['Infinity', 'NaN', '0', '-1', '', '1e999']) {
      await expect(run(['create', '--name', 'mine', `--${name}=${value}`]), value).rejects.toThrow(`--${name}`)
    }
    expect(await all()).toEqual([])
  })
})

test('beside records that are no JSON or lack an id, others are listed, shown and revoked, and those are called unreadable', async () => {
  const broken: Record<string, string> = {
    [`key:${'0'.repeat(64)}`]: '{"id":',
    [`key:${'1'.repeat(64)}`]: '{"name":"broken","created":"2026-01-01T00:00:00Z"}',
  }
  const mine = await make(['create', '--name', 'mine'])
  await closeStore()
  const file = path.join(state, 'broken.json')
  await writeFile(file, JSON.stringify(Object.entries(broken).map(([key, value]) => ({ key, value }))))
  const put = ['kv', 'bulk', 'put', file, '--binding', 'KEYS', '--local', '--persist-to', state]
  await promisify(execFile)(process.execPath, [wranglerProgram(), ...put], { cwd: ROOT })

  const listed = await run(['list'])
  expect(listed).toMatch(/mine +active/)
  for (const name of Object.keys(broken)) expect(listed).toContain(`unreadable: ${name}`)
  expect((await all()).map(({ id }) => id)).toEqual([mine.id])
  expect(await run(['show', mine.key])).toContain(mine.id)
  expect(await run(['revoke', mine.id])).toContain(mine.id)
  expect(await recordOf(mine)).toMatchObject({ disabled: true })
}, 60_000)
