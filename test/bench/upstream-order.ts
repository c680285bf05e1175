import type { Encoding, Wire } from './upstream-answers.ts'

/** How the mock upstream is to answer one request. */
export interface Order {
  readonly wire: Wire
  readonly stream: boolean
  readonly fails: boolean
  /** Of vectors, where it is a request for some: then `events` is how many. */
  readonly encoding?: Encoding
  /** Words in a stream. */
  readonly events: number
  readonly eventsPerWrite: number
  /** Between two writes; 0 for all at once. */
  readonly pauseMs: number
}

/** What a request's text says to the mock upstream: it travels in the user's own words, which every gateway passes on. */
export function orderText({
  events,
  eventsPerWrite,
  pauseMs,
}: Pick<Order, 'events' | 'eventsPerWrite' | 'pauseMs'>): string {
  return `mock(${events},${eventsPerWrite},${pauseMs})`
}

const MARK = Buffer.from('mock(')
const PACKED = Buffer.from('"base64"')
const STREAMED = Buffer.from('"stream":true')

/** Reads the order out of a request. */
export function readOrder(head: string, body: Buffer): Order {
  const path = head.slice(head.indexOf(' ') + 1, head.indexOf(' HTTP'))
  const at = body.indexOf(MARK)
  const [events = 100, eventsPerWrite = 1, pauseMs = 0] =
    at < 0
      ? []
      : body
          .toString('latin1', at + MARK.length, body.indexOf(41 /* ) */, at))
          .split(',')
          .map(Number)
  const wire = wireOf(path)
  const isVectors = path.endsWith('/embeddings')
  return {
    wire,
    stream: wire === 'gemini' ? path.includes(':streamGenerateContent') : body.includes(STREAMED),
    fails: path.startsWith('/failing/'),
    ...(isVectors ? { encoding: body.includes(PACKED) ? 'base64' : 'float' } : {}),
    // Who asks for vectors may divide the texts.
    events: isVectors ? textsIn(body) : events,
    eventsPerWrite,
    pauseMs,
  }
}

function wireOf(path: string): Wire {
  if (path.includes('enerateContent')) return 'gemini'
  if (path.endsWith('/messages')) return 'anthropic'
  return path.endsWith('/v2/chat') ? 'cohere' : 'openai'
}

function textsIn(body: Buffer): number {
  const { input } = JSON.parse(body.toString()) as { input: string | string[] }
  return Array.isArray(input) ? input.length : 1
}
