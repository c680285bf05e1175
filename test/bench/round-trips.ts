import { createClient, type Hit, load, shotAt } from './load.ts'
import { ask } from './requests.ts'
import { BENCH_KEY, type Stage } from './stage.ts'
import type { Goal } from './targets.ts'

export const HELD_UP_GOAL: Goal = {
  name: 'requests of a warm isolate held up while KV and Durable Objects hang',
  unit: 'requests',
  must: 0,
  exact: true,
}
export const REPORTS_GOAL: Goal = {
  name: 'calls of one isolate to a Durable Object in good times',
  unit: 'RPC/s',
  must: 1.2,
}

/** Below any wait that Router9 allows itself for a store, above any hiccup of a machine that has something else to do. */
const HELD_UP_MS = 150
const BUSY_MS = 3000

export interface RoundTrips {
  /** Of the object that is told most often. */
  readonly reportsPerSecond: number
  readonly keyReads: number
  readonly requests: number
  readonly heldUp: number
}

/**
 * Counts what a busy isolate asks its Durable Objects and KV, then lets both of them hang: a request that waits for either
 * before it asks its provider takes long then.
 */
export async function measureRoundTrips(stage: Stage): Promise<RoundTrips> {
  const served = await stage.startRouter9({ watched: true })
  try {
    const shot = shotAt(new URL('/v1/chat/completions', served.url), ask('gpt-4o-mini'), {
      authorization: `Bearer ${BENCH_KEY}`,
    })
    const client = createClient()
    refuseBad([await client.fire(shot)])
    client.close()
    const calls = async () =>
      Object.values((await (await fetch(new URL('/bench/calls', served.url))).json()) as Record<string, number>)
    const [callsBefore, readsBefore, began] = [await calls(), stage.keys.reads(), performance.now()]
    refuseBad(await load(shot, 8, BUSY_MS))
    const seconds = (performance.now() - began) / 1000
    const reports = Math.max(...(await calls()).map((count, at) => count - (callsBefore[at] ?? 0)))
    const keyReads = stage.keys.reads() - readsBefore
    await fetch(new URL('/bench/hang', served.url))
    stage.keys.behave('hang')
    const hits = await load(shot, 1, 1500)
    stage.keys.behave('well')
    refuseBad(hits)
    return {
      reportsPerSecond: reports / seconds,
      keyReads,
      requests: hits.length,
      heldUp: hits.filter(({ ms }) => ms > HELD_UP_MS).length,
    }
  } finally {
    stage.keys.behave('well')
    await served.stop()
  }
}

function refuseBad(hits: readonly Hit[]): void {
  const bad = hits.find(({ status }) => status !== 200)
  if (bad !== undefined) throw new Error(`a request failed: ${bad.error ?? `${bad.status} …${bad.tail.toString()}`}`)
}
