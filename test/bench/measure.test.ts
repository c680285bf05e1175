import { expect, test } from 'vitest'
import { type LaneResult, valuesOf } from './measure.ts'
import { BEST_PEER, type Lane, type LaneGoal, type Reading } from './scenarios.ts'

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

function lane(name: string, times: readonly number[], gateway: Lane['gateway'] = 'router9'): LaneResult {
  return {
    lane: { name, gateway, path: '/', body: '', events: 0 },
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

test('the best peer is the one whose median is the least, and its rounds are the limit', () => {
  const peers = [
    lane('slow', [100, 400, 500], 'peer'),
    lane('quick', [300, 200, 250], 'peer'),
    lane('unknown', [], 'peer'),
  ]
  expect(valuesOf({ ...GOAL, to: BEST_PEER }, [lane('router9', [150, 400, 500]), ...peers])).toEqual([0.5, 2, 2])
  expect(valuesOf({ ...GOAL, to: BEST_PEER }, RESULTS)).toEqual([])
})
