import { isJsonObject, type JsonObject } from '../shared/fields.ts'
import { toNote, withNotes } from '../shared/json-schema.ts'

/** The keywords of JSON Schema that Gemini reads (Gemini API reference, `responseJsonSchema`). */
const KEYWORDS: ReadonlySet<string> = new Set([
  '$id',
  '$defs',
  '$ref',
  '$anchor',
  'type',
  'format',
  'title',
  'description',
  'enum',
  'items',
  'prefixItems',
  'minItems',
  'maxItems',
  'minimum',
  'maximum',
  'anyOf',
  'properties',
  'additionalProperties',
  'required',
  'propertyOrdering',
])
/** Keywords that Gemini does not read and that still limit or suggest values: the description repeats them in words. */
const DESCRIBED: ReadonlySet<string> = new Set([
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'pattern',
  'uniqueItems',
  'contains',
  'minContains',
  'maxContains',
  'minProperties',
  'maxProperties',
  'propertyNames',
  'dependentRequired',
  'dependentSchemas',
  'dependencies',
  'unevaluatedItems',
  'unevaluatedProperties',
  'oneOf',
  'allOf',
  'not',
  'if',
  'then',
  'else',
  'default',
  'examples',
  'deprecated',
  'contentEncoding',
  'contentMediaType',
])
/** Not a keyword: the words that stand for `patternProperties` in a description. */
const NAMES_MATCH = 'names match one of'

/** A JSON Schema in the keywords that Gemini reads; what they cannot express stands in the description. */
export function toGeminiJsonSchema(schema: JsonObject): JsonObject {
  const plain = rewriteKeywords(schema)
  const refers = typeof plain.$ref === 'string'
  const mapped: Record<string, unknown> = {}
  const notes: string[] = []
  for (const [name, value] of Object.entries(plain)) {
    // Gemini takes nothing beside a reference but a description.
    const isRead = KEYWORDS.has(name) && (!refers || name === 'description' || name.startsWith('$'))
    if (isRead) mapped[name] = keywordValue(name, value)
    else if (DESCRIBED.has(name) || name === NAMES_MATCH || (KEYWORDS.has(name) && name !== 'title'))
      notes.push(toNote(name, value))
  }
  return withNotes(mapped, notes)
}

function keywordValue(name: string, value: unknown): unknown {
  switch (name) {
    case 'properties':
    case '$defs':
      return isJsonObject(value)
        ? Object.fromEntries(Object.entries(value).map(([member, child]) => [member, childOf(child)]))
        : value
    case 'anyOf':
    case 'prefixItems':
      return Array.isArray(value) ? value.map(childOf) : value
    case 'items':
      return childOf(value)
    case 'additionalProperties':
      return isJsonObject(value) ? toGeminiJsonSchema(value) : value
    case '$ref':
      return typeof value === 'string' ? value.replace(/^#\/definitions\//, '#/$defs/') : value
    default:
      return value
  }
}

/** In JSON Schema `true` allows every value, and `false` allows none. */
function childOf(child: unknown): unknown {
  if (isJsonObject(child)) return toGeminiJsonSchema(child)
  if (child === true) return {}
  return child === false ? { description: '(never there)' } : child
}

/** The same schema in the keywords that Gemini reads, as far as they can express it. */
function rewriteKeywords(schema: JsonObject): JsonObject {
  const {
    const: only,
    oneOf,
    allOf,
    definitions,
    patternProperties,
    items,
    additionalItems,
    nullable,
    ...rest
  } = schema
  const plain: Record<string, unknown> = rest
  if (only !== undefined) plain.enum = [only]
  if (nullable === true && typeof plain.type === 'string') plain.type = [plain.type, 'null']
  // Gemini treats `oneOf` as `anyOf`, and reads only one of them.
  if (oneOf !== undefined) plain[plain.anyOf === undefined ? 'anyOf' : 'oneOf'] = oneOf
  if (isJsonObject(definitions)) plain.$defs = { ...definitions, ...(isJsonObject(plain.$defs) ? plain.$defs : {}) }
  if (Array.isArray(items)) {
    plain.prefixItems = items
    if (additionalItems !== undefined) plain.items = additionalItems
  } else if (items !== undefined) plain.items = items
  if (isJsonObject(patternProperties)) setPatterns(plain, patternProperties)
  if (Array.isArray(allOf)) mergeAll(plain, allOf)
  return plain
}

/** Schemas for names of a pattern become the schema for all other names, if that has none; the description has the patterns. */
function setPatterns(plain: Record<string, unknown>, patterns: JsonObject): void {
  const schemas = Object.values(patterns)
  if (schemas.length === 0) return
  plain[NAMES_MATCH] = Object.keys(patterns)
  if (isJsonObject(plain.additionalProperties) || plain.additionalProperties === true) return
  plain.additionalProperties = schemas.length === 1 && isJsonObject(schemas[0]) ? schemas[0] : { anyOf: schemas }
}

/** Merges the branches of `allOf` into the schema where they do not overlap; the description has the others. */
function mergeAll(plain: Record<string, unknown>, branches: readonly unknown[]): void {
  const properties = new Map(isJsonObject(plain.properties) ? Object.entries(plain.properties) : [])
  const required = new Set<unknown>(Array.isArray(plain.required) ? plain.required : [])
  const unmerged: unknown[] = []
  for (const branch of branches) {
    if (!isJsonObject(branch)) continue
    if (typeof branch.$ref === 'string' && plain.anyOf === undefined) {
      // `anyOf` of one branch means the same, and unlike a reference it may stand beside other keywords.
      plain.anyOf = [branch]
      continue
    }
    const { properties: own, required: needed, description, title, ...others } = rewriteKeywords(branch)
    const members = isJsonObject(own) ? Object.entries(own) : []
    const isNew = ([name, value]: readonly [string, unknown]) =>
      !name.startsWith('$') && (plain[name] === undefined || (name === 'type' && plain.type === value))
    if (!Object.entries(others).every(isNew) || members.some(([name]) => properties.has(name))) {
      unmerged.push(branch)
      continue
    }
    Object.assign(plain, others)
    plain.description ??= description
    plain.title ??= title
    for (const [name, child] of members) properties.set(name, child)
    for (const name of Array.isArray(needed) ? needed : []) required.add(name)
  }
  if (properties.size > 0) plain.properties = Object.fromEntries(properties)
  if (required.size > 0) plain.required = [...required]
  if (unmerged.length > 0) plain.allOf = unmerged
}
