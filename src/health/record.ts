import { BUCKETS, type Outcome, sizeOf, WHOLE } from './outcome.ts'

/**
 * What is known of a deployment, in closed form: counts that fade by themselves, so that no clock has to tick
 * (routing 2.2). Plain JSON; times are of the keeper's clock.
 */
export interface HealthRecord {
  /** The time of the three counts. */
  at: number
  ok: number
  /** Failures before the first word; a retry mends them. */
  pre: number
  /** Failures after it; the caller saw them. */
  post: number
  cuts: number
  /** Failures before the first word in a row: no attempt that began after the last of them got a word. */
  run: number
  /** When the last of those attempts began. */
  failedFrom: number
  open: boolean
  /** How often it was opened without a long clean time between. */
  opens: number
  until: number
  reason: string
  closedAt: number
  /** Trials that went well, in a row. */
  trials: number
  leasedAt: number
  limitedUntil: number
  /** `overload` where it is no limit of ours. */
  limitedBy: string
  /** Until when prompts of this size and larger are limited; smaller ones are not. */
  largeLimitedUntil: number
  largeFrom: number
  /** Rate limits that followed each other closely: each doubles the time of the ramp after it. */
  limits: number
  /** What others make of it where we know little ourselves, and since when. */
  prior: number
  priorAt: number
  /** Log of the time to the first word, per bucket. */
  latency: Average[]
  /** Log of tokens per second. */
  speed: Average
}

/** A moving average, its slow sister, how far samples lie from it, their number (at most 30), and when the last came. */
export type Average = [mean: number, base: number, deviation: number, samples: number, at: number]

export type State = 'closed' | 'suspect' | 'half-open' | 'open' | 'limited'

/** What a record means now. */
export interface Evaluation {
  readonly state: State
  /** The share of attempts that go well, as far as we know. */
  readonly p: number
  /** Undefined where unmeasured. */
  readonly ttftMs: number | undefined
  /** What it may be again, where it was last measured a while ago. */
  readonly hopedTtftMs: number | undefined
  readonly ttftP95Ms: number | undefined
  /** How many of the times in this bucket are behind `ttftMs`, up to 30. */
  readonly samples: number
  readonly tokensPerSecond: number | undefined
  /** When it comes back; 0 where it is not out. */
  readonly until: number
  /** Why it is not simply closed; '' where it is. */
  readonly reason: string
  /** The share of requests that may go to it, less than 1 for a while after it was out. */
  readonly ramp: number
  /** It has just failed, which may be chance: an equal goes before it for a moment. */
  readonly shaky: boolean
}

/** Counts fade to a third in this time. */
export const COUNT_MS = 20_000
const PRIOR_P = 0.98
const PRIOR_WEIGHT = 4
const OPEN_RUN = 4
const OPEN_LEAST = 6
const OPEN_P = 0.75
const SUSPECT_P = 0.93
const OPEN_MS = { first: 2000, most: 8000 }
const POST_OPEN_MS = { first: 12_000, most: 16_000 }
const CONFIG_MS = { first: 60_000, most: 600_000 }
const GROWTH = 1.6
const CLEAN_MS = 120_000
const TRIALS = 3
const LEASE_MS = { pre: 1500, post: 12_000, postAgain: 2500 }
/** Failures in a row that nothing followed for so long say nothing any more. */
const RUN_MS = 60_000
const SHAKY_MS = 3000
const PROBATION_MS = 20_000
/** Broken answers less a tenth of the whole ones since: a few of them close together mean something. */
const CUTS = { suspect: 2, open: 3, forgiven: 0.1, fading: 1 / 3 }
/** No retry mends a broken answer: it counts for more. */
const POST_WEIGHT = 2
const RAMP_MS = { usual: 5000, post: 12_000 }
const RAMP_LEAST = 0.1
const LIMIT_MS = { usual: 5000, most: 120_000, apart: 60_000 }
const LATENCY_MS = 20_000
const SPEED_MS = 60_000
const BASE_MS = 600_000
const STALE_MS = { after: 20_000, within: 60_000, unsure: 5000 }
/** A sample this far (in logs) from the mean tells of a change, not of chance. */
const JUMP = { by: 0.7, up: 0.25, down: 0.4 }
const SAMPLES = 30

const UNMEASURED: Average = [0, 0, 0, 0, 0]

/** A deployment of which nothing is known. */
export function unknownHealth(): HealthRecord {
  return {
    at: 0,
    ok: 0,
    pre: 0,
    post: 0,
    cuts: 0,
    run: 0,
    failedFrom: 0,
    open: false,
    opens: 0,
    until: 0,
    reason: '',
    closedAt: 0,
    trials: 0,
    leasedAt: 0,
    limitedUntil: 0,
    limitedBy: '',
    largeLimitedUntil: 0,
    largeFrom: 0,
    limits: 0,
    prior: PRIOR_P,
    priorAt: 0,
    latency: Array.from({ length: BUCKETS }, () => [...UNMEASURED] as Average),
    speed: [...UNMEASURED],
  }
}

/**
 * Adds an outcome to a record, in place: this runs for each attempt.
 * @param seed in [0, 1): spreads what would otherwise end at the same time everywhere.
 * @param mayOpen false where taking it out would leave nothing (routing 2.6).
 */
export function record(health: HealthRecord, outcome: Outcome, now: number, seed = 0.5, mayOpen = true): void {
  const { class: kind, count = 1, ttftMs, tokensPerSecond, trial } = outcome
  const beganAt = outcome.at - (ttftMs ?? 0)
  fade(health, now)
  if (ttftMs !== undefined) {
    const average = health.latency[outcome.bucket]
    if (average !== undefined) sample(average, Math.log(Math.max(ttftMs, 1)), now, LATENCY_MS, true)
  }
  if (tokensPerSecond !== undefined && tokensPerSecond > 0) {
    sample(health.speed, Math.log(tokensPerSecond), now, SPEED_MS, false)
  }
  switch (kind) {
    case 'first':
      if (beganAt > health.failedFrom) health.run = 0
      return
    case 'limit':
      limit(health, outcome, now, seed)
      return
    case 'ok':
      health.ok += count
      health.cuts = Math.max(health.cuts - CUTS.forgiven * count, 0)
      // The end of a long stream tells of how things were.
      if (outcome.bucket >= WHOLE && beganAt > health.failedFrom) health.run = 0
      if (trial !== undefined) pass(health, now)
      return
    case 'config':
      open(health, now, seed, 'config', CONFIG_MS)
      return
    case 'post':
      health.post += count
      health.cuts += count
      // Back for a moment only, and broken again: nobody was to see that twice.
      if (mayOpen && now - health.closedAt < PROBATION_MS) open(health, now, seed, kind, POST_OPEN_MS)
      break
    case 'pre':
    case 'timeout':
      health.pre += count
      health.run += count
      health.failedFrom = Math.max(health.failedFrom, beganAt)
      break
    default:
      kind satisfies never
  }
  if (trial !== undefined) health.trials = 0
  // A failure is as good as a trial that failed.
  health.leasedAt = now
  if (health.open ? trial === undefined : !mayOpen || !isBad(health, now)) return
  open(
    health,
    now,
    seed,
    kind,
    health.open && health.reason === 'config' ? CONFIG_MS : kind === 'post' ? POST_OPEN_MS : OPEN_MS,
  )
}

function limit(health: HealthRecord, { bucket, waitMs, limit: by }: Outcome, now: number, seed: number): void {
  const until = now + Math.min(waitMs ?? LIMIT_MS.usual, LIMIT_MS.most) * (1 + seed * 0.1)
  const size = sizeOf(bucket)
  if (by === 'size' && size > 0) {
    const isOn = health.largeLimitedUntil > now
    health.largeFrom = isOn ? Math.min(health.largeFrom, size) : size
    health.largeLimitedUntil = Math.max(health.largeLimitedUntil, until)
    return
  }
  if (now >= health.limitedUntil) {
    // Where it answered in between, it is our rate that it minds, and we come back slower each time.
    const served = health.latency.some(([, , , , at]) => at > health.limitedUntil)
    health.limits = served && now - health.limitedUntil < LIMIT_MS.apart ? Math.min(health.limits + 1, 3) : 0
  }
  limitUntil(health, until, by === 'overload')
}

/** Takes in that a deployment is limited, whoever says so; the limit that lasts the longest counts. */
export function limitUntil(health: HealthRecord, until: number, overloaded: boolean): void {
  if (until <= health.limitedUntil) return
  health.limitedUntil = until
  health.limitedBy = overloaded ? 'overload' : ''
}

function isBad(health: HealthRecord, now: number): boolean {
  return (
    health.run >= Math.max(suspectRun(health), OPEN_RUN) ||
    health.cuts >= CUTS.open ||
    (health.ok + health.pre + health.post >= OPEN_LEAST && successOf(health, now) < OPEN_P)
  )
}

function open(health: HealthRecord, now: number, seed: number, reason: string, ms: typeof OPEN_MS): void {
  health.opens = health.open || now - health.closedAt < CLEAN_MS ? Math.min(health.opens + 1, 30) : 0
  health.open = true
  health.reason = reason
  health.trials = 0
  health.until = now + Math.min(ms.first * GROWTH ** health.opens, ms.most) * (0.8 + 0.4 * seed)
}

function pass(health: HealthRecord, now: number): void {
  health.trials++
  if (health.trials < TRIALS) return
  health.trials = 0
  if (!health.open) {
    health.pre /= 4
    health.post /= 4
    health.cuts = 0
    return
  }
  // A clean sheet: what was counted before belongs to the fault that is over.
  for (const average of health.latency) average[0] = Math.min(average[0], average[1])
  Object.assign(health, { open: false, closedAt: now, ok: 0, pre: 0, post: 0, cuts: 0, run: 0, until: 0 })
}

function fade(health: HealthRecord, now: number): void {
  const factor = Math.exp(-Math.max(now - health.at, 0) / COUNT_MS)
  health.ok *= factor
  health.pre *= factor
  health.post *= factor
  health.cuts *= factor ** CUTS.fading
  health.at = Math.max(health.at, now)
}

function sample(average: Average, value: number, now: number, tauMs: number, jumps: boolean): void {
  const [mean, base, deviation, samples, at] = average
  const ms = Math.max(now - at, 0)
  let weight = Math.max(1 - Math.exp(-ms / tauMs), 1 / (samples + 1))
  if (jumps && Math.abs(value - mean) > JUMP.by) weight = Math.max(weight, value > mean ? JUMP.up : JUMP.down)
  const baseWeight = Math.max(1 - Math.exp(-ms / BASE_MS), 1 / (samples + 1) ** 2)
  average[0] = mean + weight * (value - mean)
  average[1] = base + baseWeight * (value - base)
  average[2] = samples === 0 ? 0.3 : deviation + weight * (Math.abs(value - mean) - deviation)
  average[3] = Math.min(samples + 1, SAMPLES)
  average[4] = Math.max(at, now)
}

function successOf(health: HealthRecord, now: number): number {
  const { ok, pre, post, at, prior, priorAt } = health
  const factor = Math.exp(-Math.max(now - at, 0) / COUNT_MS)
  const p0 = PRIOR_P + (prior - PRIOR_P) * Math.exp(-Math.max(now - priorAt, 0) / COUNT_MS)
  return (ok * factor + PRIOR_WEIGHT * p0) / ((ok + pre + post * POST_WEIGHT) * factor + PRIOR_WEIGHT)
}

/** What a record means at a moment, for requests of one bucket. */
export function evaluate(health: HealthRecord, now: number, bucket: number): Evaluation {
  const p = successOf(health, now)
  const { open: isOut, until, limitedBy, limits, closedAt } = health
  const limitedUntil = limitedUntilFor(health, bucket)
  const [mean, base, deviation, samples, at] = health.latency[bucket] ?? UNMEASURED
  // What was slow when last asked, long ago, may not be any more.
  const stale = 1 - Math.exp(-Math.max(now - at - STALE_MS.after, 0) / STALE_MS.within)
  const log = mean + stale * (base - mean)
  const hoped = now - at > STALE_MS.unsure ? Math.min(log, base) : log
  const state = stateOf(health, now, p, limitedUntil)
  const since = Math.min(now - closedAt, (now - limitedUntil) / 2 ** limits)
  return {
    state,
    p,
    ttftMs: samples > 0 ? Math.exp(log) : undefined,
    hopedTtftMs: samples > 0 ? Math.exp(hoped) : undefined,
    ttftP95Ms: samples > 0 ? Math.exp(log + 1.65 * 1.25 * deviation) : undefined,
    samples,
    tokensPerSecond: health.speed[3] > 0 ? Math.exp(health.speed[0]) : undefined,
    until: state === 'limited' ? limitedUntil : isOut ? until : 0,
    reason:
      state === 'limited' ? limitedBy || 'limit' : isOut ? health.reason : state === 'suspect' ? suspicion(health) : '',
    shaky: health.run >= suspectRun(health) && now - health.leasedAt < SHAKY_MS,
    ramp: Math.min(
      RAMP_LEAST + ((1 - RAMP_LEAST) * since) / (health.reason === 'post' ? RAMP_MS.post : RAMP_MS.usual),
      1,
    ),
  }
}

function suspicion({ pre, post }: HealthRecord): string {
  return pre + post === 0 ? 'others' : post > pre ? 'post' : 'pre'
}

function limitedUntilFor({ limitedUntil, largeLimitedUntil, largeFrom }: HealthRecord, bucket: number): number {
  return sizeOf(bucket) >= largeFrom ? Math.max(limitedUntil, largeLimitedUntil) : limitedUntil
}

function stateOf(health: HealthRecord, now: number, p: number, limitedUntil = health.limitedUntil): State {
  if (limitedUntil > now) return 'limited'
  if (health.open) return health.until > now ? 'open' : 'half-open'
  const idleMs = Math.max(now - health.at, 0)
  const cuts = health.cuts * Math.exp((-idleMs / COUNT_MS) * CUTS.fading)
  const run = idleMs < RUN_MS ? health.run : 0
  return p < SUSPECT_P || run >= 2 * suspectRun(health) || cuts >= CUTS.suspect ? 'suspect' : 'closed'
}

/** How many failures in a row mean something: where much is asked, one failure means little, and more of them come soon if they mean something. */
function suspectRun({ ok }: HealthRecord): number {
  return Math.max(Math.round(ok / 100), 1)
}

/**
 * Whether one request may be sent there on trial now; whoever sends it sets `leasedAt`.
 * @param spacing more than 1 for one of many who do not know of each other.
 */
export function isProbeDue(health: HealthRecord, now: number, spacing = 1): boolean {
  const state = stateOf(health, now, successOf(health, now))
  if (state !== 'half-open' && state !== 'suspect') return false
  // A trial that breaks before its first word is mended by a retry; one that breaks after it is a broken answer.
  const costly = health.post > health.pre || (health.open && health.reason === 'post')
  const ms = !costly ? LEASE_MS.pre : health.trials > 0 ? LEASE_MS.postAgain : LEASE_MS.post
  return now - health.leasedAt >= ms * spacing
}

/** When something last happened to a record. */
export function touchedAt(health: HealthRecord): number {
  return Math.max(
    health.at,
    health.limitedUntil,
    health.largeLimitedUntil,
    health.until,
    ...health.latency.map(([, , , , at]) => at),
  )
}

const TIMES = [
  'at',
  'until',
  'failedFrom',
  'closedAt',
  'leasedAt',
  'limitedUntil',
  'largeLimitedUntil',
  'priorAt',
] as const
const FUTURE: ReadonlySet<string> = new Set(['until', 'limitedUntil', 'largeLimitedUntil'])
/** No wait that another names is longer. */
const FAR_MS = 900_000

/** A record out of a message or a store, moved to the reader's clock; what makes no sense in it is as if unknown. */
export function restore(raw: unknown, now: number, shiftMs = 0): HealthRecord {
  const health = unknownHealth()
  const fields = Object(raw) as Record<string, unknown>
  for (const [name, usual] of Object.entries(health)) {
    const value = fields[name]
    if (typeof value !== typeof usual || typeof value === 'object') continue
    if (typeof value === 'number' && !(Math.abs(value) < 1e15)) continue
    Object.assign(health, { [name]: typeof value === 'string' ? value.slice(0, 40) : value })
  }
  for (const name of TIMES) {
    const far = FUTURE.has(name) ? now + FAR_MS : now
    if (health[name] !== 0) health[name] = Math.min(health[name] + shiftMs, far)
  }
  for (const name of ['ok', 'pre', 'post', 'run', 'opens', 'trials', 'limits', 'cuts'] as const)
    health[name] = Math.max(health[name], 0)
  health.prior = Math.min(Math.max(health.prior, 0), 1)
  health.speed = restoreAverage(fields.speed, now, shiftMs)
  const latency = Array.isArray(fields.latency) ? fields.latency : []
  health.latency = health.latency.map((_, bucket) => restoreAverage(latency[bucket], now, shiftMs))
  return health
}

function restoreAverage(raw: unknown, now: number, shiftMs: number): Average {
  const numbers = Array.isArray(raw) ? raw.slice(0, 5) : []
  if (numbers.length < 5 || !numbers.every((value) => typeof value === 'number' && Math.abs(value) < 1e15)) {
    return [...UNMEASURED]
  }
  const [mean, base, deviation, samples, at] = numbers as Average
  const log = (value: number) => Math.min(Math.max(value, 0), 14)
  return [
    log(mean),
    log(base),
    log(deviation),
    Math.min(Math.max(samples, 0), SAMPLES),
    at === 0 ? 0 : Math.min(at + shiftMs, now),
  ]
}

/**
 * Makes room for another record. Of the provider that has the most of them, that goes whose last outcome is the longest ago:
 * names that callers invent for one server push out each other, and nobody else's.
 */
export function forgetOne(records: Map<string, HealthRecord>): void {
  const counts = new Map<string, number>()
  for (const name of records.keys()) counts.set(providerOf(name), (counts.get(providerOf(name)) ?? 0) + 1)
  const most = Math.max(...counts.values())
  let oldest: string | undefined
  let at = Number.POSITIVE_INFINITY
  for (const [name, health] of records) {
    if (health.at >= at || counts.get(providerOf(name)) !== most) continue
    oldest = name
    at = health.at
  }
  if (oldest !== undefined) records.delete(oldest)
}

/** The provider of a deployment, by its name. */
export function providerOf(deployment: string): string {
  return deployment.slice(0, deployment.indexOf('/'))
}
