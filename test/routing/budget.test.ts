import { expect, test } from 'vitest'
import { usageOf } from '../../src/chat/event.ts'
import { addSpent, costOf, msToReset, overLimit } from '../../src/routing/budget.ts'

const spent = (minute: number, requests: number, tokens: number, dollars: number) => ({
  minute,
  requests,
  tokens,
  dollars,
})

test('what was used in a minute adds up; of a minute that is over only the dollars remain', () => {
  expect(addSpent(spent(7, 1, 10, 0.5), spent(7, 2, 20, 0.25))).toEqual(spent(7, 3, 30, 0.75))
  expect(addSpent(spent(7, 1, 10, 0.5), spent(8, 2, 20, 0.25))).toEqual(spent(8, 2, 20, 0.75))
  expect(addSpent(spent(8, 2, 20, 0.25), spent(7, 1, 10, 0.5))).toEqual(spent(8, 2, 20, 0.75))
})

test('a limit is reached by as many as it says', () => {
  const now = 7 * 60_000 + 1
  expect(overLimit({ rpm: 3 }, spent(7, 2, 0, 0), now)).toBeUndefined()
  expect(overLimit({ rpm: 3 }, spent(7, 3, 0, 0), now)).toBe('requests')
  expect(overLimit({ rpm: 3 }, spent(6, 3, 0, 0), now)).toBeUndefined()
  expect(overLimit({ tpm: 10 }, spent(7, 1, 10, 0), now)).toBe('tokens')
  expect(overLimit({ budget: 1 }, spent(1, 0, 0, 1), now)).toBe('dollars')
  expect(overLimit({}, spent(7, 1e6, 1e6, 1e6), now)).toBeUndefined()
})

test('a minute ends where the clock says', () => {
  expect(msToReset(60_000)).toBe(60_000)
  expect(msToReset(119_999)).toBe(1)
})

test('an answer costs what its tokens cost, cached ones their own price', () => {
  const price = { input: 2, output: 10, cacheRead: 0.2, cacheWrite: 2.5 }
  expect(costOf(usageOf(1000, 100), price)).toBeCloseTo(0.003)
  const cached = usageOf(1000, 100, { prompt_tokens_details: { cached_tokens: 600, cache_write_tokens: 100 } })
  expect(costOf(cached, price)).toBeCloseTo((300 * 2 + 600 * 0.2 + 100 * 2.5 + 100 * 10) / 1e6)
  expect(costOf(usageOf(1000, 100), undefined)).toBe(0)
})
