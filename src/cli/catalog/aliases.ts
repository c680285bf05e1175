import type { Model } from '../../catalog/deployment.ts'
import { lastSegment, normalizeName, withoutDate } from '../../catalog/names.ts'
import type { CatalogEntry } from '../../catalog/row.ts'
import { CliError } from '../arguments.ts'

/** From a retired name to the id of the model that answers in its place. */
export type Successors = ReadonlyMap<string, string>

/** A model, with the other names found for it so far. */
export interface Draft extends CatalogEntry {
  readonly aliases: string[]
}

/**
 * Adds aliases: the retired names that a model answers to, and a dated id without its date. Removes those that the id and the
 * deployments already give. @throws CliError where the successor of a retired name does not exist.
 */
export function withAliases(drafts: readonly Draft[], successors: Successors): CatalogEntry[] {
  const byId = new Map(drafts.map((draft) => [draft.model.id, draft]))
  for (const [retired, successor] of successors) {
    const successorDraft = byId.get(successor)
    if (!successorDraft)
      throw new CliError(`${retired} is to be answered by ${successor}, which is not in the catalogue`)
    if (byId.has(retired)) throw new CliError(`${retired} is retired in the rules, but is a model's id`)
    successorDraft.aliases.push(retired)
  }
  const newestFirst = drafts.toSorted((a, b) => b.model.created - a.model.created || (a.model.id < b.model.id ? -1 : 1))
  const stems = new Set(
    drafts.flatMap(({ model, aliases }) => [...namesWithoutAliases(model), ...aliases.map(normalizeName)]),
  )
  for (const { model, aliases } of newestFirst) {
    // Vectors of two versions do not mix, so a name without a version must not lead to one of them.
    if (model.deployments.some(({ traits }) => traits.embedding)) continue
    const stem = withoutDate(model.id)
    if (stem === model.id || stems.has(normalizeName(stem)) || stem.includes('/')) continue
    stems.add(normalizeName(stem))
    aliases.push(stem)
  }
  return drafts.map((draft) => ({ ...draft, aliases: neededAliases(draft) }))
}

function neededAliases({ model, aliases }: Draft): string[] {
  const present = new Set(namesWithoutAliases(model))
  const folded = new Map(aliases.map((alias) => [normalizeName(alias), alias]))
  return [...folded].flatMap(([name, alias]) => (present.has(name) ? [] : [alias])).toSorted()
}

/** The names that a model has without any alias. */
function namesWithoutAliases({ id, deployments }: Model): string[] {
  return [id, ...deployments.map(({ upstreamModel }) => lastSegment(upstreamModel))].map(normalizeName)
}
