import { findDeployment, findModel } from '../catalog/models.ts'
import { findProvider } from '../catalog/providers.ts'
import { deploymentName, type Target } from './target.ts'

/** The models that a key may use, by any of their names; all where undefined (contract 2). */
export type AllowList = readonly string[] | undefined

interface Allowed {
  /** Public ids, and names that only this gateway's operator knows. */
  readonly models: ReadonlySet<string>
  /** `provider/upstreamModel`, of entries that name the provider: they do not allow other providers of that model. */
  readonly deployments: ReadonlySet<string>
}

const cache = new WeakMap<readonly string[], Allowed>()

/** Whether the list holds a target, by its model or by its model at its provider. */
export function allows(list: AllowList, target: Target): boolean {
  if (list === undefined) return true
  let allowed = cache.get(list)
  if (allowed === undefined) {
    allowed = readList(list)
    cache.set(list, allowed)
  }
  const { models, deployments } = allowed
  return models.has(target.model) || (deployments.size > 0 && deployments.has(deploymentName(target)))
}

function readList(list: readonly string[]): Allowed {
  const models = new Set<string>()
  const deployments = new Set<string>()
  for (const name of list) {
    const pinned = pinnedDeployment(name)
    if (pinned === undefined) models.add(findModel(name)?.id ?? name)
    else deployments.add(pinned)
  }
  return { models, deployments }
}

/** The deployment that an entry means which begins with a provider; undefined for all others. */
function pinnedDeployment(name: string): string | undefined {
  const slash = name.indexOf('/')
  const provider = slash > 0 ? findProvider(name.slice(0, slash)) : undefined
  if (provider === undefined) return undefined
  const rest = name.slice(slash + 1)
  const found = findDeployment(provider.id, rest)
  if (found !== undefined) return deploymentName(found)
  return provider.anyModel === true ? `${provider.id}/${rest}` : undefined
}
