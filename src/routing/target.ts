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

/** Made once for each: they are looked up by them, and a text that was just put together has to be hashed each time. */
const names = new WeakMap<Deployment, string>()

/** A target's name in everything that is known of health: `provider/upstreamModel`. */
export function deploymentName({ deployment }: Pick<Target, 'deployment'>): string {
  let name = names.get(deployment)
  if (name === undefined) {
    name = `${deployment.provider}/${deployment.upstreamModel}`
    names.set(deployment, name)
  }
  return name
}

/** Without repetitions, in the given order. */
export function uniqueTargets<Some extends Target>(targets: readonly Some[]): Some[] {
  const seen = new Set<string>()
  return targets.filter((target) => {
    const name = target.variant === undefined ? deploymentName(target) : `${deploymentName(target)}\n${target.variant}`
    return !seen.has(name) && seen.add(name)
  })
}
