import { type Limits, NOTHING_SPENT, type Spent } from '../../src/access/budget.ts'
import { exchange, type LedgerState, type Report } from '../../src/access/ledger.ts'
import type { Ledger } from '../../src/access/ledger-object.ts'
import type { GetLedgers } from '../../src/access/limits.ts'

/** Ledgers in memory, which a test can slow down and break. */
export interface MemoryLedgers {
  readonly objects: GetLedgers
  /** What the ledger of a key holds. */
  readonly spent: (key: string) => Spent
  readonly put: (key: string, spent: Partial<Spent>) => void
  /** How often any of them was asked. */
  readonly calls: () => number
  /** Answers come after so many milliseconds from now on. */
  readonly answerAfter: (ms: number) => void
  /** So many of the next calls fail, and nothing is kept of what they brought. */
  readonly failNext: (times: number) => void
  /** So many of the next calls are counted, and their answers lost. */
  readonly loseNext: (times: number) => void
  /** From now on this is what comes back, whatever was told; nothing of that is kept. */
  readonly answerWith: (answer: unknown) => void
}

export function createMemoryLedgers(): MemoryLedgers {
  const kept = new Map<string, Partial<LedgerState>>()
  let calls = 0
  let waitMs = 0
  let failures = 0
  let losses = 0
  let garbage: { answer: unknown } | undefined
  const sumOf = (name: string): Spent => {
    const { minute, requests, tokens, dollars } = { ...NOTHING_SPENT, ...kept.get(name) }
    return { minute, requests, tokens, dollars }
  }
  const answerTo = async (name: string, report: Report, limits: Limits): Promise<unknown> => {
    calls++
    const fails = failures > 0
    if (fails) failures--
    const loses = losses > 0
    if (loses) losses--
    await new Promise((resolve) => setTimeout(resolve, waitMs))
    if (fails) throw new Error('Durable Object reset')
    if (garbage !== undefined) return garbage.answer
    const { state, answer } = exchange(kept.get(name), structuredClone(report), limits, Date.now())
    kept.set(name, state)
    if (loses) throw new Error('Network connection lost')
    return answer
  }
  const ledgers = {
    idFromName: (name: string) => name,
    get: (name: string) => ({ exchange: (report: Report, limits: Limits) => answerTo(name, report, limits) }),
  }
  return {
    objects: () => ({ Ledger: ledgers as unknown as DurableObjectNamespace<Ledger> }),
    spent: (key) => sumOf(`key:${key}`),
    put: (key, given) => kept.set(`key:${key}`, { ...NOTHING_SPENT, ...given }),
    calls: () => calls,
    answerAfter: (ms) => {
      waitMs = ms
    },
    failNext: (times) => {
      failures = times
    },
    loseNext: (times) => {
      losses = times
    },
    answerWith: (answer) => {
      garbage = { answer }
    },
  }
}
