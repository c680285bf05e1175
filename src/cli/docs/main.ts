import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { clientParametersPart } from './client-parameters.ts'
import { dataPointsPart } from './data-points.ts'
import { embeddingModelsPart } from './embedding-models.ts'
import { parametersPart } from './parameters.ts'

/** Writes the generated parts of the documentation: `npm run docs`. */

export const DOCS = path.resolve(import.meta.dirname, '../../docs')

/** Each part by the name that its marks have. */
export const PARTS: Readonly<Record<string, () => string>> = {
  'data-points': dataPointsPart,
  'client-parameters': clientParametersPart,
  'embedding-models': embeddingModelsPart,
  parameters: parametersPart,
}

const MARKED = /^(<!-- begin ([\w-]+): .* -->)\n.*?^(<!-- end \2 -->)$/gms

/**
 * A document with its generated parts made again.
 * @throws Error where a mark names no part, or a part has lost one of its two marks.
 */
export function withGeneratedParts(document: string): string {
  const marks = document.match(/^<!-- (begin|end) /gm) ?? []
  if (marks.length !== 2 * partsOf(document).length) throw new Error('a generated part has lost one of its marks')
  return document.replace(MARKED, (_, begin: string, name: string, end: string) => {
    const part = PARTS[name]
    if (part === undefined) throw new Error(`there is no generated part '${name}'`)
    return `${begin}\n\n${part()}\n\n${end}`
  })
}

/** The names of a document's generated parts. */
export function partsOf(document: string): string[] {
  return [...document.matchAll(MARKED)].map(([, , name = '']) => name)
}

if (import.meta.main) {
  for (const name of readdirSync(DOCS)) {
    const file = path.join(DOCS, name)
    const before = readFileSync(file, 'utf8')
    const after = withGeneratedParts(before)
    if (after !== before) writeFileSync(file, after)
  }
}
