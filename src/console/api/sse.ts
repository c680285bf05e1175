/** An event of a stream. `name` is empty where it has none. */
export interface SseEvent {
  readonly name: string
  readonly data: string
}

/**
 * Reads a stream of Server-Sent Events to its end. @param take gets each piece as it comes, and the events that are complete with
 * it. @throws TypeError where the connection breaks; AbortError where the request was aborted.
 */
export async function readSse(
  stream: ReadableStream<Uint8Array>,
  take: (text: string, events: readonly SseEvent[]) => void,
): Promise<void> {
  const [readEvents, decoder, reader] = [createSseReader(), new TextDecoder(), stream.getReader()]
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const text = decoder.decode(value, { stream: true })
    take(text, readEvents(text))
  }
}

/** Reads events out of text that comes in any pieces. */
function createSseReader(): (text: string) => readonly SseEvent[] {
  // The line that is not complete yet is kept in pieces: a giant one would otherwise be copied with each of them.
  let unfinished: string[] = []
  let data: string[] = []
  let name = ''
  return (text) => {
    const events: SseEvent[] = []
    let from = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
      const line = (unfinished.join('') + text.slice(from, end)).replace(/\r$/, '')
      unfinished = []
      from = end + 1
      if (line.startsWith('data:')) data.push(line.slice('data:'.length).trim())
      if (line.startsWith('event:')) name = line.slice('event:'.length).trim()
      if (line !== '') continue
      if (data.length > 0) events.push({ name, data: data.join('\n') })
      data = []
      name = ''
    }
    if (from < text.length) unfinished.push(text.slice(from))
    return events
  }
}
