import type { Deployment } from '../catalog/deployment.ts'
import { findProvider } from '../catalog/providers.ts'
import type { DeploymentStatus } from '../health/evaluate.ts'
import { LARGE_TOKENS } from '../health/outcome.ts'
import type { Needs } from './needs.ts'

/** How long a request may take at a deployment, in milliseconds, by what it asks for. */
export interface TimeoutLimits {
  /** Until the first token, while another candidate is left. */
  readonly firstByteMs: number
  /** Until the first token, over all attempts. */
  readonly totalMs: number
  /** No deadline is shorter. The measured times may come from smaller requests, and a large one takes longer. */
  readonly minFirstByteMs: number
  /** Of a request for a whole body, which comes when its last token is made. */
  readonly wholeBody?: WholeBodyLimits | undefined
}

interface WholeBodyLimits {
  /** The maximum length of one answer; 0 if the request sets none. */
  readonly outputTokens: number
  /** To assume where none is measured. */
  readonly tokensPerSecond: number
  readonly minMs: number
  /** While another candidate is healthy. */
  readonly maxMs: number
}

/** What the operator set, for the first tokens of ordinary streams. */
export type BaseTimeoutLimits = Pick<TimeoutLimits, 'firstByteMs' | 'totalMs'>

/** What in a request decides how long it may take. */
export interface TimeInputs {
  readonly stream: boolean
  readonly reasoning: Needs['reasoning']
  readonly promptTokens: number
  /** The maximum length of one answer; 0 if the request sets none. */
  readonly outputTokens: number
}

/**
 * The limits of a request at each deployment that may answer it (routing 2.5). They are longer where the request asks for
 * reasoning and the model can reason, and where the model reasons unasked and shows nothing of it.
 */
export function timeoutLimitsFor(
  base: BaseTimeoutLimits,
  inputs: TimeInputs,
): (deployment: Deployment) => TimeoutLimits {
  let madeFor: Needs['reasoning'] = 'none'
  let limits: TimeoutLimits | undefined
  return (deployment) => {
    const reasoning = reasoningAt(deployment, inputs.reasoning)
    // Most deployments of a request have the same.
    if (limits === undefined || reasoning !== madeFor) limits = limitsFor(base, inputs, reasoning)
    madeFor = reasoning
    return limits
  }
}

function reasoningAt(deployment: Deployment, asked: Needs['reasoning']): Needs['reasoning'] {
  if (!deployment.traits.reasoning) return 'none'
  return asked === 'none' && reasonsUnseen(deployment) ? 'some' : asked
}

/**
 * Whether a deployment always reasons and sends nothing meanwhile. To choose such a model counts as asking for some reasoning.
 */
function reasonsUnseen({ provider, upstreamModel, traits }: Deployment): boolean {
  if (traits.toggle || traits.budget !== undefined || traits.efforts?.includes('none') === true) return false
  return findProvider(provider)?.hidesReasoning?.test(upstreamModel) === true
}

/** Reasoning that was asked for may take so many times as long. */
const REASONING_FACTOR: Readonly<Record<Needs['reasoning'], number>> = { none: 1, some: 3, most: 6 }
const MIN_REASONING_SHARE = 2 / 3
/** A large prompt gets as much time again for each so many tokens. */
const READING_TOKENS = 100_000
const MAX_READING_FACTOR = 3
const WHOLE_BODY_FACTOR = { min: 3, max: 12 }
/** The assumed speed where none is measured: so many tokens in the time that is set for the first token; 50 a second by default. */
const TOKENS_PER_FIRST_BYTE_TIMEOUT = 500
const MAX_MS = 600_000

function limitsFor(
  base: BaseTimeoutLimits,
  { stream, promptTokens, outputTokens }: TimeInputs,
  reasoning: Needs['reasoning'],
): TimeoutLimits {
  const reasoningFactor = REASONING_FACTOR[reasoning]
  const readingFactor = Math.min(1 + Math.max(promptTokens - LARGE_TOKENS, 0) / READING_TOKENS, MAX_READING_FACTOR)
  const factor = Math.max(reasoningFactor, readingFactor)
  const firstByteMs = Math.min(base.firstByteMs * factor, MAX_MS)
  const minShare = readingFactor > reasoningFactor ? 1 : reasoningFactor > 1 ? MIN_REASONING_SHARE : 0
  return {
    firstByteMs,
    totalMs: Math.min(base.totalMs * factor, MAX_MS),
    minFirstByteMs: firstByteMs * minShare,
    wholeBody: stream
      ? undefined
      : {
          outputTokens,
          tokensPerSecond: (TOKENS_PER_FIRST_BYTE_TIMEOUT * 1000) / base.firstByteMs,
          minMs: Math.min(base.firstByteMs * WHOLE_BODY_FACTOR.min, MAX_MS),
          maxMs: Math.min(base.firstByteMs * WHOLE_BODY_FACTOR.max, MAX_MS),
        },
  }
}

/** What the deadline of an attempt is made from. */
export interface DeadlineInput {
  readonly limits: TimeoutLimits
  readonly bucket: number
  readonly status: Pick<DeploymentStatus, 'ttftMs' | 'ttftP95Ms' | 'samples' | 'tokensPerSecond'>
  /** Of the model's longest answer; 0 where unknown. */
  readonly outputTokens: number
  /** The circuit is not closed: the attempt shows whether it may be. */
  readonly isProbe: boolean
  /** Another candidate is left that is healthy. */
  readonly hasHealthyAlternative: boolean
}

export interface Deadlines {
  /** For this attempt, until the next one is made. */
  readonly attemptMs: number
  /** For the request in all, should this be its last attempt. */
  readonly totalMs: number
}

const TTFT_FACTOR = 4
const P95_FACTOR = 1.5
/** By the size of the prompt, for streams. */
const MIN_MS = [2500, 5000, 10_000]
/** Fewer times do not show what is usual. */
export const ENOUGH_SAMPLES = 8
const PROBE_MS = 2500

/** How long one attempt may take until its first token, or until its end for a whole body (routing 2.5). */
export function deadlinesFor(input: DeadlineInput): Deadlines {
  const { limits, bucket, isProbe } = input
  const { ttftMs, ttftP95Ms, samples } = input.status
  const { firstByteMs, totalMs, minFirstByteMs, wholeBody } = limits
  if (wholeBody !== undefined) return wholeBodyDeadlines(input, wholeBody)
  const minMs = Math.max(MIN_MS[bucket] ?? 0, minFirstByteMs)
  if (isProbe) return { attemptMs: Math.min(Math.max(PROBE_MS, minMs), firstByteMs), totalMs }
  if (ttftMs === undefined || samples < ENOUGH_SAMPLES) return { attemptMs: firstByteMs, totalMs }
  const usualMs = Math.max(TTFT_FACTOR * ttftMs, P95_FACTOR * (ttftP95Ms ?? 0))
  return { attemptMs: Math.min(Math.max(usualMs, minMs), firstByteMs), totalMs }
}

/** Answers without a maximum length are mostly shorter than the first, and hardly ever longer than the second. */
const OPEN_LENGTH_TOKENS = { usual: 1000, long: 2500 }

/** The time of a first token, and of the others at the deployment's own speed. */
function wholeBodyDeadlines(input: DeadlineInput, wholeBody: WholeBodyLimits): Deadlines {
  const { limits, status, hasHealthyAlternative } = input
  const { tokensPerSecond = wholeBody.tokensPerSecond } = status
  const { minMs, maxMs } = wholeBody
  const tokens = input.outputTokens > 0 ? Math.min(wholeBody.outputTokens, input.outputTokens) : wholeBody.outputTokens
  // The measured times count only where the request sets no maximum length. Even one long answer, or one that timed out, makes
  // the next deadline longer. They do not count for a probe: long times may be the very fault that it looks for.
  const usualMs = tokens === 0 && !input.isProbe ? P95_FACTOR * (status.ttftP95Ms ?? 0) : 0
  const leastMs = Math.max(usualMs, minMs)
  const longMs = limits.firstByteMs + ((tokens || OPEN_LENGTH_TOKENS.long) * 1000) / tokensPerSecond
  const attempts = limits.totalMs / limits.firstByteMs
  const totalMs = Math.min(attempts * Math.min(Math.max(longMs, leastMs), maxMs), MAX_MS)
  const ms = limits.firstByteMs + ((tokens || OPEN_LENGTH_TOKENS.usual) * 1000) / tokensPerSecond
  return { attemptMs: Math.min(Math.max(ms, leastMs), hasHealthyAlternative ? maxMs : totalMs), totalMs }
}
