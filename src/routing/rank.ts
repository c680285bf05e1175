import type { DeploymentStatus, HealthView } from '../health/isolate.ts'
import type { State } from '../health/record.ts'
import { hashOf, unitOf } from './hash.ts'

/** Whom a request might go to. */
export interface Candidate {
  /** `provider/upstreamModel`. */
  readonly name: string
  readonly provider: string
  /** 0 for the best; deployments of one model share theirs. */
  readonly tier: number
  /** The place in the given order, which decides where nothing else does. */
  readonly index: number
  /** US dollars per million tokens, of a usual mixture. */
  readonly price?: number
}

/** How the order and the service are weighed: the order alone, or both. */
export type Policy = 'strict' | 'balanced'

export interface RankOptions {
  readonly requestHash: number
  /** Of the user or conversation: keeps to one among equals, where its prompt is cached. */
  readonly affinityHash?: number
  readonly policy: Policy
  /** Orders by this alone, as the caller asked. */
  readonly sort?: 'latency' | 'throughput'
  readonly bucket: number
  /** The longest answer asked for. */
  readonly outputTokens?: number
}

/** A candidate with what speaks for it. */
export type Ranked<T extends Candidate = Candidate> = {
  readonly candidate: T
  readonly score: number
  readonly p: number
  readonly ttftMs: number | undefined
  readonly ttftP95Ms: number | undefined
  readonly samples: number
  readonly tokensPerSecond: number | undefined
  readonly state: State
  readonly reason: string
  readonly until: number
  /** The attempt there is this trial; goes into `started` and the outcome. */
  readonly trial?: string
}

export interface Ranking<T extends Candidate = Candidate> {
  /** Whom to ask, best first. */
  readonly ranked: readonly Ranked<T>[]
  /** Who is out, the soonest to come back first; `state` says whether it is open or limited. */
  readonly out: readonly Ranked<T>[]
  /** All are out: those that are not limited are asked nevertheless. */
  readonly panic: boolean
}

const LAMBDA: Readonly<Record<Policy, number>> = { strict: 0, balanced: 0.04 }
const SPEED_WEIGHT = 0.25
const FAILURE_COST = 0.1
const QUALITY = [1, 0.85, 0.7]
const QUALITY_STEP = 0.87
const BAND = 0.03
const BELOW_BEST = 0.02
const EXPLORE = 0.05
const UNKNOWN_TTFT_MS = 1000
const WHOLE_BODY = 6
const USUAL_TOKENS = 200
const MAX_TOKENS = 1000
const ENOUGH_TOKENS_PER_SECOND = 30
/** A provider is large: only many of our own attempts slow it. And what fails at once has few under way, which must not attract more. */
const IN_FLIGHT_WEIGHT = 0.02
/** More than the band of equals, less than what lies between two tiers. */
const SHAKY_COST = 0.05
const WELL_P = 0.98
const PRICE_WEIGHT = 0.05
const SALT = { ramp: 1, first: 2, second: 3, explore: 4, explored: 5 }

/** Puts the candidates in order (routing 2.4). The same arguments give the same order. */
export function rank<T extends Candidate>(
  candidates: readonly T[],
  view: HealthView,
  options: RankOptions,
): Ranking<T> {
  const [only] = candidates
  if (only !== undefined && candidates.length === 1) return alone(only, view, options)
  const standings = candidates.map((candidate) => ({ candidate, standing: view.of(candidate.name, options.bucket) }))
  const explores = unitOf(options.requestHash, SALT.explore) < EXPLORE
  const known = standings.flatMap(({ standing }) => standing.ttftMs ?? [])
  const unknownMs = Math.min(UNKNOWN_TTFT_MS * (options.bucket < 3 ? 1 : WHOLE_BODY), ...known)
  const firstPrices = new Map<number, number>()
  for (const { tier, price } of candidates) {
    if (!firstPrices.has(tier)) firstPrices.set(tier, price ?? 0)
  }
  const rows = standings.map(({ candidate, standing }): Row<T> => {
    const { inFlight, ramp, hopedTtftMs, shaky } = standing
    const penalty = options.policy === 'strict' ? 0 : pricePenalty(candidate.price, firstPrices.get(candidate.tier))
    const ttftMs = (explores ? hopedTtftMs : standing.ttftMs) ?? unknownMs
    const score = scoreOf(candidate, standing, options, ttftMs) - penalty - (shaky ? SHAKY_COST : 0)
    const passes = ramp >= 1 || unitOf(options.requestHash ^ hashOf(candidate.name), SALT.ramp) < ramp
    const cost = ttftMs * (1 + IN_FLIGHT_WEIGHT * inFlight)
    const hope =
      scoreOf(candidate, { p: WELL_P, tokensPerSecond: standing.tokensPerSecond }, options, hopedTtftMs ?? unknownMs) -
      penalty
    return { shown: rankedOf(candidate, standing, score), passes, cost, hope }
  })
  // Mostly all are well, and there is nobody to be told apart.
  if (rows.length > 0 && rows.every(isPlain)) {
    return { ranked: pick(ordered(rows, options), options).map(({ shown }) => shown), out: [], panic: false }
  }
  const inside = rows.filter(({ shown }) => !isOut(shown.state))
  const bestP = Math.max(0, ...inside.map(({ shown }) => shown.p))
  // With all of them doubted, those that are about as good as the best of them.
  const isSound = inside.some(({ shown }) => shown.state === 'closed')
    ? ({ state }: Ranked<T>) => state === 'closed'
    : ({ p }: Ranked<T>) => p >= bestP - BELOW_BEST
  const isEligible = ({ shown, passes }: Row<T>) => passes && isSound(shown)
  const sorted = ordered(inside.filter(isEligible), options)
  const demoted = ordered(
    inside.filter((row) => !isEligible(row)),
    options,
  )
  const out = rows
    .filter(({ shown }) => isOut(shown.state))
    .sort((a, b) => a.shown.until - b.shown.until || compareIndex(a, b))
  const [best] = sorted
  // Only where it might come first again: who is better served elsewhere anyway need not try.
  const isWorthTrial = ({ shown, hope }: Row<T>) =>
    best === undefined ||
    (shown.candidate.tier <= best.shown.candidate.tier && options.policy === 'strict') ||
    hope > best.shown.score - BAND
  const trial = rows.filter((row) => row.shown.trial !== undefined && isWorthTrial(row)).slice(0, 1)
  const panic = inside.length === 0
  const asked = panic ? out.filter(({ shown }) => shown.state !== 'limited') : [...pick(sorted, options), ...demoted]
  const ranked = [...trial, ...asked.filter((row) => !trial.includes(row))]
  return {
    ranked: ranked.map((row) => (trial.includes(row) ? row.shown : withoutTrial(row.shown))),
    out: out.filter((row) => !ranked.includes(row)).map(({ shown }) => withoutTrial(shown)),
    panic,
  }
}

/** Most requests leave no choice: nothing is compared for them. */
function alone<T extends Candidate>(candidate: T, view: HealthView, options: RankOptions): Ranking<T> {
  const standing = view.of(candidate.name, options.bucket)
  const score = scoreOf(candidate, standing, options, standing.ttftMs ?? UNKNOWN_TTFT_MS)
  const { state } = standing
  const rows = [rankedOf(candidate, standing, score)]
  const panic = isOut(state)
  return state === 'limited' ? { ranked: [], out: rows, panic } : { ranked: rows, out: [], panic }
}

/** No trial is made where nothing is in doubt (board.ts). */
function isPlain<T extends Candidate>({ shown, passes }: Row<T>): boolean {
  return shown.state === 'closed' && passes
}

function isOut(state: State): boolean {
  return state === 'open' || state === 'half-open' || state === 'limited'
}

interface Row<T extends Candidate> {
  readonly shown: Ranked<T>
  readonly passes: boolean
  readonly cost: number
  /** The score it would have if it were well again. */
  readonly hope: number
}

/** Field by field: to copy all but some costs many times as much, and this is done for each candidate of each request. */
function rankedOf<T extends Candidate>(candidate: T, standing: DeploymentStatus, score: number): Ranked<T> {
  const { state, p, ttftMs, ttftP95Ms, samples, tokensPerSecond, until, reason, trial } = standing
  const ranked = { candidate, score, state, p, ttftMs, ttftP95Ms, samples, tokensPerSecond, until, reason }
  return trial === undefined ? ranked : { ...ranked, trial }
}

function withoutTrial<T extends Candidate>(ranked: Ranked<T>): Ranked<T> {
  if (ranked.trial === undefined) return ranked
  const { trial: _, ...others } = ranked
  return others
}

function compareIndex<T extends Candidate>(a: Row<T>, b: Row<T>): number {
  return a.shown.candidate.index - b.shown.candidate.index
}

function qualityOf(tier: number): number {
  return QUALITY[tier] ?? 0.7 * QUALITY_STEP ** (tier - 2)
}

function scoreOf(
  { tier }: Candidate,
  { p, tokensPerSecond }: Pick<Ranked, 'p' | 'tokensPerSecond'>,
  { policy, bucket, outputTokens = 0 }: RankOptions,
  ttftMs: number,
): number {
  const lambda = LAMBDA[policy]
  const seconds = ttftMs / (bucket < 3 ? 1000 : 1000 * WHOLE_BODY)
  const slow = tokensPerSecond === undefined ? 0 : Math.max(0, 1 / tokensPerSecond - 1 / ENOUGH_TOKENS_PER_SECOND)
  const tokens = Math.min(outputTokens || USUAL_TOKENS, MAX_TOKENS)
  return p * (qualityOf(tier) - lambda * (seconds + SPEED_WEIGHT * slow * tokens)) - FAILURE_COST * (1 - p)
}

/** A dearer deployment has to be clearly better than the one that stands first. */
function pricePenalty(price = 0, first = 0): number {
  return first > 0 && price > first ? PRICE_WEIGHT * Math.min(Math.log2(price / first), 4) : 0
}

function ordered<T extends Candidate>(rows: readonly Row<T>[], { policy, sort }: RankOptions): Row<T>[] {
  return rows.toSorted((a, b) => {
    const [one, other] = [a.shown, b.shown]
    const byTier = policy === 'strict' ? one.candidate.tier - other.candidate.tier : 0
    if (byTier !== 0) return byTier
    if (sort !== undefined) return sortKey(one, sort) - sortKey(other, sort) || compareIndex(a, b)
    return other.score - one.score || compareIndex(a, b)
  })
}

function sortKey({ ttftMs, tokensPerSecond }: Ranked, sort: NonNullable<RankOptions['sort']>): number {
  if (sort === 'latency') return ttftMs ?? Number.MAX_VALUE
  return tokensPerSecond === undefined ? Number.MAX_VALUE : -tokensPerSecond
}

/** Moves the one to the front that is to be asked first among those that are as good as the best. */
function pick<T extends Candidate>(sorted: readonly Row<T>[], options: RankOptions): readonly Row<T>[] {
  const [best] = sorted
  if (best === undefined || options.sort !== undefined) return sorted
  const { tier } = best.shown.candidate
  const ties = sorted
    .filter(({ shown }) => shown.candidate.tier === tier && best.shown.score - shown.score < BAND)
    .sort(compareIndex)
  const chosen = choose(ties, options) ?? best
  return [chosen, ...sorted.filter((row) => row !== chosen)]
}

function choose<T extends Candidate>(ties: readonly Row<T>[], options: RankOptions): Row<T> | undefined {
  const { requestHash, affinityHash } = options
  const [first] = ties
  if (first === undefined || ties.length === 1) return first
  // Where nothing is measured there is nothing to compare with: the given order holds.
  if (ties.every(({ shown }) => shown.ttftMs === undefined)) return first
  if (affinityHash !== undefined) {
    const weight = ({ shown }: Row<T>) => unitOf(affinityHash ^ hashOf(shown.candidate.name), 0)
    return ties.reduce((a, b) => (weight(b) > weight(a) ? b : a))
  }
  const at = (salt: number, below: number) => Math.floor(unitOf(requestHash, salt) * below)
  if (unitOf(requestHash, SALT.explore) < EXPLORE) return ties[at(SALT.explored, ties.length)]
  const one = at(SALT.first, ties.length)
  const step = 1 + at(SALT.second, ties.length - 1)
  const [a, b] = [Math.min(one, (one + step) % ties.length), Math.max(one, (one + step) % ties.length)]
  const [early, late] = [ties[a] ?? first, ties[b] ?? first]
  return late.cost < early.cost ? late : early
}
