import type { CircuitState, DeploymentStatus } from '../health/evaluate.ts'
import type { HealthView } from '../health/isolate.ts'
import type { Candidate, Ranked, RankedSession, Ranking, RankOptions, RankSort } from './candidate.ts'
import { hashOf, unitOf } from './hash.ts'
import { latencyFactor, pricePenalty, scoreOf } from './score.ts'

// Lists are gone through by number where each request does it: until it is compiled, `for of` makes an object for each step.

/** A candidate while it is ranked. */
interface Row<T extends Candidate> extends Omit<Ranked<T>, 'probe'> {
  probe: string | undefined
  /** Time to the first token, and what our own attempts under way add to it. */
  readonly cost: number
  /** What its score has lost by its price. */
  readonly penalty: number
}

const NONE: readonly never[] = []

/** Puts the candidates in order (routing 2.4), which come in the order of their `index`. The same arguments give the same order. */
export function rank<T extends Candidate>(
  candidates: readonly T[],
  view: HealthView,
  options: RankOptions,
): Ranking<T> {
  const only = candidates[0]
  if (only !== undefined && candidates.length === 1) return rankOnly(only, view, options)
  const rows = rowsOf(candidates, view, options)
  // The usual case: all are healthy.
  if (rows.length > 0 && areHealthy(rows, options)) {
    const { rows: ranked, home } = bestFirst(rows, options, view.now)
    return { ranked, out: NONE, isPanic: false, home }
  }
  return rankByHealth(rows, options, view.now)
}

/** Most requests leave no choice: nothing is compared for them. */
function rankOnly<T extends Candidate>(candidate: T, view: HealthView, options: RankOptions): Ranking<T> {
  const status = view.statusOf(candidate.name, options.bucket)
  const score = scoreOf(candidate, status, options, status.ttftMs ?? UNKNOWN_TTFT_MS)
  const rows = [{ candidate, status, score, probe: status.probe }]
  const isLimited = status.state === 'limited'
  return {
    ranked: isLimited ? NONE : rows,
    out: isLimited ? rows : NONE,
    isPanic: isOut(status.state),
    home: undefined,
  }
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
  const { bucket, policy, session } = options
  const count = candidates.length
  const statuses = new Array<DeploymentStatus>(count)
  for (let at = 0; at < count; at++) statuses[at] = view.statusOf((candidates[at] as T).name, bucket)
  const isExploring = session === undefined && explores(options)
  const unknownMs = unknownTtftMs(statuses, bucket)
  const rows = new Array<Row<T>>(count)
  /** Of a tier, with whose price those of the others are compared. */
  let first = candidates[0] as T
  let highestTier = Number.NEGATIVE_INFINITY
  for (let at = 0; at < count; at++) {
    const candidate = candidates[at] as T
    const status = statuses[at] as DeploymentStatus
    if (candidate.tier > highestTier) {
      first = candidate
      highestTier = candidate.tier
    } else if (candidate.tier !== first.tier) first = firstIn(candidate.tier, candidates) ?? candidate
    const penalty = policy === 'strict' ? 0 : pricePenalty(candidate.price, first.price)
    const ttftMs = (isExploring ? status.optimisticTtftMs : status.ttftMs) ?? unknownMs
    const failureCost = status.recentlyFailed ? RECENT_FAILURE_COST : 0
    rows[at] = {
      candidate,
      status,
      score: scoreOf(candidate, status, options, ttftMs) - penalty - failureCost,
      probe: status.probe,
      cost: ttftMs * (1 + IN_FLIGHT_COST * status.inFlight),
      penalty,
    }
  }
  return rows
}

/** What is assumed of those that have not been measured. */
function unknownTtftMs(statuses: readonly DeploymentStatus[], bucket: number): number {
  let unknownMs = UNKNOWN_TTFT_MS * latencyFactor(bucket)
  for (let at = 0; at < statuses.length; at++) {
    const ttftMs = statuses[at]?.ttftMs
    if (ttftMs !== undefined && ttftMs < unknownMs) unknownMs = ttftMs
  }
  return unknownMs
}

function firstIn<T extends Candidate>(tier: number, candidates: readonly T[]): T | undefined {
  return candidates.find((candidate) => candidate.tier === tier)
}

/** This request is within the share that the deployment gets while it ramps up. */
function isInRamp({ candidate, status: { rampShare } }: Ranked, { requestHash }: RankOptions): boolean {
  return rampShare >= 1 || unitOf(requestHash ^ hashOf(candidate.name), SALT.ramp) < rampShare
}

/** All are closed, and past their ramp for this request: there is nothing to probe. */
function areHealthy(rows: readonly Ranked[], options: RankOptions): boolean {
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as Ranked
    if (row.status.state !== 'closed' || !isInRamp(row, options)) return false
  }
  return true
}

function isOut(state: CircuitState): boolean {
  return state === 'open' || state === 'half-open' || state === 'limited'
}

/** Where all are suspect, those count as eligible whose success rate is this close to the best. */
const MAX_BELOW_BEST = 0.02

/** The eligible first, then the suspect and those that still ramp up; a probe goes before them all. */
function rankByHealth<T extends Candidate>(rows: readonly Row<T>[], options: RankOptions, now: number): Ranking<T> {
  const inside = rows.filter(({ status }) => !isOut(status.state))
  const out = rows
    .filter(({ status }) => isOut(status.state))
    .sort((a, b) => a.status.until - b.status.until || compareIndex(a, b))
  const bestRate = Math.max(0, ...inside.map(({ status }) => status.successRate))
  const isAnyClosed = inside.some(({ status }) => status.state === 'closed')
  const isEligible = (row: Row<T>) => {
    const { state, successRate } = row.status
    return isInRamp(row, options) && (isAnyClosed ? state === 'closed' : successRate >= bestRate - MAX_BELOW_BEST)
  }
  const eligible = inside.filter(isEligible)
  const best = bestOf(eligible, options)
  const isPanic = inside.length === 0
  const first = bestFirst(eligible, options, now)
  const usual = isPanic
    ? out.filter(({ status }) => status.state !== 'limited')
    : [
        ...first.rows,
        ...sorted(
          inside.filter((row) => !isEligible(row)),
          options,
        ),
      ]
  const statuses = rows.map(({ status }) => status)
  const unknownMs = unknownTtftMs(statuses, options.bucket)
  const probe = rows.find((row) => row.probe !== undefined && isWorthProbing(row, best, options, unknownMs))
  const ranked = probe === undefined ? usual : [probe, ...usual.filter((row) => row !== probe)]
  for (const row of rows) if (row !== probe) row.probe = undefined
  return { ranked, out: out.filter((row) => !ranked.includes(row)), isPanic, home: first.home }
}

/** A probe is sent only to a deployment that would come first if it were healthy. Otherwise a better one serves the client. */
function isWorthProbing<T extends Candidate>(
  { candidate, status, penalty }: Row<T>,
  best: Row<T> | undefined,
  options: RankOptions,
  unknownMs: number,
): boolean {
  if (best === undefined) return true
  const { policy, session } = options
  // The conversation's prompt is not in the cache there. Others begin soon enough.
  if (session?.hasHistory === true && candidate.tier >= best.candidate.tier) return false
  if (policy === 'strict' && candidate.tier <= best.candidate.tier) return true
  const { tokensPerSecond, optimisticTtftMs = unknownMs } = status
  const healthy = { successRate: HEALTHY_SUCCESS_RATE, tokensPerSecond }
  return scoreOf(candidate, healthy, options, optimisticTtftMs) - penalty > best.score - TIE_BAND
}

function compareIndex(a: Ranked, b: Ranked): number {
  return a.candidate.index - b.candidate.index
}

function compare(a: Ranked, b: Ranked, { policy, sort }: RankOptions): number {
  const byTier = policy === 'strict' ? a.candidate.tier - b.candidate.tier : 0
  if (byTier !== 0) return byTier
  if (sort !== undefined) return SORT_KEYS[sort](a) - SORT_KEYS[sort](b) || compareIndex(a, b)
  return b.score - a.score || compareIndex(a, b)
}

function sorted<T extends Candidate>(rows: readonly Row<T>[], options: RankOptions): Row<T>[] {
  return rows.toSorted((a, b) => compare(a, b, options))
}

/** What the caller may have ranked by alone: the least comes first. Who has not been measured comes last. */
const SORT_KEYS: Readonly<Record<RankSort, (row: Ranked) => number>> = {
  latency: ({ status: { ttftMs } }) => ttftMs ?? Number.MAX_VALUE,
  throughput: ({ status: { tokensPerSecond } }) =>
    tokensPerSecond === undefined ? Number.MAX_VALUE : -tokensPerSecond,
}

/** Scores this close to each other, within a tier, are equal. */
const TIE_BAND = 0.03

/** Rows in the order in which they are to be tried, and the deployment at which a session is to stay. */
interface FirstRows<T extends Candidate> {
  readonly rows: readonly Row<T>[]
  readonly home: string | undefined
}

/** In their order, but first the one that is chosen among those that equal the best. */
function bestFirst<T extends Candidate>(rows: readonly Row<T>[], options: RankOptions, now: number): FirstRows<T> {
  const best = bestOf(rows, options)
  if (best === undefined || options.sort !== undefined) return { rows: sorted(rows, options), home: undefined }
  if (options.session !== undefined) return sessionFirst(sorted(rows, options), best, options.session, now)
  return { rows: inOrderAfter(breakTie(rows, best, options), rows, options), home: undefined }
}

function bestOf<T extends Candidate>(rows: readonly Row<T>[], options: RankOptions): Row<T> | undefined {
  let best = rows[0]
  for (let at = 1; at < rows.length; at++) {
    const row = rows[at] as Row<T>
    if (best !== undefined && compare(row, best, options) < 0) best = row
  }
  return best
}

/** @param rows are mostly in order, and then nothing is sorted. */
function inOrderAfter<T extends Candidate>(first: Row<T>, rows: readonly Row<T>[], options: RankOptions): Row<T>[] {
  const ordered = new Array<Row<T>>(rows.length)
  ordered[0] = first
  let count = 1
  let isInOrder = true
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as Row<T>
    if (row === first) continue
    const before = ordered[count - 1] as Row<T>
    isInOrder &&= count === 1 || compare(before, row, options) <= 0
    ordered[count++] = row
  }
  return isInOrder ? ordered : [first, ...sorted(ordered.slice(1), options)]
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
  best: Row<T>,
  { hash, last }: RankedSession,
  now: number,
): FirstRows<T> {
  const peers = rows.filter(({ candidate }) => candidate.tier === best.candidate.tier)
  const bestScore = Math.max(...peers.map(scoreWithoutFailure))
  const leastPenalty = Math.min(...peers.map(({ penalty }) => penalty))
  const isWithin = (row: Row<T>, band: number) => bestScore - scoreWithoutFailure(row) < band
  const isLast = (row: Row<T>) =>
    row.candidate.name === last?.name && last.at >= row.status.wellSince && isWithin(row, STAY_BAND)
  const isEqual = (row: Row<T>) => isWithin(row, SESSION_BAND) && row.penalty - leastPenalty < TIE_BAND
  // It was out not long ago, so that its sessions have gone elsewhere.
  const isBack = ({ status: { wellSince } }: Row<T>) => wellSince > 0 && now - wellSince < AWAY_MS
  const isAvoided = (row: Row<T>) => isBack(row) && !isLast(row)
  const weightOf = ({ candidate }: Row<T>) => unitOf(hash ^ hashOf(candidate.name), 0)
  const places = peers
    .filter((row) => isEqual(row) || isLast(row))
    .sort((a, b) => Number(isAvoided(a)) - Number(isAvoided(b)) || weightOf(b) - weightOf(a))
  const [favourite] = places
  const stayed = places.find(isLast)
  const hasMoved = last !== undefined && favourite !== undefined && favourite.status.wellSince > last.since - AWAY_MS
  const home = hasMoved && stayed !== undefined ? stayed : favourite
  if (home === undefined) return { rows, home }
  const first = [home, ...places.filter((row) => row !== home)]
  return { rows: [...first, ...rows.filter((row) => !first.includes(row))], home: home.candidate.name }
}

/** A single failure may be chance: it costs less than to read the whole prompt anew elsewhere. */
function scoreWithoutFailure({ score, status: { recentlyFailed } }: Ranked): number {
  return score + (recentlyFailed ? RECENT_FAILURE_COST : 0)
}

/** @param rows in the given order. */
function breakTie<T extends Candidate>(rows: readonly Row<T>[], best: Row<T>, options: RankOptions): Row<T> {
  let count = 0
  let isMeasured = false
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as Row<T>
    if (!isTie(row, best)) continue
    count++
    isMeasured ||= row.status.ttftMs !== undefined
  }
  if (count < 2) return best
  // Where nothing is measured there is nothing to compare: the given order holds.
  if (!isMeasured) return tieAt(0, rows, best)
  const { requestHash } = options
  if (explores(options)) return tieAt(draw(requestHash, SALT.explored, count), rows, best)
  // The better of two, drawn by chance: always to take the best would send all isolates to the same one at once.
  const one = draw(requestHash, SALT.first, count)
  const other = (one + 1 + draw(requestHash, SALT.second, count - 1)) % count
  const early = tieAt(Math.min(one, other), rows, best)
  const late = tieAt(Math.max(one, other), rows, best)
  return late.cost < early.cost ? late : early
}

function isTie({ candidate, score }: Ranked, best: Ranked): boolean {
  return candidate.tier === best.candidate.tier && best.score - score < TIE_BAND
}

/** Of those that equal the best, in the given order. */
function tieAt<T extends Candidate>(at: number, rows: readonly Row<T>[], best: Row<T>): Row<T> {
  let left = at
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] as Row<T>
    if (isTie(row, best) && left-- === 0) return row
  }
  return best
}

function draw(hash: number, salt: number, below: number): number {
  return Math.floor(unitOf(hash, salt) * below)
}

/** The share of requests that try an equal candidate at any cost, so that its figures stay fresh. */
const EXPLORING_SHARE = 0.05

function explores({ requestHash }: RankOptions): boolean {
  return unitOf(requestHash, SALT.explore) < EXPLORING_SHARE
}
