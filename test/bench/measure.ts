import { type Hit, load, type Shot, shotAt } from './load.ts'
import type { Peer } from './peers.ts'
import { costOf } from './process-cost.ts'
import { ordersOf } from './rounds.ts'
import { BEST_PEER, type Lane, type LaneGoal, type Reading, type Scenario } from './scenarios.ts'
import type { Served } from './serve.ts'
import { BENCH_KEY } from './stage.ts'
import { median, quantile } from './statistics.ts'

/** The gateways that lanes lead through. */
export interface Gateways {
  readonly passthrough: Served
  readonly copy: Served | undefined
  readonly router9: Served
  /** Another version of Router9, to be compared with. */
  readonly before: Served | undefined
  readonly peers: readonly Peer[]
}

/** A lane and what each of its rounds gave. */
export interface LaneResult {
  readonly lane: Lane
  readonly readings: readonly Reading[]
}

/** A lane, what is sent through it, and the processes that it costs something. */
export interface Runnable {
  readonly lane: Lane
  readonly shot: Shot
  readonly pids: readonly number[]
}

/** As many times as long as it is measured a lane runs before: V8 compiles what is hot, and memory grows to what is needed. */
const WARM_LANES = 2
const WARM_CONCURRENCY = 32

/** Sends a scenario's requests for a while, to isolates that have run nothing yet: V8 compiles for thousands of requests. */
export async function warmUp(scenario: Scenario, gateways: Gateways, forMs: number): Promise<void> {
  for (const runnable of runnablesOf(scenario, gateways)) {
    const answered = runLane(runnable, WARM_CONCURRENCY, forMs)
    // What a peer cannot do is said where it is measured.
    await (runnable.lane.gateway === 'peer' ? answered.catch(() => undefined) : answered)
  }
}

/**
 * Measures a scenario: warms each lane up, then runs all of them in each round, in changing order. A peer that does not
 * answer as it should is left out, and `say` is told why.
 */
export async function measureScenario(
  scenario: Scenario,
  gateways: Gateways,
  { rounds, laneMs }: { readonly rounds: number; readonly laneMs: number },
  say: (line: string) => void = () => {},
): Promise<LaneResult[]> {
  const lanes = runnablesOf(scenario, gateways)
  const readings = lanes.map((): Reading[] | undefined => [])
  const run = async (at: number, forMs: number): Promise<Reading | undefined> => {
    const runnable = lanes[at]
    if (runnable === undefined || readings[at] === undefined) return undefined
    try {
      return await runLane(runnable, scenario.concurrency, forMs)
    } catch (error) {
      if (runnable.lane.gateway !== 'peer') throw error
      readings[at] = undefined
      say(`${scenario.name}: left out: ${error instanceof Error ? error.message : error}`)
      return undefined
    }
  }
  for (const at of lanes.keys()) await run(at, WARM_LANES * laneMs)
  for (const order of ordersOf(lanes.length, rounds)) {
    for (const at of order) {
      const reading = await run(at, Math.max(laneMs, scenario.leastMs ?? 0))
      if (reading !== undefined) readings[at]?.push(reading)
    }
  }
  return lanes.flatMap(({ lane }, at) => {
    const own = readings[at]
    return own === undefined ? [] : { lane, readings: own }
  })
}

/** The lanes of a scenario that lead through gateways there are. */
export function runnablesOf(scenario: Scenario, gateways: Gateways): Runnable[] {
  return lanesOf(scenario, gateways).flatMap((lane) => runnableOf(lane, gateways) ?? [])
}

/** Each of Router9's lanes has one of the other version beside it, where there is one; each peer has a lane of its own. */
function lanesOf({ lanes, isNew }: Scenario, { before, peers }: Gateways): Lane[] {
  return lanes.flatMap((lane) => {
    if (lane.gateway === 'peer') return peers.map(({ name }) => ({ ...lane, name }))
    return lane.gateway === 'router9' && before !== undefined && isNew !== true
      ? [lane, { ...lane, name: beforeOf(lane.name), gateway: 'before' as const }]
      : [lane]
  })
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

function runnableOf(lane: Lane, { peers, ...ours }: Gateways): Runnable | undefined {
  if (lane.gateway === 'peer') return peerRunnable(lane, peers)
  const served = ours[lane.gateway]
  if (served === undefined) return undefined
  const { url, pid } = served
  const headers = { authorization: `Bearer ${BENCH_KEY}` }
  return { lane, shot: shotAt(new URL(lane.path, url), lane.body, headers), pids: [pid] }
}

function peerRunnable(lane: Lane, peers: readonly Peer[]): Runnable | undefined {
  const peer = peers.find(({ name }) => name === lane.name)
  const { wire = 'openai' } = lane
  const request = peer?.requestFor(wire)
  if (peer === undefined || request === undefined) return undefined
  const { headers, model } = request
  const body = model === undefined ? lane.body : JSON.stringify({ ...JSON.parse(lane.body), model })
  return { lane, shot: shotAt(peer.url, body, headers), pids: peer.pids }
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
export function isGood({ status, error, tail }: Hit, { gateway, events, path }: Lane): boolean {
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
  const own = name === BEST_PEER ? bestPeer(results, reading) : results.find(({ lane }) => lane.name === name)
  return own?.readings.map((round) => round[reading]) ?? []
}

/** The peer with the least of something; undefined where there is none, or nobody could tell. */
export function bestPeer(results: readonly LaneResult[], reading: keyof Reading): LaneResult | undefined {
  const figure = ({ readings }: LaneResult) => median(readings.map((round) => round[reading]))
  return results
    .filter((result) => result.lane.gateway === 'peer' && Number.isFinite(figure(result)))
    .sort((a, b) => figure(a) - figure(b))[0]
}
