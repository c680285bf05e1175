import type { Envelope } from '../format.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, toText } from '../shared/fields.ts'

/** A choice, or the piece of one in a chunk. */
export interface TextChoice {
  readonly index: number
  readonly text: string
  /** How many characters of the choice stand before the text. */
  readonly offset: number
  readonly finish: string | null
  /** Fields without a name here, and log probabilities. */
  readonly fields: JsonObject
}

/** Writes a choice in the form of text completions. */
export function writeChoice({ index, text, offset, finish, fields }: TextChoice): JsonObject {
  const { logprobs = null, ...further } = fields
  return { text, index, logprobs: toTextLogprobs(logprobs, offset), finish_reason: finish, ...further }
}

/** What every answer and every chunk begins with. */
export function headOf({ id, created, model }: Envelope): JsonObject {
  return { id, object: 'text_completion', created, model }
}

/** Log probabilities as text completions have them: lists side by side, one entry a token. */
interface TextLogprobs {
  readonly tokens: string[]
  readonly token_logprobs: unknown[]
  readonly top_logprobs: JsonObject[]
  readonly text_offset: number[]
}

/**
 * Log probabilities of a chat completion (`content` or `refusal`, an object a token) in the form of text completions; those
 * that have it already stay as they are.
 */
function toTextLogprobs(logprobs: unknown, offset: number): unknown {
  if (!isJsonObject(logprobs)) return logprobs
  const list = [logprobs.content, logprobs.refusal].find(Array.isArray)
  if (list === undefined) return logprobs
  const lists: TextLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] }
  let at = offset
  for (const { token, logprob, top_logprobs } of jsonObjectsIn(list)) {
    const text = toText(token) ?? ''
    lists.tokens.push(text)
    lists.token_logprobs.push(logprob)
    lists.top_logprobs.push(
      Object.fromEntries(jsonObjectsIn(top_logprobs).map((other) => [toText(other.token) ?? '', other.logprob])),
    )
    lists.text_offset.push(at)
    at += text.length
  }
  return lists
}
