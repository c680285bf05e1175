import { createBoundedCounter, MAX_ANNOTATIONS, malformedAnswer } from '../shared/answer-bounds.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, toText } from '../shared/fields.ts'
import type { ByteOffsets } from './byte-offsets.ts'

/** No page's address is longer. */
const MAX_URL_CHARACTERS = 8192
const MAX_TITLE_CHARACTERS = 1000

/** Reads the grounding of one candidate, which streams repeat as it grows: what is told once is not told again. */
export type GroundingReader = (metadata: JsonObject, text: ByteOffsets) => JsonObject[]

interface Page {
  /** Tells pages apart for less than their address would take. */
  readonly number: number
  readonly url: string
  readonly title: string
}

/**
 * Search grounding as OpenAI's url citations. Google counts a segment in bytes of UTF-8; OpenAI counts characters
 * (translation 2.3). Throws a Failure for more than any answer has.
 */
export function createGroundingReader(): GroundingReader {
  const count = createBoundedCounter(MAX_ANNOTATIONS, 'citations')
  const numbers = new Map<string, number>()
  const told = new Set<string>()

  const pageOf = ({ web }: JsonObject): Page | undefined => {
    const url = isJsonObject(web) ? toText(web.uri) : undefined
    if (!isJsonObject(web) || url === undefined || url.length > MAX_URL_CHARACTERS) return undefined
    const title = (toText(web.title) ?? '').slice(0, MAX_TITLE_CHARACTERS)
    const name = `${url} ${title}`
    const number = numbers.get(name) ?? numbers.size
    if (number > MAX_ANNOTATIONS) throw tooMany()
    numbers.set(name, number)
    return { number, url, title }
  }

  return (metadata, text) => {
    const annotations: JsonObject[] = []
    const supports = jsonObjectsIn(metadata.groundingSupports)
    if (supports.length === 0) return annotations
    const pages = jsonObjectsIn(metadata.groundingChunks).map(pageOf)
    let looked = 0
    for (const support of supports) {
      const segment = isJsonObject(support.segment) ? support.segment : {}
      const indices = Array.isArray(support.groundingChunkIndices) ? support.groundingChunkIndices : []
      looked += indices.length
      if (looked > MAX_ANNOTATIONS) throw tooMany()
      const range = { start_index: text.characterAt(segment.startIndex), end_index: text.characterAt(segment.endIndex) }
      for (const index of indices) {
        const page = pages[Number(index)]
        if (page === undefined) continue
        const mark = `${page.number} ${range.start_index} ${range.end_index}`
        if (told.has(mark)) continue
        count()
        told.add(mark)
        annotations.push({ type: 'url_citation', url_citation: { url: page.url, title: page.title, ...range } })
      }
    }
    return annotations
  }
}

function tooMany() {
  return malformedAnswer(`it has more than ${MAX_ANNOTATIONS} citations`)
}
