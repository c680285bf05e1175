import { Failure } from '../chat/failure.ts'
import { sleep } from '../platform/timeout.ts'

/**
 * How much of an isolate's memory request bodies may take: from the first byte of an upload to the end of its call, for until
 * then the conversation is kept. An isolate that is over its 128 MB is ended, with everybody's calls.
 */

/** The largest request body (contract 5), after decompression. */
export const BODY_MAX_BYTES = 20 * 1024 * 1024
/** Until its answer begins a body is there twice: as it came and parsed, or parsed and as it goes out. */
const COPIES = 2
/** The least that all bodies together must be allowed, for the largest one to be taken. */
const MIN_MEMORY_BYTES = COPIES * BODY_MAX_BYTES
/** A burst is let through one by one; waiting costs no memory, since nothing of such an upload is read. */
const WAIT_MS = 5000
const LOOK_AGAIN_MS = 10
const MAX_WAITING = 50
/** A call whose end nobody noticed (the platform may end one without a word) gives its share back after this long. */
const FORGOTTEN_MS = 15 * 60_000
const RETRY_MS = 1000

/** What one call's body takes. */
export interface BodyShare {
  /**
   * Takes room for a body of so many bytes; a promise where that has to be waited for.
   * @throws Failure 503 `bodies-full`.
   */
  readonly claim: (bytes: number) => Promise<void> | undefined
  /**
   * Takes at once what a body needs that turns out to be as large as this.
   * @throws Failure 503 `bodies-full`.
   */
  readonly grow: (bytes: number) => void
  /** The answer has begun: one copy is left. */
  readonly answered: () => void
  readonly release: () => void
}

interface Held {
  readonly key: string
  readonly since: number
  bytes: number
  isWaiting: boolean
  /** Its call is over: what is still done for it counts no more, for nobody would give that back. */
  isReleased: boolean
}

/** The oldest first. */
const shares = new Set<Held>()
const heldByKey = new Map<string, number>()
let heldByAll = 0
let waiting = 0

/** A share for a call with this key, with nothing in it yet. All shares together hold no more than `maxBytes`. */
export function createBodyShare(key: string, maxBytes: number): BodyShare {
  const share: Held = { key, since: Date.now(), bytes: 0, isWaiting: false, isReleased: false }
  const raise = (bytes: number) => tryRaise(share, COPIES * bytes, maxBytes)
  return {
    claim: (bytes) => (raise(bytes) ? undefined : waitFor(share, () => raise(bytes))),
    grow: (bytes) => {
      if (!raise(bytes)) throw full()
    },
    answered: () => {
      if (shares.has(share)) add(share, share.bytes / COPIES - share.bytes)
    },
    release: () => {
      share.isReleased = true
      release(share)
    },
  }
}

function tryRaise(share: Held, bytes: number, maxBytes: number): boolean {
  const more = bytes - share.bytes
  if (more <= 0 || share.isReleased) return true
  if (!hasRoom(share.key, more, maxBytes)) {
    releaseForgotten(Date.now() - FORGOTTEN_MS)
    if (!hasRoom(share.key, more, maxBytes)) return false
  }
  shares.add(share)
  add(share, more)
  return true
}

/** One key alone gets half, so that there is room for the others; a single body always has it. */
function hasRoom(key: string, more: number, maxBytes: number): boolean {
  const maxByKey = Math.max(maxBytes / 2, MIN_MEMORY_BYTES)
  return heldByAll + more <= maxBytes && (heldByKey.get(key) ?? 0) + more <= maxByKey
}

async function waitFor(share: Held, raise: () => boolean): Promise<void> {
  if (waiting >= MAX_WAITING) throw full()
  setWaiting(share, true)
  try {
    for (let waited = 0; waited < WAIT_MS; waited += LOOK_AGAIN_MS) {
      await sleep(LOOK_AGAIN_MS)
      // Nobody waits for it any longer.
      if (share.isReleased) throw full()
      if (raise()) return
    }
  } finally {
    setWaiting(share, false)
  }
  throw full()
}

function setWaiting(share: Held, isWaiting: boolean): void {
  if (share.isWaiting === isWaiting) return
  share.isWaiting = isWaiting
  waiting += isWaiting ? 1 : -1
}

function add(share: Held, more: number): void {
  share.bytes += more
  heldByAll += more
  const ofKey = (heldByKey.get(share.key) ?? 0) + more
  if (ofKey > 0) heldByKey.set(share.key, ofKey)
  else heldByKey.delete(share.key)
}

function release(share: Held): void {
  setWaiting(share, false)
  if (shares.delete(share)) add(share, -share.bytes)
}

function releaseForgotten(before: number): void {
  for (const share of shares) {
    if (share.since >= before) return
    release(share)
  }
}

function full(): Failure {
  const text = 'Too many large requests are under way here. Try again in a moment.'
  return new Failure('bodies-full', text, { retryAfterMs: RETRY_MS })
}
