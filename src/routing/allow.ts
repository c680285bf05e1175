import { findDeployment, findModel } from '../catalog/models.ts'
import { findProvider } from '../catalog/providers.ts'
import type { Target } from './plan.ts'

/** The models that a key may use, by whichever of their names; all where undefined (contract 2). */
export type AllowList = readonly string[] | undefined

/** What a list comes to. */
interface Allowed {
  /** Public ids, and names that only this gateway's operator knows. */
  readonly models: ReadonlySet<string>
  /** `provider/upstreamModel`, of entries that name the provider too: other providers of that model stay forbidden. */
  readonly deployments: ReadonlySet<string>
}

const read = new WeakMap<readonly string[], Allowed>()

/** Whether the list holds a target, by its model or by its model at its provider. */
export function allows(list: AllowList, { model, deployment }: Target): boolean {
  if (list === undefined) return true
  let allowed = read.get(list)
  if (allowed === undefined) {
    allowed = readList(list)
    read.set(list, allowed)
  }
  const { models, deployments } = allowed
  return models.has(model) || (deployments.size > 0 && deployments.has(nameOf(deployment)))
}

function readList(list: readonly string[]): Allowed {
  const models = new Set<string>()
  const deployments = new Set<string>()
  for (const name of list) {
    const pinned = pinnedBy(name)
    if (pinned === undefined) models.add(findModel(name)?.id ?? name)
    else deployments.add(pinned)
  }
  return { models, deployments }
}

/** The deployment that an entry means which begins with a provider; undefined for all others. */
function pinnedBy(name: string): string | undefined {
  const slash = name.indexOf('/')
  const provider = slash > 0 ? findProvider(name.slice(0, slash)) : undefined
  if (provider === undefined) return undefined
  const rest = name.slice(slash + 1)
  const found = findDeployment(provider.id, rest)
  if (found !== undefined) return nameOf(found.deployment)
  return provider.anyModel === true ? `${provider.id}/${rest}` : undefined
}

function nameOf({ provider, upstreamModel }: Target['deployment']): string {
  return `${provider}/${upstreamModel}`
}
