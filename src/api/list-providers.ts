import { Failure } from '../chat/failure.ts'
import type { Settings } from '../env.ts'
import type { RegionAccess } from '../gateway/health-reporter.ts'
import { regionOf } from '../gateway/region.ts'
import { readHour, readInFlight } from '../health/activity.ts'
import type { HealthView } from '../health/isolate.ts'
import { REGIONS, type RegionName } from '../platform/regions.ts'
import { currentHealth, deploymentEntry, REGION_TIMEOUT_MS, rounded } from './deployment-health.ts'
import { type RegionOverview, regionOverview } from './regions-health.ts'

type Fields = Readonly<Record<string, unknown>>

/** What of the health is asked for. */
export interface HealthQuestion {
  /** A region, or `all`; undefined for what this region knows, without counts. */
  readonly region: string | undefined
  /** How much is going on is the operator's to know: one tenant could see by it what the others do. */
  readonly showsCounts: boolean
}

/**
 * The health of every configured provider (contract 1): its deployments that were tried lately.
 * @throws Failure 400 if there is no such region.
 */
export async function listProviders(settings: Settings, access: RegionAccess, asked: HealthQuestion): Promise<Fields> {
  const isAll = asked.region === 'all'
  const regions = REGIONS.filter((name) => isAll || name === asked.region)
  if (asked.region !== undefined && regions.length === 0) {
    const text = `'region' must be one of: all, ${REGIONS.join(', ')}.`
    throw new Failure('invalid-value', text, { param: 'region' })
  }
  const here = regionOf(access.request)
  const wantsHere = asked.region === undefined || regions.includes(here)
  // This isolate's report goes before the question, so that the answer knows of it.
  const own = wantsHere ? currentHealth(settings, access) : undefined
  const ask = (region: RegionName) => regionOverview(region, access, REGION_TIMEOUT_MS)
  const asking = regions.map(async (region) => {
    if (region === here) await own
    return settings.tracksHealth ? ask(region) : undefined
  })
  const [view, ...answers] = await Promise.all([own, ...asking])
  const overviews = answers.filter((answer) => answer !== undefined)
  const views = [...(view ? [view] : []), ...overviews.map((one) => one.view)]
  const entryOf = (name: string) => {
    const knowing = views.find((one) => one.deployments().includes(name))
    const entry = deploymentEntry(name, knowing ?? (views[0] as HealthView))
    return asked.region === undefined ? entry : { ...entry, ...countsOf(name, overviews, asked) }
  }
  const names = [...new Set(views.flatMap((one) => one.deployments()))]
  const data = [...settings.providers].map(([id, { provider }]) => {
    const deployments = names.filter((name) => name.startsWith(`${id}/`)).map(entryOf)
    // On an operator's own server a model's name may be the words of another caller: only those that the operator named are shown.
    const named = provider.anyModel === true ? (settings.ownModels.get(id) ?? []) : undefined
    const shown = named === undefined ? deployments : deployments.filter(({ model }) => named.includes(model))
    return { id, object: 'provider', state: stateOf(deployments), deployments: shown }
  })
  const answered = new Set(overviews.map(({ region }) => region))
  const told = regions.map((region) => ({ region, is_here: region === here, answered: answered.has(region) }))
  // The times in `until` go by this clock, which need not be the caller's.
  const at = new Date().toISOString()
  return { object: 'list', data, ...(asked.region === undefined ? {} : { at, regions: told }) }
}

/** What the regions have counted of a deployment, and how it does in each that knows it. */
function countsOf(name: string, overviews: readonly RegionOverview[], { showsCounts }: HealthQuestion): Fields {
  const knowing = overviews.filter(({ view }) => view.deployments().includes(name))
  const all = knowing.map(({ counted }) => counted)
  const { requests, failures } = readHour(all, name, Date.now())
  const inFlightIn = (told: readonly unknown[]) =>
    showsCounts ? told.reduce<number>((sum, one) => sum + readInFlight(one, name), 0) : null
  return {
    in_flight: inFlightIn(all),
    last_hour: {
      success_rate: requests.map((count, at) => (count > 0 ? rounded(1 - (failures[at] ?? 0) / count, 2) : null)),
      ...(showsCounts && { requests, failures }),
    },
    regions: knowing.map(({ region, view, counted }) => {
      const { id: _, model: __, ...health } = deploymentEntry(name, view)
      return { region, ...health, in_flight: inFlightIn([counted]) }
    }),
  }
}

type Entry = ReturnType<typeof deploymentEntry>

/** A provider is in the state of its best deployment; one that was not tried counts as closed. */
function stateOf(deployments: readonly Entry[]): string {
  for (const state of ['closed', 'suspect', 'half-open', 'limited', 'open']) {
    if (deployments.some((entry) => entry.state === state)) return state
  }
  return 'closed'
}
