import { SSE_COMMENT } from '../../stream/sse.ts'
import type { ClientFormat } from '../format.ts'
import { OPENAI_RESPONSES, readResponsesRequest } from './read-request.ts'
import { responseReferences } from './references.ts'
import { writeResponse } from './write-answer.ts'
import { writeResponsesError } from './write-error.ts'
import { createResponseWriter } from './write-stream.ts'

/** OpenAI's Responses (`/v1/responses`) as clients speak them. */
export const openaiResponses: ClientFormat = {
  name: OPENAI_RESPONSES,
  idPrefix: 'resp_',
  seals: true,
  readRequest: readResponsesRequest,
  writeCount: (tokens) => ({ object: 'response.input_tokens', input_tokens: tokens }),
  streamWriter: createResponseWriter,
  writeAnswer: writeResponse,
  writeError: writeResponsesError,
  references: responseReferences,
  // Parsers of server-sent events ignore comments, and clients do not know what else could stand here.
  keepAlive: SSE_COMMENT,
}
