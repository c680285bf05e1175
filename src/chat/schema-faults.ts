import type * as z from 'zod/mini'
import { Failure } from './failure.ts'

type Issue = z.core.$ZodIssue
type Schema = z.core.$ZodType & Pick<z.ZodMiniType, 'safeParse'>

/** What a schema's own check says of a member that is not there. */
export const MISSING = 'is missing'

/**
 * Checks the fields of a body in the order of their schemas.
 * @param required what must be there; other fields may be absent.
 * @throws Failure `missing-parameter` or `invalid-value`, its `param` the path of the first fault.
 */
export function checkFields(
  body: Readonly<Record<string, unknown>>,
  schemas: readonly (readonly [string, () => Schema])[],
  required: ReadonlySet<string>,
): void {
  for (const [name, schema] of schemas) {
    const value = body[name]
    if (value === undefined && !required.has(name)) continue
    const result = schema().safeParse(value)
    if (result.success) continue
    const [first] = result.error.issues
    if (first === undefined) throw new Failure('invalid-value', 'The request body is not valid.')
    throw failureOf(deepest(first, [name]), body)
  }
}

/** The fault to tell: in a union that of the branch whose fault is deepest, since that branch was meant. A list that is too long counts too. */
function deepest(issue: Issue, above: PropertyKey[]): { path: PropertyKey[]; issue: Issue } {
  const path = [...above, ...issue.path]
  if (issue.code !== 'invalid_union') return { path, issue }
  const inner = issue.errors
    .flatMap((branch) => branch.slice(0, 1))
    .filter((branch) => branch.path.length > 0 || branch.code === 'too_big')
    .map((branch) => deepest(branch, path))
    .sort((a, b) => b.path.length - a.path.length)[0]
  return inner ?? { path, issue }
}

function failureOf({ path, issue }: { path: PropertyKey[]; issue: Issue }, body: unknown): Failure {
  const param = pathText(path)
  if (valueAt(body, path) === undefined) {
    return new Failure('missing-parameter', `The required parameter '${param}' is missing.`, { param })
  }
  return new Failure('invalid-value', `'${param}' ${complaint(issue)}.`, { param })
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

const KINDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  record: 'an object',
}

function complaint(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${KINDS[issue.expected] ?? issue.expected}`
    case 'too_small':
      return issue.origin === 'array' || issue.origin === 'string'
        ? 'must not be empty'
        : `must be at least ${issue.minimum}`
    case 'too_big':
      return issue.origin === 'array' ? `must hold at most ${issue.maximum}` : `must be at most ${issue.maximum}`
    case 'invalid_value':
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`.replace(/, ([^,]*)$/, ' or $1')
    default:
      return issue.message === MISSING ? 'must not be null' : issue.message
  }
}
