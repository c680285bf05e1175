import { expect, test } from 'vitest'
import { createByteOffsets } from '../../src/dialects/byte-offsets.ts'
import { groundingAnnotations as annotationsOf } from '../../src/dialects/gemini-grounding.ts'
import type { Json } from './asking.ts'

function groundingAnnotations(metadata: Json, text: string) {
  const offsets = createByteOffsets(1_000_000)
  offsets.add(text)
  return annotationsOf(metadata, offsets)
}

const groundingChunks = [
  { web: { uri: 'https://a.example/', title: 'A' } },
  { web: { uri: 'https://b.example/' } },
  { image: {} },
]
const support = (segment: unknown, ...groundingChunkIndices: number[]) => ({ segment, groundingChunkIndices })
const citation = (url: string, title: string, start_index: number, end_index: number) => ({
  type: 'url_citation',
  url_citation: { url, title, start_index, end_index },
})

test('segments in bytes become positions in characters', () => {
  const text = '你好🙂 é!'
  const groundingSupports = [support({ startIndex: 6, endIndex: 10 }, 0), support({ endIndex: 13 }, 1)]
  expect(groundingAnnotations({ groundingChunks, groundingSupports }, text)).toEqual([
    citation('https://a.example/', 'A', 2, 4),
    citation('https://b.example/', '', 0, 6),
  ])
})

test('a segment with several pages has an annotation for each; what is no page has none', () => {
  const groundingSupports = [support({ startIndex: 0, endIndex: 1 }, 0, 1, 2, 9)]
  expect(groundingAnnotations({ groundingChunks, groundingSupports }, 'ab')).toHaveLength(2)
})

test.each([
  {},
  { groundingChunks },
  { groundingSupports: [support({}, 0)] },
  { groundingChunks: 'a', groundingSupports: [{}] },
])('metadata without pages or segments has no annotations: %j', (metadata) => {
  expect(groundingAnnotations(metadata, 'a')).toEqual([])
})
