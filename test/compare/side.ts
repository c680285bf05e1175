import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { readManifest } from '../conformance/manifest.ts'
import { startReplay } from '../conformance/replay.ts'
import { listen } from '../harness/listen.ts'
import { ALLOW_ALL, everyProviderAt, type RunningWorker, startWorker } from '../harness/worker.ts'
import { startSimulator } from '../simulator/server.ts'
import { type Answer, exchange, type UpstreamRequest, watchUpstream } from './exchange.ts'
import type { CompareRequest } from './request.ts'

/** The providers of a side. */
export interface Upstream {
  readonly url: string
  /** Made ready for a request that brings its own answers. */
  readonly prepare?: (request: CompareRequest) => void
  readonly close: () => Promise<void>
}

/** How both sides of a source are set up. */
export interface Setting {
  readonly upstream: () => Promise<Upstream>
  /** Settings of the Worker on top of every provider's; an empty one takes a setting away. */
  readonly vars?: (upstreamUrl: string) => Readonly<Record<string, string>>
  /** There are no settings but these. */
  readonly onlyVars?: boolean
  /** There is a dataset, which gets a data point of each call. */
  readonly dataPoints?: boolean
  /** Keys beside the demo key, with their records, or the texts in their places. */
  readonly keys?: Readonly<Record<string, object | string>>
}

/** What one version did with a request. */
export interface Doing {
  readonly answer: Answer
  readonly sent: readonly UpstreamRequest[]
}

/** One version of Router9 with providers of its own. */
export interface Side {
  readonly ask: (request: CompareRequest) => Promise<Doing>
  /** The ports that this side has by chance. */
  readonly ports: readonly string[]
  /** What it has logged since the last time. */
  readonly takeLog: () => string
  /** The data points since the last time. */
  readonly takeDataPoints: () => string[]
  /** What is in its key-value store. */
  readonly values: ReadonlyMap<string, string | Buffer>
  readonly stop: () => Promise<void>
}

/** Both sides draw the same numbers, so that they choose alike among equals and make the same ids. */
const REPEATABLE_CHANCE = `import router9 from './router9.js'
export * from './router9.js'
let state = 9
const next = () => {
  state = (state + 0x6d2b79f5) >>> 0
  let mixed = Math.imul(state ^ (state >>> 15), state | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
}
Math.random = next
crypto.getRandomValues = (array) => {
  for (let at = 0; at < array.length; at++) array[at] = next() * 4294967296
  return array
}
export default router9
`

/** What a Worker finds there when it starts. */
interface Kept {
  /** The folder of its Durable Objects. */
  readonly state: string
  readonly values?: ReadonlyMap<string, string | Buffer> | undefined
}

/** Within that, Router9 knows that its client has left, and its provider too. */
const NOTICED_MS = 400

export async function startSide(file: string, setting: Setting, kept?: Kept): Promise<Side> {
  const upstream = await setting.upstream()
  const usual = { ...everyProviderAt(upstream.url), ...ALLOW_ALL, HEALTH: 'off', LOG_DETAIL: 'on' }
  const all: Record<string, string> = { ...(setting.onlyVars ? {} : usual), ...setting.vars?.(upstream.url) }
  const vars = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))
  const dataset = setting.dataPoints ? await startDataset() : undefined
  const worker = await startWorker({
    file,
    vars,
    wrapper: REPEATABLE_CHANCE,
    ...(kept && { state: kept.state }),
    ...(dataset && { analyticsPort: dataset.port }),
  })
  for (const [key, record] of Object.entries(setting.keys ?? {})) {
    await (typeof record === 'string' ? worker.keys.putText(key, record) : worker.keys.put(key, record))
  }
  const values = worker.keys.values as Map<string, string | Buffer>
  for (const [name, value] of kept?.values ?? []) values.set(name, value)
  const upstreamPort = new URL(upstream.url).port
  const watch = watchUpstream(Number(upstreamPort))
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  return {
    ask: async (request) => {
      upstream.prepare?.(request)
      watch.take()
      const answer = await exchange(worker.url, agent, request)
      if (answer.ending === 'left') await sleep(NOTICED_MS)
      return { answer, sent: watch.take() }
    },
    ports: [upstreamPort, new URL(worker.url).port, String(worker.keys.port)],
    takeLog: logReader(worker),
    values,
    takeDataPoints: dataset?.take ?? (() => []),
    stop: async () => {
      agent.destroy()
      watch.stop()
      await worker.stop()
      await upstream.close()
      dataset?.close()
    },
  }
}

/** A server that workerd gives data points to. */
async function startDataset(): Promise<{ port: number; take: () => string[]; close: () => void }> {
  let points: string[] = []
  const server = http.createServer((request, response) => {
    let body = ''
    request.on('data', (piece) => {
      body += piece
    })
    request.on('end', () => {
      points.push(body)
      response.end()
    })
  })
  const port = await listen(server)
  return {
    port,
    take: () => {
      const taken = points
      points = []
      return taken
    },
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

// The runtime's own words about a class of Durable Objects that only the other version has.
const MISSING_CLASS = /^workerd\/.*A DurableObjectNamespace in the config referenced the class .*\n?/gm

function logReader(worker: RunningWorker): () => string {
  let read = 0
  return () => {
    const log = worker.log()
    const fresh = log.slice(read)
    read = log.length
    return fresh.replace(MISSING_CLASS, '')
  }
}

/** Providers that give the same answer to the same request. */
export async function simulated(): Promise<Upstream> {
  return startSimulator({ repeatable: true })
}

/** Providers that answer with recordings, as the prompt orders. */
export function replayed(folder: string): () => Promise<Upstream> {
  return () => startReplay(readManifest(folder))
}
