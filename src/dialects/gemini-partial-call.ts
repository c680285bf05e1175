import { type Fields, isFields } from './fields.ts'

/** A function call whose arguments come value by value (Vertex, `streamFunctionCallArguments`; translation 2.3). */
export interface PartialCall {
  readonly name: string
  readonly id: string | undefined
  readonly signature: string | undefined
  readonly add: (pieces: readonly Fields[]) => void
  readonly args: () => Fields
}

export function createPartialCall(name: string, id: string | undefined, signature: string | undefined): PartialCall {
  const root: Record<string, unknown> = Object.create(null)
  return {
    name,
    id,
    signature,
    add: (pieces) => {
      for (const piece of pieces) if (typeof piece.jsonPath === 'string') put(root, steps(piece.jsonPath), piece)
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

/** A list is written in order; an index far beyond its end would only make it huge. */
const MOST_ITEMS = 10_000

/** A name in a list would reach what lists inherit. */
function fits(holder: Holder, step: string | number): boolean {
  return Array.isArray(holder) ? typeof step === 'number' && step < MOST_ITEMS : typeof step === 'string'
}

function put(root: Holder, path: readonly (string | number)[], piece: Fields): void {
  let holder = root
  for (const [at, step] of path.slice(0, -1).entries()) {
    if (!fits(holder, step)) return
    const below = holder[step]
    if ((!isFields(below) && !Array.isArray(below)) || JSON.isRawJSON(below)) {
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
