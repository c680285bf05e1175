import { expect, test } from 'vitest'
import { evaluate, statusOf } from './targets.ts'

const GOAL = { name: 'JSON', unit: '×', must: 2, aim: 1.5 } as const

test('the median of the rounds decides, not the worst of them', () => {
  expect(evaluate(GOAL, [1.8, 5, 1.9])).toMatchObject({ value: 1.9, met: true, aimMet: false })
})

test('a must that is missed makes the exit status 1', () => {
  const missed = evaluate(GOAL, [2.01])
  expect(missed.met).toBe(false)
  expect(statusOf([evaluate(GOAL, [1]), missed])).toBe(1)
  expect(statusOf([evaluate(GOAL, [1])])).toBe(0)
})

test('the quick run guards what is usual: a doubling shows, noise does not', () => {
  expect(evaluate({ ...GOAL, usual: 3 }, [5], true)).toMatchObject({ must: 5.1, met: true })
  expect(evaluate({ ...GOAL, usual: 3 }, [6, 7], true).met).toBe(false)
  expect(evaluate({ ...GOAL, usual: 3 }, [9, 4, 8], true)).toMatchObject({ value: 4, met: true })
  expect(evaluate(GOAL, [3.3], true)).toMatchObject({ must: 3.4, met: true })
  expect(evaluate({ ...GOAL, usual: 3, exact: true }, [3.4], true)).toMatchObject({ must: 3.3, met: false })
})

test('without an aim of its own a goal aims at its must', () => {
  expect(evaluate({ name: 'x', unit: 'ms', must: 10 }, [9])).toMatchObject({ aim: null, aimMet: true })
})

test('a figure that this machine cannot measure is told as null and fails nobody', () => {
  expect(evaluate(GOAL, [Number.NaN])).toMatchObject({ value: null, met: true, aimMet: false })
})
