import { once } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { listen } from '../harness/listen.ts'
import type { Upstream } from './side.ts'
import { requestMark, type TapedAnswer } from './tape.ts'

/** Longer pauses of a tape are not worth the wait. */
const MAX_PAUSE_MS = 400
/** An answer that the tape does not have: whoever asks for it has asked for something new. */
const UNKNOWN_STATUS = 599

/** Providers that answer as those of a test did: each answer once, to the request that it was an answer to. */
export async function taped(): Promise<Upstream> {
  let answers: TapedAnswer[] = []
  const server = http.createServer((request, response) => {
    request.socket.setNoDelay(true)
    respond(request, response, (mark) => {
      const at = answers.findIndex((answer) => answer.request === mark)
      return at < 0 ? undefined : answers.splice(at, 1)[0]
    }).catch(() => response.destroy())
  })
  const port = await listen(server)
  return {
    url: `http://127.0.0.1:${port}`,
    prepare: (request) => {
      answers = [...(request.answers ?? [])]
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  find: (mark: string) => TapedAnswer | undefined,
): Promise<void> {
  const received: Buffer[] = []
  for await (const piece of request) received.push(piece as Buffer)
  const answer = find(requestMark(request.method ?? '', request.url ?? '', Buffer.concat(received)))
  if (answer === undefined) {
    response.writeHead(UNKNOWN_STATUS, { 'content-type': 'text/plain' })
    response.end('The tape has no answer to this.')
    return
  }
  await play(answer, response)
}

async function play({ status, headers, pieces, ending }: TapedAnswer, response: ServerResponse): Promise<void> {
  if (ending === 'closed') {
    response.shouldKeepAlive = false
    response.useChunkedEncodingByDefault = false
  }
  if (status !== 0) {
    response.writeHead(status, headers)
    response.flushHeaders()
  }
  for (const [pauseMs, bytes] of pieces) {
    if (pauseMs > 3) await sleep(Math.min(pauseMs, MAX_PAUSE_MS))
    if (response.destroyed) return
    if (!response.write(Buffer.from(bytes, 'base64')))
      await Promise.race([once(response, 'drain'), once(response, 'close')])
  }
  if (ending === 'never') return
  // What was written goes out first, or the end overtakes it.
  if (ending === 'reset' || ending === 'cut') await sleep(20)
  if (ending === 'reset') response.socket?.resetAndDestroy()
  else if (ending === 'cut') response.socket?.end()
  else response.end()
}
