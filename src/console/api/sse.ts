/** An event of a stream. `name` is empty where it has none. */
interface SseEvent {
  readonly name: string
  readonly data: string
}

/**
 * Reads a body to its end. @param take gets each piece of it as it comes, and how many bytes that was.
 * @throws TypeError where the connection breaks; AbortError where the request was aborted
 */
export async function readText(
  stream: ReadableStream<Uint8Array>,
  take: (text: string, bytes: number) => void,
): Promise<void> {
  const [decoder, reader] = [new TextDecoder(), stream.getReader()]
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    take(decoder.decode(value, { stream: true }), value.length)
  }
}

/** Reads Server-Sent Events out of text that comes in any pieces. */
export function createSseReader(): (text: string) => readonly SseEvent[] {
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
