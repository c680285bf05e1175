import type { Asked } from './arguments.ts'
import { type Client, createClient, fireAll, type Hit, shotAt } from './load.ts'
import { type Gateways, isGood, type Runnable, runnablesOf, warmUp } from './measure.ts'
import type { PeerSource } from './peers.ts'
import { ordersOf } from './rounds.ts'
import { END_TO_END, type Scenario } from './scenarios.ts'
import type { Stage } from './stage.ts'
import { median, quantile } from './statistics.ts'

/** Times of one round in milliseconds, as its clients saw them. */
export interface Times {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

export interface RoundTimes {
  readonly total: Times
  /** Until the first byte of the body. */
  readonly first: Times
  readonly perSecond: number
}

/** Medians over the rounds; what is `over` is the median of the rounds' differences from the same round without a gateway. */
export interface EndToEnd {
  readonly name: string
  readonly total: Times
  readonly first: Times
  readonly overTotal: Times
  readonly overFirst: Times
  readonly perSecond: number
}

/** The lane without a gateway. */
const DIRECT = 'no gateway'
const AT_ONCE = [1, 10]
const WARM_UP_MS = 2000
/** A stream takes as long as many whole answers. */
const STREAMED_SHARE = 5

/**
 * Latency as the public comparisons of gateways have it: a fixed number of requests by clients that keep their connections, one
 * at a time and ten, to a provider on the same machine; the median of the rounds.
 */
export async function measureEndToEnd(
  stage: Stage,
  sources: readonly PeerSource[],
  { rounds, requests, only }: Asked,
  say: (...lines: string[]) => void,
): Promise<object[]> {
  const gateways: Gateways = {
    passthrough: await stage.startPassthrough(),
    copy: undefined,
    router9: await stage.startRouter9(),
    before: undefined,
    peers: await Promise.all(sources.map(({ start }) => start())),
  }
  const found: object[] = []
  try {
    for (const scenario of END_TO_END.filter(({ name }) => name.includes(only))) {
      await warmUp(scenario, gateways, WARM_UP_MS)
      for (const atOnce of AT_ONCE) {
        const count = scenario.isStreamed ? Math.ceil(requests / STREAMED_SHARE) : requests
        const lanes = [directly(scenario, stage), ...runnablesOf(scenario, gateways)]
        const results = await measureLanes(lanes, { atOnce, count, rounds }, say)
        say('', `### ${scenario.title}, ${atOnce} at once, ${rounds} rounds of ${count} requests`, '')
        say(...tableOf(results, scenario.isStreamed))
        found.push({ name: scenario.name, atOnce, requests: count, rounds, gateways: results })
      }
    }
  } finally {
    const { passthrough, router9, peers } = gateways
    for (const gateway of [passthrough, router9, ...peers]) await gateway.stop()
  }
  return found
}

function directly({ lanes: [first] }: Scenario, { upstream }: Stage): Runnable {
  if (first === undefined) throw new Error('a scenario without a lane')
  return { lane: { ...first, name: DIRECT }, shot: shotAt(new URL(first.path, upstream), first.body, {}), pids: [] }
}

interface Extent {
  readonly atOnce: number
  readonly count: number
  readonly rounds: number
}

async function measureLanes(
  lanes: readonly Runnable[],
  { atOnce, count, rounds }: Extent,
  say: (line: string) => void,
): Promise<EndToEnd[]> {
  const running = lanes.map((runnable) => ({
    ...runnable,
    clients: Array.from({ length: atOnce }, createClient),
    rounds: [] as RoundTimes[],
    fault: undefined as string | undefined,
  }))
  // The first round warms the connections up, and counts for nothing.
  for (const [round, order] of ordersOf(running.length, rounds + 1).entries()) {
    for (const at of order) {
      const one = running[at]
      if (one === undefined || one.fault !== undefined) continue
      const { times, fault } = await runRound(one, one.clients, count)
      if (fault !== undefined && one.lane.gateway !== 'peer') throw new Error(`${one.lane.name}: ${fault}`)
      if (fault !== undefined) say(`${one.lane.name}: left out: ${fault}`)
      one.fault = fault
      if (times !== undefined && round > 0) one.rounds.push(times)
    }
  }
  for (const { clients } of running) for (const client of clients) client.close()
  const direct = running[0]?.rounds ?? []
  return running
    .filter(({ fault }) => fault === undefined)
    .map(({ lane, rounds: own }) => ({ name: lane.name, ...summaryOf(own, direct) }))
}

async function runRound(
  { lane, shot }: Runnable,
  clients: readonly Client[],
  count: number,
): Promise<{ times?: RoundTimes; fault?: string }> {
  let left = count - clients.length
  const began = performance.now()
  const hits = await fireAll(clients, shot, () => left-- > 0)
  const seconds = (performance.now() - began) / 1000
  const bad = hits.find((hit) => !isGood(hit, lane))
  if (bad !== undefined) return { fault: bad.error ?? `status ${bad.status}, …${bad.tail.toString()}` }
  return { times: roundOf(hits, seconds) }
}

/** What one round's requests took. */
export function roundOf(hits: readonly Pick<Hit, 'ms' | 'firstChunkMs'>[], seconds: number): RoundTimes {
  return {
    total: timesOf(hits.map(({ ms }) => ms)),
    first: timesOf(hits.map(({ firstChunkMs }) => firstChunkMs)),
    perSecond: hits.length / seconds,
  }
}

function timesOf(values: readonly number[]): Times {
  return { p50: quantile(values, 0.5), p95: quantile(values, 0.95), p99: quantile(values, 0.99) }
}

/** Medians over the rounds of a gateway, and over their differences from the rounds without one. */
export function summaryOf(rounds: readonly RoundTimes[], direct: readonly RoundTimes[]): Omit<EndToEnd, 'name'> {
  const over = (part: 'total' | 'first') =>
    combined((rank) => rounds.map((round, at) => round[part][rank] - (direct[at]?.[part][rank] ?? Number.NaN)))
  const itself = (part: 'total' | 'first') => combined((rank) => rounds.map((round) => round[part][rank]))
  return {
    total: itself('total'),
    first: itself('first'),
    overTotal: over('total'),
    overFirst: over('first'),
    perSecond: rounded(median(rounds.map(({ perSecond }) => perSecond))),
  }
}

function combined(valuesOf: (rank: keyof Times) => number[]): Times {
  const middle = (rank: keyof Times) => rounded(median(valuesOf(rank)))
  return { p50: middle('p50'), p95: middle('p95'), p99: middle('p99') }
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}

/** A table in Markdown: milliseconds, and with + those over the same without a gateway. */
export function tableOf(results: readonly EndToEnd[], isStreamed: boolean): string[] {
  const titles = (name: string) => [`${name}p50 ms`, 'p95', 'p99', '+ p50', '+ p95', '+ p99']
  const cells = ({ p50, p95, p99 }: Times, over: Times) =>
    [p50, p95, p99, over.p50, over.p95, over.p99].map((value) => value.toFixed(2))
  const heads = ['gateway', ...(isStreamed ? [...titles('first chunk '), ...titles('all ')] : titles('')), 'requests/s']
  return [
    heads,
    ['---', ...heads.slice(1).map(() => '--:')],
    ...results.map(({ name, total, first, overTotal, overFirst, perSecond }) => [
      name,
      ...(isStreamed ? cells(first, overFirst) : []),
      ...cells(total, overTotal),
      perSecond.toFixed(0),
    ]),
  ].map((row) => `| ${row.join(' | ')} |`)
}
