import { allModels } from '../catalog/models.ts'
import { Failure } from '../chat/failure.ts'
import { type AllowList, allows } from './allow.ts'
import { fits, missingCapability, type Needs, NO_NEEDS } from './needs.ts'
import type { PlanInput } from './plan-input.ts'
import { resellerStep, resolve, targetOfUnlistedModel, targetsOfModel } from './resolve.ts'
import { type PlannedTarget, type Target, uniqueTargets } from './target.ts'
import { readVariant } from './variants.ts'

/** The name that leaves the choice to Router9. */
export const AUTO = 'auto'

/** Whether a name leaves the choice to Router9, in any variant. */
export function isAuto(name: string): boolean {
  return name === AUTO || readVariant(name)?.base === AUTO
}

/** Whether a key may leave the choice to Router9. */
export function allowsAuto(list: AllowList): boolean {
  return list?.includes(AUTO) !== false
}

/** What `auto` may choose from: a list of nothing but `auto` leaves the choice open. */
export function autoAllowList(list: AllowList): AllowList {
  return list?.some((name) => name !== AUTO) ? list : undefined
}

/** All that `auto` may use; nothing where the key may not use it, or no configured provider has what the key may use. */
export function autoCandidates(input: Omit<PlanInput, 'request' | 'needs'>): readonly Target[] {
  return allowsAuto(input.allowed) ? autoTargets({ ...input, needs: NO_NEEDS }) : []
}

/**
 * What `auto` may use for a request: the models of the setting, in their order; whatever else is configured after them, where
 * the operator named none and none of these can answer.
 */
export function autoTargets(input: Omit<PlanInput, 'request'>): readonly PlannedTarget[] {
  const { allowed, autoModels, autoChosen, configured, needs, ownModels } = input
  if (!allowsAuto(allowed)) {
    throw new Failure('model-not-allowed', "This key may not use the model 'auto'.", { param: 'model' })
  }
  const list = autoAllowList(allowed)
  const isAllowed = (target: Target) => allows(list, target)
  const chosen = list === undefined ? settingTargets(input) : settingTargets(input).filter(isAllowed)
  if (autoChosen) return chosen
  const isCapable = ({ deployment: { traits } }: Target) =>
    missingCapability(needs, traits) === undefined && fits(needs, traits)
  const isSuited = (target: Target) => isCapable(target) && (needs.reasoning === 'none' || canReason(target))
  if (chosen.some(isSuited)) return chosen
  const own = [...ownModels].flatMap(([id, models]) => models.map((name) => targetOfUnlistedModel(id, name, name)))
  const others = [...own, ...allModels().flatMap(targetsOfModel)].filter(
    (target) => configured.has(target.deployment.provider) && isAllowed(target) && isCapable(target),
  )
  return [...chosen, ...others.map((target, at) => ({ ...target, tier: autoModels.length + at }))]
}

/** By `PlanInput.configured`. Nothing that one request prefers may get in here: it is used for all. */
const cache = new WeakMap<object, readonly PlannedTarget[]>()

/** The models of the setting at all configured providers. */
function settingTargets({ autoModels, configured, ownModels }: Omit<PlanInput, 'request'>): readonly PlannedTarget[] {
  const known = cache.get(configured)
  if (known !== undefined) return known
  const found = autoModels.flatMap((name, tier) =>
    (resolve({ ownModels }, name) ?? [])
      .filter(({ deployment }) => configured.has(deployment.provider) && deployment.traits.embedding === undefined)
      .map((target) => ({ ...target, tier: tier + resellerStep(target) })),
  )
  cache.set(configured, found)
  if (uniqueTargets(found).length === found.length) uniqueLists.add(found)
  return found
}

/** Lists of the setting that name no deployment twice, as is usual: nothing has to be looked for in them. */
const uniqueLists = new WeakSet<readonly PlannedTarget[]>()

/** What `auto` may use, without repetitions. */
export function uniqueAutoTargets(targets: readonly PlannedTarget[]): readonly PlannedTarget[] {
  return uniqueLists.has(targets) ? targets : uniqueTargets(targets)
}

function canReason({ deployment }: Target): boolean {
  return deployment.traits.reasoning
}

/** Where reasoning is asked for, models that reason come first; an answer without it is still better than none. */
export function reasoningFirst(targets: readonly PlannedTarget[], { reasoning }: Needs): readonly PlannedTarget[] {
  if (reasoning === 'none' || targets.every(canReason) || !targets.some(canReason)) return targets
  const first = targets.filter(canReason)
  const nextTier = Math.floor(Math.max(...first.map(({ tier }) => tier))) + 1
  const others = targets.filter((target) => !canReason(target))
  return [...first, ...others.map((target) => ({ ...target, tier: nextTier + target.tier }))]
}
