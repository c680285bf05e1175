import { arrayOf, type JsonObject, textOf } from './json.ts'

/** Applies one of Gemini's partialArgs ({jsonPath, stringValue | numberValue | boolValue | nullValue}) to the arguments. */
export function setByPath(target: JsonObject, piece: JsonObject) {
  const steps = pathSteps(textOf(piece.jsonPath))
  let here: JsonObject | unknown[] = target
  for (const [position, step] of steps.entries()) {
    const holder = here as Record<string | number, unknown>
    if (position === steps.length - 1) {
      // Later pieces of the same text continue it.
      const before = holder[step]
      holder[step] = 'stringValue' in piece ? textOf(before) + textOf(piece.stringValue) : scalarOf(piece)
      return
    }
    holder[step] ??= typeof steps[position + 1] === 'number' ? arrayOf(undefined) : {}
    here = holder[step] as JsonObject | unknown[]
  }
}

/** `$.a['b'][0]` as ['a', 'b', 0]. */
export function pathSteps(path: string): (string | number)[] {
  const steps: (string | number)[] = []
  for (const match of path.matchAll(/\.([^.[\]]+)|\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\]/g)) {
    steps.push(match[2] === undefined ? (match[1] ?? match[3] ?? match[4] ?? '') : Number(match[2]))
  }
  return steps
}

function scalarOf(piece: JsonObject): unknown {
  return 'numberValue' in piece ? piece.numberValue : 'boolValue' in piece ? piece.boolValue : null
}
