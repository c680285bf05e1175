import { type Fields, fieldsOf, listOf, numberOf, objectsIn, rowsOf } from './json.ts'

const REFUSED =
  'minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern maxItems uniqueItems minProperties maxProperties not oneOf patternProperties if then else'.split(
    ' ',
  )
const FORMATS = ['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'uri', 'ipv4', 'ipv6', 'uuid']

/** What Anthropic refuses in a schema that its answer must keep to. */
export function checkStrictSchema(schema: Fields): string | undefined {
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
    const problem = checkStrictSchema(child)
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
