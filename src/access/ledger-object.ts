import { DurableObject } from 'cloudflare:workers'
import type { Spent } from './budget.ts'
import { type ReportId, recordReport } from './ledger.ts'

const SPENT = 'spent'

/** What one limited key has used, over all isolates; one object for each key. */
export class Ledger extends DurableObject {
  /**
   * Adds what an isolate has seen since its last report, once for each report; answers what that makes in all. Isolates of an
   * older version name no report.
   */
  add(told: Spent, report?: ReportId): Spent {
    const { kv } = this.ctx.storage
    const { kept, changed } = recordReport(kv.get(SPENT), told, report, Date.now())
    if (changed) kv.put(SPENT, kept)
    const { minute, requests, tokens, dollars } = kept
    return { minute, requests, tokens, dollars }
  }
}
