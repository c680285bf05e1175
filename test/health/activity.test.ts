import { expect, test } from 'vitest'
import { createActivity, readHour, readInFlight } from '../../src/health/activity.ts'
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
  const after = (minutes: number) => {
    const now = START + minutes * MINUTE
    return readHour([activity.write(now)], NAME, now)
  }
  expect(after(1).requests.slice(-3)).toEqual([0, 4, 1])
  expect(after(1).failures.slice(-3)).toEqual([0, 1, 1])
  expect(after(59).requests.slice(0, 3)).toEqual([4, 1, 0])
  expect(after(60).requests.slice(0, 2)).toEqual([1, 0])
  for (let minute = 2; minute < 1000; minute++) activity.countOutcome(outcome(START + minute * MINUTE, 'success'))
  expect(activity.write(START).hours[NAME]).toHaveLength(60)
  expect(after(999).requests).toEqual(new Array(60).fill(1))
  activity.keepOnly(new Map())
  expect(activity.write(START).hours).toEqual({})
})

test('several regions make one hour, and what makes no sense in a message counts for nothing', () => {
  const told = { hours: { [NAME]: [[100, 2, 1]] }, inFlight: { [NAME]: 3 } }
  const broken = [null, 'x', { hours: { [NAME]: 7 } }, { hours: { [NAME]: [null, [100, 'many', -1], ['length', 5]] } }]
  const hour = readHour([told, ...broken, told], NAME, START)
  expect([hour.requests.length, hour.requests.at(-1), hour.failures.at(-1)]).toEqual([60, 4, 2])
  expect(readHour([told], 'constructor', START).requests).toEqual(new Array(60).fill(0))
  expect([told, ...broken].map((one) => readInFlight(one, NAME))).toEqual([3, 0, 0, 0, 0])
  expect(readInFlight(told, '__proto__')).toBe(0)
})

test('what is under way is the sum of what isolates last reported, for two minutes', () => {
  const activity = createActivity()
  const inFlight = (now: number) => activity.write(now).inFlight
  activity.setInFlight('a', { [NAME]: 2, 'x/y': -1, 'x/z': 'many' }, START)
  activity.setInFlight('b', { [NAME]: 1 }, START + MINUTE)
  expect(inFlight(START + MINUTE)).toEqual({ [NAME]: 3, 'x/y': 0, 'x/z': 0 })
  expect(inFlight(START + 2 * MINUTE + 1)).toEqual({ [NAME]: 1 })
  activity.setInFlight('b', undefined, START + 3 * MINUTE)
  expect(inFlight(START + 3 * MINUTE)).toEqual({})
  for (let isolate = 0; isolate < 1000; isolate++) activity.setInFlight(`i${isolate}`, { [NAME]: 1 }, START)
  expect(inFlight(START)).toEqual({ [NAME]: 256 })
})
