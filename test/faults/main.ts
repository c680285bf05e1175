import { setTimeout as sleep } from 'node:timers/promises'
import { readArguments, readWholeNumber, runProgram, UsageError } from '../../src/cli/arguments.ts'
import { bundleWorker } from '../harness/bundle.ts'
import { FAULT_CASES, type FaultCase, PACE, STRUCK } from './fault-cases.ts'
import { figuresOf } from './fault-figures.ts'
import { startClient, startLoad } from './fault-load.ts'
import { setStage } from './fault-stage.ts'
import { printFaults, type Tried } from './fault-table.ts'

const USAGE = `npm run faults -- [options]
The Worker under load in two isolates of one workerd, with its real Durable Objects, while one of four providers fails.
  --fault NAME     only those whose name holds this; may be given more than once
  --rps 40         requests per second
  --at-once 1      faults tried at once, each with a Worker of its own
  --quick          6 s before, 8 s of fault and 15 s after it, in place of 20, 20 and 25;
                   twice as long after a slow one
  --json           the figures as JSON
The exit status is 1 where the official client saw a fault before its first word, or too little succeeded, 2 for a wrong command line.`

interface Phases {
  readonly beforeMs: number
  readonly faultMs: number
  readonly afterMs: number
}

async function tryFault(bundle: string, given: FaultCase, perSecond: number, phases: Phases): Promise<Tried> {
  const { fault, turnShare, leastSuccess, isPace = false } = given
  const stage = await setStage(bundle, isPace)
  try {
    const slots = isPace ? 'azure,mistral,groq' : '*'
    const prompt = `Write 20 words [[sim ${slots} latency=${PACE.latencyMs} tokendelay=${PACE.tokenDelayMs}]]`
    const load = startLoad(stage.urls, perSecond, prompt)
    await sleep(phases.beforeMs)
    const client = startClient(stage.urls[0] ?? '', prompt)
    const from = load.now()
    const turnMs = phases.faultMs * (turnShare ?? 1)
    for (let turn = 0; load.now() - from < phases.faultMs - 1; turn++) {
      await (turn % 2 === 0 ? stage.strike(fault) : stage.heal())
      await sleep(Math.max(from + (turn + 1) * turnMs - load.now(), 0))
    }
    await stage.heal()
    const to = load.now()
    await sleep(phases.afterMs * (isPace ? 2 : 1))
    const [samples, seen] = await Promise.all([load.end(), client.end()])
    const figures = figuresOf(samples, STRUCK, { from, to })
    const met = seen.failedBefore === 0 && figures.during.success >= leastSuccess
    return { name: given.name, ...figures, client: seen, met }
  } finally {
    await stage.stop()
  }
}

async function main(args: readonly string[]): Promise<boolean> {
  const { values } = readArguments(args, {
    fault: { type: 'string', multiple: true },
    rps: { type: 'string', default: '40' },
    'at-once': { type: 'string', default: '1' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  })
  const perSecond = readWholeNumber('rps', values.rps, 1)
  const wanted = values.fault ?? ['']
  const cases = FAULT_CASES.filter(({ name }) => wanted.some((part) => name.includes(part)))
  if (cases.length === 0)
    throw new UsageError(`no fault has such a name; there are ${FAULT_CASES.map(({ name }) => name).join(', ')}`)
  const phases = values.quick
    ? { beforeMs: 6000, faultMs: 8000, afterMs: 15_000 }
    : { beforeMs: 20_000, faultMs: 20_000, afterMs: 25_000 }
  const bundle = await bundleWorker()
  try {
    const tried: Tried[] = []
    let next = 0
    const work = async () => {
      for (let index = next++; index < cases.length; index = next++) {
        const given = cases[index]
        if (given === undefined) return
        const result = await tryFault(bundle.file, given, perSecond, phases)
        tried[index] = result
        if (!values.json) console.error(printFaults([result]))
      }
    }
    await Promise.all(Array.from({ length: readWholeNumber('at-once', values['at-once'], 1) }, work))
    console.log(values.json ? JSON.stringify({ perSecond, phases, faults: tried }, null, 2) : printFaults(tried))
    return tried.every(({ met }) => met)
  } finally {
    await bundle.remove()
  }
}

await runProgram(USAGE, main)
