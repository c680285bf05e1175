import { ASSUMED_PRICE, costOf, largestOf, maxCostOf, priceOf, reportedCost } from '../access/budget.ts'
import type { KeyRecord } from '../access/keys.ts'
import { admit } from '../access/limits.ts'
import { NO_RESERVATION, type Reservation } from '../access/reservations.ts'
import type { Usage } from '../chat/event.ts'
import { Failure } from '../chat/failure.ts'
import type { Chat } from '../chat/request.ts'
import type { ObjectsOf, Settings } from '../env.ts'
import { readReasoning } from '../formats/shared/effort.ts'
import type { Needs } from '../routing/needs.ts'
import type { Plan } from '../routing/plan.ts'
import type { Target } from '../routing/target.ts'
import type { AttemptEnd } from './attempt-report.ts'

/** What a call may cost while it is under way, and what it has cost in the end. */
export interface Bill {
  /** Counts what was used, and tells what that costs in US dollars. */
  readonly settle: (used: Usage, target: Target, how: AttemptEnd) => number
  /** The call is over: what is still held for it is let go. To be called whatever the end is; more than once is as good. */
  readonly close: () => void
}

/** What a bill is made for. */
export interface BillInput {
  readonly caller: KeyRecord
  readonly objects: ObjectsOf<'Ledger'>
  readonly waitUntil: (work: Promise<unknown>) => void
  readonly settings: Settings
  readonly chat: Chat
  readonly needs: Needs
  readonly plan: Plan
}

/** One request is answered by one of so many, mostly: what those after them cost would be held for nothing. */
const LIKELY_TO_ANSWER = 3

/**
 * Lets a call in, with as much held as it may use, or refuses it.
 * @throws Failure 429 by the limits of its key.
 */
export async function openBill(billed: BillInput): Promise<Bill> {
  const { caller, objects, waitUntil, settings } = billed
  const { limits } = caller
  const hold = limits?.budget === undefined && limits?.tpm === undefined ? NO_RESERVATION : holdFor(billed)
  const spend = await admit(caller, objects, waitUntil, hold)
  return {
    settle: (used, target, how) => {
      // What a provider did not bring to its end is not the caller's to pay for unseen.
      const isBroken = how instanceof Failure && how.fault !== 'left'
      const unseen = used.estimated === true && !isBroken && thinksUnseen(billed, target)
      const cost = dollarsFor(used, target, settings)
      const dollars = unseen ? Math.max(cost, hold.dollars) : cost
      spend(unseen ? Math.max(used.total_tokens, hold.tokens) : used.total_tokens, dollars)
      return dollars
    },
    close: () => spend(0, 0),
  }
}

/** By the dearest of those who will be asked first: whoever answers in the end is hardly ever another one. */
function holdFor({ settings, chat, needs, plan: { candidates } }: BillInput): Reservation {
  const extent = {
    promptTokens: needs.promptTokens(),
    outputTokens: needs.outputTokens,
    choices: chat.n ?? 1,
    asksForReasoning: needs.reasoning !== 'none',
  }
  const likely = candidates.slice(0, LIKELY_TO_ANSWER)
  return largestOf(
    likely.map(({ deployment }) =>
      maxCostOf(extent, deployment, priceOf(deployment, settings.prices) ?? ASSUMED_PRICE),
    ),
  )
}

function dollarsFor(used: Usage, { deployment }: Target, { prices, providers }: Settings): number {
  const price = priceOf(deployment, prices)
  if (providers.get(deployment.provider)?.provider.reportsCost !== true) return costOf(used, price)
  return reportedCost(used, price) ?? costOf(used, price ?? ASSUMED_PRICE)
}

/**
 * Whether the provider bills thinking that it does not show. Where it does not come to tell how much that was, as much as the
 * model may write is the only measure.
 */
function thinksUnseen({ settings, chat, needs }: BillInput, { deployment: { provider, traits } }: Target): boolean {
  const row = settings.providers.get(provider)?.provider
  if (!traits.reasoning || row?.billsHiddenReasoning !== true) return false
  if (row.needsReasoningBack === 'asked') return needs.reasoning !== 'none'
  const isOff = readReasoning(chat)?.effort === 'none' && (traits.toggle || traits.efforts?.includes('none') === true)
  return !isOff
}
