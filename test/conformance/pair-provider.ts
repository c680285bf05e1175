import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type JsonObject, objectOf, parseJson } from './json.ts'
import type { Recording } from './manifest.ts'

/** A request as a provider got it. */
export type Received = { method: string; path: string; headers: Record<string, unknown>; body: JsonObject }

/** A provider that answers with what it is given, and remembers what it was asked. */
export type PairProvider = {
  url: string
  /** From now on it answers with this. */
  answerWith(recording: Recording): void
  /** What it was asked since the last time. */
  take(): Received[]
  close(): Promise<void>
}

/** Starts it on 127.0.0.1. */
export async function startPairProvider(): Promise<PairProvider> {
  let next: Recording | undefined
  let received: Received[] = []
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece as Buffer)
    const { method = '', url = '', headers } = request
    received.push({ method, path: url, headers, body: objectOf(parseJson(Buffer.concat(pieces).toString('utf8'))) })
    if (next === undefined) response.writeHead(404).end()
    else {
      response.writeHead(next.status, { 'content-type': next.contentType, ...next.headers })
      response.end(next.wire)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answerWith: (recording) => {
      next = recording
    },
    take: () => {
      const taken = received
      received = []
      return taken
    },
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
