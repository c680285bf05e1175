import type { Ledger } from '../../src/gateway/ledger-object.ts'
import type { ObjectsOf } from '../../src/gateway/objects.ts'
import { addSpent, NOTHING_SPENT, type Spent } from '../../src/routing/budget.ts'

/** Ledgers in memory, which a test can slow down and break. */
export interface MemoryLedgers {
  readonly objects: ObjectsOf<'Ledger'>
  /** What the ledger of a key holds. */
  readonly spent: (key: string) => Spent
  readonly put: (key: string, spent: Partial<Spent>) => void
  /** How often any of them was asked. */
  readonly calls: () => number
  /** Answers come after so many milliseconds from now on. */
  readonly answerAfter: (ms: number) => void
  /** So many of the next calls fail, and nothing is kept of what they brought. */
  readonly failNext: (times: number) => void
}

export function createMemoryLedgers(): MemoryLedgers {
  const kept = new Map<string, Spent>()
  let calls = 0
  let waitMs = 0
  let failures = 0
  const spent = (key: string) => kept.get(`key:${key}`) ?? NOTHING_SPENT
  const add = async (name: string, now: Spent): Promise<Spent> => {
    calls++
    const fails = failures > 0
    if (fails) failures--
    await new Promise((resolve) => setTimeout(resolve, waitMs))
    if (fails) throw new Error('Durable Object reset')
    const sum = addSpent(kept.get(name) ?? NOTHING_SPENT, now)
    kept.set(name, sum)
    return sum
  }
  const ledgers = {
    idFromName: (name: string) => name,
    get: (name: string) => ({ add: (now: Spent) => add(name, now) }),
  }
  return {
    objects: () => ({ Ledger: ledgers as unknown as DurableObjectNamespace<Ledger> }),
    spent,
    put: (key, given) => kept.set(`key:${key}`, { ...NOTHING_SPENT, ...given }),
    calls: () => calls,
    answerAfter: (ms) => {
      waitMs = ms
    },
    failNext: (times) => {
      failures = times
    },
  }
}
