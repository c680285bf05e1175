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
      if (shape !== undefined) Object.assign(jsonSchema, ofShape(shape))
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

function ofShape({ list, min, max, map, types, otherwise, values }: Shape): JsonSchema {
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
  if (types !== undefined) return ofTypes(types, otherwise)
  return values === undefined ? {} : { enum: [...values] }
}

/** Objects of the known types, and of others. */
function ofTypes(types: NonNullable<Shape['types']>, otherwise?: Schema): JsonSchema {
  const names = Object.keys(types)
  const known = Object.entries(types).map(([name, schema]) => {
    const json = toJsonSchema(schema())
    return withType(json, { const: name })
  })
  const other = otherwise === undefined ? { type: 'object' } : toJsonSchema(otherwise())
  return { anyOf: [...known, withType(other, { type: 'string', not: { enum: names } })] }
}

function withType({ properties, required = [], ...others }: JsonSchema, type: JsonSchema): JsonSchema {
  return {
    ...others,
    properties: { ...properties, type },
    required: [...new Set(['type', ...required])],
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
