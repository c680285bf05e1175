import { expect, test } from 'vitest'
import { createRetryBudget } from '../../src/routing/retry-budget.ts'
import { T0 } from '../health/health-records.ts'

function spendAll(spend: (now: number) => boolean, now: number): number {
  let spent = 0
  while (spent < 1000 && spend(now)) spent++
  return spent
}

test('ten retries may come in a row, and then no more', () => {
  const { spend } = createRetryBudget(T0)
  expect(spendAll(spend, T0)).toBe(10)
})

test('requests and time earn retries, never more than ten', () => {
  const { spend, earn } = createRetryBudget(T0)
  spendAll(spend, T0)
  for (let index = 0; index < 12; index++) earn(T0)
  expect(spendAll(spend, T0)).toBe(2)
  expect(spendAll(spend, T0 + 3_600_000)).toBe(10)
})

test('under load, about one request in five gets a retry, whatever fails', () => {
  const { spend, earn } = createRetryBudget(T0)
  spendAll(spend, T0)
  let retries = 0
  for (let index = 0; index < 1000; index++) {
    earn(T0 + index * 10)
    if (spend(T0 + index * 10)) retries++
  }
  expect(retries).toBeGreaterThan(180)
  expect(retries).toBeLessThan(230)
})

test('where hardly anything is asked, a retry is there within seconds', () => {
  const { spend } = createRetryBudget(T0)
  spendAll(spend, T0)
  expect(spend(T0 + 2100)).toBe(true)
})

test('a clock that goes back earns nothing and breaks nothing', () => {
  const { spend } = createRetryBudget(T0)
  spendAll(spend, T0)
  expect(spend(T0 - 60_000)).toBe(false)
  expect(spend(T0 + 500)).toBe(false)
})

test('it is low when more than half of it is spent', () => {
  const { spend, isLow } = createRetryBudget(T0)
  for (let index = 0; index < 5; index++) spend(T0)
  expect(isLow(T0)).toBe(false)
  spend(T0)
  expect(isLow(T0)).toBe(true)
})
