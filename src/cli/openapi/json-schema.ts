/** A schema of JSON Schema 2020-12, as OpenAPI 3.1 has it. */
export interface JsonSchema {
  readonly [keyword: string]: unknown
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
}

export const TEXT: JsonSchema = { type: 'string' }
export const NUMBER: JsonSchema = { type: 'number' }
export const COUNT: JsonSchema = { type: 'integer', minimum: 0 }
export const FLAG: JsonSchema = { type: 'boolean' }
/** An object that Router9 passes on as it is. */
export const MAP: JsonSchema = { type: 'object' }
export const TIME: JsonSchema = { type: 'string', format: 'date-time' }

/** An object that has all of these members, but for those named after them. Others may stand beside them. */
export function object(properties: Readonly<Record<string, JsonSchema>>, ...optional: readonly string[]): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties).filter((name) => !optional.includes(name)) }
}

/** An object with any of these members. */
export function some(properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return { type: 'object', properties }
}

export function list(items: JsonSchema): JsonSchema {
  return { type: 'array', items }
}

export function only(...values: readonly (string | boolean | null)[]): JsonSchema {
  return values.length === 1 ? { const: values[0] } : { enum: values }
}

export function anyOf(...schemas: readonly JsonSchema[]): JsonSchema {
  return { anyOf: schemas }
}

/** The schema, or null. */
export function maybe(schema: JsonSchema): JsonSchema {
  const { type } = schema
  if (schema.enum !== undefined || schema.const !== undefined || schema.$ref !== undefined || type === undefined) {
    return { anyOf: [schema, { type: 'null' }] }
  }
  return { ...schema, type: Array.isArray(type) ? [...type, 'null'] : [type, 'null'] }
}

/** One of the document's schemas, by its name. */
export function ref(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` }
}
