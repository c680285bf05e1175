import { SSE_COMMENT } from '../../stream/sse.ts'
import type { ClientFormat } from '../format.ts'
import { toOpenRouterError, withOpenRouterErrors } from '../shared/openrouter.ts'
import { OPENAI_COMPLETIONS, readCompletionRequest } from './read-request.ts'
import { writeCompletionAnswer } from './write-answer.ts'
import { writeCompletionError } from './write-error.ts'
import { createCompletionWriter } from './write-stream.ts'

/** OpenAI's text completions (`/v1/completions`), which came before chats and which editors and base models still use. */
export const openaiCompletionsClient: ClientFormat = {
  name: OPENAI_COMPLETIONS,
  idPrefix: 'cmpl-',
  readRequest: readCompletionRequest,
  streamWriter: createCompletionWriter,
  writeAnswer: writeCompletionAnswer,
  writeError: (failure) => ({ error: writeCompletionError(failure) }),
  keepAlive: SSE_COMMENT,
}

/** The same with errors as OpenRouter's clients read them, in streams too. */
export const openaiCompletionsAsOpenRouter: ClientFormat = withOpenRouterErrors({
  ...openaiCompletionsClient,
  streamWriter: (input) =>
    createCompletionWriter(input, (failure) => toOpenRouterError(failure, writeCompletionError(failure))),
})
