import { DurableObject } from 'cloudflare:workers'
import type { Spent } from './budget.ts'
import { type ReportId, recordReport } from './ledger.ts'

const STORAGE_KEY = 'spent'

/** Counts what one key with limits has spent, over all isolates. There is one object for each key (accounts 4). */
export class Ledger extends DurableObject {
  /** Adds what an isolate has counted since its last report, and returns the total. Isolates of an older version send no id. */
  add(reported: Spent, id?: ReportId): Spent {
    const { kv } = this.ctx.storage
    const { state, changed } = recordReport(kv.get(STORAGE_KEY), reported, id, Date.now())
    if (changed) kv.put(STORAGE_KEY, state)
    const { minute, requests, tokens, dollars } = state
    return { minute, requests, tokens, dollars }
  }
}
