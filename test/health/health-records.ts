import { recordOutcome } from '../../src/health/circuit-breaker.ts'
import type { Outcome, OutcomeClass } from '../../src/health/outcome.ts'
import { type HealthRecord, unknownHealth } from '../../src/health/record.ts'

/** Some moment far from zero, as real clocks are. */
export const T0 = 1_700_000_000_000

export type OutcomeDetails = Partial<Omit<Outcome, 'class' | 'at'>>

export function outcome(kind: OutcomeClass, at: number, more: OutcomeDetails = {}): Outcome {
  return { deployment: 'alfa/a', class: kind, at, bucket: 0, ...more }
}

/** A record to which outcomes happened, one every `everyMs` from `from` on. */
export function having(
  kinds: readonly OutcomeClass[],
  from = T0,
  everyMs = 100,
  more: OutcomeDetails = {},
): HealthRecord {
  const health = unknownHealth()
  return add(health, kinds, from, everyMs, more)
}

export function add(
  health: HealthRecord,
  kinds: readonly OutcomeClass[],
  from: number,
  everyMs = 100,
  more: OutcomeDetails = {},
): HealthRecord {
  kinds.forEach((kind, index) => {
    const at = from + index * everyMs
    recordOutcome(health, outcome(kind, at, more), at)
  })
  return health
}

export function times(count: number, kind: OutcomeClass): OutcomeClass[] {
  return Array.from({ length: count }, () => kind)
}
