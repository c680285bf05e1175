import type { Bundle } from '../harness/bundle.ts'
import { createClient, type Shot, shotAt } from './load.ts'
import type { PeerSource } from './peers.ts'
import { costOf } from './process-cost.ts'
import { ask } from './requests.ts'
import { ordersOf } from './rounds.ts'
import { MODELS } from './scenarios.ts'
import type { Served } from './serve.ts'
import { BENCH_KEY, type Stage } from './stage.ts'
import type { Goal } from './targets.ts'

export const COLD_GOAL: Goal = { name: 'cold start over a bare Worker, CPU', unit: 'ms', must: 25, aim: 15, usual: 65 }

export const COLD_BEFORE_GOAL: Goal = { name: 'cold start over a bare Worker, CPU over before', unit: '×', must: 1.2 }

/** CPU milliseconds of fresh processes from nothing to the end of their first answer. */
export interface ColdStart {
  readonly bareMs: readonly number[]
  readonly router9Ms: readonly number[]
  /** Of another version, where there is one; else empty. */
  readonly beforeMs: readonly number[]
  /** Of the peers that can be started, by their names. */
  readonly peersMs: Readonly<Record<string, readonly number[]>>
}

/** A gateway that has just begun to listen, what it is asked, and how it is ended. */
interface Begun {
  readonly shot: Shot
  readonly pids: readonly number[]
  readonly stop: () => Promise<void>
}

const PATH = '/v1/chat/completions'

export async function measureColdStart(
  stage: Stage,
  rounds: number,
  before: Bundle | undefined,
  peers: readonly PeerSource[],
): Promise<ColdStart> {
  const bare = timed(async () => begunOf(await stage.startPassthrough(), `/openai${PATH}`))
  const router9 = timed(async () => begunOf(await stage.startRouter9(), PATH))
  const other = timed(async () => begunOf(await stage.startRouter9({ bundle: before }), PATH))
  const fresh = peers.filter(({ isFresh }) => isFresh).map((source) => ({ ...timed(() => begunPeer(source)), source }))
  const starts = [bare, router9, ...(before === undefined ? [] : [other]), ...fresh]
  for (const order of ordersOf(starts.length, rounds)) {
    for (const at of order) await starts[at]?.measure()
  }
  return {
    bareMs: bare.spent,
    router9Ms: router9.spent,
    beforeMs: other.spent,
    peersMs: Object.fromEntries(fresh.map(({ source, spent }) => [source.name, spent])),
  }
}

function timed(begin: () => Promise<Begun>) {
  const spent: number[] = []
  return { spent, measure: async () => void spent.push(await coldMs(begin)) }
}

function begunOf({ url, pid, stop }: Served, path: string): Begun {
  const headers = { authorization: `Bearer ${BENCH_KEY}` }
  return { shot: shotAt(new URL(path, url), ask(MODELS.openai), headers), pids: [pid], stop }
}

async function begunPeer(source: PeerSource): Promise<Begun> {
  const { url, pids, requestFor, stop } = await source.start()
  const { headers = {}, model = MODELS.openai } = requestFor('openai') ?? {}
  return { shot: shotAt(url, ask(model), headers), pids, stop }
}

async function coldMs(begin: () => Promise<Begun>): Promise<number> {
  const { shot, pids, stop } = await begin()
  const client = createClient()
  const hit = await client.fire(shot)
  const { cpuUs } = costOf(pids)
  client.close()
  await stop()
  if (hit.status !== 200) throw new Error(`a cold start ended with ${hit.error ?? hit.status}`)
  return cpuUs / 1000
}
