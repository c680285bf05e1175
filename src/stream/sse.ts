import { createLineState, EVENT_MAX_BYTES, EventTooLong, endBytes, type LineState, pushBytes } from './lines.ts'

/** One message of an upstream stream: its data and the name of its event, '' where it has none. */
export interface StreamMessage {
  readonly event: string
  readonly data: string
}

/** Turns bytes, cut anywhere, into the messages that are complete by then. */
export interface MessageParser {
  /** @throws EventTooLong */
  readonly push: (bytes: Uint8Array) => readonly StreamMessage[]
  /** The stream has ended: the last message counts even without its blank line. */
  readonly end: () => readonly StreamMessage[]
}

interface SseState {
  readonly lines: LineState
  messages: StreamMessage[]
  event: string
  data: string | undefined
  /** The data has no field name in front: it goes on to the next blank line. */
  isBare: boolean
}

const OPENING_BRACE = 0x7b
const SPACE = 0x20

/**
 * A parser for `text/event-stream` (WHATWG HTML, "Server-sent events"): LF, CRLF or CR, a BOM, comments, data over several
 * lines. One addition: Google breaks off a stream with a JSON error that has no `data:` in front (translation 2.3), so a line
 * that begins with `{` opens bare data, which goes on to the end of the stream or the next blank line.
 */
export function createSseParser(): MessageParser {
  const state: SseState = { lines: createLineState(), messages: [], event: '', data: undefined, isBare: false }
  const onLine = (line: string) => pushLine(state, line)
  const take = () => {
    const { messages } = state
    if (messages.length > 0) state.messages = []
    return messages
  }
  return {
    push: (bytes) => {
      pushBytes(state.lines, bytes, onLine)
      return take()
    },
    end: () => {
      endBytes(state.lines, onLine)
      return take()
    },
  }
}

function pushLine(state: SseState, line: string): void {
  if (line === '') {
    dispatch(state)
  } else if (state.isBare || (state.data === undefined && line.charCodeAt(0) === OPENING_BRACE)) {
    state.isBare = true
    addData(state, line)
  } else if (line.startsWith('data:')) {
    addData(state, line.slice(line.charCodeAt(5) === SPACE ? 6 : 5))
  } else if (line.startsWith('event:')) {
    state.event = line.slice(line.charCodeAt(6) === SPACE ? 7 : 6)
  }
}

function addData(state: SseState, value: string): void {
  state.data = state.data === undefined ? value : `${state.data}\n${value}`
  if (state.data.length > EVENT_MAX_BYTES) throw new EventTooLong()
}

function dispatch(state: SseState): void {
  if (state.data !== undefined) state.messages.push({ event: state.event, data: state.data })
  state.event = ''
  state.data = undefined
  state.isBare = false
}

/** Ends a complete stream (contract 4.5), and nothing else. */
export const SSE_DONE = 'data: [DONE]\n\n'

/** Keeps a silent stream alive (contract 4.6). */
export const SSE_COMMENT = ': router9\n\n'
