import { expect, test } from 'vitest'
import { costOf, readClock } from './process-cost.ts'

test('the clock of ps is read in all its forms', () => {
  expect(readClock('3:04.56')).toBeCloseTo(184.56)
  expect(readClock('02:03:04')).toBe(7384)
  expect(readClock('1-00:00:01')).toBe(86_401)
})

test('a process that works has used more than before', () => {
  const before = costOf([process.pid])
  let sum = 0
  for (let at = 0; at < 30_000_000; at++) sum += at % 7
  const after = costOf([process.pid])
  expect(sum).toBeGreaterThan(0)
  expect(after.cpuUs).toBeGreaterThan(before.cpuUs)
  expect(after.rssMb).toBeGreaterThan(10)
})
