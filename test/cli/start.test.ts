import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../harness/listen.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')

// Somebody's real keys would be asked for real.
const OWN_KEYS = existsSync(path.join(ROOT, '.dev.vars')) || existsSync(path.join(ROOT, '.env'))

let state: string
let port: number
let child: ChildProcess | undefined
let printed = ''

beforeAll(async () => {
  state = await mkdtemp(path.join(os.tmpdir(), 'router9-state-'))
  port = await freePort()
}, 60_000)

afterAll(async () => {
  if (child !== undefined) {
    const over = new Promise((resolve) => child?.once('exit', resolve))
    child.kill('SIGTERM')
    await over
  }
  await rm(state, { recursive: true, force: true })
})

async function keys(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ['src/cli/keys.ts', ...args, '--persist-to', state], {
    cwd: ROOT,
  })
  return stdout
}

function ask(key: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'Say: hello from the start' }] }),
  })
}

test.skipIf(OWN_KEYS)(
  'npm start runs on the simulator without provider keys, says so, and takes the keys that npm run keys makes',
  async () => {
    const made = JSON.parse(await keys('create', '--name', 'mine', '--json'))
    const revoked = JSON.parse(await keys('create', '--name', 'lost', '--json'))
    await keys('revoke', revoked.key)
    const rotated = JSON.parse(await keys('rotate', made.id, '--json'))
    expect(await keys('list')).toMatch(/mine +revoked[\s\S]*mine +active|mine +active[\s\S]*mine +revoked/)

    child = spawn(process.execPath, ['src/cli/start.ts', '--port', String(port), '--persist-to', state], { cwd: ROOT })
    child.stdout?.on('data', (piece) => {
      printed += piece
    })
    for (let tries = 0; tries < 300 && !printed.includes('Router9 is ready'); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(printed).toContain(`http://localhost:${port}/v1`)
    expect(printed).toContain('No provider key is set, so a simulator plays every provider')
    expect(printed).toContain('sk-r9k-demo')

    const answer = await ask('sk-r9k-demo')
    expect(await answer.json()).toMatchObject({
      object: 'text_completion',
      choices: [{ message: { content: 'hello from the start' }, finish_reason: 'stop' }],
    })
    expect((await ask(rotated.key)).status).toBe(200)
    expect((await ask(made.key)).status).toBe(401)
    expect((await ask(revoked.key)).status).toBe(401)
  },
  90_000,
)

test.skipIf(OWN_KEYS)(
  'npm start with a setting that makes no sense says which in one line and ends with status 1',
  async () => {
    const directory = await mkdtemp(path.join(os.tmpdir(), 'router9-state-'))
    const freed = await freePort()
    const args = ['--port', String(freed), '--persist-to', directory, '--var', 'AUTO_MODELS:nonsense']
    const starting = spawn(process.execPath, ['src/cli/start.ts', ...args], { cwd: ROOT })
    let said = ''
    let complained = ''
    starting.stdout.on('data', (piece) => {
      said += piece
    })
    starting.stderr.on('data', (piece) => {
      complained += piece
    })
    const over = new Promise((resolve) => starting.once('exit', resolve))
    const late = setTimeout(() => starting.kill('SIGTERM'), 45_000)
    const status = await over
    clearTimeout(late)
    await rm(directory, { recursive: true, force: true })
    expect(status).toBe(1)
    const lines = complained.split('\n').filter((line) => line.startsWith('Router9 cannot start'))
    expect(lines, complained).toEqual([expect.stringContaining('AUTO_MODELS')])
    expect(said).not.toContain('Router9 is ready')
    // Nothing of it goes on.
    await expect.poll(() => fetch(`http://127.0.0.1:${freed}/health`).catch(() => 'gone')).toBe('gone')
  },
  60_000,
)
