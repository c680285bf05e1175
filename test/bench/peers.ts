import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import * as z from 'zod'
import { UsageError } from '../../src/cli/arguments.ts'
import { bundleWorker } from '../harness/bundle.ts'
import type { AskedPeer } from './arguments.ts'
import { MODELS } from './scenarios.ts'
import { type Platform, platformOf, serve } from './serve.ts'
import type { Stage } from './stage.ts'
import type { Wire } from './upstream-answers.ts'

/** How a peer is asked for a model whose provider speaks some wire. */
export interface PeerRequest {
  readonly headers: Readonly<Record<string, string>>
  /** Undefined where the scenario's own goes. */
  readonly model: string | undefined
}

/** Another gateway, running. */
export interface Peer {
  readonly name: string
  /** Where chat completions are. */
  readonly url: URL
  /** Empty where nobody can tell: its CPU is not known then. */
  readonly pids: readonly number[]
  /** Undefined where it does not know such providers. */
  readonly requestFor: (wire: Wire) => PeerRequest | undefined
  readonly stop: () => Promise<void>
}

/** A peer that can be started, as often as needed. */
export interface PeerSource {
  readonly name: string
  /** False for one that runs already, whose start nobody can measure. */
  readonly isFresh: boolean
  readonly start: () => Promise<Peer>
}

const PEER_FILE = 'peer.json'
const texts = z.record(z.string(), z.string())
const request = z.strictObject({ headers: texts.optional(), model: z.string().optional() })

/** How a Worker is served and asked. In every value `{upstream}` stands for the mock upstream's address. */
const PeerDescription = z.strictObject({
  /** A built Worker: one module. Where absent, wrangler builds what the folder's own configuration says. */
  main: z.string().optional(),
  /** The platform's date and flags; where absent those of the folder's `wrangler.toml`, else Router9's. */
  compatibility_date: z.string().optional(),
  compatibility_flags: z.array(z.string()).optional(),
  vars: texts.optional(),
  /** Of chat completions. */
  path: z.string().optional(),
  /** Of each request, beside those of its wire. */
  headers: texts.optional(),
  /** The providers that it can be told to ask. */
  wires: z.partialRecord(z.enum(['openai', 'anthropic', 'gemini', 'cohere']), request),
})

/** Makes ready what was asked for with `--peer`. @throws UsageError */
export async function peerSource(asked: AskedPeer, stage: Stage): Promise<PeerSource> {
  if (asked.folder === undefined) {
    const { name, url, pids, headers, model } = asked
    const peer: Peer = {
      name,
      url: new URL(`${url.href.replace(/\/$/, '')}/chat/completions`),
      pids,
      requestFor: () => ({ headers, model }),
      stop: async () => {},
    }
    return { name, isFresh: false, start: async () => peer }
  }
  const { name, folder } = asked
  const described = await describedIn(folder, stage.upstream.origin)
  const code = described.main === undefined ? await built(folder) : await readFile(path.join(folder, described.main))
  const platform = await platformFor(folder, described)
  return {
    name,
    isFresh: true,
    start: async () => {
      const { url, pid, stop } = await serve({
        modules: { 'index.js': code.toString() },
        vars: described.vars ?? {},
        core: stage.core,
        platform,
      })
      return {
        name,
        url: new URL(described.path ?? '/v1/chat/completions', url),
        pids: [pid],
        requestFor: (wire) => {
          const own = described.wires[wire]
          return own && { headers: { ...described.headers, ...own.headers }, model: own.model ?? MODELS[wire] }
        },
        stop,
      }
    },
  }
}

async function describedIn(folder: string, upstream: string): Promise<z.infer<typeof PeerDescription>> {
  const file = path.join(folder, PEER_FILE)
  const text = await readFile(file, 'utf8').catch(() => {
    throw new UsageError(`--peer: there is no ${file}; src/docs/performance.md says what belongs in it`)
  })
  try {
    return PeerDescription.parse(JSON.parse(text.replaceAll('{upstream}', upstream)))
  } catch (error) {
    throw new UsageError(
      `--peer: ${file} cannot be read: ${error instanceof z.ZodError ? z.prettifyError(error) : error}`,
    )
  }
}

async function built(folder: string): Promise<Buffer> {
  const bundle = await bundleWorker(folder)
  try {
    const scripts = (await readdir(bundle.directory)).filter((file) => file.endsWith('.js'))
    const [only, ...others] = scripts
    if (only === undefined || others.length > 0) {
      throw new UsageError(
        `--peer: wrangler has made ${scripts.length} modules of ${folder}; ${PEER_FILE} has to name a "main"`,
      )
    }
    return await readFile(path.join(bundle.directory, only))
  } finally {
    await bundle.remove()
  }
}

async function platformFor(folder: string, described: z.infer<typeof PeerDescription>): Promise<Platform> {
  const own = await platformOf(folder).catch(() => undefined)
  return {
    date: described.compatibility_date ?? own?.date ?? (await platformOf()).date,
    flags: described.compatibility_flags ?? own?.flags ?? [],
  }
}
