import { Failure } from '../chat/failure.ts'
import type { ClientDisconnect } from './client-disconnect.ts'

/** How a stream is read on for its usage when its client has left (accounts 5). */
export interface ReadingOn {
  /** Asked once, when the client leaves: whether that may be. */
  readonly begin: () => boolean
  /** It is over. */
  readonly end: () => void
  readonly limitMs: number
}

/** The timeouts of one attempt, and the one switch that ends it. */
export interface AttemptTimer {
  /** Aborts the attempt's fetch. */
  readonly signal: AbortSignal
  /**
   * The first meaningful event is there: from now on silence is limited to `limitMs()` milliseconds, and messages without content to
   * `pingOnlyLimitMs`.
   */
  readonly begin: (limitMs: () => number, pingOnlyLimitMs: number) => void
  /** To be called before each wait for the provider: a slow client does not count. */
  readonly wait: () => void
  /** The wait is over. `hasData` is false where it brought something like a comment only. */
  readonly arrived: (hasData: boolean) => void
  /** What arrived last had content, and not only signs of life. */
  readonly gotContent: () => void
  /** How long the provider was waited for in all, in milliseconds. */
  readonly waitedMs: () => number
  /** Looks at the clock again, because the limit has become shorter. */
  readonly rearm: () => void
  /** Why we ended the attempt; undefined where the provider did. */
  readonly reason: () => Failure | undefined
  /** The client has left. False where the attempt has ended, or ends with it; otherwise it is read on. */
  readonly leave: () => boolean
  /** Whether the client has left and the answer is read on, for its usage alone. */
  readonly isReadingOn: () => boolean
  /** Ends that: it has become too much. */
  readonly stopReadingOn: () => void
  /** The attempt is over and the provider has nothing more to say: stops the timers and aborts nothing. */
  readonly release: () => void
  /** Ends the attempt, whatever the provider still has to say. */
  readonly end: () => void
}

/**
 * @param deadlineMs how long the first meaningful event may take, whatever else the provider sends before it.
 * @param readingOn absent where a departure of the client ends the attempt.
 */
export function createAttemptTimer(
  clientDisconnect: ClientDisconnect,
  deadlineMs: number,
  readingOn?: ReadingOn,
): AttemptTimer {
  const controller = new AbortController()
  let reason: Failure | undefined
  let limitMs: (() => number) | undefined
  let pingOnlyLimitMs = 0
  let silentMs = 0
  let pingOnlyMs = 0
  let waitedMs = 0
  let waitingSince: number | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let readOnTimer: ReturnType<typeof setTimeout> | undefined
  let isReadingOn = false
  let isOver = false
  let stopListening = () => {}

  const release = () => {
    clearTimeout(timer)
    clearTimeout(readOnTimer)
    stopListening()
    if (isReadingOn && !isOver) readingOn?.end()
    isOver = true
  }
  const end = () => {
    release()
    controller.abort()
  }
  const stop = (failure: Failure) => {
    // A provider that we stop waiting for after its client has left has done nothing wrong.
    reason ??= isReadingOn ? clientLeft() : failure
    end()
  }
  const leave = () => {
    if (isOver || isReadingOn) return !isOver
    if (readingOn?.begin() !== true) {
      stop(clientLeft())
      return false
    }
    isReadingOn = true
    // Nobody else is asked any more, so the first word has as long as all of the answer.
    if (limitMs === undefined) clearTimeout(timer)
    readOnTimer = setTimeout(() => stop(clientLeft()), readingOn.limitMs)
    return true
  }
  const currentWaitMs = () => (waitingSince === undefined ? 0 : Date.now() - waitingSince)
  const leftMs = (limit: () => number) =>
    Math.min(limit() - silentMs - currentWaitMs(), pingOnlyLimitMs - pingOnlyMs - currentWaitMs())
  // One timer for a whole stream: it looks how long the silence has lasted, and sleeps for the rest.
  const look = () => {
    if (limitMs === undefined) return stop(new Failure('provider-timeout', 'The provider did not answer in time.'))
    const ms = leftMs(limitMs)
    if (ms > 0) timer = setTimeout(look, ms)
    else stop(new Failure('provider-timeout', 'The provider fell silent.'))
  }
  const rearm = () => {
    clearTimeout(timer)
    if (limitMs !== undefined) timer = setTimeout(look, Math.max(leftMs(limitMs), 0))
  }

  timer = setTimeout(look, deadlineMs)
  stopListening = clientDisconnect.onDisconnect(leave)
  return {
    signal: controller.signal,
    begin: (limit, pingOnlyLimit) => {
      limitMs = limit
      pingOnlyLimitMs = pingOnlyLimit
      pingOnlyMs = 0
      rearm()
    },
    wait: () => {
      waitingSince = Date.now()
    },
    arrived: (hasData) => {
      const ms = currentWaitMs()
      waitingSince = undefined
      waitedMs += ms
      silentMs = hasData ? 0 : silentMs + ms
      pingOnlyMs += ms
    },
    gotContent: () => {
      pingOnlyMs = 0
    },
    waitedMs: () => waitedMs,
    rearm,
    reason: () => reason,
    leave,
    isReadingOn: () => isReadingOn,
    stopReadingOn: () => stop(clientLeft()),
    release,
    end,
  }
}

export function clientLeft(): Failure {
  return new Failure('client-left', 'The client left.')
}
