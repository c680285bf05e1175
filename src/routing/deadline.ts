import type { Deployment } from '../catalog/deployment.ts'
import { findProvider } from '../catalog/providers.ts'
import { LARGE_TOKENS } from '../health/outcome.ts'
import type { Needs } from './needs.ts'

/** How long a request may be waited for, in milliseconds, by what it asks. */
export interface TimeoutLimits {
  /** Until the first word, while another candidate is left. */
  readonly firstByteMs: number
  /** Until the first word, over all attempts. */
  readonly totalMs: number
  /** What others took for a first word says nothing of one that is to take longer: no deadline is shorter. */
  readonly leastMs: number
  /** Of a request for a whole answer, which comes when its last word is made. */
  readonly whole?: {
    /** The longest answer that was asked for; 0 where left open. */
    readonly tokens: number
    /** Of deployments whose speed is not measured. */
    readonly tokensPerSecond: number
    readonly leastMs: number
    /** While another candidate is well. */
    readonly mostMs: number
  }
}

/** What the operator set, for the first words of ordinary streams. */
export type BaseTimeoutLimits = Pick<TimeoutLimits, 'firstByteMs' | 'totalMs'>

/** Thinking that was asked for may take so many times as long. */
const THINKING_FACTOR: Readonly<Record<Needs['thinking'], number>> = { none: 1, some: 3, most: 6 }
const MIN_THINKING_SHARE = 2 / 3
/** Large prompts are read at this pace: ten seconds for each so many tokens. */
const READ_TOKENS = 100_000
const MAX_READ_FACTOR = 3
const WHOLE_FACTOR = { least: 3, most: 12 }
/** So many tokens come in the time that is set for a first word, where nothing is measured: 50 a second by default. */
const TOKENS_MEANWHILE = 500
const MAX_MS = 600_000

/** What a request asks of anybody's time. */
export interface Asked {
  readonly stream: boolean
  readonly thinking: Needs['thinking']
  readonly promptTokens: number
  /** Tokens of the longest answer that was asked for; 0 where left open. */
  readonly outputTokens: number
}

/**
 * The patience for a request at each of those who may answer it (routing 2.5). It goes by what is asked: that a model can think
 * changes nothing, nor does asking for it where a model cannot.
 */
export function timeoutLimitsFor(base: BaseTimeoutLimits, asked: Asked): (deployment: Deployment) => TimeoutLimits {
  const made = new Map<Needs['thinking'], TimeoutLimits>()
  return (deployment) => {
    const thinking = thinkingAt(deployment, asked.thinking)
    let patience = made.get(thinking)
    if (patience === undefined) {
      patience = stretched(base, asked, thinking)
      made.set(thinking, patience)
    }
    return patience
  }
}

function thinkingAt(deployment: Deployment, asked: Needs['thinking']): Needs['thinking'] {
  if (!deployment.traits.reasoning) return 'none'
  return asked === 'none' && thinksUnseen(deployment) ? 'some' : asked
}

/**
 * Whether a deployment thinks without having been asked, with nothing to be seen of it before the answer begins. Whoever asks
 * such a model asks for thinking.
 */
function thinksUnseen({ provider, upstreamModel, traits }: Deployment): boolean {
  if (traits.toggle || traits.budget !== undefined || traits.efforts?.includes('none') === true) return false
  return findProvider(provider)?.hidesReasoning?.test(upstreamModel) === true
}

function stretched(base: BaseTimeoutLimits, asked: Asked, thinking: Needs['thinking']): TimeoutLimits {
  const { stream, promptTokens, outputTokens } = asked
  const thinkingFactor = THINKING_FACTOR[thinking]
  const readFactor = Math.min(1 + Math.max(promptTokens - LARGE_TOKENS, 0) / READ_TOKENS, MAX_READ_FACTOR)
  const factor = Math.max(thinkingFactor, readFactor)
  const firstByteMs = Math.min(base.firstByteMs * factor, MAX_MS)
  const least = factor > thinkingFactor ? 1 : thinkingFactor > 1 ? MIN_THINKING_SHARE : 0
  const patience = { firstByteMs, totalMs: Math.min(base.totalMs * factor, MAX_MS), leastMs: firstByteMs * least }
  if (stream) return patience
  const leastMs = Math.min(base.firstByteMs * WHOLE_FACTOR.least, MAX_MS)
  const mostMs = Math.min(base.firstByteMs * WHOLE_FACTOR.most, MAX_MS)
  const tokensPerSecond = (TOKENS_MEANWHILE * 1000) / base.firstByteMs
  return { ...patience, whole: { tokens: outputTokens, tokensPerSecond, leastMs, mostMs } }
}

const DEADLINE_FACTOR = 4
const P95_FACTOR = 1.5
const STREAM_LEAST_MS = [2500, 5000, 10_000]
const ENOUGH_SAMPLES = 8
const TRIAL_MS = 2500
/** An answer whose length was left open is mostly shorter than the first, and hardly ever longer than the second. */
const OPEN_TOKENS = { usual: 1000, long: 2500 }

/** What the deadlines of an attempt are made from. */
export interface Pace {
  readonly patience: TimeoutLimits
  readonly bucket: number
  readonly ttftMs: number | undefined
  readonly ttftP95Ms: number | undefined
  readonly samples: number
  readonly tokensPerSecond: number | undefined
  /** The longest answer of the model, in tokens; 0 where unknown. */
  readonly outputTokens: number
  readonly trial: boolean
  /** Whether somebody else who is well is left to be asked. */
  readonly othersWell: boolean
}

export interface Deadlines {
  /** Until the next one is asked. */
  readonly nextMs: number
  /** For the request in all, should this be the last who is asked. */
  readonly totalMs: number
}

/** How long one attempt may take until its first word, or until its end for a whole body (routing 2.5). */
export function deadlinesFor(pace: Pace): Deadlines {
  const { patience, bucket, ttftMs, ttftP95Ms, samples, trial } = pace
  const { firstByteMs: most, totalMs, leastMs, whole } = patience
  if (whole !== undefined) return wholeDeadlines(pace, whole)
  const floor = Math.max(STREAM_LEAST_MS[bucket] ?? 0, leastMs)
  if (trial) return { nextMs: Math.min(Math.max(TRIAL_MS, floor), most), totalMs }
  if (ttftMs === undefined || samples < ENOUGH_SAMPLES) return { nextMs: most, totalMs }
  const usualMs = Math.max(DEADLINE_FACTOR * ttftMs, P95_FACTOR * (ttftP95Ms ?? 0))
  return { nextMs: Math.min(Math.max(usualMs, floor), most), totalMs }
}

/** The time for the first word, and for the others at the deployment's own speed. */
function wholeDeadlines(pace: Pace, whole: NonNullable<TimeoutLimits['whole']>): Deadlines {
  const { patience, outputTokens, tokensPerSecond = whole.tokensPerSecond, othersWell } = pace
  const { tokens, leastMs, mostMs } = whole
  const asked = outputTokens > 0 ? Math.min(tokens, outputTokens) : tokens
  // How long other answers took counts only where nothing says how long this one may be. One that was long, or was cut off, is
  // enough to wait longer for the next; where there is trouble already it may have been the trouble.
  const usualMs = asked === 0 && !pace.trial ? P95_FACTOR * (pace.ttftP95Ms ?? 0) : 0
  const within = (openTokens: number, most: number) => {
    const ms = patience.firstByteMs + ((asked || openTokens) * 1000) / tokensPerSecond
    return Math.min(Math.max(ms, usualMs, leastMs), most)
  }
  const attempts = patience.totalMs / patience.firstByteMs
  const totalMs = Math.min(attempts * within(OPEN_TOKENS.long, mostMs), MAX_MS)
  return { nextMs: within(OPEN_TOKENS.usual, othersWell ? mostMs : totalMs), totalMs }
}
