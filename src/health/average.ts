/**
 * A moving average of logarithms: a quick mean, its slow baseline, how far samples lie from the mean, how many there were
 * (30 at most), and when the last one came.
 */
export type Average = [mean: number, baseline: number, deviation: number, samples: number, at: number]

export const UNMEASURED: Readonly<Average> = [0, 0, 0, 0, 0]

const MAX_SAMPLES = 30
const BASELINE_MS = 600_000
/** A sample that lies this far (in logarithms) from the mean shows a change and not chance: it weighs at least so much. */
const JUMP = { by: 0.7, upWeight: 0.25, downWeight: 0.4 }
const FIRST_DEVIATION = 0.3

/** How an average follows its samples. */
export interface AveragePace {
  /** In this time the mean forgets two thirds of what it was. */
  readonly tauMs: number
  readonly followsJumps: boolean
}

export const TTFT_PACE: AveragePace = { tauMs: 20_000, followsJumps: true }
export const SPEED_PACE: AveragePace = { tauMs: 60_000, followsJumps: false }

/** Adds a positive number to an average, in place. */
export function addSample(average: Average, sample: number, now: number, { tauMs, followsJumps }: AveragePace): void {
  const mean = average[0]
  const baseline = average[1]
  const deviation = average[2]
  const samples = average[3]
  const at = average[4]
  const value = Math.log(sample)
  const ms = Math.max(now - at, 0)
  let weight = Math.max(1 - Math.exp(-ms / tauMs), 1 / (samples + 1))
  if (followsJumps && Math.abs(value - mean) > JUMP.by) {
    weight = Math.max(weight, value > mean ? JUMP.upWeight : JUMP.downWeight)
  }
  const baselineWeight = Math.max(1 - Math.exp(-ms / BASELINE_MS), 1 / (samples + 1) ** 2)
  average[0] = mean + weight * (value - mean)
  average[1] = baseline + baselineWeight * (value - baseline)
  average[2] = samples === 0 ? FIRST_DEVIATION : deviation + weight * (Math.abs(value - mean) - deviation)
  average[3] = Math.min(samples + 1, MAX_SAMPLES)
  average[4] = Math.max(at, now)
}

const MAX_LOG = 14

/** An average out of a message or a store, moved to the reader's clock; unmeasured where it makes no sense. */
export function readAverage(raw: unknown, now: number, shiftMs: number): Average {
  const numbers = Array.isArray(raw) ? raw.slice(0, 5) : []
  if (numbers.length < 5 || !numbers.every((value) => typeof value === 'number' && Math.abs(value) < 1e15)) {
    return [...UNMEASURED]
  }
  const [mean, baseline, deviation, samples, at] = numbers as Average
  const bounded = (value: number, max: number) => Math.min(Math.max(value, 0), max)
  return [
    bounded(mean, MAX_LOG),
    bounded(baseline, MAX_LOG),
    bounded(deviation, MAX_LOG),
    bounded(samples, MAX_SAMPLES),
    at === 0 ? 0 : Math.min(at + shiftMs, now),
  ]
}
