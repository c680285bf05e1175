import { type Difference, groupDifferences } from './differences.ts'
import { type Bundles, type Lane, startLane, type Tally } from './lane.ts'
import type { CompareRequest } from './request.ts'
import type { Setting } from './side.ts'
import { withoutWanted } from './wanted.ts'

/** Where requests come from, and how both versions are set up for them. */
export interface Source {
  readonly name: string
  readonly setting: Setting
  readonly requests: readonly CompareRequest[]
  /** How many pairs of Workers share the requests; more where they mostly wait. */
  readonly lanes?: number
}

/** What came of a source. */
export interface Outcome {
  readonly name: string
  readonly requests: number
  readonly differences: readonly Difference[]
  /** Requests that differed at first and agreed when they were asked again. */
  readonly unsteady: readonly Difference[]
  /** How many of them are meant, by the reason. */
  readonly wanted: Readonly<Record<string, number>>
  readonly tally: Tally
}

const LANES = 3
/** So many of each group of differences are asked again. */
const REPEATED = 3
const REPEATS = 3

/** Sends all requests of a source to both versions. */
export async function runSource(
  { name, setting, requests, lanes = LANES }: Source,
  bundles: Bundles,
): Promise<Outcome> {
  const count = Math.max(1, Math.min(lanes, requests.length))
  const running = await Promise.all(Array.from({ length: count }, () => startLane(bundles, setting)))
  try {
    const all = await compareAll(running, requests)
    const { unwanted: first, wanted } = withoutWanted(all)
    const tally = sumOf(running.map((lane) => lane.tally()))
    const unsteady = new Set<Difference>()
    for (const { differences } of groupDifferences(first)) {
      const examples = differences.slice(0, REPEATED)
      if (!(await isSteady(running, examples))) for (const difference of differences) unsteady.add(difference)
    }
    return {
      name,
      requests: requests.length,
      differences: first.filter((difference) => !unsteady.has(difference)),
      unsteady: [...unsteady],
      wanted,
      tally,
    }
  } finally {
    await Promise.all(running.map((lane) => lane.stop()))
  }
}

function sumOf(tallies: readonly Tally[]): Tally {
  const statuses: Record<string, number> = {}
  let [upstreamRequests, logLines] = [0, 0]
  for (const tally of tallies) {
    for (const [status, count] of Object.entries(tally.statuses)) statuses[status] = (statuses[status] ?? 0) + count
    upstreamRequests += tally.upstreamRequests
    logLines += tally.logLines
  }
  return { statuses, upstreamRequests, logLines }
}

async function compareAll(lanes: readonly Lane[], requests: readonly CompareRequest[]): Promise<Difference[]> {
  let next = 0
  const work = async (lane: Lane) => {
    for (let request = requests[next++]; request !== undefined; request = requests[next++]) await lane.compare(request)
  }
  await Promise.all(lanes.map(work))
  return (await Promise.all(lanes.map((lane) => lane.finish()))).flat()
}

/** Whether one of these differs each time that it is asked again. */
async function isSteady(lanes: readonly Lane[], examples: readonly Difference[]): Promise<boolean> {
  for (const { request, part } of examples) {
    // What is of no request cannot be asked again.
    if (request.method === '') return true
    let times = 0
    for (; times < REPEATS; times++) {
      const again = await compareAll(lanes.slice(0, 1), [request])
      if (!again.some((difference) => difference.part === part)) break
    }
    if (times === REPEATS) return true
  }
  return false
}
