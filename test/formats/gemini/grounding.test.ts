import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createByteOffsets } from '../../../src/formats/gemini/byte-offsets.ts'
import { createGroundingReader } from '../../../src/formats/gemini/grounding.ts'
import type { Json } from '../asking.ts'

function groundingAnnotations(metadata: Json, text: string) {
  const offsets = createByteOffsets(1_000_000)
  offsets.add(text)
  return createGroundingReader()(metadata, offsets)
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

test('an address longer than any page has is left out, and a long title is cut', () => {
  const pages = [{ web: { uri: 'x'.repeat(10_000) } }, { web: { uri: 'https://a.example/', title: 'T'.repeat(5000) } }]
  const [annotation, more] = groundingAnnotations(
    { groundingChunks: pages, groundingSupports: [support({}, 0, 1)] },
    'a',
  )
  expect([annotation, more]).toEqual([citation('https://a.example/', 'T'.repeat(1000), 0, 0), undefined])
})

test('what was told once is not told again as the text grows', () => {
  const grounding = createGroundingReader()
  const text = createByteOffsets(1000)
  text.add('aé')
  const first = { groundingChunks, groundingSupports: [support({ endIndex: 3 }, 0)] }
  expect(grounding(first, text)).toEqual([citation('https://a.example/', 'A', 0, 2)])
  text.add('b')
  const second = { groundingChunks, groundingSupports: [support({ endIndex: 3 }, 0), support({ endIndex: 4 }, 1)] }
  expect(grounding(second, text)).toEqual([citation('https://b.example/', '', 0, 3)])
})

test('bytes are found in a text of any length and script, as a whole decoding finds them', () => {
  const piece = fc.string({ unit: 'binary', maxLength: 700 })
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 4 }), fc.nat({ max: 3000 }), (pieces, at) => {
      const offsets = createByteOffsets(10_000)
      for (const one of pieces) {
        offsets.add(one)
        offsets.characterAt(at)
      }
      const characters = [...pieces.join('')]
      const before = characters.slice(0, at).join('')
      expect(offsets.characterAt(new TextEncoder().encode(before).length)).toBe(before.length)
    }),
  )
})
