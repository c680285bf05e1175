import type { ErrorFormat } from '../formats/format.ts'
import { openaiChat, openaiChatAsOpenAI, openaiChatAsOpenRouter } from '../formats/openai-chat/client.ts'
import { openaiCompletionsAsOpenRouter, openaiCompletionsClient } from '../formats/openai-completions/client.ts'
import { openaiEmbeddingsAsOpenRouter, openaiEmbeddingsClient } from '../formats/openai-embeddings/client.ts'
import { openaiResponses } from '../formats/openai-responses/client.ts'
import { openaiCompact } from '../formats/openai-responses/compact.ts'
import { openaiResponsesAsOpenRouter } from '../formats/openai-responses/openrouter.ts'
import { withOpenRouterErrors } from '../formats/shared/openrouter.ts'
import type { Accent } from './paths.ts'

/** The formats that an accent changes, by the usual ones. */
const ACCENTS: Readonly<Record<Accent, ReadonlyMap<ErrorFormat, ErrorFormat>>> = {
  openai: new Map([[openaiChat, openaiChatAsOpenAI]]),
  // Messages have Anthropic's errors there too.
  openrouter: new Map<ErrorFormat, ErrorFormat>([
    [openaiChat, openaiChatAsOpenRouter],
    [openaiResponses, openaiResponsesAsOpenRouter],
    [openaiEmbeddingsClient, openaiEmbeddingsAsOpenRouter],
    [openaiCompletionsClient, openaiCompletionsAsOpenRouter],
    [openaiCompact, withOpenRouterErrors(openaiCompact)],
  ]),
}

/** A format as the clients of a base URL expect it (contract 1); one that has an accent keeps it. */
export function inAccent<Format extends ErrorFormat>(format: Format, accent: Accent | undefined): Format {
  // What an accent makes of a format is of the same kind.
  return accent === undefined ? format : ((ACCENTS[accent].get(format) as Format | undefined) ?? format)
}
