import type { Message } from '../chat/request.ts'

/** Digests of a conversation's beginnings, of which any two that differ in what was said differ. */
export interface ConversationDigest {
  /**
   * Of the first `count` messages. To be asked for ever more of them: what has been read is not read again, so all digests
   * of one conversation take one pass over it.
   */
  readonly upTo: (count: number) => Promise<string>
}

/** As much text goes into one step: each step costs a call, and what is left over goes into every name. */
const BLOCK_CHARACTERS = 8192

/** Only what clients send back of a message the same each time has a part in its digest. */
export function createConversationDigest(messages: readonly Message[]): ConversationDigest {
  let read = 0
  let folded = ''
  let rest = ''

  // Where a block ends depends on the text alone, never on which beginnings are asked for.
  const fold = async () => {
    while (rest.length >= BLOCK_CHARACTERS) {
      // Half a character would be the same as any other half.
      const end = isFirstHalf(rest.charCodeAt(BLOCK_CHARACTERS - 1)) ? BLOCK_CHARACTERS - 1 : BLOCK_CHARACTERS
      folded = await digest(folded + rest.slice(0, end))
      rest = rest.slice(end)
    }
  }

  return {
    upTo: async (count) => {
      for (; read < count; read++) {
        const message = messages[read]
        if (message !== undefined) rest += said(message)
        if (rest.length >= BLOCK_CHARACTERS) await fold()
      }
      return JSON.stringify([folded, rest])
    },
  }
}

function isFirstHalf(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00
}

/** Marks for prompt caches move from message to message; reasoning and what else we add is what clients lose. */
function said({ role, content, refusal, name, tool_call_id, tool_calls, function_call }: Message): string {
  const calls = (tool_calls ?? []).map(({ id, function: called, custom }) => [
    id,
    called?.name ?? custom?.name,
    called?.arguments ?? custom?.input,
  ])
  const old = [function_call?.name, function_call?.arguments]
  return JSON.stringify([role, name, tool_call_id, contentOf(content), refusal || null, calls, old])
}

/** Some clients send a text as a part only while it has a mark. */
function contentOf(content: Message['content']): unknown {
  if (content === null || content === undefined || content.length === 0) return []
  if (typeof content === 'string') return [content]
  return content.map(({ cache_control, ...part }) => (part.type === 'text' ? part.text : part))
}

async function digest(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
