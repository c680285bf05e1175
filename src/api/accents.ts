import type { ClientFormat } from '../formats/format.ts'
import { openaiChat, openaiChatAsOpenAI, openaiChatAsOpenRouter } from '../formats/openai-chat/client.ts'
import { openaiCompletionsClient } from '../formats/openai-completions/client.ts'
import { openaiResponses } from '../formats/openai-responses/client.ts'
import { openaiCompact } from '../formats/openai-responses/compact.ts'
import { openaiResponsesAsOpenRouter } from '../formats/openai-responses/openrouter.ts'
import { withOpenRouterErrors } from '../formats/shared/openrouter-errors.ts'
import type { Accent } from './paths.ts'

/** The formats that an accent changes, by the usual ones. */
const ACCENTS: Readonly<Record<Accent, ReadonlyMap<ClientFormat, ClientFormat>>> = {
  openai: new Map([[openaiChat, openaiChatAsOpenAI]]),
  // Messages have Anthropic's errors there too.
  openrouter: new Map([
    [openaiChat, openaiChatAsOpenRouter],
    [openaiResponses, openaiResponsesAsOpenRouter],
    ...[openaiCompletionsClient, openaiCompact].map((format): [ClientFormat, ClientFormat] => [
      format,
      withOpenRouterErrors(format),
    ]),
  ]),
}

/** A format as the clients of a base URL expect it (contract 1); one that has an accent keeps it. */
export function inAccent(format: ClientFormat, accent: Accent | undefined): ClientFormat {
  return accent === undefined ? format : (ACCENTS[accent].get(format) ?? format)
}
