/** One event of an upstream stream: its data and its name, '' where it has none. */
export interface SseMessage {
  readonly event: string
  readonly data: string
}

/** An upstream event may be this long (contract 6); a longer one is the provider's failure. */
export const EVENT_MAX_BYTES = 8 * 1024 * 1024

/** Pieces of an unfinished line. */
const MAX_PIECES = 1024

/** Thrown by the parser for an event over `EVENT_MAX_BYTES`. */
export class EventTooLong extends Error {
  override readonly name = 'EventTooLong'
}

/** Turns bytes, cut anywhere, into the messages that are whole by then. */
export interface SseParser {
  /** @throws EventTooLong */
  readonly feed: (bytes: Uint8Array) => readonly SseMessage[]
  /** The stream has ended: the last message counts even without its blank line. */
  readonly end: () => readonly SseMessage[]
}

/**
 * A parser for `text/event-stream` (WHATWG HTML, "Server-sent events"): LF, CRLF or CR, a BOM, comments, data over
 * several lines. One liberty: Google breaks off a stream with a bare JSON error that has no `data:` (translation 2.3), so
 * a line that begins with `{` opens bare data, which runs to the end of the stream or the next blank line.
 * @param byLine each line is a message of its own: not `text/event-stream` but NDJSON.
 */
export function createSseParser(byLine = false): SseParser {
  const decoder = new TextDecoder()
  // An unfinished line is kept in pieces: joining them at each read would make a long event cost its square.
  let pieces: string[] = []
  // What some of them were joined to: a provider that sends byte by byte would fill the memory with pieces.
  let joined: string[] = []
  let held = 0
  let afterReturn = false
  let event = ''
  let data: string | undefined
  let bare = false

  const dispatch = (messages: SseMessage[]) => {
    if (data !== undefined) messages.push({ event, data })
    event = ''
    data = undefined
    held = 0
    bare = false
  }

  const line = (text: string, messages: SseMessage[]) => {
    if (text === '') return dispatch(messages)
    if (byLine) {
      messages.push({ event, data: text })
      return
    }
    if (bare || (data === undefined && text.charCodeAt(0) === 123) /* { */) {
      bare = true
      data = data === undefined ? text : `${data}\n${text}`
      held += text.length
    } else if (text.startsWith('data:')) {
      const value = text.slice(text.charCodeAt(5) === 32 ? 6 : 5)
      data = data === undefined ? value : `${data}\n${value}`
      held += value.length
    } else if (text.startsWith('event:')) {
      event = text.slice(text.charCodeAt(6) === 32 ? 7 : 6)
    }
    if (held > EVENT_MAX_BYTES) throw new EventTooLong()
  }

  const feedText = (text: string, byteLength: number): readonly SseMessage[] => {
    const messages: SseMessage[] = []
    let rest = text
    if (afterReturn && rest.startsWith('\n')) rest = rest.slice(1)
    if (text !== '') afterReturn = false
    if (rest.includes('\r')) {
      afterReturn = rest.endsWith('\r')
      rest = rest.replace(/\r\n?/g, '\n')
    }
    let from = 0
    for (;;) {
      const end = rest.indexOf('\n', from)
      if (end < 0) break
      let whole = rest.slice(from, end)
      if (pieces.length > 0 || joined.length > 0) {
        whole = joined.join('') + pieces.join('') + whole
        pieces = []
        joined = []
      }
      from = end + 1
      held = data?.length ?? 0
      line(whole, messages)
    }
    if (from < rest.length) {
      pieces.push(from === 0 ? rest : rest.slice(from))
      if (pieces.length === MAX_PIECES) {
        joined.push(pieces.join(''))
        pieces = []
      }
      // In bytes, as it came: a character may be four of them.
      held += Math.ceil(((rest.length - from) * byteLength) / text.length)
      if (held > EVENT_MAX_BYTES) throw new EventTooLong()
    }
    return messages
  }

  return {
    feed: (bytes) => feedText(decoder.decode(bytes, { stream: true }), bytes.byteLength),
    end: () => {
      // Two line ends close whatever line and event are still open.
      afterReturn = false
      return feedText(`${decoder.decode()}\n\n`, 0)
    },
  }
}

/** Ends a complete stream (contract 4.5), and nothing else. */
export const SSE_DONE = 'data: [DONE]\n\n'

/** Keeps a silent stream alive (contract 4.6). */
export const SSE_COMMENT = ': router9\n\n'
