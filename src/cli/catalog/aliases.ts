import type { Model } from '../../catalog/deployment.ts'
import { lastSegment, normalizeName, withoutDate } from '../../catalog/names.ts'
import type { CatalogEntry } from '../../catalog/row.ts'

/** Retired name to the public id that answers to it. */
export type Successors = ReadonlyMap<string, string>

/** A model with the names that joining has found for it so far. */
export interface Draft extends CatalogEntry {
  readonly aliases: string[]
}

/**
 * Adds the retired names that a model answers to and the undated form of a dated id, and takes away what the id and the
 * deployments say already. Throws if a retired name's successor does not exist.
 */
export function withAliases(drafts: readonly Draft[], successors: Successors): CatalogEntry[] {
  const byId = new Map(drafts.map((draft) => [draft.model.id, draft]))
  for (const [retired, successor] of successors) {
    const heir = byId.get(successor)
    if (!heir) throw new Error(`${retired} is to be answered by ${successor}, which is not in the catalogue`)
    if (byId.has(retired)) throw new Error(`${retired} is retired in the rules, but is a model's id`)
    heir.aliases.push(retired)
  }
  const newestFirst = drafts.toSorted((a, b) => b.model.created - a.model.created || (a.model.id < b.model.id ? -1 : 1))
  const stems = new Set(drafts.flatMap(({ model, aliases }) => [...namesGiven(model), ...aliases.map(normalizeName)]))
  for (const { model, aliases } of newestFirst) {
    const stem = withoutDate(model.id)
    if (stem === model.id || stems.has(normalizeName(stem)) || stem.includes('/')) continue
    stems.add(normalizeName(stem))
    aliases.push(stem)
  }
  return drafts.map((draft) => ({ ...draft, aliases: needed(draft) }))
}

function needed({ model, aliases }: Draft): string[] {
  const given = new Set(namesGiven(model))
  const folded = new Map(aliases.map((alias) => [normalizeName(alias), alias]))
  return [...folded].flatMap(([name, alias]) => (given.has(name) ? [] : [alias])).toSorted()
}

/** The names that a row gives its model without saying so. */
function namesGiven({ id, deployments }: Model): string[] {
  return [id, ...deployments.map(({ upstreamModel }) => lastSegment(upstreamModel))].map(normalizeName)
}
