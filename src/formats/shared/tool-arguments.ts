import { parseJson } from '../../chat/exact-json.ts'
import type { Failure } from '../../chat/failure.ts'
import { malformedAnswer } from './answer-bounds.ts'
import { isJsonObject, type JsonObject } from './fields.ts'

/** A tool call's arguments as text, as OpenAI's format has them; some providers send the object itself. */
export function toArgumentsText(value: unknown): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : JSON.stringify(value)
}

/**
 * A call's arguments as an object, for formats that have them so. What is none goes the way that Anthropic's documentation shows
 * ("Fine-grained tool streaming").
 * @param fits whether the text may be read.
 */
export function toArgumentsObject(text: string, fits: (text: string) => boolean): JsonObject {
  if (fits(text)) {
    try {
      const value = parseJson(text)
      if (isJsonObject(value)) return value
    } catch {
      // The model wrote it badly, or was cut off.
    }
  }
  return { INVALID_JSON: text }
}

/** Whether the text of a call's arguments holds any. */
export function hasArguments(text: string): boolean {
  const trimmed = text.trim()
  return trimmed !== '' && trimmed !== 'null' && !/^\{\s*\}$/.test(trimmed)
}

/** For arguments that belong to no call: nobody can know which tool they are for. */
export function argumentsWithoutCall(): Failure {
  return malformedAnswer('it has arguments of no call')
}
