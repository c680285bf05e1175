import { expect, test } from 'vitest'
import { createActivity } from '../../src/health/activity.ts'
import type { Outcome } from '../../src/health/outcome.ts'

const MINUTE = 60_000
const START = 100 * MINUTE
const NAME = 'openai/gpt-4o'

const outcome = (at: number, kind: Outcome['class'], count?: number): Outcome => ({
  deployment: NAME,
  class: kind,
  at,
  bucket: 0,
  ...(count && { count }),
})

test('an hour has sixty minutes that end now, and forgets what is older, after any silence', () => {
  const activity = createActivity()
  activity.countOutcome(outcome(START, 'first-token'))
  activity.countOutcome(outcome(START, 'success', 3))
  activity.countOutcome(outcome(START + MINUTE, 'timeout'))
  // A report may come late.
  activity.countOutcome(outcome(START, 'limit'))
  const after = (minutes: number) => activity.hours(START + minutes * MINUTE)[NAME]
  expect(after(1)?.requests.slice(-3)).toEqual([0, 4, 1])
  expect(after(1)?.failures.slice(-3)).toEqual([0, 1, 1])
  expect(after(59)?.requests.slice(0, 3)).toEqual([4, 1, 0])
  expect(after(60)?.requests.slice(0, 2)).toEqual([1, 0])
  activity.countOutcome(outcome(START + 1000 * MINUTE, 'success'))
  expect(after(1000)?.requests).toEqual([...new Array(59).fill(0), 1])
})

test('what is under way is the sum of what isolates last reported, for two minutes', () => {
  const activity = createActivity()
  activity.setInFlight('a', { [NAME]: 2, 'x/y': -1, 'x/z': 'many' }, START)
  activity.setInFlight('b', { [NAME]: 1 }, START + MINUTE)
  expect(activity.inFlight(START + MINUTE)).toEqual({ [NAME]: 3 })
  expect(activity.inFlight(START + 2 * MINUTE + 1)).toEqual({ [NAME]: 1 })
  activity.setInFlight('b', undefined, START + 3 * MINUTE)
  expect(activity.inFlight(START + 3 * MINUTE)).toEqual({})
  for (let isolate = 0; isolate < 1000; isolate++) activity.setInFlight(`i${isolate}`, { [NAME]: 1 }, START)
  expect(activity.inFlight(START)).toEqual({ [NAME]: 256 })
})
