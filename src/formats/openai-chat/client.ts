import { parseChat } from '../../chat/request.ts'
import { SSE_COMMENT } from '../../stream/sse.ts'
import type { ClientFormat } from '../format.ts'
import { toOpenRouterError, withOpenRouterErrors } from '../shared/openrouter.ts'
import { toOpenRouterCompletion, withOpenRouterFields } from './openrouter.ts'
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

/** The same with OpenAI's own word for a whole answer (contract 3). */
export const openaiChatAsOpenAI: ClientFormat = {
  ...openaiChat,
  writeAnswer: (events, { envelope }) => writeCompletion(events, envelope, 'chat.completion'),
}

/**
 * The same as OpenRouter's clients read it: who answers, reasoning by its name there, numbers as error codes, and no field that
 * is null without need.
 */
export const openaiChatAsOpenRouter: ClientFormat = withOpenRouterErrors({
  ...openaiChat,
  streamWriter: ({ envelope, chat, provider }) => {
    const members = provider === undefined ? '' : `"provider":${JSON.stringify(provider)},`
    const words = { members, reasoning: 'reasoning', nullUsage: false, writeError: toOpenRouterError }
    return withOpenRouterFields(createStreamWriter(envelope, chat.stream_options?.include_usage === true, words))
  },
  writeAnswer: (events, { envelope, provider }) =>
    toOpenRouterCompletion(writeCompletion(events, envelope, 'chat.completion'), provider),
})
