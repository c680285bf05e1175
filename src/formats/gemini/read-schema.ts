import { Failure } from '../../chat/failure.ts'
import { isJsonObject, type JsonObject } from '../shared/fields.ts'
import { camelName } from './read-names.ts'

/** Google's own schemas: a subset of OpenAPI's, with types in capitals (ai.google.dev, "Schema"). */

/** Some clients send the numbers of the types. */
const TYPES = [undefined, 'string', 'number', 'integer', 'boolean', 'array', 'object', 'null']
const COUNTS: ReadonlySet<string> = new Set([
  ...['minItems', 'maxItems', 'minLength', 'maxLength', 'minProperties', 'maxProperties', 'minimum', 'maximum'],
])
/** Formats that JSON Schema does not have. */
const OWN_FORMATS: ReadonlySet<unknown> = new Set(['enum', 'int32', 'int64', 'float', 'double'])
const MAX_DEPTH = 200
/** No model keeps to a longer order. */
const MAX_ORDERED = 1000

export interface SchemaOptions {
  /** Where the schema stands. */
  readonly path: string
  /** Objects have only the members that are named, which is what Gemini itself answers with. */
  readonly isClosed?: boolean
}

/** A schema of Google's as JSON Schema. @throws Failure where it is nested too deeply. */
export function fromGeminiSchema(schema: JsonObject, options: SchemaOptions, depth = 0): JsonObject {
  if (depth > MAX_DEPTH) {
    const { path: param } = options
    throw new Failure('invalid-value', `'${param}' is nested more than ${MAX_DEPTH} levels deep.`, { param })
  }
  const own: Record<string, unknown> = {}
  const mapped: Record<string, unknown> = {}
  for (const given of Object.keys(schema)) {
    const name = camelName(given)
    const value = schema[given]
    // It is no keyword, and would be no member.
    if (value === null || name === '__proto__') continue
    if (OWN_KEYWORDS.has(name)) own[name] = value
    else mapped[name] = keywordValue(name, value, (child) => childOf(child, options, depth))
  }
  setType(mapped, own)
  if (own.format !== undefined && !OWN_FORMATS.has(own.format)) mapped.format = own.format
  if (own.example !== undefined) mapped.examples = [own.example]
  const { properties } = mapped
  if (isJsonObject(properties)) {
    if (Array.isArray(own.propertyOrdering)) mapped.properties = inOrder(properties, own.propertyOrdering)
    if (options.isClosed === true) mapped.additionalProperties ??= false
  }
  return mapped
}

/** What JSON Schema says otherwise. */
const OWN_KEYWORDS: ReadonlySet<string> = new Set([
  ...['type', 'nullable', 'enum', 'format', 'propertyOrdering', 'example'],
])

function setType(mapped: Record<string, unknown>, { type, nullable, enum: values }: JsonObject): void {
  const types = typesOf(type)
  const isNullable = nullable === true
  if (isNullable && types.length > 0 && !types.includes('null')) types.push('null')
  if (types.length > 0) mapped.type = types.length === 1 ? types[0] : types
  if (Array.isArray(values) && values.length > 0) {
    const isNumeric = types.includes('integer') || types.includes('number')
    const list = isNumeric ? values.map(toNumber) : values
    mapped.enum = isNullable ? [...list, null] : list
  }
  if (isNullable && types.length === 0 && Array.isArray(mapped.anyOf))
    mapped.anyOf = [...mapped.anyOf, { type: 'null' }]
}

function childOf(child: unknown, options: SchemaOptions, depth: number): unknown {
  return isJsonObject(child) ? fromGeminiSchema(child, options, depth + 1) : child
}

function keywordValue(name: string, value: unknown, map: (child: unknown) => unknown): unknown {
  switch (name) {
    case 'items':
    case 'additionalProperties':
      return map(value)
    case 'anyOf':
    case 'prefixItems':
      return Array.isArray(value) ? value.map(map) : value
    case 'properties':
    case '$defs':
      return isJsonObject(value)
        ? Object.fromEntries(Object.entries(value).map(([member, child]) => [member, map(child)]))
        : value
    default:
      return COUNTS.has(name) ? toNumber(value) : value
  }
}

function typesOf(type: unknown): string[] {
  if (type === undefined) return []
  return [type].flat().flatMap((one) => {
    const name = typeof one === 'number' ? TYPES[one] : typeof one === 'string' ? one.toLowerCase() : undefined
    return name === undefined || name === 'type_unspecified' ? [] : name
  })
}

/** Large numbers come as texts. Some have more digits than a double holds. */
export function toNumber(value: unknown): unknown {
  if (JSON.isRawJSON(value)) return Number(value.rawJSON)
  return typeof value === 'string' && /^-?\d{1,19}(?:\.\d{1,19})?$/.test(value) ? Number(value) : value
}

/** The order in which the members are to be written. JSON Schema has no keyword for it, but models keep to the one they read. */
function inOrder(properties: JsonObject, ordering: readonly unknown[]): JsonObject {
  if (ordering.length > MAX_ORDERED) return properties
  const first = ordering.filter((name) => typeof name === 'string' && Object.hasOwn(properties, name)) as string[]
  const names = new Set([...first, ...Object.keys(properties)])
  return Object.fromEntries([...names].map((name) => [name, properties[name]]))
}
