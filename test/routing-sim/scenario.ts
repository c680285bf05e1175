import { findDeployment } from '../../src/catalog/models.ts'
import type { Hostility } from './hostile.ts'
import type { Fault, Profile, Request } from './world.ts'

/** What the machinery around the policy suffers; only Router9 has such machinery, the baselines' state is free of it. */
export interface Trouble {
  /** The regional objects do not answer. */
  readonly objectsGone?: { readonly from: number; readonly to: number }
  /** The regional objects lose their memory at these moments, and keep what was stored. */
  readonly evictedAt?: readonly number[]
  /** … and lose that too. */
  readonly storageLost?: boolean
  /** An isolate hears from its region only so often. */
  readonly snapshotEveryMs?: number
  /** How far clocks are apart, at most. */
  readonly skewMs?: number
}

/** What became of one request. */
export interface Traced {
  readonly session?: { readonly id: number; readonly turn: number } | undefined
  readonly region: number
  readonly at: number
  readonly regret: number
  readonly attempts: number
  readonly ttftMs: number | undefined
  /** Whom it asked last. */
  readonly who: string | undefined
  /** Whether two were asked side by side, and one of them in vain. */
  readonly hedged: boolean
  readonly lost: boolean
  readonly size: number
}

export interface Scenario extends Trouble {
  readonly name: string
  readonly faults: readonly Fault[]
  readonly profiles: readonly Profile[]
  readonly requestsPerSecond: number
  readonly start: number
  readonly end: number
  /** The window in which `in fault` is counted. */
  readonly faultFrom: number
  readonly faultTo: number
  /** Whose share tells when the fault is noticed, and where; absent where that has no meaning. */
  readonly watched?: { readonly deployments: readonly string[]; readonly regions?: readonly number[] }
  /** Of the prompts: small, middle, large. */
  readonly sizes: readonly [number, number, number]
  /** Large prompts fit only these. */
  readonly largeOnly?: readonly string[]
  readonly badRate?: number
  readonly leaveRate?: number
  /** The share of requests that ask for whole answers, some of them long. */
  readonly wholeRate?: number
  readonly reasoning?: Request['reasoning']
  /** The share of requests that are of each kind of hostility, between these moments. */
  readonly hostile?: { readonly rates: Readonly<Record<Hostility, number>>; readonly from: number; readonly to: number }
  /** Of each region; 4 where absent. */
  readonly isolates?: number
  /** So many conversations at a time, each of so many turns, which come to the isolates of one region. */
  readonly sessions?: { readonly atOnce: number; readonly turns: number }
  /** Gets each request that counts, to look closer. */
  readonly trace?: (request: Traced) => void
}

export const REGIONS = 3
export const ISOLATES = 4

const [A, B, C, D] = ['alfa/a', 'bravo/b', 'charlie/c', 'delta/d'] as const
const profile = (name: string, tier: number, ttftMs: number, tokensPerSecond: number): Profile => ({
  name,
  provider: name.slice(0, name.indexOf('/')),
  tier,
  ttftMs,
  tokensPerSecond,
})
const PROFILES = [profile(A, 0, 500, 70), profile(B, 0, 550, 80), profile(C, 1, 400, 90), profile(D, 2, 300, 120)]

const FROM = 200_000
const TO = 320_000
const USUAL = {
  faults: [],
  profiles: PROFILES,
  requestsPerSecond: 20,
  start: 0,
  end: 500_000,
  faultFrom: FROM,
  faultTo: TO,
  sizes: [0.9, 0.08, 0.02],
} as const
const during = (fault: Omit<Fault, 'from' | 'to'>): Fault[] => [{ from: FROM, to: TO, ...fault }]
const ofA = (fault: Omit<Fault, 'from' | 'to' | 'deployments'>) => ({
  faults: during({ deployments: [A], ...fault }),
  watched: { deployments: [A] },
})
const DOWN = { errorRate: 1 }
const WHOLE = { wholeRate: 1, end: 560_000 } as const

/** A model of each dialect, all as good as each other, and one to fall back on. */
const DIALECTS = [
  'openai/gpt-4o',
  'anthropic/claude-sonnet-4-6',
  'google/gemini-3.5-flash',
  'cohere/command-a-reasoning-08-2025',
]
const OF_DIALECTS = DIALECTS.map((name): Profile => {
  const slash = name.indexOf('/')
  const found = findDeployment(name.slice(0, slash), name.slice(slash + 1))
  if (found === undefined) throw new TypeError(`nothing is called ${name}`)
  return { ...profile(name, 0, 500, 70), deployment: found.deployment }
})
/** Each of them hangs in its turn. */
const IN_TURN = DIALECTS.map((name, at): Fault => {
  const ms = (TO - FROM) / DIALECTS.length
  return { deployments: [name], hangs: true, from: FROM + at * ms, to: FROM + (at + 1) * ms }
})
const CLAUDE = 'anthropic/claude-sonnet-4-6'
const HANGING = { faults: during({ deployments: [CLAUDE], hangs: true }), watched: { deployments: [CLAUDE] } }
/** Every four seconds, for a moment, and each with a second to wait. */
const SHORT_LIMITS = Array.from({ length: (TO - FROM) / 4000 }, (_, at): Fault => {
  const from = FROM + at * 4000
  return { deployments: [A], limitMs: 1000, from, to: from + 300 }
})
const HOSTILE = {
  from: FROM - 60_000,
  to: TO + 60_000,
  rates: { 'echoed words': 0.15, 'huge prompts': 0.15, 'invented names': 0.02, untranslatable: 0.25 },
}

/** All scenarios, in the order of the tables. */
export const SCENARIOS: readonly Scenario[] = [
  { ...USUAL, name: 'hard outage', ...ofA(DOWN) },
  { ...USUAL, name: 'hang', ...ofA({ hangs: true }) },
  { ...USUAL, name: 'brown-out 30%', ...ofA({ errorRate: 0.3 }) },
  { ...USUAL, name: 'slow 10x', ...ofA({ ttftFactor: 10 }) },
  { ...USUAL, name: '429, 20 s', ...ofA({ limitMs: 20_000 }) },
  { ...USUAL, name: 'cuts 30%', ...ofA({ cutRate: 0.3 }) },
  { ...USUAL, name: 'flapping 10 s', faults: during({ deployments: [A], ...DOWN, flapMs: 10_000 }) },
  {
    ...USUAL,
    name: 'regional',
    faults: during({ deployments: [A], regions: [0], ...DOWN }),
    watched: { deployments: [A], regions: [0] },
  },
  {
    ...USUAL,
    name: 'tier 0 down',
    faults: during({ deployments: [A, B], ...DOWN }),
    watched: { deployments: [A, B] },
  },
  { ...USUAL, name: 'all down', faults: during({ deployments: [A, B, C, D], ...DOWN }) },
  {
    ...USUAL,
    name: 'quality or speed',
    faults: [
      { from: FROM, to: 260_000, deployments: [A, B], ttftAddMs: 2000 },
      { from: 260_000, to: TO, deployments: [A, B], ttftAddMs: 6000 },
    ],
  },
  { ...USUAL, name: 'cold start', ...ofA(DOWN), start: FROM },
  { ...USUAL, name: 'old snapshot', ...ofA(DOWN), snapshotEveryMs: 30_000 },
  { ...USUAL, name: '0.5 a second', ...ofA(DOWN), requestsPerSecond: 0.5 },
  { ...USUAL, name: '200 a second', ...ofA(DOWN), requestsPerSecond: 200, start: 100_000, end: 400_000 },
  {
    ...USUAL,
    name: 'a provider fails',
    profiles: [
      profile(A, 0, 500, 70),
      profile(B, 0, 550, 80),
      profile('alfa/c', 1, 400, 90),
      profile('alfa/e', 1, 420, 90),
      profile(D, 2, 300, 120),
    ],
    faults: during({ deployments: [A, 'alfa/c', 'alfa/e'], ...DOWN }),
    watched: { deployments: [A] },
  },
  { ...USUAL, name: 'skewed clocks', ...ofA(DOWN), skewMs: 30_000 },
  { ...USUAL, name: 'objects gone 60 s', ...ofA(DOWN), objectsGone: { from: 190_000, to: 250_000 } },
  { ...USUAL, name: 'objects evicted', ...ofA(DOWN), evictedAt: [203_000, 230_000, 280_000] },
  { ...USUAL, name: 'storage lost', ...ofA(DOWN), evictedAt: [203_000, 230_000, 280_000], storageLost: true },
  { ...USUAL, name: 'capacity 3 a second', faults: during({ deployments: [A], capacityPerSecond: 3 }) },
  { ...USUAL, name: 'long prompts', ...ofA({ hangs: true }), sizes: [0.3, 0.4, 0.3] },
  { ...USUAL, name: 'clients leave 20%', leaveRate: 0.2 },
  { ...USUAL, name: '400 storm', badRate: 0.5 },
  { ...USUAL, name: 'Simpson', sizes: [0.6, 0.1, 0.3], largeOnly: [A, D] },
  { ...USUAL, ...WHOLE, name: 'whole: hang', ...ofA({ hangs: true }) },
  { ...USUAL, ...WHOLE, name: 'whole: slow 20x', ...ofA({ slowFactor: 20 }) },
  { ...USUAL, ...WHOLE, name: 'whole: cuts 30%', ...ofA({ cutRate: 0.3 }) },
  { ...USUAL, ...WHOLE, name: 'whole: healthy' },
  { ...USUAL, name: 'whole or streamed: hang', ...ofA({ hangs: true }), wholeRate: 0.5, end: 560_000 },
  { ...USUAL, name: 'hangs by dialect', profiles: OF_DIALECTS, faults: IN_TURN },
  { ...USUAL, name: 'hang, cold', profiles: OF_DIALECTS.slice(1, 3), ...HANGING, start: FROM },
  { ...USUAL, name: 'hang, reasoning asked', profiles: OF_DIALECTS.slice(1), ...HANGING, reasoning: 'some' },
  { ...USUAL, name: 'hostile tenant', ...ofA(DOWN), hostile: HOSTILE, start: 100_000, end: 420_000 },
  {
    ...USUAL,
    name: 'short limits',
    profiles: PROFILES.slice(0, 1),
    requestsPerSecond: 100,
    faults: SHORT_LIMITS,
    start: 180_000,
    end: 340_000,
  },
  { ...USUAL, name: 'healthy', requestsPerSecond: 200, end: 252_000, faultTo: 252_000, faultFrom: 0 },
]
