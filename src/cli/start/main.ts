import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs, parseEnv } from 'node:util'
import { unstable_readConfig } from 'wrangler'
import { PROVIDERS, type Provider } from '../../catalog/providers.ts'
import { wranglerProgram } from '../keys/store.ts'
import { startKey } from './key.ts'
import { modelToTry } from './model.ts'
import { type Chatter, createChatter } from './output.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')
const SIMULATOR = path.join(ROOT, 'test/simulator/main.ts')
const DEFAULT_PORT = '8787'
const VERBOSE = '--verbose'
/** Wrangler takes a second or two to end what it has started. */
const END_MS = 5000

const children: ChildProcess[] = []

/** Starts the Worker on this machine, with a key for it, on real providers or on the simulator. */
async function start(args: readonly string[]): Promise<void> {
  const { port, persistTo, verbose, rest, settings } = readArguments(args)
  // Of a port that is none, wrangler says so.
  if (/^\d{1,5}$/.test(port) && Number(port) < 65_536 && (await isTaken(port))) {
    console.error(`Router9 cannot start: port ${port} is taken. Try npm start -- --port ${Number(port) + 1}`)
    return stop(1)
  }
  const configured = configuredProviders(settings)
  const isSimulated = configured.length === 0
  const [simulated, key] = await Promise.all([isSimulated ? simulate() : [], startKey(isSimulated, persistTo)])
  const dev = spawn(process.execPath, [wranglerProgram(), 'dev', ...rest, ...simulated], {
    cwd: ROOT,
    stdio: verbose ? 'inherit' : ['inherit', 'pipe', 'pipe'],
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false' },
  })
  children.push(dev)
  const chatter = createChatter()
  if (!verbose) show(dev, chatter)
  let isReady = false
  dev.once('exit', (code) => {
    if (isStopping) return
    if (!isReady && !verbose && code !== 0) console.error(`Router9 did not start. For more: npm start -- ${VERBOSE}`)
    stop(code ?? 1)
  })
  const url = `http://localhost:${port}`
  if (!(await answers(url, dev))) return
  isReady = true
  const model = await modelToTry(url, key, settings.AUTO_MODELS).catch(() => 'auto')
  console.log(welcome(url, key, configured, model))
  chatter.begin()
}

function readArguments(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: { port: { type: 'string' }, 'persist-to': { type: 'string' }, var: { type: 'string', multiple: true } },
    strict: false,
  })
  const port = typeof values.port === 'string' ? values.port : DEFAULT_PORT
  const persistTo = typeof values['persist-to'] === 'string' ? values['persist-to'] : undefined
  const own = args.filter((one) => one !== VERBOSE)
  const given = (values.var ?? []).map((one) => /^([^:]*):(.*)$/s.exec(String(one))?.slice(1) ?? [])
  return {
    port,
    persistTo,
    verbose: own.length < args.length,
    rest: values.port === undefined ? ['--port', port, ...own] : own,
    settings: { ...localSettings(), ...(Object.fromEntries(given) as Record<string, unknown>) },
  }
}

/** What wrangler dev will read: `[vars]`, and .dev.vars, or .env where that is absent. */
function localSettings(): Record<string, unknown> {
  const { vars } = unstable_readConfig({ config: path.join(ROOT, 'wrangler.toml') })
  const file = ['.dev.vars', '.env'].map((name) => path.join(ROOT, name)).find((name) => existsSync(name))
  return file === undefined ? vars : { ...vars, ...parseEnv(readFileSync(file, 'utf8')) }
}

function configuredProviders(settings: Record<string, unknown>): readonly Provider[] {
  return PROVIDERS.filter(
    ({ settingPrefix, keyOptional }) => settings[`${settingPrefix}_${keyOptional ? 'BASE_URL' : 'API_KEY'}`],
  )
}

/** Whether something listens there already: it would be taken for what is started here. */
function isTaken(port: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ port: Number(port), host: 'localhost' }, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
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
  return PROVIDERS.flatMap(({ id, settingPrefix }) => [
    '--var',
    `${settingPrefix}_BASE_URL:${url}/${id}`,
    '--var',
    `${settingPrefix}_API_KEY:simulated`,
  ])
}

/** Shows of wrangler's output what somebody wants to see. */
function show({ stdout, stderr }: ChildProcess, { out, err }: Chatter): void {
  for (const [stream, sift, print] of [
    [stdout, out, console.log],
    [stderr, err, console.error],
  ] as const) {
    if (stream === null) continue
    createInterface({ input: stream }).on('line', (line) => {
      const shown = sift(line)
      if (shown !== undefined) print(shown)
    })
  }
}

/** Waits until the Worker answers; false where wrangler ended before, or the Worker says that it cannot run. */
async function answers(url: string, dev: ChildProcess): Promise<boolean> {
  while (dev.exitCode === null && dev.signalCode === null) {
    const response = await fetch(`${url}/health`).catch(() => undefined)
    if (response?.ok === true) return true
    if (response !== undefined) {
      const { error } = (await response.json()) as { error?: { message?: string } }
      console.error(`Router9 cannot start: ${error?.message ?? `status ${response.status}`}`)
      await stop(1)
      return false
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return false
}

/** With npm's own four lines no more than twelve. */
function welcome(url: string, key: string, configured: readonly Provider[], model: string | undefined): string {
  const providers =
    configured.length > 0
      ? `Providers: ${configured.map(({ id }) => id).join(', ')}.`
      : 'No provider key is set, so a simulator plays every provider: answers are made up. Put a key into .dev.vars for real ones.'
  const head = `Router9 is ready: ${url}/v1\nAPI key: ${key}\n${providers}\n`
  if (model === undefined) return `${head}\nThere is no model yet that could answer: GET ${url}/v1/models lists none.`
  return `${head}
curl ${url}/v1/chat/completions \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": ${JSON.stringify(model)}, "messages": [{"role": "user", "content": "Explain quantum computing in one sentence."}]}'`
}

let isStopping = false

/** Ends all that was started here, and then this. Whoever asks again does not want to wait. */
async function stop(code: number): Promise<void> {
  if (isStopping) {
    for (const child of children) child.kill('SIGKILL')
  } else {
    isStopping = true
    await Promise.all(children.map(end))
  }
  process.exit(code)
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    const late = setTimeout(() => child.kill('SIGKILL'), END_MS)
    child.once('exit', () => {
      clearTimeout(late)
      resolve()
    })
    child.kill('SIGTERM')
  })
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(0))
// npm does not hand on the signal that ends it; without a parent nobody could end what runs here.
const parent = process.ppid
setInterval(() => process.ppid !== parent && stop(0), 1000).unref()
await start(process.argv.slice(2))
