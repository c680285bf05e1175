import { type Health, record, unknownHealth } from '../../src/routing/health.ts'
import type { Outcome, OutcomeClass } from '../../src/routing/outcome.ts'

/** Some moment far from zero, as real clocks are. */
export const T0 = 1_700_000_000_000

export type Said = Partial<Omit<Outcome, 'class' | 'at'>>

export function outcome(kind: OutcomeClass, at: number, more: Said = {}): Outcome {
  return { deployment: 'alfa/a', class: kind, at, bucket: 0, ...more }
}

/** A record to which outcomes happened, one every `everyMs` from `from` on. */
export function having(kinds: readonly OutcomeClass[], from = T0, everyMs = 100, more: Said = {}): Health {
  const health = unknownHealth()
  return add(health, kinds, from, everyMs, more)
}

export function add(
  health: Health,
  kinds: readonly OutcomeClass[],
  from: number,
  everyMs = 100,
  more: Said = {},
): Health {
  kinds.forEach((kind, index) => {
    const at = from + index * everyMs
    record(health, outcome(kind, at, more), at)
  })
  return health
}

export function times(count: number, kind: OutcomeClass): OutcomeClass[] {
  return Array.from({ length: count }, () => kind)
}
