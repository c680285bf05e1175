import { type Fields, fieldsOf } from './json.ts'

const KEYWORDS =
  '$schema $id $defs $ref $anchor type format title description enum items prefixItems minItems maxItems minimum maximum anyOf oneOf properties additionalProperties required propertyOrdering default minLength maxLength pattern'.split(
    ' ',
  )
const BESIDE_REFERENCE = ['description', 'default']

/** What is wrong with a JSON Schema for Gemini: it reads the keywords that its reference names, and
 * those that clients were seen to send without harm. */
export function checkJsonSchema(schema: unknown, path: string): string | undefined {
  const fields = fieldsOf(schema)
  if (fields === undefined) return `Invalid value at '${path}': not a schema.`
  const unknown = Object.keys(fields).find((name) => !KEYWORDS.includes(name))
  if (unknown !== undefined) return `Unknown keyword "${unknown}" at '${path}'.`
  if (fields.anyOf !== undefined && fields.oneOf !== undefined) return `'${path}' sets both anyOf and oneOf.`
  const beside = Object.keys(fields).find((name) => !name.startsWith('$') && !BESIDE_REFERENCE.includes(name))
  if (fields.$ref !== undefined && beside !== undefined) {
    return `$ref '${String(fields.$ref)}' was set alongside unsupported fields. If a schema node has $ref set, then only description and default can be set alongside it`
  }
  for (const [place, child] of childrenOf(fields)) {
    const problem = checkJsonSchema(child, `${path}.${place}`)
    if (problem !== undefined) return problem
  }
  return undefined
}

function childrenOf(schema: Fields): [string, unknown][] {
  const named = ['properties', '$defs'].flatMap((keyword) =>
    Object.entries(fieldsOf(schema[keyword]) ?? {}).map(([name, child]): [string, unknown] => [name, child]),
  )
  const listed = ['anyOf', 'oneOf', 'prefixItems'].flatMap((keyword) => {
    const list = schema[keyword]
    return Array.isArray(list) ? list.map((child, at): [string, unknown] => [`${keyword}.${at}`, child]) : []
  })
  const single = ['items', 'additionalProperties'].flatMap((keyword): [string, unknown][] => {
    const child = schema[keyword]
    return child === undefined || typeof child === 'boolean' ? [] : [[keyword, child]]
  })
  return [...named, ...listed, ...single]
}
