import { Failure } from '../chat/failure.ts'
import { randomText } from '../platform/random.ts'
import { sleep, withTimeout } from '../platform/timeout.ts'
import {
  addSpent,
  type ExceededLimit,
  exceededLimit,
  type Limits,
  MINUTE_MS,
  msToNextMinute,
  NOTHING_SPENT,
  type Spent,
} from './budget.ts'
import type { KeyRecord } from './keys.ts'
import { latestSpent, type ReportId, readSpent } from './ledger.ts'
import type { Ledger } from './ledger-object.ts'
import { createReservations, NO_RESERVATION, type Reservation, type Reservations } from './reservations.ts'

/**
 * An isolate that knows nothing of a key waits this long for the key's ledger; then the request goes on without it. A key
 * with a budget waits longer: requests and tokens are free again with the next minute, but money that is spent is gone.
 */
const LEDGER_WAIT_MS = 50
const LEDGER_WAIT_FOR_BUDGET_MS = 500
/** An isolate reports a key at most once in this time. */
const REPORT_EVERY_MS = 1000
const REPORT_TIMEOUT_MS = 10_000
const MAX_ACCOUNTS = 5000
/** No time restores a budget, so the client is told the longest wait: a day. */
const BUDGET_RETRY_MS = 86_400_000
/** A running call may end at any time and release its reservation. */
const RESERVED_RETRY_MS = 1000
/** A call is taken for ended after this time. */
const MAX_CALL_MS = 900_000
/** An unanswered report is repeated so many times without a new request, and after that with the next request of its key. */
const MAX_REPEATS = 3

/** A report that the ledger has not answered. The ledger may have counted it all the same, so it is repeated unchanged. */
interface Report {
  readonly id: ReportId
  readonly spent: Spent
}

/** What this isolate knows of a key with limits. */
interface Account {
  /** The first answer of the ledger, until it has come or the wait for it is over. */
  firstAnswer: Promise<void> | undefined
  /** The total by the last answer of the ledger. It includes every report that the ledger has answered. */
  confirmed: Spent
  report: Report | undefined
  /** Counted here and not reported yet. */
  unreported: Spent
  readonly reservations: Reservations
  /** The name in the ids of this account's reports. */
  readonly name: string
  reportCount: number
  repeatCount: number
  /** When the report that is under way was started; 0 if there is none. */
  reportingSince: number
  reportedAt: number
}

const accounts = new Map<string, Account>()

/** Returns the namespace of the ledgers. A function, because the platform builds it anew for each request and few need it. */
export type GetLedgers = () => { readonly Ledger: DurableObjectNamespace<Ledger> }

type WaitUntil = (work: Promise<unknown>) => void

/** Ends the reservation of an admitted request and counts what it has used. Call it at the end of every request, with 0 too. */
export type Spend = (tokens: number, dollars: number) => void

/**
 * Refuses a key that is already over its limits, before the body of its request is read (accounts 2). It counts nothing,
 * because an invalid request costs nothing of the limits.
 * @throws Failure 429 `request-rate`, `token-rate` or `budget`.
 */
export async function refuseOverLimit(
  { id, account: sharedId, limits }: KeyRecord,
  getLedgers: GetLedgers,
  waitUntil: WaitUntil,
): Promise<void> {
  if (limits !== undefined) throwIfOver(limits, await readyAccount(sharedId ?? id, limits, getLedgers, waitUntil))
}

/**
 * Admits a request or refuses it, by the limits of its key, and reserves what it may use (accounts 2 and 3). A key with
 * anything left is admitted even if the request may use more than that: otherwise nobody could use up a budget.
 * @throws Failure 429 `request-rate`, `token-rate` or `budget`.
 */
export async function admit(
  { id, account: sharedId, limits }: KeyRecord,
  getLedgers: GetLedgers,
  waitUntil: WaitUntil,
  reservation: Reservation = NO_RESERVATION,
): Promise<Spend> {
  if (limits === undefined) return () => {}
  const accountId = sharedId ?? id
  const account = await readyAccount(accountId, limits, getLedgers, waitUntil)
  throwIfOver(limits, account)
  const count = (spent: Omit<Spent, 'minute'>) => {
    account.unreported = addSpent(account.unreported, { ...spent, minute: minuteOf(Date.now()) })
    scheduleReport(accountId, account, getLedgers, waitUntil)
  }
  const release = account.reservations.reserve(reservation, Date.now())
  count({ requests: 1, tokens: 0, dollars: 0 })
  return (tokens, dollars) => {
    release()
    if (tokens > 0 || dollars > 0) count({ requests: 0, tokens, dollars })
  }
}

/** The account of a key, with the ledger's first answer if that comes in time. */
async function readyAccount(
  accountId: string,
  limits: Limits,
  getLedgers: GetLedgers,
  waitUntil: WaitUntil,
): Promise<Account> {
  const account = accountOf(accountId, getLedgers, waitUntil)
  if (account.firstAnswer !== undefined) {
    const waitMs = limits.budget === undefined ? LEDGER_WAIT_MS : LEDGER_WAIT_FOR_BUDGET_MS
    await withTimeout(account.firstAnswer, waitMs)
    // Once only: a ledger that hangs must not delay every request of its key.
    account.firstAnswer = undefined
  }
  return account
}

function throwIfOver(limits: Limits, account: Account): void {
  const now = Date.now()
  const spent = spentBy(account)
  const exceeded = exceededLimit(limits, spent, now)
  if (exceeded !== undefined) throw usedUp(exceeded, limits, now)
  const reserved = account.reservations.total(now)
  if (reserved.tokens === 0 && reserved.dollars === 0) return
  const withReserved = addSpent(spent, { minute: minuteOf(now), requests: 0, ...reserved })
  const exceededLater = exceededLimit(limits, withReserved, now)
  if (exceededLater !== undefined) throw allReserved(exceededLater, limits)
}

function spentBy({ confirmed, report, unreported }: Account): Spent {
  return addSpent(report === undefined ? confirmed : addSpent(confirmed, report.spent), unreported)
}

function minuteOf(now: number): number {
  return Math.floor(now / MINUTE_MS)
}

function accountOf(accountId: string, getLedgers: GetLedgers, waitUntil: WaitUntil): Account {
  const known = accounts.get(accountId)
  if (known !== undefined) return known
  const created: Account = {
    firstAnswer: undefined,
    confirmed: NOTHING_SPENT,
    report: undefined,
    unreported: NOTHING_SPENT,
    reservations: createReservations(MAX_CALL_MS),
    name: randomText(16),
    reportCount: 0,
    repeatCount: 0,
    reportingSince: 0,
    reportedAt: 0,
  }
  accounts.set(accountId, created)
  if (accounts.size > MAX_ACCOUNTS) {
    const oldest = accounts.keys().next()
    if (oldest.done !== true) accounts.delete(oldest.value)
  }
  const firstAnswer = exchange(accountId, created, getLedgers, waitUntil)
  created.firstAnswer = firstAnswer
  waitUntil(firstAnswer)
  return created
}

/**
 * Reports what was counted to the ledger and takes over its total (accounts 4). If the ledger fails, or its answer makes no
 * sense, the same report is repeated; nothing else is reported before it is answered.
 */
async function exchange(
  accountId: string,
  account: Account,
  getLedgers: GetLedgers,
  waitUntil: WaitUntil,
): Promise<void> {
  account.reportingSince = Date.now()
  if (account.report === undefined && account.unreported !== NOTHING_SPENT) {
    account.report = { id: { by: account.name, number: ++account.reportCount }, spent: account.unreported }
    account.unreported = NOTHING_SPENT
    account.repeatCount = 0
  }
  const { report } = account
  const answer = await sendReport(accountId, report, getLedgers).catch(() => undefined)
  // The report took so long that it was repeated, and the repeated one has been answered.
  if (account.report !== report) return
  const now = Date.now()
  account.reportedAt = now
  account.reportingSince = 0
  const total = readSpent(answer, now)
  if (total !== undefined) {
    const expected = report === undefined ? account.confirmed : addSpent(account.confirmed, report.spent)
    account.confirmed = latestSpent(expected, total)
    account.report = undefined
  }
  const repeats = account.report !== undefined && account.repeatCount++ < MAX_REPEATS
  // What was counted in the meantime is reported now: no further request may come to do it.
  if (repeats || (account.report === undefined && account.unreported !== NOTHING_SPENT)) {
    scheduleReport(accountId, account, getLedgers, waitUntil)
  }
}

async function sendReport(accountId: string, report: Report | undefined, getLedgers: GetLedgers): Promise<unknown> {
  const { Ledger: ledgers } = getLedgers()
  const ledger = ledgers.get(ledgers.idFromName(`key:${accountId}`))
  return report === undefined ? ledger.add(NOTHING_SPENT) : ledger.add(report.spent, report.id)
}

function scheduleReport(accountId: string, account: Account, getLedgers: GetLedgers, waitUntil: WaitUntil): void {
  // After the timeout another one may start: the platform may have ended the request that had to report.
  if (Date.now() - account.reportingSince < REPORT_TIMEOUT_MS) return
  account.reportingSince = Date.now()
  const waitMs = Math.max(account.reportedAt + REPORT_EVERY_MS - Date.now(), 0)
  waitUntil(sleep(waitMs).then(() => exchange(accountId, account, getLedgers, waitUntil)))
}

function usedUp(exceeded: ExceededLimit, limits: Limits, now: number): Failure {
  const retryAfterMs = msToNextMinute(now)
  switch (exceeded) {
    case 'requests':
      return new Failure('request-rate', `This key is limited to ${limits.rpm} requests a minute.`, { retryAfterMs })
    case 'tokens':
      return new Failure('token-rate', `This key is limited to ${limits.tpm} tokens a minute.`, { retryAfterMs })
    case 'dollars':
      return new Failure('budget', `This key's budget of $${limits.budget} is used up.`, {
        retryAfterMs: BUDGET_RETRY_MS,
      })
    default:
      return exceeded satisfies never
  }
}

/** All that is left is reserved for running calls. What they do not use becomes free again. */
function allReserved(exceeded: ExceededLimit, limits: Limits): Failure {
  const [kind, limit] =
    exceeded === 'dollars'
      ? (['budget', `budget of $${limits.budget}`] as const)
      : (['token-rate', `limit of ${limits.tpm} tokens a minute`] as const)
  const text = `What is left of this key's ${limit} is held for its calls under way. Try again when they have ended; a smaller 'max_tokens' holds less.`
  return new Failure(kind, text, { retryAfterMs: RESERVED_RETRY_MS })
}

/** The headers `x-ratelimit-*` of every response to a key with limits (contract 7). Resets are durations like `12s`, as in OpenAI's API. */
export function limitHeaders({ id, account: sharedId, limits }: KeyRecord): Record<string, string> {
  if (limits === undefined) return {}
  const account = accounts.get(sharedId ?? id)
  const now = Date.now()
  const thisMinute = { ...NOTHING_SPENT, minute: minuteOf(now) }
  const { requests, tokens } = account === undefined ? thisMinute : addSpent(spentBy(account), thisMinute)
  const resetMs = msToNextMinute(now)
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
