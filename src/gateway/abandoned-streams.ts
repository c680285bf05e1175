import type { ReadingOn } from './attempt-timer.ts'

/** So many streams at once are read on in an isolate, and of one key: who opens and leaves many must not fill it. */
const MAX_STREAMS = 32
const MAX_OF_ACCOUNT = 4

interface Abandoned {
  readonly account: string
  /** By then it is over, in whatever way: the platform may have ended the call. */
  readonly until: number
}

const streams = new Set<Abandoned>()

/**
 * Reads a stream on for its usage when its client has left (accounts 5), if it is worth that and there is a place for it.
 * @param limitMs the platform ends a call 30 s after its client has left, whatever it does then.
 */
export function readingOn(account: string, limitMs: number, isWorth: () => boolean): ReadingOn {
  let own: Abandoned | undefined
  return {
    limitMs,
    begin: () => {
      const now = Date.now()
      for (const stream of streams) if (stream.until <= now) streams.delete(stream)
      const ofAccount = [...streams].filter((stream) => stream.account === account)
      if (streams.size >= MAX_STREAMS || ofAccount.length >= MAX_OF_ACCOUNT || !isWorth()) return false
      own = { account, until: now + limitMs }
      streams.add(own)
      return true
    },
    end: () => {
      if (own !== undefined) streams.delete(own)
    },
  }
}
