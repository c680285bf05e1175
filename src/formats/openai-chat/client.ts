import { parseChat } from '../../chat/request.ts'
import { SSE_COMMENT } from '../../stream/sse.ts'
import type { ClientFormat } from '../format.ts'
import { writeCompletion } from './write-answer.ts'
import { createStreamWriter } from './write-stream.ts'

/** OpenAI's chat completions as clients speak them, with the few differences of the reference (contract 3, 4). */
export const openaiChat: ClientFormat = {
  name: 'openai-chat',
  idPrefix: 'chatcmpl-',
  readRequest: (body) => ({ chat: parseChat(body) }),
  streamWriter: ({ envelope, chat }) => createStreamWriter(envelope, chat.stream_options?.include_usage === true),
  writeAnswer: (events, { envelope, header }) => {
    const object = header('x-router9-object') === 'openai' ? 'chat.completion' : 'text_completion'
    return writeCompletion(events, envelope, object)
  },
  writeError: (failure) => ({ error: failure.toError() }),
  keepAlive: SSE_COMMENT,
}
