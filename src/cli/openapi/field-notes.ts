import { readFileSync } from 'node:fs'
import path from 'node:path'
import { ROOT } from '../shared/root.ts'

/** What the tables of a document say of the things in their first column, in Markdown: of fields, parameters, headers, errors. */
export type Notes = ReadonlyMap<string, string>

/**
 * Reads the tables of a document of src/docs whose head begins with this word. A row may be about several names.
 * @param subject the name of the file without `.md`.
 */
export function notesIn(subject: string, head: string): Notes {
  const notes = new Map<string, string>()
  for (const { first, last } of rowsIn(subject, head)) {
    for (const name of namesIn(first)) if (last !== '' && !notes.has(name)) notes.set(name, last)
  }
  return notes
}

/** The names that a cell is about. */
export function namesIn(cell: string): readonly string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
}

/** The first and the last cell of each row of such tables. */
export function rowsIn(subject: string, head: string): readonly { first: string; middle: string; last: string }[] {
  const text = readFileSync(path.join(ROOT, 'src/docs', `${subject}.md`), 'utf8')
  let isMeant = false
  let before = false
  return text.split('\n').flatMap((line) => {
    const cells = cellsOf(line)
    const isFirst = !before
    before = cells.length > 0
    const [first = '', ...others] = cells
    if (isFirst) isMeant = first.startsWith(head)
    if (cells.length === 0 || isFirst || !isMeant || /^-+:?$/.test(first)) return []
    return [{ first, middle: others.slice(0, -1).join(' '), last: withSiteLinks(others.at(-1) ?? '', subject) }]
  })
}

function cellsOf(line: string): readonly string[] {
  if (!line.startsWith('|')) return []
  return line
    .slice(1)
    .replace(/\|\s*$/, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim())
}

/** Links as they are on the pages of the documentation. */
function withSiteLinks(text: string, subject: string): string {
  return text
    .replace(/\]\(([\w-]+)\.md(#[\w-]+)?\)/g, (_, name: string, anchor = '') => `](/docs/${name}${anchor})`)
    .replace(/\]\((#[\w-]+)\)/g, `](/docs/${subject}$1)`)
}
