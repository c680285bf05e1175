import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addSpent,
  costOf,
  larger,
  maxCostOf,
  maxTokensOf,
  priceOf,
  type RequestSize,
  reportedCost,
} from '../../src/access/budget.ts'
import { toUsage } from '../../src/chat/event.ts'
import { unlistedModelTraits } from '../../src/routing/unlisted-model.ts'

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

test('an answer costs what its tokens cost, cached ones their own price', () => {
  const price = { input: 2, output: 10, cacheRead: 0.2, cacheWrite: 2.5 }
  expect(costOf(toUsage(1000, 100), price)).toBeCloseTo(0.003)
  const cached = toUsage(1000, 100, { prompt_tokens_details: { cached_tokens: 600, cache_write_tokens: 100 } })
  expect(costOf(cached, price)).toBeCloseTo((300 * 2 + 600 * 0.2 + 100 * 2.5 + 100 * 10) / 1e6)
  expect(costOf(toUsage(1000, 100), undefined)).toBe(0)
})

test('what is cached for an hour costs twice the input, as far as it was cached at all', () => {
  const price = { input: 2, output: 10, cacheRead: 0.2, cacheWrite: 2.5 }
  const written = (hour: unknown) =>
    costOf(toUsage(1000, 0, { prompt_tokens_details: { cache_write_tokens: 300, cache_write_1h_tokens: hour } }), price)
  expect(written(200)).toBeCloseTo((700 * 2 + 100 * 2.5 + 200 * 4) / 1e6)
  expect(written(9000)).toBeCloseTo((700 * 2 + 300 * 4) / 1e6)
  expect(written('200')).toBeCloseTo((700 * 2 + 300 * 2.5) / 1e6)
})

const price = fc
  .record({ input: fc.nat(100), output: fc.nat(700), cacheRead: fc.nat(100), cacheWrite: fc.nat(200) })
  .map((given) => ({ ...given, cacheRead: Math.min(given.cacheRead, given.input) }))

test('whatever the details say, an answer costs no less than nothing and no more than all of it at the dearest', () => {
  const count = fc.nat(1e6)
  fc.assert(
    fc.property(count, count, count, count, price, (prompt, completion, cached, written, given) => {
      const details = { cached_tokens: cached, cache_write_tokens: written, cache_write_1h_tokens: completion }
      const cost = costOf(toUsage(prompt, completion, { prompt_tokens_details: details }), given)
      expect(cost).toBeGreaterThanOrEqual(0)
      const most = prompt * Math.max(2 * given.input, given.cacheWrite) + completion * given.output
      expect(cost).toBeLessThanOrEqual(most / 1e6 + 1e-9)
    }),
  )
})

describe('as much as a call may use', () => {
  const extent: RequestSize = { promptTokens: 100, outputTokens: 0, choices: 1, asksForReasoning: false }
  const at = (traits: object) => ({ provider: 'p', upstreamModel: 'm', traits: { ...unlistedModelTraits, ...traits } })
  const PRICE = { input: 1, output: 2 }
  const tokens = (given: Partial<RequestSize>, traits: object = { outputTokens: 4000 }) =>
    maxCostOf({ ...extent, ...given }, at(traits), PRICE).tokens

  test('is the prompt and the longest answer that was asked for, or that the model can', () => {
    expect(tokens({ outputTokens: 300 })).toBe(400)
    expect(tokens({ outputTokens: 9000 })).toBe(4100)
    expect(tokens({})).toBe(4100)
    expect(tokens({}, { outputTokens: 0 })).toBe(16_484)
    expect(tokens({ outputTokens: 90_000 }, { outputTokens: 0 })).toBe(90_100)
  })

  test('is as many answers as there are choices', () => {
    expect(tokens({ outputTokens: 300, choices: 5 })).toBe(1600)
  })

  test('is all that the model can where thinking comes on top of the answer', () => {
    expect(tokens({ outputTokens: 300, asksForReasoning: true }, { outputTokens: 4000, budget: { min: 1 } })).toBe(4100)
    expect(tokens({ outputTokens: 300, asksForReasoning: true })).toBe(400)
  })

  test('of an answer without a limit is what the operator reserves for it, of the rest what the model can', () => {
    const tokens = (size: Partial<RequestSize>, traits = {}) =>
      maxCostOf({ ...extent, ...size }, at({ outputTokens: 4000, ...traits }), { input: 1, output: 1 }).tokens
    expect(tokens({ outputTokens: 0, reservedOutputTokens: 500 })).toBe(600)
    expect(tokens({ outputTokens: 0, reservedOutputTokens: 9000 })).toBe(4100)
    expect(tokens({ outputTokens: 300, reservedOutputTokens: 500 })).toBe(400)
    expect(tokens({ outputTokens: 300, promptTokens: Number.POSITIVE_INFINITY }, { contextTokens: 8000 })).toBe(8300)
  })

  test('of two is that of the dearer one', () => {
    expect(larger({ tokens: 5, dollars: 1 }, { tokens: 3, dollars: 7 })).toEqual({ tokens: 5, dollars: 7 })
  })

  test('is no less than what any answer within it costs', () => {
    const answer = fc.record({ prompt: fc.nat(100), completion: fc.nat(300), choices: fc.integer({ min: 1, max: 8 }) })
    fc.assert(
      fc.property(answer, price, fc.nat(100), ({ prompt, completion, choices }, given, written) => {
        const most = maxCostOf({ ...extent, outputTokens: 300, choices }, at({ outputTokens: 4000 }), given)
        const details = { cache_write_tokens: written, cache_write_1h_tokens: completion }
        const used = toUsage(prompt, completion * choices, { prompt_tokens_details: details })
        expect(costOf(used, given)).toBeLessThanOrEqual(most.dollars + 1e-9)
        expect(used.total_tokens).toBeLessThanOrEqual(most.tokens)
      }),
    )
  })

  test('is what a report is believed up to, and some more: limits that the catalogue knows may be old', () => {
    expect(maxTokensOf({ ...unlistedModelTraits, contextTokens: 1000, outputTokens: 10_000 }, 2)).toEqual({
      prompt: 4000,
      completion: 80_000,
    })
    expect(maxTokensOf({ ...unlistedModelTraits, contextTokens: 1000 }, 3, 3).prompt).toBe(12_000)
    for (const most of Object.values(maxTokensOf(unlistedModelTraits, 1))) expect(most).toBeLessThan(1e9)
  })
})

test('a price is the one that was set for the model, then the known one, then the one set for all others', () => {
  const set = new Map([
    ['p/m', { input: 1, output: 1 }],
    ['p/*', { input: 2, output: 2 }],
  ])
  const known = { input: 3, output: 3 }
  const of = (upstreamModel: string, given = {}) => ({
    provider: 'p',
    upstreamModel,
    traits: unlistedModelTraits,
    ...given,
  })
  expect(priceOf(of('m', { price: known }), set)?.input).toBe(1)
  expect(priceOf(of('other', { price: known }), set)?.input).toBe(3)
  expect(priceOf(of('other'), set)?.input).toBe(2)
  expect(priceOf({ ...of('m'), provider: 'q' }, set)).toBeUndefined()
})

describe('what a provider says that an answer cost', () => {
  const PRICE = { input: 1, output: 1 }
  const said = (further: Record<string, unknown>, given?: typeof PRICE) =>
    reportedCost(toUsage(600_000, 400_000, further), given)

  test.each<[string, Record<string, unknown>, number | undefined]>([
    ['is taken', { cost: 0.7 }, 0.7],
    [
      'has the bill of the one behind it added, where that one is paid apart',
      { cost: 0.1, is_byok: true, cost_details: { upstream_inference_cost: 0.6 } },
      0.7,
    ],
    [
      'is not added up where it is all in one',
      { cost: 0.7, is_byok: false, cost_details: { upstream_inference_cost: 0.6 } },
      0.7,
    ],
    ['is none where it does not say', {}, undefined],
    ['is none where it is no number', { cost: '0.7' }, undefined],
    ['is none below zero', { cost: -0.7 }, undefined],
    ['is none without an end', { cost: Number.POSITIVE_INFINITY }, undefined],
    ['is none where it is NaN', { cost: Number.NaN }, undefined],
  ])('%s', (_, further, expected) => {
    if (expected === undefined) expect(said(further)).toBeUndefined()
    else expect(said(further)).toBeCloseTo(expected, 12)
  })

  test('is held against the price where there is one', () => {
    expect(said({ cost: 3 }, PRICE)).toBe(3)
    expect(said({ cost: 100 }, PRICE)).toBeUndefined()
    expect(said({ cost: 0 }, PRICE)).toBeUndefined()
    expect(said({ cost: 0 }, { input: 0, output: 0 })).toBe(0)
  })
})
