import type { Tally } from './simulate.ts'

/** What one policy came to in one scenario, over all seeds. Undefined where it has no meaning. */
export interface Figures {
  readonly scenario: string
  readonly policy: string
  readonly requests: number
  /** In percent. */
  readonly success: number
  readonly faultSuccess: number
  readonly p50Ms: number | undefined
  readonly p95Ms: number | undefined
  /** In the fault. */
  readonly attempts: number
  readonly regret: number
  /** The mean over the seeds; undefined where some never noticed. */
  readonly detectMs: number | undefined
  readonly recoverMs: number | undefined
  readonly falseOpens: number
  /** The most attempts of the fault that began within fifteen milliseconds, in any of the runs. */
  readonly mostAtOnce: number
}

/** Adds up the runs of one policy through one scenario. */
export function figuresOf(scenario: string, policy: string, tallies: readonly Tally[]): Figures {
  const sum = (pick: (tally: Tally) => number) => tallies.reduce((total, tally) => total + pick(tally), 0)
  const requests = sum((tally) => tally.requests)
  const faultRequests = sum((tally) => tally.faultRequests)
  const ttftMs = Float64Array.from(tallies.flatMap((tally) => tally.faultTtftMs)).sort()
  const mean = (pick: (tally: Tally) => readonly number[], missing: number) => {
    const values = tallies.flatMap(pick)
    return missing > 0 || values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0) / values.length
  }
  return {
    scenario,
    policy,
    requests,
    success: (100 * sum((tally) => tally.answered)) / requests,
    faultSuccess: (100 * sum((tally) => tally.faultAnswered)) / faultRequests,
    p50Ms: quantile(ttftMs, 0.5),
    p95Ms: quantile(ttftMs, 0.95),
    attempts: sum((tally) => tally.faultAttempts) / faultRequests,
    regret: sum((tally) => tally.regret) / requests,
    detectMs: mean(
      (tally) => tally.detectMs,
      sum((tally) => tally.undetected),
    ),
    recoverMs: mean(
      (tally) => tally.recoverMs,
      sum((tally) => tally.unrecovered),
    ),
    falseOpens: sum((tally) => tally.falseOpens),
    mostAtOnce: Math.max(...tallies.map((tally) => tally.mostAtOnce)),
  }
}

export function quantile(sorted: Float64Array, share: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]
}

/** The mean of a figure over the scenarios in which something can be done about the fault. */
export function meanOf(
  figures: readonly Figures[],
  policy: string,
  pick: (row: Figures) => number | undefined,
): number | undefined {
  const values = figures
    .filter((row) => row.policy === policy && row.scenario !== 'all down')
    .flatMap((row) => pick(row) ?? [])
  return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0) / values.length
}
