/** A parsed JSON object of unknown content. */
export type JsonObject = Record<string, unknown>

/** The value as an object, or an empty one: provider JSON is never trusted to have a shape. */
export function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

/** The value as an array, or an empty one. */
export function arrayOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

/** The value as text, or ''. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** The value if it is a number, else undefined. */
export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

/** Walks into parsed JSON by names and positions; undefined where the way ends. */
export function at(value: unknown, ...path: (string | number)[]): unknown {
  let here = value
  for (const step of path) {
    here = typeof step === 'number' ? arrayOf(here)[step] : objectOf(here)[step]
  }
  return here
}

/** JSON.parse that answers undefined instead of throwing. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** Deep equality of two JSON values, in which the order of keys does not count. */
export function sameJson(left: unknown, right: unknown): boolean {
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false
    return left.every((item, position) => sameJson(item, right[position]))
  }
  if (typeof left === 'object' && left !== null && typeof right === 'object' && right !== null) {
    const names = Object.keys(left)
    if (names.length !== Object.keys(right).length) return false
    return names.every((name) => name in right && sameJson(at(left, name), at(right, name)))
  }
  return left === right
}
