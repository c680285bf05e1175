import type { Traits } from '../formats/format.ts'
import catalog from './models.json' with { type: 'json' }
import type { NameIndex } from './names.ts'
import {
  fold,
  indexIds,
  indexMakers,
  indexNames,
  indexProvider,
  lastSegment,
  ownerIn,
  rowIn,
  undated,
} from './names.ts'
import { parseRow } from './row.ts'

/** US dollars per million tokens. */
export interface Price {
  readonly input: number
  readonly output: number
  readonly cacheRead?: number
  readonly cacheWrite?: number
}

/** A model at a provider. */
export interface Deployment {
  readonly provider: string
  /** The provider's own name for the model. */
  readonly upstreamModel: string
  readonly traits: Traits
  /** Absent where the provider publishes none. */
  readonly price?: Price
}

/** A model as Router9 offers it: one public id, and its deployments, best first. */
export interface Model {
  readonly id: string
  /** Who made it. */
  readonly owner: string
  /** The day of its release, in seconds. */
  readonly created: number
  readonly deployments: readonly Deployment[]
}

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
  const row = rowOf(name)
  return row === undefined ? undefined : modelAt(row)
}

/** The deployment at one provider of the model that `name` means: there the provider's own id goes before any other name. */
export function findDeployment(provider: string, name: string): { model: Model; deployment: Deployment } | undefined {
  if (name.length > NAME_CHARACTERS) return undefined
  const row = idsOf(provider)?.get(name.toLowerCase())
  return (
    deploymentAt(row, provider) ??
    deploymentAt(rowOf(name), provider) ??
    deploymentAt(rowOf(`${provider}/${name}`), provider)
  )
}

/** Every model, in the file's order. */
export function allModels(): readonly Model[] {
  return rows.map((_, row) => modelAt(row))
}

function rowOf(name: string): number | undefined {
  if (name.length > NAME_CHARACTERS) return undefined
  ids ??= indexIds(rows)
  const row = ids.get(name)
  if (row !== undefined) return row
  const folded = fold(name)
  return known(folded) ?? known(undated(folded))
}

function known(folded: string): number | undefined {
  names ??= indexNames(rows)
  const row = rowIn(names, folded)
  if (row !== undefined || !folded.includes('/')) return row
  const bare = rowIn(names, lastSegment(folded))
  if (bare === undefined) return undefined
  // Anybody can write a maker before a name; only those who are known by it lead to the model.
  makers ??= indexMakers(rows)
  const maker = folded.slice(0, folded.lastIndexOf('/'))
  return makers.has(`${maker}/${ownerIn(rows[bare] ?? '')}`) ? bare : undefined
}

function idsOf(provider: string): ReadonlyMap<string, number> | undefined {
  const kept = providerIds.get(provider)
  if (kept) return kept
  const read = indexProvider(rows, provider)
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
