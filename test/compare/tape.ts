import { createHash } from 'node:crypto'
import diagnostics from 'node:diagnostics_channel'
import { appendFileSync, readdirSync, readFileSync } from 'node:fs'
import http, { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import path from 'node:path'
import { keyName } from '../../src/access/keys.ts'
import type { KeyStore } from '../harness/key-store.ts'
import { listen } from '../harness/listen.ts'

/** What a test's provider answered once. */
export interface TapedAnswer {
  /** Which request it answers. */
  readonly request: string
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  /** Bytes in base64, and the milliseconds before them. */
  readonly pieces: readonly (readonly [pauseMs: number, bytes: string])[]
  readonly ending: 'whole' | 'closed' | 'cut' | 'reset' | 'never'
}

/** What a test asked a Worker, and what the providers answered meanwhile. */
export interface TapedRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** In base64. */
  readonly body: string
  readonly answers: readonly TapedAnswer[]
}

/** A Worker of a test file, and all that it was asked. */
export interface TapedWorker {
  readonly vars: Readonly<Record<string, string>>
  /** The values of its keys, as texts. */
  readonly keys: Readonly<Record<string, string>>
  readonly requests: readonly TapedRequest[]
}

/** The environment's name for the folder that the tests' requests are written to. */
export const TAPE_SETTING = 'COMPARE_TAPE'

/** What an upstream can know a request by. */
export function requestMark(method: string, requestPath: string, body: Uint8Array): string {
  return `${method} ${requestPath} ${createHash('sha1').update(body).digest('base64')}`
}

/** What is larger is about limits of memory and time, which a tape does not keep. */
const MAX_CHARACTERS = 2_000_000

interface Heard {
  readonly at: number
  readonly answer: () => TapedAnswer
}

const heard: Heard[] = []
let isListening = false

/** A stand-in for a Worker's address that passes everything on and writes it down. */
export async function tapeWorker(
  folder: string,
  origin: string,
  vars: Readonly<Record<string, string>>,
  keys: KeyStore,
): Promise<{ url: string; stop: () => Promise<void> }> {
  if (!isListening) diagnostics.subscribe('http.server.request.start', hear)
  isListening = true
  const asked: { from: number; to: number; request: Omit<TapedRequest, 'answers'> }[] = []
  const server = http.createServer((incoming, outgoing) => {
    const { method = '', url = '', headers } = incoming
    const pieces: Buffer[] = []
    incoming.on('data', (piece: Buffer) => pieces.push(piece))
    incoming.on('error', () => outgoing.destroy())
    incoming.on('end', () => {
      const body = Buffer.concat(pieces)
      const kept = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
      const request = { method, path: url, headers: kept, body: body.toString('base64') }
      const entry = { from: performance.now(), to: Number.POSITIVE_INFINITY, request }
      asked.push(entry)
      const passed = http.request(`${origin}${url}`, { method, headers, agent: false }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(outgoing)
        answer.on('error', () => outgoing.destroy())
      })
      outgoing.on('close', () => {
        entry.to = performance.now()
        passed.destroy()
      })
      passed.on('error', () => outgoing.destroy())
      passed.end(body)
    })
  })
  const port = await listen(server)
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      const requests = asked.flatMap(({ from, to, request }): TapedRequest[] => {
        const answers = heard.flatMap(({ at, answer }) => (at >= from && at <= to ? answer() : []))
        const pieces = answers.flatMap((answer) => answer.pieces)
        const characters = pieces.reduce((sum, [, bytes]) => sum + bytes.length, request.body.length)
        return characters > MAX_CHARACTERS ? [] : [{ ...request, answers }]
      })
      const secrets = await Promise.all(
        [...keys.secrets].map(async (key) => [key, keys.values.get(await keyName(key))] as const),
      )
      const records = secrets.flatMap(([key, value]) => (typeof value === 'string' ? [[key, value] as const] : []))
      const worker: TapedWorker = { vars, keys: Object.fromEntries(records), requests }
      appendFileSync(path.join(folder, `${process.pid}.jsonl`), `${JSON.stringify(worker)}\n`)
    },
  }
}

/** Reads along what a server of the test gets and answers. */
function hear(message: unknown): void {
  const { request, response, socket } = message as {
    request: IncomingMessage
    response: ServerResponse
    socket: Socket
  }
  const at = performance.now()
  const received: Uint8Array[] = []
  const push = request.push.bind(request)
  request.push = (piece: unknown, encoding?: BufferEncoding) => {
    if (piece instanceof Uint8Array) received.push(Buffer.from(piece))
    return push(piece, encoding)
  }
  const pieces: [number, string][] = []
  let last = at
  const note = (piece: unknown) => {
    if (typeof piece !== 'string' && !(piece instanceof Uint8Array)) return
    const now = performance.now()
    pieces.push([Math.round(now - last), Buffer.from(piece as string).toString('base64')])
    last = now
  }
  let status = 0
  let headers: OutgoingHttpHeaders = {}
  let broken: 'cut' | 'reset' | undefined
  const own = {
    writeHead: response.writeHead.bind(response) as (...given: unknown[]) => ServerResponse,
    write: response.write.bind(response) as (...given: unknown[]) => boolean,
    end: response.end.bind(response) as (...given: unknown[]) => ServerResponse,
    reset: socket.resetAndDestroy.bind(socket),
    endSocket: socket.end.bind(socket) as (...given: unknown[]) => Socket,
    destroySoon: socket.destroySoon.bind(socket),
  }
  Object.assign(response, {
    writeHead: (code: number, ...rest: unknown[]) => {
      status = code
      headers = (rest.find((one) => typeof one === 'object') ?? {}) as OutgoingHttpHeaders
      return own.writeHead(code, ...rest)
    },
    write: (...given: unknown[]) => {
      note(given[0])
      return own.write(...given)
    },
    end: (...given: unknown[]) => {
      note(given[0])
      return own.end(...given)
    },
  })
  const breaks = (how: 'cut' | 'reset') => {
    if (!response.writableEnded) broken ??= how
  }
  Object.assign(socket, {
    resetAndDestroy: () => {
      breaks('reset')
      return own.reset()
    },
    end: (...given: unknown[]) => {
      breaks('cut')
      return own.endSocket(...given)
    },
    destroySoon: () => {
      breaks('cut')
      return own.destroySoon()
    },
  })
  heard.push({
    at,
    answer: () => ({
      request: requestMark(request.method ?? '', request.url ?? '', Buffer.concat(received)),
      status: status === 0 && response.headersSent ? response.statusCode : status,
      headers: Object.keys(headers).length === 0 ? response.getHeaders() : headers,
      pieces,
      ending:
        broken ?? (response.writableEnded ? wholeEnding(response) : status === 0 && socket.destroyed ? 'cut' : 'never'),
    }),
  })
}

function wholeEnding(response: ServerResponse): 'whole' | 'closed' {
  return response.useChunkedEncodingByDefault || response.hasHeader('content-length') ? 'whole' : 'closed'
}

/** Reads what the tests have written down. */
export function readTape(folder: string): TapedWorker[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.jsonl'))
    .sort()
    .flatMap((file) => readFileSync(path.join(folder, file), 'utf8').trim().split('\n'))
    .map((line) => JSON.parse(line) as TapedWorker)
}
