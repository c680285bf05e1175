import type { Deployment } from '../../src/catalog/deployment.ts'
import type { Needs } from '../../src/routing/needs.ts'
import { type Hostility, type Refusal, refusalOf } from './hostile.ts'
import { chanceOf, normal } from './random.ts'

/** A deployment of the simulated world, in good health. */
export interface Profile {
  /** `provider/model`. */
  readonly name: string
  readonly provider: string
  readonly tier: number
  readonly ttftMs: number
  readonly tokensPerSecond: number
  /** Of a real model, whose traits it has; otherwise it can do everything. */
  readonly deployment?: Deployment
}

/** What is wrong with a deployment for a while. */
export interface Condition {
  /** Answers with an error at once. */
  readonly errorRate?: number
  /** Does not answer at all. */
  readonly hangs?: boolean
  readonly cutRate?: number
  readonly ttftFactor?: number
  readonly ttftAddMs?: number
  /** Its words come so many times as slowly. */
  readonly slowFactor?: number
  /** This share of its first words comes so many times as late, by chance. */
  readonly tail?: { readonly rate: number; readonly factor: number }
  /** Answers 429 with this retry-after. */
  readonly limitMs?: number
  /** Answers 429 to what is above it, counted over one second. */
  readonly capacityPerSecond?: number
}

export interface Fault extends Condition {
  readonly deployments: readonly string[]
  readonly from: number
  readonly to: number
  /** Where it is not everywhere. */
  readonly regions?: readonly number[]
  /** On and off for so long each, starting with on. */
  readonly flapMs?: number
}

export interface Request {
  readonly id: number
  readonly at: number
  readonly region: number
  readonly isolate: number
  readonly hash: number
  readonly session?: { readonly id: number; readonly turn: number }
  /** 0 to 2, as the product counts them. */
  readonly size: number
  /** Refused by every provider as the caller's own mistake. */
  readonly bad: boolean
  /** A request that is made to do harm, and how. */
  readonly hostile?: Hostility
  /** Asks for a whole answer, of which nothing comes before its end. */
  readonly whole: boolean
  /** How long its answer is. */
  readonly tokens: number
  /** The longest answer that it asks for; 0 where it leaves that open. */
  readonly maxTokens: number
  readonly reasoning: Needs['reasoning']
  /** When the client leaves, after the start; undefined where it stays. */
  readonly leavesAfterMs?: number
  /** The deployments that can do it. */
  readonly candidates: readonly Profile[]
}

/** What a deployment does with a request; times count from the start of the attempt. */
export type Course =
  | { readonly kind: 'answer'; readonly firstMs: number; readonly endMs: number }
  | { readonly kind: 'cut'; readonly firstMs: number; readonly endMs: number }
  | { readonly kind: 'error'; readonly endMs: number }
  | { readonly kind: 'bad'; readonly endMs: number }
  | { readonly kind: 'limit'; readonly endMs: number; readonly waitMs: number }
  | { readonly kind: 'hang' }
  | { readonly kind: 'refused'; readonly endMs: number; readonly refusal: Refusal }

export interface World {
  readonly condition: (deployment: string, region: number, now: number) => Condition | undefined
  /** Takes its turn at the deployment, capacity included. */
  readonly ask: (profile: Profile, request: Request, attempt: number, now: number) => Course
  /** What a request is worth there in the mean, by the true state: share that goes well, and seconds to the first word. */
  readonly truth: (profile: Profile, request: Request, now: number) => { p: number; seconds: number }
}

export const OUTPUT_TOKENS = 200
/** A provider in good health still fails now and then. */
const USUAL_ERROR_RATE = 0.003
const SIGMA = 0.35
const SIZE_FACTOR = [1, 1.6, 3]
const REASONING_FACTOR = { none: 1, some: 10, most: 30 } as const
/** What a mean is above the median where times are spread so. */
const MEAN_FACTOR = Math.exp(SIGMA ** 2 / 2)
/** Nobody waits longer for a first word: an attempt of that kind fails. */
const OUT_OF_TIME_SECONDS = 30

/** The true world, of which policies see only what they ask. */
export function createWorld(faults: readonly Fault[], seed: number): World {
  const taken = new Map<string, { second: number; count: number }>()

  const condition = (deployment: string, region: number, now: number): Condition | undefined =>
    faults.find(
      ({ deployments, from, to, regions, flapMs }) =>
        now >= from &&
        now < to &&
        deployments.includes(deployment) &&
        regions?.includes(region) !== false &&
        (flapMs === undefined || Math.floor((now - from) / flapMs) % 2 === 0),
    )

  const isFull = (name: string, perSecond: number, now: number) => {
    const used = taken.get(name)
    return used?.second === Math.floor(now / 1000) && used.count >= perSecond
  }

  const medianMs = ({ ttftMs, deployment }: Profile, { size, reasoning }: Request, now: Condition | undefined) => {
    const factor = deployment?.traits.reasoning === false ? 1 : REASONING_FACTOR[reasoning]
    return ttftMs * (SIZE_FACTOR[size] ?? 1) * factor * (now?.ttftFactor ?? 1) + (now?.ttftAddMs ?? 0)
  }

  return {
    condition,
    ask(profile, request, attempt, now) {
      const { name } = profile
      const wrong = condition(name, request.region, now)
      const chance = chanceOf(seed, request.id, attempt, nameNumber(name))
      const [luck, cutLuck, quick, where] = [chance(), chance(), chance(), chance()]
      const spread = Math.exp(SIGMA * normal(chance))
      if (request.hostile !== undefined) {
        return { kind: 'refused', endMs: 40 + 80 * quick, refusal: refusalOf(request.hostile, request.id) }
      }
      if (request.bad) return { kind: 'bad', endMs: 40 + 80 * quick }
      if (wrong?.hangs === true) return { kind: 'hang' }
      if (wrong?.limitMs !== undefined) return { kind: 'limit', endMs: 40 + 60 * quick, waitMs: wrong.limitMs }
      if (wrong?.capacityPerSecond !== undefined) {
        if (isFull(name, wrong.capacityPerSecond, now)) return { kind: 'limit', endMs: 40 + 60 * quick, waitMs: 1000 }
        const second = Math.floor(now / 1000)
        const used = taken.get(name)
        taken.set(name, { second, count: used?.second === second ? used.count + 1 : 1 })
      }
      if (luck < (wrong?.errorRate ?? USUAL_ERROR_RATE)) return { kind: 'error', endMs: 50 + 150 * quick }
      const isTail = chance() < (wrong?.tail?.rate ?? 0)
      const firstMs = medianMs(profile, request, wrong) * spread * (isTail ? (wrong?.tail?.factor ?? 1) : 1)
      const streamMs = (request.tokens / profile.tokensPerSecond) * 1000 * (wrong?.slowFactor ?? 1)
      if (cutLuck < (wrong?.cutRate ?? 0)) return { kind: 'cut', firstMs, endMs: firstMs + streamMs * where }
      return { kind: 'answer', firstMs, endMs: firstMs + streamMs }
    },
    truth(profile, request, now) {
      const wrong = condition(profile.name, request.region, now)
      const full = wrong?.capacityPerSecond !== undefined && isFull(profile.name, wrong.capacityPerSecond, now)
      if (wrong?.hangs === true || wrong?.limitMs !== undefined || full) return { p: 0, seconds: OUT_OF_TIME_SECONDS }
      const wordsSeconds = (request.tokens / profile.tokensPerSecond) * (wrong?.slowFactor ?? 1)
      return {
        p: (1 - (wrong?.errorRate ?? USUAL_ERROR_RATE)) * (1 - (wrong?.cutRate ?? 0)),
        seconds: (medianMs(profile, request, wrong) * MEAN_FACTOR) / 1000 + (request.whole ? wordsSeconds : 0),
      }
    },
  }
}

function nameNumber(name: string): number {
  let number = 0
  for (const letter of name) number = Math.imul(number, 31) + letter.charCodeAt(0)
  return number
}
