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
  const listeners = new Set<() => void>()
  let happenedAt: number | undefined
  const report = () => {
    if (happenedAt !== undefined) return
    happenedAt = Date.now()
    for (const listener of listeners) listener()
    listeners.clear()
  }
  if (signal.aborted) report()
  else signal.addEventListener('abort', report)
  return {
    hasHappened: () => happenedAt !== undefined,
    happenedAt: () => happenedAt,
    report,
    onDisconnect: (listener) => {
      if (happenedAt !== undefined) listener()
      else listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
  }
}
