import type { Trouble } from './dialect.ts'
import { type Fields, fieldsOf, listOf, rowsOf, textOf } from './json.ts'
import { refusal } from './openai-refusal.ts'

const DEEPEST = 20

/** Why OpenAI cannot keep to this schema strictly, if it cannot. */
export function checkStrictSchema(schema: Fields, path: readonly string[] = []): string | undefined {
  if (path.length > DEEPEST) return undefined
  const context = `In context=(${path.map((step) => `'${step}'`).join(', ')}${path.length === 1 ? ',' : ''}), `
  const properties = fieldsOf(schema.properties) ?? {}
  const isObject = schema.type === 'object' || listOf(schema.type).includes('object')
  if (path.length === 0 && !isObject) {
    return `schema must be a JSON Schema of 'type: "object"', got 'type: "${textOf(schema.type) || 'None'}"'.`
  }
  if (isObject && schema.additionalProperties !== false) {
    return `${context}'additionalProperties' is required to be supplied and to be false.`
  }
  const required = listOf(schema.required)
  const optional = isObject ? Object.keys(properties).find((name) => !required.includes(name)) : undefined
  if (optional !== undefined) {
    return `${context}'required' is required to be supplied and to be an array including every key in properties. Missing '${optional}'.`
  }
  const inner: [string[], Fields][] = [
    ...Object.entries(properties).map(([name, value]): [string[], Fields] => [
      ['properties', name],
      fieldsOf(value) ?? {},
    ]),
    ...(fieldsOf(schema.items) === undefined
      ? []
      : ([[['items'], fieldsOf(schema.items) ?? {}]] as [string[], Fields][])),
    ...rowsOf(schema.anyOf).map((option, at): [string[], Fields] => [['anyOf', String(at)], option]),
    ...Object.entries(fieldsOf(schema.$defs) ?? {}).map(([name, value]): [string[], Fields] => [
      ['$defs', name],
      fieldsOf(value) ?? {},
    ]),
  ]
  for (const [steps, value] of inner) {
    const problem = checkStrictSchema(value, [...path, ...steps])
    if (problem !== undefined) return problem
  }
  return undefined
}

/** The refusal of a value of another type than OpenAI takes there. */
export function typeError(param: string, expected: string, given: unknown): Trouble {
  const wanted = expected.startsWith('one of') ? expected : `${/^[aeio]/.test(expected) ? 'an' : 'a'} ${expected}`
  const message = `Invalid type for '${param}': expected ${wanted}, but got ${named(given)} instead.`
  return refusal(message, param, 'invalid_type')
}

/** The refusal of a field that OpenAI does not have. */
export function unknownParameter(param: string): Trouble {
  return refusal(`Unknown parameter: '${param}'.`, param, 'unknown_parameter')
}

function named(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
