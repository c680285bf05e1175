import {
  ASSUMED_PRICE,
  costOf,
  largestOf,
  maxCostOf,
  NO_RESERVATION,
  priceOf,
  type Reservation,
  reportedCost,
} from '../access/budget.ts'
import { admit, type Caller, hasBudget, needsReservation } from '../access/limits.ts'
import type { Usage } from '../chat/event.ts'
import { Failure } from '../chat/failure.ts'
import type { Chat } from '../chat/request.ts'
import type { ObjectsOf, Settings } from '../env.ts'
import { readReasoning } from '../formats/shared/effort.ts'
import type { Needs } from '../routing/needs.ts'
import type { Plan } from '../routing/plan.ts'
import type { Target } from '../routing/target.ts'
import type { AttemptEnd } from './attempt-report.ts'

/** What a call may cost while it runs, and what it has cost (accounts 3 and 5). */
export interface Bill {
  /** Counts what the call has used, and returns the cost in US dollars. */
  readonly settle: (usage: Usage, target: Target, end: AttemptEnd) => number
  /** Whether an answer is worth reading to its end though its client has left: only its usage tells what it costs. */
  readonly isWorthReading: (target: Target) => boolean
  /** Releases what is still reserved. Call it at the end of every call; calling it again changes nothing. */
  readonly close: () => void
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
export async function openBill(input: BillInput): Promise<Bill> {
  const { caller, objects, waitUntil, settings } = input
  const reservation = needsReservation(caller) ? reservationFor(input) : NO_RESERVATION
  const spend = await admit(caller, objects, waitUntil, reservation)
  return {
    settle: (usage, target, end) => {
      // If the provider broke off its answer, the caller does not pay for reasoning that nobody has seen.
      const isBroken = end instanceof Failure && end.fault !== 'left'
      const chargesReservation = usage.estimated === true && !isBroken && billsWhatIsHidden(input, target)
      const cost = dollarsFor(usage, target, settings)
      const dollars = chargesReservation ? Math.max(cost, reservation.dollars) : cost
      spend(chargesReservation ? Math.max(usage.total_tokens, reservation.tokens) : usage.total_tokens, dollars)
      return dollars
    },
    isWorthReading: ({ deployment, ...target }) => {
      if (settings.abandonedStreams === 'off') return false
      if (settings.abandonedStreams === 'budgets' && !hasBudget(caller)) return false
      const goesOn = settings.providers.get(deployment.provider)?.provider.billsAbandoned === true
      return goesOn || billsWhatIsHidden(input, { ...target, deployment })
    },
    close: () => spend(0, 0),
  }
}

/** The largest cost among the candidates: any of them may answer in the end. */
function reservationFor({ settings, needs, plan: { candidates } }: BillInput): Reservation {
  const size = {
    promptTokens: needs.mostPromptTokens?.() ?? needs.promptTokens(),
    reservedOutputTokens: settings.reservedOutputTokens,
    outputTokens: needs.outputTokens,
    choices: needs.answers,
    asksForReasoning: needs.reasoning !== 'none',
  }
  return largestOf(
    candidates.map(({ deployment }) =>
      maxCostOf(size, deployment, priceOf(deployment, settings.prices) ?? ASSUMED_PRICE),
    ),
  )
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
