import type { Bundle } from '../harness/bundle.ts'
import { createClient, shotAt } from './load.ts'
import { costOf } from './process-cost.ts'
import { ask } from './requests.ts'
import { ordersOf } from './rounds.ts'
import type { Served } from './serve.ts'
import { BENCH_KEY, type Stage } from './stage.ts'
import type { Goal } from './targets.ts'

export const COLD_GOAL: Goal = { name: 'cold start over a bare Worker, CPU', unit: 'ms', must: 15, aim: 10, usual: 75 }

export const COLD_BEFORE_GOAL: Goal = { name: 'cold start over a bare Worker, CPU over before', unit: '×', must: 1.2 }

/** CPU milliseconds of fresh processes from nothing to the end of their first answer. */
export interface ColdStart {
  readonly bareMs: readonly number[]
  readonly router9Ms: readonly number[]
  /** Of another version, where there is one; else empty. */
  readonly beforeMs: readonly number[]
}

const PATH = '/v1/chat/completions'

export async function measureColdStart(stage: Stage, rounds: number, before: Bundle | undefined): Promise<ColdStart> {
  const bare = { start: stage.startPassthrough, path: `/openai${PATH}`, spent: [] as number[] }
  const router9 = { start: () => stage.startRouter9(), path: PATH, spent: [] as number[] }
  const other = before && { start: () => stage.startRouter9({ bundle: before }), path: PATH, spent: [] as number[] }
  const starts = other === undefined ? [bare, router9] : [bare, router9, other]
  for (const order of ordersOf(starts.length, rounds)) {
    for (const at of order) {
      const one = starts[at]
      if (one !== undefined) one.spent.push(await coldMs(one.start, one.path))
    }
  }
  return { bareMs: bare.spent, router9Ms: router9.spent, beforeMs: other?.spent ?? [] }
}

async function coldMs(start: () => Promise<Served>, path: string): Promise<number> {
  const served = await start()
  const client = createClient()
  const headers = { authorization: `Bearer ${BENCH_KEY}` }
  const hit = await client.fire(shotAt(new URL(path, served.url), ask('gpt-4o-mini'), headers))
  const { cpuUs } = costOf([served.pid])
  client.close()
  await served.stop()
  if (hit.status !== 200) throw new Error(`a cold start ended with ${hit.error ?? hit.status}`)
  return cpuUs / 1000
}
