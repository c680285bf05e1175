import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KeyRecord } from '../../src/access/keys.ts'
import { CONTROL_ARGUMENT, portsOf } from '../harness/control.ts'
import { startKeyStore } from '../harness/key-store.ts'
import { COMPATIBILITY, everyProviderAt } from '../harness/worker.ts'
import { type Provider, startProvider, type Time } from './provider.ts'
import { isolateWorker, type LedgerFault, type LedgerSums, minuteAt, objectsWorker, type Wait } from './workers.ts'

const require = createRequire(import.meta.url)

/** How far the regions are from the ledgers and back. */
export const REGIONS_MS = [20, 80, 160] as const
const SETTINGS = { HEALTH: 'off', LOG_SAMPLE: '0', USAGE: 'off', MODEL_PRICES: 'custom/priced=1:2' }

/** Router9 in several regions, each a process of many isolates, and the ledgers in a process of their own. */
export interface Stage extends Time {
  /** One address for each isolate, of all regions in turn. */
  readonly urls: readonly string[]
  readonly provider: Provider
  readonly putKey: (key: string, record: Partial<KeyRecord>) => Promise<void>
  readonly sums: (id: string) => Promise<LedgerSums>
  readonly exchanges: () => Promise<number>
  readonly setFault: (fault: LedgerFault) => Promise<void>
  /** Sets the clock of the process that holds the ledgers. */
  readonly setClock: (now: number) => Promise<void>
  /** Sets the clock of one isolate ahead. */
  readonly stepIsolate: (url: string, offset: number) => Promise<void>
  /** How long calls have waited in their isolates since it was asked last. */
  readonly waits: () => Promise<Wait[]>
  /** Kills the process that holds the ledgers, and starts it on what is stored. */
  readonly killLedgers: (awayMs: number) => Promise<void>
  readonly stop: () => Promise<void>
}

/** Starts so many isolates in each region. @param slow so many times more slowly goes the time there. */
export async function setStage(bundle: string, isolates: number, slow = 1): Promise<Stage> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'router9-accounts-'))
  await mkdir(path.join(directory, 'state'))
  const startedAt = Date.now()
  await copyFile(bundle, path.join(directory, 'router9.js'))
  await writeFile(path.join(directory, 'objects.js'), objectsWorker(slow, startedAt))
  await writeFile(path.join(directory, 'isolate.js'), isolateWorker(slow, startedAt))
  const keys = await startKeyStore()
  const now = () => minuteAt(startedAt) + (Date.now() - startedAt) / slow
  const wait = (ms: number) => sleep(ms * slow)
  const provider = await startProvider({ now, wait })
  const start = (name: string, text: string, sockets: readonly string[]) => startWorkerd(directory, name, text, sockets)
  const objectsAt = (port: number) => start('objects', objectsConfig(port, keys.port, directory), ['http'])
  let objects = await objectsAt(0)
  const objectsUrl = objects.urls[0] ?? ''
  const objectsPort = Number(new URL(objectsUrl).port)
  const names = Array.from({ length: isolates }, (_, at) => `http${at}`)
  const regions = await Promise.all(
    REGIONS_MS.map((awayMs, at) => {
      const vars = { ...everyProviderAt(provider.url), ...SETTINGS, AWAY_MS: String(awayMs), OBJECTS_URL: objectsUrl }
      return start(`region${at}`, regionConfig(names, keys.port, vars), names)
    }),
  )
  const urls = names.flatMap((_, at) => regions.map((region) => region.urls[at] ?? ''))
  // An isolate is compiled with its first request.
  for (const url of urls) await (await fetch(`${url}/health`)).text()
  const tell = async <T>(url: string, body: object): Promise<T> => {
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`${url}: ${await response.text()}`)
    return (await response.json()) as T
  }
  const control = <T>(name: string, body: object = {}) => tell<T>(`${objectsUrl}/control/${name}`, body)
  return {
    urls,
    provider,
    now,
    wait,
    putKey: keys.put,
    sums: (id) => tell(`${objectsUrl}/call`, { object: 'Ledger', name: `key:${id}`, method: 'sums', args: [] }),
    exchanges: () => control('count'),
    setFault: (fault) => control('fault', { fault }),
    setClock: (now) => control('clock', { now }),
    stepIsolate: (url, offset) => tell(`${url}/control/clock`, { offset }),
    waits: async () => (await Promise.all(urls.map((url) => tell<Wait[]>(`${url}/control/waits`, {})))).flat(),
    killLedgers: async (awayMs) => {
      await objects.kill()
      await wait(awayMs)
      objects = await objectsAt(objectsPort)
    },
    stop: async () => {
      await Promise.all([objects, ...regions].map(({ kill }) => kill()))
      await Promise.all([keys.close(), provider.close()])
      await rm(directory, { recursive: true, force: true })
    },
  }
}

interface Workerd {
  readonly urls: readonly string[]
  readonly kill: () => Promise<void>
}

async function startWorkerd(
  directory: string,
  name: string,
  text: string,
  sockets: readonly string[],
): Promise<Workerd> {
  const file = path.join(directory, `${name}.capnp`)
  await writeFile(file, text)
  const args = ['serve', '--experimental', CONTROL_ARGUMENT, file]
  const child = spawn(require('workerd').default, args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
  let log = ''
  for (const output of [child.stdout, child.stderr]) {
    output?.on('data', (piece) => {
      log = (log + piece).slice(-20_000)
    })
  }
  const ports = await portsOf(child, sockets, () => log)
  return { urls: ports.map((port) => `http://127.0.0.1:${port}`), kill: () => kill(child) }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

function objectsConfig(port: number, kvPort: number, directory: string): string {
  const classes = ['Conversations', 'Health', 'Ledger', 'Registry'].map(
    (name) => `(className = "${name}", uniqueKey = "${name.toLowerCase()}", enableSql = true)`,
  )
  const more = `durableObjectNamespaces = [${classes.join(', ')}], durableObjectStorage = (localDisk = "state"),`
  return configOf(
    [
      `(name = "main", worker = ${workerConfig('objects.js', {}, more)})`,
      `(name = "state", disk = (path = ${JSON.stringify(path.join(directory, 'state'))}, writable = true))`,
    ],
    [`(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")`],
    kvPort,
  )
}

function regionConfig(names: readonly string[], kvPort: number, vars: Readonly<Record<string, string>>): string {
  return configOf(
    names.map((_, at) => `(name = "isolate${at}", worker = ${workerConfig('isolate.js', vars, '')})`),
    names.map((name, at) => `(name = "${name}", address = "127.0.0.1:0", http = (), service = "isolate${at}")`),
    kvPort,
  )
}

function configOf(services: readonly string[], sockets: readonly string[], kvPort: number): string {
  const all = [
    ...services,
    '(name = "internet", network = (allow = ["public", "private"]))',
    `(name = "kv", external = (address = "127.0.0.1:${kvPort}", http = ()))`,
  ]
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [\n${all.join(',\n')}], sockets = [\n${sockets.join(',\n')}]);\n`
}

function workerConfig(main: string, vars: Readonly<Record<string, string>>, more: string): string {
  const text = JSON.stringify
  const settings = Object.entries(vars).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`)
  return `(
    modules = [(name = "index.js", esModule = embed "${main}"), (name = "router9.js", esModule = embed "router9.js")],
    compatibilityDate = ${text(COMPATIBILITY.date)},
    compatibilityFlags = ${text([...COMPATIBILITY.flags, 'nodejs_als'])},
    bindings = [(name = "KEYS", kvNamespace = "kv"), ${settings.join(', ')}],
    ${more}
    globalOutbound = "internet")`
}
