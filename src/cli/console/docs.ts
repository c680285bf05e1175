import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { ROOT } from '../shared/root.ts'
import { DOC_GROUPS } from './docs-groups.ts'
import { type Document, renderDocument } from './document.ts'

const DOCS = path.join(ROOT, 'src/docs')

/** All documents, in the order of the table of contents. @throws Error where one does not stand in it, or stands there twice. */
export async function readDocuments(): Promise<readonly Document[]> {
  const listed = DOC_GROUPS.flatMap(({ subjects }) => subjects)
  // Its README is for those who write them.
  const files = (await readdir(DOCS)).filter((file) => file.endsWith('.md') && file !== 'README.md')
  const found = files.map((file) => path.basename(file, '.md'))
  if (String(found.toSorted()) !== String(listed.toSorted())) {
    const missing = found.filter((name) => !listed.includes(name)).map((name) => `src/docs/${name}.md`)
    throw new Error(`Each file of src/docs stands once in docs-groups.ts. Not there: ${missing.join(', ') || 'none'}.`)
  }
  return Promise.all(
    listed.map(async (name) => renderDocument(name, await readFile(path.join(DOCS, `${name}.md`), 'utf8'))),
  )
}

/** The table of contents. */
export type Contents = readonly {
  readonly title: string
  readonly subjects: readonly Pick<Document, 'name' | 'title' | 'summary'>[]
}[]

export function contentsOf(documents: readonly Document[]): Contents {
  return DOC_GROUPS.map(({ title, subjects }) => ({
    title,
    subjects: documents
      .filter(({ name }) => subjects.includes(name))
      .map(({ name, title, summary }) => ({ name, title, summary })),
  }))
}
