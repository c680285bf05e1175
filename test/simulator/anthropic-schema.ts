import { type Fields, fieldsOf, listOf, numberOf, objectsIn, rowsOf, textOf } from './json.ts'

const REFUSED =
  'minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern maxItems uniqueItems minProperties maxProperties not oneOf patternProperties if then else'.split(
    ' ',
  )
const FORMATS = ['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'uri', 'ipv4', 'ipv6', 'uuid']

/** What Anthropic refuses in a schema that its answer must keep to. */
export function checkStrictSchema(schema: Fields): string | undefined {
  const circle = circleIn(schema)
  if (circle !== undefined) {
    return `Invalid schema: Circular reference detected in schema definitions: ${circle}. Self-referencing or mutually-referencing definitions are not supported.`
  }
  return checkPart(schema)
}

function checkPart(schema: Fields): string | undefined {
  const refused = REFUSED.filter((keyword) => keyword in schema)
  const type = String(schema.type ?? 'any')
  if (refused.length > 0) return `For '${type}' type, properties ${refused.join(', ')} are not supported`
  if ((numberOf(schema.minItems) ?? 0) > 1)
    return `For 'array' type, 'minItems' values other than 0 or 1 are not supported`
  if (typeof schema.format === 'string' && !FORMATS.includes(schema.format)) {
    return `For 'string' type, format '${schema.format}' is not supported`
  }
  if ('$ref' in schema && Object.keys(schema).some((key) => !['$ref', '$defs', 'definitions'].includes(key))) {
    return "'$ref' may not have siblings"
  }
  const isObject = schema.type === 'object' || listOf(schema.type).includes('object')
  if (isObject && schema.additionalProperties !== false) {
    return "For 'object' type, 'additionalProperties' must be explicitly set to false"
  }
  for (const child of childrenOf(schema)) {
    const problem = checkPart(child)
    if (problem !== undefined) return problem
  }
  return undefined
}

function childrenOf(schema: Fields): Fields[] {
  const named = [schema.properties, schema.$defs, schema.definitions].flatMap((group) =>
    Object.values(fieldsOf(group) ?? {}),
  )
  const listed = [schema.anyOf, schema.allOf, schema.prefixItems].flatMap(rowsOf)
  return objectsIn([...named, ...listed, schema.items])
}

// Definitions that lead back to themselves: `Node -> Node`.
function circleIn(schema: Fields): string | undefined {
  const definitions = { ...fieldsOf(schema.definitions), ...fieldsOf(schema.$defs) }
  const cleared = new Set<string>()
  const follow = (name: string, path: readonly string[]): string | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name].join(' -> ')
    if (cleared.has(name)) return undefined
    for (const next of namesIn(fieldsOf(definitions[name]) ?? {})) {
      const circle = follow(next, [...path, name])
      if (circle !== undefined) return circle
    }
    cleared.add(name)
    return undefined
  }
  for (const name of Object.keys(definitions)) {
    const circle = follow(name, [])
    if (circle !== undefined) return circle
  }
  return undefined
}

// The definitions that a schema refers to.
function namesIn(schema: Fields): string[] {
  const own = /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec(textOf(schema.$ref))?.[1]
  return [...(own === undefined ? [] : [own]), ...childrenOf(schema).flatMap(namesIn)]
}
