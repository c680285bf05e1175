/** One event of a server-sent event stream. */
export type SseEvent = { event: string; data: string }

/**
 * The events of a whole stream by the SSE standard. An event without a blank line after it is dispatched too.
 * `strays` are the lines that belong to no SSE field: some providers put a bare JSON error between events.
 */
export function readEvents(text: string): { events: SseEvent[]; strays: string } {
  const events: SseEvent[] = []
  const strays: string[] = []
  let event = ''
  let data: string[] = []
  const dispatch = () => {
    if (data.join('').length > 0) events.push({ event, data: data.join('\n') })
    event = ''
    data = []
  }
  for (const line of text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)) {
    if (line === '') {
      dispatch()
      continue
    }
    if (line.startsWith(':')) continue
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'data') data.push(value)
    else if (name === 'event') event = value
    else if (name !== 'id' && name !== 'retry') strays.push(line)
  }
  dispatch()
  return { events, strays: strays.join('\n') }
}
