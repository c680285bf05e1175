import type { Deployment, Model } from './deployment.ts'
import catalog from './models.json' with { type: 'json' }
import type { NameIndex } from './names.ts'
import {
  findRow,
  indexIds,
  indexMakers,
  indexNames,
  indexProviderIds,
  lastSegment,
  normalizeName,
  ownerOfRow,
  withoutDate,
} from './names.ts'
import { parseRow } from './row.ts'

// No name in the catalogue is nearly so long; a caller's text can be megabytes.
const MAX_NAME_CHARACTERS = 200

const rows: readonly string[] = catalog.rows
// Rows and indexes are read when needed: most requests need one row, and an isolate that has just started should not read all.
const models: (Model | undefined)[] = []
const providerIds = new Map<string, ReadonlyMap<string, number>>()
let ids: ReadonlyMap<string, number> | undefined
let names: NameIndex | undefined
let makers: ReadonlySet<string> | undefined

/** The model that a public id, an alias, a provider's own id, `maker/name`, or a dated form of these means. */
export function findModel(name: string): Model | undefined {
  const row = findRowByName(name)
  return row === undefined ? undefined : modelAt(row)
}

/** One provider's deployment of the model that `name` means. The provider's own ids go before all other names. */
export function findDeployment(provider: string, name: string): { model: Model; deployment: Deployment } | undefined {
  if (name.length > MAX_NAME_CHARACTERS) return undefined
  const row = providerIdsOf(provider)?.get(name.toLowerCase())
  return (
    deploymentAt(row, provider) ??
    deploymentAt(findRowByName(name), provider) ??
    deploymentAt(findRowByName(`${provider}/${name}`), provider)
  )
}

/** Every model, in the file's order. */
export function allModels(): readonly Model[] {
  return rows.map((_, row) => modelAt(row))
}

function findRowByName(name: string): number | undefined {
  if (name.length > MAX_NAME_CHARACTERS) return undefined
  ids ??= indexIds(rows)
  const row = ids.get(name)
  if (row !== undefined) return row
  const normalized = normalizeName(name)
  const dated = findRowByNormalizedName(normalized)
  if (dated !== undefined) return dated
  const undated = findRowByNormalizedName(withoutDate(normalized))
  // Another version of a model may answer a chat, but its vectors do not mix.
  return undated === undefined || rows[undated]?.includes('>e ') ? undefined : undated
}

function findRowByNormalizedName(normalized: string): number | undefined {
  names ??= indexNames(rows)
  const row = findRow(names, normalized)
  if (row !== undefined || !normalized.includes('/')) return row
  const rowWithoutMaker = findRow(names, lastSegment(normalized))
  if (rowWithoutMaker === undefined) return undefined
  // A caller can write anything before the slash; only makers that the model is known by lead to it.
  makers ??= indexMakers(rows)
  const maker = normalized.slice(0, normalized.lastIndexOf('/'))
  return makers.has(`${maker}/${ownerOfRow(rows[rowWithoutMaker] ?? '')}`) ? rowWithoutMaker : undefined
}

function providerIdsOf(provider: string): ReadonlyMap<string, number> | undefined {
  const known = providerIds.get(provider)
  if (known) return known
  const index = indexProviderIds(rows, provider)
  // Callers can name any provider; only indexes of real ones are kept.
  if (index.size > 0) providerIds.set(provider, index)
  return index
}

function deploymentAt(row: number | undefined, provider: string) {
  if (row === undefined) return undefined
  const model = modelAt(row)
  const deployment = model.deployments.find((candidate) => candidate.provider === provider)
  return deployment && { model, deployment }
}

function modelAt(row: number): Model {
  const model = models[row] ?? parseRow(rows[row] ?? '')
  models[row] = model
  return model
}
