import { Failure } from '../chat/failure.ts'
import { sleep } from '../platform/timeout.ts'

/**
 * Bounds the memory of request bodies in an isolate, from the first byte of an upload to the end of its call: the
 * conversation is kept until then. The platform ends an isolate with more than 128 MB, with all its calls.
 */

/** The largest request body (contract 5), after decompression. */
export const BODY_MAX_BYTES = 20 * 1024 * 1024
/** Until its answer begins, a body is in memory twice: as received and parsed, or parsed and as sent. */
const COPIES = 2
/** The least memory for all bodies with which the largest body is still accepted. */
const MIN_MEMORY_BYTES = COPIES * BODY_MAX_BYTES
/** A call waits this long for memory. Waiting costs none, because nothing of such an upload is read. */
const WAIT_MS = 5000
const RETRY_CLAIM_MS = 10
const MAX_WAITING = 50
/** The platform may end a call without notice, so every share is released after this time. */
const MAX_CALL_MS = 15 * 60_000
const RETRY_AFTER_MS = 1000

/** The memory that the body of one call claims. */
export interface BodyShare {
  /**
   * Claims memory for a body of this size. Returns a promise if the call has to wait for it.
   * @throws Failure 503 `bodies-full`.
   */
  readonly claim: (bytes: number) => Promise<void> | undefined
  /**
   * Claims more memory, without waiting, for a body that turns out to be this large.
   * @throws Failure 503 `bodies-full`.
   */
  readonly grow: (bytes: number) => void
  /** The size of the body, once it is known. */
  bodyBytes: number
  /**
   * Claims memory, without waiting, for so much that the body refers to: together they may be as large as a body.
   * @throws Failure 413; 503 `bodies-full`.
   */
  readonly extend: (bytes: number) => void
  /**
   * Claims memory, without waiting, for so much beside the body: it is kept until the end of the call, or until it is given back
   * with a negative number.
   * @throws Failure 503 `bodies-full`.
   */
  readonly reserve: (bytes: number) => void
  /** Releases one of the two copies of the body: the answer has begun, or the body is sent in small parts. Once is enough. */
  readonly releaseCopy: () => void
  readonly release: () => void
}

interface Share {
  readonly key: string
  readonly since: number
  bytes: number
  /** So many of these bytes are not the body's. */
  reserved: number
  isWaiting: boolean
  /** The call is over. Later claims do not count, because nobody would release them. */
  isReleased: boolean
}

/** The first one is the oldest. */
const shares = new Set<Share>()
const heldByKey = new Map<string, number>()
let heldByAll = 0
let waiting = 0

/** Creates an empty share for a call with this key. All shares together hold at most `maxBytes`. */
export function createBodyShare(key: string, maxBytes: number): BodyShare {
  const share: Share = { key, since: Date.now(), bytes: 0, reserved: 0, isWaiting: false, isReleased: false }
  let isTwice = true
  const tryClaim = (bytes: number) => tryRaise(share, COPIES * bytes, maxBytes)
  const bodyShare: BodyShare = {
    bodyBytes: 0,
    extend: (bytes) => {
      if (bodyShare.bodyBytes + bytes > BODY_MAX_BYTES) throw referencesTooLarge()
      if (!tryRaise(share, share.bytes + COPIES * bytes, maxBytes)) throw memoryFull()
    },
    claim: (bytes) => (tryClaim(bytes) ? undefined : waitFor(share, () => tryClaim(bytes))),
    grow: (bytes) => {
      if (!tryClaim(bytes)) throw memoryFull()
    },
    reserve: (bytes) => {
      if (bytes < 0) {
        // What was released with all the rest is not released again.
        const less = Math.min(-bytes, share.reserved)
        share.reserved -= less
        add(share, -less)
        return
      }
      if (!tryRaise(share, share.bytes + bytes, maxBytes)) throw memoryFull()
      if (!share.isReleased) share.reserved += bytes
    },
    releaseCopy: () => {
      if (!isTwice || !shares.has(share)) return
      isTwice = false
      const ofBody = share.bytes - share.reserved
      add(share, ofBody / COPIES - ofBody)
    },
    release: () => {
      share.isReleased = true
      release(share)
    },
  }
  return bodyShare
}

function tryRaise(share: Share, bytes: number, maxBytes: number): boolean {
  const more = bytes - share.bytes
  if (more <= 0 || share.isReleased) return true
  if (!hasRoom(share.key, more, maxBytes)) {
    releaseOld(Date.now() - MAX_CALL_MS)
    if (!hasRoom(share.key, more, maxBytes)) return false
  }
  shares.add(share)
  add(share, more)
  return true
}

/** One key gets half of the memory at most, so that some is left for the others. One largest body is always accepted. */
function hasRoom(key: string, more: number, maxBytes: number): boolean {
  const maxByKey = Math.max(maxBytes / 2, MIN_MEMORY_BYTES)
  return heldByAll + more <= maxBytes && (heldByKey.get(key) ?? 0) + more <= maxByKey
}

async function waitFor(share: Share, tryClaim: () => boolean): Promise<void> {
  if (waiting >= MAX_WAITING) throw memoryFull()
  setWaiting(share, true)
  try {
    for (let waited = 0; waited < WAIT_MS; waited += RETRY_CLAIM_MS) {
      await sleep(RETRY_CLAIM_MS)
      // The call is over, so nobody waits for the memory.
      if (share.isReleased) throw memoryFull()
      if (tryClaim()) return
    }
  } finally {
    setWaiting(share, false)
  }
  throw memoryFull()
}

function setWaiting(share: Share, isWaiting: boolean): void {
  if (share.isWaiting === isWaiting) return
  share.isWaiting = isWaiting
  waiting += isWaiting ? 1 : -1
}

function add(share: Share, more: number): void {
  share.bytes += more
  heldByAll += more
  const ofKey = (heldByKey.get(share.key) ?? 0) + more
  if (ofKey > 0) heldByKey.set(share.key, ofKey)
  else heldByKey.delete(share.key)
}

function release(share: Share): void {
  setWaiting(share, false)
  share.reserved = 0
  if (shares.delete(share)) add(share, -share.bytes)
}

function releaseOld(before: number): void {
  for (const share of shares) {
    if (share.since >= before) return
    release(share)
  }
}

/** The body and what it refers to are larger than a body may be. */
export function referencesTooLarge(): Failure {
  return new Failure('body-too-large', 'The request and the conversation that it refers to may have 20 MiB together.')
}

function memoryFull(): Failure {
  const text = 'Too many large requests are under way here. Try again in a moment.'
  return new Failure('bodies-full', text, { retryAfterMs: RETRY_AFTER_MS })
}
