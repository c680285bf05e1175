import MiniSearch, { type Options } from 'minisearch'
import type { Document } from './document.ts'

const OPTIONS: Options = {
  fields: ['title', 'page', 'text'],
  storeFields: ['title', 'page', 'text', 'url'],
  searchOptions: { boost: { title: 4, page: 2 }, prefix: true, fuzzy: 0.15, combineWith: 'AND' },
}

/** What the search of the documentation loads: an entry for each heading, with the text below it. */
export function searchIndex(documents: readonly Document[]): string {
  const index = new MiniSearch(OPTIONS)
  for (const { name, title: page, sections } of documents) {
    for (const { anchor, title, depth, text } of sections) {
      const url = `/docs/${name}${depth === 1 ? '' : `#${anchor}`}`
      index.add({ id: url, url, page, title, text })
    }
  }
  return JSON.stringify({ options: OPTIONS, index: JSON.stringify(index) })
}
