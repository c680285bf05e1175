import { availableParallelism } from 'node:os'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { readArguments, runProgram, UsageError } from '../../src/cli/arguments.ts'
import { figuresOf } from './figures.ts'
import { print } from './print.ts'
import { SCENARIOS } from './scenario.ts'
import { POLICIES, type Tally } from './simulate.ts'
import { targetsOf } from './targets.ts'
import type { Job } from './worker.ts'

const USAGE = `npm run sim -- [options]
  --seeds 101-120     one seed for each run; 1-15 are for tuning, 101-120 (the default) for reporting
  --scenario NAME     only those whose name holds this; may be given more than once
  --policy NAME       only those whose name holds this; may be given more than once
  --lambda 0.04       what a second is worth when regret is counted
  --json              all figures and targets as JSON
The exit status is 1 where a target is missed.`

function seedsOf(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [from = Number.NaN, to = from] = part.split('-').map(Number)
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || to < from) throw new UsageError(`no seeds: ${text}`)
    return Array.from({ length: to - from + 1 }, (_, index) => from + index)
  })
}

function chosen(names: readonly string[], wanted: readonly string[] | undefined): string[] {
  if (wanted === undefined) return [...names]
  return names.filter((name) => wanted.some((part) => name.toLowerCase().includes(part.toLowerCase())))
}

/** Runs the jobs on all cores; the answers are in the order of the jobs, whoever was quicker. */
async function runAll(jobs: readonly Job[]): Promise<Tally[]> {
  const tallies: Tally[] = []
  let next = 0
  const work = async () => {
    const worker = new Worker(path.join(import.meta.dirname, 'worker.ts'))
    try {
      while (next < jobs.length) {
        const index = next++
        tallies[index] = await new Promise<Tally>((resolve, reject) => {
          worker.removeAllListeners()
          worker.once('message', resolve).once('error', reject).postMessage(jobs[index])
        })
      }
    } finally {
      await worker.terminate()
    }
  }
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 8) }, work))
  return tallies
}

async function main(args: readonly string[]): Promise<boolean> {
  const { values } = readArguments(args, {
    seeds: { type: 'string', default: '101-120' },
    scenario: { type: 'string', multiple: true },
    policy: { type: 'string', multiple: true },
    lambda: { type: 'string', default: '0.04' },
    json: { type: 'boolean', default: false },
  })
  const seeds = seedsOf(values.seeds)
  const scenarios = chosen(
    SCENARIOS.map(({ name }) => name),
    values.scenario,
  )
  const policies = chosen(POLICIES, values.policy)
  if (scenarios.length === 0 || policies.length === 0) throw new UsageError('nothing is called so')
  const lambda = Number(values.lambda)
  const jobs = scenarios.flatMap((scenario) =>
    policies.flatMap((policy) => seeds.map((seed): Job => ({ scenario, policy, seed, lambda }))),
  )
  const tallies = await runAll(jobs)
  const figures = scenarios.flatMap((scenario) =>
    policies.map((policy) =>
      figuresOf(
        scenario,
        policy,
        tallies.filter((_, index) => jobs[index]?.scenario === scenario && jobs[index]?.policy === policy),
      ),
    ),
  )
  const isWhole = scenarios.length === SCENARIOS.length
  const targets = targetsOf(figures, isWhole)
  console.log(
    values.json
      ? JSON.stringify({ seeds, lambda, figures, targets }, null, 2)
      : `Seeds ${values.seeds}, ${lambda} a second.\n\n${print(figures, targets, isWhole)}`,
  )
  return targets.every(({ met }) => met)
}

await runProgram(USAGE, main)
