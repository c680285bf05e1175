import { quantile } from '../bench/statistics.ts'

/** One request of the load. Times are in milliseconds since the load began. */
export interface Sample {
  readonly at: number
  readonly endedAt: number
  /** Until the first word; undefined where none came. */
  readonly ttftMs: number | undefined
  /** The answer came, and came to its end. */
  readonly ok: boolean
  /** What was seen in its place. */
  readonly failure?: string
  /** Who was asked, in order; nobody where that is not known. */
  readonly asked: readonly string[]
}

/** When the fault began and ended. */
export interface Span {
  readonly from: number
  readonly to: number
}

export interface PhaseFigures {
  readonly requests: number
  readonly success: number
  readonly ttftP50Ms: number
  readonly ttftP95Ms: number
  readonly attempts: number
}

export interface FaultFigures {
  readonly before: PhaseFigures
  readonly during: PhaseFigures
  readonly after: PhaseFigures
  /** From its beginning until it is hardly asked first any more; undefined where that did not come to be. */
  readonly detectMs: number | undefined
  /** From its end until it is asked first half as often as before. */
  readonly backMs: number | undefined
  /** What those saw that failed, and how many. */
  readonly failures: Readonly<Record<string, number>>
}

const WINDOW_MS = 1000
const STEP_MS = 50
/** Of its former share: probes go on. */
const LEFT_SHARE = 0.25
const BACK_SHARE = 0.5

/** What the samples tell of a fault at one provider. Whoever was under way when it began has met it. */
export function figuresOf(samples: readonly Sample[], struck: string, { from, to }: Span): FaultFigures {
  const before = samples.filter(({ endedAt }) => endedAt <= from)
  const after = samples.filter(({ at }) => at >= to)
  const during = samples.filter(({ at, endedAt }) => endedAt > from && at < to)
  const usual = shareOf(before, struck)
  const last = Math.max(0, ...samples.map(({ at }) => at))
  const failures: Record<string, number> = {}
  for (const { failure } of samples) if (failure !== undefined) failures[failure] = (failures[failure] ?? 0) + 1
  return {
    failures,
    before: phaseOf(before),
    during: phaseOf(during),
    after: phaseOf(after),
    detectMs: firstWindow(samples, struck, from, to, (share) => share <= usual * LEFT_SHARE),
    backMs: firstWindow(samples, struck, to, last, (share) => share >= usual * BACK_SHARE),
  }
}

function phaseOf(samples: readonly Sample[]): PhaseFigures {
  const ttfts = samples.flatMap(({ ok, ttftMs }) => (ok && ttftMs !== undefined ? ttftMs : []))
  const traced = samples.filter(({ asked }) => asked.length > 0)
  return {
    requests: samples.length,
    success: samples.filter(({ ok }) => ok).length / samples.length,
    ttftP50Ms: quantile(ttfts, 0.5),
    ttftP95Ms: quantile(ttfts, 0.95),
    attempts: traced.reduce((sum, { asked }) => sum + asked.length, 0) / traced.length,
  }
}

function shareOf(samples: readonly Sample[], provider: string): number {
  return samples.filter(({ asked }) => asked[0] === provider).length / samples.length
}

/** The beginning of the first second, from a moment on, in which a provider's share is as wanted. */
function firstWindow(
  samples: readonly Sample[],
  provider: string,
  from: number,
  to: number,
  isIt: (share: number) => boolean,
): number | undefined {
  for (let start = from; start + WINDOW_MS <= to; start += STEP_MS) {
    const within = samples.filter(({ at }) => at >= start && at < start + WINDOW_MS)
    if (within.length > 0 && isIt(shareOf(within, provider))) return start - from
  }
  return undefined
}
