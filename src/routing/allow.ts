import { findModel } from '../catalog/models.ts'

/** The models that a key may use, by whichever of their names; all where undefined (contract 2). */
export type AllowList = readonly string[] | undefined

const ids = new WeakMap<readonly string[], ReadonlySet<string>>()

/** Whether the list holds a model: its public id, an alias of it, or a name that only this gateway's operator knows. */
export function allows(list: AllowList, id: string): boolean {
  if (list === undefined) return true
  let known = ids.get(list)
  if (known === undefined) {
    known = new Set(list.flatMap((name) => [name, findModel(name)?.id ?? name]))
    ids.set(list, known)
  }
  return known.has(id)
}
