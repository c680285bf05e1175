import { Failure } from './failure.ts'
import type { Fault, Schema } from './schema.ts'

/**
 * Checks the fields of a body in the order of their schemas.
 * @param required what must be there; other fields may be absent.
 * @throws Failure `missing-parameter` or `invalid-value`, its `param` the path of the first fault.
 */
export function checkFields(
  body: Readonly<Record<string, unknown>>,
  schemas: readonly (readonly [string, Schema<unknown>])[],
  required: ReadonlySet<string>,
): void {
  for (const [name, schema] of schemas) {
    const value = body[name]
    if (value === undefined && !required.has(name)) continue
    const fault = schema(value)
    if (fault !== undefined) throw failureOf({ ...fault, path: [name, ...fault.path] }, body)
  }
}

function failureOf({ path, complaint }: Fault, body: unknown): Failure {
  const param = pathText(path)
  if (valueAt(body, path) === undefined) {
    return new Failure('missing-parameter', `The required parameter '${param}' is missing.`, { param })
  }
  return new Failure('invalid-value', `'${param}' ${complaint}.`, { param })
}

/** A path as OpenAI writes it: `messages[1].content`. */
function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((step, at) => (typeof step === 'number' ? `[${step}]` : `${at > 0 ? '.' : ''}${String(step)}`))
    .join('')
}

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      value === null || value === undefined ? undefined : (value as Record<PropertyKey, unknown>)[step],
    body,
  )
}
