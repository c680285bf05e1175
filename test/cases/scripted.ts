import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { listen } from '../harness/listen.ts'

/** What is written next: bytes, a pause in milliseconds, something to wait for, or a text again and again. */
export type Piece =
  | string
  | Uint8Array
  | { readonly pauseMs: number }
  | { readonly until: Promise<void> }
  | { readonly repeat: string; readonly while: () => boolean }

/** What an upstream answers, byte by byte as a test wants it. */
export interface Script {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly pieces: readonly Piece[]
  /** Called when the connection is closed. */
  readonly closed?: () => void
  /**
   * How the answer ends: properly; by FIN without the proper end; by FIN where the end of the connection is the end of the
   * body, so that a cut looks like a clean end; or by RST.
   */
  readonly ending?: 'whole' | 'cut' | 'closed' | 'reset'
}

/** What the upstream was asked. */
export interface Asked {
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Record<string, unknown>
  /** The body as it came. */
  readonly text: string
}

type Play = Script | ((asked: Asked) => Script)

/** A provider that says what it is told to. */
export interface Scripted {
  readonly url: string
  /** The answers to the next requests, one each; the last one goes on. Forgets what was asked before. */
  readonly play: (...scripts: readonly Play[]) => void
  readonly asked: () => readonly Asked[]
  readonly close: () => Promise<void>
}

/** Starts a scripted upstream on a free port. */
export async function startScripted(): Promise<Scripted> {
  let scripts: readonly Play[] = []
  let asked: Asked[] = []
  const server = createServer((request, response) => {
    request.socket.setNoDelay(true)
    answer(request, response, (one) => {
      const script = scripts[Math.min(asked.length, scripts.length - 1)]
      asked.push(one)
      if (script === undefined) throw new Error('nothing to play')
      return typeof script === 'function' ? script(one) : script
    }).catch(() => response.destroy())
  })
  const port = await listen(server)
  return {
    url: `http://127.0.0.1:${port}`,
    play: (...next) => {
      scripts = next
      asked = []
    },
    asked: () => asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, choose: (asked: Asked) => Script) {
  const received: Buffer[] = []
  for await (const piece of request) received.push(piece as Buffer)
  const { url = '', headers } = request
  const text = Buffer.concat(received).toString('utf8')
  const script = choose({ path: url, headers, body: JSON.parse(text), text })
  const { ending = 'whole', closed = () => {} } = script
  response.once('close', closed)
  if (ending === 'closed') {
    response.shouldKeepAlive = false
    response.useChunkedEncodingByDefault = false
  }
  response.writeHead(script.status ?? 200, script.headers ?? {})
  response.flushHeaders()
  for (const piece of script.pieces) await write(response, piece)
  if (ending === 'reset') {
    // What was written goes out first, or the reset overtakes it.
    await sleep(20)
    response.socket?.resetAndDestroy()
  } else if (ending === 'cut') response.socket?.end()
  else response.end()
}

async function write(response: ServerResponse, piece: Piece): Promise<void> {
  if (typeof piece === 'object' && 'pauseMs' in piece) return sleep(piece.pauseMs)
  if (typeof piece === 'object' && 'until' in piece) return piece.until
  if (typeof piece === 'object' && 'repeat' in piece) {
    while (piece.while()) await write(response, piece.repeat)
    return
  }
  if (piece.length > 0) await new Promise<void>((resolve) => response.write(piece, () => resolve()))
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
