import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { CONTROL_ARGUMENT, portsOf } from '../../harness/control.ts'
import { startKeyStore } from '../../harness/key-store.ts'
import { COMPATIBILITY, DEMO_KEY } from '../../harness/worker.ts'

const require = createRequire(import.meta.url)

/** Router9 in several isolates of one workerd, which share its Durable Objects as isolates of one place do. */
export interface Isolates {
  /** One address for each isolate. */
  readonly urls: readonly string[]
  readonly log: () => string
  readonly stop: () => Promise<void>
}

/** A request with this header comes from where its JSON says: `{"continent":"EU","longitude":"2"}`. */
export const PLACE_HEADER = 'x-place'

// The objects live with the first service; the others find them where the Worker looks for its own.
const OTHER = `import router9 from './router9.js'
export default {
  fetch: (request, env, ctx) =>
    router9.fetch(request, env, {
      waitUntil: (work) => ctx.waitUntil(work),
      passThroughOnException() {},
      exports: { Conversations: env.CONVERSATIONS, Health: env.HEALTH, Ledger: env.LEDGER },
    }),
}
`
const FIRST = "export * from './router9.js'\nexport { default } from './router9.js'\n"
const STARTS_WITHIN_MS = 15_000

/** Starts so many isolates of a bundle; `sk-r9k-demo` is a key of them. */
export async function startIsolates(
  file: string,
  count: number,
  vars: Readonly<Record<string, string>>,
): Promise<Isolates> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'router9-isolates-'))
  const keys = await startKeyStore()
  await keys.put(DEMO_KEY, { id: 'key_demo', name: 'demo' })
  await mkdir(path.join(directory, 'state'))
  await copyFile(file, path.join(directory, 'router9.js'))
  await writeFile(path.join(directory, 'first.js'), FIRST)
  await writeFile(path.join(directory, 'other.js'), OTHER)
  const names = Array.from({ length: count }, (_, at) => `http${at}`)
  const capnp = path.join(directory, 'config.capnp')
  await writeFile(capnp, config(names, keys.port, vars, path.join(directory, 'state')))
  const child = spawn(require('workerd').default, ['serve', '--experimental', CONTROL_ARGUMENT, capnp], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  let log = ''
  for (const output of [child.stdout, child.stderr]) {
    output?.on('data', (piece) => {
      log = (log + piece).slice(-100_000)
    })
  }
  const ended = once(child, 'exit')
  const ports = await portsOf(child, names, () => log)
  const urls = ports.map((port) => `http://127.0.0.1:${port}`)
  const startedAt = Date.now()
  for (const url of urls) {
    while (!(await answers(url))) {
      if (child.exitCode !== null || Date.now() - startedAt > STARTS_WITHIN_MS) {
        child.kill('SIGKILL')
        throw new Error(`workerd does not answer:\n${log}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }
  return {
    urls,
    log: () => log,
    stop: async () => {
      child.kill('SIGKILL')
      await ended
      await keys.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

function answers(url: string): Promise<boolean> {
  return fetch(`${url}/health`).then(
    (response) => response.text().then(() => response.ok),
    () => false,
  )
}

function config(
  names: readonly string[],
  kvPort: number,
  vars: Readonly<Record<string, string>>,
  state: string,
): string {
  const text = JSON.stringify
  const settings = Object.entries(vars).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`)
  const keys = '(name = "KEYS", kvNamespace = "kv")'
  const objects = ['Conversations', 'Health', 'Ledger'].map(
    (name) =>
      `(name = "${name.toUpperCase()}", durableObjectNamespace = (className = "${name}", serviceName = "isolate0"))`,
  )
  const worker = (main: string, bindings: readonly string[], more: string) => `(
    modules = [
      (name = "index.js", esModule = embed "${main}"),
      (name = "router9.js", esModule = embed "router9.js"),
    ],
    compatibilityDate = ${text(COMPATIBILITY.date)},
    compatibilityFlags = ${text(COMPATIBILITY.flags)},
    bindings = [${bindings.join(', ')}],
    ${more}
    globalOutbound = "internet",
  )`
  const own = `durableObjectNamespaces = [
      (className = "Conversations", uniqueKey = "conversations", enableSql = true),
      (className = "Health", uniqueKey = "health", enableSql = true),
      (className = "Ledger", uniqueKey = "ledger", enableSql = true),
    ],
    durableObjectStorage = (localDisk = "state"),`
  const services = names.map((_, index) => {
    const code =
      index === 0
        ? worker('first.js', [keys, ...settings], own)
        : worker('other.js', [keys, ...objects, ...settings], '')
    return `(name = "isolate${index}", worker = ${code})`
  })
  const sockets = names.map(
    (name, index) =>
      `(name = "${name}", address = "127.0.0.1:0", http = (cfBlobHeader = "${PLACE_HEADER}"), service = "isolate${index}")`,
  )
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ${services.join(',\n    ')},
    (name = "internet", network = (allow = ["public", "private"])),
    (name = "kv", external = (address = "127.0.0.1:${kvPort}", http = ())),
    (name = "state", disk = (path = ${text(state)}, writable = true)),
  ],
  sockets = [${sockets.join(', ')}]
);
`
}
