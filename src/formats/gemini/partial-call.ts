import { createKeptBound, malformedAnswer } from '../shared/answer-bounds.ts'
import { isJsonObject, type JsonObject } from '../shared/fields.ts'

/** A function call whose arguments come value by value (Vertex, `streamFunctionCallArguments`; translation 2.3). */
export interface PartialCall {
  readonly name: string
  readonly id: string | undefined
  readonly signature: string | undefined
  readonly add: (pieces: readonly JsonObject[]) => void
  readonly args: () => JsonObject
}

export function createPartialCall(name: string, id: string | undefined, signature: string | undefined): PartialCall {
  const root: Record<string, unknown> = Object.create(null)
  const keep = createKeptBound()
  let items = 0
  /** A list is written in order; an index far beyond its end would only make it huge. */
  const fits = (holder: Holder, step: string | number): boolean => {
    // A name in a list would reach what lists inherit.
    if (!Array.isArray(holder)) return typeof step === 'string'
    if (typeof step !== 'number') return false
    const more = Math.max(0, step + 1 - holder.length)
    if (items + more > MAX_ITEMS) return false
    items += more
    return true
  }
  return {
    name,
    id,
    signature,
    add: (pieces) => {
      for (const piece of pieces) {
        if (typeof piece.jsonPath !== 'string') continue
        const path = steps(piece.jsonPath)
        if (path.length > MAX_STEPS) throw malformedAnswer('it is nested too deeply')
        keep(piece.jsonPath.length + (typeof piece.stringValue === 'string' ? piece.stringValue.length : 0))
        put(root, path, piece, fits)
      }
    },
    args: () => root,
  }
}

/** `$.stops[0].name` as its steps. */
function steps(path: string): (string | number)[] {
  return [...path.matchAll(/\[(\d+)\]|\['([^']*)'\]|\.?([^.[\]$]+)/g)].map(([, index, quoted, plain]) =>
    index === undefined ? (quoted ?? plain ?? '') : Number(index),
  )
}

type Holder = Record<string | number, unknown>

/** Of all lists of a call together. */
const MAX_ITEMS = 10_000
const MAX_STEPS = 100

function put(
  root: Holder,
  path: readonly (string | number)[],
  piece: JsonObject,
  fits: (holder: Holder, step: string | number) => boolean,
): void {
  let holder = root
  for (const [at, step] of path.slice(0, -1).entries()) {
    if (!fits(holder, step)) return
    const below = holder[step]
    if ((!isJsonObject(below) && !Array.isArray(below)) || JSON.isRawJSON(below)) {
      holder[step] = typeof path[at + 1] === 'number' ? [] : Object.create(null)
    }
    holder = holder[step] as Holder
  }
  const last = path.at(-1)
  if (last === undefined || !fits(holder, last)) return
  // A long string comes in pieces, which add up.
  if (typeof piece.stringValue === 'string') {
    const before = holder[last]
    holder[last] = (typeof before === 'string' ? before : '') + piece.stringValue
  } else if (typeof piece.numberValue === 'number' || JSON.isRawJSON(piece.numberValue))
    holder[last] = piece.numberValue
  else if (typeof piece.boolValue === 'boolean') holder[last] = piece.boolValue
  else if ('nullValue' in piece) holder[last] = null
}
