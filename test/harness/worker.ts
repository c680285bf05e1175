import { type ChildProcess, spawn } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { PROVIDERS } from '../../src/catalog/providers.ts'
import { TAPE_SETTING, tapeWorker } from '../compare/tape.ts'
import { CONTROL_ARGUMENT, portsOf } from './control.ts'
import { type KeyStore, startKeyStore } from './key-store.ts'
import { watchWorker } from './whole-run.ts'

const require = createRequire(import.meta.url)

export const DEMO_KEY = 'sk-r9k-demo'

/** As in wrangler.toml. */
export const COMPATIBILITY = {
  date: '2026-10-20',
  flags: ['enable_request_signal', 'no_nodejs_compat', 'no_nodejs_compat_v2'],
}

/** Router9 under plain workerd, from the bundle that would be deployed, on a socket of its own. */
export interface RunningWorker {
  readonly url: string
  readonly pid: number
  readonly keys: KeyStore
  /** All that it has logged so far. */
  readonly log: () => string
  readonly stop: () => Promise<void>
}

export interface WorkerOptions {
  /** The bundled module. */
  readonly file: string
  /** Settings, as they would stand in `.dev.vars`. */
  readonly vars: Readonly<Record<string, string>>
  /** A local server that gets the data points; without one there is no dataset, as in a deployment that names none. */
  readonly analyticsPort?: number
  /** A module in the Worker's place, which has it beside it as `./router9.js`. */
  readonly wrapper?: string
  /** A class of the wrapper that is a Durable Object too. */
  readonly wrapperObject?: string
  /** A folder that Durable Objects keep their storage in, to be there for the next Worker; otherwise it goes with this one. */
  readonly state?: string
}

/** Starts the Worker and waits until it answers. `sk-r9k-demo` is a key of it. */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { file, wrapper } = options
  const directory = await mkdtemp(path.join(os.tmpdir(), 'router9-worker-'))
  // Durable Objects in memory have no SQLite, and every use of it would fail, unseen.
  const { state = path.join(directory, 'state') } = options
  await mkdir(state, { recursive: true })
  const keys = await startKeyStore()
  await keys.put(DEMO_KEY, { id: 'key_demo', name: 'demo' })
  await copyFile(file, path.join(directory, 'router9.js'))
  await writeFile(
    path.join(directory, 'index.js'),
    wrapper ?? "export * from './router9.js'\nexport { default } from './router9.js'\n",
  )
  await writeFile(path.join(directory, 'config.capnp'), config(keys.port, { ...options, state }))
  let log = ''
  const args = ['serve', '--experimental', CONTROL_ARGUMENT, path.join(directory, 'config.capnp')]
  const child = spawn(workerd(), args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
  child.stdout?.on('data', (piece) => {
    log += piece
  })
  child.stderr?.on('data', (piece) => {
    log += piece
  })
  const [port] = await portsOf(child, ['http'], () => log)
  const url = `http://127.0.0.1:${port}`
  const given = Object.entries(options.vars).flatMap(([name, value]) => (name.endsWith('_API_KEY') ? value : []))
  watchWorker({ url, secrets: () => [...given, ...keys.secrets], log: () => log })
  await untilAnswers(url, child, () => log)
  const folder = process.env[TAPE_SETTING]
  const tape = folder === undefined ? undefined : await tapeWorker(folder, url, options.vars, keys)
  return {
    url: tape?.url ?? url,
    pid: child.pid ?? 0,
    keys,
    log: () => log,
    stop: async () => {
      await tape?.stop()
      await ended(child)
      await keys.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** What keys may use of the operator's accounts has tests of its own; all others may use everything. */
export const ALLOW_ALL = { ALLOW_BUILTIN_TOOLS: 'on', ALLOW_ACCOUNT_FIELDS: 'on' }

/** The settings that point every provider at one address, each at a path of its own; all keys are made up. */
export function everyProviderAt(base: string, suffix = ''): Record<string, string> {
  const vars: Record<string, string> = {}
  for (const { id, settingPrefix } of PROVIDERS) {
    vars[`${settingPrefix}_BASE_URL`] = `${base}/${id}${suffix}`
    vars[`${settingPrefix}_API_KEY`] = `test-key-of-${id}`
    vars[`${settingPrefix}_ACCOUNT_ID`] = 'account'
  }
  return vars
}

function workerd(): string {
  return require('workerd').default
}

function config(kvPort: number, { vars, analyticsPort, wrapperObject, state = '' }: WorkerOptions): string {
  const text = JSON.stringify
  const [analytics, dataset] =
    analyticsPort === undefined
      ? ['', '']
      : [
          `(name = "analytics", external = (address = "127.0.0.1:${analyticsPort}", http = ())),`,
          '(name = "ANALYTICS", analyticsEngine = "analytics"),',
        ]
  const further = wrapperObject && `(className = "${wrapperObject}", uniqueKey = "further", enableSql = true),`
  const bindings = Object.entries(vars).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`)
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "internet", network = (allow = ["public", "private"])),
    (name = "kv", external = (address = "127.0.0.1:${kvPort}", http = ())),
    (name = "state", disk = (path = ${text(state)}, writable = true)),
    ${analytics}
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);
const main :Workerd.Worker = (
  modules = [
    (name = "index.js", esModule = embed "index.js"),
    (name = "router9.js", esModule = embed "router9.js"),
  ],
  compatibilityDate = ${text(COMPATIBILITY.date)},
  compatibilityFlags = ${text(COMPATIBILITY.flags)},
  bindings = [(name = "KEYS", kvNamespace = "kv"), ${dataset} ${bindings.join(', ')}],
  durableObjectNamespaces = [
    (className = "Conversations", uniqueKey = "conversations", enableSql = true),
    (className = "Health", uniqueKey = "health", enableSql = true),
    (className = "Ledger", uniqueKey = "ledger", enableSql = true),
    (className = "Registry", uniqueKey = "registry", enableSql = true),
    ${further ?? ''}
  ],
  durableObjectStorage = (localDisk = "state"),
  globalOutbound = "internet",
);
`
}

async function untilAnswers(url: string, child: ChildProcess, log: () => string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`workerd ended at once:\n${log()}`)
    const answered = await fetch(`${url}/health`).then(
      (response) => response.arrayBuffer(),
      () => undefined,
    )
    if (answered !== undefined) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`workerd does not answer:\n${log()}`)
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGTERM')
  })
}
