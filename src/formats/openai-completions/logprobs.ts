import { isJsonObject, type JsonObject, jsonObjectsIn } from '../shared/fields.ts'

/** Log probabilities as text completions have them: lists side by side, one entry a token. */
interface TextLogprobs {
  readonly tokens: string[]
  readonly token_logprobs: unknown[]
  readonly top_logprobs: JsonObject[]
  readonly text_offset: number[]
}

/**
 * Log probabilities of a chat completion (`content`, an object a token) in the form of text completions; those that have it
 * already stay as they are.
 * @param offset how many characters of the answer stand before them.
 */
export function toTextLogprobs(logprobs: unknown, offset: number): unknown {
  if (!isJsonObject(logprobs) || !Array.isArray(logprobs.content)) return logprobs
  const lists: TextLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] }
  let at = offset
  for (const { token, logprob, top_logprobs } of jsonObjectsIn(logprobs.content)) {
    const text = String(token)
    lists.tokens.push(text)
    lists.token_logprobs.push(logprob)
    lists.top_logprobs.push(
      Object.fromEntries(jsonObjectsIn(top_logprobs).map((other) => [String(other.token), other.logprob])),
    )
    lists.text_offset.push(at)
    at += text.length
  }
  return lists
}
