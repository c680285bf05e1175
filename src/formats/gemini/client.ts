import type { ClientFormat } from '../format.ts'
import { readGeminiPrompt, readGeminiRequest } from './read-request.ts'
import { writeGenerateContent } from './write-answer.ts'
import { GEMINI } from './write-contents.ts'
import { writeGeminiError } from './write-error.ts'
import { createGeminiWriter, EVENTS, LIST } from './write-stream.ts'

/** Google's Gemini API (`generateContent`, `streamGenerateContent?alt=sse`), as gemini-cli and Google's SDKs speak it. */
export const geminiClient: ClientFormat = {
  name: GEMINI,
  idPrefix: '',
  seals: true,
  readRequest: readGeminiRequest,
  readPrompt: readGeminiPrompt,
  writeCount: (totalTokens) => ({ totalTokens }),
  streamWriter: (answer) => createGeminiWriter(answer, EVENTS),
  writeAnswer: writeGenerateContent,
  writeError: writeGeminiError,
  // The beginning of the next response. `@google/generative-ai`, which LangChain uses, fails at all else between two of them.
  keepAlive: EVENTS.next,
  keepAliveBegins: true,
}

const { keepAliveBegins: _, ...withoutEvents } = geminiClient

/** The same without `alt=sse`: a stream is one JSON list. */
export const geminiListClient: ClientFormat = {
  ...withoutEvents,
  keepAlive: '\r\n',
  streamWriter: (answer) => createGeminiWriter(answer, LIST),
  streamType: 'application/json; charset=utf-8',
}
