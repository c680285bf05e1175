import type { CircuitState } from '../health/evaluate.ts'
import type { DeploymentStatus, HealthView } from '../health/isolate.ts'
import type { Candidate, Ranked, RankedSession, Ranking, RankOptions, RankSort } from './candidate.ts'
import { hashOf, unitOf } from './hash.ts'
import { latencyFactor, pricePenalty, scoreOf } from './score.ts'

/** A candidate while it is ranked. */
interface Row<T extends Candidate> {
  readonly shown: Ranked<T>
  /** This request is within the share that the candidate gets while it ramps up. */
  readonly isInRamp: boolean
  /** Time to the first token, and what our own attempts under way add to it. */
  readonly cost: number
  /** The score it would have if it were healthy again. */
  readonly scoreIfHealthy: number
  /** What its score has lost by its price. */
  readonly penalty: number
  readonly recentlyFailed: boolean
  readonly wellSince: number
  /** It was out not long ago, so that its sessions have gone elsewhere. */
  readonly isBack: boolean
}

/** Puts the candidates in order (routing 2.4). The same arguments give the same order. */
export function rank<T extends Candidate>(
  candidates: readonly T[],
  view: HealthView,
  options: RankOptions,
): Ranking<T> {
  const [only] = candidates
  if (only !== undefined && candidates.length === 1) return rankOnly(only, view, options)
  const rows = rowsOf(candidates, view, options)
  // The usual case: all are healthy.
  if (rows.length > 0 && rows.every(isHealthy)) {
    const first = bestFirst(sorted(rows, options), options)
    return { ranked: first.rows.map(({ shown }) => shown), out: [], isPanic: false, ...homeIn(first) }
  }
  return rankByHealth(rows, options)
}

/** Most requests leave no choice: nothing is compared for them. */
function rankOnly<T extends Candidate>(candidate: T, view: HealthView, options: RankOptions): Ranking<T> {
  const status = view.statusOf(candidate.name, options.bucket)
  const score = scoreOf(candidate, status, options, status.ttftMs ?? UNKNOWN_TTFT_MS)
  const rows = [rankedOf(candidate, status, score)]
  const isPanic = isOut(status.state)
  return status.state === 'limited' ? { ranked: [], out: rows, isPanic } : { ranked: rows, out: [], isPanic }
}

const UNKNOWN_TTFT_MS = 1000
/**
 * Each attempt under way adds this share to the time. It is small for two reasons: a provider is large, so only many attempts
 * slow it down; and one that fails at once has few under way, which must not make it look good.
 */
const IN_FLIGHT_COST = 0.02
/** More than `TIE_BAND`, less than what lies between two tiers. */
const RECENT_FAILURE_COST = 0.05
const HEALTHY_SUCCESS_RATE = 0.98
const SALT = { ramp: 1, first: 2, second: 3, explore: 4, explored: 5 }

function rowsOf<T extends Candidate>(candidates: readonly T[], view: HealthView, options: RankOptions): Row<T>[] {
  const statuses = candidates.map(({ name }) => view.statusOf(name, options.bucket))
  const isExploring = options.session === undefined && explores(options)
  let unknownMs = UNKNOWN_TTFT_MS * latencyFactor(options.bucket)
  for (const { ttftMs } of statuses) if (ttftMs !== undefined && ttftMs < unknownMs) unknownMs = ttftMs
  const firstPrices = new Map<number, number>()
  for (const { tier, price } of candidates) {
    if (!firstPrices.has(tier)) firstPrices.set(tier, price ?? 0)
  }
  return candidates.map((candidate, at): Row<T> => {
    const status = statuses[at] as DeploymentStatus
    const { inFlight, rampShare, optimisticTtftMs, recentlyFailed, tokensPerSecond, wellSince } = status
    const penalty = options.policy === 'strict' ? 0 : pricePenalty(candidate.price, firstPrices.get(candidate.tier))
    const ttftMs = (isExploring ? optimisticTtftMs : status.ttftMs) ?? unknownMs
    const score = scoreOf(candidate, status, options, ttftMs) - penalty - (recentlyFailed ? RECENT_FAILURE_COST : 0)
    const healthy = { successRate: HEALTHY_SUCCESS_RATE, tokensPerSecond }
    return {
      shown: rankedOf(candidate, status, score),
      isInRamp: rampShare >= 1 || unitOf(options.requestHash ^ hashOf(candidate.name), SALT.ramp) < rampShare,
      cost: ttftMs * (1 + IN_FLIGHT_COST * inFlight),
      scoreIfHealthy: scoreOf(candidate, healthy, options, optimisticTtftMs ?? unknownMs) - penalty,
      penalty,
      recentlyFailed,
      wellSince,
      isBack: wellSince > 0 && view.now - wellSince < AWAY_MS,
    }
  })
}

/** Closed, and past its ramp for this request: there is nothing to probe. */
function isHealthy<T extends Candidate>({ shown, isInRamp }: Row<T>): boolean {
  return shown.state === 'closed' && isInRamp
}

function isOut(state: CircuitState): boolean {
  return state === 'open' || state === 'half-open' || state === 'limited'
}

/** Where all are suspect, those count as eligible whose success rate is this close to the best. */
const MAX_BELOW_BEST = 0.02

/** The eligible first, then the suspect and those that still ramp up; a probe goes before them all. */
function rankByHealth<T extends Candidate>(rows: readonly Row<T>[], options: RankOptions): Ranking<T> {
  const inside = rows.filter(({ shown }) => !isOut(shown.state))
  const out = rows
    .filter(({ shown }) => isOut(shown.state))
    .sort((a, b) => a.shown.until - b.shown.until || compareIndex(a, b))
  const bestRate = Math.max(0, ...inside.map(({ shown }) => shown.successRate))
  const isAnyClosed = inside.some(({ shown }) => shown.state === 'closed')
  const isEligible = ({ shown, isInRamp }: Row<T>) =>
    isInRamp && (isAnyClosed ? shown.state === 'closed' : shown.successRate >= bestRate - MAX_BELOW_BEST)
  const eligible = sorted(inside.filter(isEligible), options)
  const isPanic = inside.length === 0
  const first = bestFirst(eligible, options)
  const usual = isPanic
    ? out.filter(({ shown }) => shown.state !== 'limited')
    : [
        ...first.rows,
        ...sorted(
          inside.filter((row) => !isEligible(row)),
          options,
        ),
      ]
  const probe = rows.find((row) => row.shown.probe !== undefined && isWorthProbing(row, eligible[0], options))
  const ranked = probe === undefined ? usual : [probe, ...usual.filter((row) => row !== probe)]
  return {
    ranked: ranked.map((row) => (row === probe ? row.shown : withoutProbe(row.shown))),
    out: out.filter((row) => !ranked.includes(row)).map(({ shown }) => withoutProbe(shown)),
    isPanic,
    ...homeIn(first),
  }
}

/** A probe is sent only to a deployment that would come first if it were healthy. Otherwise a better one serves the client. */
function isWorthProbing<T extends Candidate>(
  { shown, scoreIfHealthy }: Row<T>,
  best: Row<T> | undefined,
  { policy, session }: RankOptions,
): boolean {
  if (best === undefined) return true
  // The conversation's prompt is not in the cache there. Others begin soon enough.
  if (session?.hasHistory === true && shown.candidate.tier >= best.shown.candidate.tier) return false
  const isBefore = policy === 'strict' && shown.candidate.tier <= best.shown.candidate.tier
  return isBefore || scoreIfHealthy > best.shown.score - TIE_BAND
}

/** Field by field: to copy all but some costs many times as much, and this is done for each candidate of each request. */
function rankedOf<T extends Candidate>(candidate: T, status: DeploymentStatus, score: number): Ranked<T> {
  const { state, successRate, ttftMs, ttftP95Ms, samples, tokensPerSecond, until, reason, probe } = status
  const ranked = { candidate, score, state, successRate, ttftMs, ttftP95Ms, samples, tokensPerSecond, until, reason }
  return probe === undefined ? ranked : { ...ranked, probe }
}

function withoutProbe<T extends Candidate>(ranked: Ranked<T>): Ranked<T> {
  if (ranked.probe === undefined) return ranked
  const { probe: _, ...others } = ranked
  return others
}

function compareIndex<T extends Candidate>(a: Row<T>, b: Row<T>): number {
  return a.shown.candidate.index - b.shown.candidate.index
}

function sorted<T extends Candidate>(rows: readonly Row<T>[], { policy, sort }: RankOptions): Row<T>[] {
  return rows.toSorted((a, b) => {
    const [one, other] = [a.shown, b.shown]
    const byTier = policy === 'strict' ? one.candidate.tier - other.candidate.tier : 0
    if (byTier !== 0) return byTier
    if (sort !== undefined) return SORT_KEYS[sort](one) - SORT_KEYS[sort](other) || compareIndex(a, b)
    return other.score - one.score || compareIndex(a, b)
  })
}

/** What the caller may have ranked by alone: the least comes first. Who has not been measured comes last. */
const SORT_KEYS: Readonly<Record<RankSort, (row: Ranked) => number>> = {
  latency: ({ ttftMs }) => ttftMs ?? Number.MAX_VALUE,
  throughput: ({ tokensPerSecond }) => (tokensPerSecond === undefined ? Number.MAX_VALUE : -tokensPerSecond),
}

/** Scores this close to each other, within a tier, are equal. */
const TIE_BAND = 0.03

/** Rows in the order in which they are to be tried, and where a session is to stay. */
interface FirstRows<T extends Candidate> {
  readonly rows: readonly Row<T>[]
  readonly home?: Row<T>
}

function homeIn<T extends Candidate>({ home }: FirstRows<T>): { home?: string } {
  return home === undefined ? {} : { home: home.shown.candidate.name }
}

/** Moves the one to the front that is chosen among those that equal the best. */
function bestFirst<T extends Candidate>(rows: readonly Row<T>[], options: RankOptions): FirstRows<T> {
  const [best] = rows
  if (best === undefined || options.sort !== undefined) return { rows }
  const { tier } = best.shown.candidate
  const peers = rows.filter(({ shown }) => shown.candidate.tier === tier)
  if (options.session !== undefined) return sessionFirst(rows, peers, options.session)
  const ties = peers.filter(({ shown }) => best.shown.score - shown.score < TIE_BAND).sort(compareIndex)
  const chosen = breakTie(ties, options) ?? best
  return { rows: [chosen, ...rows.filter((row) => row !== chosen)] }
}

/** A deployment that was out has lost its sessions: for as long as most caches last, they do not come back to it. */
const AWAY_MS = 300_000
/**
 * A session's place is chosen among those that are this close to the best: more than `TIE_BAND`, because isolates measure
 * differently and have to agree. A second and a half.
 */
const SESSION_BAND = 0.08
/** It stays where it is while that is no worse than this: three seconds, about what a large prompt in the cache saves. */
const STAY_BAND = 0.12

/**
 * Puts the place of a session first, and behind it those where it would go next. The hash finds the same place in all isolates.
 * What this one remembers counts where the hash's place has been out, so that the session does not come back to it.
 */
function sessionFirst<T extends Candidate>(
  rows: readonly Row<T>[],
  peers: readonly Row<T>[],
  { hash, last }: RankedSession,
): FirstRows<T> {
  const bestScore = Math.max(...peers.map(scoreWithoutFailure))
  const leastPenalty = Math.min(...peers.map(({ penalty }) => penalty))
  const isWithin = (row: Row<T>, band: number) => bestScore - scoreWithoutFailure(row) < band
  const isLast = (row: Row<T>) =>
    row.shown.candidate.name === last?.name && last.at >= row.wellSince && isWithin(row, STAY_BAND)
  const isEqual = (row: Row<T>) => isWithin(row, SESSION_BAND) && row.penalty - leastPenalty < TIE_BAND
  const isAvoided = (row: Row<T>) => row.isBack && !isLast(row)
  const weightOf = ({ shown }: Row<T>) => unitOf(hash ^ hashOf(shown.candidate.name), 0)
  const places = peers
    .filter((row) => isEqual(row) || isLast(row))
    .sort((a, b) => Number(isAvoided(a)) - Number(isAvoided(b)) || weightOf(b) - weightOf(a))
  const [favourite] = places
  const stayed = places.find(isLast)
  const hasMoved = last !== undefined && favourite !== undefined && favourite.wellSince > last.since - AWAY_MS
  const home = hasMoved && stayed !== undefined ? stayed : favourite
  if (home === undefined) return { rows }
  const first = [home, ...places.filter((row) => row !== home)]
  return { rows: [...first, ...rows.filter((row) => !first.includes(row))], home }
}

/** A single failure may be chance: it costs less than to read the whole prompt anew elsewhere. */
function scoreWithoutFailure<T extends Candidate>({ shown, recentlyFailed }: Row<T>): number {
  return shown.score + (recentlyFailed ? RECENT_FAILURE_COST : 0)
}

function breakTie<T extends Candidate>(ties: readonly Row<T>[], options: RankOptions): Row<T> | undefined {
  const { requestHash } = options
  const [first] = ties
  if (first === undefined || ties.length === 1) return first
  // Where nothing is measured there is nothing to compare: the given order holds.
  if (ties.every(({ shown }) => shown.ttftMs === undefined)) return first
  const draw = (salt: number, below: number) => Math.floor(unitOf(requestHash, salt) * below)
  if (explores(options)) return ties[draw(SALT.explored, ties.length)]
  // The better of two, drawn by chance: always to take the best would send all isolates to the same one at once.
  const one = draw(SALT.first, ties.length)
  const other = (one + 1 + draw(SALT.second, ties.length - 1)) % ties.length
  const [early, late] = [ties[Math.min(one, other)] ?? first, ties[Math.max(one, other)] ?? first]
  return late.cost < early.cost ? late : early
}

/** The share of requests that try an equal candidate at any cost, so that its figures stay fresh. */
const EXPLORING_SHARE = 0.05

function explores({ requestHash }: RankOptions): boolean {
  return unitOf(requestHash, SALT.explore) < EXPLORING_SHARE
}
