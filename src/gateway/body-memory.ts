import { Failure } from '../chat/failure.ts'
import { BODY_MAX_BYTES } from './upload.ts'

/**
 * How much of an isolate's memory request bodies may take: from the first byte of an upload to the end of its call, for until
 * then the conversation is kept. An isolate that is over its 128 MB is ended, with everybody's calls.
 */

/** A call whose end nobody noticed (the platform may end one without a word) gives its share back after this long. */
const FORGOTTEN_MS = 15 * 60_000
const RETRY_MS = 1000

/** What one call's body takes. */
export interface BodyShare {
  /**
   * Makes the share as large as this, where it is smaller.
   * @throws Failure 503 `bodies-full` where there is no room.
   */
  readonly raiseTo: (bytes: number) => void
  readonly release: () => void
}

interface Held {
  readonly key: string
  readonly since: number
  bytes: number
}

/** The oldest first. */
const shares = new Set<Held>()
const heldByKey = new Map<string, number>()
let heldByAll = 0

/** A share for a call with this key, with nothing in it yet. */
export function createBodyShare(key: string, maxBytes: number): BodyShare {
  const share: Held = { key, since: Date.now(), bytes: 0 }
  return {
    raiseTo: (bytes) => {
      const more = bytes - share.bytes
      if (more <= 0) return
      if (!hasRoom(key, more, maxBytes)) {
        releaseForgotten(share.since - FORGOTTEN_MS)
        if (!hasRoom(key, more, maxBytes)) throw full()
      }
      shares.add(share)
      take(share, more)
    },
    release: () => release(share),
  }
}

/** One key alone gets no more than three quarters, so that there is room for the others; a single body always has it. */
function hasRoom(key: string, more: number, maxBytes: number): boolean {
  const maxByKey = Math.max(maxBytes * 0.75, BODY_MAX_BYTES)
  return heldByAll + more <= maxBytes && (heldByKey.get(key) ?? 0) + more <= maxByKey
}

function take(share: Held, more: number): void {
  share.bytes += more
  heldByAll += more
  const ofKey = (heldByKey.get(share.key) ?? 0) + more
  if (ofKey > 0) heldByKey.set(share.key, ofKey)
  else heldByKey.delete(share.key)
}

function release(share: Held): void {
  if (shares.delete(share)) take(share, -share.bytes)
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
