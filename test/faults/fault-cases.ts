import type { Fault } from '../simulator/faults.ts'

/** The provider that everything happens to; another has the same model, two more have others. */
export const STRUCK = 'openai'

/** One way for a provider to have a bad minute. */
export interface FaultCase {
  readonly name: string
  /** What it does; `gone`: nobody listens at its address any more. */
  readonly fault: Fault | 'gone'
  /** It does so in turns, each so long; all the time where absent. */
  readonly turnShare?: number
  /** The fault is the pace itself: it takes longer to be believed that it is over. */
  readonly isPace?: true
  /** The least share of requests in the fault that must succeed: what a retry can mend, and what it cannot. */
  readonly leastSuccess: number
}

const MENDED = 0.99

/** The pace of a provider that is well. */
export const PACE = { latencyMs: 200, tokenDelayMs: 10 }

export const FAULT_CASES: readonly FaultCase[] = [
  { name: 'hard 500', fault: { status: 500 }, leastSuccess: MENDED },
  { name: 'connection refused', fault: 'gone', leastSuccess: 0.9 },
  { name: 'hang', fault: { hangBeforeHeaders: true }, leastSuccess: MENDED },
  { name: 'slow first word', fault: { latencyMs: 2000, tokenDelayMs: 10 }, isPace: true, leastSuccess: MENDED },
  { name: '429, retry after 8 s', fault: { status: 429, retryAfter: 8 }, leastSuccess: MENDED },
  { name: '30 % errors', fault: { status: 500, probability: 0.3 }, leastSuccess: MENDED },
  { name: '30 % cut in mid-stream', fault: { reset: 5, probability: 0.3 }, leastSuccess: 0.9 },
  { name: 'flapping', fault: { status: 500 }, turnShare: 0.25, leastSuccess: MENDED },
]
