import { Failure } from '../../src/chat/failure.ts'
import { readUpstreamFailure } from '../../src/formats/shared/upstream-error.ts'
import { createGlobalHealth, type GlobalHealth } from '../../src/health/global.ts'
import { createIsolateHealth, type IsolateHealth } from '../../src/health/isolate.ts'
import { FIRST_WHOLE_BODY_BUCKET, type Outcome, type OutcomeClass, outcomeClassOf } from '../../src/health/outcome.ts'
import { createRegionHealth, type RegionHealth } from '../../src/health/region.ts'
import {
  type AttemptCandidate,
  createAttempts,
  failAttempt,
  hedgeAttempt,
  type NextAttempt,
  nextAttempt,
  skipAttempt,
} from '../../src/routing/attempts.ts'
import type { RankedSession, Policy as RankPolicy } from '../../src/routing/candidate.ts'
import { timeoutLimitsFor } from '../../src/routing/deadline.ts'
import { hashOf } from '../../src/routing/hash.ts'
import { createHedgeBudget, type HedgeBudget, hedgeDelayOf } from '../../src/routing/hedge-budget.ts'
import { rank } from '../../src/routing/rank.ts'
import { createReleaseQueue, type ReleaseQueue } from '../../src/routing/release-queue.ts'
import { createRetryBudget, type RetryBudget } from '../../src/routing/retry-budget.ts'
import { createSessionMemory, type SessionMemory } from '../../src/routing/session-memory.ts'
import { unlistedModelTraits } from '../../src/routing/unlisted-model.ts'
import type { Refusal } from './hostile.ts'
import type { Course, Hedge, Policy } from './policy.ts'
import { createRandom } from './random.ts'
import { ISOLATES, REGIONS, type Scenario } from './scenario.ts'
import type { Timeline } from './timeline.ts'
import { OUTPUT_TOKENS, type Profile, type Request, type World } from './world.ts'

/** Virtual clocks begin here, as real ones are far from zero. */
const EPOCH = 1_700_000_000_000
const BASE = { firstByteMs: 10_000, totalMs: 30_000 }
/** Of each size. */
const PROMPT_TOKENS = [1000, 10_000, 32_000]
const CALL_MS = { least: 5, most: 40 }
const GLOBAL_MS = { least: 40, most: 150 }
const GONE_MS = 1000
/** What was taken out this long after it had been ill was ill when it happened. */
const ILL_MS = 15_000

interface Isolate {
  readonly health: IsolateHealth
  readonly budget: RetryBudget
  readonly hedges: HedgeBudget
  readonly releases: ReleaseQueue
  readonly memory: SessionMemory
  readonly region: Station
  readonly skewMs: number
  wakeAt: number
  heardAt: number
}

interface Station {
  core: RegionHealth
  readonly name: string
  readonly index: number
  readonly skewMs: number
  saved: unknown
  exchanging: boolean
}

type Target = AttemptCandidate & { readonly profile: Profile }

/** The production modules, with the shell's part played in virtual time: calls that take a while, fail, or come late. */
export function createRouter9(
  timeline: Timeline,
  scenario: Scenario,
  world: World,
  seed: number,
  { policy = 'balanced', isHedged = false }: { policy?: RankPolicy; isHedged?: boolean } = {},
): Policy {
  const random = createRandom(seed ^ 0x5eed)
  const between = ({ least, most }: { least: number; most: number }) => least + random() * (most - least)
  const skew = () => (scenario.skewMs === undefined ? 0 : Math.round((random() * 2 - 1) * scenario.skewMs))
  const clock = (skewMs: number) => EPOCH + skewMs + timeline.now()
  const global: GlobalHealth = createGlobalHealth()
  const stations: Station[] = Array.from({ length: REGIONS }, (_, index) => {
    const skewMs = skew()
    const core = createRegionHealth(undefined, clock(skewMs))
    return { core, name: `region-${index}`, index, skewMs, saved: undefined, exchanging: false }
  })
  const isolates: Isolate[] = stations.flatMap((region) =>
    Array.from({ length: scenario.isolates ?? ISOLATES }, (_, index) => {
      const skewMs = skew()
      const health = createIsolateHealth(`${region.name}.${index}`, random())
      const budget = createRetryBudget(clock(skewMs))
      const hedges = createHedgeBudget(clock(skewMs))
      const releases = createReleaseQueue()
      return {
        health,
        budget,
        hedges,
        releases,
        memory: createSessionMemory(),
        region,
        skewMs,
        wakeAt: Number.POSITIVE_INFINITY,
        heardAt: Number.NEGATIVE_INFINITY,
      }
    }),
  )
  let falseOpens = 0

  const targetsOf = ({ candidates, whole, size, maxTokens, reasoning }: Request): Target[] => {
    const promptTokens = PROMPT_TOKENS[size] ?? 0
    const limitsOf = timeoutLimitsFor(BASE, { stream: !whole, reasoning, promptTokens, outputTokens: maxTokens })
    return candidates.map((profile, at) => {
      const { name, provider, tier } = profile
      const index = Math.max(scenario.profiles.indexOf(profile), at)
      const deployment = profile.deployment ?? { provider, upstreamModel: name, traits: unlistedModelTraits }
      return { name, provider, tier, index, profile, traits: deployment.traits, timeoutLimits: limitsOf(deployment) }
    })
  }

  for (const moment of scenario.evictedAt ?? []) {
    timeline.at(moment, () => {
      for (const station of stations) {
        station.core = createRegionHealth(
          scenario.storageLost === true ? undefined : station.saved,
          clock(station.skewMs),
        )
      }
    })
  }

  const wasIll = (deployment: string, region: number, now: number) => {
    return [0, ILL_MS / 3, (2 * ILL_MS) / 3, ILL_MS].some(
      (ago) => world.condition(deployment, region, now - ago) !== undefined,
    )
  }

  const exchange = (station: Station) => {
    if (station.exchanging || station.core.nextDigestMs(clock(station.skewMs)) > 0) return
    station.exchanging = true
    const digest = structuredClone(station.core.digest(clock(station.skewMs)))
    timeline.after(between(GLOBAL_MS), () => {
      const pooled = structuredClone(global.exchange(station.name, digest, EPOCH + timeline.now()))
      timeline.after(between(GLOBAL_MS), () => {
        station.exchanging = false
        station.core.absorb(pooled, clock(station.skewMs))
      })
    })
  }

  const tell = (isolate: Isolate) => {
    const { health, region, skewMs } = isolate
    const report = structuredClone(health.takeReport(clock(skewMs)))
    const now = timeline.now()
    const { objectsGone, snapshotEveryMs } = scenario
    if (objectsGone !== undefined && now >= objectsGone.from && now < objectsGone.to) {
      timeline.after(GONE_MS, () => {
        health.reportFailed(clock(skewMs), false)
        pump(isolate)
      })
      return
    }
    if (snapshotEveryMs !== undefined && now - isolate.heardAt < snapshotEveryMs) {
      timeline.after(between(CALL_MS), () => {
        health.reportFailed(clock(skewMs), true)
        pump(isolate)
      })
      return
    }
    isolate.heardAt = now
    timeline.after(between(CALL_MS), () => {
      const at = clock(region.skewMs)
      const snapshot = region.core.report(report, at, random())
      if (region.core.shouldSave(at)) region.saved = JSON.parse(JSON.stringify(region.core.save(at)))
      exchange(region)
      timeline.after(between(CALL_MS), () => {
        health.acceptSnapshot(snapshot, clock(skewMs))
        pump(isolate)
      })
    })
  }

  const pump = (isolate: Isolate) => {
    const due = isolate.health.reportDue(clock(isolate.skewMs))
    if (due === undefined) return
    if (due === 'now') return tell(isolate)
    const at = timeline.now() + due
    if (isolate.wakeAt <= at && isolate.wakeAt > timeline.now()) return
    isolate.wakeAt = at
    timeline.at(at, () => {
      if (isolate.wakeAt === at) isolate.wakeAt = Number.POSITIVE_INFINITY
      pump(isolate)
    })
  }

  const isolateAt = (region: number, index: number): Isolate => {
    const isolate = isolates[region * (scenario.isolates ?? ISOLATES) + index]
    if (isolate === undefined) throw new TypeError(`no isolate ${index} in region ${region}`)
    return isolate
  }

  return {
    begin(request, startedAt): Course {
      const isolate = isolateAt(request.region, request.isolate)
      const { health, budget, hedges, releases, skewMs } = isolate
      const own = (now: number) => EPOCH + skewMs + now
      const bucket = (request.whole ? FIRST_WHOLE_BODY_BUCKET : 0) + request.size
      budget.earn(own(startedAt))
      const session = request.session && rankedSession(request.session, isolate.memory)
      const ranking = rank(targetsOf(request), health.view(own(startedAt)), {
        requestHash: request.hash,
        ...(session === undefined ? {} : { session }),
        policy,
        bucket,
        outputTokens: request.whole ? request.maxTokens : OUTPUT_TOKENS,
      })
      if (session !== undefined && ranking.home !== undefined) {
        isolate.memory.remember('', session.hash, ranking.home, own(startedAt))
      }
      const route = { ranking, bucket, requestHash: request.hash }
      const attempts = createAttempts(route, { budget, releases }, own(startedAt))
      if (isHedged) hedges.earn(own(startedAt), '')
      /** Tells of attempts, of which one at a time is under way. */
      const courseOf = (nextOf: (now: number) => NextAttempt<Target> | undefined): Course => {
        let current: { name: string; probe?: string; firstAt?: number; beganAt: number; deadlineMs: number } | undefined
        let ask: NextAttempt<Target> | undefined

        const note = (
          kind: OutcomeClass,
          now: number,
          more: Pick<Outcome, 'ttftMs' | 'tokensPerSecond' | 'waitMs' | 'limit'>,
        ) => {
          if (current === undefined) return
          const { name, probe } = current
          const isOpen = () => /open/.test(health.view(own(now)).statusOf(name, bucket).state)
          const was = isOpen()
          const outcome = { deployment: name, class: kind, at: own(now), bucket, ...more }
          health.record(probe === undefined ? outcome : { ...outcome, probe }, own(now))
          // An attempt tells of how things were while it waited; what was invented is never well.
          const isReal = scenario.profiles.some((profile) => profile.name === name)
          const isFalse = isReal && !wasIll(name, request.region, now) && !wasIll(name, request.region, current.beganAt)
          if (!was && isOpen() && isFalse) falseOpens++
        }
        return {
          next(now) {
            ask = nextOf(own(now))
            while (ask !== undefined && request.hostile === 'untranslatable') {
              skipAttempt(attempts)
              ask = nextOf(own(now))
            }
            if (ask === undefined) return undefined
            const { candidate: target, deadlineMs, waitMs, probe } = ask
            current = { name: target.name, beganAt: now, deadlineMs, ...(probe === undefined ? {} : { probe }) }
            return { profile: target.profile, deadlineMs, waitMs }
          },
          begins(now) {
            if (current === undefined) return
            current.beganAt = now
            health.attemptStarted(current.name, own(now), current.probe)
            pump(isolate)
          },
          failed(kind, now, waitMs, refusal) {
            if (current === undefined) return
            const failure = refusal === undefined ? failureOf(kind, waitMs) : refusedBy(refusal, own(now))
            const outcome = outcomeClassOf(failure)
            health.attemptEnded(current.name)
            const ofSize = failure.details.health === 'size'
            if (outcome === 'limit') note(outcome, now, ofSize ? { waitMs, limit: 'size' } : { waitMs })
            else if (outcome === 'timeout') note(outcome, now, { ttftMs: now - current.beganAt })
            else if (outcome !== undefined) note(outcome, now, {})
            failAttempt(attempts, failure, own(now), ask)
            pump(isolate)
          },
          first(ttftMs, now) {
            if (current !== undefined) current.firstAt = now
            note('first-token', now, { ttftMs })
            pump(isolate)
          },
          ended(kind, now) {
            if (current === undefined) return
            health.attemptEnded(current.name)
            if (kind === 'cut') note('failed-mid-stream', now, {})
            if (kind === 'answer' && request.whole) note('success', now, { ttftMs: now - current.beganAt })
            else if (kind === 'answer') {
              const tokensPerSecond = (OUTPUT_TOKENS * 1000) / Math.max(now - (current.firstAt ?? now), 1)
              note('success', now, { tokensPerSecond })
            }
            pump(isolate)
          },
          lateAfterMs: () => (isHedged && ask !== undefined ? hedgeDelayOf(ask) : undefined),
          hedge(now) {
            const isCalm = ranking.out.every(({ status }) => status.state === 'limited') && !budget.isLow(own(now))
            if (!isCalm) return undefined
            const course = courseOf((at) => hedgeAttempt(attempts, at, hedges, ''))
            const second = course.next(now)
            return second && ({ ask: second, course } satisfies Hedge)
          },
          lost(now) {
            if (current === undefined) return
            health.attemptEnded(current.name)
            const ttftMs = now - current.beganAt
            if (ttftMs > (ask?.ranked.status.ttftMs ?? Number.POSITIVE_INFINITY)) note('slow', now, { ttftMs })
            pump(isolate)
          },
        }
      }
      return courseOf((now) => nextAttempt(attempts, now))
    },
    falseOpens: () => falseOpens,
  }
}

function rankedSession({ id, turn }: NonNullable<Request['session']>, memory: SessionMemory): RankedSession {
  const hash = hashOf(`session ${id}`)
  const last = memory.find('', hash)
  return { hash, hasHistory: turn > 0, ...(last === undefined ? {} : { last }) }
}

function refusedBy({ status, body, sent }: Refusal, now: number): Failure {
  return readUpstreamFailure({ status, header: () => null, body, now, callerTexts: sent })
}

const BROKEN = new Failure('provider-failed', 'broken', { upstreamStatus: 500 })
const LATE = new Failure('provider-timeout', 'late')
const BAD = new Failure('rejected', 'bad', { upstreamStatus: 400 })
const limits = new Map<number, Failure>()

function failureOf(kind: 'error' | 'bad' | 'limit' | 'timeout', waitMs: number): Failure {
  switch (kind) {
    case 'error':
      return BROKEN
    case 'timeout':
      return LATE
    case 'bad':
      return BAD
    case 'limit': {
      const made =
        limits.get(waitMs) ?? new Failure('rate-limited', 'limit', { upstreamStatus: 429, retryAfterMs: waitMs })
      limits.set(waitMs, made)
      return made
    }
    default:
      return kind satisfies never
  }
}
