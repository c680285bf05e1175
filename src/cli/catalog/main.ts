import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { z } from 'zod'
import { parseRow } from '../../catalog/row.ts'
import { CliError, readArguments, runProgram, UsageError } from '../arguments.ts'
import type { Catalog } from './build.ts'
import { buildCatalog } from './build.ts'
import { compareModels } from './compare.ts'
import { EMBEDDING_ROWS, embeddingDrafts } from './embeddings.ts'
import { FURTHER_OFFERS, SUCCESSORS } from './rules.ts'
import { type Offer, readSource } from './source.ts'

const USAGE = `npm run catalog -- FILE|URL [--out FILE] [--force]

Makes src/catalog/models.json from models.dev's data (https://models.dev/api.json, or a file of that shape).
  --out FILE  write elsewhere
  --force     write even if more than a fifth of the models would vanish`
const OUT = join(import.meta.dirname, '../../catalog/models.json')
const OPTIONS = { out: { type: 'string', default: OUT }, force: { type: 'boolean', default: false } } as const
const FETCH_TIMEOUT_MS = 60_000
/** A share of all models: to lose more looks like broken data. */
const MAX_LOSS = 0.2

/** The text of the catalogue's file: a line for each row, so that a change of one model changes one line. */
export function formatCatalog(source: string, rows: readonly string[]): string {
  const lines = rows.map((row) => `    ${JSON.stringify(row)}`).join(',\n')
  return `{\n  "source": ${JSON.stringify(source)},\n  "rows": [\n${lines}\n  ]\n}\n`
}

async function updateCatalog(args: readonly string[]): Promise<boolean> {
  const { values, positionals } = readArguments(args, OPTIONS, { words: true })
  const [from] = positionals
  if (!from) throw new UsageError('say where the data is: a file or an address')
  const source = readSource(parseJson(await load(from), from))
  const offers = withFurtherOffers(source.offers)
  const catalog = buildCatalog(offers, SUCCESSORS, embeddingDrafts(EMBEDDING_ROWS))
  const text = formatCatalog(source.name ?? (isUrl(from) ? from : basename(from)), catalog.rows)
  const before = (await previousRows(values.out)).map(parseRow)
  const difference = compareModels(before, catalog.models)
  report(catalog, text)
  for (const provider of source.missingProviders) console.log(`The source has no ${provider}.`)
  for (const { provider, id, reason } of [...source.leftOut, ...catalog.leftOut]) {
    console.log(`left out: ${provider} ${id}: ${reason}`)
  }
  for (const line of difference.lines) console.log(line)
  if (difference.removed > before.length * MAX_LOSS && !values.force) {
    throw new CliError(
      `${difference.removed} of ${before.length} models would vanish; nothing was written (--force writes all the same)`,
    )
  }
  await writeFile(values.out, text)
  return true
}

/** What the source has goes before what is kept here by hand. */
function withFurtherOffers(offers: readonly Offer[]): readonly Offer[] {
  const nameOf = ({ provider, id }: Offer) => `${provider} ${id}`
  const known = new Set(offers.map(nameOf))
  return [...offers, ...FURTHER_OFFERS.filter((offer) => !known.has(nameOf(offer)))]
}

function report({ rows, models, aliases, contested }: Catalog, text: string): void {
  const deployments = models.flatMap((model) => model.deployments)
  const providers = new Set(deployments.map(({ provider }) => provider))
  console.log(
    `${models.length} models, ${deployments.length} deployments at ${providers.size} providers, ${aliases} other names`,
  )
  const bytes = JSON.stringify(rows).length
  console.log(`${text.length} bytes, ${bytes} in the bundle, ${gzipSync(text, { level: 9 }).length} gzipped`)
  for (const name of contested) console.log(`dropped alias: ${name} (two models claim it)`)
}

async function load(from: string): Promise<string> {
  if (!isUrl(from)) return readFile(from, 'utf8').catch(throwUnreadable)
  const response = await fetch(from, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) }).catch(throwUnreadable)
  if (!response.ok) throw new CliError(`${from} answered ${response.status}`)
  return response.text()
}

function throwUnreadable(error: Error): never {
  throw new CliError(`The data cannot be read: ${error.message}`)
}

function isUrl(from: string): boolean {
  return /^https?:\/\//.test(from)
}

async function previousRows(file: string): Promise<readonly string[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{"rows":[]}'
    throw error
  })
  return z.object({ rows: z.array(z.string()) }).parse(parseJson(text, file)).rows
}

function parseJson(text: string, from: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new CliError(`${from} is not JSON: ${error instanceof Error ? error.message : error}`)
  }
}

if (import.meta.main) await runProgram(USAGE, updateCatalog)
