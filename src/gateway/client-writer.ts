import type { OutputEvent } from '../chat/event.ts'
import { Failure } from '../chat/failure.ts'
import type { StreamWriter } from '../formats/openai-chat/write-stream.ts'
import { SSE_COMMENT } from '../stream/sse.ts'
import type { Answer } from './attempt.ts'

const UTF8 = new TextEncoder()
const COMMENT = UTF8.encode(SSE_COMMENT)
/** What is longer than this gets bytes of its own. */
const MAX_BYTES = 16 * 1024
/** What is longer goes out in pieces of this size, so that it shows whether the client takes any. */
const PIECE_BYTES = 64 * 1024

/** The way of an answer to its client. */
export interface ClientWriter {
  /** Sends a comment whenever nothing was sent for a while (contract 4.6), `now` the first one at once. */
  readonly keepAlive: (now?: 'now') => void
  /** Resolves when the client has taken it, not to be called again before; rejects when the client has left or takes nothing. */
  readonly send: (text: string) => Promise<void>
  readonly close: () => Promise<void>
}

/** How long an outlet waits, in milliseconds. */
export interface ClientWriterTimeouts {
  /** Between two comments while there is nothing to send. */
  readonly commentMs: number
  /** A client that takes nothing for so long counts as gone. */
  readonly stallMs: number
}

/**
 * Wraps the writable side of a stream to a client.
 * @param left is called, once or more, as soon as it shows that the client has gone.
 */
export function createClientWriter(
  writable: WritableStream<Uint8Array>,
  { commentMs, stallMs }: ClientWriterTimeouts,
  left: () => void,
): ClientWriter {
  const writer = writable.getWriter()
  let timer: ReturnType<typeof setTimeout> | undefined
  let lastTakenAt = Date.now()
  /** Writes that the client has not taken, and those that it has. */
  let pending = 0
  let taken = 0
  /** How many it had taken when it was last looked at while it was slow, and when that was seen first. */
  let seenTaken = -1
  let seenAt = 0
  let onStall: (error: Error) => void = () => {}
  writer.closed.catch(left)

  const sent = () => {
    pending--
    taken++
    lastTakenAt = Date.now()
  }
  const write = (bytes: Uint8Array) => {
    pending++
    return writer.write(bytes).then(sent)
  }
  const writeInPieces = async (bytes: Uint8Array) => {
    for (let from = 0; from < bytes.length; from += PIECE_BYTES) await write(bytes.subarray(from, from + PIECE_BYTES))
  }
  // Used again and again: a text is sent only when the client has taken the one before.
  let buffer = new Uint8Array(1024)
  const bytesOf = (text: string) => {
    const most = text.length * 3
    if (most > MAX_BYTES) return UTF8.encode(text)
    if (most > buffer.length) buffer = new Uint8Array(2 * most)
    return buffer.subarray(0, UTF8.encodeInto(text, buffer).written)
  }
  // One timer for a whole stream: it looks how long nothing was taken, and sleeps for what is left. A write itself looks at no
  // clock.
  const look = () => {
    const now = Date.now()
    if (pending > 0) {
      // The client is slow, not the provider: there is something on its way.
      if (seenTaken !== taken) {
        seenTaken = taken
        seenAt = now
      }
      const leftMs = stallMs - (now - seenAt)
      if (leftMs <= 0) return giveUp()
      timer = setTimeout(look, Math.min(commentMs, leftMs))
    } else if (now - lastTakenAt < commentMs) {
      timer = setTimeout(look, commentMs - (now - lastTakenAt))
    } else {
      timer = setTimeout(look, commentMs)
      write(COMMENT).catch(left)
    }
  }
  const giveUp = () => {
    left()
    const error = new Error('The client takes nothing.')
    onStall(error)
    writer.abort(error).catch(() => {})
  }
  return {
    keepAlive: (now) => {
      if (now === 'now') write(COMMENT).catch(left)
      timer ??= setTimeout(look, Math.min(commentMs, stallMs))
    },
    send: (text) => {
      const bytes = bytesOf(text)
      return bytes.length > PIECE_BYTES ? writeInPieces(bytes) : write(bytes)
    },
    // Its last bytes may wait for the client as long as any others.
    close: () =>
      new Promise<void>((resolve, reject) => {
        pending++
        onStall = reject
        writer.close().then(resolve, reject)
      }).finally(() => clearTimeout(timer)),
  }
}

/** What cannot be put into JSON, for it is nested too deeply, breaks the answer; it does not pass for a client that left. */
function encodeAll(
  said: readonly OutputEvent[],
  encode: StreamWriter,
): { text: string; over: 'end' | 'error' | undefined } {
  let text = ''
  let over: 'end' | 'error' | undefined
  try {
    for (const item of said) {
      text += encode(item)
      if (item.type === 'end' || item.type === 'error') over = item.type
    }
    return { text, over }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const failure = new Failure('provider-failed', UNSPEAKABLE, { reason })
    return { text: text + encode({ type: 'error', failure }), over: 'error' }
  }
}

const UNSPEAKABLE = "A part of the provider's answer cannot be passed on."

/**
 * Carries an answer to the client: one read, all its events, one write (spec/performance.md). A slow client slows the
 * reading. Resolves when the answer has ended or the client has left; rejects never.
 */
export async function streamToClient(
  answer: Answer,
  encode: StreamWriter,
  outlet: ClientWriter,
): Promise<'ended' | 'left'> {
  let said = answer.first
  try {
    outlet.keepAlive()
    for (;;) {
      const { text, over } = encodeAll(said, encode)
      if (text !== '') await outlet.send(text)
      if (over === 'error') answer.cancel()
      if (over !== undefined) break
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
