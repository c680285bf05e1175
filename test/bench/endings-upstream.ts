import net, { type Socket } from 'node:net'
import { listen } from '../harness/listen.ts'
import { createHttpReader } from './http-reader.ts'

/** How the upstream ends an answer. */
export type UpstreamEnding = 'complete' | 'never' | 'cut' | 'cut-before-word' | 'held-open' | 'error' | 'error-status'

/** What a request's text says to the upstream: it travels in the user's own words. */
export function endingText(ending: UpstreamEnding): string {
  return `ending(${ending})`
}

/** An OpenAI-like provider on a port of its own, that ends its answers as their requests say. */
export interface EndingsUpstream {
  readonly baseUrl: string
  /** A provider that completes every answer. */
  readonly goodBaseUrl: string
  /** Connections that are open now. */
  readonly open: () => number
  readonly close: () => void
}

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'
const ROLE = event({ role: 'assistant' })
const WORD = event({ content: 'word ' })
const FINISH = chunk(`data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}\n\n`)
const DONE = chunk('data: [DONE]\n\n')
const ERROR = chunk(`data: ${JSON.stringify({ error: { message: 'broken', type: 'server_error' } })}\n\n`)
const END = '0\r\n\r\n'
const WHOLE = JSON.stringify({
  choices: [{ index: 0, message: { role: 'assistant', content: 'word '.repeat(20) }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 5, completion_tokens: 20, total_tokens: 25 },
})

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}

function event(delta: object): string {
  return chunk(`data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: null }] })}\n\n`)
}

export async function startEndingsUpstream(): Promise<EndingsUpstream> {
  const sockets = new Set<Socket>()
  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    let good = false
    let text = ''
    const reader = createHttpReader({
      head: (head) => {
        good = head.startsWith('POST /good/')
        text = ''
      },
      body: (piece) => {
        text += piece.toString('latin1')
      },
      end: () => {
        const ending = /ending\(([\w-]+)\)/.exec(text)?.[1] ?? 'complete'
        answer(socket, good ? 'complete' : (ending as UpstreamEnding), text.includes('"stream":true'))
      },
    })
    socket.on('data', reader.feed)
  })
  const port = await listen(server)
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    goodBaseUrl: `http://127.0.0.1:${port}/good/v1`,
    open: () => sockets.size,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function answer(socket: Socket, ending: UpstreamEnding, streamed: boolean): void {
  if (ending === 'error-status') {
    // The body of an error that does not end.
    socket.write('HTTP/1.1 500 Oops\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"error":')
    return
  }
  if (!streamed) {
    if (ending === 'never') return
    socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${WHOLE.length}\r\n\r\n${WHOLE}`)
    return
  }
  const words = WORD.repeat(20)
  switch (ending) {
    case 'complete':
      socket.write(`${HEAD}${ROLE}${words}${FINISH}${DONE}${END}`)
      break
    case 'never':
      socket.write(`${HEAD}${ROLE}${words}`)
      break
    case 'cut':
      socket.write(`${HEAD}${ROLE}${words}`, () => setTimeout(() => socket.destroy(), 5))
      break
    case 'cut-before-word':
      socket.write(`${HEAD}${ROLE}`, () => setTimeout(() => socket.destroy(), 5))
      break
    case 'held-open':
      socket.write(`${HEAD}${ROLE}${words}${FINISH}${DONE}`)
      break
    case 'error':
      socket.write(`${HEAD}${ROLE}${words}${ERROR}${END}`)
      break
    default:
      socket.destroy(new Error(`no such ending: ${ending satisfies never}`))
  }
}
