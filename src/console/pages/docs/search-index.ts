import MiniSearch, { type SearchResult } from 'minisearch'

/** A heading that fits what was asked. */
export interface Hit {
  readonly url: string
  readonly title: string
  /** The title of its page. */
  readonly page: string
  /** The text around the first word that fits, in pieces; those that fit are marked. */
  readonly excerpt: readonly { readonly text: string; readonly isMarked: boolean }[]
}

const MAX_HITS = 8
const MAX_QUERY_CHARACTERS = 100

/** Loads the index that the build has made. @throws Error where it cannot be loaded. */
export async function loadSearch(address: string): Promise<(query: string) => readonly Hit[]> {
  const response = await fetch(address)
  if (!response.ok) throw new Error('The index of the search cannot be loaded.')
  const { options, index } = await response.json()
  const search = MiniSearch.loadJSON(index, options)
  return (query) =>
    wholeFirst(search.search(query.slice(0, MAX_QUERY_CHARACTERS)), query)
      .slice(0, MAX_HITS)
      .map(({ url, title, page, text, terms }) => ({ url, title, page, excerpt: excerptOf(text, terms) }))
}

/** Where all of what was asked stands together goes first: `tool_choice` is two words to the index. */
function wholeFirst(hits: readonly SearchResult[], query: string): readonly SearchResult[] {
  const asked = query.trim().toLowerCase()
  const has = ({ title, text }: SearchResult) => `${title} ${text}`.toLowerCase().includes(asked)
  return [...hits.filter(has), ...hits.filter((hit) => !has(hit))]
}

const BEFORE = 30
const LENGTH = 130

function excerptOf(text: string, terms: readonly string[]): Hit['excerpt'] {
  const lower = text.toLowerCase()
  const places = terms.map((term) => lower.indexOf(term)).filter((place) => place >= 0)
  const first = places.length === 0 ? 0 : Math.min(...places)
  const begin = first <= BEFORE ? 0 : text.indexOf(' ', first - BEFORE) + 1
  const shown = text.slice(begin, begin + LENGTH)
  const words = terms.map((term) => term.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|')
  const pieces = words === '' ? [shown] : shown.split(new RegExp(`(${words})`, 'giu'))
  return [
    ...(begin > 0 ? [{ text: '… ', isMarked: false }] : []),
    ...pieces.map((piece, at) => ({ text: piece, isMarked: at % 2 === 1 })),
    ...(begin + LENGTH < text.length ? [{ text: ' …', isMarked: false }] : []),
  ]
}
