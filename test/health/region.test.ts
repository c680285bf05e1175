import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { evaluate } from '../../src/health/evaluate.ts'
import { createGlobalHealth } from '../../src/health/global.ts'
import { type Snapshot, writeOutcome } from '../../src/health/messages.ts'
import type { OutcomeClass } from '../../src/health/outcome.ts'
import type { HealthRecord } from '../../src/health/record.ts'
import { createRegionHealth, type RegionHealth } from '../../src/health/region.ts'
import { readRecord } from '../../src/health/stored-record.ts'
import { outcome, T0, times } from './health-records.ts'

const A = 'alfa/a'

interface ReportDetails {
  readonly deployment?: string
  readonly isolate?: string
  readonly waitMs?: number
  readonly probe?: string
}

function tell(
  region: RegionHealth,
  kinds: readonly OutcomeClass[],
  now: number,
  { isolate = 'one', ...more }: ReportDetails = {},
): Snapshot {
  const events = kinds.map((kind) => writeOutcome(outcome(kind, now, more), now))
  return region.report({ v: 1, isolate, events }, now, 0.5)
}

const healthOf = ({ deployments }: Snapshot, now: number, name = A): HealthRecord => readRecord(deployments[name], now)
const stateOf = (snapshot: Snapshot, now: number, name = A) => evaluate(healthOf(snapshot, now, name), now, 0).state

describe('what one isolate saw, all know', () => {
  test('failures of several isolates add up', () => {
    const region = createRegionHealth(undefined, T0)
    for (const isolate of ['one', 'two', 'three', 'four']) tell(region, ['failed-before-first-token'], T0, { isolate })
    expect(stateOf(tell(region, [], T0 + 10), T0 + 10)).toBe('open')
  })

  test('an event counts for the time when it happened, by the region’s own clock', () => {
    const region = createRegionHealth(undefined, T0)
    const events = [{ deployment: A, bucket: 0, class: 'limit', ageMs: 4000, waitMs: 5000 }]
    const snapshot = region.report({ v: 1, isolate: 'one', events }, T0, 0)
    expect(healthOf(snapshot, T0).limitedUntil).toBeGreaterThan(T0)
  })
})

describe('probes', () => {
  const opened = () => {
    const region = createRegionHealth(undefined, T0)
    const snapshot = tell(region, times(4, 'failed-before-first-token'), T0)
    return { region, until: healthOf(snapshot, T0).openUntil }
  }

  test('one isolate at a time gets one, and none before its time', () => {
    const { region, until } = opened()
    expect(tell(region, [], until - 10).leases).toEqual([])
    expect(tell(region, [], until + 2000).leases).toMatchObject([{ deployment: A }])
    expect(tell(region, [], until + 2100, { isolate: 'two' }).leases).toEqual([])
    expect(tell(region, [], until + 4000, { isolate: 'two' }).leases).toHaveLength(1)
  })

  test('three that go well bring it back', () => {
    const { region, until } = opened()
    const snapshot = tell(region, times(3, 'success'), until + 2000, { probe: 'x' })
    expect(stateOf(snapshot, until + 2001)).toBe('closed')
  })
})

describe('faults that belong together', () => {
  test('where most of a provider fails, the rest of it is doubted', () => {
    const region = createRegionHealth(undefined, T0)
    for (const deployment of ['alfa/a', 'alfa/b', 'alfa/c', 'bravo/a'])
      tell(region, ['success'], T0 - 100, { deployment })
    tell(region, times(4, 'failed-before-first-token'), T0, { deployment: 'alfa/a' })
    const snapshot = tell(region, times(4, 'failed-before-first-token'), T0, { deployment: 'alfa/b' })
    expect(stateOf(snapshot, T0, 'alfa/c')).toBe('suspect')
    expect(stateOf(snapshot, T0, 'bravo/a')).toBe('closed')
  })

  test('where everything fails the last one is not taken out: the fault may be our own', () => {
    const region = createRegionHealth(undefined, T0)
    const names = ['alfa/a', 'bravo/a', 'charlie/a']
    for (const deployment of names) tell(region, times(3, 'success'), T0 - 100, { deployment })
    let snapshot = tell(region, [], T0)
    for (const deployment of names) snapshot = tell(region, times(6, 'failed-before-first-token'), T0, { deployment })
    const states = names.map((name) => stateOf(snapshot, T0, name))
    expect(states.filter((state) => state === 'open')).toHaveLength(2)
    expect(states.at(-1)).toBe('suspect')
  })
})

describe('regions', () => {
  const pooled = (from: RegionHealth, to: RegionHealth, now: number) => {
    const global = createGlobalHealth()
    global.exchange('there', from.digest(now), now)
    to.absorb(global.exchange('here', to.digest(now), now), now)
  }

  test('a rate limit is the account’s, so all regions keep to it at once', () => {
    const [there, here] = [createRegionHealth(undefined, T0), createRegionHealth(undefined, T0)]
    tell(there, ['limit'], T0, { waitMs: 20_000 })
    expect(there.nextDigestMs(T0)).toBeLessThanOrEqual(0)
    pooled(there, here, T0 + 100)
    expect(stateOf(tell(here, [], T0 + 200), T0 + 200)).toBe('limited')
  })

  test('others’ failures warn a region that knows nothing itself, and hardly move one that does', () => {
    const [there, ignorant, knowing] = [0, 1, 2].map(() => createRegionHealth(undefined, T0)) as [
      RegionHealth,
      RegionHealth,
      RegionHealth,
    ]
    tell(there, times(60, 'failed-before-first-token'), T0)
    tell(knowing, times(60, 'success'), T0)
    pooled(there, ignorant, T0 + 100)
    pooled(there, knowing, T0 + 100)
    expect(stateOf(tell(ignorant, [], T0 + 200), T0 + 200)).toBe('suspect')
    expect(stateOf(tell(knowing, [], T0 + 200), T0 + 200)).toBe('closed')
  })

  test('names that somebody invents in one region hide nothing of what another says', () => {
    const [flooded, there, here] = [0, 1, 2].map(() => createRegionHealth(undefined, T0)) as [
      RegionHealth,
      RegionHealth,
      RegionHealth,
    ]
    for (let index = 0; index < 256; index++)
      tell(flooded, ['failed-before-first-token'], T0, { deployment: `custom/invented-${index}` })
    tell(there, ['limit'], T0, { waitMs: 20_000 })
    const global = createGlobalHealth()
    global.exchange('flooded', flooded.digest(T0), T0)
    global.exchange('there', there.digest(T0), T0)
    here.absorb(global.exchange('here', here.digest(T0), T0), T0)
    expect(stateOf(tell(here, [], T0 + 10), T0 + 10)).toBe('limited')
  })

  test('an overload that one region knows is no limit of ours in other regions either', () => {
    const [there, here] = [createRegionHealth(undefined, T0), createRegionHealth(undefined, T0)]
    const global = createGlobalHealth()
    const event = { deployment: A, bucket: 0, ageMs: 0, class: 'limit', waitMs: 20_000, limit: 'overload' }
    there.report({ v: 1, isolate: 'one', events: [event] }, T0, 0.5)
    global.exchange('there', there.digest(T0), T0)
    here.absorb(global.exchange('here', here.digest(T0), T0), T0)
    const heard = evaluate(healthOf(tell(here, [], T0 + 10), T0 + 10), T0 + 10, 0)
    expect(heard).toMatchObject({ state: 'limited', reason: 'overload' })
  })

  test('the global object sends a region what the others said, not what it said itself', () => {
    const global = createGlobalHealth()
    const region = createRegionHealth(undefined, T0)
    tell(region, ['failed-before-first-token'], T0)
    expect(global.exchange('here', region.digest(T0), T0).rows).toEqual([])
    expect(global.exchange('there', { v: 1, rows: [] }, T0).rows).toHaveLength(1)
    expect(global.exchange('there', { v: 1, rows: [] }, T0 + 3_600_000).rows).toEqual([])
  })

  test('who is out in two other regions is doubted here before anybody has tried, and by nobody who has', () => {
    const row = { deployment: A, ok: 0, failed: 0, limitMs: 0 }
    const heard = (open: number, tried: boolean) => {
      const region = createRegionHealth(undefined, T0)
      if (tried) tell(region, times(5, 'success'), T0)
      region.absorb({ v: 1, rows: [{ ...row, open }] }, T0 + 100)
      return stateOf(tell(region, [], T0 + 200), T0 + 200)
    }
    expect([heard(1, false), heard(2, false), heard(2, true)]).toEqual(['closed', 'suspect', 'closed'])
  })

  test('what has faded is sent no more, or two regions would keep it alive for each other', () => {
    const region = createRegionHealth(undefined, T0)
    tell(region, ['success'], T0)
    expect(region.digest(T0 + 1000).rows).toHaveLength(1)
    expect(region.digest(T0 + 300_000).rows).toEqual([])
  })

  test('in good times the global object gets few digests, in bad times more', () => {
    const region = createRegionHealth(undefined, T0)
    tell(region, ['success'], T0)
    expect(region.nextDigestMs(T0)).toBeGreaterThan(30_000)
    tell(region, times(4, 'failed-before-first-token'), T0)
    region.digest(T0)
    expect(region.nextDigestMs(T0 + 10)).toBeLessThan(6000)
  })
})

describe('what is kept', () => {
  test('a region that was put away knows again what was out', () => {
    const region = createRegionHealth(undefined, T0)
    tell(region, times(4, 'failed-before-first-token'), T0)
    expect(region.shouldSave(T0 + 1)).toBe(true)
    const saved = JSON.parse(JSON.stringify(region.save(T0 + 1)))
    expect(region.shouldSave(T0 + 2)).toBe(false)
    expect(stateOf(tell(createRegionHealth(saved, T0 + 500), [], T0 + 500), T0 + 500)).toBe('open')
  })

  test('successes alone are written twice a minute at most', () => {
    const region = createRegionHealth(undefined, T0)
    tell(region, ['success'], T0)
    expect(region.shouldSave(T0 + 10_000)).toBe(false)
    expect(region.shouldSave(T0 + 30_000)).toBe(true)
  })

  test('it holds a bounded number of deployments, and forgets the oldest', () => {
    const region = createRegionHealth(undefined, T0)
    for (let index = 0; index < 400; index++) tell(region, ['success'], T0 + index, { deployment: `alfa/${index}` })
    const names = Object.keys(tell(region, [], T0 + 400).deployments)
    expect(names.length).toBeLessThanOrEqual(256)
    expect(names).toContain('alfa/399')
    expect(Object.keys(tell(region, [], T0 + 7_200_000).deployments)).toEqual([])
  })
})

describe('messages that make no sense', () => {
  test('whatever is reported, saved or pooled, the region answers, and a report of another version changes nothing', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (one, other) => {
        const region = createRegionHealth({ v: 1, deployments: one }, T0)
        region.report(one, T0, 0)
        region.report({ v: 1, isolate: other, events: one }, T0, 0)
        region.report({ v: 1, isolate: 'one', events: [one, other] }, T0, 0)
        region.absorb(one, T0)
        region.absorb({ v: 1, rows: [one, other] }, T0)
        createGlobalHealth().exchange('here', { v: 1, rows: [one, other] }, T0)
        expect(region.report({ v: 1, isolate: 'one', events: [] }, T0, 0).v).toBe(1)
      }),
    )
    const region = createRegionHealth(undefined, T0)
    const before = JSON.stringify(region.save(T0))
    region.report({ v: 2, isolate: 'one', events: [{ deployment: A, bucket: 0, ageMs: 0, class: 'config' }] }, T0, 0)
    expect(JSON.stringify(region.save(T0))).toBe(before)
  })

  test('a snapshot is the reader’s own: the region does not feel what is done to it', () => {
    const region = createRegionHealth(undefined, T0)
    const snapshot = tell(region, ['success'], T0)
    Object.assign(snapshot.deployments[A] as object, { open: true, until: T0 + 1e6 })
    expect(stateOf(tell(region, [], T0 + 10), T0 + 10)).toBe('closed')
  })
})
