import { Failure, quoted } from '../../chat/failure.ts'
import { ROUTING_FIELDS } from '../../chat/request.ts'
import type { PreparedCall, ProviderCall, ProviderFormat } from '../format.ts'
import { createTextReader } from './read-answer.ts'
import { OPENAI_COMPLETIONS } from './read-request.ts'

/** How a provider's text completions differ from OpenAI's. */
export interface CompletionQuirks {
  /** Fields that go with every request, unless the client has set them. */
  readonly addedFields?: Readonly<Record<string, unknown>>
}

/**
 * OpenAI's text completions at providers that have the endpoint. Only requests that came in this format go out in it, with all
 * that the client sent.
 */
export const openaiCompletions: ProviderFormat<CompletionQuirks> = { name: OPENAI_COMPLETIONS, framing: 'sse', prepare }

function prepare({ source, model, stream, quirks }: ProviderCall<CompletionQuirks>): PreparedCall {
  if (source?.format !== OPENAI_COMPLETIONS) throw noConversation(model)
  const body: Record<string, unknown> = { ...quirks.addedFields, ...source.body, model }
  for (const name of ROUTING_FIELDS) delete body[name]
  // Usage is asked for always: it is counted, and it closes every stream.
  if (stream) body.stream_options = { ...Object(body.stream_options), include_usage: true }
  // Without a stream it has no meaning, and some servers refuse it.
  else delete body.stream_options
  return {
    request: { path: '/completions', headers: {}, body: JSON.stringify(body) },
    dropped: [],
    streamReader: () => createTextReader().message,
    readAnswer: (answer) => createTextReader().body(answer),
  }
}

/** For a model that the provider has in this format alone. */
function noConversation(model: string): Failure {
  const text = `The model '${quoted(model)}' continues texts and takes no conversations: send a 'prompt' to POST /v1/completions.`
  return new Failure('model-not-capable', text, { param: 'model' })
}
