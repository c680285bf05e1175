import type { Deployment } from '../catalog/deployment.ts'

/**
 * What OpenRouter's users put behind a name, to say how its model is to be served: at no cost, by the fastest provider, by the
 * cheapest, or with a web search.
 */
export type Variant = 'free' | 'nitro' | 'floor' | 'online'

/** What a request may go to: a model at a provider. */
export interface Target {
  /** The public id, which the answer carries. */
  readonly model: string
  readonly deployment: Deployment
  /** How the model is to be served, where its name said so. */
  readonly variant?: Variant
}

/** A target in a plan. A lower tier is wanted more; within one, health and speed decide. */
export interface PlannedTarget extends Target {
  readonly tier: number
}

/** A target's name in everything that is known of health: `provider/upstreamModel`. */
export function deploymentName({ deployment: { provider, upstreamModel } }: Pick<Target, 'deployment'>): string {
  return `${provider}/${upstreamModel}`
}

/** Without repetitions, in the given order. */
export function uniqueTargets<Some extends Target>(targets: readonly Some[]): Some[] {
  const seen = new Set<string>()
  return targets.filter((target) => {
    const name = `${deploymentName(target)}:${target.variant ?? ''}`
    return !seen.has(name) && seen.add(name)
  })
}
