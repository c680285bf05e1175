import { BASELINES, FAILURE_COST, secondsIn, utilityOf, worthOf } from './baselines.ts'
import { HOSTILITIES, type Hostility, type Refusal } from './hostile.ts'
import type { Ask, Course, Policy } from './policy.ts'
import { chanceOf, createRandom, normal } from './random.ts'
import { createRouter9 } from './router9.ts'
import { ISOLATES, REGIONS, type Scenario } from './scenario.ts'
import { createTimeline, type Timeline } from './timeline.ts'
import { createWorld, OUTPUT_TOKENS, type Profile, type Request, type World } from './world.ts'

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
  /** The most attempts of the fault that began within fifteen milliseconds. */
  mostAtOnce: number
}

export const POLICIES = ['router9', ...Object.keys(BASELINES)] as readonly string[]

/** Router9 with every request hedged. It is compared with itself alone, so it is not in the tables of policies. */
export const HEDGED = 'router9, hedged'

const WINDOW = 20
const AT_ONCE_MS = 15
const BEFORE_MS = 50_000
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
    mostAtOnce: 0,
  }
  const arrivals = createRandom(seed)
  const sessions = sessionsOf(scenario)
  let id = 0
  const turned: Turned[] = []
  const atOnce = createCounter(AT_ONCE_MS)
  const begun = () => {
    const now = timeline.now()
    const count = atOnce(now)
    if (now >= scenario.faultFrom && now < scenario.faultTo) tally.mostAtOnce = Math.max(tally.mostAtOnce, count)
  }
  const arrive = () => {
    const gapMs = (-Math.log(1 - arrivals()) * 1000) / scenario.requestsPerSecond
    timeline.after(gapMs, () => {
      if (timeline.now() >= scenario.end) return
      const request = sessions(requestOf(scenario, id++, timeline.now(), seed))
      course(request, timeline, policy, world, scenario, tally, lambda, turned, begun)
      arrive()
    })
  }
  arrive()
  timeline.runUntil(scenario.end + 60_000)
  if (scenario.watched !== undefined) noticed(scenario, turned, tally)
  tally.falseOpens = policy.falseOpens()
  return tally
}

function createPolicy(name: string, timeline: Timeline, scenario: Scenario, world: World, seed: number): Policy {
  if (name === 'router9') return createRouter9(timeline, scenario, world, seed)
  if (name === HEDGED) return createRouter9(timeline, scenario, world, seed, { isHedged: true })
  if (!Object.hasOwn(BASELINES, name)) throw new TypeError(`no policy is called ${name}`)
  return BASELINES[name as keyof typeof BASELINES](world)
}

function requestOf(scenario: Scenario, id: number, at: number, seed: number): Request {
  const chance = chanceOf(seed, id, 77)
  const isolates = scenario.isolates ?? ISOLATES
  const place = Math.floor(chance() * REGIONS * isolates)
  const [sizeLuck, badLuck, leaveLuck, leaveAt] = [chance(), chance(), chance(), chance()]
  const [small, middle] = scenario.sizes
  const size = sizeLuck < small ? 0 : sizeLuck < small + middle ? 1 : 2
  const { largeOnly, profiles } = scenario
  const candidates = size === 2 && largeOnly ? profiles.filter(({ name }) => largeOnly.includes(name)) : profiles
  const hash = Math.floor(chance() * 2 ** 32)
  const whole = chance() < (scenario.wholeRate ?? 0)
  const length = Math.exp(LENGTH.sigma * normal(chance))
  const tokens = whole ? Math.min(Math.ceil(LENGTH.median * length), LENGTH.most) : OUTPUT_TOKENS
  // Half of those who want a whole answer say how long it may be, on the long side.
  const maxTokens = whole && chance() < 0.5 ? Math.ceil(tokens * (1 + 3 * chance())) : 0
  const hostile = hostilityOf(scenario, at, chance())
  return {
    id,
    at,
    region: Math.floor(place / isolates),
    isolate: place % isolates,
    hash,
    size: hostile === 'huge prompts' ? 2 : size,
    bad: badLuck < (scenario.badRate ?? 0) || hostile !== undefined,
    ...(hostile === undefined ? {} : { hostile }),
    whole,
    tokens,
    maxTokens,
    reasoning: scenario.reasoning ?? 'none',
    ...(leaveLuck < (scenario.leaveRate ?? 0) ? { leavesAfterMs: leaveAt * 3000 } : {}),
    candidates: hostile === 'invented names' ? [inventedBy(id)] : candidates,
  }
}

/** Makes each request the next turn of one of the conversations under way, of which some are always beginning. */
function sessionsOf({ sessions }: Scenario): (request: Request) => Request {
  if (sessions === undefined) return (request) => request
  const { atOnce, turns } = sessions
  const asked = Array.from({ length: atOnce }, (_, place) => place % turns)
  return (request) => {
    const place = request.id % atOnce
    const count = asked[place] ?? 0
    asked[place] = count + 1
    const id = Math.floor(count / turns) * atOnce + place
    return { ...request, region: id % REGIONS, session: { id, turn: count % turns } }
  }
}

const LENGTH = { median: 250, sigma: 0.9, most: 4000 }

function hostilityOf({ hostile }: Scenario, at: number, luck: number): Hostility | undefined {
  if (hostile === undefined || at < hostile.from || at >= hostile.to) return undefined
  let below = 0
  return HOSTILITIES.find((name) => {
    below += hostile.rates[name]
    return luck < below
  })
}

/** A model that nobody has, on a server of one's own. */
function inventedBy(id: number): Profile {
  return { name: `ollama/x${id}`, provider: 'ollama', tier: 0, ttftMs: 500, tokensPerSecond: 50 }
}

/** Counts how many of the moments it is told, which come in order, lie within the last so many milliseconds. */
function createCounter(withinMs: number): (now: number) => number {
  let moments: number[] = []
  return (now) => {
    moments = moments.filter((at) => at > now - withinMs)
    return moments.push(now)
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
  turned: Turned[],
  begun: () => void,
): void {
  const inFault = request.at >= scenario.faultFrom && request.at < scenario.faultTo
  const best = Math.max(...request.candidates.map((profile) => worthOf(profile, request, world, request.at, lambda)))
  const first = policy.begin(request, request.at)
  let over = false
  /** Attempts that have not begun to answer, two at most. */
  const running = new Set<Course>()
  /** The one that began to answer. */
  let winner: Course | undefined
  let attempts = 0
  let who: string | undefined
  let hedged = false
  let lost = false

  const close = (worth: number, ttftMs?: number) => {
    over = true
    // Whoever made a mistake, or did not stay, is nobody's success and nobody's failure.
    if (request.bad || (request.leavesAfterMs !== undefined && timeline.now() - request.at >= request.leavesAfterMs))
      return
    tally.requests++
    tally.attempts += attempts
    tally.regret += best - worth
    const { at, region, session, size } = request
    scenario.trace?.({ at, region, session, regret: best - worth, attempts, ttftMs, who, hedged, lost, size })
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

  const win = (own: Course, { profile }: Ask) => {
    running.delete(own)
    winner = own
    who = profile.name
    for (const other of running) {
      other.lost?.(timeline.now())
      lost = true
    }
    running.clear()
  }

  const next = () => {
    if (over) return
    const ask = first.next(timeline.now())
    if (ask === undefined) {
      close(-FAILURE_COST)
      return
    }
    timeline.after(ask.waitMs, () => {
      if (over) return
      send(first, ask)
      const lateMs = attempts === 1 ? first.lateAfterMs?.() : undefined
      if (lateMs === undefined) return
      timeline.after(lateMs, () => {
        if (over || winner !== undefined || attempts > 1) return
        const hedge = first.hedge?.(timeline.now())
        if (hedge === undefined) return
        hedged = true
        send(hedge.course, hedge.ask)
      })
    })
  }

  const send = (own: Course, ask: Ask) => {
    const beganAt = timeline.now()
    attempts++
    who = ask.profile.name
    const { deployments, regions } = scenario.watched ?? {}
    if (attempts === 1 && deployments !== undefined && regions?.includes(request.region) !== false) {
      turned.push({ at: request.at, there: deployments.includes(who) })
    }
    running.add(own)
    own.begins(beganAt)
    begun()
    const what = world.ask(ask.profile, request, attempts, beganAt)
    const isEnded = () => over || (winner !== undefined && winner !== own)
    const fail = (kind: 'error' | 'bad' | 'limit' | 'timeout', ms: number, waitMs = 0, refusal?: Refusal) =>
      timeline.after(ms, () => {
        if (isEnded()) return
        running.delete(own)
        own.failed(kind, timeline.now(), waitMs, refusal)
        // The other one is the next attempt, where there is one.
        if (running.size === 0) next()
      })
    switch (what.kind) {
      case 'hang':
        return fail('timeout', ask.deadlineMs)
      case 'error':
      case 'bad':
        return fail(what.kind, what.endMs)
      case 'limit':
        return fail('limit', what.endMs, what.waitMs)
      case 'refused':
        return fail(what.refusal.status === 429 ? 'limit' : 'bad', what.endMs, 5000, what.refusal)
      default:
    }
    if (request.whole) {
      if (what.endMs > ask.deadlineMs) return fail('timeout', ask.deadlineMs)
      if (what.kind === 'cut') return fail('error', what.endMs)
      timeline.after(what.endMs, () => {
        if (isEnded()) return
        win(own, ask)
        const ms = timeline.now() - request.at
        own.ended('answer', timeline.now())
        close(utilityOf(ask.profile.tier, secondsIn(request, ms), lambda), ms)
      })
      return
    }
    if (what.firstMs > ask.deadlineMs) return fail('timeout', ask.deadlineMs)
    timeline.after(what.firstMs, () => {
      if (isEnded()) return
      win(own, ask)
      const ttftMs = timeline.now() - request.at
      own.first(timeline.now() - beganAt, timeline.now())
      timeline.after(what.endMs - what.firstMs, () => {
        if (over) return
        own.ended(what.kind, timeline.now())
        if (what.kind === 'cut') close(-FAILURE_COST)
        else close(utilityOf(ask.profile.tier, ttftMs / 1000, lambda), ttftMs)
      })
    })
  }
  if (request.leavesAfterMs !== undefined) {
    timeline.after(request.leavesAfterMs, () => {
      if (over) return
      over = true
      if (winner !== undefined) running.add(winner)
      for (const own of running) own.ended('left', timeline.now())
    })
  }
  next()
}

/** A request as far as it tells where the traffic goes. */
interface Turned {
  readonly at: number
  /** Whether it was sent to what is watched first. */
  readonly there: boolean
}

/**
 * From where requests were sent first: how long after the start of the fault the watched share had fallen to half of
 * what it was before, and how long after its end it had risen to that again. Read off the twenty requests around
 * each.
 */
function noticed({ faultFrom, faultTo, start }: Scenario, turned: readonly Turned[], tally: Tally): void {
  const sorted = turned.toSorted((a, b) => a.at - b.at)
  const before = sorted.filter(({ at }) => at < faultFrom && at >= faultFrom - BEFORE_MS)
  if (start >= faultFrom || before.length === 0) return
  const half = before.filter(({ there }) => there).length / before.length / 2
  const first = (from: number, to: number, found: (share: number) => boolean) => {
    for (let index = WINDOW / 2; index + WINDOW / 2 <= sorted.length; index++) {
      const middle = sorted[index]?.at ?? 0
      if (middle < from || middle >= to) continue
      const window = sorted.slice(index - WINDOW / 2, index + WINDOW / 2)
      if (found(window.filter(({ there }) => there).length / WINDOW)) return middle - from
    }
    return undefined
  }
  const detectMs = first(faultFrom, faultTo, (share) => share <= half)
  if (detectMs === undefined) tally.undetected++
  else tally.detectMs.push(detectMs)
  const recoverMs = first(faultTo, faultTo + SETTLE_MS, (share) => share >= half)
  if (recoverMs === undefined) tally.unrecovered++
  else tally.recoverMs.push(recoverMs)
}
