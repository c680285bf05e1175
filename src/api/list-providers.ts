import type { Settings } from '../env.ts'
import type { RegionAccess } from '../gateway/health-reporter.ts'
import { currentHealth, deploymentEntry } from './deployment-health.ts'

type Fields = Readonly<Record<string, unknown>>

/** The health of every configured provider (contract 1): its deployments that were tried lately. */
export async function listProviders(settings: Settings, access: RegionAccess): Promise<Fields> {
  const view = await currentHealth(settings, access)
  const names = view.deployments()
  const data = [...settings.providers].map(([id, { provider }]) => {
    const deployments = names.filter((name) => name.startsWith(`${id}/`)).map((name) => deploymentEntry(name, view))
    // On an operator's own server a model's name may be the words of another caller: only those that the operator named are shown.
    const named = provider.anyModel === true ? (settings.ownModels.get(id) ?? []) : undefined
    const shown = named === undefined ? deployments : deployments.filter(({ model }) => named.includes(model))
    return { id, object: 'provider', state: stateOf(deployments), deployments: shown }
  })
  return { object: 'list', data }
}

type Entry = ReturnType<typeof deploymentEntry>

/** A provider is in the state of its best deployment; one that was not tried counts as closed. */
function stateOf(deployments: readonly Entry[]): string {
  for (const state of ['closed', 'suspect', 'half-open', 'limited', 'open']) {
    if (deployments.some((entry) => entry.state === state)) return state
  }
  return 'closed'
}
