/** A JSON object of which only some fields are of interest. */
export type JsonObject = Readonly<Record<string, unknown>>

/** Whether a value is a JSON object, which a list is not. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The objects in a list; an empty list for any other value. */
export function jsonObjectsIn(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

/** False for what stands for nothing: some providers send `error: null`, `false` or `''` with every answer. */
export function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== ''
}

/** The string, unless it is empty or no string. */
export function toText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A count of tokens; 0 for any other value. */
export function toCount(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : 0
}

/** Leaves out null, undefined and empty lists. @returns undefined where nothing is left. */
export function omitEmpty(fields: JsonObject): JsonObject | undefined {
  let kept: Record<string, unknown> | undefined
  for (const name in fields) {
    const value = fields[name]
    if (value === null || value === undefined || (Array.isArray(value) && value.length === 0)) continue
    kept ??= {}
    kept[name] = value
  }
  return kept
}

/** Leaves out null and undefined: null in a request stands for an absent field. */
export function omitNull(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null))
}
