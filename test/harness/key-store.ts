import http from 'node:http'
import { type KeyRecord, keyName } from '../../src/access/keys.ts'
import { listen } from './listen.ts'

/** The keys of a Worker. */
export interface Keys {
  readonly put: (key: string, record: Partial<KeyRecord>) => Promise<void>
  /** Puts a value as it is, however broken. */
  readonly putText: (key: string, text: string) => Promise<void>
  readonly remove: (key: string) => Promise<void>
  /** Every key that was ever put. */
  readonly secrets: ReadonlySet<string>
}

/** The record of a key, of which a test names only what matters to it. */
export function recordTextOf(key: string, record: Partial<KeyRecord>): string {
  return JSON.stringify({ id: `key_${key.slice(-4)}`, name: 'test', created: '2026-01-01T00:00:00Z', ...record })
}

/**
 * A KV namespace for plain workerd, over the wire that it speaks, which a test can break, hold, and count the reads of. A
 * Worker under miniflare has the real one (`platform-worker.ts`).
 */
export interface KeyStore extends Keys {
  readonly port: number
  readonly reads: () => number
  /** All that is kept, by its name. */
  readonly values: Map<string, string | Buffer>
  /** So many writes are answered with 429, as those of a name that is written more than once a second. */
  readonly refuseWrites: (count: number) => void
  /** From now on: `fail` answers 500, `hang` never answers. */
  readonly behave: (how: 'well' | 'fail' | 'hang') => void
  readonly close: () => Promise<void>
}

export async function startKeyStore(): Promise<KeyStore> {
  const values = new Map<string, string | Buffer>()
  let reads = 0
  let refused = 0
  let how: 'well' | 'fail' | 'hang' = 'well'
  const server = http.createServer((request, response) => {
    if (request.method === 'GET') reads++
    if (how === 'hang') return
    if (how === 'fail') {
      response.writeHead(500).end()
      return
    }
    const name = decodeURIComponent((request.url ?? '').slice(1).split('?')[0] ?? '')
    if (request.method === 'PUT' && refused > 0) {
      refused--
      request.resume().on('end', () => response.writeHead(429).end())
      return
    }
    // It has given no cursor.
    if (request.url?.includes('cursor=')) {
      response.writeHead(400).end()
      return
    }
    if (request.method === 'PUT') {
      const pieces: Buffer[] = []
      request.on('data', (piece) => pieces.push(piece))
      request.on('end', () => {
        values.set(name, Buffer.concat(pieces))
        response.writeHead(200).end()
      })
      return
    }
    const value = values.get(name)
    response.writeHead(value === undefined ? 404 : 200).end(value)
  })
  const port = await listen(server)
  const secrets = new Set<string>()
  const putText = async (key: string, text: string) => {
    secrets.add(key)
    values.set(await keyName(key), text)
  }
  return {
    port,
    reads: () => reads,
    put: (key, record) => putText(key, recordTextOf(key, record)),
    putText,
    remove: async (key) => {
      values.delete(await keyName(key))
    },
    secrets,
    values,
    refuseWrites: (count) => {
      refused = count
    },
    behave: (next) => {
      how = next
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
