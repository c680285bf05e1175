import { expect, test } from 'vitest'
import { roundOf, summaryOf, tableOf } from './e2e.ts'

function round(times: readonly number[]) {
  return roundOf(
    times.map((ms) => ({ ms, firstChunkMs: ms / 2 })),
    2,
  )
}

test('a round has its ranks, of the whole and of the first chunk, and requests by the second', () => {
  const hundred = Array.from({ length: 100 }, (_, at) => at)
  expect(round(hundred)).toEqual({
    total: { p50: 50, p95: 95, p99: 99 },
    first: { p50: 25, p95: 47.5, p99: 49.5 },
    perSecond: 50,
  })
})

test('of the rounds the median counts, and what a gateway adds is told by the rounds that ran side by side', () => {
  const direct = [round([1]), round([10]), round([2])]
  const summary = summaryOf([round([3]), round([11]), round([7])], direct)
  expect(summary.total.p50).toBe(7)
  expect(summary.overTotal.p50).toBe(2)
  expect(summary.overFirst.p99).toBe(1)
})

test('the table is Markdown, with the first chunk where answers are streams', () => {
  const result = { name: 'router9', ...summaryOf([round([4])], [round([1])]) }
  expect(tableOf([result], false)).toEqual([
    '| gateway | p50 ms | p95 | p99 | + p50 | + p95 | + p99 | requests/s |',
    '| --- | --: | --: | --: | --: | --: | --: | --: |',
    '| router9 | 4.00 | 4.00 | 4.00 | 3.00 | 3.00 | 3.00 | 1 |',
  ])
  expect(tableOf([result], true)[2]).toContain('| router9 | 2.00 | 2.00 | 2.00 | 1.50 |')
})
