import type { Encoder } from '../stream/encode.ts'
import { SSE_COMMENT } from '../stream/sse.ts'
import type { Answer } from './attempt.ts'

/** The way of an answer to its client. */
export interface Outlet {
  /** Sends a comment whenever nothing was sent for a while (contract 4.6), `now` the first one at once. */
  readonly keepAlive: (now?: 'now') => void
  /** Resolves when the client has taken it; rejects when the client has left. */
  readonly send: (text: string) => Promise<void>
  readonly close: () => Promise<void>
}

/**
 * Wraps the writable side of a stream to a client.
 * @param left is called once, as soon as it shows that the client has gone.
 */
export function createOutlet(writable: WritableStream<Uint8Array>, commentMs: number, left: () => void): Outlet {
  const writer = writable.getWriter()
  const bytes = new TextEncoder()
  let timer: ReturnType<typeof setTimeout> | undefined
  let sentAt = Date.now()
  let sending = false
  writer.closed.catch(left)

  const send = async (text: string) => {
    sending = true
    await writer.write(bytes.encode(text))
    sending = false
    sentAt = Date.now()
  }
  // One timer for a whole stream: it looks how long nothing was sent, and sleeps for what is left.
  const look = () => {
    const leftMs = commentMs - (Date.now() - sentAt)
    if (leftMs > 0) {
      timer = setTimeout(look, leftMs)
    } else if (sending) {
      // The client is slow, not the provider: there is something on its way.
      timer = setTimeout(look, commentMs)
    } else {
      timer = setTimeout(look, commentMs)
      send(SSE_COMMENT).catch(left)
    }
  }
  return {
    keepAlive: (now) => {
      if (now === 'now') send(SSE_COMMENT).catch(left)
      timer ??= setTimeout(look, commentMs)
    },
    send,
    close: async () => {
      clearTimeout(timer)
      await writer.close()
    },
  }
}

/**
 * Carries an answer to the client: one read, all its events, one write (spec/performance.md). A slow client slows the
 * reading. Resolves when the answer has ended or the client has left; rejects never.
 */
export async function pump(answer: Answer, encode: Encoder, outlet: Outlet): Promise<'ended' | 'left'> {
  let said = answer.first
  try {
    outlet.keepAlive()
    for (;;) {
      let text = ''
      for (const item of said) text += encode(item)
      if (text !== '') await outlet.send(text)
      const last = said.at(-1)?.type
      if (last === 'end' || last === 'error') break
      said = await answer.next()
    }
    await outlet.close()
    return 'ended'
  } catch {
    answer.cancel()
    await outlet.close().catch(() => {})
    return 'left'
  }
}
