import { expect, test } from 'vitest'
import { selfTimes } from './self-times.ts'

function node(id: number, functionName: string, lineNumber: number, ticks: [number, number][] = []) {
  const positionTicks = ticks.map(([line, count]) => ({ line, ticks: count }))
  return { id, callFrame: { functionName, url: 'index.js', lineNumber }, positionTicks }
}

test('a function’s time is summed over all the places that it is called from', () => {
  const times = selfTimes({
    nodes: [node(1, 'plan', 9, [[12, 3]]), node(2, 'plan', 9, [[13, 1]]), node(3, 'encode', 40)],
    samples: [1, 3, 2, 1],
    timeDeltas: [10, 25, 5, 20],
  })
  expect(times.map(({ name, line, us }) => ({ name, line, us }))).toEqual([
    { name: 'plan', line: 10, us: 35 },
    { name: 'encode', line: 41, us: 25 },
  ])
  expect(times[0]?.hottest[0]).toEqual({ line: 12, share: 0.75 })
})

test('what took no time is left out, and what has no name is called so', () => {
  const times = selfTimes({ nodes: [node(1, '', 0), node(2, 'idle', 5)], samples: [1], timeDeltas: [7] })
  expect(times.map(({ name }) => name)).toEqual(['(anonymous)'])
})
