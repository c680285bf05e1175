import { createBoundedCounter, MAX_ANNOTATIONS, malformedAnswer } from '../shared/answer-bounds.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, toText } from '../shared/fields.ts'
import type { ByteOffsets } from './byte-offsets.ts'

/** No web page has a longer address. */
const MAX_URL_CHARACTERS = 8192
const MAX_TITLE_CHARACTERS = 1000

/** Reads the grounding of one candidate. Streams repeat it while it grows; each citation is given once. */
export type GroundingReader = (metadata: JsonObject, text: ByteOffsets) => JsonObject[]

interface Page {
  /** Identifies the page in less memory than its address takes. */
  readonly number: number
  readonly url: string
  readonly title: string
}

/**
 * Search grounding as OpenAI's url citations. Google counts a segment in bytes of UTF-8; OpenAI counts characters
 * (translation 2.3).
 * @throws Failure for more citations than any answer has.
 */
export function createGroundingReader(): GroundingReader {
  const count = createBoundedCounter(MAX_ANNOTATIONS, 'citations')
  const numbers = new Map<string, number>()
  const given = new Set<string>()

  const pageOf = ({ web }: JsonObject): Page | undefined => {
    const url = isJsonObject(web) ? toText(web.uri) : undefined
    if (!isJsonObject(web) || url === undefined || url.length > MAX_URL_CHARACTERS) return undefined
    const title = (toText(web.title) ?? '').slice(0, MAX_TITLE_CHARACTERS)
    const pageKey = `${url} ${title}`
    const number = numbers.get(pageKey) ?? numbers.size
    if (number > MAX_ANNOTATIONS) throw tooMany()
    numbers.set(pageKey, number)
    return { number, url, title }
  }

  return (metadata, text) => {
    const annotations: JsonObject[] = []
    const supports = jsonObjectsIn(metadata.groundingSupports)
    if (supports.length === 0) return annotations
    const pages = jsonObjectsIn(metadata.groundingChunks).map(pageOf)
    let indexCount = 0
    for (const support of supports) {
      const segment = isJsonObject(support.segment) ? support.segment : {}
      const indices = Array.isArray(support.groundingChunkIndices) ? support.groundingChunkIndices : []
      indexCount += indices.length
      if (indexCount > MAX_ANNOTATIONS) throw tooMany()
      const range = { start_index: text.characterAt(segment.startIndex), end_index: text.characterAt(segment.endIndex) }
      for (const index of indices) {
        const page = pages[Number(index)]
        if (page === undefined) continue
        const key = `${page.number} ${range.start_index} ${range.end_index}`
        if (given.has(key)) continue
        count()
        given.add(key)
        annotations.push({ type: 'url_citation', url_citation: { url: page.url, title: page.title, ...range } })
      }
    }
    return annotations
  }
}

function tooMany() {
  return malformedAnswer(`it has more than ${MAX_ANNOTATIONS} citations`)
}
