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
  const mapped = new Map<string, unknown>()
  for (const [given, value] of Object.entries(schema)) {
    const name = camelName(given)
    if (value !== null)
      mapped.set(
        name,
        keywordValue(name, value, (child) => childOf(child, options, depth)),
      )
  }
  const {
    type,
    nullable,
    format,
    propertyOrdering,
    example,
    enum: values,
    properties,
    ...rest
  } = Object.fromEntries(mapped)
  const types = typesOf(type)
  const isNumeric = types.some((one) => one === 'integer' || one === 'number')
  const list =
    Array.isArray(values) && values.length > 0
      ? values.map((value) => (isNumeric ? toNumber(value) : value))
      : undefined
  return {
    ...typeMember(types, nullable === true),
    ...rest,
    ...(format === undefined || OWN_FORMATS.has(format) ? {} : { format }),
    ...(list === undefined ? {} : { enum: nullable === true ? [...list, null] : list }),
    ...(example === undefined ? {} : { examples: [example] }),
    ...(isJsonObject(properties) ? { properties: inOrder(properties, propertyOrdering) } : {}),
    ...(options.isClosed === true && isJsonObject(properties) && rest.additionalProperties === undefined
      ? { additionalProperties: false }
      : {}),
    ...(nullable === true && types.length === 0 && Array.isArray(rest.anyOf)
      ? { anyOf: [...rest.anyOf, { type: 'null' }] }
      : {}),
  }
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
    case 'defs':
      return isJsonObject(value)
        ? Object.fromEntries(Object.entries(value).map(([member, child]) => [member, map(child)]))
        : value
    default:
      return COUNTS.has(name) ? toNumber(value) : value
  }
}

function typesOf(type: unknown): readonly string[] {
  return [type].flat().flatMap((one) => {
    const name = typeof one === 'number' ? TYPES[one] : typeof one === 'string' ? one.toLowerCase() : undefined
    return name === undefined || name === 'type_unspecified' ? [] : name
  })
}

function typeMember(types: readonly string[], isNullable: boolean): JsonObject {
  const all = isNullable && types.length > 0 && !types.includes('null') ? [...types, 'null'] : types
  return all.length === 0 ? {} : { type: all.length === 1 ? all[0] : all }
}

/** Large numbers come as texts. */
export function toNumber(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d{1,19}(?:\.\d{1,19})?$/.test(value) ? Number(value) : value
}

/** The order in which the members are to be written. JSON Schema has no keyword for it, but models keep to the one they read. */
function inOrder(properties: JsonObject, ordering: unknown): JsonObject {
  if (!Array.isArray(ordering)) return properties
  const first = ordering.filter((name) => typeof name === 'string' && Object.hasOwn(properties, name))
  const names = new Set([...first, ...Object.keys(properties)])
  return Object.fromEntries([...names].map((name) => [name, properties[name]]))
}
