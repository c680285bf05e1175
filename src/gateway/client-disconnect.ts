/** Whether the client has disconnected, and who wants to know. One a call: each listener of the platform's own costs more. */
export interface ClientDisconnect {
  readonly hasHappened: () => boolean
  /** The client has disconnected; to call it again does nothing. */
  readonly report: () => void
  /** Calls `listener` when the client disconnects, at once if it has; until the returned function is called. */
  readonly onDisconnect: (listener: () => void) => () => void
}

/** Follows a request's signal (compatibility flag `enable_request_signal`). */
export function watchClientDisconnect(signal: AbortSignal): ClientDisconnect {
  const listeners = new Set<() => void>()
  let hasHappened = false
  const report = () => {
    if (hasHappened) return
    hasHappened = true
    for (const listener of listeners) listener()
    listeners.clear()
  }
  if (signal.aborted) report()
  else signal.addEventListener('abort', report)
  return {
    hasHappened: () => hasHappened,
    report,
    onDisconnect: (listener) => {
      if (hasHappened) listener()
      else listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
  }
}
