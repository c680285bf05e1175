import { streamScript, vectorAnswer, wholeAnswer, wordAt } from './upstream-answers.ts'
import type { Order } from './upstream-order.ts'

/** An answer as bytes, ready to be sent: what goes out first, what follows one write at a time. */
export interface Answer {
  readonly first: Buffer
  readonly later: readonly Buffer[]
}

const known = new Map<string, Answer>()

/** The answer to an order, made once: sending must cost next to nothing. */
export function answerTo(order: Order): Answer {
  const { wire, stream, fails, encoding, events, eventsPerWrite, pauseMs } = order
  const vectors = encoding === undefined ? undefined : `${events} vectors, ${encoding}`
  const name = fails ? 'failing' : (vectors ?? (stream ? `${wire} ${events} ${eventsPerWrite} ${pauseMs}` : wire))
  const before = known.get(name)
  if (before !== undefined) return before
  const made = fails ? failure() : stream ? streamAnswer(order) : { first: whole(order), later: [] }
  known.set(name, made)
  return made
}

function failure(): Answer {
  const body = JSON.stringify({ error: { message: 'The server had an error.', type: 'server_error', code: null } })
  return { first: message('500 Internal Server Error', body), later: [] }
}

function whole({ wire, encoding, events }: Order): Buffer {
  return message('200 OK', encoding === undefined ? wholeAnswer(wire) : vectorAnswer(events, encoding))
}

function message(status: string, body: string): Buffer {
  const head = [
    'content-type: application/json',
    'x-request-id: req_bench',
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  return Buffer.from(`HTTP/1.1 ${status}\r\n${head.join('\r\n')}\r\n\r\n${body}`)
}

const STREAM_HEAD = [
  'HTTP/1.1 200 OK',
  'content-type: text/event-stream; charset=utf-8',
  'cache-control: no-cache',
  'x-request-id: req_bench',
  'transfer-encoding: chunked',
].join('\r\n')

function streamAnswer({ wire, events, eventsPerWrite, pauseMs }: Order): Answer {
  const { opening, word, closing } = streamScript(wire)
  const writes: Buffer[] = []
  for (let at = 0; at < events; at += eventsPerWrite) {
    let text = ''
    for (let next = at; next < Math.min(at + eventsPerWrite, events); next++) text += word(wordAt(next))
    writes.push(chunk(text))
  }
  const last = writes.pop() ?? Buffer.alloc(0)
  writes.push(Buffer.concat([last, chunk(closing), Buffer.from('0\r\n\r\n')]))
  // The first word goes with the opening: then the first chunk is a word for every gateway, and delays can be compared.
  const head = Buffer.concat([Buffer.from(`${STREAM_HEAD}\r\n\r\n`), chunk(opening), writes.shift() ?? Buffer.alloc(0)])
  return pauseMs === 0 ? { first: Buffer.concat([head, ...writes]), later: [] } : { first: head, later: writes }
}

/** One write of a provider is one HTTP chunk, and workerd reads it as one, however TCP has cut it. */
function chunk(text: string): Buffer {
  const size = Buffer.byteLength(text)
  return Buffer.from(size === 0 ? '' : `${size.toString(16)}\r\n${text}\r\n`)
}
