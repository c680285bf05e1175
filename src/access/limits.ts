import { Failure } from '../chat/failure.ts'
import { randomText } from '../platform/random.ts'
import { withTimeout } from '../platform/timeout.ts'
import {
  addSpent,
  type ExceededLimit,
  type Limits,
  MINUTE_MS,
  msToReset,
  NOTHING_SPENT,
  overLimit,
  type Spent,
} from './budget.ts'
import type { KeyRecord } from './keys.ts'
import { latestSpent, type ReportId, spentOf } from './ledger.ts'
import type { Ledger } from './ledger-object.ts'
import { createReservations, NO_RESERVATION, type Reservation, type Reservations } from './reservations.ts'

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
/** Calls under way end at any time. */
const HELD_RETRY_MS = 1000
/** No call is believed to be under way for longer. */
const MAX_CALL_MS = 900_000
/** So often a report is repeated by itself; after that with the next request. */
const MAX_REPEATS = 3

/** A report that the ledger has not answered. It may have been counted all the same, so it is repeated as it is. */
interface Report {
  readonly id: ReportId
  readonly spent: Spent
}

/** What this isolate knows of a limited key. */
interface Account {
  /** The ledger's first word, until it has come or has been waited for. */
  first: Promise<void> | undefined
  /** By the ledger's last word, everything that it has answered for included. */
  known: Spent
  reported: Report | undefined
  /** Seen here and not reported yet. */
  pending: Spent
  /** For calls under way. */
  readonly holds: Reservations
  /** By which the ledger knows this account, and how many reports it has made. */
  readonly name: string
  reports: number
  /** How often the report was repeated. */
  repeats: number
  /** When a report was begun that has not ended; 0 where there is none. */
  reportingSince: number
  reportedAt: number
}

const accounts = new Map<string, Account>()

/** Returns the namespace of the ledgers. A function, because the platform builds it anew for each request and few requests need it. */
export type GetLedgers = () => { readonly Ledger: DurableObjectNamespace<Ledger> }

type WaitUntil = (work: Promise<unknown>) => void

/**
 * Counts what a request that was let in has used, in the place of what was held for it. To be called at its end, whatever
 * that is: with nothing, too.
 */
export type Spend = (tokens: number, dollars: number) => void

/**
 * Refuses a key that is over its limits already, before its request's body is read: it costs no more than this. Nothing is
 * counted yet, since a request that is not valid costs nothing of the limits.
 * @throws Failure 429 `request-rate`, `token-rate` or `budget`.
 */
export async function refuseOverLimit(
  { id, account: shared, limits }: KeyRecord,
  getLedgers: GetLedgers,
  waitUntil: WaitUntil,
): Promise<void> {
  if (limits !== undefined) refuseOver(limits, await knownAccount(shared ?? id, limits, getLedgers, waitUntil))
}

/**
 * Lets a request in or refuses it, by the limits of its key; holds what it may use until that is known, so that those who
 * come meanwhile find it gone. A key with anything left is let in, also where the request may use more than that: nobody
 * could use up a budget otherwise. Counts are exact within an isolate; over isolates they meet in the key's ledger within
 * about a second, off the path of the request.
 * @throws Failure 429 `request-rate`, `token-rate` or `budget`.
 */
export async function admit(
  { id, account: shared, limits }: KeyRecord,
  getLedgers: GetLedgers,
  waitUntil: WaitUntil,
  hold: Reservation = NO_RESERVATION,
): Promise<Spend> {
  if (limits === undefined) return () => {}
  const name = shared ?? id
  const account = await knownAccount(name, limits, getLedgers, waitUntil)
  refuseOver(limits, account)
  const count = (spent: Omit<Spent, 'minute'>) => {
    account.pending = addSpent(account.pending, { ...spent, minute: minuteOf(Date.now()) })
    report(name, account, getLedgers, waitUntil)
  }
  const letGo = account.holds.keep(hold, Date.now())
  count({ requests: 1, tokens: 0, dollars: 0 })
  return (tokens, dollars) => {
    letGo()
    if (tokens > 0 || dollars > 0) count({ requests: 0, tokens, dollars })
  }
}

/** What is known of a key, the ledger's first word included where that comes in time. */
async function knownAccount(
  name: string,
  limits: Limits,
  getLedgers: GetLedgers,
  waitUntil: WaitUntil,
): Promise<Account> {
  const account = accountOf(name, getLedgers, waitUntil)
  if (account.first !== undefined) {
    await withTimeout(account.first, limits.budget === undefined ? COLD_WAIT_MS : COLD_WAIT_FOR_BUDGET_MS)
    // Once only: a ledger that hangs must not hold up every request of its key.
    account.first = undefined
  }
  return account
}

function refuseOver(limits: Limits, account: Account): void {
  const now = Date.now()
  const used = usedBy(account)
  const over = overLimit(limits, used, now)
  if (over !== undefined) throw refusal(over, limits, now)
  const held = account.holds.sum(now)
  if (held.tokens === 0 && held.dollars === 0) return
  const full = overLimit(limits, addSpent(used, { minute: minuteOf(now), requests: 0, ...held }), now)
  if (full !== undefined) throw heldRefusal(full, limits)
}

function usedBy({ known, reported, pending }: Account): Spent {
  return addSpent(reported === undefined ? known : addSpent(known, reported.spent), pending)
}

function minuteOf(now: number): number {
  return Math.floor(now / MINUTE_MS)
}

function accountOf(name: string, getLedgers: GetLedgers, waitUntil: WaitUntil): Account {
  const known = accounts.get(name)
  if (known !== undefined) return known
  const fresh: Account = {
    first: undefined,
    known: NOTHING_SPENT,
    reported: undefined,
    pending: NOTHING_SPENT,
    holds: createReservations(MAX_CALL_MS),
    name: randomText(16),
    reports: 0,
    repeats: 0,
    reportingSince: 0,
    reportedAt: 0,
  }
  accounts.set(name, fresh)
  if (accounts.size > MAX_KEYS) {
    const oldest = accounts.keys().next()
    if (oldest.done !== true) accounts.delete(oldest.value)
  }
  const first = exchange(name, fresh, getLedgers, waitUntil)
  fresh.first = first
  waitUntil(first)
  return fresh
}

/**
 * Hands what is pending to the ledger and takes its sum. A ledger that fails, or answers what cannot be, changes nothing:
 * the report is repeated, and nothing else is told before it is answered.
 */
async function exchange(name: string, account: Account, getLedgers: GetLedgers, waitUntil: WaitUntil): Promise<void> {
  account.reportingSince = Date.now()
  if (account.reported === undefined && account.pending !== NOTHING_SPENT) {
    account.reported = { id: { by: account.name, number: ++account.reports }, spent: account.pending }
    account.pending = NOTHING_SPENT
    account.repeats = 0
  }
  const { reported } = account
  const answer = await askLedger(name, reported, getLedgers).catch(() => undefined)
  // Where it took too long the report was repeated, and that one's answer counts.
  if (account.reported !== reported) return
  const now = Date.now()
  account.reportedAt = now
  account.reportingSince = 0
  const spent = spentOf(answer, now)
  if (spent !== undefined) {
    account.known = latestSpent(reported === undefined ? account.known : addSpent(account.known, reported.spent), spent)
    account.reported = undefined
  }
  const repeats = account.reported !== undefined && account.repeats++ < MAX_REPEATS
  // What was counted meanwhile may be the last there is.
  if (repeats || (account.reported === undefined && account.pending !== NOTHING_SPENT)) {
    report(name, account, getLedgers, waitUntil)
  }
}

async function askLedger(name: string, report: Report | undefined, getLedgers: GetLedgers): Promise<unknown> {
  const { Ledger: ledgers } = getLedgers()
  const ledger = ledgers.get(ledgers.idFromName(`key:${name}`))
  return report === undefined ? ledger.add(NOTHING_SPENT) : ledger.add(report.spent, report.id)
}

function report(name: string, account: Account, getLedgers: GetLedgers, waitUntil: WaitUntil): void {
  // The request that was to report may have been ended by the platform.
  if (Date.now() - account.reportingSince < REPORT_LOST_MS) return
  account.reportingSince = Date.now()
  const waitMs = Math.max(account.reportedAt + REPORT_EVERY_MS - Date.now(), 0)
  const waited = new Promise((resolve) => setTimeout(resolve, waitMs))
  waitUntil(waited.then(() => exchange(name, account, getLedgers, waitUntil)))
}

function refusal(over: ExceededLimit, limits: Limits, now: number): Failure {
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

/** What is left is held for calls under way; it comes back as far as they don't use it. */
function heldRefusal(over: ExceededLimit, limits: Limits): Failure {
  const [kind, limit] =
    over === 'dollars'
      ? (['budget', `budget of $${limits.budget}`] as const)
      : (['token-rate', `limit of ${limits.tpm} tokens a minute`] as const)
  const text = `What is left of this key's ${limit} is held for its calls under way. Try again when they have ended; a smaller 'max_tokens' holds less.`
  return new Failure(kind, text, { retryAfterMs: HELD_RETRY_MS })
}

/** `x-ratelimit-*` for every response of a limited key (contract 7). Resets are durations, as OpenAI gives them: `12s`. */
export function limitHeaders({ id, account: shared, limits }: KeyRecord): Record<string, string> {
  if (limits === undefined) return {}
  const account = accounts.get(shared ?? id)
  const now = Date.now()
  const minute = { ...NOTHING_SPENT, minute: minuteOf(now) }
  const { requests, tokens } = account === undefined ? minute : addSpent(usedBy(account), minute)
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
