/**
 * Whether the client has disconnected, and the listeners for it. A call has one of these and adds a single listener to the
 * platform's signal, because each listener there is expensive.
 */
export interface ClientDisconnect {
  readonly hasHappened: () => boolean
  /** When it has, in milliseconds since 1970; undefined before. */
  readonly happenedAt: () => number | undefined
  /** The client has disconnected; to call it again does nothing. */
  readonly report: () => void
  /** Calls `listener` when the client disconnects; at once if it already has. @returns what removes the listener. */
  readonly onDisconnect: (listener: () => void) => () => void
}

/** Follows a request's signal (compatibility flag `enable_request_signal`). */
export function watchClientDisconnect(signal: AbortSignal): ClientDisconnect {
  const disconnect = new WatchedDisconnect()
  if (signal.aborted) disconnect.report()
  else signal.addEventListener('abort', disconnect.report)
  return disconnect
}

class WatchedDisconnect implements ClientDisconnect {
  #at: number | undefined
  /** A few: the call itself, and its attempts that are under way. */
  readonly #listeners: (() => void)[] = []

  hasHappened() {
    return this.#at !== undefined
  }

  happenedAt() {
    return this.#at
  }

  readonly report = () => {
    if (this.#at !== undefined) return
    this.#at = Date.now()
    // One that is called may remove others, which are not called then.
    for (let listener = this.#listeners.shift(); listener !== undefined; listener = this.#listeners.shift()) listener()
  }

  onDisconnect(listener: () => void) {
    if (this.#at !== undefined) listener()
    else this.#listeners.push(listener)
    return () => {
      const index = this.#listeners.indexOf(listener)
      if (index >= 0) this.#listeners.splice(index, 1)
    }
  }
}
