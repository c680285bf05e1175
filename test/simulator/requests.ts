const KEPT_REQUESTS = 5000
const SLACK_REQUESTS = 500
const KEPT_BODY_BYTES = 1_048_576

/** What the simulator remembers of a request. */
export interface RecordedRequest {
  slot: string
  dialect: string
  method: string
  /** The path with its query. */
  path: string
  headers: Record<string, string>
  /** Parsed JSON, the text when it is none, or its length in bytes when it is over 1 MB. */
  body: unknown
  /** Milliseconds since the epoch. */
  at: number
  /** Whether the client hung up before we did, be it after the whole answer (a connection kept open). */
  aborted: boolean
  abortedAt?: number
  /** Whether the whole answer was written. */
  finished: boolean
}

/** The last requests, oldest first. */
export interface Requests {
  add(request: RecordedRequest): void
  list(slot?: string): RecordedRequest[]
  clear(): void
}

/** An empty memory that keeps the last 5,000 requests. */
export function createRequests(): Requests {
  let kept: RecordedRequest[] = []
  return {
    add(request) {
      kept.push(request)
      // Cutting seldom keeps adding cheap.
      if (kept.length >= KEPT_REQUESTS + SLACK_REQUESTS) kept = kept.slice(-KEPT_REQUESTS)
    },
    list(slot) {
      const last = kept.slice(-KEPT_REQUESTS)
      return slot === undefined ? last : last.filter((request) => request.slot === slot)
    },
    clear() {
      kept = []
    },
  }
}

/** A body as it is kept. */
export function keptBody(text: string, parsed: unknown): unknown {
  const bytes = Buffer.byteLength(text)
  return bytes > KEPT_BODY_BYTES ? bytes : (parsed ?? text)
}
