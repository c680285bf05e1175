import { createClient, shotAt } from './load.ts'
import { costOf } from './process-cost.ts'
import { ask } from './requests.ts'
import { ordersOf } from './rounds.ts'
import type { Served } from './serve.ts'
import { BENCH_KEY, type Stage } from './stage.ts'
import type { Goal } from './targets.ts'

export const COLD_GOAL: Goal = { name: 'cold start over a bare Worker, CPU', unit: 'ms', must: 15, aim: 10, usual: 48 }

/** CPU milliseconds of fresh processes from nothing to the end of their first answer. */
export interface ColdStart {
  readonly bareMs: readonly number[]
  readonly router9Ms: readonly number[]
}

export async function measureColdStart(stage: Stage, rounds: number): Promise<ColdStart> {
  const starts = [
    { start: stage.startPassthrough, path: '/openai/v1/chat/completions', spent: [] as number[] },
    { start: stage.startRouter9, path: '/v1/chat/completions', spent: [] as number[] },
  ] as const
  for (const order of ordersOf(starts.length, rounds)) {
    for (const at of order) {
      const one = starts[at]
      if (one !== undefined) one.spent.push(await coldMs(one.start, one.path))
    }
  }
  return { bareMs: starts[0].spent, router9Ms: starts[1].spent }
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
