import {
  ASSUMED_PRICE,
  costOf,
  larger,
  maxCostOf,
  NO_RESERVATION,
  priceOf,
  type Reservation,
  reportedCost,
} from '../access/budget.ts'
import {
  accountsOf,
  admit,
  type Caller,
  hasBudget,
  type LimitedAccount,
  needsReservation,
  type Spend,
} from '../access/limits.ts'
import { providerAccount } from '../access/provider-limits.ts'
import type { Deployment } from '../catalog/deployment.ts'
import type { Usage } from '../chat/event.ts'
import { Failure, quoted } from '../chat/failure.ts'
import type { Chat } from '../chat/request.ts'
import type { ObjectsOf, Settings } from '../env.ts'
import { readReasoning } from '../formats/shared/effort.ts'
import type { LostAttempt } from '../routing/attempt-record.ts'
import type { Needs } from '../routing/needs.ts'
import type { Plan } from '../routing/plan.ts'
import type { Target } from '../routing/target.ts'
import type { AttemptEnd } from './attempt-report.ts'
import { isPriced } from './route.ts'

/** What a call, or an attempt at a provider with limits of its own, may cost while it runs (accounts 3 and 5). */
export interface Bill {
  readonly input: BillInput
  /** Counts what it has used in place of what is reserved. */
  readonly spend: Spend
  readonly reservation: Reservation
  /**
   * Those of the call's attempts at providers with limits of their own, by their targets: two attempts side by side may have one
   * deployment, as two variants of it.
   */
  atProviders: Map<Target, Bill> | undefined
  isClosed: boolean
}

/** What is held for the second of two attempts; one of the two is to be called, once. */
export interface HedgeBill {
  /** One of them has failed, so that nothing is lost. */
  readonly close: () => void
  /** One was ended because the other one was quicker. What it has used is counted when it is known, as for a client that disconnected. */
  readonly lose: (target: Target, used: Promise<Usage>) => Promise<LostAttempt>
}

export interface BillInput {
  readonly caller: Caller
  readonly objects: ObjectsOf<'Ledger'>
  readonly waitUntil: (work: Promise<unknown>) => void
  readonly settings: Settings
  /** Absent where vectors are asked for. */
  readonly chat?: Chat
  readonly needs: Needs
  readonly plan: Plan
}

/**
 * Admits a call and reserves what it may use, or refuses it.
 * @throws Failure 429 by the limits of its key.
 */
export function openBill(input: BillInput): Bill | Promise<Bill> {
  return openFor(input, accountsOf(input.caller), input.plan.candidates)
}

/** Admits by all that limits it what may use as much as any of the targets. @param requests 0 where no further request is made. */
function openFor(
  input: BillInput,
  limiting: readonly LimitedAccount[],
  targets: readonly Target[],
  requests?: 0,
): Bill | Promise<Bill> {
  const reservation = needsReservation(limiting) ? reservationFor(input, targets) : NO_RESERVATION
  const asked = requests === undefined ? reservation : { ...reservation, requests }
  const spend = admit(limiting, input.objects, input.waitUntil, asked)
  const open = (admitted: Spend): Bill => ({
    input,
    spend: admitted,
    reservation,
    atProviders: undefined,
    isClosed: false,
  })
  return spend instanceof Promise ? spend.then(open) : open(spend)
}

/**
 * Reserves what an attempt may use at its provider, where that has limits of the operator's; what an attempt before it had
 * reserved there is released. Resolves with the refusal, if there is one. Undefined where nothing has to be asked.
 */
export function admitAttempt(bill: Bill, target: Target): Promise<Failure | undefined> | undefined {
  release(bill)
  return admitAtProvider(bill, target)
}

function release({ atProviders }: Bill): void {
  if (atProviders === undefined) return
  for (const { spend } of atProviders.values()) spend(0, 0)
}

/** Reserves what a second attempt may use beside the one under way, which is no further request. @throws Failure where it may not. */
export async function openHedge(bill: Bill, hedged: Target): Promise<HedgeBill> {
  const { input } = bill
  const own = await openFor(input, accountsOf(input.caller), [hedged], 0)
  const close = () => own.spend(0, 0)
  const refused = await admitAtProvider(bill, hedged)
  if (refused !== undefined) {
    close()
    throw refused
  }
  if (bill.isClosed) {
    close()
    release(bill)
    throw new Failure('client-left', 'The call is over.')
  }
  return {
    close,
    lose: async (target, usedLater) => {
      // It stays reserved until then, though the call may end before.
      const there = bill.atProviders?.get(target)
      bill.atProviders?.delete(target)
      const usage = await usedLater
      return { usage, dollars: count(useOf(input, usage, target, 'left'), own, there) }
    },
  }
}

/** Counts what the call has used, and returns the cost in US dollars. */
export function settleBill(bill: Bill, usage: Usage, target: Target, end: AttemptEnd): number {
  return count(useOf(bill.input, usage, target, end), bill, bill.atProviders?.get(target))
}

/** Whether an answer is worth reading to its end though its client has left: only its usage tells what it costs. */
export function isWorthReading({ input }: Bill, target: Target): boolean {
  const { caller, settings } = input
  const { provider } = target.deployment
  if (settings.abandonedStreams === 'off') return false
  const isBudgeted = hasBudget(caller) || providerAccount(provider)?.limits.budget !== undefined
  if (settings.abandonedStreams === 'budgets' && !isBudgeted) return false
  const goesOn = settings.providers.get(provider)?.provider.billsAbandoned === true
  return goesOn || billsWhatIsHidden(input, target)
}

/** Releases what is still reserved. Call it at the end of every call; calling it again changes nothing. */
export function closeBill(bill: Bill): void {
  bill.isClosed = true
  bill.spend(0, 0)
  release(bill)
}

/** What an answer has used. */
interface Use extends Reservation {
  /** What it may have used out of sight, where its provider bills that. */
  readonly hidden: Reservation | undefined
}

function useOf(input: BillInput, usage: Usage, target: Target, end: AttemptEnd): Use {
  // If the provider broke off its answer, the caller does not pay for reasoning that nobody has seen.
  const isBroken = end instanceof Failure && end.fault !== 'left'
  const chargesReservation = usage.estimated === true && !isBroken && billsWhatIsHidden(input, target)
  return {
    tokens: usage.total_tokens,
    dollars: dollarsFor(usage, target, input.settings),
    // Another candidate may have had the largest price; who answered bills its own.
    hidden: chargesReservation ? reservationFor(input, [target]) : undefined,
  }
}

/** Counts it for the caller, and for the provider where that has limits of its own. @returns US dollars. */
function count(use: Use, { spend, reservation }: Bill, atProvider: Bill | undefined): number {
  const { hidden } = use
  // What is hidden counts where something was reserved.
  const { tokens, dollars } = hidden === undefined || reservation === NO_RESERVATION ? use : larger(use, hidden)
  spend(tokens, dollars)
  if (atProvider !== undefined) count(use, atProvider, undefined)
  return dollars
}

/** Admits an attempt at a provider that has limits of its own, or says why not. Undefined where it has none. */
function admitAtProvider(bill: Bill, target: Target): Promise<Failure | undefined> | undefined {
  const account = providerAccount(target.deployment.provider)
  return account && admitAt(account, bill, target)
}

async function admitAt(account: LimitedAccount, bill: Bill, target: Target): Promise<Failure | undefined> {
  const { input } = bill
  const { deployment } = target
  if (account.limits.budget !== undefined && !isPriced(deployment, input.settings))
    return unpricedAt(account, deployment)
  try {
    const there = await openFor(input, [account], [target])
    bill.atProviders ??= new Map()
    bill.atProviders.set(target, there)
    return undefined
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
}

function unpricedAt({ owner }: LimitedAccount, { provider, upstreamModel }: Deployment): Failure {
  const name = quoted(`${provider}/${upstreamModel}`)
  const text = `${owner} has a budget, and no price is known for '${name}'. Use a model that has one (GET /v1/models), or have MODEL_PRICES set.`
  return new Failure('unpriced-model', text, { param: 'model' })
}

/** The largest cost among some deployments: any of them may answer in the end. */
function reservationFor({ settings, needs }: BillInput, targets: readonly Target[]): Reservation {
  const size = {
    promptTokens: needs.mostPromptTokens?.() ?? needs.promptTokens(),
    reservedOutputTokens: settings.reservedOutputTokens,
    outputTokens: needs.outputTokens,
    choices: needs.answers,
    asksForReasoning: needs.reasoning !== 'none',
  }
  let most: Reservation | undefined
  for (let at = 0; at < targets.length; at++) {
    const { deployment } = targets[at] as Target
    const own = maxCostOf(size, deployment, priceOf(deployment, settings.prices) ?? ASSUMED_PRICE)
    most = most === undefined ? own : larger(most, own)
  }
  return most ?? NO_RESERVATION
}

function dollarsFor(usage: Usage, { deployment }: Target, { prices, providers }: Settings): number {
  const price = priceOf(deployment, prices)
  if (providers.get(deployment.provider)?.provider.reportsCost !== true) return costOf(usage, price)
  return reportedCost(usage, price) ?? costOf(usage, price ?? ASSUMED_PRICE)
}

/**
 * Whether the provider bills what it does not show: reasoning, or answers that were only compared with the best. Without its
 * usage, the longest answer is the only measure of that.
 */
function billsWhatIsHidden(
  { settings, chat, needs }: BillInput,
  { deployment: { provider, traits } }: Target,
): boolean {
  if (chat === undefined) return false
  if (needs.answers > (chat.n ?? 1)) return true
  const row = settings.providers.get(provider)?.provider
  if (!traits.reasoning || row?.billsHiddenReasoning !== true) return false
  // Such a provider's models reason only if the request asks for it.
  if (row.needsReasoningBack === 'asked') return needs.reasoning !== 'none'
  const isOff = readReasoning(chat)?.effort === 'none' && (traits.toggle || traits.efforts?.includes('none') === true)
  return !isOff
}
