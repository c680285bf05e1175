import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Result } from './table.ts'

const PAGE = path.resolve(import.meta.dirname, '../../src/docs/clients.md')
const PART = /(<!-- made by `npm run clients -- --write`, do not edit -->\n).*?(<!-- that is all -->)/s

/** Writes the table into the page. @throws Error where the page has lost the marks. */
export async function writePage(table: string, results: readonly Result[]): Promise<void> {
  const page = await readFile(PAGE, 'utf8')
  if (!PART.test(page)) throw new Error('src/docs/clients.md has lost its marks')
  const dates = results.map(({ date }) => date).toSorted()
  const when = dates[0] === dates.at(-1) ? `on ${dates[0]}` : `from ${dates[0]} to ${dates.at(-1)}`
  await writeFile(
    PAGE,
    page.replace(PART, (_, begin, end) => `${begin}\nTried ${when}.\n\n${table}\n\n${end}`),
  )
}
