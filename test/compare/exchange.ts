import { isUtf8 } from 'node:buffer'
import diagnostics from 'node:diagnostics_channel'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { CompareRequest } from './request.ts'

/** What a client got. */
export interface Answer {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
  /** `whole`, or how the connection broke. */
  readonly ending: string
}

/** What an upstream got. */
export interface UpstreamRequest {
  readonly method: string
  readonly path: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
  /** Whether its answer was broken off by Router9. */
  readonly isLeft: boolean
}

const ANSWER_MS = 60_000
/** A body that is refused by its length is not sent: its connection could be closed before the answer is read. */
const LARGE_BYTES = 1_000_000
const HEADERS_ONLY_MS = 1500

/** Sends a request and reads the whole answer; never throws for what the other side does. */
export async function exchange(origin: string, agent: http.Agent, request: CompareRequest): Promise<Answer> {
  const first = await send(origin, agent, request)
  // A kept connection that was closed meanwhile says nothing about the answer.
  return first === 'stale' ? await sendFresh(origin, request) : first
}

async function sendFresh(origin: string, request: CompareRequest): Promise<Answer> {
  const agent = new http.Agent({ keepAlive: false })
  const answer = await send(origin, agent, request)
  if (answer === 'stale') throw new Error('a new connection cannot be stale')
  return answer
}

function send(
  origin: string,
  agent: http.Agent,
  { method, path, headers, body, chunked, leavesAfterMs }: CompareRequest,
): Promise<Answer | 'stale'> {
  const { hostname, port } = new URL(origin)
  const bytes = body === undefined ? undefined : Buffer.from(body)
  const length = bytes === undefined || chunked === true ? {} : { 'content-length': String(bytes.length) }
  return new Promise((resolve) => {
    const outgoing = http.request({ hostname, port, method, path, agent, headers: { ...headers, ...length } })
    const timer = setTimeout(() => outgoing.destroy(new Error('no end of the answer')), ANSWER_MS)
    let status = 0
    let pairs: Answer['headers'] = []
    const pieces: Buffer[] = []
    const finish = (ending: string) => {
      clearTimeout(timer)
      clearTimeout(leaving)
      resolve({ status, headers: pairs, body: textOf(pieces), ending })
    }
    const leaving =
      leavesAfterMs === undefined
        ? undefined
        : setTimeout(() => {
            finish('left')
            // An end in order is noticed only when the other side has something to write.
            outgoing.socket?.resetAndDestroy()
            outgoing.destroy()
          }, leavesAfterMs)
    outgoing.on('error', (error) => {
      const isStale = status === 0 && outgoing.reusedSocket
      if (isStale) clearTimeout(timer)
      if (isStale) resolve('stale')
      else finish(error.message)
    })
    outgoing.on('response', (incoming) => {
      status = incoming.statusCode ?? 0
      pairs = pairsOf(incoming.rawHeaders)
      incoming.on('data', (piece: Buffer) => pieces.push(piece))
      incoming.on('end', () => {
        finish('whole')
        if (!outgoing.writableEnded) outgoing.destroy()
      })
      incoming.on('error', (error) => finish(error.message))
    })
    const isLarge = (bytes?.length ?? 0) > LARGE_BYTES
    if (!isLarge) outgoing.end(bytes)
    else {
      outgoing.flushHeaders()
      setTimeout(() => {
        if (status === 0) outgoing.end(bytes)
      }, HEADERS_ONLY_MS)
    }
  })
}

function pairsOf(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let at = 0; at < raw.length; at += 2) pairs.push([raw[at]?.toLowerCase() ?? '', raw[at + 1] ?? ''])
  return pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}

function textOf(pieces: readonly Buffer[]): string {
  const bytes = Buffer.concat(pieces)
  // What is no UTF-8 keeps each of its bytes as a character.
  return bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1')
}

interface Arrival {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly pieces: Buffer[]
}

/** The requests that a server in this process gets, read beside whatever answers them. */
interface UpstreamWatch {
  /** What came since the last time, oldest first. */
  readonly take: () => UpstreamRequest[]
  readonly stop: () => void
}

export function watchUpstream(port: number): UpstreamWatch {
  let arrivals: Arrival[] = []
  const listener = (message: unknown) => {
    const { request, response, socket } = message as {
      request: IncomingMessage
      response: ServerResponse
      socket: Socket
    }
    if (socket.localPort !== port) return
    const pieces: Buffer[] = []
    const push = request.push.bind(request)
    // The answering side reads the body; a second reader would take it away.
    request.push = (piece: unknown, encoding?: BufferEncoding) => {
      if (piece instanceof Uint8Array) pieces.push(Buffer.from(piece))
      return push(piece, encoding)
    }
    arrivals.push({ request, response, pieces })
  }
  diagnostics.subscribe('http.server.request.start', listener)
  return {
    take: () => {
      const taken = arrivals
      arrivals = []
      return taken.map(({ request, response, pieces }) => ({
        method: request.method ?? '',
        path: request.url ?? '',
        headers: pairsOf(request.rawHeaders),
        body: textOf(pieces),
        isLeft: response.destroyed && !response.writableFinished,
      }))
    },
    stop: () => void diagnostics.unsubscribe('http.server.request.start', listener),
  }
}
