import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Recording } from './manifest.ts'
import { type Cut, cutWire, type Dress, dressWire } from './wire.ts'

/** What a prompt asks of the replay: which recording, written how, in which pieces, ended where. */
export type ReplayOrder = {
  file: string
  split: 'whole' | 'bytes' | { seed: number }
  cut?: Cut
  reset: boolean
  dress?: Dress
}

const LINE_ENDS = { lf: '\n', crlf: '\r\n', cr: '\r' } as const

/** A running replay server. */
export type Replay = { url: string; port: number; close(): Promise<void> }

/**
 * Finds the order in the raw text of a request body. The last one counts, because it is in the last user message:
 * `recording:<file> split:1|split:random:<seed> cut:<events>|cutbytes:<bytes> end:reset lines:lf|crlf|cr with:bom|comments`.
 */
export function readOrder(body: string): ReplayOrder | undefined {
  const begin = body.lastIndexOf('recording:')
  if (begin < 0) return undefined
  // A JSON string ends at a quote, and an escaped line end begins with a backslash.
  const words = (/^[^"\\]+/.exec(body.slice(begin))?.[0] ?? '').split(/\s+/)
  const undressed = { bom: false, comments: false }
  const order: ReplayOrder = { file: (words[0] ?? '').slice('recording:'.length), split: 'whole', reset: false }
  for (const word of words.slice(1)) {
    const [name, value = '', seed = ''] = word.split(':')
    if (name === 'split' && value === '1') order.split = 'bytes'
    if (name === 'split' && value === 'random') order.split = { seed: Number(seed) }
    if (name === 'cut') order.cut = { events: Number(value) }
    if (name === 'cutbytes') order.cut = { bytes: Number(value) }
    if (name === 'end' && value === 'reset') order.reset = true
    if (name === 'lines' && value in LINE_ENDS) {
      order.dress = { ...undressed, ...order.dress, lineEnd: LINE_ENDS[value as keyof typeof LINE_ENDS] }
    }
    if (name === 'with') order.dress = { ...undressed, ...order.dress, [value]: true }
  }
  return order
}

/** Cuts bytes into the pieces that are written one by one. */
export function piecesOf(wire: Uint8Array, split: ReplayOrder['split']): Uint8Array[] {
  if (split === 'whole') return wire.length === 0 ? [] : [wire]
  const pieces: Uint8Array[] = []
  let state = split === 'bytes' ? 0 : split.seed >>> 0
  for (let begin = 0; begin < wire.length; ) {
    // A linear congruential generator: the same seed gives the same borders on every machine.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const length = split === 'bytes' ? 1 : 1 + ((state >>> 16) % 64)
    pieces.push(wire.subarray(begin, begin + length))
    begin += length
  }
  return pieces
}

/** Starts a server on 127.0.0.1 that plays recordings as any provider; which one, the prompt says. */
export async function startReplay(played: readonly Recording[]): Promise<Replay> {
  const recordings = new Map(played.map((recording) => [recording.file, recording]))
  const server = createServer((request, response) => {
    answer(recordings, request, response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

async function answer(recordings: Map<string, Recording>, request: IncomingMessage, response: ServerResponse) {
  request.socket.setNoDelay(true)
  const received: Buffer[] = []
  for await (const piece of request) received.push(piece as Buffer)
  const order = readOrder(Buffer.concat(received).toString('utf8'))
  const recording = recordings.get(order?.file ?? '')
  if (request.method !== 'POST' || order === undefined || recording === undefined) {
    response.writeHead(404, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ error: { message: `the replay has no recording "${order?.file ?? ''}"` } }))
    return
  }
  await play(recording, order, response)
}

async function play(recording: Recording, order: ReplayOrder, response: ServerResponse) {
  const { cut, dress } = order
  const kept = cut === undefined ? recording.wire : cutWire(recording.wire, recording.contentType, cut)
  const wire = dress === undefined ? kept : dressWire(kept, dress, recording.contentType)
  // Without chunked coding the end of the connection is the end of the body: a cut then looks like a clean end,
  // the hardest one to notice.
  const plain = order.cut !== undefined && !order.reset
  if (plain) {
    response.shouldKeepAlive = false
    response.useChunkedEncodingByDefault = false
  }
  const whole = !plain && !order.reset && recording.kind !== 'stream'
  response.writeHead(recording.status, {
    'content-type': recording.contentType,
    ...recording.headers,
    ...(plain ? { connection: 'close' } : {}),
    ...(whole ? { 'content-length': wire.length } : {}),
  })
  response.flushHeaders()
  for (const piece of piecesOf(wire, order.split)) {
    if (response.destroyed) return
    if (!response.write(piece)) await once(response, 'drain')
    await nextTurn()
  }
  if (order.reset) response.socket?.resetAndDestroy()
  else response.end()
}
