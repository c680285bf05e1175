import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Bundle } from '../harness/bundle.ts'
import { type KeyStore, startKeyStore } from '../harness/key-store.ts'
import { startUsageDatabase, type UsageDatabase } from '../harness/usage-database.ts'
import { everyProviderAt } from '../harness/worker.ts'
import type { Asked } from './arguments.ts'
import { COPY_LOOP, PASSTHROUGH, watchedRouter9 } from './bare-workers.ts'
import { type Cores, pinned } from './cores.ts'
import { objectsOf, type Served, serve } from './serve.ts'

export const BENCH_KEY = 'sk-r9k-bench-0001'

/** How Router9 is started: settings on top of the bench's own, flags of V8. */
export interface RouterStart {
  readonly inspect?: boolean
  readonly watched?: boolean
  readonly vars?: Readonly<Record<string, string>>
  readonly v8Flags?: readonly string[]
  /** The bundle of another version. */
  readonly bundle?: Bundle | undefined
}

/** The mock upstream, the key store and what it takes to start the gateways between them. */
export interface Stage {
  readonly upstream: URL
  readonly keys: KeyStore
  /** Where usage is written to. */
  readonly usage: UsageDatabase
  /** The gateways' own. */
  readonly core: number | undefined
  readonly startPassthrough: () => Promise<Served>
  readonly startCopyLoop: () => Promise<Served>
  readonly startRouter9: (how?: RouterStart) => Promise<Served>
  readonly close: () => Promise<void>
}

export async function setStage(
  bundle: Pick<Bundle, 'file'>,
  cores: Cores | undefined,
  { mockPort = 0, vars: asked = {} }: Partial<Pick<Asked, 'mockPort' | 'vars'>> = {},
): Promise<Stage> {
  const { upstream, stop } = await startUpstream(cores, mockPort)
  const keys = await startKeyStore()
  const usage = await startUsageDatabase()
  // Limits that nobody reaches: the work of keeping them is part of the figure.
  await keys.put(BENCH_KEY, { id: 'key_bench', limits: { rpm: 1e9, tpm: 1e12, budget: 1e9 } })
  const base = upstream.origin
  const code = await readFile(bundle.file, 'utf8')
  const objects = await objectsOf()
  const core = cores?.gateway
  const vars = {
    ...everyProviderAt(base),
    XAI_BASE_URL: `${base}/failing/xai/v1`,
    // Once a minute is usual: no round lasts so long, and each is to have its share of it.
    USAGE_WRITE_SECONDS: '1',
    ...asked,
  }
  return {
    upstream,
    keys,
    usage,
    core,
    startPassthrough: () => serve({ modules: { 'index.js': PASSTHROUGH }, vars: { UPSTREAM: base }, core }),
    startCopyLoop: () => serve({ modules: { 'index.js': COPY_LOOP }, vars: { UPSTREAM: base }, core }),
    startRouter9: async ({
      inspect = false,
      watched = false,
      vars: further = {},
      v8Flags = [],
      bundle: other,
    } = {}) => {
      const own = other === undefined ? code : await readFile(other.file, 'utf8')
      return serve({
        modules: watched ? { 'index.js': watchedRouter9(objects), 'router9.js': own } : { 'index.js': own },
        vars: { ...vars, ...further },
        kvPort: keys.port,
        usagePort: usage.port,
        v8Flags,
        objects,
        core,
        inspect,
      })
    },
    close: async () => {
      stop()
      await keys.close()
      await usage.close()
    },
  }
}

async function startUpstream(cores: Cores | undefined, mockPort: number): Promise<{ upstream: URL; stop: () => void }> {
  const file = path.join(import.meta.dirname, 'upstream.ts')
  const [command, args] = pinned(cores?.upstream, process.execPath, [file, String(mockPort)])
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const port = await new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the mock upstream ended with ${code}`)))
  })
  return { upstream: new URL(`http://127.0.0.1:${port}/`), stop: () => child.kill() }
}
