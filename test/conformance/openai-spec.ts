import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { arrayOf, at, type JsonObject, textOf } from './json.ts'

/** Checks values against the schemas of OpenAI's reference. */
export type OpenAiSpec = {
  /** What breaks the schema of that name; nothing where it holds. */
  problems(schema: string, value: unknown): string[]
  /** What breaks the schema of a stream's event, found by the event's type. */
  eventProblems(event: JsonObject): string[]
}

/** Where the wire itself breaks the document: the path of a fault in a value, and why it is none. */
export type SpecException = { readonly schema: RegExp; readonly path: RegExp; readonly why: string }

const REF = '#/components/schemas/'

/** Reads the document at that path; undefined without one. */
export function readOpenAiSpec(file: string | undefined, exceptions: readonly SpecException[]): OpenAiSpec | undefined {
  if (file === undefined || file === '') return undefined
  const document = JSON.parse(readFileSync(file, 'utf8')) as unknown
  const definitions = JSON.parse(
    JSON.stringify(at(document, 'components', 'schemas')).replaceAll(REF, '#/$defs/'),
  ) as JsonObject
  const compiled = new Map<string, z.ZodType>()
  const schemaOf = (name: string) => {
    const known = compiled.get(name)
    if (known !== undefined) return known
    const fresh = z.fromJSONSchema({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $ref: `#/$defs/${name}`,
      $defs: definitions as Record<string, z.core.JSONSchema.JSONSchema>,
    })
    compiled.set(name, fresh)
    return fresh
  }
  const problems = (name: string, value: unknown) => {
    const found = schemaOf(name).safeParse(value)
    if (found.success) return []
    return found.error.issues
      .flatMap((issue) => faults(issue, []))
      .filter(({ path }) => !exceptions.some(({ schema, path: where }) => schema.test(name) && where.test(path)))
      .map(({ path, message }) => `${name} ${path}: ${message}`)
  }
  const events = new Map<string, string>()
  for (const reference of arrayOf(at(definitions, 'ResponseStreamEvent', 'anyOf'))) {
    const name = textOf(at(reference, '$ref')).slice('#/$defs/'.length)
    for (const type of arrayOf(at(definitions, name, 'properties', 'type', 'enum'))) events.set(textOf(type), name)
  }
  return {
    problems,
    eventProblems: (event) => {
      const name = events.get(textOf(event.type))
      return name === undefined ? [] : problems(name, event)
    },
  }
}

type Fault = { path: string; message: string }

/** Of a union, the branch that comes nearest: the one whose first fault lies deepest, or that has the fewest. */
function faults(issue: z.core.$ZodIssue, before: readonly PropertyKey[]): Fault[] {
  const path = [...before, ...issue.path]
  if (issue.code !== 'invalid_union') return [{ path: path.map(String).join('.'), message: issue.message }]
  const branches = issue.errors.filter((branch) => branch.length > 0)
  const rank = (branch: z.core.$ZodIssue[]) => branch.length - 100 * Math.min(...branch.map((one) => one.path.length))
  const wrongTag = (branch: z.core.$ZodIssue[]) =>
    branch.some((one) => one.path.join('.') === 'type' || one.path.length === 0)
  const tagged = branches.filter((branch) => !wrongTag(branch))
  const nearest = (tagged.length > 0 ? tagged : branches).sort((left, right) => rank(left) - rank(right))[0]
  if (nearest === undefined) return [{ path: path.map(String).join('.'), message: issue.message }]
  return nearest.flatMap((one) => faults(one, path))
}
