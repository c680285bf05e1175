import { sameJson } from './json.ts'

/** A place where two JSON values differ; undefined is "not there". */
export type JsonDifference = { path: string; expected: unknown; actual: unknown }

/** All places where two JSON values differ; the order of keys does not count. */
export function jsonDifferences(expected: unknown, actual: unknown, path = ''): JsonDifference[] {
  if (sameJson(expected, actual)) return []
  const isList = Array.isArray(expected)
  if (!isNest(expected) || !isNest(actual) || isList !== Array.isArray(actual)) return [{ path, expected, actual }]
  const names = isList
    ? Array.from({ length: Math.max(expected.length, Object.keys(actual).length) }, (_, at) => String(at))
    : [...new Set([...Object.keys(expected), ...Object.keys(actual)])]
  const left = expected as Record<string, unknown>
  const right = actual as Record<string, unknown>
  return names.flatMap((name) => jsonDifferences(left[name], right[name], path === '' ? name : `${path}.${name}`))
}

function isNest(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
