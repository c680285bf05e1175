import type { Row } from './row.ts'
import { expandUpstreamId } from './row.ts'

// Written with indexOf and plain loops: this runs once in a new isolate, before the code is optimized, where destructuring
// an array costs about ten times as much.

/** From a normalized name to a claim; see indexNames. */
export type NameIndex = ReadonlyMap<string, number>

const DOT_IN_VERSION = /(?<=\d)\.(?=\d)/g
const MONTH = '(?:0[1-9]|1[0-2])'
const DAY = '(?:0[1-9]|[12]\\d|3[01])'
const DATES = [
  `20\\d\\d-?${MONTH}-?${DAY}`,
  `20\\d\\d-${MONTH}`,
  `${MONTH}-?${DAY}`,
  `2\\d${MONTH}`,
  `${MONTH}-20\\d\\d`,
  '00\\d',
]
const DATED = new RegExp(`(?:-preview)?[-@](?:${DATES.join('|')}|latest)(?:-preview)?$`)

/** Providers that offer other providers' models as `maker/name`: a direct provider's name goes before theirs. */
export const RESELLERS: ReadonlySet<string> = new Set(['openrouter'])

/** One spelling for names that differ in case, or in `4.5` against `4-5`. */
export function normalizeName(name: string): string {
  const lower = name.toLowerCase()
  return lower.includes('.') ? lower.replace(DOT_IN_VERSION, '-') : lower
}

/** The name without its date (`-2024-08-06`, `-20250929`, `-0613`, `-2512`, `-08-2024`, `-001`) or `-latest`; itself if it has none. */
export function withoutDate(name: string): string {
  return name.replace(DATED, '')
}

/** The part of an upstream id that names the model: `@cf/meta/llama-3` gives `llama-3`. */
export function lastSegment(upstream: string): string {
  return upstream.slice(upstream.lastIndexOf('/') + 1)
}

/** Steps to another folder, control characters, and percent escapes, which a later server may decode into such steps. */
const UNSAFE_IN_PATH = /(?:^|[/\\])\.{1,2}(?:$|[/\\])|%[0-9a-f]{2}|\p{Cc}/iu

/** Whether a model's name may become a segment of a URL's path. */
export function isPathStep(name: string): boolean {
  return name !== '' && name.isWellFormed() && !UNSAFE_IN_PATH.test(name)
}

/** From public ids, the names that most requests use, to rows. */
export function indexIds(rows: readonly Row[]): ReadonlyMap<string, number> {
  const ids = new Map<string, number>()
  for (let row = 0; row < rows.length; row++) ids.set(idOfRow(rows[row] ?? ''), row)
  return ids
}

// A claim is one number: the row, and in its last two bits the precedence. A lower precedence wins.
const BY_ID = 0
const BY_ALIAS = 1
const BY_DIRECT_PROVIDER = 2
const BY_RESELLER = 3
const CONTESTED = 1 << 20

/**
 * Every name in the rows. A public id wins over an alias, an alias over a provider's own id, a direct provider over a
 * reseller; a name that two models claim with the same precedence leads to none.
 */
export function indexNames(rows: readonly Row[]): NameIndex {
  const names = new Map<string, number>()
  for (let row = 0; row < rows.length; row++) {
    const parts = (rows[row] ?? '').split('|')
    const id = parts[0] ?? ''
    claim(names, normalizeName(id), row, BY_ID)
    const aliases = parts[3]
    if (aliases) for (const alias of aliases.split(',')) claim(names, normalizeName(alias), row, BY_ALIAS)
    // A model has an id of the form `maker/name` because its name alone means another model.
    const isQualified = id.includes('/')
    for (let part = 4; part < parts.length; part++) {
      const deployment = parts[part] ?? ''
      const space = deployment.indexOf(' ')
      const precedence = RESELLERS.has(deployment.slice(0, space)) ? BY_RESELLER : BY_DIRECT_PROVIDER
      const upstream = deployment.slice(space + 1, deployment.indexOf(' ', space + 1))
      if (upstream === '=') continue
      const name = normalizeName(expandUpstreamId(upstream, id))
      claim(names, name, row, precedence)
      if (!isQualified && name.includes('/')) claim(names, lastSegment(name), row, precedence)
    }
  }
  return names
}

function claim(names: Map<string, number>, name: string, row: number, precedence: number): void {
  const claimed = names.get(name)
  if (claimed === undefined || (claimed & 3) > precedence) names.set(name, (row << 2) | precedence)
  else if ((claimed & 3) === precedence && claimed >> 2 !== row) names.set(name, (CONTESTED << 2) | precedence)
}

/** The names that two models claim. */
export function contestedNames(names: NameIndex): string[] {
  return [...names].filter(([, claimed]) => claimed >> 2 === CONTESTED).map(([name]) => name)
}

/** The row that a normalized name leads to. */
export function findRow(names: NameIndex, normalized: string): number | undefined {
  const claimed = names.get(normalized)
  return claimed === undefined || claimed >> 2 === CONTESTED ? undefined : claimed >> 2
}

/** From a provider's own ids, in lower case, to rows. */
export function indexProviderIds(rows: readonly Row[], provider: string): ReadonlyMap<string, number> {
  const ids = new Map<string, number>()
  const start = `|${provider} `
  for (let row = 0; row < rows.length; row++) {
    const text = rows[row] ?? ''
    const found = text.indexOf(start)
    if (found < 0) continue
    const from = found + start.length
    ids.set(expandUpstreamId(text.slice(from, text.indexOf(' ', from)), idOfRow(text)).toLowerCase(), row)
  }
  return ids
}

/** The makers that providers write before an owner's models (`meta-llama` for `meta`), each as `maker/owner`. */
export function indexMakers(rows: readonly Row[]): ReadonlySet<string> {
  const makers = new Set<string>()
  for (const text of rows) {
    const parts = text.split('|')
    const owner = parts[1] ?? ''
    makers.add(`${owner}/${owner}`)
    for (const deployment of parts.slice(4)) {
      const upstream = deployment.split(' ', 2)[1] ?? ''
      const slash = upstream.lastIndexOf('/')
      if (slash > 0) makers.add(`${upstream.slice(0, slash).toLowerCase()}/${owner}`)
    }
  }
  return makers
}

/** The owner of the row's model. */
export function ownerOfRow(row: Row): string {
  return row.split('|', 2)[1] ?? ''
}

function idOfRow(row: Row): string {
  return row.slice(0, row.indexOf('|'))
}
