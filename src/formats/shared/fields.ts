/** A JSON object of which only some fields are of interest. */
export type JsonObject = Readonly<Record<string, unknown>>

/** True for a JSON object; not for a list. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The objects of a list; nothing where it is not one. */
export function jsonObjectsIn(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

/** A string that is not empty. */
export function toText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A count of tokens; 0 where there is none. */
export function toCount(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : 0
}

/** The members that say something: neither null nor undefined, nor an empty list. */
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

/** The members that are there: a request's nulls stand for nothing. */
export function omitNull(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null))
}
