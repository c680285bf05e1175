import { findProvider } from '../catalog/providers.ts'
import type { Target, Variant } from './target.ts'

const VARIANTS: ReadonlyMap<string, Variant> = new Map(
  (['free', 'nitro', 'floor', 'online'] as const).map((variant) => [variant, variant]),
)

/** A name that ends in a variant, taken apart; undefined for all others. */
export function readVariant(name: string): { readonly base: string; readonly variant: Variant } | undefined {
  const colon = name.lastIndexOf(':')
  const variant = colon > 0 ? VARIANTS.get(name.slice(colon + 1)) : undefined
  return variant && { base: name.slice(0, colon), variant }
}

/** The targets of a model that serve a variant of it. */
export function inVariant<Some extends Target>(targets: readonly Some[], variant: Variant): readonly Some[] {
  if (variant !== 'free') return targets.map((target) => ({ ...target, variant }))
  return targets.filter(({ deployment: { price } }) => price?.input === 0 && price.output === 0)
}

/** The order among providers that a variant asks for. */
export function sortOf(variant: Variant | undefined): 'price' | 'throughput' | undefined {
  if (variant === 'floor') return 'price'
  return variant === 'nitro' ? 'throughput' : undefined
}

/** Whether a target can search the web. */
export function canSearchWeb({ deployment: { provider, upstreamModel } }: Target): boolean {
  return findProvider(provider)?.webSearchModels?.test(upstreamModel) === true
}
