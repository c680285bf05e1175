import { DurableObject } from 'cloudflare:workers'
import { addSpent, NOTHING_SPENT, type Spent } from '../routing/budget.ts'

const SPENT = 'spent'

/** What one limited key has used, over all isolates; one object for each key. */
export class Ledger extends DurableObject {
  /** Adds what an isolate has seen since its last report; answers what that makes in all. */
  add(now: Spent): Spent {
    const { kv } = this.ctx.storage
    const spent = addSpent(kv.get<Spent>(SPENT) ?? NOTHING_SPENT, now)
    if (now.requests > 0 || now.tokens > 0 || now.dollars > 0) kv.put(SPENT, spent)
    return spent
  }
}
