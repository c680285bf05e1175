import type { Model } from '../catalog/deployment.ts'
import { findDeployment, findModel } from '../catalog/models.ts'
import { findProvider, type Provider } from '../catalog/providers.ts'
import type { PlanInput, RoutedRequest } from './plan-input.ts'
import { type Target, uniqueTargets } from './target.ts'
import { unlistedModelTraits } from './unlisted-model.ts'
import { inVariant, readVariant } from './variants.ts'

/** What a name is looked up by; without a request, as if it had no preferences. */
export type ResolveInput = Pick<PlanInput, 'ownModels'> & { readonly request?: RoutedRequest }

/**
 * All that a name may mean, configured or not: a model at a provider, a model, one of the operator's own, or a variant of one
 * of these. Undefined for an unknown name; empty where there is no such variant.
 */
export function resolve(input: ResolveInput, name: string): readonly Target[] | undefined {
  const found = targetsOf(input, name)
  if (found !== undefined) return found
  // Names may hold colons, so that a whole name goes before a variant.
  const { base, variant } = readVariant(name) ?? {}
  if (base === undefined || variant === undefined) return undefined
  const targets = targetsOf(input, base)
  return targets && inVariant(targets, variant)
}

function targetsOf(input: ResolveInput, name: string): readonly Target[] | undefined {
  return targetsOfPin(input, name) ?? targetsOfName(name) ?? targetsOfOwnModel(input, name)
}

/** No server has longer names; a caller's text can be megabytes, and names are kept. */
const MAX_NAME_CHARACTERS = 200

/** `provider/model`: that provider, and others only where the caller says so (contract 8). */
function targetsOfPin({ request, ownModels }: ResolveInput, name: string): readonly Target[] | undefined {
  const provider = pinnedProvider(name)
  if (provider === undefined) return undefined
  const rest = name.slice(name.indexOf('/') + 1)
  const found = findDeployment(provider.id, rest)
  if (found !== undefined) {
    const first = { model: found.model.id, deployment: found.deployment }
    const others = request?.provider?.allow_fallbacks === true ? targetsOfModel(found.model) : []
    return uniqueTargets([first, ...others])
  }
  const own = ownModels.get(provider.id) ?? []
  const isClosed = own.length > 0 && !own.includes(rest)
  if (provider.anyModel !== true || rest === '' || rest.length > MAX_NAME_CHARACTERS || isClosed) return undefined
  return [targetOfUnlistedModel(provider.id, rest, name)]
}

/** The provider that a name begins with. */
export function pinnedProvider(name: string): Provider | undefined {
  const slash = name.indexOf('/')
  return slash > 0 ? findProvider(name.slice(0, slash)) : undefined
}

function targetsOfName(name: string): readonly Target[] | undefined {
  const model = findModel(name)
  return model && targetsOfModel(model)
}

/** A model at all its providers. */
export function targetsOfModel(model: Model): Target[] {
  return model.deployments.map((deployment) => ({ model: model.id, deployment }))
}

/** A model that the operator named as one of their own server's. */
function targetsOfOwnModel({ ownModels }: ResolveInput, name: string): readonly Target[] | undefined {
  const targets = [...ownModels].flatMap(([provider, models]) =>
    models.includes(name) ? [targetOfUnlistedModel(provider, name, name)] : [],
  )
  return targets.length > 0 ? targets : undefined
}

/** A model that is in no catalogue: only the operator's own server knows it. */
export function targetOfUnlistedModel(provider: string, upstreamModel: string, model: string): Target {
  return { model, deployment: { provider, upstreamModel, traits: unlistedModelTraits } }
}

/** Less than a tier. */
const RESELLER_STEP = 0.2

/** Within a tier: a provider that resells others' models comes after those that serve them, and before the next model. */
export function resellerStep({ deployment }: Target): number {
  return findProvider(deployment.provider)?.isReseller === true ? RESELLER_STEP : 0
}
