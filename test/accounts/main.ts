import { readArguments, readWholeNumber, runProgram } from '../../src/cli/arguments.ts'
import { bundleWorker } from '../harness/bundle.ts'
import { faults, windows } from './faults.ts'
import { figures } from './figures.ts'
import { type Stage, setStage } from './stage.ts'
import { type Part, storms, waiting } from './storms.ts'

const USAGE = `npm run accounts -- [options]
The limits and budgets of the Worker over many isolates in three regions, each region a workerd of its own, with the ledgers in
another one; a stand-in provider adds up what it would charge. Prints Markdown.
  --isolates 16    in each region
  --calls 2000     at once
  --slow 8         so many times more slowly goes the time of the Workers: a few cores play all their isolates
  --only PART      storms, waiting, figures, faults or windows
  --before FOLDER  measures the version in that folder (a checkout, installed) beside this one, but for faults
The exit status is 1 where a limit was passed, not reached, or a sum is wrong, 2 for a wrong command line.`

interface Asked {
  readonly calls: number
  readonly isBefore: boolean
}

type Run = (stage: Stage, asked: Asked) => Promise<Part>

/** Each part, and whether the version before is worth the same. */
const PARTS: Readonly<Record<string, readonly [run: Run, isCompared: boolean]>> = {
  storms: [(stage, { calls, isBefore }) => storms(stage, calls, isBefore), true],
  waiting: [(stage, { calls, isBefore }) => waiting(stage, Math.min(calls, 2000), isBefore), true],
  figures: [(stage, { isBefore }) => figures(stage, isBefore), true],
  faults: [(stage) => faults(stage), false],
  windows: [(stage) => windows(stage), false],
}

async function main(args: readonly string[]): Promise<boolean> {
  const { values } = readArguments(args, {
    isolates: { type: 'string', default: '16' },
    calls: { type: 'string', default: '2000' },
    slow: { type: 'string', default: '8' },
    only: { type: 'string', default: '' },
    before: { type: 'string' },
  })
  const isolates = readWholeNumber('isolates', values.isolates, 1)
  const calls = readWholeNumber('calls', values.calls, 1)
  const slow = readWholeNumber('slow', values.slow, 1)
  const misses: string[] = []
  const run = async (root: string | undefined, isBefore: boolean) => {
    const bundle = await bundleWorker(root)
    const stage = await setStage(bundle.file, isolates, slow)
    try {
      for (const [name, [part, isCompared]] of Object.entries(PARTS)) {
        if (!name.includes(values.only) || (isBefore && !isCompared)) continue
        const found = await part(stage, { calls, isBefore })
        console.log(found.text)
        if (!isBefore) misses.push(...found.misses)
      }
    } finally {
      await stage.stop()
      await bundle.remove()
    }
  }
  await run(undefined, false)
  if (values.before !== undefined) await run(values.before, true)
  for (const miss of misses) console.log(`MISSED: ${miss}`)
  return misses.length === 0
}

await runProgram(USAGE, main)
