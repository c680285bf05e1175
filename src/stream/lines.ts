/** A line or an event of a provider may be this long (contract 6); a longer one is the provider's failure. */
export const EVENT_MAX_BYTES = 8 * 1024 * 1024

/** Pieces of an unfinished line. */
const MAX_PIECES = 1024

/** Thrown for a line or an event over `EVENT_MAX_BYTES`. */
export class EventTooLong extends Error {
  override readonly name = 'EventTooLong'
}

/** Bytes of UTF-8, cut anywhere, as far as they have become lines. */
export interface LineState {
  readonly decoder: TextDecoder
  /** An unfinished line in pieces: joining them at each read would make the work on a long line quadratic. */
  pieces: string[]
  /** What some of them were joined to: a provider that sends byte by byte would fill the memory with pieces. */
  joined: string[]
  /** Of the unfinished line. */
  byteLength: number
  /** The last character was a CR: a LF after it belongs to it. */
  isAfterReturn: boolean
}

export function createLineState(): LineState {
  return { decoder: new TextDecoder(), pieces: [], joined: [], byteLength: 0, isAfterReturn: false }
}

/** Calls `onLine` for each line that ends in these bytes: by LF, CRLF or CR. @throws EventTooLong */
export function pushBytes(state: LineState, bytes: Uint8Array, onLine: (line: string) => void): void {
  pushText(state, state.decoder.decode(bytes, { stream: true }), bytes.byteLength, onLine)
}

/** The bytes are over: the last line counts even without its end, and an empty line follows. */
export function endBytes(state: LineState, onLine: (line: string) => void): void {
  state.isAfterReturn = false
  pushText(state, `${state.decoder.decode()}\n\n`, 0, onLine)
}

function pushText(state: LineState, text: string, byteLength: number, onLine: (line: string) => void): void {
  const rest = withLineFeeds(state, text)
  let from = 0
  for (;;) {
    const end = rest.indexOf('\n', from)
    if (end < 0) break
    const line = rest.slice(from, end)
    from = end + 1
    onLine(state.pieces.length > 0 || state.joined.length > 0 ? takePieces(state) + line : line)
  }
  if (from < rest.length) {
    keepPiece(state, from === 0 ? rest : rest.slice(from))
    // In bytes, as it came: a character may be four of them.
    state.byteLength += Math.ceil(((rest.length - from) * byteLength) / text.length)
    if (state.byteLength > EVENT_MAX_BYTES) throw new EventTooLong()
  }
}

function withLineFeeds(state: LineState, text: string): string {
  if (text === '') return text
  const rest = state.isAfterReturn && text.startsWith('\n') ? text.slice(1) : text
  state.isAfterReturn = false
  if (!rest.includes('\r')) return rest
  state.isAfterReturn = rest.endsWith('\r')
  return rest.replace(/\r\n?/g, '\n')
}

function keepPiece(state: LineState, piece: string): void {
  state.pieces.push(piece)
  if (state.pieces.length < MAX_PIECES) return
  state.joined.push(state.pieces.join(''))
  state.pieces = []
}

function takePieces(state: LineState): string {
  const line = state.joined.join('') + state.pieces.join('')
  state.pieces = []
  state.joined = []
  state.byteLength = 0
  return line
}
