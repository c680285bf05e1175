import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { keys } from '../../../src/cli/keys/main.ts'
import { usePlatformRouter9 } from '../../harness/platform-router9.ts'
import { until } from '../../harness/until.ts'
import { closed } from '../cloudflare-stand-in.ts'

const router9 = usePlatformRouter9()
const MANAGER = 'sk-r9k-manager-of-the-command-line'

test('with an address the commands go through the HTTP API: what they change is in the log and known at once', async () => {
  await router9.worker.keys.put(MANAGER, { id: 'key_manager', role: 'management' })
  process.env.ROUTER9_MANAGEMENT_KEY = MANAGER
  try {
    const run = (...args: string[]) => keys([...args, '--url', router9.url], Date.now())
    const [team = ''] = /team_\w+/.exec(await run('teams', 'create', '--name', 'Research', '--rpm', '50')) ?? []
    const text = await run('create', '--json', '--name', 'Ada', '--team', team, '--budget', '5', '--reset', 'daily')
    const { key, id, limits } = JSON.parse(text) as { key: string; id: string; limits: object }
    expect(limits).toEqual({ budget: 5, window: 'day' })
    const chat = async () => {
      const body = { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hello!' }] }
      const response = await router9.chat(body, { authorization: `Bearer ${key}` })
      await response.text()
      return response.status
    }
    expect(await chat()).toBe(200)
    expect(await run('change', key, '--models', 'gpt-4o', '--budget', 'none')).toMatch(
      /Ada +active .* gpt-4o +- +team_/,
    )
    expect(await run('list')).toContain(id)
    expect(await run('rotate', id, '--grace', '1h')).toMatch(/^sk-r9k-\w+\n/)
    expect(await run('revoke', key)).toBe(`Revoked ${id} (Ada).`)
    expect(await until(chat, (status) => status === 401)).toBe(401)
    expect(await run('show', id)).toContain('revoked')
    await until(() => router9.worker.log().includes('"action":"key.revoke"'))
    expect(router9.worker.log()).not.toContain(key)

    await expect(run('show', 'key_nobody')).rejects.toThrow("There is no key 'key_nobody'.")
    await expect(run('create', '--name', 'x', '--role', 'management')).rejects.toThrow(/--local or --remote/)
    await expect(run('list', '--remote')).rejects.toThrow('choose one')
    await expect(keys(['list', '--url', 'http://example.com'], 0)).rejects.toThrow(/https/)
    const other = http.createServer((_, response) => response.end('<p>Hello!')).listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    await expect(keys(['list', '--url', `http://127.0.0.1:${port}`], 0)).rejects.toThrow(
      /answered 200, and not as Router9/,
    )
    await closed(other)
  } finally {
    delete process.env.ROUTER9_MANAGEMENT_KEY
  }
})
