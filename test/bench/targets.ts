import { median, spreadPercent } from './statistics.ts'

/** A figure that Router9 is to stay under (`src/docs/performance.md`). */
export interface Goal {
  readonly name: string
  readonly unit: '×' | 'ms' | 'KB' | 'MB' | 'requests' | 'RPC/s'
  readonly must: number
  /** Absent where nothing better is asked for. */
  readonly aim?: number
  /** What it was when it was last looked at: what the quick run guards, be the must reached or not. */
  readonly usual?: number
  /** Not a measurement but a count: no noise, so no margin for any. */
  readonly exact?: true
}

/** A goal and what came of it. `value` is null where this machine cannot measure it. */
export interface Target {
  readonly name: string
  readonly value: number | null
  readonly must: number
  readonly aim: number | null
  readonly met: boolean
  readonly aimMet: boolean
  readonly unit: string
  /** Half the range of the rounds in percent of the value. */
  readonly spreadPercent: number
}

/** Times what is usual, in the quick run: a doubling shows, a busy machine does not. A count has no noise. */
const GUARD = { measured: 1.7, exact: 1.1 }

/** Compares what the rounds gave with the goal: their median; where `quick`, the best of them with what is usual. */
export function evaluate(goal: Goal, values: readonly number[], quick = false): Target {
  const value = quick ? Math.min(...values) : median(values)
  const must = quick ? (goal.usual ?? goal.must) * (goal.exact === true ? GUARD.exact : GUARD.measured) : goal.must
  const known = Number.isFinite(value)
  return {
    name: goal.name,
    value: known ? round(value) : null,
    must: round(must),
    aim: goal.aim ?? null,
    // What could not be measured is not missed; the table says so.
    met: !known || value <= must,
    aimMet: known && value <= (goal.aim ?? goal.must),
    unit: goal.unit,
    spreadPercent: known ? spreadPercent(values) : 0,
  }
}

/** The exit status of a run. */
export function statusOf(targets: readonly Target[]): 0 | 1 {
  return targets.every(({ met }) => met) ? 0 : 1
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
