import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Failure, type FailureDetails, type FailureKind } from '../../src/chat/failure.ts'
import { readOutcome } from '../../src/health/messages.ts'
import { bucketOf, outcomeClassOf } from '../../src/health/outcome.ts'
import { T0 } from './health-records.ts'

const classed = (kind: FailureKind, details: FailureDetails = {}, begun = false) =>
  outcomeClassOf(new Failure(kind, 'it failed', details), begun)

test.each([
  'rejected',
  'context-length',
  'content-filter',
  'invalid-value',
  'model-not-capable',
  'client-left',
  'internal',
] as const)('what is the caller’s doing, ours, or a leaving says nothing about the provider: %s', (kind) => {
  expect(classed(kind, { upstreamStatus: 400 })).toBeUndefined()
  expect(classed(kind, { upstreamStatus: 400 }, true)).toBeUndefined()
})

test('a request that is too large for a limit says nothing about the next one', () => {
  expect(classed('rate-limited', { upstreamStatus: 429, health: 'none' })).toBeUndefined()
  expect(classed('credentials-refused', { upstreamStatus: 402, health: 'none' })).toBeUndefined()
})

test.each([
  ['provider-failed', { upstreamStatus: 500 }, 'failed-before-first-token', 'failed-mid-stream'],
  ['provider-timeout', {}, 'timeout', 'failed-mid-stream'],
  ['rate-limited', { upstreamStatus: 429 }, 'limit', 'limit'],
  ['overloaded', { upstreamStatus: 529 }, 'limit', 'limit'],
  ['overloaded', { upstreamStatus: 503, retryAfterMs: 1000 }, 'limit', 'limit'],
  ['overloaded', { upstreamStatus: 503 }, 'failed-before-first-token', 'failed-mid-stream'],
  ['credentials-refused', { upstreamStatus: 401, health: 'opens' }, 'config', 'config'],
  ['model-missing', { upstreamStatus: 404, health: 'opens' }, 'config', 'config'],
  ['quota-exhausted', { upstreamStatus: 429, health: 'opens' }, 'config', 'config'],
  ['credentials-refused', { upstreamStatus: 400 }, 'failed-before-first-token', 'failed-mid-stream'],
  ['model-missing', { upstreamStatus: 404 }, 'failed-before-first-token', 'failed-mid-stream'],
] as const)('%s with %j counts as %s before the first word, and as %s after it', (kind, details, before, after) => {
  expect([classed(kind, details), classed(kind, details, true)]).toEqual([before, after])
})

test('streams and whole bodies, short and long prompts have buckets of their own', () => {
  const buckets = [true, false].flatMap((stream) => [10, 10_000, 100_000].map((tokens) => bucketOf(stream, tokens)))
  expect(buckets).toEqual([0, 1, 2, 3, 4, 5])
})

test('whatever an event holds, it is read as one that makes sense, or as none', () => {
  fc.assert(
    fc.property(fc.anything(), (raw) => {
      expect(readOutcome(raw, T0)).toBeUndefined()
    }),
  )
  fc.assert(
    fc.property(fc.anything(), fc.anything(), fc.anything(), (ageMs, bucket, ttftMs) => {
      const read = readOutcome(
        { deployment: 'alfa/a', class: 'ok', ageMs, bucket, ttftMs, waitMs: ttftMs, count: bucket },
        T0,
      )
      expect(read?.bucket).toBeGreaterThanOrEqual(0)
      expect(read?.bucket).toBeLessThan(6)
      expect(read?.at).toBeLessThanOrEqual(T0)
      expect(read?.at).toBeGreaterThan(T0 - 200_000)
    }),
  )
})
