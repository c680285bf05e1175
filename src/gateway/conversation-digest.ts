import type { Message } from '../chat/request.ts'
import { sha256 } from '../platform/hex.ts'

/** Digests of the first messages of a conversation. Two beginnings with different content have different digests. */
export interface ConversationDigest {
  /**
   * The digest of the first `count` messages. `count` must not go down from call to call: no message is read twice, so all
   * digests of a conversation take one pass over it.
   */
  readonly upTo: (count: number) => Promise<string>
}

/** Text is hashed in blocks of this size. Each block costs a call of crypto; what is left over becomes part of the digest. */
const BLOCK_CHARACTERS = 8192

/** The digest includes only what clients send back unchanged each time. */
export function createConversationDigest(messages: readonly Message[]): ConversationDigest {
  let read = 0
  let hash = ''
  let rest = ''

  // The ends of blocks depend only on the text, never on the counts that are asked for.
  const hashBlocks = async () => {
    while (rest.length >= BLOCK_CHARACTERS) {
      // A block must not end inside a surrogate pair: every half pair is encoded alike.
      const end = isHighSurrogate(rest.charCodeAt(BLOCK_CHARACTERS - 1)) ? BLOCK_CHARACTERS - 1 : BLOCK_CHARACTERS
      hash = await sha256(hash + rest.slice(0, end))
      rest = rest.slice(end)
    }
  }

  return {
    upTo: async (count) => {
      for (; read < count; read++) {
        const message = messages[read]
        if (message !== undefined) rest += comparableText(message)
        if (rest.length >= BLOCK_CHARACTERS) await hashBlocks()
      }
      return JSON.stringify([hash, rest])
    },
  }
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00
}

/** Left out: marks for prompt caches, which move from message to message; reasoning and other additions, which clients lose. */
function comparableText({ role, content, refusal, name, tool_call_id, tool_calls, function_call }: Message): string {
  const calls = (tool_calls ?? []).map(({ id, function: called, custom }) => [
    id,
    called?.name ?? custom?.name,
    called?.arguments ?? custom?.input,
  ])
  const legacyCall = [function_call?.name, function_call?.arguments]
  return JSON.stringify([role, name, tool_call_id, contentOf(content), refusal || null, calls, legacyCall])
}

/** A text alone and a list with one text are the same: some clients send a list only while the text has a cache mark. */
function contentOf(content: Message['content']): unknown {
  if (content === null || content === undefined || content.length === 0) return []
  if (typeof content === 'string') return [content]
  return content.map(({ cache_control, ...part }) => (part.type === 'text' ? part.text : part))
}
