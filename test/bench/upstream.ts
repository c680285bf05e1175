import net, { type Socket } from 'node:net'
import { listen } from '../harness/listen.ts'
import { createHttpReader } from './http-reader.ts'
import { readOrder } from './upstream-order.ts'
import { type Answer, answerTo } from './upstream-plan.ts'

/** The mock upstream's own process: any provider on one port, on raw sockets with answers made before. */

/** How often the clock of all paced streams is looked at: one timer for all, since a timer each costs more. */
const TICK_MS = 1

interface Stream {
  readonly socket: Socket
  readonly pauseMs: number
  readonly writes: readonly Buffer[]
  next: number
  dueAt: number
}

const streams = new Set<Stream>()

function tick(): void {
  const now = performance.now()
  for (const stream of streams) {
    if (stream.socket.destroyed) streams.delete(stream)
    // A client that does not read is not written to: its stream waits, as a provider's would.
    else if (now >= stream.dueAt && !stream.socket.writableNeedDrain) advance(stream)
  }
}

function advance(stream: Stream): void {
  const piece = stream.writes[stream.next++]
  if (piece !== undefined) stream.socket.write(piece)
  stream.dueAt += stream.pauseMs
  if (stream.next >= stream.writes.length) streams.delete(stream)
}

function send(socket: Socket, { first, later }: Answer, pauseMs: number): void {
  socket.write(first)
  if (later.length > 0) streams.add({ socket, pauseMs, writes: later, next: 0, dueAt: performance.now() + pauseMs })
}

const server = net.createServer({ noDelay: true }, (socket) => {
  let head = ''
  let pieces: Buffer[] = []
  const reader = createHttpReader({
    head: (text) => {
      head = text
    },
    body: (piece) => pieces.push(piece),
    end: () => {
      const [only] = pieces
      const order = readOrder(head, pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces))
      pieces = []
      send(socket, answerTo(order), order.pauseMs)
    },
  })
  socket.on('data', reader.feed)
  // Whoever breaks off has seen enough.
  socket.on('error', () => socket.destroy())
})

setInterval(tick, TICK_MS)
const port = await listen(server, Number(process.argv[2] ?? 0))
process.send?.(port)
process.on('disconnect', () => process.exit(0))
