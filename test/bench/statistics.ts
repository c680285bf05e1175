/** The middle of some numbers; NaN where there are none. */
export function median(values: readonly number[]): number {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b)
  const [below, above] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  return below === undefined || above === undefined ? Number.NaN : (below + above) / 2
}

/** The value that this share of all does not exceed; NaN where there are none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

/** Half the range in percent of the median: how far the rounds are apart. */
export function spreadPercent(values: readonly number[]): number {
  const finite = values.filter(Number.isFinite)
  if (finite.length === 0) return Number.NaN
  const range = Math.max(...finite) - Math.min(...finite)
  return range === 0 ? 0 : Math.round((50 * range) / Math.abs(median(finite)))
}
