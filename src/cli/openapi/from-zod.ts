import * as z from 'zod/mini'
import { type Shape, shapeOf } from '../../chat/schema-parts.ts'
import type { JsonSchema } from './json-schema.ts'

type Schema = () => z.core.$ZodType

/** What a zod schema takes, with what its parts have noted about checks of their own. */
function toJsonSchema(schema: z.core.$ZodType): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const shape = shapeOf(zodSchema)
      if (shape !== undefined) Object.assign(jsonSchema, ofShape(shape, jsonSchema as JsonSchema))
      withoutUsualBounds(jsonSchema)
      joinNull(jsonSchema)
    },
  })
  return json as JsonSchema
}

/** The fields of a body. @param names those of them that are meant; all if absent. */
export function fieldsOf(
  schemas: Iterable<readonly [string, Schema]>,
  names?: readonly string[],
): Record<string, JsonSchema> {
  const chosen = [...schemas].filter(([name]) => names === undefined || names.includes(name))
  return Object.fromEntries(chosen.map(([name, schema]) => [name, toJsonSchema(schema())]))
}

function ofShape(shape: Shape, json: JsonSchema): JsonSchema {
  const { list, min, max, map, types, values, oneOf } = shape
  if (list !== undefined) {
    return {
      type: 'array',
      items: toJsonSchema(list()),
      ...(min ? { minItems: min } : {}),
      ...(max === undefined ? {} : { maxItems: max }),
    }
  }
  if (map !== undefined)
    return { type: 'object', ...(map === null ? {} : { additionalProperties: toJsonSchema(map()) }) }
  if (types !== undefined) return ofTypes(shape, types)
  if (values !== undefined) return { enum: [...values] }
  if (oneOf !== undefined) return { anyOf: oneOf.map((name) => ({ required: [name], ...notNull([name], json) })) }
  return ofNeeds(shape, json)
}

/** What an object must have where it is of one of these types. */
function ofNeeds({ needs = {}, others, by = 'type', usual }: Shape, json: JsonSchema): JsonSchema {
  const must = (names: readonly string[]) => ({ required: names, ...notNull(names, json) })
  const byNeed = Map.groupBy(Object.entries(needs), ([, names]) => names.join())
  const allOf = [...byNeed.values()].map((entries) => {
    const types: (string | null)[] = entries.map(([type]) => type)
    const isUsual = usual !== undefined && types.includes(usual)
    return {
      // Without the member, only what stands for it is meant.
      if: {
        properties: { [by]: { enum: isUsual ? [...types, null] : types } },
        ...(isUsual ? {} : { required: [by] }),
      },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own word.
      then: must(entries[0]?.[1] ?? []),
      ...(others === undefined ? {} : { else: must(others) }),
    }
  })
  return { allOf }
}

/** What is null is not there, where a member may be null. */
function notNull(names: readonly string[], { properties = {} }: JsonSchema): JsonSchema {
  const may = names.filter((name) => JSON.stringify(properties[name]).includes('"null"'))
  return may.length === 0
    ? {}
    : { properties: Object.fromEntries(may.map((name) => [name, { not: { type: 'null' } }])) }
}

/** Objects of the known types, and of others. */
function ofTypes({ otherwise, usual }: Shape, types: NonNullable<Shape['types']>): JsonSchema {
  const known = Object.entries(types).map(([name, schema]) =>
    withType(toJsonSchema(schema()), { const: name }, name === usual),
  )
  const other = otherwise === undefined ? { type: 'object' } : toJsonSchema(otherwise())
  return { anyOf: [...known, withType(other, { type: 'string', not: { enum: Object.keys(types) } })] }
}

function withType({ properties, required = [], ...others }: JsonSchema, type: JsonSchema, mayLack = false): JsonSchema {
  return {
    ...others,
    properties: { ...properties, type },
    required: [...new Set([...(mayLack ? [] : ['type']), ...required])],
  }
}

/** JavaScript's own bounds of whole numbers tell nobody anything, nor does the pattern of a format. */
function withoutUsualBounds(json: Record<string, unknown>): void {
  if (json.format !== undefined) delete json.pattern
  if (json.minimum === Number.MIN_SAFE_INTEGER) delete json.minimum
  if (json.maximum === Number.MAX_SAFE_INTEGER) delete json.maximum
}

/** `anyOf` with one schema and null becomes that schema with a further type: forms and readers have less to look through. */
function joinNull(json: Record<string, unknown>): void {
  const { anyOf } = json
  if (!Array.isArray(anyOf) || anyOf.length !== 2 || anyOf[1]?.type !== 'null') return
  const [schema] = anyOf as [JsonSchema]
  if (typeof schema.type !== 'string' || schema.const !== undefined) return
  delete json.anyOf
  Object.assign(json, schema, { type: [schema.type, 'null'] })
  if (Array.isArray(schema.enum)) json.enum = [...schema.enum, null]
}
