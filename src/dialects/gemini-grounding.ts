import { MAX_ANNOTATIONS, malformed } from './answer-bounds.ts'
import type { ByteOffsets } from './byte-offsets.ts'
import { type Fields, fieldsOf, isFields, textOf } from './fields.ts'

/**
 * Search grounding as OpenAI's url citations. Google counts a segment in bytes of UTF-8; OpenAI counts characters
 * (translation 2.3).
 * @throws Failure for more than any answer has.
 */
export function groundingAnnotations(metadata: Fields, text: ByteOffsets): Fields[] {
  const annotations: Fields[] = []
  const supports = fieldsOf(metadata.groundingSupports)
  if (supports.length === 0) return annotations
  const pages = fieldsOf(metadata.groundingChunks).map((chunk) => (isFields(chunk.web) ? chunk.web : undefined))
  for (const support of supports) {
    const segment = isFields(support.segment) ? support.segment : {}
    const indices = Array.isArray(support.groundingChunkIndices) ? support.groundingChunkIndices : []
    if (annotations.length + indices.length > MAX_ANNOTATIONS)
      throw malformed(`it has more than ${MAX_ANNOTATIONS} citations`)
    const range = { start_index: text.characterAt(segment.startIndex), end_index: text.characterAt(segment.endIndex) }
    for (const index of indices) {
      const page = pages[Number(index)]
      const url = textOf(page?.uri)
      if (url === undefined) continue
      annotations.push({ type: 'url_citation', url_citation: { url, title: textOf(page?.title) ?? '', ...range } })
    }
  }
  return annotations
}
