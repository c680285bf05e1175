import { expect, test } from 'vitest'
import { median, quantile, spreadPercent } from './statistics.ts'

test('the median is the middle of an odd number of values and between the middle two of an even one', () => {
  expect(median([9, 1, 5])).toBe(5)
  expect(median([4, 1, 2, 9])).toBe(3)
})

test('a round that measured nothing does not count in the median', () => {
  expect(median([Number.NaN, 3])).toBe(3)
  expect(median([])).toBeNaN()
})

test('a quantile is one of the values', () => {
  const values = [5, 1, 4, 2, 3]
  expect(quantile(values, 0.5)).toBe(3)
  expect(quantile(values, 0.99)).toBe(5)
  expect(quantile(values, 1)).toBe(5)
  expect(quantile([], 0.5)).toBeNaN()
})

test('the spread is half the range over the median, in percent', () => {
  expect(spreadPercent([90, 100, 110])).toBe(10)
  expect(spreadPercent([7])).toBe(0)
  expect(spreadPercent([0, 0])).toBe(0)
})
