import { createKeptBound, malformedAnswer } from '../shared/answer-bounds.ts'
import { isJsonObject, type JsonObject } from '../shared/fields.ts'

/** A function call whose arguments arrive value by value (Vertex, `streamFunctionCallArguments`; translation 2.3). */
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
  /** Whether a container may get this member. Lists are written in order; an index far beyond the end would make one huge. */
  const fits = (container: Container, step: string | number): boolean => {
    // A name would reach the members that lists inherit.
    if (!Array.isArray(container)) return typeof step === 'string'
    if (typeof step !== 'number') return false
    const added = Math.max(0, step + 1 - container.length)
    if (items + added > MAX_ITEMS) return false
    items += added
    return true
  }
  return {
    name,
    id,
    signature,
    add: (pieces) => {
      for (const piece of pieces) {
        if (typeof piece.jsonPath !== 'string') continue
        const path = stepsOf(piece.jsonPath)
        if (path.length > MAX_STEPS) throw malformedAnswer('it is nested too deeply')
        keep(piece.jsonPath.length + (typeof piece.stringValue === 'string' ? piece.stringValue.length : 0))
        put(root, path, piece, fits)
      }
    },
    args: () => root,
  }
}

/** The steps of a path: `$.stops[0].name` has `stops`, 0 and `name`. */
function stepsOf(path: string): (string | number)[] {
  return [...path.matchAll(/\[(\d+)\]|\['([^']*)'\]|\.?([^.[\]$]+)/g)].map(([, index, quoted, plain]) =>
    index === undefined ? (quoted ?? plain ?? '') : Number(index),
  )
}

type Container = Record<string | number, unknown>

/** The limit for all lists of a call together. */
const MAX_ITEMS = 10_000
const MAX_STEPS = 100

function put(
  root: Container,
  path: readonly (string | number)[],
  piece: JsonObject,
  fits: (container: Container, step: string | number) => boolean,
): void {
  let container = root
  for (const [at, step] of path.slice(0, -1).entries()) {
    if (!fits(container, step)) return
    const child = container[step]
    if ((!isJsonObject(child) && !Array.isArray(child)) || JSON.isRawJSON(child)) {
      container[step] = typeof path[at + 1] === 'number' ? [] : Object.create(null)
    }
    container = container[step] as Container
  }
  const last = path.at(-1)
  if (last === undefined || !fits(container, last)) return
  // A long string arrives in pieces, which are joined.
  if (typeof piece.stringValue === 'string') {
    const before = container[last]
    container[last] = (typeof before === 'string' ? before : '') + piece.stringValue
  } else if (typeof piece.numberValue === 'number' || JSON.isRawJSON(piece.numberValue))
    container[last] = piece.numberValue
  else if (typeof piece.boolValue === 'boolean') container[last] = piece.boolValue
  else if ('nullValue' in piece) container[last] = null
}
