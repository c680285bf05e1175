import type { OutputEvent } from '../../chat/event.ts'
import type { AnswerInput, ClientFormat } from '../format.ts'
import { isJsonObject, type JsonObject, omitNull } from '../shared/fields.ts'
import { withOpenRouterErrors } from '../shared/openrouter.ts'
import { openaiResponses } from './client.ts'
import { headOf, repeatedFields } from './write-answer-fields.ts'

/**
 * Responses as OpenRouter's clients read them, who check them against schemas: what a server left out of its own answers is
 * there, and the end of a call's arguments names the function.
 */
export const openaiResponsesAsOpenRouter: ClientFormat = withOpenRouterErrors({
  ...openaiResponses,
  streamWriter: (input) => {
    const write = openaiResponses.streamWriter(input)
    const complete = createCompleter(input)
    return (event) => write(complete(event))
  },
  writeAnswer: (events, input) => openaiResponses.writeAnswer(Array.from(events, createCompleter(input)), input),
})

/** Completes what a provider of this API sends; all else is whole already. */
function createCompleter(input: AnswerInput): (event: OutputEvent) => OutputEvent {
  /** The names of called functions, by output index. */
  const names = new Map<unknown, unknown>()
  return (event) => {
    if (event.type !== 'native') return event
    const { message } = event
    const { type, response, item, output_index: index } = message
    if (message.object === 'response') return { ...event, message: completeResponse(message, input) }
    if (isJsonObject(response))
      return { ...event, message: { ...message, response: completeResponse(response, input) } }
    if (isJsonObject(item) && item.type === 'function_call') names.set(index, item.name)
    return type === 'response.function_call_arguments.done' && message.name === undefined
      ? { ...event, message: { ...message, name: names.get(index) ?? '' } }
      : event
  }
}

const NOTHING_WRONG = { completed_at: null, error: null, incomplete_details: null }

function completeResponse({ output_text, ...response }: JsonObject, input: AnswerInput): JsonObject {
  const repeated = repeatedFields(input)
  const text = isJsonObject(response.text) ? response.text : (repeated.text as JsonObject)
  return {
    ...headOf(input),
    ...NOTHING_WRONG,
    ...repeated,
    ...response,
    text: isJsonObject(text.format) ? { ...text, format: omitNull(text.format) } : text,
    reasoning: isJsonObject(response.reasoning) ? response.reasoning : repeated.reasoning,
    ...(typeof output_text === 'string' ? { output_text } : {}),
    ...(isJsonObject(response.usage) ? { usage: completeUsage(response.usage) } : {}),
  }
}

function completeUsage(usage: JsonObject): JsonObject {
  return {
    ...usage,
    input_tokens_details: { cached_tokens: 0, ...Object(usage.input_tokens_details) },
    output_tokens_details: { reasoning_tokens: 0, ...Object(usage.output_tokens_details) },
  }
}
