import { expect, test } from 'vitest'
import { recordOutcome } from '../../src/health/circuit-breaker.ts'
import { readOutcome, writeOutcome } from '../../src/health/messages.ts'
import type { Outcome, OutcomeClass } from '../../src/health/outcome.ts'
import { unknownHealth } from '../../src/health/record.ts'
import { readRecord, writeRecord } from '../../src/health/stored-record.ts'
import { outcome, T0 } from './health-records.ts'

// Older and newer versions speak with each other during a deployment, and a new one reads what an old one stored.

const CLASSES: [OutcomeClass, string][] = [
  ['first-token', 'first'],
  ['success', 'ok'],
  ['failed-before-first-token', 'pre'],
  ['timeout', 'timeout'],
  ['failed-mid-stream', 'post'],
  ['slow', 'slow'],
  ['limit', 'limit'],
  ['config', 'config'],
]

test.each(CLASSES)('an outcome %s is sent as %s, and read as it was', (name, sent) => {
  const whole: Outcome = outcome(name, T0 - 1500, { bucket: 2, probe: 'x', ttftMs: 300, waitMs: 5000, count: 3 })
  const message = writeOutcome(whole, T0)
  expect(message).toEqual({
    deployment: 'alfa/a',
    class: sent,
    ageMs: 1500,
    bucket: 2,
    trial: 'x',
    ttftMs: 300,
    waitMs: 5000,
    count: 3,
  })
  expect(readOutcome(JSON.parse(JSON.stringify(message)), T0)).toEqual(whole)
})

test('a record is stored under the names that it always had', () => {
  const record = unknownHealth()
  for (const [name] of CLASSES) recordOutcome(record, outcome(name, T0, { ttftMs: 300, tokensPerSecond: 50 }), T0)
  expect(Object.keys(writeRecord(record)).sort()).toEqual(
    [
      ...['at', 'ok', 'pre', 'post', 'cuts', 'run', 'failedFrom', 'open', 'opens', 'until', 'reason', 'closedAt'],
      ...['trials', 'leasedAt', 'limitedUntil', 'limitedBy', 'largeLimitedUntil', 'largeFrom', 'limits'],
      ...['prior', 'priorAt', 'latency', 'speed'],
    ].sort(),
  )
})

test('a record that an older version stored means what it meant', () => {
  const stored = {
    at: T0,
    ok: 10,
    pre: 2,
    post: 1,
    cuts: 1,
    open: true,
    opens: 3,
    until: T0 + 5000,
    reason: 'pre',
    limitedBy: '',
  }
  expect(readRecord(stored, T0)).toMatchObject({
    countedAt: T0,
    successes: 10,
    failuresBeforeFirstToken: 2,
    failuresMidStream: 1,
    decayedStreamFailures: 1,
    isOpen: true,
    consecutiveOpens: 3,
    openUntil: T0 + 5000,
    openReason: 'failed-before-first-token',
  })
})
