import type { Peer } from './arguments.ts'
import { type Hit, load, type Shot, shotAt } from './load.ts'
import { costOf } from './process-cost.ts'
import { ordersOf } from './rounds.ts'
import type { Lane, LaneGoal, Reading, Scenario } from './scenarios.ts'
import type { Served } from './serve.ts'
import { BENCH_KEY } from './stage.ts'
import { quantile } from './statistics.ts'

/** The gateways that lanes lead through. */
export interface Gateways {
  readonly passthrough: Served
  readonly copy: Served
  readonly router9: Served
  /** Another version of Router9, to be compared with. */
  readonly before: Served | undefined
  readonly peer: Peer | undefined
}

/** A lane and what each of its rounds gave. */
export interface LaneResult {
  readonly lane: Lane
  readonly readings: readonly Reading[]
}

interface Runnable {
  readonly lane: Lane
  readonly shot: Shot
  readonly pids: readonly number[]
}

/** As many times as long as it is measured a lane runs before: V8 compiles what is hot, and memory grows to what is needed. */
const WARM_LANES = 2
const WARM_CONCURRENCY = 32

/** Sends a scenario's requests for a while, to isolates that have run nothing yet: V8 compiles for thousands of requests. */
export async function warmUp(scenario: Scenario, gateways: Gateways, forMs: number): Promise<void> {
  for (const lane of lanesOf(scenario, gateways)) {
    const runnable = runnableOf(lane, gateways)
    if (runnable !== undefined) await runLane(runnable, WARM_CONCURRENCY, forMs)
  }
}

/** Measures a scenario: warms each lane up, then runs all of them in each round, in changing order. */
export async function measureScenario(
  scenario: Scenario,
  gateways: Gateways,
  { rounds, laneMs }: { readonly rounds: number; readonly laneMs: number },
): Promise<LaneResult[]> {
  const lanes = lanesOf(scenario, gateways).flatMap((lane) => runnableOf(lane, gateways) ?? [])
  const readings: Reading[][] = lanes.map(() => [])
  for (const runnable of lanes) await runLane(runnable, scenario.concurrency, WARM_LANES * laneMs)
  for (const order of ordersOf(lanes.length, rounds)) {
    for (const at of order) {
      const runnable = lanes[at]
      if (runnable !== undefined) readings[at]?.push(await runLane(runnable, scenario.concurrency, laneMs))
    }
  }
  return lanes.map(({ lane }, at) => ({ lane, readings: readings[at] ?? [] }))
}

/** Each of Router9's lanes has one of the other version beside it, where there is one. */
function lanesOf({ lanes, isNew }: Scenario, { before }: Gateways): Lane[] {
  return lanes.flatMap((lane) =>
    lane.gateway === 'router9' && before !== undefined && isNew !== true
      ? [lane, { ...lane, name: beforeOf(lane.name), gateway: 'before' as const }]
      : lane,
  )
}

function beforeOf(name: string): string {
  return name === 'router9' ? 'before' : `${name} before`
}

/** A version's CPU over the other's, for each of Router9's lanes: what each round says. */
export function ratiosToBefore(
  { name }: Scenario,
  results: readonly LaneResult[],
): { name: string; values: number[] }[] {
  return results
    .filter(({ lane }) => lane.gateway === 'router9')
    .map(({ lane }) => ({
      name: lane.name === 'router9' ? name : `${name} ${lane.name}`,
      values: valuesOf(
        { name, unit: '×', must: 1, of: lane.name, to: beforeOf(lane.name), reading: 'cpuPerRequestUs', how: 'ratio' },
        results,
      ),
    }))
    .filter(({ values }) => values.length > 0)
}

function runnableOf(lane: Lane, { peer, ...ours }: Gateways): Runnable | undefined {
  if (lane.gateway !== 'peer') {
    const served = ours[lane.gateway]
    if (served === undefined) return undefined
    const { url, pid } = served
    const headers = { authorization: `Bearer ${BENCH_KEY}` }
    return { lane, shot: shotAt(new URL(lane.path, url), lane.body, headers), pids: [pid] }
  }
  if (peer === undefined) return undefined
  const url = new URL(peer.url.href.replace(/\/$/, '') + lane.path)
  const body = peer.model === undefined ? lane.body : JSON.stringify({ ...JSON.parse(lane.body), model: peer.model })
  return { lane, shot: shotAt(url, body, peer.headers), pids: peer.pids }
}

async function runLane({ lane, shot, pids }: Runnable, concurrency: number, forMs: number): Promise<Reading> {
  const before = costOf(pids)
  const began = performance.now()
  const hits = await load(shot, concurrency, forMs)
  const seconds = (performance.now() - began) / 1000
  const after = costOf(pids)
  const bad = hits.find((hit) => !isGood(hit, lane))
  if (bad !== undefined) {
    const what = bad.error ?? `status ${bad.status}, …${bad.tail.toString()}`
    throw new Error(`${lane.name} did not answer as it should: ${what}`)
  }
  const cpuPerRequestUs = (after.cpuUs - before.cpuUs) / hits.length
  const times = hits.map(({ ms }) => ms)
  return {
    cpuPerRequestUs,
    cpuPerRequestMs: cpuPerRequestUs / 1000,
    cpuPerEventUs: lane.events === 0 ? Number.NaN : cpuPerRequestUs / lane.events,
    perSecond: hits.length / seconds,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    firstChunkMs: quantile(
      hits.map(({ firstChunkMs }) => firstChunkMs),
      0.5,
    ),
    rssMb: after.rssMb,
  }
}

/** A figure of answers that are not right would be worth nothing. */
function isGood({ status, error, tail }: Hit, { gateway, events, path }: Lane): boolean {
  if (error !== undefined || status !== 200) return false
  if (gateway === 'passthrough' || gateway === 'copy') return true
  // Streams of Gemini's API end without a word.
  if (events > 0 && path.includes(':streamGenerateContent')) return tail.toString().endsWith('}\r\n\r\n')
  return events === 0 ? tail.toString().trimEnd().endsWith('}') : tail.toString().endsWith('data: [DONE]\n\n')
}

/** What each round says to a goal. */
export function valuesOf({ of, to, reading, how }: LaneGoal, results: readonly LaneResult[]): number[] {
  const own = readingsOf(results, of, reading)
  if (how === 'itself') return own
  const limits = to === undefined ? [] : readingsOf(results, to, reading)
  return own.flatMap((value, round) => {
    const limit = limits[round]
    if (limit === undefined) return []
    return how === 'ratio' ? value / limit : value - limit
  })
}

function readingsOf(results: readonly LaneResult[], name: string, reading: keyof Reading): number[] {
  return results.find(({ lane }) => lane.name === name)?.readings.map((round) => round[reading]) ?? []
}
