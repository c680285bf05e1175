import { createLineState, endBytes, pushBytes } from './lines.ts'
import type { MessageParser, StreamMessage } from './sse.ts'

/** A parser for NDJSON: each line that is not empty is a message. */
export function createNdjsonParser(): MessageParser {
  const lines = createLineState()
  const read = (feed: (onLine: (line: string) => void) => void): readonly StreamMessage[] => {
    const messages: StreamMessage[] = []
    feed((line) => {
      if (line !== '') messages.push({ event: '', data: line })
    })
    return messages
  }
  return {
    push: (bytes) => read((onLine) => pushBytes(lines, bytes, onLine)),
    end: () => read((onLine) => endBytes(lines, onLine)),
  }
}
