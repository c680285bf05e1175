import { writeFile } from 'node:fs/promises'
import { runProgram } from '../../src/cli/arguments.ts'
import { bundleWorker } from '../harness/bundle.ts'
import { type Asked, readBenchArguments, USAGE } from './arguments.ts'
import { measureAttacks } from './attacks.ts'
import { bundleSize, SIZE_GOAL } from './bundle-size.ts'
import { COLD_BEFORE_GOAL, COLD_GOAL, measureColdStart } from './cold-start.ts'
import { type Cores, pinCores } from './cores.ts'
import { measureEndToEnd } from './e2e.ts'
import { machine, versions } from './machine.ts'
import { type Gateways, type LaneResult, measureScenario, ratiosToBefore, valuesOf, warmUp } from './measure.ts'
import { type PeerSource, peerSource } from './peers.ts'
import { profile } from './profile.ts'
import { scenarioJson, scenarioLines, targetLines } from './report.ts'
import { HELD_UP_GOAL, measureRoundTrips, REPORTS_GOAL } from './round-trips.ts'
import { BEST_PEER, SCENARIOS } from './scenarios.ts'
import { soak } from './soak.ts'
import { type Stage, setStage } from './stage.ts'
import { median } from './statistics.ts'
import { evaluate, type Goal, statusOf, type Target } from './targets.ts'

/** What a run gathers. */
interface Findings {
  readonly targets: Target[]
  readonly scenarios: object[]
  readonly say: (...lines: string[]) => void
}

/** The program behind `npm run bench`. */
async function main(args: readonly string[]): Promise<number> {
  const asked = readBenchArguments(args)
  const began = performance.now()
  const say = (...lines: string[]) => {
    if (!asked.json) for (const line of lines) console.log(line)
  }
  const found: Findings = { targets: [], scenarios: [], say }
  const cores = pinCores()
  if (cores === undefined)
    say('bench: cores cannot be pinned here (no Linux, no taskset, or one core); figures wander more')
  const about = { machine: machine(cores), versions: versions() }
  const { node, workerd } = about.versions
  say(
    `bench: ${about.machine.cpu}, ${about.machine.cores} cores, ${about.machine.system}, Node ${node}, workerd ${workerd}`,
  )
  if (asked.profile !== undefined) return profile(asked.profile, cores, asked.allocations)
  await measure(asked, cores, found)
  const seconds = Math.round((performance.now() - began) / 1000)
  const result = JSON.stringify({ ...about, seconds, ...found, say: undefined }, null, 2)
  if (asked.jsonFile !== undefined) await writeFile(asked.jsonFile, `${result}\n`)
  if (asked.json) console.log(result)
  else say(...(found.targets.length === 0 ? [] : targetLines(found.targets)), '', `bench: ${seconds} s`)
  return statusOf(found.targets)
}

async function measure(asked: Asked, cores: Cores | undefined, found: Findings): Promise<void> {
  const bundle = await bundleWorker()
  try {
    const stage = await setStage(bundle, cores, asked)
    try {
      const peers = await Promise.all(asked.peers.map((peer) => peerSource(peer, stage)))
      if (asked.soak) found.targets.push(...(await soak(asked, stage, found.say)))
      else if (asked.e2e) found.scenarios.push(...(await measureEndToEnd(stage, peers, asked, found.say)))
      else if (asked.attacks) found.targets.push(...(await measureAttacks(stage, cores, asked.only, found.say)))
      else {
        if (wanted(asked, 'bundle', true)) await measureBundle(bundle.file, asked, found)
        if (wanted(asked, 'cold-start', true)) await measureCold(stage, peers, asked, found)
        await measureLanes(stage, peers, asked, found)
        if (wanted(asked, 'round-trips', false)) await measureTrips(stage, asked, found)
      }
    } finally {
      await stage.close()
    }
  } finally {
    await bundle.remove()
  }
}

/** Whether something is part of this run. */
function wanted({ only, quick }: Asked, name: string, isQuick: boolean): boolean {
  return name.includes(only) && (isQuick || !quick)
}

function judge({ quick }: Asked, found: Findings, goal: Goal, values: readonly number[]): void {
  found.targets.push(evaluate(goal, values, quick))
}

async function measureBundle(file: string, asked: Asked, found: Findings): Promise<void> {
  const { rawKb, gzipKb } = await bundleSize(file)
  found.say('', `bundle: ${rawKb.toFixed(1)} KB, gzip ${gzipKb.toFixed(1)} KB`)
  found.scenarios.push({ name: 'bundle', rawKb, gzipKb })
  judge(asked, found, SIZE_GOAL, [gzipKb])
}

async function measureCold(stage: Stage, peers: readonly PeerSource[], asked: Asked, found: Findings): Promise<void> {
  const other = asked.before === undefined ? undefined : await bundleWorker(asked.before)
  const { bareMs, router9Ms, beforeMs, peersMs } = await measureColdStart(stage, asked.rounds, other, peers)
  await other?.remove()
  const overBare = (all: readonly number[]) => all.map((ms, round) => ms - (bareMs[round] ?? Number.NaN))
  const [bare, router9] = [median(bareMs), median(router9Ms)]
  const others = Object.entries(peersMs).map(([name, all]) => [name, median(all)] as const)
  const told = [['bare Worker', bare] as const, ['Router9', router9] as const, ...others]
  found.say('', `cold start, CPU: ${told.map(([name, ms]) => `${name} ${ms.toFixed(1)} ms`).join(', ')}`)
  found.scenarios.push({ name: 'cold-start', bareMs: bare, router9Ms: router9, peersMs: Object.fromEntries(others) })
  judge(asked, found, COLD_GOAL, overBare(router9Ms))
  if (other === undefined) return
  // The least of each: a process that starts shares its core with others, which only adds.
  const least = (all: readonly number[]) => Math.min(...all) - Math.min(...bareMs)
  const ratio = least(router9Ms) / least(beforeMs)
  found.say(
    '',
    `cold start, CPU: before ${median(beforeMs).toFixed(1)} ms; over a bare Worker ${ratio.toFixed(2)} × that`,
  )
  judge(asked, found, COLD_BEFORE_GOAL, [ratio])
}

async function measureTrips(stage: Stage, asked: Asked, found: Findings): Promise<void> {
  const trips = await measureRoundTrips(stage)
  const { reportsPerSecond, keyReads, requests, heldUp } = trips
  found.say(
    '',
    `round trips: ${reportsPerSecond.toFixed(1)} calls a second to a Durable Object, ${keyReads} reads of KV; ` +
      `${heldUp} of ${requests} requests held up while both hang`,
  )
  found.scenarios.push({ name: 'round-trips', ...trips })
  judge(asked, found, HELD_UP_GOAL, [heldUp])
  judge(asked, found, REPORTS_GOAL, [reportsPerSecond])
}

/** Of each gateway, before anything is measured. */
const WARM_UP_MS = 4000

async function measureLanes(
  stage: Stage,
  sources: readonly PeerSource[],
  asked: Asked,
  found: Findings,
): Promise<void> {
  const scenarios = SCENARIOS.filter(({ name, quick }) => wanted(asked, name, quick === true))
  if (scenarios.length === 0) return
  const other = asked.before === undefined ? undefined : await bundleWorker(asked.before)
  const gateways: Gateways = {
    passthrough: await stage.startPassthrough(),
    copy: await stage.startCopyLoop(),
    router9: await stage.startRouter9(),
    before: other && (await stage.startRouter9({ bundle: other })),
    peers: await Promise.all(sources.map(({ start }) => start())),
  }
  const grown = new Map<string, readonly LaneResult[]>()
  try {
    const [first] = scenarios
    if (first !== undefined) await warmUp(first, gateways, WARM_UP_MS)
    for (const scenario of scenarios) {
      const results = await measureScenario(scenario, gateways, asked, found.say)
      found.say(...scenarioLines(scenario, results))
      found.scenarios.push(scenarioJson(scenario, results))
      for (const goal of scenario.goals) {
        if (goal.to !== BEST_PEER || gateways.peers.length > 0) judge(asked, found, goal, valuesOf(goal, results))
      }
      for (const { name, values } of ratiosToBefore(scenario, results)) {
        judge(asked, found, { name: `${name}, CPU over before`, unit: '×', must: 1.05 }, values)
      }
      grown.set(scenario.name, results)
    }
    judgeGrowth(asked, found, grown)
    const [usage] = stage.usage.query('SELECT sum(requests) AS requests FROM usage_hours')
    if (asked.vars.USAGE === undefined && !(Number(usage?.requests) > 0))
      throw new Error('Router9 has written no usage: what was measured is not all of it')
    const log = gateways.router9.log()
    if (/"level":"error"/.test(log)) throw new Error(`Router9 has logged faults:\n${log}`)
  } finally {
    const { passthrough, copy, router9, before, peers } = gateways
    for (const gateway of [passthrough, copy, router9, before, ...peers]) await gateway?.stop()
    await other?.remove()
  }
}

const GROWTH_GOAL: Goal = { name: 'CPU per byte, 5 MB over 200 KB', unit: '×', must: 1.25, aim: 1 }

/** CPU that grows faster than bodies do would show a copy too many, or worse. */
function judgeGrowth(asked: Asked, found: Findings, results: ReadonlyMap<string, readonly LaneResult[]>): void {
  const [large, small] = [perByte(results.get('json-5-mb-image')), perByte(results.get('json-200-kb'))]
  if (large.length > 0 && small.length > 0) judge(asked, found, GROWTH_GOAL, [median(large) / median(small)])
}

function perByte(results: readonly LaneResult[] = []): number[] {
  const own = results.find(({ lane }) => lane.name === 'router9')
  return own?.readings.map(({ cpuPerRequestUs }) => cpuPerRequestUs / own.lane.body.length) ?? []
}

await runProgram(USAGE, async (args) => (await main(args)) === 0)
