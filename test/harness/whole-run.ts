import diagnostics from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { createRecord } from '../security/leaks.ts'

/** What a Worker of this test file was given to keep to itself, and what it has logged. */
export interface Watched {
  readonly url: string
  readonly secrets: () => readonly string[]
  readonly log: () => string
}

/** What was looked at, for the report of the run. */
export interface Searched {
  readonly workers: number
  readonly answers: number
  readonly logCharacters: number
  readonly secrets: number
}

interface Request {
  readonly origin: string
  readonly headers: readonly unknown[]
}
interface Message {
  readonly request: Request
  readonly response?: { readonly statusCode: number; readonly headers: readonly unknown[] }
}

/** Of a connection on which much is answered its beginning and its end. */
const KEPT_CHARACTERS = 256 * 1024
/** Whatever is shorter may stand anywhere by chance. */
const SHORTEST_SECRET = 8

const workers = new Map<string, Watched>()
const bearers = new Set<string>()
const answers = new Map<Request, string>()
const connections = new Map<Socket, string>()

/** From now on what this Worker says is searched at the end of the test file. */
export function watchWorker(worker: Watched): void {
  workers.set(worker.url, worker)
}

/** Reads along what the Workers of this file answer, without being in its way. */
export function watchAnswers(): () => void {
  const subscribe = (name: string, see: (message: Message) => void) => {
    const listener = (message: unknown) => {
      const seen = message as Message
      if (workers.has(seen.request.origin)) see(seen)
    }
    diagnostics.subscribe(name, listener)
    return () => diagnostics.unsubscribe(name, listener)
  }
  const ends = [
    subscribe('undici:request:create', ({ request }) => noteBearer(request.headers)),
    subscribe('undici:request:headers', ({ request, response }) => {
      answers.set(request, `${response?.statusCode}\n${response?.headers.map(String).join('\n')}\n`)
    }),
    watchConnections(),
  ]
  return () => {
    for (const end of ends) end()
  }
}

/** Each piece that comes is pushed into its socket: there it is seen, whoever reads it. */
function watchConnections(): () => void {
  const listener = (message: unknown) => {
    const { socket } = message as { socket: Socket }
    const push = socket.push.bind(socket)
    socket.push = (piece: unknown, encoding?: BufferEncoding) => {
      if (piece instanceof Uint8Array && workers.has(`http://${socket.remoteAddress}:${socket.remotePort}`)) {
        const text = (connections.get(socket) ?? '') + Buffer.from(piece).toString('latin1')
        const tooLong = text.length > 2 * KEPT_CHARACTERS
        connections.set(socket, tooLong ? text.slice(0, KEPT_CHARACTERS) + text.slice(-KEPT_CHARACTERS) : text)
      }
      return push(piece, encoding)
    }
  }
  diagnostics.subscribe('net.client.socket', listener)
  return () => diagnostics.unsubscribe('net.client.socket', listener)
}

function noteBearer(headers: readonly unknown[]): void {
  const at = headers.findIndex((name) => String(name).toLowerCase() === 'authorization')
  const value = at < 0 ? '' : String(headers[at + 1])
  for (const word of value.split(/\s+/)) if (!/^(bearer|basic)$/i.test(word)) bearers.add(word)
}

function secretsOfAll(): string[] {
  const all = [...bearers, ...[...workers.values()].flatMap(({ secrets }) => secrets())]
  return [...new Set(all)].filter(({ length }) => length >= SHORTEST_SECRET)
}

/** What tells a new key to whoever has made it. */
const SHOWN_ONCE = /\},"key":"sk-r9k-\w{40}"\}/g

/** Where a secret of this file stands in what its Workers logged and answered. */
export function findLeaks(): readonly string[] {
  const record = createRecord()
  record.add('the answers', [...answers.values(), ...connections.values()].join('\n').replace(SHOWN_ONCE, '}'))
  for (const { url, log } of workers.values()) record.add(`the log of ${url}`, log())
  return record.find(secretsOfAll())
}

export function searched(): Searched {
  const logs = [...workers.values()].map(({ log }) => log().length)
  return {
    workers: workers.size,
    answers: answers.size,
    logCharacters: logs.reduce((sum, length) => sum + length, 0),
    secrets: secretsOfAll().length,
  }
}

/** Forgets everything: for the test that plants a secret. */
export function forgetRun(): void {
  workers.clear()
  bearers.clear()
  answers.clear()
  connections.clear()
}
