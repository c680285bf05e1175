import * as z from 'zod/mini'
import { MISSING } from './schema-faults.ts'

/**
 * Parts of a schema whose check ends at the first fault. Zod's own parts collect every fault, but the client is told one: a
 * list with a million faults would cost hundreds of megabytes.
 */

/** Makes a part of the schema when a request first needs it, so that an isolate's first request does not wait for all parts. */
export function once<Schema>(make: () => Schema): () => Schema {
  let made: Schema | undefined
  return () => {
    made ??= make()
    return made
  }
}

/** What a part takes that has a check of its own, which zod cannot describe. */
export interface Shape {
  readonly list?: () => z.core.$ZodType
  readonly min?: number | undefined
  readonly max?: number | undefined
  /** The values of an object with any names; null where they may be anything. */
  readonly map?: (() => z.core.$ZodType) | null
  /** An object of one of these types; one of another type has `otherwise`. */
  readonly types?: Readonly<Record<string, () => z.core.$ZodType>>
  readonly otherwise?: () => z.core.$ZodType
  readonly values?: Iterable<string>
  readonly needs?: Needs
  /** What objects of other types need. */
  readonly others?: readonly string[] | undefined
  /** The member that says which type it is, and what stands for it where it is absent. */
  readonly by?: string
  readonly usual?: string | undefined
  /** Members one of which must be there. */
  readonly oneOf?: readonly string[]
}

/** Members that an object must have, by its type. */
type Needs = Readonly<Record<string, readonly string[]>>

const shapes = new WeakMap<object, Shape>()

/** Notes what a part takes, for the published description of the API. */
export function shaped<Schema extends object>(schema: Schema, shape: Shape): Schema {
  shapes.set(schema, shape)
  return schema
}

export function shapeOf(schema: object): Shape | undefined {
  return shapes.get(schema)
}

interface Bounds {
  readonly min?: number
  readonly max?: number
}

interface ListBounds extends Bounds {
  /** Says true of elements that the schema takes without doubt, so that it need not be asked: it costs fifty times as much. */
  readonly isPlain?: (element: unknown) => boolean
}

/** An array with a bounded number of elements. The number is checked before any element is. */
export function boundedList<Output>(
  element: () => z.core.$ZodType<Output>,
  { min = 0, max, isPlain }: ListBounds = {},
) {
  const schema = z.custom<Output[]>().check(({ value, issues }) => {
    if (!Array.isArray(value)) {
      issues.push({ code: 'invalid_type', expected: 'array', input: value })
    } else if (value.length < min) {
      issues.push({ code: 'too_small', origin: 'array', minimum: min, input: value })
    } else if (max !== undefined && value.length > max) {
      issues.push({ code: 'too_big', origin: 'array', maximum: max, input: value })
    } else {
      issues.push(...firstFault(element, value, value.keys(), isPlain))
    }
  })
  return shaped(schema, { list: element, min, max })
}

/** An object with any names, whose values have one schema. */
export function mapOf<Output>(element: () => z.core.$ZodType<Output>) {
  const schema = z.custom<Record<string, Output>>().check(({ value, issues }) => {
    if (!isRecord(value)) {
      issues.push({ code: 'invalid_type', expected: 'record', input: value })
    } else {
      issues.push(...firstFault(element, value, Object.keys(value)))
    }
  })
  return shaped(schema, { map: element })
}

/** The same object, which must have further members, by its type. What is null is not there. */
export function needing<Schema extends z.ZodMiniType>(
  schema: Schema,
  needs: Needs,
  { by = 'type', usual, others }: Pick<Shape, 'by' | 'usual' | 'others'> = {},
): Schema {
  // It runs for each part of each message: no closure is made there.
  const needsOf: Partial<Needs> = Object.assign(Object.create(null), needs)
  const check = ({ value, issues }: { value: Readonly<Record<string, unknown>>; issues: z.core.$ZodRawIssue[] }) => {
    const names = needsOf[(value[by] ?? usual) as string] ?? others
    if (names === undefined) return
    for (const name of names) {
      if (value[name] == null) issues.push({ code: 'custom', input: undefined, path: [name], message: MISSING })
    }
  }
  return shaped(schema.check(check as Parameters<Schema['check']>[0]), { needs, by, usual, others })
}

/** An object with any content. */
export function anyMap() {
  const schema = z.custom<Record<string, unknown>>().check(({ value, issues }) => {
    if (!isRecord(value)) issues.push({ code: 'invalid_type', expected: 'record', input: value })
  })
  return shaped(schema, { map: null })
}

/**
 * An object whose named members are checked, while others pass. That is `z.looseObject`, and this has its type, but
 * `z.looseObject` looks at every member and makes a copy.
 */
export const openObject = z.object as unknown as typeof z.looseObject

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value)
}

/** The first fault with its path; an empty list where there is none. */
function firstFault<Output>(
  element: () => z.core.$ZodType<Output>,
  whole: Readonly<Record<PropertyKey, unknown>> | readonly unknown[],
  steps: Iterable<PropertyKey>,
  isPlain?: (element: unknown) => boolean,
): z.core.$ZodRawIssue[] {
  let schema: z.core.$ZodType<Output> | undefined
  for (const step of steps) {
    const input = (whole as Readonly<Record<PropertyKey, unknown>>)[step]
    if (isPlain?.(input) === true) continue
    // Only a request that has an element needs the schema.
    schema ??= element()
    const [first] = z.safeParse(schema, input).error?.issues ?? []
    if (first !== undefined) return [{ ...first, path: [step, ...first.path], input } as z.core.$ZodRawIssue]
  }
  return []
}
