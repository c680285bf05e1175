import { parentPort } from 'node:worker_threads'
import { SCENARIOS } from './scenario.ts'
import { simulate } from './simulate.ts'

/** One run to be made. */
export interface Job {
  readonly scenario: string
  readonly policy: string
  readonly seed: number
  readonly lambda: number
}

parentPort?.on('message', ({ scenario: name, policy, seed, lambda }: Job) => {
  const scenario = SCENARIOS.find((candidate) => candidate.name === name)
  if (scenario === undefined) throw new TypeError(`no scenario is called ${name}`)
  parentPort?.postMessage(simulate(scenario, policy, seed, lambda))
})
