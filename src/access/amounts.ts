/** What limits are about: requests and tokens of a minute, dollars of a window, and calls at once. */
export interface Amounts {
  readonly requests: number
  readonly tokens: number
  /** US dollars. */
  readonly dollars: number
  readonly calls: number
}

export type Dimension = keyof Amounts

export const DIMENSIONS: readonly Dimension[] = ['dollars', 'requests', 'tokens', 'calls']
export const NOTHING: Amounts = { requests: 0, tokens: 0, dollars: 0, calls: 0 }
/** Sums of fractions have rounding errors; nobody can spend this much less than a dollar. */
export const ROUNDING = 1e-9

/** Amounts that are counted in place: nothing is made anew with every call. */
export type Sum = { -readonly [dimension in Dimension]: number }

export function mapAmounts(map: (dimension: Dimension) => number): Sum {
  return { requests: map('requests'), tokens: map('tokens'), dollars: map('dollars'), calls: map('calls') }
}

export function copyOf(amounts: Amounts): Sum {
  return mapAmounts((dimension) => amounts[dimension])
}

/** @param sign -1 to subtract. */
export function add(sum: Sum, { requests, tokens, dollars, calls }: Amounts, sign: 1 | -1 = 1): void {
  sum.requests += sign * requests
  sum.tokens += sign * tokens
  sum.dollars += sign * dollars
  sum.calls += sign * calls
}

export function plus(one: Amounts, other: Amounts): Amounts {
  return mapAmounts((dimension) => one[dimension] + other[dimension])
}

/** The difference, not below nothing. */
export function minus(one: Amounts, other: Amounts): Amounts {
  return mapAmounts((dimension) => Math.max(one[dimension] - other[dimension], 0))
}

export function times(factor: number, amounts: Amounts): Amounts {
  return mapAmounts((dimension) => factor * amounts[dimension])
}

/** The larger of two in each dimension. */
export function larger(one: Amounts, other: Amounts): Amounts {
  return mapAmounts((dimension) => Math.max(one[dimension], other[dimension]))
}

/** The smaller of two in each dimension. */
export function smaller(one: Amounts, other: Amounts): Amounts {
  return mapAmounts((dimension) => Math.min(one[dimension], other[dimension]))
}

/** The dimensions in which an amount is more than what is there; none where it fits. */
export function excessOf(amount: Amounts, left: Amounts): readonly Dimension[] {
  return DIMENSIONS.filter((dimension) => amount[dimension] > left[dimension] + ROUNDING)
}

/** Whether an amount is more than what is there, in any dimension. */
export function isMore({ dollars, requests, tokens, calls }: Amounts, left: Amounts): boolean {
  return (
    dollars > left.dollars + ROUNDING ||
    requests > left.requests + ROUNDING ||
    tokens > left.tokens + ROUNDING ||
    calls > left.calls + ROUNDING
  )
}

/** Whether two amounts are less than what is there by more than rounding, in every dimension. */
export function isLess(one: Amounts, other: Amounts, left: Amounts): boolean {
  return (
    one.dollars + other.dollars < left.dollars - ROUNDING &&
    one.requests + other.requests < left.requests - ROUNDING &&
    one.tokens + other.tokens < left.tokens - ROUNDING &&
    one.calls + other.calls < left.calls - ROUNDING
  )
}

export function isNothing(amounts: Amounts): boolean {
  return DIMENSIONS.every((dimension) => amounts[dimension] <= ROUNDING)
}

/** Whether two amounts are equal but for rounding. */
export function isSame(one: Amounts, other: Amounts): boolean {
  return isNothing(minus(one, other)) && isNothing(minus(other, one))
}

/** A number that can be added: finite, and not below nothing. A broken number counts as nothing (accounts 4). */
export function amountOf(value: unknown): number {
  return isAmount(value) ? value : 0
}

export function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY
}

/** Keeps each number that makes sense: one broken number must not lose the others. */
export function toAmounts(value: unknown): Amounts {
  const fields = fieldsOf(value)
  return mapAmounts((dimension) => amountOf(fields[dimension]))
}

export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}
