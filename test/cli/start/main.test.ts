import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { keys as runKeys } from '../../../src/cli/keys/main.ts'
import { DEMO_KEY } from '../../../src/cli/shared/new-key.ts'
import { startKeys } from '../../../src/cli/start/key.ts'
import { modelToTry } from '../../../src/cli/start/model.ts'
import { createOutputFilter } from '../../../src/cli/start/output-filter.ts'
import { freePort, listen } from '../../harness/listen.ts'
import { type Simulator, startSimulator } from '../../simulator/server.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')

// Somebody's real keys would be asked for real.
const OWN_KEYS = existsSync(path.join(ROOT, '.dev.vars')) || existsSync(path.join(ROOT, '.env'))
/** `npm start` prints as many itself. */
const NPM_LINES = 4

let state: string
let port: number
let child: ChildProcess | undefined
let printed = ''
let complained = ''

beforeAll(async () => {
  state = await mkdtemp(path.join(os.tmpdir(), 'router9-state-'))
  port = await freePort()
}, 60_000)

afterEach(async () => {
  await end('SIGTERM')
})

afterAll(async () => {
  await rm(state, { recursive: true, force: true })
})

function keys(...args: string[]): Promise<string> {
  return runKeys([...args, '--persist-to', state], Date.now())
}

/** Begins what `npm start` runs; all that it prints is in `printed` and `complained`. */
function begin(...args: string[]): ChildProcess {
  printed = ''
  complained = ''
  const all = ['src/cli/start/main.ts', '--port', String(port), '--persist-to', state, ...args]
  const starting = spawn(process.execPath, all, { cwd: ROOT })
  child = starting
  starting.stdout.setEncoding('utf8').on('data', (piece) => {
    printed += piece
  })
  starting.stderr.setEncoding('utf8').on('data', (piece) => {
    complained += piece
  })
  return starting
}

async function ready(...args: string[]): Promise<void> {
  const starting = begin(...args)
  for (let tries = 0; tries < 900 && starting.exitCode === null && !printed.includes('curl'); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  expect(printed, complained).toContain(`Router9 is ready: http://localhost:${port}/v1\n`)
  await expect.poll(() => printed).toMatch(/}'\n$/)
}

async function end(signal: NodeJS.Signals): Promise<number | null> {
  const starting = child
  child = undefined
  if (starting === undefined || starting.exitCode !== null) return starting?.exitCode ?? null
  return new Promise((resolve) => {
    starting.once('exit', resolve)
    starting.kill(signal)
  })
}

/** How it ends by itself. */
async function ended(starting: ChildProcess): Promise<number | null> {
  const late = setTimeout(() => starting.kill('SIGTERM'), 100_000)
  const status = await new Promise<number | null>((resolve) => starting.once('exit', resolve))
  clearTimeout(late)
  return status
}

function ask(key: string, model = 'gpt-4o'): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Say: hello from the start' }] }),
  })
}

/** Does what the printed curl does. */
async function paste(): Promise<Record<string, unknown>> {
  const command = printed.slice(printed.indexOf('curl '))
  if (process.platform !== 'win32') {
    const { stdout } = await promisify(execFile)('sh', ['-c', command.replace('curl', 'curl -s')])
    return JSON.parse(stdout)
  }
  const [, url = ''] = /curl (\S+)/.exec(command) ?? []
  const [, authorization = ''] = /"Authorization: ([^"]+)"/.exec(command) ?? []
  const [, body = ''] = /-d '(.*)'/s.exec(command) ?? []
  const headers = { authorization, 'content-type': 'application/json' }
  return (await fetch(url, { method: 'POST', headers, body })).json() as Promise<Record<string, unknown>>
}

test.skipIf(OWN_KEYS)(
  'npm start runs on the simulator without provider keys, says so, and takes the keys that npm run keys makes',
  async () => {
    const made = JSON.parse(await keys('create', '--name', 'mine', '--json'))
    const revoked = JSON.parse(await keys('create', '--name', 'lost', '--json'))
    await keys('revoke', revoked.key)
    const rotated = JSON.parse(await keys('rotate', made.id, '--json'))
    expect(await keys('list')).toMatch(/mine +revoked[\s\S]*mine +active|mine +active[\s\S]*mine +revoked/)

    await ready()
    expect(printed).toContain('No provider key is set, so a simulator plays every provider')
    expect(printed).toContain('sk-r9k-demo')
    expect((printed + complained).split('\n').length - 1, printed + complained).toBeLessThanOrEqual(12 - NPM_LINES)
    const readme = await readFile(path.join(ROOT, 'README.md'), 'utf8')
    expect(readme).toContain(printed.slice(printed.indexOf('curl ')).replaceAll(String(port), '8787'))
    const pasted = await paste()
    expect(pasted).toMatchObject({ object: 'text_completion', choices: [{ finish_reason: 'stop' }] })

    const answer = await ask('sk-r9k-demo')
    expect(await answer.json()).toMatchObject({
      object: 'text_completion',
      choices: [{ message: { content: 'hello from the start' }, finish_reason: 'stop' }],
    })
    expect((await ask(rotated.key)).status).toBe(200)
    expect((await ask(made.key)).status).toBe(401)
    expect((await ask(revoked.key)).status).toBe(401)
    // The database has its tables.
    const usage = await fetch(`http://127.0.0.1:${port}/v1/usage`, { headers: { authorization: 'Bearer sk-r9k-demo' } })
    expect(await usage.json()).toMatchObject({ object: 'list', totals: { requests: 0 } })

    // A line of each call, as it is logged, and nothing of wrangler's.
    const lines = () =>
      `${printed.slice(printed.indexOf("}'\n") + 3)}${complained}`.split('\n').filter((line) => line !== '')
    await expect.poll(() => lines().length).toBe(5)
    const logged: { status: number }[] = lines().map((line) => JSON.parse(line))
    expect(logged.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 401, 401])

    // Ctrl-C, where nothing but this hears it.
    expect(await end('SIGINT')).toBe(0)
    expect(await ask('sk-r9k-demo').catch(() => 'gone')).toBe('gone')
  },
  180_000,
)

test.skipIf(OWN_KEYS)(
  'npm start with a provider’s real key takes a key that nobody can guess, and the simulator’s is gone; a curl names what can answer',
  async () => {
    // As it was left by a start on the simulator.
    expect((await startKeys(true, state)).key).toBe(DEMO_KEY)
    const provider: Simulator = await startSimulator()
    try {
      const settings = { MISTRAL_API_KEY: 'as-good-as-real', MISTRAL_BASE_URL: `${provider.url}/mistral/v1` }
      await ready(...Object.entries(settings).flatMap(([name, value]) => ['--var', `${name}:${value}`]))
      expect(printed).toContain('Providers: mistral.\n')
      expect((printed + complained).split('\n').length - 1).toBeLessThanOrEqual(12 - NPM_LINES)
      const [key = ''] = /sk-r9k-\w+/.exec(printed) ?? []
      expect(key).toMatch(/^sk-r9k-[A-Za-z0-9]{40}$/)
      expect(await paste()).toMatchObject({
        model: expect.stringMatching(/mistral/),
        choices: [{ finish_reason: 'stop' }],
      })
      expect((await ask('sk-r9k-demo', 'auto')).status).toBe(401)
      await end('SIGTERM')
      // The next start has the same; whoever has revoked it, or lost it, gets another, and the old one is gone.
      expect((await startKeys(false, state)).key).toBe(key)
      if (process.platform !== 'win32') expect((await stat(path.join(state, 'router9-key'))).mode & 0o777).toBe(0o600)
      await keys('revoke', key)
      const next = (await startKeys(false, state)).key
      expect(next).toMatch(/^sk-r9k-[A-Za-z0-9]{40}$/)
      expect(next).not.toBe(key)
      await rm(path.join(state, 'router9-key'))
      expect((await startKeys(false, state)).key).not.toBe(next)
      const records: { id: string }[] = JSON.parse(await keys('list', '--json'))
      expect(records.filter(({ id }) => id === 'key_local')).toHaveLength(1)
      expect(records.filter(({ id }) => id === 'key_demo')).toEqual([])
    } finally {
      await provider.close()
    }
  },
  180_000,
)

test.skipIf(OWN_KEYS)(
  'npm start with a setting that makes no sense says which in one line and ends with status 1',
  async () => {
    expect(await ended(begin('--var', 'AUTO_MODELS:nonsense'))).toBe(1)
    const lines = complained.split('\n').filter((line) => line.startsWith('Router9 cannot start'))
    expect(lines, complained).toEqual([expect.stringContaining('AUTO_MODELS')])
    expect(printed).not.toContain('Router9 is ready')
    // Nothing of it goes on.
    await expect.poll(() => fetch(`http://127.0.0.1:${port}/health`).catch(() => 'gone')).toBe('gone')
  },
  120_000,
)

test('npm start shows what wrangler complains of', async () => {
  expect(await ended(begin('--no-such-option'))).toBe(1)
  expect(complained).toMatch(/Unknown argument/)
  expect(complained).toContain('npm start -- --verbose')
}, 120_000)

test('npm start on a port where something else answers says so, and does not take that for its own', async () => {
  const other = http.createServer((_, response) => response.end('{"status":"ok"}'))
  await listen(other, port)
  expect(await ended(begin())).toBe(1)
  expect(printed).toBe('')
  expect(complained).toBe(`Router9 cannot start: port ${port} is taken. Try npm start -- --port ${port + 1}\n`)
  await new Promise((resolve) => other.close(resolve))
}, 60_000)

test('npm start with a folder that cannot be made says which, and no more', async () => {
  const file = path.join(state, 'a-file')
  await writeFile(file, '')
  expect(await ended(begin('--persist-to', path.join(file, 'store')))).toBe(1)
  expect(printed).toBe('')
  expect(complained).toMatch(/^Keys and usage cannot be kept in .*a-file\/store: ENOTDIR[^\n]*\n$/)
}, 60_000)

test('of what wrangler says errors are shown whole, and once it runs what the Worker says', () => {
  const { stdout, stderr, workerIsReady } = createOutputFilter()
  const shown = (filter: (line: string) => string | undefined, text: string) =>
    text.split('\n').flatMap((line) => filter(line) ?? [])
  const starting = `
 ⛅️ wrangler 4.155.0
──────────────────
env.KEYS    KV Namespace   local
[wrangler:warn] Unable to fetch the \`Request.cf\` object!
Error: getaddrinfo ENOTFOUND
    at GetAddrInfoReqWrap.onlookupall
⎔ Starting local server...
[wrangler:info] Ready on http://localhost:8787`
  expect(shown(stdout, starting)).toEqual([])
  workerIsReady()
  const running = `[wrangler:info] GET /v1/models 200 OK (5ms)
what a developer prints
  and its second line
⎔ Reloading local server...
{"level":"info","event":"request"}`
  expect(shown(stdout, running)).toEqual([
    'what a developer prints',
    '  and its second line',
    '{"level":"info","event":"request"}',
  ])
  // With --demo there are too many.
  const quiet = createOutputFilter(false)
  quiet.workerIsReady()
  expect(shown(quiet.stdout, running)).toEqual(['what a developer prints', '  and its second line'])
  const esc = '\u001b'
  const complaints = `${esc}[33m▲ ${esc}[43;33m[${esc}[43;30mWARNING${esc}[43;33m]${esc}[0m ${esc}[1m{"level":"warn","status":401}${esc}[0m

▲ [WARNING] The compatibility date is old

  Update it.

✘ [ERROR] Expected ";"

    src/index.ts:1:2:
      1 │ a b

Segmentation fault`
  expect(shown(stderr, complaints)).toEqual([
    '{"level":"warn","status":401}',
    '✘ [ERROR] Expected ";"',
    '',
    '    src/index.ts:1:2:',
    '      1 │ a b',
    '',
    'Segmentation fault',
  ])
})

test('the model to try is one that the Worker lists: the operator’s choice, a favourite, or the first that speaks', async () => {
  let ids: readonly string[] = []
  const row = (id: string) => ({ id, modalities: { output: [id.includes('image') ? 'image' : 'text'] } })
  const server = http.createServer((_, response) => response.end(JSON.stringify({ data: ids.map(row) })))
  const url = `http://127.0.0.1:${await listen(server)}`
  const toTry = (listed: readonly string[], autoModels?: string) => {
    ids = listed
    return modelToTry(url, 'sk-r9k-demo', autoModels)
  }
  expect(await toTry(['auto', 'a-model', 'gpt-5.4', 'gemini-3.5-flash'])).toBe('gpt-5.4')
  expect(await toTry(['auto', 'gpt-4o', 'gpt-5.4'], 'nobody-has-it, openai/gpt-4o')).toBe('gpt-4o')
  expect(await toTry(['flux-image', 'ollama/llama3.2', 'ollama/qwen3'])).toBe('ollama/llama3.2')
  expect(await toTry([])).toBeUndefined()
  server.close()
})
