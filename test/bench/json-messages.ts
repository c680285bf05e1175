/** What templates of messages bring: microseconds of CPU a message with them, and with JSON.parse alone. */
import { parseAnswer } from '../../src/chat/exact-json.ts'
import { createJsonMessages } from '../../src/stream/json-messages.ts'

const MESSAGES = 300
const STREAMS = 2000
const ROUNDS = 3

/** A message of each wire format, as most of a stream are. */
const FORMATS: Readonly<Record<string, (text: string) => object>> = {
  'openai-chat': (content) => ({
    id: 'chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT',
    object: 'chat.completion.chunk',
    created: 1_741_569_952,
    model: 'gpt-4.1-2025-04-14',
    service_tier: 'default',
    system_fingerprint: 'fp_b376dfbbd5',
    choices: [{ index: 0, delta: { content }, logprobs: null, finish_reason: null }],
    usage: null,
  }),
  'anthropic-messages': (text) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }),
  gemini: (text) => ({
    candidates: [{ content: { parts: [{ text }], role: 'model' }, index: 0 }],
    usageMetadata: { promptTokenCount: 8, totalTokenCount: 20 },
    modelVersion: 'gemini-2.5-flash',
  }),
}

function microsecondsOf(readStream: () => void): number {
  const before = process.cpuUsage()
  for (let stream = 0; stream < STREAMS; stream++) readStream()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / STREAMS / MESSAGES
}

for (const [format, messageOf] of Object.entries(FORMATS)) {
  const texts = Array.from({ length: MESSAGES }, (_, at) => JSON.stringify(messageOf(` word ${at}`)))
  const withTemplates = () => {
    const messages = createJsonMessages()
    for (const text of texts) {
      messages.read(text)
      messages.decoded(true)
    }
  }
  const parsed = () => {
    for (const text of texts) parseAnswer(text)
  }
  // The first rounds are for the compiler.
  for (let round = 0; round < ROUNDS; round++) {
    const [templates, parse] = [microsecondsOf(withTemplates), microsecondsOf(parsed)]
    if (round < ROUNDS - 1) continue
    const ratio = (templates / parse).toFixed(2)
    console.log(`${format}: ${templates.toFixed(2)} with templates, ${parse.toFixed(2)} with JSON.parse, ${ratio}x`)
  }
}
