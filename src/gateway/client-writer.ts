import type { OutputEvent } from '../chat/event.ts'
import { Failure } from '../chat/failure.ts'
import type { StreamWriter } from '../formats/format.ts'
import type { Answer } from './attempt.ts'

const UTF8 = new TextEncoder()
/** Longer texts get a buffer of their own. */
const MAX_BYTES = 16 * 1024
/** Longer texts go out in pieces of this size, so that it shows whether the client takes any. */
const PIECE_BYTES = 64 * 1024

/** Writes an answer to its client. */
export interface ClientWriter {
  /** Sends the keep-alive whenever nothing was sent for a while (contract 4.6); with `now` the first one at once. */
  readonly keepAlive: (now?: 'now') => void
  /** Resolves when the client has taken it; not to be called again before. Rejects when the client has disconnected or takes nothing. */
  readonly send: (text: string) => Promise<void>
  readonly close: () => Promise<void>
}

export interface ClientWriterOptions {
  /** Goes out while there is nothing to send. */
  readonly keepAlive: string
  /** It is the beginning of an event: more of them are spaces, and the next text goes on behind it. */
  readonly keepAliveBegins?: true | undefined
  /** Between two of them, in milliseconds. */
  readonly keepAliveMs: number
  /** A client that takes nothing for so many milliseconds counts as disconnected. */
  readonly stallMs: number
  /** Called, once or more, as soon as a write shows that the client has disconnected. */
  readonly onDisconnect: () => void
}

/** Wraps the writable side of a stream to a client. */
export function createClientWriter(
  writable: WritableStream<Uint8Array>,
  { keepAlive, keepAliveBegins, keepAliveMs, stallMs, onDisconnect }: ClientWriterOptions,
): ClientWriter {
  const writer = writable.getWriter()
  let timer: ReturnType<typeof setTimeout> | undefined
  let lastTakenAt = Date.now()
  /** How many writes the client has not taken yet, and how many it has. */
  let pending = 0
  let taken = 0
  /** For the check of a slow client: `taken` at the last check, and when the check saw that number first. */
  let seenTaken = -1
  let seenAt = 0
  let onStall: (error: Error) => void = () => {}
  writer.closed.catch(onDisconnect)

  const wasTaken = () => {
    pending--
    taken++
    lastTakenAt = Date.now()
  }
  const write = (bytes: Uint8Array) => {
    pending++
    return writer.write(bytes).then(wasTaken)
  }
  /** An event has begun with a keep-alive. */
  let hasBegun = false
  const sendKeepAlive = () => {
    const text = hasBegun ? ' ' : keepAlive
    hasBegun = keepAliveBegins === true
    write(UTF8.encode(text)).catch(onDisconnect)
  }
  const writeInPieces = async (bytes: Uint8Array) => {
    for (let from = 0; from < bytes.length; from += PIECE_BYTES) await write(bytes.subarray(from, from + PIECE_BYTES))
  }
  // One buffer for all texts: each is sent only when the client has taken the one before.
  let buffer = new Uint8Array(1024)
  const bytesOf = (text: string) => {
    const maxBytes = text.length * 3
    if (maxBytes > MAX_BYTES) return UTF8.encode(text)
    if (maxBytes > buffer.length) buffer = new Uint8Array(2 * maxBytes)
    return buffer.subarray(0, UTF8.encodeInto(text, buffer).written)
  }
  // One timer for a whole stream: it looks how long nothing was taken, and sleeps for the rest. So a write needs no timer.
  const look = () => {
    const now = Date.now()
    if (pending > 0) {
      // Something is on its way: the client is slow, not the provider.
      if (seenTaken !== taken) {
        seenTaken = taken
        seenAt = now
      }
      const leftMs = stallMs - (now - seenAt)
      if (leftMs <= 0) return giveUp()
      timer = setTimeout(look, Math.min(keepAliveMs, leftMs))
    } else if (now - lastTakenAt < keepAliveMs) {
      timer = setTimeout(look, keepAliveMs - (now - lastTakenAt))
    } else {
      timer = setTimeout(look, keepAliveMs)
      sendKeepAlive()
    }
  }
  const giveUp = () => {
    onDisconnect()
    const error = new Error('The client takes nothing.')
    onStall(error)
    writer.abort(error).catch(() => {})
  }
  return {
    keepAlive: (now) => {
      if (now === 'now') sendKeepAlive()
      timer ??= setTimeout(look, Math.min(keepAliveMs, stallMs))
    },
    send: (text) => {
      const bytes = bytesOf(hasBegun && text.startsWith(keepAlive) ? text.slice(keepAlive.length) : text)
      hasBegun = false
      return bytes.length > PIECE_BYTES ? writeInPieces(bytes) : write(bytes)
    },
    // Its last bytes may wait for the client as long as all others.
    close: () =>
      new Promise<void>((resolve, reject) => {
        pending++
        onStall = reject
        writer.close().then(resolve, reject)
      }).finally(() => clearTimeout(timer)),
  }
}

interface Written {
  readonly text: string
  /** Where in the text the end of the answer begins. */
  readonly endAt: number
  readonly end: 'end' | 'error' | undefined
}

/** What is nested too deeply to be written as JSON breaks the answer; it must not look like a disconnect of the client. */
function writeAll(events: readonly OutputEvent[], write: StreamWriter): Written {
  let text = ''
  let endAt = 0
  let end: Written['end']
  try {
    for (const event of events) {
      endAt = text.length
      text += write(event)
      if (event.type === 'end' || event.type === 'error') end = event.type
    }
    return { text, endAt, end }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const failure = new Failure('provider-failed', NOT_WRITABLE, { reason })
    return { text: text + write({ type: 'error', failure }), endAt, end: 'error' }
  }
}

const NOT_WRITABLE = "A part of the provider's answer cannot be passed on."

/**
 * Writes an answer to the client: one read, all its events, one write. A slow client slows the reading down. Resolves when the
 * answer has ended or the client has disconnected and nothing more is read for it; never rejects.
 * @param beforeEnd is waited for before the end of a complete answer goes out, and gives its text; it must not reject.
 */
export async function streamToClient(
  answer: Answer,
  write: StreamWriter,
  writer: ClientWriter,
  beforeEnd?: (text: string) => Promise<string>,
): Promise<'ended' | 'left'> {
  let events = answer.first
  try {
    writer.keepAlive()
    for (;;) {
      const { text, endAt, end } = writeAll(events, write)
      if (end === 'end' && beforeEnd !== undefined) {
        if (endAt > 0) await writer.send(text.slice(0, endAt))
        await writer.send(await beforeEnd(text.slice(endAt)))
      } else if (text !== '') await writer.send(text)
      if (end === 'error') answer.cancel()
      if (end !== undefined) break
      events = await answer.next()
    }
    await writer.close()
    return 'ended'
  } catch {
    for (const event of await answer.leave()) write(event)
    await writer.close().catch(() => {})
    return 'left'
  }
}
