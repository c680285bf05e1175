import type { Failure } from '../../chat/failure.ts'
import type { JsonObject } from '../shared/fields.ts'

/** Fields of the chat that a request becomes, by their names in this API. */
const OWN_NAMES: ReadonlyMap<string, string> = new Map([
  ['messages', 'prompt'],
  ['top_logprobs', 'logprobs'],
  ['max_completion_tokens', 'max_tokens'],
])

/** An error object in the words of this API. */
export function writeCompletionError(failure: Failure): JsonObject {
  const error = failure.toError()
  const { param, message } = error
  // Of a path into the prompt, such as `messages[0].content`, only the prompt is the client's.
  const own = param === null ? undefined : OWN_NAMES.get(param.replace(/\W.*$/s, ''))
  if (own === undefined) return { ...error }
  return { ...error, message: message.replaceAll(`'${param}'`, `'${own}'`), param: own }
}
