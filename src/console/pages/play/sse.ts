/** Reads the data of Server-Sent Events out of text that comes in any pieces. */
export function createSseReader(): (text: string) => readonly string[] {
  // The line that is not complete yet is kept in pieces: a giant one would otherwise be copied with each of them.
  let unfinished: string[] = []
  let data: string[] = []
  return (text) => {
    const events: string[] = []
    let from = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
      const line = (unfinished.join('') + text.slice(from, end)).replace(/\r$/, '')
      unfinished = []
      from = end + 1
      if (line.startsWith('data:')) data.push(line.slice('data:'.length).trim())
      if (line !== '' || data.length === 0) continue
      events.push(data.join('\n'))
      data = []
    }
    if (from < text.length) unfinished.push(text.slice(from))
    return events
  }
}
