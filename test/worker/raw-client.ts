import net from 'node:net'
import { DEMO_KEY } from '../harness/worker.ts'

/** A client on a bare socket, which can leave as rudely as clients do. */
export interface RawClient {
  readonly received: () => string
  /** How many bytes came so far. */
  readonly receivedBytes: () => number
  readonly pause: () => void
  readonly resume: () => void
  /** Reads one piece at a time from now on, with pauses between them, until `resume`. */
  readonly trickle: (pauseMs: number) => void
  /** Leaves: `rst` resets the connection, `fin` closes it. */
  readonly leave: (how: 'rst' | 'fin') => void
  /** Resolves when the other side has ended the connection. */
  readonly ended: Promise<void>
}

/** Posts to chat completions, or to the path of the address, over a connection of its own. `keep` may be false where megabytes are to come. */
export function openRawClient(url: string, body: unknown, keep = true, key = DEMO_KEY): RawClient {
  const { hostname, port, host, pathname } = new URL(url)
  const json = JSON.stringify(body)
  const socket = net.connect({ host: hostname, port: Number(port) })
  let text = ''
  let bytes = 0
  let trickleMs: number | undefined
  socket.on('data', (piece: Buffer) => {
    if (trickleMs !== undefined) {
      socket.pause()
      setTimeout(() => socket.resume(), trickleMs)
    }
    bytes += piece.length
    if (keep) text += piece.toString('utf8')
    else text = (text + piece.toString('latin1')).slice(-200)
  })
  const ended = new Promise<void>((resolve) => {
    socket.on('end', resolve)
    socket.on('close', () => resolve())
    socket.on('error', () => resolve())
  })
  const head = [
    `POST ${pathname === '/' ? '/v1/chat/completions' : pathname} HTTP/1.1`,
    `host: ${host}`,
    `authorization: Bearer ${key}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(json)}`,
    'connection: close',
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n${json}`)
  return {
    received: () => text,
    receivedBytes: () => bytes,
    pause: () => socket.pause(),
    resume: () => {
      trickleMs = undefined
      socket.resume()
    },
    trickle: (pauseMs) => {
      trickleMs = pauseMs
      socket.resume()
    },
    leave: (how) => (how === 'rst' ? socket.resetAndDestroy() : socket.destroy()),
    ended,
  }
}
