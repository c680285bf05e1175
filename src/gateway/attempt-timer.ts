import { Failure } from '../chat/failure.ts'
import type { ClientDisconnect } from './client-disconnect.ts'

/** The clocks of one attempt, and the one switch that ends it. */
export interface AttemptTimer {
  /** Aborts the attempt's fetch. */
  readonly signal: AbortSignal
  /** The first word is there: from now on silence counts, for `limitMs()` milliseconds, and events without words for longer. */
  readonly begin: (limitMs: () => number, wordlessLimitMs: number) => void
  /** Runs while the provider is waited for, not while a slow client is. */
  readonly wait: () => void
  /** The wait is over; `heard` tells whether it brought an event, or only something like a comment. */
  readonly arrived: (heard: boolean) => void
  /** What arrived last had words in it, and not only signs of life. */
  readonly spoke: () => void
  /** For how long it was waited in all, in milliseconds. */
  readonly waitedMs: () => number
  /** Looks at the clock again, since the limit has become shorter. */
  readonly rearm: () => void
  /** Why the attempt was ended from here; undefined where the provider did it. */
  readonly reason: () => Failure | undefined
  /** The attempt is over and the provider has nothing more to say: the clocks stop, and nothing is aborted. */
  readonly release: () => void
  /** Ends the attempt, whatever the provider still has to say. */
  readonly end: () => void
}

/**
 * @param deadlineMs how long the first word may take, whatever else the provider sends until then.
 */
export function createAttemptTimer(departure: ClientDisconnect, deadlineMs: number): AttemptTimer {
  const controller = new AbortController()
  let reason: Failure | undefined
  let limitMs: (() => number) | undefined
  let wordlessLimitMs = 0
  let quietMs = 0
  let wordlessMs = 0
  let waitedMs = 0
  let waitingSince: number | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let unlisten = () => {}

  const release = () => {
    clearTimeout(timer)
    unlisten()
  }
  const end = () => {
    release()
    controller.abort()
  }
  const stop = (failure: Failure) => {
    reason ??= failure
    end()
  }
  const waitMs = () => (waitingSince === undefined ? 0 : Date.now() - waitingSince)
  const leftMs = (limit: () => number) =>
    Math.min(limit() - quietMs - waitMs(), wordlessLimitMs - wordlessMs - waitMs())
  // One timer for a whole stream: it looks how long the silence has been, and sleeps for what is left.
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
  unlisten = departure.onDisconnect(() => stop(new Failure('client-left', 'The client left.')))
  return {
    signal: controller.signal,
    begin: (limit, wordlessLimit) => {
      limitMs = limit
      wordlessLimitMs = wordlessLimit
      wordlessMs = 0
      rearm()
    },
    wait: () => {
      waitingSince = Date.now()
    },
    arrived: (heard) => {
      const ms = waitMs()
      waitingSince = undefined
      waitedMs += ms
      quietMs = heard ? 0 : quietMs + ms
      wordlessMs += ms
    },
    spoke: () => {
      wordlessMs = 0
    },
    waitedMs: () => waitedMs,
    rearm,
    reason: () => reason,
    release,
    end,
  }
}
