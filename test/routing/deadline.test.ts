import { expect, test } from 'vitest'
import { deadlineFor, type Pace, patienceFor } from '../../src/routing/deadline.ts'
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

const pace = (more: Partial<Pace> = {}): Pace => ({
  patience: BASE,
  bucket: 0,
  reasoning: false,
  ttftMs: 400,
  ttftP95Ms: 900,
  samples: 30,
  trial: false,
  ...more,
})

test('an attempt at what is known to be quick is given up early, but never within two and a half seconds', () => {
  expect(deadlineFor(pace())).toBe(2500)
  expect(deadlineFor(pace({ ttftMs: 1000, ttftP95Ms: 1500 }))).toBe(4000)
})

test('with little or nothing measured it gets what is set', () => {
  expect(deadlineFor(pace({ samples: 2 }))).toBe(BASE.firstByteMs)
  expect(deadlineFor(pace({ samples: 0, ttftMs: undefined, ttftP95Ms: undefined }))).toBe(BASE.firstByteMs)
})

test('what is set is never exceeded, however slow it is known to be', () => {
  expect(deadlineFor(pace({ ttftMs: 60_000, ttftP95Ms: 90_000 }))).toBe(BASE.firstByteMs)
})

test('long prompts and models that reason are waited for longer', () => {
  const patient = patienceFor(BASE, true, { ...openTraits, reasoning: true })
  expect(deadlineFor(pace({ bucket: 2 }))).toBeGreaterThan(deadlineFor(pace({ bucket: 1 })))
  expect(deadlineFor(pace({ bucket: 1 }))).toBeGreaterThan(deadlineFor(pace({ bucket: 0 })))
  expect(deadlineFor(pace({ reasoning: true, patience: patient }))).toBe(20_000)
  expect(deadlineFor(pace({ reasoning: true, patience: patient, trial: true }))).toBe(20_000)
})

test('a whole body is waited for as long as is set: it may be much longer than those before', () => {
  const patience = { firstByteMs: 60_000, totalMs: 180_000 }
  expect(deadlineFor(pace({ bucket: 3, patience }))).toBe(60_000)
  expect(deadlineFor(pace({ bucket: 5, patience, trial: true }))).toBe(60_000)
})

test('a trial is short, whatever was measured before the trouble', () => {
  expect(deadlineFor(pace({ trial: true, ttftMs: 6000, ttftP95Ms: 9000 }))).toBe(2500)
})
