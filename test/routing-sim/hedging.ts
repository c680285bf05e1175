import { readArguments, runProgram } from '../../src/cli/arguments.ts'
import { quantile } from './figures.ts'
import { SCENARIOS, type Scenario, type Traced } from './scenario.ts'
import { HEDGED, simulate } from './simulate.ts'

const USAGE = `npm run sim:hedging -- [options]
  --seeds 6           so many runs of each scenario, of the seeds 101, 102, …
What hedging does to times and costs, as a table: Router9 with each request hedged, and with none.`

/** Of what each size of prompt is, in tokens, and an answer; output costs four times as much as input. */
const PROMPT_TOKENS = [1000, 10_000, 32_000]
const ANSWER_COST = 4 * 200

function scenarioOf(name: string): Scenario {
  const found = SCENARIOS.find((scenario) => scenario.name === name)
  if (found === undefined) throw new TypeError(`no scenario is called ${name}`)
  return found
}

const CALM = scenarioOf('clients leave 20%')
const ALL = CALM.profiles.map(({ name }) => name)
const TAIL = { rate: 0.03, factor: 10 }
const calm = (name: string, more: Partial<Scenario> = {}): Scenario => ({ ...CALM, leaveRate: 0, name, ...more })
const always = (fault: Omit<Scenario['faults'][number], 'from' | 'to'>) => ({ from: 0, to: CALM.end, ...fault })
const inFault = (fault: Omit<Scenario['faults'][number], 'from' | 'to'>) => ({
  from: CALM.faultFrom,
  to: CALM.faultTo,
  ...fault,
})
/** In all but the first, three first tokens in a hundred come ten times as late, whatever else is wrong. */
const WITH_TAIL = always({ deployments: ALL, tail: TAIL })

/** Each fault lasts from 200 to 320 s of 500 s. */
export const HEDGING_SCENARIOS: readonly Scenario[] = [
  calm('healthy, without a tail'),
  calm('healthy, with a tail', { faults: [WITH_TAIL] }),
  calm('the same, 200 a second', { faults: [WITH_TAIL], requestsPerSecond: 200, end: 300_000, faultTo: 300_000 }),
  calm('one is three times as slow', {
    faults: [inFault({ deployments: ALL.slice(0, 1), ttftFactor: 3, tail: TAIL }), WITH_TAIL],
  }),
  calm('one hangs', { faults: [inFault({ deployments: ALL.slice(0, 1), hangs: true }), WITH_TAIL] }),
  calm('one is down', { faults: [inFault({ deployments: ALL.slice(0, 1), errorRate: 1 }), WITH_TAIL] }),
  calm('all are ten times as slow', { faults: [inFault({ deployments: ALL, ttftFactor: 10 }), WITH_TAIL] }),
  calm('all hang', { faults: [inFault({ deployments: ALL, hangs: true }), WITH_TAIL] }),
  calm('all are down', { faults: [inFault({ deployments: ALL, errorRate: 1 }), WITH_TAIL] }),
  calm('whole answers, with a tail', { faults: [WITH_TAIL], wholeRate: 1 }),
]

/** What came of one scenario; times in milliseconds to the first token, of whole answers to their end; shares in percent. */
export interface HedgingFigures {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly faultP99: number
  readonly success: number
  /** Of all requests; and in the last minute of the fault. */
  readonly hedged: number
  readonly lateFaultHedged: number
  /** What losers add to the cost of all answers. */
  readonly cost: number
}

const KNOWN_MS = 60_000

export function hedgingFigures(scenario: Scenario, isHedged: boolean, seeds: readonly number[]): HedgingFigures {
  const all: Traced[] = []
  for (const seed of seeds) {
    simulate({ ...scenario, trace: (request) => all.push(request) }, isHedged ? HEDGED : 'router9', seed)
  }
  const { faultFrom, faultTo } = scenario
  const inWindow = all.filter(({ at }) => at >= faultFrom && at < faultTo)
  const late = inWindow.filter(({ at }) => at >= faultTo - KNOWN_MS)
  const costOf = ({ size }: Traced) => PROMPT_TOKENS[size] ?? 0
  const sum = (of: readonly Traced[], cost: (request: Traced) => number) => of.reduce((all, one) => all + cost(one), 0)
  const answered = all.filter(({ ttftMs }) => ttftMs !== undefined)
  const share = (of: readonly Traced[], is: (request: Traced) => boolean) => (100 * of.filter(is).length) / of.length
  const at = (of: readonly Traced[], q: number) =>
    quantile(Float64Array.from(of.flatMap(({ ttftMs }) => ttftMs ?? [])).sort(), q) ?? Number.NaN
  const losers = all.filter(({ lost }) => lost)
  return {
    p50: at(all, 0.5),
    p95: at(all, 0.95),
    p99: at(all, 0.99),
    faultP99: at(inWindow, 0.99),
    success: (100 * answered.length) / all.length,
    hedged: share(all, ({ hedged }) => hedged),
    lateFaultHedged: share(late, ({ hedged }) => hedged),
    cost: (100 * sum(losers, costOf)) / sum(answered, (request) => costOf(request) + ANSWER_COST),
  }
}

function rowOf(scenario: Scenario, seeds: readonly number[]): string {
  const without = hedgingFigures(scenario, false, seeds)
  const hedged = hedgingFigures(scenario, true, seeds)
  const pair = (pick: (figures: HedgingFigures) => number) =>
    [without, hedged].map((figures) => (Number.isNaN(pick(figures)) ? '–' : Math.round(pick(figures)))).join(' → ')
  const cells = [
    scenario.name,
    pair(({ p50 }) => p50),
    pair(({ p95 }) => p95),
    pair(({ p99 }) => p99),
    pair(({ faultP99 }) => faultP99),
    [without, hedged].map(({ success }) => success.toFixed(2)).join(' → '),
    hedged.hedged.toFixed(2),
    hedged.lateFaultHedged.toFixed(2),
    `+${hedged.cost.toFixed(2)}`,
  ]
  return `| ${cells.join(' | ')} |`
}

async function main(args: readonly string[]): Promise<boolean> {
  const { values } = readArguments(args, { seeds: { type: 'string', default: '6' } })
  const seeds = Array.from({ length: Number(values.seeds) }, (_, at) => 101 + at)
  console.log(
    '| scenario | p50 ms | p95 ms | p99 ms | p99 in the fault | success % | asked twice % | in its last minute % | cost % |',
  )
  console.log('|---|--:|--:|--:|--:|--:|--:|--:|--:|')
  for (const scenario of HEDGING_SCENARIOS) console.log(rowOf(scenario, seeds))
  return true
}

if (import.meta.main) await runProgram(USAGE, main)
