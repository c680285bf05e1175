import { MAX_ANNOTATIONS } from '../shared/answer-bounds.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, toText } from '../shared/fields.ts'

/** Collects the citations of one candidate, which stand behind its text. */
export interface GroundingWriter {
  readonly cite: (annotations: unknown) => void
  /** @param text all of the candidate's. @returns undefined where nothing was cited. */
  readonly metadata: (text: string) => JsonObject | undefined
}

/** Where a text cites a page, in characters. */
interface Support {
  readonly from: number
  readonly to: number
  readonly pages: number[]
}

/** No web page has a longer address. */
const MAX_URL_CHARACTERS = 8192
const MAX_TITLE_CHARACTERS = 1000
/** Longer passages are not repeated: a thousand of them could be the whole answer each. */
const MAX_SEGMENT_CHARACTERS = 2000

/**
 * OpenAI's url citations as search grounding, the way back of `grounding.ts`: Google counts bytes of UTF-8.
 * @param fits whether so many characters more may be kept.
 */
export function createGroundingWriter(fits: (characters: number) => boolean): GroundingWriter {
  const pages = new Map<string, { readonly uri: string; readonly title: string; readonly index: number }>()
  const supports = new Map<string, Support>()
  let count = 0
  return {
    cite: (annotations) => {
      for (const { url_citation: cited } of jsonObjectsIn(annotations)) {
        const uri = isJsonObject(cited) ? toText(cited.url) : undefined
        if (!isJsonObject(cited) || uri === undefined || uri.length > MAX_URL_CHARACTERS) continue
        if (++count > MAX_ANNOTATIONS) continue
        const title = (toText(cited.title) ?? '').slice(0, MAX_TITLE_CHARACTERS)
        if (!fits(uri.length + title.length)) continue
        const { index } = pages.get(`${uri} ${title}`) ?? { index: pages.size }
        pages.set(`${uri} ${title}`, { uri, title, index })
        const { start_index: from, end_index: to } = cited
        if (!isPosition(from) || !isPosition(to) || to <= from) continue
        const support = supports.get(`${from} ${to}`) ?? { from, to, pages: [] }
        supports.set(`${from} ${to}`, support)
        support.pages.push(index)
      }
    },
    metadata: (text) => {
      if (pages.size === 0) return undefined
      const byteAt = bytesBefore(text, [...supports.values()])
      return {
        groundingChunks: [...pages.values()].map(({ uri, title }) => ({ web: { uri, title } })),
        groundingSupports: [...supports.values()].map(({ from, to, pages: groundingChunkIndices }) => ({
          segment: {
            startIndex: byteAt.get(from),
            endIndex: byteAt.get(to),
            ...(to - from > MAX_SEGMENT_CHARACTERS ? {} : { text: text.slice(from, to) }),
          },
          groundingChunkIndices,
        })),
      }
    },
  }
}

function isPosition(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

/** The bytes before each of the positions: one walk through the text for all of them. */
function bytesBefore(text: string, supports: readonly Support[]): ReadonlyMap<number, number> {
  const bytes = new Map<number, number>()
  const positions = supports.flatMap(({ from, to }) => [from, to]).sort((one, other) => one - other)
  let at = 0
  let byte = 0
  for (const position of positions) {
    for (; at < position && at < text.length; at++) byte += bytesOf(text.charCodeAt(at))
    bytes.set(position, byte)
  }
  return bytes
}

/** Half of a pair of surrogates counts as half of its four bytes. */
function bytesOf(code: number): number {
  if (code < 0x80) return 1
  return code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 2 : 3
}
