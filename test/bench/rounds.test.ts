import { expect, test } from 'vitest'
import { ordersOf } from './rounds.ts'

test('every round runs every lane once', () => {
  for (const order of ordersOf(3, 7)) expect([...order].sort()).toEqual([0, 1, 2])
})

test('over the rounds every lane comes first', () => {
  for (const lanes of [2, 3, 4]) {
    const first = new Set(ordersOf(lanes, 3 * lanes).map(([lane]) => lane))
    expect(first.size).toBe(lanes)
  }
})

test('of two lanes neither is always behind the other', () => {
  const leaders = ordersOf(2, 5).map(([lane]) => lane)
  expect(new Set(leaders).size).toBe(2)
})
