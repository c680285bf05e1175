import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setImmediate, setTimeout } from 'node:timers/promises'

/** Thrown inside an answer when the client has left; caught where the answer began. */
export class ClientLeft extends Error {}

/** Writes one answer, slowly or in pieces if wished, and notices when the client leaves. */
export interface Sender {
  head(status: number, headers: Record<string, string>): void
  write(text: string): Promise<void>
  /** Ends the answer as HTTP wants it. */
  end(): void
  /** Ends the connection: in order after what was written (FIN), rudely (RST), or at once. */
  hangUp(how: 'fin' | 'rst' | 'at-once'): void
  pause(ms: number): Promise<void>
  /** Waits until the client leaves. */
  hang(): Promise<never>
}

/** Skin over a response; `splitBytes` cuts every write into socket writes of that size. */
export function createSender(response: ServerResponse, splitBytes: number, onLeave: () => void): Sender {
  const gone = new AbortController()
  let hungUp = false
  response.on('close', () => {
    if (!response.writableFinished && !hungUp) onLeave()
    gone.abort()
  })
  // A reset by the client is nothing to complain about.
  response.on('error', () => gone.abort())
  const put = async (bytes: Buffer): Promise<void> => {
    if (gone.signal.aborted) throw new ClientLeft()
    if (!response.write(bytes)) await drained(response, gone.signal)
  }
  return {
    head(status, headers) {
      if (gone.signal.aborted) throw new ClientLeft()
      response.writeHead(status, headers)
      response.flushHeaders()
    },
    async write(text) {
      const bytes = Buffer.from(text)
      if (splitBytes <= 0) return put(bytes)
      for (let start = 0; start < bytes.length; start += splitBytes) {
        await put(bytes.subarray(start, start + splitBytes))
        await setImmediate()
      }
    },
    end: () => void response.end(),
    hangUp(how) {
      hungUp = true
      if (how === 'rst') response.socket?.resetAndDestroy()
      else if (how === 'fin') response.socket?.destroySoon()
      else response.socket?.destroy()
    },
    async pause(ms) {
      await setTimeout(ms, undefined, { signal: gone.signal }).catch(() => {
        throw new ClientLeft()
      })
    },
    async hang() {
      if (!gone.signal.aborted) await new Promise((resolve) => gone.signal.addEventListener('abort', resolve))
      throw new ClientLeft()
    },
  }
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  await once(response, 'drain', { signal }).catch(() => {
    throw new ClientLeft()
  })
}
