type Fields = Readonly<Record<string, unknown>>

/** Fields we don't name, as they add up piece by piece: lists grow, objects merge, anything else is replaced. */
export interface FieldMerger {
  readonly add: (piece: Fields) => void
  readonly fields: () => Fields
}

/** What lies deeper is not looked into, but replaced. */
const MAX_DEPTH = 32

/** Never changes a piece that it is given, and copies nothing twice: many small pieces cost no more than a large one. */
export function createFieldMerger(): FieldMerger {
  let all: Record<string, unknown> | undefined
  let only: Fields | undefined
  /** The lists and objects that were copied, and grow in place since. */
  let own: WeakSet<object> | undefined

  const owned = <Value extends object>(value: Value, copy: (value: Value) => Value, keep: (copied: Value) => void) => {
    if (own?.has(value)) return value
    const copied = copy(value)
    own ??= new WeakSet()
    own.add(copied)
    keep(copied)
    return copied
  }

  const merge = (into: Record<string, unknown>, from: Fields, depth: number) => {
    for (const [name, value] of Object.entries(from)) {
      const before = Object.hasOwn(into, name) ? into[name] : undefined
      const keep = (copied: unknown) => {
        into[name] = copied
      }
      if (Array.isArray(before) && Array.isArray(value)) {
        const list = owned<unknown[]>(before, (given) => [...given], keep)
        for (const item of value) list.push(item)
      } else if (depth > 0 && isObject(before) && isObject(value)) {
        merge(
          owned(before, (given) => ({ ...given }), keep),
          value,
          depth - 1,
        )
      } else into[name] = value
    }
  }

  return {
    add: (piece) => {
      if (only === undefined && all === undefined) {
        only = piece
        return
      }
      all ??= { ...only }
      only = undefined
      merge(all, piece, MAX_DEPTH)
    },
    fields: () => all ?? only ?? {},
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value)
}
