import type OpenAI from 'openai'

export const WEATHER_QUESTION = 'What is the weather in Paris and in Rome?'
export const CITIES = ['Paris', 'Rome']

/** A function of one text, which models like to call twice at once. */
export const weatherTool = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'Tells the weather of a city.',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string', description: 'The name of the city.' } },
      required: ['city'],
      additionalProperties: false,
    },
  },
} satisfies OpenAI.Chat.ChatCompletionTool

const DEGREES: Readonly<Record<string, number>> = { Paris: 18, Rome: 27, Oslo: 4, Cairo: 33, Lima: 21, Delhi: 38 }

/** What the function answers. */
export function weatherOf(city: string): string {
  return `${city} has ${DEGREES[city] ?? 'unknown'} degrees`
}

/** The results of all calls of a message, as messages. */
export function resultsOf(
  message: Pick<OpenAI.Chat.ChatCompletionMessage, 'tool_calls'>,
): OpenAI.Chat.ChatCompletionToolMessageParam[] {
  return (message.tool_calls ?? []).map((call) => ({
    role: 'tool',
    tool_call_id: call.id,
    content: weatherOf(cityOf(call)),
  }))
}

/** The city that a call asks about. */
export function cityOf(call: OpenAI.Chat.ChatCompletionMessageToolCall): string {
  const given: { city: string } = JSON.parse(argumentsOf(call))
  return given.city
}

/** The arguments of a call to a function, as text. */
export function argumentsOf(call: OpenAI.Chat.ChatCompletionMessageToolCall): string {
  if (call.type !== 'function') throw new TypeError(`a call of type ${call.type}`)
  return call.function.arguments
}
