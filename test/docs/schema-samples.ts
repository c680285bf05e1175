import type { JsonSchema } from '../../src/cli/openapi/json-schema.ts'

/** Finds a schema of the document by `$ref`. */
export type Resolve = (ref: string) => JsonSchema

type Fields = Readonly<Record<string, unknown>>

/** Values that a schema takes: each kind of value at each place once, as far as its keywords tell. */
export function samplesOf(schema: JsonSchema, resolve: Resolve): readonly unknown[] {
  const { $ref, anyOf, enum: values, type } = schema
  if (typeof $ref === 'string') return samplesOf(resolve($ref), resolve)
  if ('const' in schema) return [schema.const]
  if (Array.isArray(values)) return values
  if (Array.isArray(anyOf) && schema.properties === undefined) {
    return (anyOf as JsonSchema[]).flatMap((one) => samplesOf(one, resolve))
  }
  const types: readonly unknown[] = Array.isArray(type) ? type : [type]
  return types.flatMap((one) => samplesOfType(one, schema, resolve))
}

function samplesOfType(type: unknown, schema: JsonSchema, resolve: Resolve): readonly unknown[] {
  const { items, minimum = 1, format } = schema
  switch (type) {
    case 'string':
      return [format === 'date-time' ? '2099-01-01T00:00:00Z' : 'sample']
    case 'integer':
    case 'number':
      return [minimum]
    case 'boolean':
      return [true, false]
    case 'array':
      return samplesOf((items ?? {}) as JsonSchema, resolve).map((one) => [one])
    case 'object':
      return objectsOf(schema, resolve)
    case 'null':
      return [null]
    default:
      return ['anything']
  }
}

/** The least object of each type, and with each of its further members. */
function objectsOf(schema: JsonSchema, resolve: Resolve): readonly Fields[] {
  const { properties = {}, required = [], allOf = [], anyOf, oneOf = [{}], additionalProperties } = schema
  const samples = Object.entries(properties).map(([name, one]) => [name, samplesOf(one, resolve)] as const)
  const firsts = new Map(samples.map(([name, all]) => [name, all.find((one) => one !== null)]))
  const least = (names: readonly string[]): Fields => Object.fromEntries(names.map((name) => [name, firsts.get(name)]))
  const conditions = (allOf as readonly { if: JsonSchema; then: JsonSchema; else?: JsonSchema }[]).flatMap((one) =>
    Object.entries(one.if.properties ?? {}).map(([by, { enum: types }]) => ({
      by,
      types: types as readonly unknown[],
      isUsual: one.if.required === undefined,
      needs: one.then.required ?? [],
      others: one.else?.required ?? [],
    })),
  )
  const completed = (fields: Fields): Fields => {
    const names = conditions.flatMap(({ by, types, isUsual, needs, others }) =>
      types.includes(fields[by]) || (isUsual && !(by in fields)) ? needs : others,
    )
    return { ...least(names), ...fields }
  }
  const ways = (anyOf ?? oneOf) as readonly JsonSchema[]
  const bases = ways.map((way) => least([...required, ...(way.required ?? [])]))
  const typed = conditions.flatMap(({ by, types }) => types.map((type) => ({ ...bases[0], [by]: type })))
  const further = bases.flatMap((base) =>
    samples.flatMap(([name, all]) => all.map((one) => ({ ...base, [name]: one }))),
  )
  const others = typeof additionalProperties === 'object' ? samplesOf(additionalProperties as JsonSchema, resolve) : []
  return [...bases, ...typed, ...further, ...others.map((one) => ({ ...bases[0], other: one }))].map(completed)
}

/** What might stand in the place of any value. */
const OTHERS = ['x', 1.5, true, {}, [], '', -1, 1e12, null]

interface Change {
  /** Where it is, with the types of the objects above it. */
  readonly place: string
  readonly value: unknown
}

/** The same value with something else in each place of it, and without each of its members. */
export function* changesOf(value: unknown, place = ''): Generator<Change> {
  for (const other of OTHERS) yield { place, value: other }
  if (Array.isArray(value)) {
    for (const [at, one] of value.entries()) {
      for (const change of changesOf(one, `${place}[]`)) yield { ...change, value: value.with(at, change.value) }
    }
  } else if (typeof value === 'object' && value !== null) {
    const fields = value as Fields
    const here = `${place}<${fields.type ?? fields.role ?? ''}>`
    for (const [name, member] of Object.entries(fields)) {
      const { [name]: _, ...rest } = fields
      yield { place: `${here}-${name}`, value: rest }
      for (const change of changesOf(member, `${here}.${name}`)) {
        yield { ...change, value: { ...fields, [name]: change.value } }
      }
    }
  }
}
