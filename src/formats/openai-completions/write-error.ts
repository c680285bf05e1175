import type { ErrorObject, Failure } from '../../chat/failure.ts'
import type { JsonObject } from '../shared/fields.ts'
import { writeChoice } from './write-choice.ts'

/** Fields of the chat that a request becomes, by their names in this API. */
const OWN_NAMES: ReadonlyMap<string, string> = new Map([
  ['messages', 'prompt'],
  ['top_logprobs', 'logprobs'],
  ['max_completion_tokens', 'max_tokens'],
])

/** An error object in the words of this API. */
export function writeCompletionError(failure: Failure): ErrorObject {
  const error = failure.toError()
  const { param, message } = error
  // Of a path into the prompt, such as `messages[0].content`, only the prompt is the client's.
  const own = param === null ? undefined : OWN_NAMES.get(param.replace(/\W.*$/s, ''))
  if (own === undefined) return error
  return { ...error, message: message.replaceAll(`'${param}'`, `'${own}'`), param: own }
}

/** An error object, in the words that the client knows. */
export type ErrorWriter = (failure: Failure) => object

interface ErrorChunk {
  readonly head: JsonObject
  readonly further: JsonObject
  readonly writeError: ErrorWriter
}

/** The last chunk of a broken stream: it ends every choice that is still open. @param further fields of every chunk. */
export function writeErrorChunk(
  failure: Failure,
  open: Iterable<number>,
  { head, further, writeError }: ErrorChunk,
): string {
  const indexes = [...open]
  const choices = (indexes.length > 0 ? indexes : [0]).map((index) =>
    writeChoice({ index, text: '', offset: 0, finish: 'error', fields: {} }),
  )
  return `data: ${JSON.stringify({ ...head, choices, ...further, error: writeError(failure) })}\n\n`
}
