import { anthropicProblems } from './anthropic-schemas.ts'
import { readEvents } from './events.ts'
import type { Api } from './expected.ts'
import { geminiProblems } from './gemini-schemas.ts'
import { objectOf, parseJson } from './json.ts'
import type { OpenAiSpec } from './openai-spec.ts'

/** What breaks the schemas of the API's maker in an answer. Without OpenAI's document, its APIs are not checked. */
export function schemaProblems(api: Api, stream: boolean, body: string, spec?: OpenAiSpec): string[] {
  const problemsOf = (value: unknown): string[] => {
    if (api === 'messages') return anthropicProblems(stream ? 'event' : 'message', value)
    if (api === 'gemini') return geminiProblems('error' in objectOf(value) ? 'error' : 'response', value)
    if (api === 'responses')
      return (stream ? spec?.eventProblems(objectOf(value)) : spec?.problems('Response', value)) ?? []
    return spec?.problems(stream ? 'CreateChatCompletionStreamResponse' : 'CreateChatCompletionResponse', value) ?? []
  }
  const values = stream ? readEvents(body).events.map(({ data }) => data) : [body]
  return [...new Set(values.filter((data) => data !== '[DONE]').flatMap((data) => problemsOf(parseJson(data))))]
}
