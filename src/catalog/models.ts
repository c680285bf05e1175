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

// No name in the catalogue is near this; a caller's text can be megabytes.
const NAME_CHARACTERS = 200

const rows: readonly string[] = catalog.rows
// Rows and indexes are read when asked for: most requests need one row, and a cold isolate should not read them all.
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

/** The deployment at one provider of the model that `name` means: there the provider's own id goes before any other name. */
export function findDeployment(provider: string, name: string): { model: Model; deployment: Deployment } | undefined {
  if (name.length > NAME_CHARACTERS) return undefined
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
  if (name.length > NAME_CHARACTERS) return undefined
  ids ??= indexIds(rows)
  const row = ids.get(name)
  if (row !== undefined) return row
  const folded = normalizeName(name)
  return findRowByNormalizedName(folded) ?? findRowByNormalizedName(withoutDate(folded))
}

function findRowByNormalizedName(folded: string): number | undefined {
  names ??= indexNames(rows)
  const row = findRow(names, folded)
  if (row !== undefined || !folded.includes('/')) return row
  const bare = findRow(names, lastSegment(folded))
  if (bare === undefined) return undefined
  // Anybody can write a maker before a name; only those who are known by it lead to the model.
  makers ??= indexMakers(rows)
  const maker = folded.slice(0, folded.lastIndexOf('/'))
  return makers.has(`${maker}/${ownerOfRow(rows[bare] ?? '')}`) ? bare : undefined
}

function providerIdsOf(provider: string): ReadonlyMap<string, number> | undefined {
  const kept = providerIds.get(provider)
  if (kept) return kept
  const read = indexProviderIds(rows, provider)
  // Callers name providers freely; only the real ones are kept.
  if (read.size > 0) providerIds.set(provider, read)
  return read
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
