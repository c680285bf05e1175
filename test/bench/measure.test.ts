import { expect, test } from 'vitest'
import { type LaneResult, valuesOf } from './measure.ts'
import type { LaneGoal, Reading } from './scenarios.ts'

const NOTHING: Reading = {
  cpuPerRequestUs: 0,
  cpuPerRequestMs: 0,
  cpuPerEventUs: 0,
  perSecond: 0,
  p50Ms: 0,
  p99Ms: 0,
  firstChunkMs: 0,
  rssMb: 0,
}

function lane(name: string, times: readonly number[]): LaneResult {
  return {
    lane: { name, gateway: 'router9', path: '/', body: '', events: 0 },
    readings: times.map((cpuPerRequestUs) => ({ ...NOTHING, cpuPerRequestUs })),
  }
}

const RESULTS = [lane('passthrough', [100, 200]), lane('router9', [150, 400])]
const GOAL: LaneGoal = {
  name: 'JSON',
  unit: '×',
  must: 2,
  of: 'router9',
  to: 'passthrough',
  reading: 'cpuPerRequestUs',
  how: 'ratio',
}

test('each round is compared with the limit of the same round', () => {
  expect(valuesOf(GOAL, RESULTS)).toEqual([1.5, 2])
  expect(valuesOf({ ...GOAL, how: 'difference' }, RESULTS)).toEqual([50, 200])
  expect(valuesOf({ ...GOAL, how: 'itself' }, RESULTS)).toEqual([150, 400])
})

test('without a limit there is no ratio', () => {
  expect(valuesOf({ ...GOAL, to: 'nobody' }, RESULTS)).toEqual([])
})
