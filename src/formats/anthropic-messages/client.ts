import type { ClientFormat } from '../format.ts'
import { readMessagesPrompt, readMessagesRequest } from './read-request.ts'
import { createMessagesWriter, PING, writeMessage } from './write-answer.ts'
import { statusOf, writeMessagesError } from './write-error.ts'
import { ANTHROPIC_MESSAGES } from './write-messages.ts'

/** Anthropic's Messages API, as Claude Code and Anthropic's SDKs speak it. */
export const anthropicMessages: ClientFormat = {
  name: ANTHROPIC_MESSAGES,
  idPrefix: 'msg_',
  seals: true,
  readRequest: readMessagesRequest,
  readPrompt: readMessagesPrompt,
  writeCount: (tokens) => ({ input_tokens: tokens }),
  streamWriter: createMessagesWriter,
  writeAnswer: writeMessage,
  writeError: writeMessagesError,
  statusOf,
  requestIdHeader: 'request-id',
  keepAlive: PING,
}
