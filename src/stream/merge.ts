type Fields = Readonly<Record<string, unknown>>

/** Adds a further piece of fields we don't name: lists grow, objects merge, anything else is replaced. */
export function merge(into: Fields, from: Fields): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...into }
  for (const [name, value] of Object.entries(from)) {
    const before = Object.hasOwn(merged, name) ? merged[name] : undefined
    if (Array.isArray(before) && Array.isArray(value)) merged[name] = [...before, ...value]
    else if (isObject(before) && isObject(value)) merged[name] = merge(before, value)
    else merged[name] = value
  }
  return merged
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value)
}
