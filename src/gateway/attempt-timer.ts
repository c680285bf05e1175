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
export class AttemptTimer {
  readonly #controller = new AbortController()
  readonly #readingOn: ReadingOn | undefined
  readonly #stopListening: (() => void) | undefined
  #endedFor: Failure | undefined
  #limitMs: (() => number) | undefined
  #pingOnlyLimitMs = 0
  #silentMs = 0
  #pingOnlyMs = 0
  #waitingSince: number | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #readOnTimer: ReturnType<typeof setTimeout> | undefined
  #isOver = false
  /** How long the provider was waited for in all, in milliseconds. */
  waitedMs = 0
  /** The client has left and the answer is read on, for its usage alone. */
  isReadingOn = false

  /**
   * @param deadlineMs how long the first meaningful event may take, whatever else the provider sends before it.
   * @param readingOn absent where a departure of the client ends the attempt.
   */
  constructor(clientDisconnect: ClientDisconnect, deadlineMs: number, readingOn?: ReadingOn) {
    this.#readingOn = readingOn
    this.#timer = setTimeout(() => this.#look(), deadlineMs)
    this.#stopListening = clientDisconnect.onDisconnect(() => this.leave())
  }

  /** Aborts the attempt's fetch. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /**
   * The first meaningful event is there: from now on silence is limited to `limitMs()` milliseconds, and messages without content to
   * `pingOnlyLimitMs`.
   */
  begin(limitMs: () => number, pingOnlyLimitMs: number): void {
    this.#limitMs = limitMs
    this.#pingOnlyLimitMs = pingOnlyLimitMs
    this.#pingOnlyMs = 0
    this.rearm()
  }

  /** To be called before each wait for the provider: a slow client does not count. */
  wait(): void {
    this.#waitingSince = Date.now()
  }

  /** The wait is over. `hasData` is false where it brought something like a comment only. */
  arrived(hasData: boolean): void {
    const ms = this.#currentWaitMs()
    this.#waitingSince = undefined
    this.waitedMs += ms
    this.#silentMs = hasData ? 0 : this.#silentMs + ms
    this.#pingOnlyMs += ms
  }

  /** What arrived last had content, and not only signs of life. */
  gotContent(): void {
    this.#pingOnlyMs = 0
  }

  /** Looks at the clock again, because the limit has become shorter. */
  rearm(): void {
    clearTimeout(this.#timer)
    if (this.#limitMs !== undefined)
      this.#timer = setTimeout(() => this.#look(), Math.max(this.#leftMs(this.#limitMs), 0))
  }

  /** Why we ended the attempt; undefined where the provider did. */
  reason(): Failure | undefined {
    return this.#endedFor
  }

  /** The client has left. False where the attempt has ended, or ends with it; otherwise it is read on. */
  leave(): boolean {
    if (this.#isOver || this.isReadingOn) return !this.#isOver
    if (this.#readingOn?.begin() !== true) {
      this.#stop(clientLeft())
      return false
    }
    this.isReadingOn = true
    // Nobody else is asked any more, so the first word has as long as all of the answer.
    if (this.#limitMs === undefined) clearTimeout(this.#timer)
    this.#readOnTimer = setTimeout(() => this.stopReadingOn(), this.#readingOn.limitMs)
    return true
  }

  /** Ends the reading on: it has become too much. */
  stopReadingOn(): void {
    this.#stop(clientLeft())
  }

  /** The attempt is over and the provider has nothing more to say: stops the timers and aborts nothing. */
  release(): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#readOnTimer)
    this.#stopListening?.()
    if (this.isReadingOn && !this.#isOver) this.#readingOn?.end()
    this.#isOver = true
  }

  /** Ends the attempt, whatever the provider still has to say. */
  end(): void {
    this.release()
    this.#controller.abort()
  }

  #stop(failure: Failure): void {
    // A provider that we stop waiting for after its client has left has done nothing wrong.
    this.#endedFor ??= this.isReadingOn ? clientLeft() : failure
    this.end()
  }

  #currentWaitMs(): number {
    return this.#waitingSince === undefined ? 0 : Date.now() - this.#waitingSince
  }

  #leftMs(limitMs: () => number): number {
    const ms = this.#currentWaitMs()
    return Math.min(limitMs() - this.#silentMs - ms, this.#pingOnlyLimitMs - this.#pingOnlyMs - ms)
  }

  /** One timer for a whole stream: it looks how long the silence has lasted, and sleeps for the rest. */
  #look(): void {
    const limitMs = this.#limitMs
    const ms = limitMs === undefined ? 0 : this.#leftMs(limitMs)
    if (ms > 0) this.#timer = setTimeout(() => this.#look(), ms)
    else {
      const text = limitMs === undefined ? 'The provider did not answer in time.' : 'The provider fell silent.'
      this.#stop(new Failure('provider-timeout', text))
    }
  }
}

export function clientLeft(): Failure {
  return new Failure('client-left', 'The client left.')
}
