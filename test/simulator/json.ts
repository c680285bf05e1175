/** A JSON object whose fields are not known yet. */
export type Fields = Record<string, unknown>

/** The value as a JSON object, or nothing when it is something else. */
export function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
}

/** The value as a list; anything else counts as an empty one. */
export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

/** The JSON objects of a list. */
export function rowsOf(value: unknown): Fields[] {
  return listOf(value).map((entry) => fieldsOf(entry) ?? {})
}

/** Those of the values that are JSON objects. */
export function objectsIn(values: readonly unknown[]): Fields[] {
  return values.map(fieldsOf).filter((fields) => fields !== undefined)
}

/** The value as text; anything else counts as empty. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** The value as JSON; empty where it is nested too deeply to be written. */
export function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch {
    return ''
  }
}

/** The value as a finite number, or nothing. */
export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** Parses JSON; text that is none gives undefined. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** How many bytes a base64 text holds. */
export function base64Bytes(data: string): number {
  return Buffer.from(data, 'base64').length
}
