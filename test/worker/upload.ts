import http from 'node:http'

const PIECE_BYTES = 1024 * 1024
/** A server that answers from the headers alone gets the time to do it. */
const HEADERS_ONLY_MS = 40

export interface Upload {
  readonly url: string
  readonly method?: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
  /** Sent in chunks, its length not told. */
  readonly chunked?: boolean
}

/** Tries after a connection that was closed before its answer was read; each gives the server eight times as long. */
const TRIES = 4

/**
 * Sends a body as a careful client does: piece by piece, and no further once there is an answer. A server may close the
 * connection on the rest of a body that it refuses, and then the answer can be lost: such a request is sent again, slower.
 */
export async function upload(given: Upload): Promise<Response> {
  for (let slowness = 1, left = TRIES; ; slowness *= 8, left--) {
    try {
      return await send(given, slowness)
    } catch (error) {
      const closed = error instanceof Error && 'code' in error && /^(EPIPE|ECONNRESET)$/.test(String(error.code))
      if (!closed || left === 1) throw error
    }
  }
}

function send({ url, method = 'POST', headers, body, chunked = false }: Upload, slowness: number): Promise<Response> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const length: Record<string, string> = chunked
    ? { 'transfer-encoding': 'chunked' }
    : { 'content-length': String(bytes.byteLength) }
  return new Promise((resolve, reject) => {
    let answered = false
    const request = http.request(url, { method, headers: { ...headers, ...length }, agent: false }, (incoming) => {
      answered = true
      const pieces: Buffer[] = []
      incoming.on('data', (piece) => pieces.push(piece))
      incoming.on('error', reject)
      incoming.on('end', () => {
        request.destroy()
        resolve(
          new Response(Buffer.concat(pieces), {
            status: incoming.statusCode ?? 0,
            headers: Object.entries(incoming.headers).map(([name, value]): [string, string] => [name, String(value)]),
          }),
        )
      })
    })
    request.on('error', (error) => {
      if (!answered) reject(error)
    })
    request.flushHeaders()
    const write = (from: number) => {
      if (answered) return
      if (from >= bytes.byteLength) request.end()
      else
        request.write(bytes.subarray(from, from + PIECE_BYTES), () => setTimeout(write, slowness, from + PIECE_BYTES))
    }
    setTimeout(write, chunked || bytes.byteLength > PIECE_BYTES ? HEADERS_ONLY_MS * slowness : 0, 0)
  })
}
