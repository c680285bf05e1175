import { runProgram } from '../../src/cli/arguments.ts'
import { bundleWorker } from '../harness/bundle.ts'
import { readCompareArguments, USAGE } from './arguments.ts'
import { groupDifferences, showDifference } from './differences.ts'
import { type Outcome, runSource } from './source.ts'
import { allSources } from './sources.ts'
import { runStories } from './stories.ts'

/** The program behind `npm run compare`: the same requests to two versions of Router9, whose doings must be the same. */
async function main(args: readonly string[]): Promise<boolean> {
  const asked = readCompareArguments(args)
  const began = performance.now()
  const [before, after] = await Promise.all([bundleWorker(asked.before), bundleWorker(asked.after)])
  const bundles = { before: before.file, after: after.file }
  const outcomes: Outcome[] = []
  try {
    for (const make of allSources(asked)) {
      for (const source of await make()) {
        const requests = source.requests.filter(({ name }) => `${source.name}/${name}`.includes(asked.only))
        if (requests.length === 0) continue
        const began = performance.now()
        const outcome = await runSource({ ...source, requests }, bundles)
        outcomes.push(outcome)
        show(outcome, performance.now() - began)
      }
    }
    if (!asked.quick) {
      const began = performance.now()
      for (const outcome of await runStories(bundles, asked.only)) {
        outcomes.push(outcome)
        show(outcome, performance.now() - began)
      }
    }
  } finally {
    await Promise.all([before.remove(), after.remove()])
  }
  const sum = (count: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + count(outcome), 0)
  const different = sum(({ differences }) => differences.length)
  const seconds = Math.round((performance.now() - began) / 1000)
  console.log(`compare: ${sum(({ requests }) => requests)} requests, ${different} differences, ${seconds} s`)
  return different === 0
}

function show(outcome: Outcome, ms: number): void {
  const { name, requests, differences, unsteady, wanted, tally } = outcome
  const seconds = (ms / 1000).toFixed(1)
  const unsure = unsteady.length === 0 ? '' : `, ${unsteady.length} more that were gone when asked again`
  console.log(`${name}: ${requests} requests, ${differences.length} differences${unsure} (${seconds} s)`)
  const statuses = Object.entries(tally.statuses).map(([status, count]) => `${count} × ${status}`)
  console.log(`  ${statuses.join(', ')}; ${tally.upstreamRequests} upstream requests, ${tally.logLines} logged`)
  for (const [reason, count] of Object.entries(wanted)) console.log(`  ${count} differences are meant: ${reason}`)
  for (const group of groupDifferences(differences).slice(0, SHOWN_GROUPS)) {
    console.log(`\n  ${group.differences.length} × ${group.part}`)
    const [example] = group.differences
    if (example !== undefined) for (const line of showDifference(example)) console.log(`    ${line}`)
  }
}

const SHOWN_GROUPS = 30

await runProgram(USAGE, main)
