import { expect, test } from 'vitest'
import { patienceFor } from '../../src/routing/deadline.ts'
import { openTraits } from '../../src/routing/open-traits.ts'

const BASE = { firstByteMs: 10_000, totalMs: 30_000 }
const patience = (stream: boolean, reasoning: boolean, base = BASE) =>
  patienceFor(base, stream, { ...openTraits, reasoning })

test('a stream of an ordinary model gets what is set', () => {
  expect(patience(true, false)).toEqual(BASE)
})

test('whole bodies and models that reason get more, both still more', () => {
  const [stream, reasoned, whole, both] = [
    patience(true, false),
    patience(true, true),
    patience(false, false),
    patience(false, true),
  ]
  for (const longer of [reasoned, whole]) {
    expect(longer.firstByteMs).toBeGreaterThan(stream.firstByteMs)
    expect(both.firstByteMs).toBeGreaterThan(longer.firstByteMs)
    expect(longer.totalMs).toBeGreaterThanOrEqual(longer.firstByteMs)
  }
})

test('nobody waits for ever', () => {
  expect(patience(false, true, { firstByteMs: 300_000, totalMs: 300_000 }).totalMs).toBeLessThanOrEqual(600_000)
})
