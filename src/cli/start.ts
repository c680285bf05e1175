import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs, parseEnv } from 'node:util'
import { unstable_readConfig } from 'wrangler'
import { PROVIDERS, type Provider } from '../catalog/providers.ts'
import { keyName } from '../gateway/keys.ts'
import { openLocalStore, wranglerProgram } from './key-store.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const SIMULATOR = path.join(ROOT, 'test/simulator/main.ts')
const DEMO_KEY = 'sk-r9k-demo'
const DEFAULT_PORT = '8787'

const children: ChildProcess[] = []

/** Starts the Worker on this machine, with a demo key, on real providers or on the simulator. */
async function start(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { port: { type: 'string' }, 'persist-to': { type: 'string' } },
    strict: false,
  })
  const port = typeof values.port === 'string' ? values.port : DEFAULT_PORT
  const withPort = values.port === undefined ? ['--port', port] : []
  const persistTo = typeof values['persist-to'] === 'string' ? values['persist-to'] : undefined
  const configured = configuredProviders(localSettings())
  const [simulated] = await Promise.all([configured.length > 0 ? [] : simulate(), seedDemoKey(persistTo)])
  const dev = spawn(process.execPath, [wranglerProgram(), 'dev', ...withPort, ...args, ...simulated], {
    cwd: ROOT,
    stdio: ['inherit', 'inherit', 'inherit'],
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false' },
  })
  children.push(dev)
  dev.once('exit', (code) => stop(code ?? 1))
  const url = `http://localhost:${port}`
  if (await answers(url, dev)) console.log(welcome(url, configured))
}

/** What wrangler dev will read: `[vars]`, and .dev.vars, or .env where that is absent. */
function localSettings(): Record<string, unknown> {
  const { vars } = unstable_readConfig({ config: path.join(ROOT, 'wrangler.toml') })
  const file = ['.dev.vars', '.env'].map((name) => path.join(ROOT, name)).find((name) => existsSync(name))
  return file === undefined ? vars : { ...vars, ...parseEnv(readFileSync(file, 'utf8')) }
}

function configuredProviders(settings: Record<string, unknown>): readonly Provider[] {
  return PROVIDERS.filter(({ setting, keyless }) => settings[`${setting}_${keyless ? 'BASE_URL' : 'API_KEY'}`])
}

/** Starts the simulator and gives the options that make every provider point at it. */
async function simulate(): Promise<readonly string[]> {
  const simulator = spawn(process.execPath, [SIMULATOR, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(simulator)
  const line = await new Promise<string>((resolve, reject) => {
    simulator.stdout.once('data', (data) => resolve(String(data)))
    simulator.once('exit', () => reject(new Error('the provider simulator ended at once')))
  })
  const url = /http:\/\/\S+/.exec(line)?.[0] ?? ''
  return PROVIDERS.flatMap(({ id, setting }) => [
    '--var',
    `${setting}_BASE_URL:${url}/${id}`,
    '--var',
    `${setting}_API_KEY:simulated`,
  ])
}

/** The demo key is for this machine alone: it is written to the local store, and no deployment has it. */
async function seedDemoKey(persistTo: string | undefined): Promise<void> {
  const store = await openLocalStore(persistTo)
  const record = { id: 'key_demo', name: 'demo', created: new Date().toISOString() }
  await store.put(await keyName(DEMO_KEY), record)
  await store.close()
}

/** Waits until the Worker answers; false where wrangler ended before, or the Worker says that it cannot run. */
async function answers(url: string, dev: ChildProcess): Promise<boolean> {
  while (dev.exitCode === null) {
    const response = await fetch(`${url}/health`).catch(() => undefined)
    if (response?.ok === true) return true
    if (response !== undefined) {
      const { error } = (await response.json()) as { error?: { message?: string } }
      console.error(`Router9 cannot start: ${error?.message ?? `status ${response.status}`}`)
      stop(1)
      return false
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return false
}

function welcome(url: string, configured: readonly Provider[]): string {
  const providers =
    configured.length > 0
      ? `Providers: ${configured.map(({ id }) => id).join(', ')}.`
      : 'No provider key is set, so a simulator plays every provider: answers are made up. Put a key into .dev.vars for real ones.'
  return `
Router9 is ready: ${url}/v1
API key: ${DEMO_KEY}
${providers}

curl ${url}/v1/chat/completions \\
  -H "Authorization: Bearer ${DEMO_KEY}" \\
  -H "Content-Type: application/json" \\
  -d '{
    "model": "gpt-4o",
    "messages": [
      { "role": "user", "content": "Explain quantum computing in one sentence." }
    ]
  }'
`
}

function stop(code: number): void {
  for (const child of children) if (child.exitCode === null) child.kill('SIGTERM')
  process.exit(code)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(0))
// npm does not hand on the signal that ends it; without a parent nobody could end what runs here.
const parent = process.ppid
setInterval(() => process.ppid !== parent && stop(0), 1000).unref()
await start(process.argv.slice(2))
