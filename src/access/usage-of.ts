import { TIMED_OUT, withTimeout } from '../platform/timeout.ts'
import type { LedgerUsage } from './ledger-object.ts'
import type { GetLedgers } from './limits.ts'

/** What an account has used, as its ledger knows it; null where that does not answer. */
export type AccountUsage = { readonly [window in keyof LedgerUsage]: number | null }

/** Tells what accounts have used (`key:<id>`, `team:<id>`), in their order. Never rejects. */
export type UsageOf = (accountIds: readonly string[]) => Promise<readonly AccountUsage[]>

export const UNKNOWN_USAGE: AccountUsage = { total: null, daily: null, weekly: null, monthly: null }
const WAIT_MS = 1000

/** Usage as the ledgers know it. */
export function ledgerUsage(getLedgers: GetLedgers): UsageOf {
  const { Ledger } = getLedgers()
  const usageOf = async (id: string): Promise<AccountUsage> => {
    const asked = Promise.resolve(Ledger.get(Ledger.idFromName(id)).usage())
    const usage = await withTimeout(asked, WAIT_MS).catch(() => TIMED_OUT)
    return typeof usage === 'symbol' ? UNKNOWN_USAGE : usage
  }
  return (accountIds) => Promise.all(accountIds.map(usageOf))
}
