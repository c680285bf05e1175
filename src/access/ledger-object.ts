import { DurableObject } from 'cloudflare:workers'
import type { Limits, Spent } from './budget.ts'
import { type Answer, addReport, exchange, type LedgerState, type Report, type ReportId, readState } from './ledger.ts'

/** US dollars; the windows are those of UTC that are running. */
export interface LedgerUsage {
  readonly total: number
  readonly daily: number
  readonly weekly: number
  readonly monthly: number
}

const STORAGE_KEY = 'spent'

/** Counts what one account has spent, over all isolates, and leases what is left. There is one object for each account (accounts 4). */
export class Ledger extends DurableObject {
  #state: LedgerState | undefined

  /**
   * Counts a report and leases what its isolate may spend next.
   * @throws TypeError if the report makes no sense, or if too many isolates hold something: nothing was counted.
   */
  exchange(report: Report, limits: Limits): Answer {
    const { state, answer, changed } = exchange(this.#stored(), report, limits, Date.now())
    if (answer === undefined) throw new TypeError('a report that cannot be counted')
    this.#keep(state, changed)
    return answer
  }

  /** Adds what an isolate of an older version has counted since its last report, and returns the total. */
  add(reported: Spent, id?: ReportId): Spent {
    const { state, changed } = addReport(this.#stored(), reported, id, Date.now())
    this.#keep(state, changed)
    const { minute, requests, tokens, dollars } = state
    return { minute, requests, tokens, dollars }
  }

  /** US dollars that were spent in all, and in the windows that are running. */
  usage(): LedgerUsage {
    const { dollars: total, windows } = readState(this.#stored(), Date.now())
    return { total, daily: windows.day.dollars, weekly: windows.week.dollars, monthly: windows.month.dollars }
  }

  #stored(): unknown {
    return this.#state ?? this.ctx.storage.kv.get(STORAGE_KEY)
  }

  #keep(state: LedgerState, changed: boolean): void {
    if (changed) this.ctx.storage.kv.put(STORAGE_KEY, state)
    this.#state = state
  }
}
