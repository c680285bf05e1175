import { Failure } from '../chat/failure.ts'
import { addSpent, type Limits, MINUTE_MS, msToReset, NOTHING_SPENT, overLimit, type Spent } from '../routing/budget.ts'
import type { KeyRecord } from './keys.ts'
import type { ObjectsOf } from './objects.ts'
import { orLate } from './race.ts'

/**
 * A key's ledger is waited for this long by an isolate that knows nothing of the key; then the request goes on without. A
 * budget is worth a longer wait: what is spent beyond it does not come back with the next minute.
 */
const COLD_WAIT_MS = 50
const COLD_WAIT_FOR_BUDGET_MS = 500
/** Between two reports of one key from one isolate. */
const REPORT_EVERY_MS = 1000
const REPORT_LOST_MS = 10_000
const MAX_KEYS = 5000
/** As long a wait as a client can be told where no time mends it: a day. */
const BUDGET_RETRY_MS = 86_400_000

/** What this isolate knows of a limited key. */
interface Account {
  /** The ledger's first word, until it has come or has been waited for. */
  first: Promise<void> | undefined
  /** By the ledger's last word, everything reported included. */
  known: Spent
  /** Seen here and not reported yet. */
  pending: Spent
  /** When a report was begun that has not ended; 0 where there is none. */
  reportingSince: number
  reportedAt: number
}

const accounts = new Map<string, Account>()

type WaitUntil = (work: Promise<unknown>) => void

/** Counts what a request that was let in has used, when that is known. */
export type Spend = (tokens: number, dollars: number) => void

/**
 * Refuses a key that is over its limits already, before its request's body is read: it costs no more than this. Nothing is
 * counted yet, since a request that is not valid costs nothing of the limits.
 * @throws Failure 429 `request-rate`, `token-rate` or `budget`.
 */
export async function refuseOverLimit(
  { id, account: shared, limits }: KeyRecord,
  objects: ObjectsOf<'Ledger'>,
  waitUntil: WaitUntil,
): Promise<void> {
  if (limits !== undefined) refuseOver(limits, await knownAccount(shared ?? id, limits, objects, waitUntil))
}

/**
 * Lets a request in or refuses it, by the limits of its key. Counts are exact within an isolate; over isolates they meet in
 * the key's ledger within about a second, off the path of the request.
 * @throws Failure 429 `request-rate`, `token-rate` or `budget`.
 */
export async function admit(
  { id, account: shared, limits }: KeyRecord,
  objects: ObjectsOf<'Ledger'>,
  waitUntil: WaitUntil,
): Promise<Spend> {
  if (limits === undefined) return () => {}
  const name = shared ?? id
  const account = await knownAccount(name, limits, objects, waitUntil)
  refuseOver(limits, account)
  const count = (spent: Omit<Spent, 'minute'>) => {
    account.pending = addSpent(account.pending, { ...spent, minute: Math.floor(Date.now() / MINUTE_MS) })
    report(name, account, objects, waitUntil)
  }
  count({ requests: 1, tokens: 0, dollars: 0 })
  return (tokens, dollars) => count({ requests: 0, tokens, dollars })
}

/** What is known of a key, the ledger's first word included where that comes in time. */
async function knownAccount(
  name: string,
  limits: Limits,
  objects: ObjectsOf<'Ledger'>,
  waitUntil: WaitUntil,
): Promise<Account> {
  const account = accountOf(name, objects, waitUntil)
  if (account.first !== undefined) {
    await orLate(account.first, limits.budget === undefined ? COLD_WAIT_MS : COLD_WAIT_FOR_BUDGET_MS)
    // Once only: a ledger that hangs must not hold up every request of its key.
    account.first = undefined
  }
  return account
}

function refuseOver(limits: Limits, account: Account): void {
  const now = Date.now()
  const over = overLimit(limits, addSpent(account.known, account.pending), now)
  if (over !== undefined) throw refusal(over, limits, now)
}

function accountOf(name: string, objects: ObjectsOf<'Ledger'>, waitUntil: WaitUntil): Account {
  const known = accounts.get(name)
  if (known !== undefined) return known
  const fresh: Account = {
    first: undefined,
    known: NOTHING_SPENT,
    pending: NOTHING_SPENT,
    reportingSince: 0,
    reportedAt: 0,
  }
  accounts.set(name, fresh)
  if (accounts.size > MAX_KEYS) {
    const oldest = accounts.keys().next()
    if (oldest.done !== true) accounts.delete(oldest.value)
  }
  const first = exchange(name, fresh, objects, waitUntil)
  fresh.first = first
  waitUntil(first)
  return fresh
}

/** Hands what is pending to the ledger and takes its sum; a ledger that fails changes nothing, the next report tells all. */
async function exchange(
  name: string,
  account: Account,
  objects: ObjectsOf<'Ledger'>,
  waitUntil: WaitUntil,
): Promise<void> {
  const told = account.pending
  account.reportingSince = Date.now()
  account.pending = NOTHING_SPENT
  account.known = addSpent(account.known, told)
  try {
    const { Ledger: ledgers } = objects()
    account.known = await ledgers.get(ledgers.idFromName(`key:${name}`)).add(told)
  } catch {
    account.known = withdraw(account.known, told)
    account.pending = addSpent(told, account.pending)
    account.reportedAt = Date.now()
    account.reportingSince = 0
    return
  }
  account.reportedAt = Date.now()
  account.reportingSince = 0
  // What was counted meanwhile may be the last there is.
  if (account.pending !== NOTHING_SPENT) report(name, account, objects, waitUntil)
}

function withdraw(from: Spent, told: Spent): Spent {
  const same = from.minute === told.minute
  return {
    minute: from.minute,
    requests: from.requests - (same ? told.requests : 0),
    tokens: from.tokens - (same ? told.tokens : 0),
    dollars: from.dollars - told.dollars,
  }
}

function report(name: string, account: Account, objects: ObjectsOf<'Ledger'>, waitUntil: WaitUntil): void {
  // The request that was to report may have been ended by the platform.
  if (Date.now() - account.reportingSince < REPORT_LOST_MS) return
  account.reportingSince = Date.now()
  const waitMs = Math.max(account.reportedAt + REPORT_EVERY_MS - Date.now(), 0)
  const waited = new Promise((resolve) => setTimeout(resolve, waitMs))
  waitUntil(waited.then(() => exchange(name, account, objects, waitUntil)))
}

function refusal(over: 'requests' | 'tokens' | 'dollars', limits: Limits, now: number): Failure {
  const retryAfterMs = msToReset(now)
  switch (over) {
    case 'requests':
      return new Failure('request-rate', `This key is limited to ${limits.rpm} requests a minute.`, { retryAfterMs })
    case 'tokens':
      return new Failure('token-rate', `This key is limited to ${limits.tpm} tokens a minute.`, { retryAfterMs })
    case 'dollars':
      return new Failure('budget', `This key's budget of $${limits.budget} is used up.`, {
        retryAfterMs: BUDGET_RETRY_MS,
      })
    default:
      return over satisfies never
  }
}

/** `x-ratelimit-*` for every response of a limited key (contract 7). Resets are durations, as OpenAI gives them: `12s`. */
export function limitHeaders({ id, account: shared, limits }: KeyRecord): Record<string, string> {
  if (limits === undefined) return {}
  const account = accounts.get(shared ?? id)
  const now = Date.now()
  const minute = { ...NOTHING_SPENT, minute: Math.floor(now / MINUTE_MS) }
  const { requests, tokens } = addSpent(addSpent(account?.known ?? minute, account?.pending ?? minute), minute)
  const resetMs = msToReset(now)
  const reset = resetMs < 1000 ? `${resetMs}ms` : `${Math.ceil(resetMs / 1000)}s`
  const headers: Record<string, string> = {}
  if (limits.rpm !== undefined) {
    headers['x-ratelimit-limit-requests'] = String(limits.rpm)
    headers['x-ratelimit-remaining-requests'] = String(Math.max(limits.rpm - requests, 0))
    headers['x-ratelimit-reset-requests'] = reset
  }
  if (limits.tpm !== undefined) {
    headers['x-ratelimit-limit-tokens'] = String(limits.tpm)
    headers['x-ratelimit-remaining-tokens'] = String(Math.max(limits.tpm - tokens, 0))
    headers['x-ratelimit-reset-tokens'] = reset
  }
  return headers
}
