import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { CONTROL_ARGUMENT, portsOf } from '../harness/control.ts'
import { freePort } from '../harness/listen.ts'
import { pinned } from './cores.ts'

const require = createRequire(import.meta.url)
export const ROOT = path.resolve(import.meta.dirname, '../..')

/** A Worker under plain `workerd serve`, in a process of its own. */
export interface Served {
  readonly url: URL
  readonly pid: number
  /** Where its inspector listens; undefined where none was asked for. */
  readonly inspector: string | undefined
  /** Its last warnings, errors and words of its own. */
  readonly log: () => string
  readonly stop: () => Promise<void>
}

// Whatever ends the run, no workerd is left behind.
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

/** What is to be served. */
export interface Serving {
  /** Its modules, the main one first. */
  readonly modules: Readonly<Record<string, string>>
  readonly vars: Readonly<Record<string, string>>
  /** The KV stand-in's port, for a Worker that has keys. */
  readonly kvPort?: number
  /** The port of the database for usage, where there is one. */
  readonly usagePort?: number
  /** The names of its Durable Object classes. */
  readonly objects?: readonly string[]
  readonly core?: number | undefined
  readonly inspect?: boolean
  /** Such as `--max-old-space-size=128`. */
  readonly v8Flags?: readonly string[]
  /** Router9's own where absent. */
  readonly platform?: Platform
}

/** Starts a Worker and waits until it listens; it has run no request by then. */
export async function serve(serving: Serving): Promise<Served> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'router9-bench-'))
  const inspectorPort = await freePort()
  const file = path.join(directory, 'config.capnp')
  for (const [name, text] of Object.entries(serving.modules)) await writeFile(path.join(directory, name), text)
  // Durable Objects in memory have no SQLite: each use of it would fail, and cost other than it should.
  await mkdir(path.join(directory, 'state'))
  await writeFile(file, configOf(serving, path.join(directory, 'state'), serving.platform ?? (await platformOf())))
  const inspector = serving.inspect === true ? `127.0.0.1:${inspectorPort}` : undefined
  const options = inspector === undefined ? [] : [`--inspector-addr=${inspector}`]
  const [command, args] = pinned(serving.core, require('workerd').default, [
    'serve',
    '--experimental',
    CONTROL_ARGUMENT,
    ...options,
    file,
  ])
  let log = ''
  // Log lines are written, but not into a pipe: waking its reader with each would cost more than all of the line.
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] })
  running.add(child)
  child.once('exit', () => running.delete(child))
  child.stderr?.on('data', (piece) => {
    log = (log + piece).slice(-20_000)
  })
  const [port] = await portsOf(child, ['http'], () => log)
  if (inspector !== undefined) await untilOpen(inspectorPort, child, () => log)
  return {
    url: new URL(`http://127.0.0.1:${port}/`),
    pid: child.pid ?? 0,
    inspector,
    log: () => log,
    stop: async () => {
      await ended(child)
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** What a Worker is told to be run by. */
export interface Platform {
  readonly date: string
  readonly flags: readonly string[]
}

/** The platform that would be deployed to, from the folder with the `wrangler.toml`. @throws Error if it names none. */
export async function platformOf(root = ROOT): Promise<Platform> {
  const text = await readFile(path.join(root, 'wrangler.toml'), 'utf8')
  const date = /^compatibility_date *= *"(.*)"/m.exec(text)?.[1]
  const flags = /^compatibility_flags *= *\[([^\]]*)\]/m.exec(text)?.[1] ?? ''
  if (date === undefined) throw new Error('wrangler.toml names no compatibility date')
  return { date, flags: [...flags.matchAll(/"([^"]+)"/g)].flatMap(([, flag]) => flag ?? []) }
}

/** The Durable Object classes that would be deployed. */
export async function objectsOf(): Promise<string[]> {
  const text = await readFile(path.join(ROOT, 'wrangler.toml'), 'utf8')
  return [...text.matchAll(/^\[exports\.(\w+)\]/gm)].flatMap(([, name]) => name ?? [])
}

/** D1 is a module of workerd's over HTTP. */
const USAGE_BINDING =
  '(name = "USAGE", wrapped = (moduleName = "cloudflare-internal:d1-api", innerBindings = [(name = "fetcher", service = "usage")]))'

function configOf(
  { modules, vars, kvPort, usagePort, objects = [], v8Flags = [] }: Serving,
  directory: string,
  { date, flags }: Platform,
): string {
  const text = JSON.stringify
  const bindings = Object.entries(vars).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`)
  if (kvPort !== undefined) bindings.push('(name = "KEYS", kvNamespace = "kv")')
  if (usagePort !== undefined && vars.USAGE === undefined) bindings.push(USAGE_BINDING)
  const outside = (name: string, port: number | undefined) =>
    port === undefined ? '' : `(name = ${text(name)}, external = (address = "127.0.0.1:${port}", http = ())),`
  const files = Object.keys(modules).map((name) => `(name = ${text(name)}, esModule = embed ${text(name)})`)
  const classes = objects.map((name) => `(className = ${text(name)}, uniqueKey = ${text(name)}, enableSql = true)`)
  const storage = objects.length === 0 ? '' : 'durableObjectStorage = (localDisk = "state"),'
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "internet", network = (allow = ["public", "private"])),
    (name = "state", disk = (path = ${text(directory)}, writable = true)),
    ${outside('kv', kvPort)}
    ${outside('usage', usagePort)}
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
  v8Flags = [${v8Flags.map((flag) => text(flag)).join(', ')}],
);
const main :Workerd.Worker = (
  modules = [${files.join(', ')}],
  compatibilityDate = ${text(date)},
  compatibilityFlags = [${flags.map((flag) => text(flag)).join(', ')}],
  bindings = [${bindings.join(', ')}],
  durableObjectNamespaces = [${classes.join(', ')}],
  ${storage}
  globalOutbound = "internet",
);
`
}

async function untilOpen(port: number, child: ChildProcess, log: () => string): Promise<void> {
  for (let tries = 0; tries < 2000; tries++) {
    if (child.exitCode !== null) throw new Error(`workerd ended at once:\n${log()}`)
    if (await isOpen(port)) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`workerd does not listen:\n${log()}`)
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    // Whatever streams are still open: nothing waits for them any more.
    child.kill('SIGKILL')
  })
}
