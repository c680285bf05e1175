import type { ChatEvent, FinishReason } from '../../chat/event.ts'
import { toUsage } from '../../chat/event.ts'
import type { Failure } from '../../chat/failure.ts'
import type { MessageReader } from '../../stream/decode.ts'
import { createBoundedCounter, failuresAsEvents, MAX_TOOL_CALLS } from '../shared/answer-bounds.ts'
import { isJsonObject, jsonObjectsIn, toCount, toText } from '../shared/fields.ts'
import { createThinkTagSplitter } from '../shared/think-tags.ts'
import { toArgumentsText } from '../shared/tool-arguments.ts'
import { notAnAnswer, readErrorInAnswer } from '../shared/upstream-error.ts'

const CHOICE = 0

/**
 * Reads Ollama's own answers. A line of a stream has the form of a whole body, and holds a piece of it (translation 3.3).
 * @param promptTokens our estimate, for a prompt that Ollama had cached: it does not count such a one.
 */
export function createOllamaReader(newId: () => string, promptTokens: () => number): MessageReader {
  const think = createThinkTagSplitter()
  const count = createBoundedCounter(MAX_TOOL_CALLS, 'tool calls')

  return failuresAsEvents((data) => {
    if (!isJsonObject(data) || (data.error !== undefined && data.error !== null))
      return [{ type: 'error', failure: failureOf(data) }]
    const message = isJsonObject(data.message) ? data.message : { content: data.response, thinking: data.thinking }
    const events: ChatEvent[] = []
    const thinking = toText(message.thinking)
    if (thinking !== undefined) events.push({ type: 'reasoning', choice: CHOICE, text: thinking })
    // An answer that was asked for as JSON may be the value itself.
    const pieces = think.feed(toArgumentsText(message.content))
    for (const piece of data.done === true ? [...pieces, ...think.end()] : pieces) {
      events.push({ ...piece, choice: CHOICE })
    }
    for (const call of jsonObjectsIn(message.tool_calls)) {
      const { name, arguments: given } = isJsonObject(call.function) ? call.function : {}
      const index = count()
      const id = toText(call.id) ?? newId()
      events.push({ type: 'tool-start', choice: CHOICE, index, id, name: toText(name) ?? '', kind: 'function' })
      events.push({ type: 'tool-delta', choice: CHOICE, index, text: toArgumentsText(given) || '{}' })
    }
    if (data.done !== true) return events
    const reason: FinishReason = data.done_reason === 'length' ? 'length' : 'stop'
    events.push({ type: 'finish', choice: CHOICE, reason })
    if (typeof data.eval_count === 'number') {
      const prompt = toCount(data.prompt_eval_count) || promptTokens()
      events.push({ type: 'usage', usage: toUsage(prompt, data.eval_count) })
    }
    return [...events, { type: 'done' }]
  })
}

function failureOf(data: unknown): Failure {
  if (isJsonObject(data)) return readErrorInAnswer(data)
  return notAnAnswer()
}
