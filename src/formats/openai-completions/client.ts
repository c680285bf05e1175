import { SSE_COMMENT } from '../../stream/sse.ts'
import type { ClientFormat } from '../format.ts'
import { OPENAI_COMPLETIONS, readCompletionRequest } from './read-request.ts'
import { createCompletionWriter, errorOf, writeCompletionAnswer } from './write-answer.ts'

/** OpenAI's text completions (`/v1/completions`), which came before chats and which editors and base models still use. */
export const openaiCompletionsClient: ClientFormat = {
  name: OPENAI_COMPLETIONS,
  idPrefix: 'cmpl-',
  readRequest: readCompletionRequest,
  streamWriter: createCompletionWriter,
  writeAnswer: writeCompletionAnswer,
  writeError: (failure) => ({ error: errorOf(failure) }),
  keepAlive: SSE_COMMENT,
}
