import { isJsonObject, type JsonObject, jsonObjectsIn, toText } from '../shared/fields.ts'

/** One thing that a message's content says. `citations` are references to what the words before rest on. */
export type ContentPiece =
  | { readonly type: 'text' | 'reasoning' | 'refusal'; readonly text: string }
  | { readonly type: 'citations' | 'images'; readonly list: readonly JsonObject[] }

/** Parts whose words are thoughts. */
const THOUGHTS = new Set(['thinking', 'reasoning', 'reasoning_text', 'summary_text'])

/**
 * Reads content that is not a text: a list of parts, or a value, whose JSON is the text (Workers AI parses what was asked
 * for as JSON).
 * @returns undefined where nothing in it could be read.
 */
export function readContentPieces(content: unknown): readonly ContentPiece[] | undefined {
  if (content === null || content === undefined) return []
  if (!Array.isArray(content) || (content.length > 0 && !content.some(isPart))) {
    return [{ type: 'text', text: JSON.stringify(content) }]
  }
  const pieces: ContentPiece[] = []
  const citations: JsonObject[] = []
  let read = content.length === 0
  for (const part of content) {
    const said = typeof part === 'string' ? [{ type: 'text' as const, text: part }] : readPart(part, citations)
    if (said === undefined) continue
    read = true
    for (const piece of said) pieces.push(piece)
  }
  // In Mistral's numbers: OpenAI has no form for them.
  if (citations.length > 0) pieces.push({ type: 'citations', list: citations })
  return read ? pieces : undefined
}

function isPart(value: unknown): boolean {
  return isJsonObject(value) && (typeof value.type === 'string' || typeof value.text === 'string')
}

/** @returns undefined for a part that says nothing that we know. */
function readPart(part: unknown, citations: JsonObject[]): readonly ContentPiece[] | undefined {
  if (!isJsonObject(part)) return undefined
  const { type } = part
  if (typeof type === 'string' && THOUGHTS.has(type)) return thoughtsOf(part)
  if (type === 'reference') {
    citations.push(part)
    return []
  }
  if (type === 'image_url') return [{ type: 'images', list: [part] }]
  if (type === 'refusal') return typeof part.refusal === 'string' ? [{ type, text: part.refusal }] : undefined
  const text = isJsonObject(part.text) ? part.text.value : part.text
  return typeof text === 'string' ? [{ type: 'text', text }] : undefined
}

/** Mistral's thoughts are parts in their turn, as are those of Claude where Databricks stands before it. */
function thoughtsOf({ thinking, summary, content, text, reasoning }: JsonObject): readonly ContentPiece[] | undefined {
  const given = thinking ?? summary ?? content ?? text ?? reasoning
  if (typeof given === 'string') return [{ type: 'reasoning', text: given }]
  if (!Array.isArray(given)) return undefined
  return jsonObjectsIn(given).flatMap((thought) => {
    const words = toText(thought.text)
    return words === undefined ? [] : [{ type: 'reasoning' as const, text: words }]
  })
}
