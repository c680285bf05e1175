import { isJsonObject, type JsonObject } from './fields.ts'

/** Keywords that Anthropic refuses in structured output. They go into the description (translation 1.2). */
const LIMITS = [
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'pattern',
  'maxItems',
  'uniqueItems',
  'minProperties',
  'maxProperties',
  'contains',
  'minContains',
  'maxContains',
  'patternProperties',
  'propertyNames',
  'dependentRequired',
  'dependentSchemas',
  'if',
  'then',
  'else',
] as const
const FORMATS = new Set(['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'uri', 'ipv4', 'ipv6', 'uuid'])

/**
 * A JSON Schema in the subset that Anthropic's structured output takes: objects are closed, `oneOf` becomes `anyOf`, and
 * keywords outside the subset go into the description, where the model reads them.
 */
export function toStrictSchema(schema: JsonObject): JsonObject {
  if (typeof schema.$ref === 'string') return { $ref: schema.$ref, ...definitions(schema) }
  const { not, oneOf, $schema, ...rest } = schema
  const strict: Record<string, unknown> = { ...mapChildren(rest, toStrictSchema), ...definitions(schema) }
  const notes: string[] = []
  for (const name of LIMITS) {
    if (!(name in strict)) continue
    notes.push(toNote(name, strict[name]))
    delete strict[name]
  }
  if (typeof strict.minItems === 'number' && strict.minItems > 1) {
    notes.push(`minItems: ${strict.minItems}`)
    delete strict.minItems
  }
  if (typeof strict.format === 'string' && !FORMATS.has(strict.format)) {
    notes.push(`format: ${strict.format}`)
    delete strict.format
  }
  if (not !== undefined) notes.push(toNote('not', not))
  // Only one of the two can stay a keyword.
  if (oneOf !== undefined && strict.anyOf !== undefined) notes.push(toNote('oneOf', oneOf))
  else if (Array.isArray(oneOf)) {
    strict.anyOf = oneOf.map((branch) => (isJsonObject(branch) ? toStrictSchema(branch) : branch))
  }
  const isObject = [strict.type].flat().includes('object') || isJsonObject(strict.properties)
  if (isObject) strict.additionalProperties = false
  return withNotes(strict, notes)
}

/** What OpenAI refuses in a strict schema (developers.openai.com, "Structured model outputs"). */
const NOT_STRICT = [
  ...['allOf', 'oneOf', 'not', 'if', 'patternProperties', 'propertyNames', 'dependentRequired', 'dependentSchemas'],
  ...['uniqueItems', 'contains', 'minProperties', 'maxProperties'],
]

/** Whether OpenAI takes a schema as a strict one: each object is closed, and requires all its members. */
export function isStrictSchema(schema: JsonObject): boolean {
  const { properties = {}, required, additionalProperties } = schema
  if (NOT_STRICT.some((name) => name in schema)) return false
  if ([schema.type].flat().includes('object') || 'properties' in schema) {
    const names = new Set(Array.isArray(required) ? required : [])
    if (additionalProperties !== false || !Object.keys(Object(properties)).every((name) => names.has(name)))
      return false
  }
  let isStrict = true
  const look = (child: JsonObject) => {
    isStrict &&= isStrictSchema(child)
    return child
  }
  mapChildren(schema, look)
  for (const name of DEFINITIONS) if (isJsonObject(schema[name])) mapMembers(schema[name], look)
  return isStrict
}

/** A keyword as a note for the description. */
export function toNote(name: string, value: unknown): string {
  return `${name}: ${JSON.stringify(value)}`
}

/** Adds notes to a schema's description. */
export function withNotes(schema: JsonObject, notes: readonly string[]): JsonObject {
  if (notes.length === 0) return schema
  return { ...schema, description: [schema.description, `(${notes.join(', ')})`].filter(Boolean).join(' ') }
}

const CHILD_LISTS = ['anyOf', 'allOf', 'oneOf', 'prefixItems'] as const
const CHILD_MAPS = ['properties'] as const
const DEFINITIONS = ['$defs', 'definitions'] as const
const CHILDREN = ['items', 'additionalProperties'] as const

function mapChildren(schema: JsonObject, map: (child: JsonObject) => JsonObject): JsonObject {
  const mapped: Record<string, unknown> = { ...schema }
  for (const name of CHILDREN) if (isJsonObject(schema[name])) mapped[name] = map(schema[name])
  for (const name of CHILD_LISTS) {
    const list = schema[name]
    if (Array.isArray(list)) mapped[name] = list.map((child) => (isJsonObject(child) ? map(child) : child))
  }
  for (const name of CHILD_MAPS) if (isJsonObject(schema[name])) mapped[name] = mapMembers(schema[name], map)
  return mapped
}

function mapMembers(members: JsonObject, map: (child: JsonObject) => JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(members).map(([name, child]) => [name, isJsonObject(child) ? map(child) : child]),
  )
}

function definitions(schema: JsonObject): JsonObject {
  const defined: Record<string, unknown> = {}
  for (const name of DEFINITIONS)
    if (isJsonObject(schema[name])) defined[name] = mapMembers(schema[name], toStrictSchema)
  return defined
}
