import type { Course, Policy } from './policy.ts'
import { chanceOf } from './random.ts'
import type { Profile, Request, World } from './world.ts'

/** All wait so long for a first word, and ask at most so often. */
const DEADLINE_MS = 10_000
const TOTAL_MS = 30_000
/** A whole answer is waited for longer. */
const WHOLE_FACTOR = 6
const MAX_ATTEMPTS = 3

/** What a policy without clocks of its own consists of; its state is shared by all isolates without delay. */
interface Rules {
  /** Whom to ask, in order; asked anew for each attempt. */
  readonly order: (
    request: Pick<Request, 'candidates' | 'hash' | 'whole' | 'tokens' | 'reasoning'>,
    tried: readonly Profile[],
    now: number,
  ) => Profile[]
  readonly ok: (profile: Profile, now: number) => void
  readonly failed: (profile: Profile, kind: 'error' | 'limit' | 'timeout' | 'cut', now: number, waitMs: number) => void
  /** Moves on by one request. */
  readonly turn?: () => void
  readonly maxAttempts?: number
  readonly deadlineMs?: number
}

function policyOf(rules: Rules): Policy {
  return {
    begin(request, startedAt): Course {
      const factor = request.whole ? WHOLE_FACTOR : 1
      const tried: Profile[] = []
      rules.turn?.()
      let current: Profile | undefined
      let over = false
      return {
        next(now) {
          if (over || tried.length >= (rules.maxAttempts ?? MAX_ATTEMPTS)) return undefined
          const [profile] = rules.order(request, tried, now)
          const leftMs = TOTAL_MS * factor - (now - startedAt)
          if (profile === undefined || leftMs <= 0) return undefined
          current = profile
          tried.push(profile)
          return { profile, deadlineMs: Math.min((rules.deadlineMs ?? DEADLINE_MS) * factor, leftMs), waitMs: 0 }
        },
        begins() {},
        failed(kind, now, waitMs) {
          if (kind === 'bad') over = true
          else if (current !== undefined) rules.failed(current, kind, now, waitMs)
        },
        first() {},
        ended(kind, now) {
          if (current === undefined || kind === 'left') return
          if (kind === 'answer') rules.ok(current, now)
          else rules.failed(current, 'cut', now, 0)
        },
      }
    },
    falseOpens: () => 0,
  }
}

function notTried(candidates: readonly Profile[], tried: readonly Profile[]): Profile[] {
  return candidates.filter((profile) => !tried.includes(profile))
}

function shuffled(profiles: readonly Profile[], hash: number, salt: number): Profile[] {
  const chance = chanceOf(hash, salt)
  return profiles
    .map((profile) => ({ profile, at: chance() }))
    .sort((a, b) => a.at - b.at)
    .map(({ profile }) => profile)
}

/** Each request to the next one in turn; a failure goes on to the one after it. */
function roundRobin(): Policy {
  let turn = 0
  return policyOf({
    turn: () => {
      turn++
    },
    order({ candidates }, tried) {
      const at = turn % candidates.length
      return notTried([...candidates.slice(at), ...candidates.slice(0, at)], tried)
    },
    ok() {},
    failed() {},
  })
}

/** Always the given order. */
function staticPriority(): Policy {
  return policyOf({ order: ({ candidates }, tried) => notTried(candidates, tried), ok() {}, failed() {} })
}

const LITELLM = { failures: 3, share: 0.5, least: 5, windowMs: 60_000, cooldownMs: 5000 }

/**
 * Like LiteLLM's router with `simple-shuffle`: deployments of one tier are a model group, the further tiers its
 * fallbacks; too many failures in a minute, or one 429, cool a deployment for five seconds; retries go to another one
 * of the group while there is one.
 */
function litellmLike(isTooMuch: (failed: number, all: number) => boolean): Policy {
  const results = new Map<string, { at: number; ok: boolean }[]>()
  const coolUntil = new Map<string, number>()
  const note = ({ name }: Profile, ok: boolean, now: number) => {
    const recent = results.get(name) ?? []
    results.set(name, recent)
    recent.push({ at: now, ok })
    while ((recent[0]?.at ?? now) < now - LITELLM.windowMs) recent.shift()
    return ok ? 0 : recent.filter((result) => !result.ok).length
  }
  return policyOf({
    order({ candidates, hash }, tried, now) {
      const tiers = [...new Set(candidates.map(({ tier }) => tier))]
      const groups = tiers.map((tier) =>
        shuffled(
          candidates.filter((profile) => profile.tier === tier),
          hash,
          tier,
        ),
      )
      const order = groups.flat()
      const warm = order.filter(({ name }) => (coolUntil.get(name) ?? 0) <= now)
      const rest = notTried(warm, tried)
      // With all of them cooling it goes on with what there is, which is kinder than its error.
      return rest.length > 0 ? rest : notTried(order, tried)
    },
    ok: (profile, now) => {
      note(profile, true, now)
    },
    failed(profile, kind, now) {
      const failed = note(profile, false, now)
      if (kind !== 'limit' && !isTooMuch(failed, results.get(profile.name)?.length ?? 0)) return
      coolUntil.set(profile.name, now + LITELLM.cooldownMs)
      results.delete(profile.name)
    },
  })
}

const PORTKEY = { share: 0.2, least: 10, windowMs: 60_000, cooldownMs: 30_000 }

/**
 * Like Portkey's fallback with its circuit breaker: the given order without those that are open; open after 20 % failures
 * of at least ten requests, for 30 s; it closes by time; with all open the breaker is passed by.
 */
function portkeyLike(): Policy {
  const results = new Map<string, { at: number; ok: boolean }[]>()
  const openUntil = new Map<string, number>()
  const note = ({ name }: Profile, ok: boolean, now: number) => {
    const recent = results.get(name) ?? []
    results.set(name, recent)
    recent.push({ at: now, ok })
    while ((recent[0]?.at ?? now) < now - PORTKEY.windowMs) recent.shift()
    if (ok) return
    const failed = recent.filter((result) => !result.ok).length
    if (recent.length < PORTKEY.least || failed < PORTKEY.share * recent.length) return
    openUntil.set(name, now + PORTKEY.cooldownMs)
    results.delete(name)
  }
  return policyOf({
    order({ candidates }, tried, now) {
      const closed = candidates.filter(({ name }) => (openUntil.get(name) ?? 0) <= now)
      return notTried(closed.length > 0 ? closed : candidates, tried)
    },
    ok: (profile, now) => note(profile, true, now),
    failed: (profile, kind, now) => {
      // By default only what is above 500 counts, which a 429 is not.
      if (kind !== 'limit') note(profile, false, now)
    },
  })
}

/** Knows the true state and asks once, whoever is worth most in the mean. */
function oracle(world: World): Policy {
  return policyOf({
    maxAttempts: 1,
    deadlineMs: TOTAL_MS,
    order(request, _tried, now) {
      const nobody = {
        region: 0,
        isolate: 0,
        id: 0,
        at: now,
        size: 0,
        bad: false,
        maxTokens: 0,
        reasoning: 'none',
      } as const
      const whole = { ...request, ...nobody }
      return request.candidates.toSorted((a, b) => worthOf(b, whole, world, now) - worthOf(a, whole, world, now))
    },
    ok() {},
    failed() {},
  })
}

/** What asking once is worth in the mean; the measure of regret. */
export function worthOf(profile: Profile, request: Request, world: World, now: number, lambda = 0.04): number {
  const { p, seconds } = world.truth(profile, request, now)
  return p * utilityOf(profile.tier, secondsIn(request, seconds * 1000), lambda) - FAILURE_COST * (1 - p)
}

/** Nobody expects a whole answer as soon as a first word: its time counts for so much less. */
const WHOLE_WEIGHT = 1 / 6

/** How long somebody who asks this feels to have waited. */
export function secondsIn({ whole }: Pick<Request, 'whole'>, ms: number): number {
  return (ms / 1000) * (whole ? WHOLE_WEIGHT : 1)
}

/** What an answer is worth. */
export function utilityOf(tier: number, seconds: number, lambda = 0.04): number {
  return (QUALITY[tier] ?? 0) - lambda * seconds
}

const QUALITY = [1, 0.85, 0.7]
export const FAILURE_COST = 0.1

export const BASELINES = {
  'round robin': roundRobin,
  'static priority': staticPriority,
  /** As with `allowed_fails: 3`. */
  'LiteLLM-like': () => litellmLike((failed) => failed > LITELLM.failures),
  /** As without it: more than half of at least five. */
  'LiteLLM-like, half': () => litellmLike((failed, all) => all >= LITELLM.least && failed > all * LITELLM.share),
  'Portkey-like': portkeyLike,
  oracle,
} as const satisfies Record<string, (world: World) => Policy>
