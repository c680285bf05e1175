import net, { type Socket } from 'node:net'
import { createHttpReader } from './http-reader.ts'

/** One request, as bytes on the wire. */
export interface Shot {
  readonly host: string
  readonly port: number
  readonly bytes: Buffer
}

/** What came back. Times are since the request was sent. */
export interface Hit {
  readonly status: number
  readonly ms: number
  /** Until the first byte of the body. */
  readonly firstChunkMs: number
  /** The last bytes of the body. */
  readonly tail: Buffer
  /** The connection broke; nothing else counts then. */
  readonly error?: string
}

/** A keep-alive connection that sends one request at a time. */
export interface Client {
  readonly fire: (shot: Shot, onBody?: (piece: Buffer) => void) => Promise<Hit>
  readonly close: () => void
}

const TAIL_BYTES = 64
const NOTHING: Buffer = Buffer.alloc(0)

export function createClient(): Client {
  let socket: Socket | undefined
  let done: ((hit: Hit) => void) | undefined
  let status = 0
  let sentAt = 0
  let firstAt = 0
  let tail = NOTHING
  let listener: ((piece: Buffer) => void) | undefined

  const finish = (error?: string) => {
    const now = performance.now()
    const resolve = done
    done = undefined
    const hit = { status, ms: now - sentAt, firstChunkMs: firstAt - sentAt, tail }
    resolve?.(error === undefined ? hit : { ...hit, error })
  }
  const connect = ({ host, port }: Shot): Socket => {
    const reader = createHttpReader({
      head: (head) => {
        status = Number(head.slice(9, 12))
      },
      body: (piece) => {
        if (firstAt === 0) firstAt = performance.now()
        tail =
          piece.length >= TAIL_BYTES ? piece.subarray(-TAIL_BYTES) : Buffer.concat([tail, piece]).subarray(-TAIL_BYTES)
        listener?.(piece)
      },
      end: () => finish(),
    })
    const fresh = net.connect({ host, port, noDelay: true })
    fresh.on('data', reader.feed)
    fresh.on('error', (error) => finish(error.message))
    fresh.on('close', () => {
      if (socket === fresh) socket = undefined
      finish('closed before the answer was complete')
    })
    return fresh
  }
  return {
    fire: (shot, onBody) =>
      new Promise((resolve) => {
        done = resolve
        listener = onBody
        status = 0
        firstAt = 0
        tail = NOTHING
        socket ??= connect(shot)
        sentAt = performance.now()
        socket.write(shot.bytes)
      }),
    close: () => socket?.destroy(),
  }
}

/** A POST of JSON as bytes. */
export function shotAt(url: URL, body: string, headers: Readonly<Record<string, string>>): Shot {
  const lines = [
    `POST ${url.pathname}${url.search} HTTP/1.1`,
    `host: ${url.host}`,
    'accept: */*',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ]
  return {
    host: url.hostname,
    port: Number(url.port || 80),
    bytes: Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`),
  }
}

/** Keeps so many requests under way for so long, and waits for the last of them. */
export async function load(shot: Shot, concurrency: number, forMs: number): Promise<Hit[]> {
  const until = performance.now() + forMs
  const clients = Array.from({ length: concurrency }, createClient)
  const hits = await fireAll(clients, shot, () => performance.now() < until)
  for (const client of clients) client.close()
  return hits
}

/** Each client sends one request, and another one after it for as long as it may. */
export async function fireAll(clients: readonly Client[], shot: Shot, mayGoOn: () => boolean): Promise<Hit[]> {
  const hits: Hit[] = []
  const work = async ({ fire }: Client) => {
    do hits.push(await fire(shot))
    while (mayGoOn())
  }
  await Promise.all(clients.map(work))
  return hits
}
