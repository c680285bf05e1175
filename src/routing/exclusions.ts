import { allows } from './allow.ts'
import { autoAllowList, isAuto } from './auto.ts'
import { fits } from './needs.ts'
import { missingCapabilityOfTarget, namesOf, type Plan } from './plan.ts'
import type { PlanInput } from './plan-input.ts'
import { isAffordable, isInOrder, isWanted, type Preferences } from './preferences.ts'
import { resolve } from './resolve.ts'
import { deploymentName, type Target } from './target.ts'

/** A target that a request's names mean and that is not in its plan, with the reason. */
export interface LeftOut extends Target {
  readonly reason: string
}

export function leftOutOf(input: PlanInput, { candidates }: Plan): readonly LeftOut[] {
  const seen = new Set(candidates.map(deploymentName))
  const { request, autoModels, ownModels } = input
  const targetsOf = (name: string) =>
    isAuto(name) ? autoModels.flatMap((model) => resolve({ ownModels }, model) ?? []) : resolve(input, name)
  return namesOf(request)
    .flatMap((name) => targetsOf(name) ?? [])
    .filter((target) => !seen.has(deploymentName(target)) && seen.add(deploymentName(target)))
    .map((target) => ({ ...target, reason: reasonAgainst(input, target) }))
}

function reasonAgainst({ request, needs, configured, allowed, isPriced }: PlanInput, target: Target): string {
  const { deployment } = target
  if (!configured.has(deployment.provider)) return 'its provider is not configured'
  if (!allows(autoAllowList(allowed), target)) return 'the key may not use it'
  const preferences: Preferences = request.provider ?? {}
  if (!isWanted(target, preferences)) return 'provider.only or provider.ignore'
  if (!isInOrder(target, preferences)) return 'provider.order without fallbacks'
  if (!isAffordable(target, preferences)) return 'provider.max_price'
  const lack = missingCapabilityOfTarget(target, needs)
  if (lack !== undefined) return `it lacks ${lack}`
  if (isPriced?.(deployment) === false) return 'it has no price, and the key has a budget'
  return fits(needs, deployment.traits) ? 'the key may not use it' : 'its context window is too small'
}
