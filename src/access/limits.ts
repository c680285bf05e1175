import { Failure } from '../chat/failure.ts'
import { randomText } from '../platform/random.ts'
import { sleep, withTimeout } from '../platform/timeout.ts'
import type { Entry } from '../usage/entry.ts'
import { type Limits, NO_RESERVATION, NOTHING_SPENT, type Reservation } from './budget.ts'
import type { KeyRecord } from './keys.ts'
import { createLease, isOpen, type Lease, type OpenCall, type Refusal } from './lease.ts'
import { MAX_NEEDS, readAnswer } from './ledger.ts'
import type { Ledger } from './ledger-object.ts'
import { minuteOf, msToNextMinute } from './window.ts'

/** A call that needs its ledger waits this long for it. */
const LEDGER_WAIT_MS = 500
/** In so many parts, between which an answer is heard that has come: time that a busy isolate loses is not the ledger's. */
const WAIT_PARTS = 10
/** A report that is so late is repeated where a call waits for it: the platform may have ended the one who sent it. */
const REPEAT_MS = 200
/** After the ledger failed to answer, no call waits for it for this long. */
const UNAVAILABLE_MS = 1000
/** An isolate reports an account at most once in this time, while no call waits. */
const REPORT_EVERY_MS = 1000
const REPORT_TIMEOUT_MS = 10_000
/** An isolate without calls gives back what it holds of a limit that is nearly reached. */
const IDLE_MS = 5000
const MAX_ACCOUNTS = 5000
/** An unanswered report is repeated so many times without a new call, and after that with the next call of its account. */
const MAX_REPEATS = 3

/** Whatever has limits: a key, a team, a provider. All that a call belongs to must admit it. */
export interface LimitedAccount {
  /** The name of its ledger. */
  readonly id: string
  /** As a message begins a sentence about it: `This key`. */
  readonly owner: string
  readonly limits: Limits
}

type Outcome = OpenCall | Refusal | 'failed'

/** A call that waits for an answer of the ledger. */
interface Waiting {
  readonly reservation: Reservation
  readonly limits: Limits
  /** The report that named it. */
  report: number
  outcome: Outcome | undefined
  readonly wake: () => void
}

/** What this isolate knows of an account. */
interface Account {
  readonly id: string
  readonly lease: Lease
  readonly waiting: Set<Waiting>
  repeatCount: number
  /** When a report was sent that is under way, and for when the next one is planned; 0 if there is none. */
  sentAt: number
  plannedFor: number
  reportedAt: number
  unavailableUntil: number
}

const accounts = new Map<string, Account>()

/** Returns the namespace of the ledgers. A function, because the platform builds it anew for each request and few need it. */
export type GetLedgers = () => { readonly Ledger: DurableObjectNamespace<Ledger> }

type WaitUntil = (work: Promise<unknown>) => void

/** What an exchange with the ledger goes through: the platform of the call that needs it. */
interface Way {
  readonly limits: Limits
  readonly getLedgers: GetLedgers
  readonly waitUntil: WaitUntil
}

/** Ends the reservation of an admitted call and counts what it has used. Call it at the end of every call, with 0 too. */
export type Spend = (tokens: number, dollars: number) => void

/** Who calls: a key, and whatever else its calls count for. */
export interface Caller extends KeyRecord {
  /** Its team, and providers with a budget of the operator's. */
  readonly accounts?: readonly LimitedAccount[]
}

interface Accounts {
  /** Its own: its usage is told there, also where nothing limits it. */
  readonly own: LimitedAccount
  readonly limiting: readonly LimitedAccount[]
}

/** Made once for each record. */
const accountsByCaller = new WeakMap<Caller, Accounts>()

function allAccountsOf(caller: Caller): Accounts {
  const known = accountsByCaller.get(caller)
  if (known !== undefined) return known
  const { id, account = id, limits, accounts: further = [] } = caller
  // The name of its ledger: one for a key and for those that it was rotated to.
  const own = { id: `key:${account}`, owner: 'This key', limits: limits ?? {} }
  const found = { own, limiting: limits === undefined ? further : [own, ...further] }
  accountsByCaller.set(caller, found)
  return found
}

/** All that limits the calls of a key. */
export function accountsOf(caller: Caller): readonly LimitedAccount[] {
  return allAccountsOf(caller).limiting
}

/** Whether the calls of a key have to fit into a budget, its own or that of something else. */
export function hasBudget(caller: Caller): boolean {
  return accountsOf(caller).some(isBudgeted)
}

function isBudgeted({ limits }: LimitedAccount): boolean {
  return limits.budget !== undefined
}

/** Whether anything limits what a call may use, so that it has to be reserved. */
export function needsReservation(limiting: readonly LimitedAccount[]): boolean {
  return limiting.some(isMetered)
}

function isMetered({ limits }: LimitedAccount): boolean {
  return limits.budget !== undefined || limits.tpm !== undefined
}

/**
 * Refuses a call whose key, or team, is known to be over its limits, before the body of its request is read (accounts 2). It counts nothing,
 * because an invalid request costs nothing of the limits. An isolate that does not know the key asks its ledger meanwhile.
 * @throws Failure 429 `request-rate`, `token-rate` or `budget`.
 */
export function refuseOverLimit(caller: Caller, getLedgers: GetLedgers, waitUntil: WaitUntil): void {
  const now = Date.now()
  for (const one of accountsOf(caller)) {
    const account = accountOf(one.id)
    const refusal = account.lease.refusal(NO_RESERVATION, one.limits, now)
    if (refusal !== undefined) throw toFailure(refusal, one, NO_RESERVATION)
    if (account.lease.isKnown() || isUnderWay(account, now, REPORT_TIMEOUT_MS)) continue
    waitUntil(exchange(account, { limits: one.limits, getLedgers, waitUntil }))
  }
}

/** A call at one of its accounts. */
interface Opening extends Way {
  readonly limited: LimitedAccount
  readonly account: Account
  outcome: Outcome | 'ask'
  /** The same call at the next one. */
  readonly next: Opening | undefined
}

/**
 * Admits a call or refuses it, by all that limits it, and reserves what it may use (accounts 2 and 3). It waits for
 * nothing while this isolate holds enough; otherwise it asks the ledger.
 * @throws Failure 429 `request-rate`, `token-rate` or `budget`; 503 `ledger-unavailable`.
 */
export function admit(
  limiting: readonly LimitedAccount[],
  getLedgers: GetLedgers,
  waitUntil: WaitUntil,
  reservation: Reservation = NO_RESERVATION,
): Spend | Promise<Spend> {
  const now = Date.now()
  let first: Opening | undefined
  const asked: Promise<void>[] = []
  for (let at = limiting.length - 1; at >= 0; at--) {
    const limited = limiting[at] as LimitedAccount
    const account = accountOf(limited.id)
    const { limits } = limited
    const outcome = account.lease.admit(reservation, limits, now)
    first = { limited, account, limits, getLedgers, waitUntil, outcome, next: first }
    if (outcome === 'ask') asked.push(askLedger(first, reservation))
  }
  return asked.length === 0 ? begin(first, reservation, now) : beginAfter(asked, first, reservation)
}

async function beginAfter(
  asked: readonly Promise<void>[],
  first: Opening | undefined,
  reservation: Reservation,
): Promise<Spend> {
  await Promise.all(asked)
  return begin(first, reservation, Date.now())
}

/** Begins the call if all its accounts let it in; otherwise none of them holds anything for it. */
function begin(first: Opening | undefined, reservation: Reservation, now: number): Spend {
  let refused: Failure | undefined
  for (let one = first; one !== undefined; one = one.next) {
    const { limited, outcome } = one
    if (typeof outcome === 'string') refused ??= unavailable(limited)
    else if ('why' in outcome) refused = narrower(refused, toFailure(outcome, limited, reservation))
  }
  if (refused !== undefined) {
    spend(first, 0, 0)
    throw refused
  }
  for (let one = first; one !== undefined; one = one.next) {
    const { account, outcome } = one
    if (!isOpen(outcome)) continue
    account.lease.begin(outcome, now)
    tell(account, one, now)
  }
  return (tokens, dollars) => spend(first, tokens, dollars)
}

function spend(first: Opening | undefined, tokens: number, dollars: number): void {
  const now = Date.now()
  for (let one = first; one !== undefined; one = one.next) {
    const { account, outcome } = one
    const { lease } = account
    if (isOpen(outcome) && lease.settle(outcome, tokens, dollars, now) && lease.hasNews()) tell(account, one, now)
  }
}

/** Admits a request that asks no model: it is over as soon as it is counted. @throws Failure like `admit` */
export async function countRequest(caller: Caller, getLedgers: GetLedgers, waitUntil: WaitUntil): Promise<void> {
  const settle = await admit(accountsOf(caller), getLedgers, waitUntil)
  settle(0, 0)
}

/**
 * Notes what a call was, for the usage of its key: it is told with the next report (accounts 7). Nobody waits for it. The
 * call of a key without limits is counted here too, as nothing else has done it.
 */
export function recordUsage(
  caller: Caller,
  entry: Entry,
  used: Reservation,
  { getLedgers, waitUntil }: Omit<Way, 'limits'>,
): void {
  const { own } = allAccountsOf(caller)
  const account = accountOf(own.id)
  const now = Date.now()
  account.lease.note(entry, caller.limits === undefined ? used : undefined, now)
  tell(account, { limits: own.limits, getLedgers, waitUntil }, now)
}

/** Asks the ledger for a call that this isolate cannot let in itself, and does without it where it does not answer. */
async function askLedger(opening: Opening, reservation: Reservation): Promise<void> {
  const { account, limits } = opening
  opening.outcome = Date.now() < account.unavailableUntil ? 'failed' : await ask(account, opening, reservation)
  if (opening.outcome !== 'failed' || limits.budget !== undefined) return
  // Requests and tokens are free again with the next minute, so they are counted here; money that is spent is gone.
  opening.outcome = account.lease.admitAlone(reservation, limits, Date.now())
}

async function ask(account: Account, way: Way, reservation: Reservation): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const waiting: Waiting = { reservation, limits: way.limits, report: 0, outcome: undefined, wake: resolve }
  account.waiting.add(waiting)
  if (!isUnderWay(account, Date.now(), REPEAT_MS)) way.waitUntil(exchange(account, way))
  for (let part = 0; part < WAIT_PARTS && waiting.outcome === undefined; part++) {
    await withTimeout(promise, LEDGER_WAIT_MS / WAIT_PARTS)
  }
  account.waiting.delete(waiting)
  if (waiting.outcome === undefined) account.unavailableUntil = Date.now() + UNAVAILABLE_MS
  return waiting.outcome ?? 'failed'
}

function isUnderWay({ sentAt }: Account, now: number, withinMs: number): boolean {
  return sentAt !== 0 && now - sentAt < withinMs
}

function accountOf(id: string): Account {
  const known = accounts.get(id)
  if (known !== undefined) return known
  const created: Account = {
    id,
    lease: createLease(randomText(16)),
    waiting: new Set(),
    repeatCount: 0,
    sentAt: 0,
    plannedFor: 0,
    reportedAt: 0,
    unavailableUntil: 0,
  }
  accounts.set(id, created)
  if (accounts.size > MAX_ACCOUNTS) {
    const oldest = accounts.keys().next()
    if (oldest.done !== true) accounts.delete(oldest.value)
  }
  return created
}

/**
 * Reports to the ledger and takes over what it leases (accounts 4). If the ledger fails, or its answer makes no sense, the
 * same report is repeated; nothing else is reported before it is answered.
 */
async function exchange(account: Account, way: Way): Promise<void> {
  const { lease, waiting } = account
  account.sentAt = Date.now()
  account.plannedFor = 0
  const asking = lease.isPending() ? [] : [...waiting].slice(0, MAX_NEEDS)
  const report = lease.report(
    asking.map(({ reservation }) => reservation),
    way.limits,
    account.sentAt,
  )
  for (const one of asking) one.report = report.number
  const answer = await send(account, way, report).then(readAnswer, () => undefined)
  // It took so long that it was repeated, and the repeated one has been answered.
  if (!lease.isPending(report.number)) return
  const now = Date.now()
  account.sentAt = 0
  account.reportedAt = now
  if (answer === undefined || !lease.confirm(answer, now)) {
    account.unavailableUntil = now + UNAVAILABLE_MS
    for (const one of waiting) wake(account, one, 'failed')
    if (account.repeatCount++ < MAX_REPEATS) plan(account, way, REPORT_EVERY_MS, now)
    return
  }
  account.repeatCount = 0
  account.unavailableUntil = 0
  handOut(account, answer.number, now)
  if (waiting.size > 0) return exchange(account, way)
  // What was counted in the meantime is reported without a further call: none may come.
  if (lease.hasNews()) tell(account, way, now)
  else if (lease.isIdle(way.limits, now)) plan(account, way, IDLE_MS, now)
}

async function send({ id }: Account, { getLedgers, limits }: Way, report: Parameters<Ledger['exchange']>[0]) {
  const { Ledger: ledgers } = getLedgers()
  return ledgers.get(ledgers.idFromName(id)).exchange(report, limits)
}

/** In the order in which they came, lets in the calls for which there is enough now. */
function handOut(account: Account, number: number, now: number): void {
  for (const one of account.waiting) {
    const decision = account.lease.admit(one.reservation, one.limits, now)
    if (decision !== 'ask') wake(account, one, decision)
    else if (one.report === number) {
      wake(account, one, account.lease.refusalAfterAnswer(one.reservation, one.limits, now))
    }
  }
}

function wake(account: Account, waiting: Waiting, outcome: Outcome): void {
  account.waiting.delete(waiting)
  waiting.outcome = outcome
  waiting.wake()
}

/** Sees to it that the ledger hears of what was counted: within a second, and at once where the lease runs out. */
function tell(account: Account, way: Way, now: number): void {
  const mayAsk = now >= account.unavailableUntil && !isUnderWay(account, now, REPORT_EVERY_MS)
  if (mayAsk && account.lease.runsOut(way.limits, now)) way.waitUntil(exchange(account, way))
  else plan(account, way, Math.max(account.reportedAt + REPORT_EVERY_MS - now, 0), now)
}

function plan(account: Account, way: Way, waitMs: number, now: number): void {
  const time = now + waitMs
  const { plannedFor } = account
  // After the timeout another one may start: the platform may have ended the request that had to report.
  const isPlanned = plannedFor !== 0 && plannedFor <= time && now - plannedFor < REPORT_TIMEOUT_MS
  if (isPlanned || isUnderWay(account, now, REPORT_TIMEOUT_MS)) return
  account.plannedFor = time
  way.waitUntil(report(account, way, waitMs, time))
}

/** Tells what is new by then. An isolate that has nothing to tell gives back what others may need. */
async function report(account: Account, way: Way, waitMs: number, plannedFor: number): Promise<void> {
  const { lease } = account
  await sleep(waitMs)
  const now = Date.now()
  if (account.plannedFor !== plannedFor || isUnderWay(account, now, REPORT_TIMEOUT_MS)) return
  account.plannedFor = 0
  if (!lease.hasNews() && !lease.isPending()) {
    if (!lease.isIdle(way.limits, now)) return
    lease.giveBack(now)
  }
  return exchange(account, way)
}

/** What the client is told: of several refusals the one that lasts longest. */
function narrower(one: Failure | undefined, other: Failure): Failure {
  return one === undefined || one.waitMs < other.waitMs ? other : one
}

function unavailable({ owner }: LimitedAccount): Failure {
  const text = `${owner} has a budget, and what is left of it cannot be asked right now. Try again in a moment.`
  return new Failure('ledger-unavailable', text, { retryAfterMs: UNAVAILABLE_MS })
}

const KINDS = { requests: 'request-rate', calls: 'request-rate', tokens: 'token-rate', dollars: 'budget' } as const

function toFailure({ limit, why, retryAfterMs }: Refusal, account: LimitedAccount, reservation: Reservation): Failure {
  const { owner, limits } = account
  const own = owner.replace(/^T/, 't')
  const text = {
    requests: `${owner} is limited to ${limits.rpm} requests a minute.`,
    calls: `${owner} is limited to ${limits.concurrent} calls at once.`,
    tokens: `${owner} is limited to ${limits.tpm} tokens a minute.`,
    dollars: `${owner}'s budget of ${budgetOf(limits)} is used up.`,
  }[limit]
  if (limit === 'requests' || limit === 'calls' || why === 'used-up') {
    const isEarly = limit === 'calls' ? 1000 : retryAfterMs
    return new Failure(KINDS[limit], text, { retryAfterMs: isEarly })
  }
  const limitText = limit === 'dollars' ? `budget of ${budgetOf(limits)}` : `limit of ${limits.tpm} tokens a minute`
  if (why === 'held') {
    const held = `What is left of ${own}'s ${limitText} is held for its calls under way. Try again when they have ended; a smaller 'max_tokens' holds less.`
    return new Failure(KINDS[limit], held, { retryAfterMs })
  }
  const most =
    limit === 'dollars' ? `cost up to $${reservation.dollars.toPrecision(3)}` : `use up to ${reservation.tokens} tokens`
  const tooLarge = `This call may ${most}, more than what is left of ${own}'s ${limitText}. A smaller 'max_tokens' holds less.`
  const isNever =
    limit === 'dollars' ? reservation.dollars > (limits.budget ?? 0) : reservation.tokens > (limits.tpm ?? 0)
  return new Failure(KINDS[limit], tooLarge, { retryAfterMs, ...(isNever ? { shouldRetry: false } : {}) })
}

function budgetOf({ budget, window = 'total' }: Limits): string {
  return window === 'total' ? `$${budget}` : `$${budget} a ${window}`
}

/** The headers `x-ratelimit-*` of every response to a key with limits (contract 7). Resets are durations like `12s`, as in OpenAI's API. */
export function addLimitHeaders(headers: Headers, caller: KeyRecord): void {
  const { limits } = caller
  if (limits === undefined) return
  const account = accounts.get(allAccountsOf(caller).own.id)
  const now = Date.now()
  const { requests, tokens } = account?.lease.usedNow(now) ?? { ...NOTHING_SPENT, minute: minuteOf(now) }
  const resetMs = msToNextMinute(now)
  const reset = resetMs < 1000 ? `${resetMs}ms` : `${Math.ceil(resetMs / 1000)}s`
  if (limits.rpm !== undefined) {
    headers.append('x-ratelimit-limit-requests', String(limits.rpm))
    headers.append('x-ratelimit-remaining-requests', String(Math.max(limits.rpm - requests, 0)))
    headers.append('x-ratelimit-reset-requests', reset)
  }
  if (limits.tpm !== undefined) {
    headers.append('x-ratelimit-limit-tokens', String(limits.tpm))
    headers.append('x-ratelimit-remaining-tokens', String(Math.max(limits.tpm - tokens, 0)))
    headers.append('x-ratelimit-reset-tokens', reset)
  }
}
