import { isJsonObject, type JsonObject, jsonObjectsIn, toText } from '../shared/fields.ts'

/** One piece of a message's content. `citations` are references to sources of the words before them. */
export type ContentPiece =
  | { readonly type: 'text' | 'reasoning' | 'refusal'; readonly text: string }
  | { readonly type: 'citations' | 'images'; readonly list: readonly JsonObject[] }

/** Types of parts that hold reasoning. */
const REASONING_PARTS = new Set(['thinking', 'reasoning', 'reasoning_text', 'summary_text'])

/**
 * Reads content that is not a text. A list of parts is read part by part; of any other value the JSON is the text, since
 * Workers AI parses an answer that was asked for as JSON.
 * @returns undefined where nothing in it could be read.
 */
export function readContentPieces(content: unknown): readonly ContentPiece[] | undefined {
  if (content === null || content === undefined) return []
  if (!Array.isArray(content) || (content.length > 0 && !content.some(isPart))) {
    return [{ type: 'text', text: JSON.stringify(content) }]
  }
  const pieces: ContentPiece[] = []
  const citations: JsonObject[] = []
  let isRead = content.length === 0
  for (const part of content) {
    const read = typeof part === 'string' ? [{ type: 'text' as const, text: part }] : readPart(part, citations)
    if (read === undefined) continue
    isRead = true
    for (const piece of read) pieces.push(piece)
  }
  // They are in Mistral's form: OpenAI has none for references by number.
  if (citations.length > 0) pieces.push({ type: 'citations', list: citations })
  return isRead ? pieces : undefined
}

function isPart(value: unknown): boolean {
  return isJsonObject(value) && (typeof value.type === 'string' || typeof value.text === 'string')
}

/** @returns undefined for a part that holds nothing that we know. */
function readPart(part: unknown, citations: JsonObject[]): readonly ContentPiece[] | undefined {
  if (!isJsonObject(part)) return undefined
  const { type } = part
  if (typeof type === 'string' && REASONING_PARTS.has(type)) return readReasoningPart(part)
  if (type === 'reference') {
    citations.push(part)
    return []
  }
  if (type === 'image_url') return [{ type: 'images', list: [part] }]
  if (type === 'refusal') return typeof part.refusal === 'string' ? [{ type, text: part.refusal }] : undefined
  const text = isJsonObject(part.text) ? part.text.value : part.text
  return typeof text === 'string' ? [{ type: 'text', text }] : undefined
}

/** Reasoning is a text or, with Mistral and with Claude at Databricks, a list of parts again. */
function readReasoningPart(part: JsonObject): readonly ContentPiece[] | undefined {
  const given = part.thinking ?? part.summary ?? part.content ?? part.text ?? part.reasoning
  if (typeof given === 'string') return [{ type: 'reasoning', text: given }]
  if (!Array.isArray(given)) return undefined
  return jsonObjectsIn(given).flatMap((inner) => {
    const text = toText(inner.text)
    return text === undefined ? [] : [{ type: 'reasoning' as const, text }]
  })
}
