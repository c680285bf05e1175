import * as z from 'zod/mini'

/**
 * Parts of a schema whose check ends at the first fault: zod's own gather every fault of a list, and only one is told. A
 * caller's list of a million faults would cost hundreds of megabytes.
 */

interface Bounds {
  readonly least?: number
  readonly most?: number
}

/** An array of so many elements; how many is found out before any is looked at. */
export function boundedList<Output>(element: () => z.core.$ZodType<Output>, { least = 0, most }: Bounds = {}) {
  return z.custom<Output[]>().check(({ value, issues }) => {
    if (!Array.isArray(value)) {
      issues.push({ code: 'invalid_type', expected: 'array', input: value })
    } else if (value.length < least) {
      issues.push({ code: 'too_small', origin: 'array', minimum: least, input: value })
    } else if (most !== undefined && value.length > most) {
      issues.push({ code: 'too_big', origin: 'array', maximum: most, input: value })
    } else {
      issues.push(...firstFault(element, value, value.keys()))
    }
  })
}

/** An object used as a map: any names, each with a value of this kind. */
export function mapOf<Output>(element: () => z.core.$ZodType<Output>) {
  return z.custom<Record<string, Output>>().check(({ value, issues }) => {
    if (!isRecord(value)) {
      issues.push({ code: 'invalid_type', expected: 'record', input: value })
    } else {
      issues.push(...firstFault(element, value, Object.keys(value)))
    }
  })
}

/** An object of whatever. */
export function anyMap() {
  return z.custom<Record<string, unknown>>().check(({ value, issues }) => {
    if (!isRecord(value)) issues.push({ code: 'invalid_type', expected: 'record', input: value })
  })
}

/**
 * An object of which the named members are checked. Others pass, as with `z.looseObject`, whose type this has; but that
 * would look at each of them, and make a copy.
 */
export const openObject = z.object as unknown as typeof z.looseObject

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value)
}

/** The first fault, told where it is; nothing where there is none. */
function firstFault<Output>(
  element: () => z.core.$ZodType<Output>,
  whole: Readonly<Record<PropertyKey, unknown>> | readonly unknown[],
  steps: Iterable<PropertyKey>,
): z.core.$ZodRawIssue[] {
  let schema: z.core.$ZodType<Output> | undefined
  for (const step of steps) {
    const input = (whole as Readonly<Record<PropertyKey, unknown>>)[step]
    // Made when a request first has an element.
    schema ??= element()
    const [first] = z.safeParse(schema, input).error?.issues ?? []
    if (first !== undefined) return [{ ...first, path: [step, ...first.path], input } as z.core.$ZodRawIssue]
  }
  return []
}
