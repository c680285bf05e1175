import type { Price } from '../catalog/deployment.ts'
import { findProvider } from '../catalog/providers.ts'
import type { Chat } from '../chat/request.ts'
import type { PlannedTarget, Target } from './target.ts'

/** The field `provider` of a request (contract 8). */
export type Preferences = NonNullable<Chat['provider']>

/** The targets that a request's preferences leave, in the order that they ask for. */
export function applyPreferences(
  targets: readonly PlannedTarget[],
  preferences: Preferences | null | undefined,
): readonly PlannedTarget[] {
  if (!preferences) return targets
  const { order, sort } = preferences
  const wanted = targets.filter(
    (target) => isWanted(target, preferences) && isInOrder(target, preferences) && isAffordable(target, preferences),
  )
  if (!order && sort !== 'price') return wanted
  const ids = providerIds(order ?? [])
  const rankOf = ({ deployment }: Target) => {
    const at = ids.indexOf(deployment.provider)
    return at < 0 ? ids.length : at
  }
  const costOf = sort === 'price' ? priceOrMax : () => 0
  // Sorting is stable: what ties keeps its order. The caller's order is strict: each step of it is a tier.
  return wanted
    .toSorted((a, b) => rankOf(a) - rankOf(b) || costOf(a) - costOf(b))
    .map((target, tier) => ({ ...target, tier }))
}

function providerIds(names: readonly string[]): readonly string[] {
  return names.map((name) => findProvider(name)?.id ?? name)
}

/** `only` and `ignore`. */
export function isWanted({ deployment: { provider } }: Target, { only, ignore }: Preferences): boolean {
  return (!only || providerIds(only).includes(provider)) && !(ignore && providerIds(ignore).includes(provider))
}

/** Without fallbacks, only the providers of an order may answer. */
export function isInOrder({ deployment: { provider } }: Target, { order, allow_fallbacks }: Preferences): boolean {
  return allow_fallbacks !== false || !order?.length || providerIds(order).includes(provider)
}

/** US dollars per million tokens of a usual mixture: most answers are a third as long as their prompt. */
export function usualPrice({ input, output }: Price): number {
  return (3 * input + output) / 4
}

/** An unknown price is taken for high. */
function priceOrMax({ deployment: { price } }: Target): number {
  return price === undefined ? Number.MAX_VALUE : usualPrice(price)
}

/** `max_price`, in US dollars per million tokens; where it is set, an unknown price is too high. */
export function isAffordable({ deployment: { price } }: Target, { max_price: max }: Preferences): boolean {
  if (typeof max?.prompt === 'number' && !(price && price.input <= max.prompt)) return false
  return !(typeof max?.completion === 'number' && !(price && price.output <= max.completion))
}
