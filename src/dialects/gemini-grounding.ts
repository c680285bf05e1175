import { type Fields, fieldsOf, isFields, textOf } from './fields.ts'

/**
 * Search grounding as OpenAI's url citations. Google counts a segment in bytes of UTF-8; OpenAI counts characters
 * (translation 2.3).
 */
export function groundingAnnotations(metadata: Fields, text: string): Fields[] {
  const pages = fieldsOf(metadata.groundingChunks).map((chunk) => (isFields(chunk.web) ? chunk.web : undefined))
  const supports = fieldsOf(metadata.groundingSupports)
  if (supports.length === 0) return []
  const characterAt = byteOffsets(text)
  return supports.flatMap((support) => {
    const segment = isFields(support.segment) ? support.segment : {}
    const indices = Array.isArray(support.groundingChunkIndices) ? support.groundingChunkIndices : []
    return indices.flatMap((index) => {
      const page = pages[Number(index)]
      const url = textOf(page?.uri)
      if (url === undefined) return []
      const range = { start_index: characterAt(segment.startIndex), end_index: characterAt(segment.endIndex) }
      return [{ type: 'url_citation', url_citation: { url, title: textOf(page?.title) ?? '', ...range } }]
    })
  })
}

function byteOffsets(text: string): (byte: unknown) => number {
  const bytes = new TextEncoder().encode(text)
  const decoder = new TextDecoder()
  return (byte) => (typeof byte === 'number' ? decoder.decode(bytes.subarray(0, byte)).length : 0)
}
