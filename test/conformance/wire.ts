const encoder = new TextEncoder()

/** Rebuilds the bytes a provider sent from a stored file, by the words of the manifest's `to_wire` column. */
export function rebuildWire(toWire: string, stored: Uint8Array): Uint8Array {
  if (/^(already the wire|wire bytes|whole HTTP body|NDJSON)/.test(toWire)) return stored
  if (!/(^|; )JSONL/.test(toWire)) throw new Error(`to_wire is not understood: ${toWire}`)
  // The column writes line ends as the two characters \r and \n spelled out.
  const lineEnd = toWire.includes('\\r\\n') ? '\r\n' : '\n'
  const named = toWire.includes('event: <line.type>')
  const lines = new TextDecoder().decode(stored).split(/\r?\n/)
  let wire = ''
  for (const line of lines) {
    if (line.trim() === '') continue
    if (named) wire += `event: ${eventType(line)}${lineEnd}`
    wire += `data: ${line}${lineEnd}${lineEnd}`
  }
  if (/then "data: \[DONE\]/.test(toWire)) wire += `data: [DONE]${lineEnd}${lineEnd}`
  return encoder.encode(wire)
}

function eventType(line: string): string {
  const parsed = JSON.parse(line) as { type?: string }
  if (typeof parsed.type !== 'string') throw new Error('an event line without a type cannot be given its event name')
  return parsed.type
}

/** Content type of a recording, from the manifest and the file's name. */
export function contentTypeOf(toWire: string, file: string): string {
  if (toWire.startsWith('NDJSON')) return 'application/x-ndjson'
  if (/text\/html/.test(toWire) || file.endsWith('.html')) return 'text/html; charset=UTF-8'
  if (toWire.startsWith('whole HTTP body')) return 'application/json'
  return 'text/event-stream; charset=utf-8'
}

/** Byte offsets just after each event: an SSE block that holds data, or a line of NDJSON. */
export function eventEnds(wire: Uint8Array, contentType: string): number[] {
  // Latin-1 keeps one character for one byte, so positions in the text are positions in the bytes.
  const text = new TextDecoder('latin1').decode(wire)
  const separator = contentType.startsWith('application/x-ndjson') ? /\n|$/g : /\r?\n\r?\n|$/g
  const ends: number[] = []
  let begin = 0
  for (const match of text.matchAll(separator)) {
    const end = match.index + match[0].length
    const block = text.slice(begin, end)
    if (contentType.startsWith('text/event-stream') ? /^data:/m.test(block) : block.trim() !== '') ends.push(end)
    begin = end
  }
  return ends
}

/** Where and how a replay ends early. */
export type Cut = { events: number } | { bytes: number }

/** The first part of a recording's bytes: so many whole events, or so many bytes. */
export function cutWire(wire: Uint8Array, contentType: string, cut: Cut): Uint8Array {
  if ('bytes' in cut) return wire.subarray(0, cut.bytes)
  if (cut.events === 0) return wire.subarray(0, 0)
  return wire.subarray(0, eventEnds(wire, contentType)[cut.events - 1] ?? wire.length)
}

/** How a stream may be written otherwise and still say the same. */
export type Dress = { lineEnd?: '\n' | '\r\n' | '\r'; bom: boolean; comments: boolean }

/** The same events with other line ends, a byte order mark before them, comment lines between them. */
export function dressWire(wire: Uint8Array, { lineEnd, bom, comments }: Dress, contentType = ''): Uint8Array {
  let text = new TextDecoder().decode(wire)
  // Lines of JSON have no comments between them.
  if (comments && !contentType.startsWith('application/x-ndjson')) {
    text = text.replace(/(?<=\n)(\r?\n)(?=.)/g, '$1: between events$1:$1$1: data: not an event$1')
    text = `: before the first event\n\n${text}`
  }
  if (lineEnd !== undefined) text = text.replace(/\r\n|\r|\n/g, lineEnd)
  return encoder.encode(bom ? `\uFEFF${text}` : text)
}
