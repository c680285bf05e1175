import { BASELINES, FAILURE_COST, utilityOf, worthOf } from './baselines.ts'
import type { Policy } from './policy.ts'
import { chanceOf, createRandom } from './random.ts'
import { createRouter9 } from './router9.ts'
import { ISOLATES, REGIONS, type Scenario } from './scenario.ts'
import { createTimeline, type Timeline } from './timeline.ts'
import { createWorld, type Request, type World } from './world.ts'

/** What one run of one policy through one scenario came to; sums, so that runs can be added up. */
export interface Tally {
  requests: number
  answered: number
  faultRequests: number
  faultAnswered: number
  faultAttempts: number
  attempts: number
  /** Of what was answered in the fault. */
  faultTtftMs: number[]
  regret: number
  /** Where it was noticed, one number; none where it never was. */
  detectMs: number[]
  recoverMs: number[]
  undetected: number
  unrecovered: number
  falseOpens: number
}

export const POLICIES = ['router9', ...Object.keys(BASELINES)] as readonly string[]

const IN_ROW = 3
const PROBE = { hashes: 8, beforeMs: 1000, faultMs: 100, afterMs: 250 }
/** After the end of the fault, nothing has recovered that has not in this time. */
const SETTLE_MS = 180_000

/** Drives one policy through one scenario. The same arguments give the same tally, always. */
export function simulate(scenario: Scenario, policyName: string, seed: number, lambda = 0.04): Tally {
  const timeline = createTimeline(scenario.start)
  const world = createWorld(scenario.faults, seed)
  const policy = createPolicy(policyName, timeline, scenario, world, seed)
  const tally: Tally = {
    requests: 0,
    answered: 0,
    faultRequests: 0,
    faultAnswered: 0,
    faultAttempts: 0,
    attempts: 0,
    faultTtftMs: [],
    regret: 0,
    detectMs: [],
    recoverMs: [],
    undetected: 0,
    unrecovered: 0,
    falseOpens: 0,
  }
  const arrivals = createRandom(seed)
  let id = 0
  const arrive = () => {
    const gapMs = (-Math.log(1 - arrivals()) * 1000) / scenario.requestsPerSecond
    timeline.after(gapMs, () => {
      if (timeline.now() >= scenario.end) return
      course(requestOf(scenario, id++, timeline.now(), seed), timeline, policy, world, scenario, tally, lambda)
      arrive()
    })
  }
  arrive()
  probe(scenario, timeline, policy, tally)
  timeline.runUntil(scenario.end + 60_000)
  tally.falseOpens = policy.falseOpens()
  return tally
}

function createPolicy(name: string, timeline: Timeline, scenario: Scenario, world: World, seed: number): Policy {
  if (name === 'router9') return createRouter9(timeline, scenario, world, seed)
  if (!Object.hasOwn(BASELINES, name)) throw new TypeError(`no policy is called ${name}`)
  return BASELINES[name as keyof typeof BASELINES](scenario, world)
}

function requestOf(scenario: Scenario, id: number, at: number, seed: number): Request {
  const chance = chanceOf(seed, id, 77)
  const place = Math.floor(chance() * REGIONS * ISOLATES)
  const [sizeLuck, badLuck, leaveLuck, leaveAt] = [chance(), chance(), chance(), chance()]
  const [small, middle] = scenario.sizes
  const size = sizeLuck < small ? 0 : sizeLuck < small + middle ? 1 : 2
  const { largeOnly, profiles } = scenario
  const candidates = size === 2 && largeOnly ? profiles.filter(({ name }) => largeOnly.includes(name)) : profiles
  return {
    id,
    at,
    region: Math.floor(place / ISOLATES),
    isolate: place % ISOLATES,
    hash: Math.floor(chance() * 2 ** 32),
    size,
    bad: badLuck < (scenario.badRate ?? 0),
    ...(leaveLuck < (scenario.leaveRate ?? 0) ? { leavesAfterMs: leaveAt * 3000 } : {}),
    candidates,
  }
}

/** One request from its arrival to its end. */
function course(
  request: Request,
  timeline: Timeline,
  policy: Policy,
  world: World,
  scenario: Scenario,
  tally: Tally,
  lambda: number,
): void {
  const inFault = request.at >= scenario.faultFrom && request.at < scenario.faultTo
  const best = Math.max(...request.candidates.map((profile) => worthOf(profile, request, world, request.at, lambda)))
  const own = policy.begin(request, request.at)
  let over = false
  let underWay = false
  let attempts = 0
  let who: string | undefined

  const close = (worth: number, ttftMs?: number) => {
    over = true
    // Whoever made a mistake, or did not stay, is nobody's success and nobody's failure.
    if (request.bad || (request.leavesAfterMs !== undefined && timeline.now() - request.at >= request.leavesAfterMs))
      return
    tally.requests++
    tally.attempts += attempts
    tally.regret += best - worth
    scenario.trace?.({ at: request.at, regret: best - worth, attempts, ttftMs, who })
    if (inFault) {
      tally.faultRequests++
      tally.faultAttempts += attempts
    }
    if (ttftMs === undefined) return
    tally.answered++
    if (!inFault) return
    tally.faultAnswered++
    tally.faultTtftMs.push(ttftMs)
  }

  const next = () => {
    if (over) return
    const ask = own.next(timeline.now())
    if (ask === undefined) {
      close(-FAILURE_COST)
      return
    }
    timeline.after(ask.waitMs, () => {
      if (over) return
      const beganAt = timeline.now()
      attempts++
      who = ask.profile.name
      underWay = true
      own.begins(beganAt)
      const what = world.ask(ask.profile, request, attempts, beganAt)
      const fail = (kind: 'error' | 'bad' | 'limit' | 'timeout', ms: number, waitMs = 0) =>
        timeline.after(ms, () => {
          if (over) return
          underWay = false
          own.failed(kind, timeline.now(), waitMs)
          next()
        })
      switch (what.kind) {
        case 'hang':
          return fail('timeout', ask.deadlineMs)
        case 'error':
        case 'bad':
          return fail(what.kind, what.endMs)
        case 'limit':
          return fail('limit', what.endMs, what.waitMs)
        default:
      }
      if (what.firstMs > ask.deadlineMs) return fail('timeout', ask.deadlineMs)
      timeline.after(what.firstMs, () => {
        if (over) return
        const ttftMs = timeline.now() - request.at
        own.first(timeline.now() - beganAt, timeline.now())
        timeline.after(what.endMs - what.firstMs, () => {
          if (over) return
          underWay = false
          own.ended(what.kind, timeline.now())
          if (what.kind === 'cut') close(-FAILURE_COST)
          else close(utilityOf(ask.profile.tier, ttftMs / 1000, lambda), ttftMs)
        })
      })
    })
  }
  if (request.leavesAfterMs !== undefined) {
    timeline.after(request.leavesAfterMs, () => {
      if (over) return
      over = true
      if (underWay) own.ended('left', timeline.now())
    })
  }
  next()
}

/** Looks, without touching anything, where the isolates would turn: from that the times to detect and to recover. */
function probe(scenario: Scenario, timeline: Timeline, policy: Policy, tally: Tally): void {
  const { watched, faultFrom, faultTo, start, end } = scenario
  if (watched === undefined || start >= faultFrom) return
  const { deployments, regions = Array.from({ length: REGIONS }, (_, index) => index) } = watched
  const share = () => {
    let there = 0
    for (const region of regions) {
      for (let isolate = 0; isolate < ISOLATES; isolate++) {
        for (let hash = 0; hash < PROBE.hashes; hash++) {
          const mixed = Math.imul(hash + 1, 0x9e3779b1) ^ Math.floor(timeline.now())
          const name = policy.prefers(region, isolate, mixed >>> 0, timeline.now())
          if (name !== undefined && deployments.includes(name)) there++
        }
      }
    }
    return there / (regions.length * ISOLATES * PROBE.hashes)
  }
  const before: number[] = []
  for (let at = faultFrom - 50_000; at < faultFrom; at += PROBE.beforeMs) {
    timeline.at(at, () => before.push(share()))
  }
  const half = () => before.reduce((sum, value) => sum + value, 0) / before.length / 2
  const look = (
    from: number,
    to: number,
    stepMs: number,
    found: (value: number) => boolean,
    end: (ms: number) => void,
    never: () => void,
  ) => {
    // A dip of a moment is chance: what counts is the first of three in a row.
    let inRow = 0
    const step = () => {
      inRow = found(share()) ? inRow + 1 : 0
      if (inRow === IN_ROW) end(timeline.now() - from - (IN_ROW - 1) * stepMs)
      else if (timeline.now() + stepMs < to) timeline.after(stepMs, step)
      else never()
    }
    timeline.at(from, step)
  }
  look(
    faultFrom,
    faultTo,
    PROBE.faultMs,
    (value) => value <= half(),
    (ms) => tally.detectMs.push(ms),
    () => tally.undetected++,
  )
  look(
    faultTo,
    Math.min(end, faultTo + SETTLE_MS),
    PROBE.afterMs,
    (value) => value >= half(),
    (ms) => tally.recoverMs.push(ms),
    () => tally.unrecovered++,
  )
}
